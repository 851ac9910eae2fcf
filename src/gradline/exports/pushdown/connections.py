"""Both queries on an open connection: columns and levels are asked for, then sums, then residuals."""

from collections.abc import Sequence
from contextlib import closing, nullcontext
from typing import Any

from gradline.core.errors import RequestError, UsageError
from gradline.core.text import listed, said
from gradline.data.schema import Kind
from gradline.exports.pushdown.answers import Answer, asked_at, moments_of, proved_by
from gradline.exports.pushdown.chosen_columns import chosen_columns
from gradline.exports.pushdown.queries import PushedTable
from gradline.exports.pushdown.warehouses import Warehouse, warehouse_named
from gradline.moments.state import Moments

# How the types of columns begin, in small letters.
_NUMBERS = (
    "double",
    "float",
    "real",
    "decimal",
    "numeric",
    "bigint",
    "int",
    "smallint",
    "tinyint",
    "hugeint",
)
_NUMBERS += ("ubigint", "uinteger", "usmallint", "utinyint", "uhugeint")
_WORDS = ("varchar", "text", "char", "enum", "user-defined", "string", "name")
_MODULES = {"duckdb": "duckdb", "_duckdb": "duckdb", "psycopg": "postgres", "psycopg2": "postgres"}
_MODULES |= {"adbc_driver_postgresql": "postgres", "adbc_driver_manager": "postgres", "sqlite3": "sqlite"}


def moments(
    connection: Any,
    table: str | Sequence[str],
    targets: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    missing: str = "error",
    dialect: str | None = None,
) -> Moments:
    """The moments of a table that stays in its database, and the residuals that prove the answer from them.

    The database runs two SELECTs over all rows. The first gives n, ranges, Σ d and Σ d·dᵀ for d = (x, y) less its mean
    there; the second, at the coefficients that follow, Σ r, Σ d·r and Σ r², in groups of rows. Nobody knows in what
    order a database adds, so the sums are known to as many roundings as there are rows in one; the second ones then
    correct the answer and bound what is left (corrected seminormal equations, Björck 1987). Use it for rows that may
    not leave: reading them is faster, and exact.

    Parameters:
    - `connection`: an open connection of DuckDB, PostgreSQL (psycopg, ADBC) or SQLite. Nothing is written.
    - `table`: its name, or the names of schema and table: `("shop", "sales")`.
    - `targets`: the name of the target column, or several.
    - `features`, `exclude`: which columns take part; by default all but the targets. Text is a category, the first
      level the base; dates are left out.
    - `missing`: "error" (default) refuses rows with missing cells, "drop" leaves them out.
    - `dialect`: that of the connection, None (default) where its module tells.

    Returns moments that name the database and have no fingerprint of the rows; `gradline.fit` certifies them by the
    residuals, for a fit with a bias of all their columns. Raises `DataError` for missing cells and dependent columns,
    `RequestError` for an unknown table or column, and what the database refuses as one.

    >>> import duckdb
    >>> import gradline.sql
    >>> base = duckdb.connect()
    >>> _ = base.execute("CREATE TABLE sales AS SELECT i AS x, 2.0 * i + i % 3 AS y FROM range(100) AS r(i)")
    >>> state = gradline.sql.moments(base, "sales", "y")
    >>> model = gradline.fit(state)
    >>> model.weight.round(3).tolist(), model.certificate.status
    ([[2.0]], 'certified')
    """
    warehouse = warehouse_named(dialect or _dialect_of(connection))
    names = (table,) if isinstance(table, str) else tuple(table)
    asked = _Asked(connection, warehouse)
    design = chosen_columns(
        ".".join(names),
        asked.columns(names),
        lambda name: asked.levels(names, name),
        targets,
        features,
        exclude,
    )
    pushed = PushedTable(warehouse, names, design)
    state = moments_of(pushed, asked.rows(pushed.moments()), missing)
    return proved_by(state, asked.rows(pushed.residuals(state, asked_at(state))))


class _Asked:
    """A connection that answers SELECTs with rows by the names of their columns."""

    def __init__(self, connection: Any, warehouse: Warehouse) -> None:
        # A cursor of DuckDB is a connection of its own, which sees no temporary table.
        is_duckdb = type(connection).__module__.split(".")[0] in ("duckdb", "_duckdb")
        self._cursor = (
            (lambda: nullcontext(connection)) if is_duckdb else (lambda: closing(connection.cursor()))
        )
        self._sql = warehouse.sql

    def rows(self, select: str) -> Answer:
        """The rows of a SELECT."""
        try:
            with self._cursor() as cursor:
                cursor.execute(select.rstrip().rstrip(";"))
                names = [column[0].lower() for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except Exception as error:  # each driver has its own
            raise RequestError(
                "database-refused",
                f"{self._sql.title} refuses the query: {said(error)}",
                "mend the table or the rights",
            ) from error

    def columns(self, table: Sequence[str]) -> dict[str, Kind]:
        """The kind of each column."""
        *schema, name = (self._sql.text(part) for part in table)
        if self._sql.title == "SQLite":
            select = f"SELECT name AS column_name, type AS data_type FROM pragma_table_info({name})"
        else:
            within = "table_schema = current_schema()" if not schema else f"table_schema = {schema[-1]}"
            select = (
                "SELECT column_name, data_type FROM information_schema.columns "
                f"WHERE table_name = {name} AND {within} ORDER BY ordinal_position"
            )
        found = {row["column_name"]: _kind(row["data_type"].lower()) for row in self.rows(select)}
        if not found:
            raise RequestError(
                "table-unknown",
                f"there is no table {'.'.join(table)}",
                "name its schema too, if it has another one",
            )
        return found

    def levels(self, table: Sequence[str], column: str) -> list[str]:
        """The words of a column."""
        word = self._sql.word.format(f"t.{self._sql.name(column)}")
        name = ".".join(map(self._sql.name, table))
        found = [row["level"] for row in self.rows(f"SELECT DISTINCT {word} AS level FROM {name} AS t")]
        return [level for level in found if level is not None]


def _kind(declared: str) -> Kind:
    if declared.startswith("bool"):
        return Kind.BOOLEAN
    if declared.startswith("interval"):
        return Kind.OTHER
    if declared.startswith(_NUMBERS):
        return Kind.NUMBER
    return Kind.TEXT if declared.startswith(_WORDS) else Kind.OTHER


def _dialect_of(connection: Any) -> str:
    module = type(connection).__module__.split(".")[0]
    if module not in _MODULES:
        raise UsageError(
            "dialect-invalid",
            f"nothing is known of a connection of {module}",
            f"say what it speaks: dialect='postgres'; there are {listed(['duckdb', 'postgres', 'sqlite'])}",
        )
    return _MODULES[module]
