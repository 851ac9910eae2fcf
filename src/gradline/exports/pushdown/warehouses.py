"""The databases that can add up rows themselves: how each writes SQL, tells NaN, and deals rows into groups."""

from collections.abc import Callable
from dataclasses import dataclass

from gradline.core.errors import RequestError, UsageError
from gradline.exports.dialects import DIALECTS, Dialect

GROUPS = 1024  # of residuals: each is added up by itself, so of a billion rows a sum has a million roundings


@dataclass(frozen=True)
class Warehouse:
    """A database's SQL, as `Dialect` has it, and what sums over rows need besides.

    - `known`: a double `{}`, or NULL where it is no number.
    - `group`: the number of a group, from 0 to `GROUPS` − 1, anew for each row. Which rows are together does not
      matter: how many they are is counted.
    - `widest`: the most columns of an answer, None where no such number is known.
    """

    sql: Dialect
    known: str
    group: str
    widest: int | None = None


def _escaped(mark: str) -> Callable[[str], str]:
    """Quoted where a backslash says that the next character is meant."""

    def quote(word: str) -> str:
        if "\0" in word:
            raise RequestError(
                "nul-in-name", f"{word!r} holds the character U+0000, which no SQL can hold", "rename it"
            )
        for plain, written in (("\\", "\\\\"), (mark, f"\\{mark}"), ("\n", "\\n"), ("\r", "\\r")):
            word = word.replace(plain, written)
        return f"{mark}{word}{mark}"

    return quote


def _cast(kind: str) -> Callable[[float], str]:
    """A float64 from its shortest digits as text: a bare literal may be an exact decimal."""
    return lambda value: f"CAST('{float(value)!r}' AS {kind})"


_SNOWFLAKE = Dialect(
    "Snowflake",
    DIALECTS["duckdb"].name,
    _escaped("'"),
    _cast("DOUBLE"),
    "CAST({} AS DOUBLE)",
    "TRIM(CAST({} AS VARCHAR))",
    str,
)
_BIGQUERY = Dialect(
    "BigQuery",
    _escaped("`"),
    _escaped("'"),
    _cast("FLOAT64"),
    "CAST({} AS FLOAT64)",
    "TRIM(CAST({} AS STRING))",
    str.casefold,
)
_DATABRICKS = Dialect(
    "Databricks",
    DIALECTS["mysql"].name,
    _escaped("'"),
    _cast("DOUBLE"),
    "CAST({} AS DOUBLE)",
    "TRIM(CAST({} AS STRING))",
    str.casefold,
)
_NAN = "NULLIF({}, CAST('NaN' AS double precision))"  # which all but BigQuery take for equal to itself
_NAN_DOUBLE = "NULLIF({}, CAST('NaN' AS DOUBLE))"

WAREHOUSES = {
    "duckdb": Warehouse(DIALECTS["duckdb"], _NAN_DOUBLE, f"CAST(FLOOR(RANDOM() * {GROUPS}) AS INTEGER)"),
    "postgres": Warehouse(DIALECTS["postgres"], _NAN, f"CAST(FLOOR(RANDOM() * {GROUPS}) AS integer)", 1664),
    "sqlite": Warehouse(DIALECTS["sqlite"], "{}", f"ABS(RANDOM() % {GROUPS})", 2000),  # it has no NaN
    "snowflake": Warehouse(_SNOWFLAKE, _NAN_DOUBLE, f"UNIFORM(0, {GROUPS - 1}, RANDOM())"),
    "bigquery": Warehouse(
        _BIGQUERY, "IF(IS_NAN({0}), NULL, {0})", f"CAST(FLOOR(RAND() * {GROUPS}) AS INT64)", 10_000
    ),
    "databricks": Warehouse(_DATABRICKS, _NAN_DOUBLE, f"CAST(FLOOR(RAND() * {GROUPS}) AS INT)"),
}


def warehouse_named(name: str) -> Warehouse:
    """The database of this name. Raises `UsageError` for one that is not in `WAREHOUSES`."""
    if name not in WAREHOUSES:
        raise UsageError("dialect-invalid", f"the dialect is {name!r}", f"use {', '.join(WAREHOUSES)}")
    return WAREHOUSES[name]
