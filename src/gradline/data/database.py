"""Databases by URL: a table or the rows of a SELECT, read once on a connection that cannot write, and kept on disk.

A query that is run again may give other rows, or the same in another order. So it is run once, in one transaction, and
what comes goes to a temporary file without a name, from which every pass over the rows reads.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gradline.core.derived import cached_property
from gradline.core.errors import FileError, GradlineError, Notice, RequestError
from gradline.core.text import listed, nearest, said
from gradline.data.arrow_stream import ArrowStreamSource, frames_of, kept
from gradline.data.columnar import FAULTS
from gradline.data.connection import Connection, Rows, file_of, quoted
from gradline.data.extras import expect_extra
from gradline.data.notation import FOUND, Text
from gradline.data.source import Inner
from gradline.data.table import Table, without_password


@dataclass(frozen=True)
class Database(Inner):
    """The rows of a table or a SELECT of a database."""

    url: str
    named: str  # without what must not be shown
    asked: Table
    read: Text = FOUND

    @property
    def name(self) -> str:  # type: ignore[override]
        """What messages call it."""
        if self.asked.query is not None:
            return f"the query of {self.named}"
        return self.named if self.asked.table is None else f"{self.asked.table} of {self.named}"

    def within(self, table: Table) -> "Database":
        """The table or the SELECT that is asked for. Raises `RequestError` for both at once, and for a sheet."""
        if table.sheet is not None:
            raise RequestError("place-unknown", f"{self.name} is a database, no workbook", "use --table NAME")
        if table.table is not None and table.query is not None:
            raise RequestError("place-ambiguous", "a table and a query were given", "give one of the two")
        return replace(self, asked=table)

    def told(self, read: Text) -> "Database":
        """See `Source`."""
        return replace(self, read=read)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Which table was read, where none was asked for."""
        if self.asked.place:
            return ()
        _ = self.found
        return (Notice("table-chosen", f"{self.name}: read its only table, {self._read[1]}"),)

    @property
    def found(self) -> ArrowStreamSource:
        """See `Inner`."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[ArrowStreamSource, str]:
        scheme, _, rest = self.url.partition(":")
        with DRIVERS[scheme](rest if scheme in _FILES else self.url) as base:
            try:
                table, select = self._select(base)
                frames, declared = base.rows(select)
            except GradlineError:
                raise
            except (*FAULTS, Exception) as error:  # each driver has its own
                raise self._failed(error) from error
            found = kept(frames, self.name, self._failed)
        return replace(found, declared={**declared, **found.declared}).told(self.read), table

    def _select(self, base: Connection) -> tuple[str, str]:
        """The table that is meant, and the SELECT of its rows."""
        if self.asked.query is not None:
            return "", self.asked.query.strip().rstrip(";")
        tables = base.tables()
        name = self.asked.table
        if name is None:
            if len(tables) != 1:
                raise RequestError(
                    "table-not-named",
                    f"{self.name} holds {f'the tables {listed(tables)}' if tables else 'no table'}",
                    "name one with --table, or its rows with --query 'SELECT …' (gradline.Table(…) in Python)",
                )
            (name,) = tables
        if name not in tables:
            raise RequestError(
                "table-unknown",
                f"{self.named} has no table {name}",
                nearest(name, list(tables), "the tables are"),
            )
        return name, f"SELECT * FROM {tables[name]}"

    def _failed(self, error: BaseException) -> FileError:
        return FileError(
            "database-unreadable",
            f"{self.name} cannot be read: {said(error)}",
            "mend the query or the connection",
        )


@contextmanager
def _sqlite(rest: str) -> Iterator[Connection]:
    from gradline.data.sqlite import sqlite  # noqa: PLC0415 - it loads SQLite

    with sqlite(file_of(rest)) as base:
        yield base


@contextmanager
def _duckdb(rest: str) -> Iterator[Connection]:
    path = file_of(rest)
    expect_extra("databases", "a DuckDB database", "duckdb")
    import duckdb  # noqa: PLC0415 - only for its databases

    atexit.unregister(gc.freeze)  # what is not collected at the end, duckdb calls a leak, on stderr
    try:
        # A view in it may name any file or address, and functions of any extension.
        base = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
    except duckdb.Error as error:
        raise FileError(
            "database-unreadable", f"{path} cannot be opened: {said(error)}", "check the file"
        ) from error
    with closing(base):
        yield _DuckDB(base)


class _DuckDB(Connection):
    """DuckDB, whose results are Arrow streams."""

    def __init__(self, base: Any) -> None:
        self._base = base

    def tables(self) -> dict[str, str]:
        """See `Connection`."""
        return _in_schemas(
            self._base.execute(
                "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"
            ).fetchall(),
            "main",
        )

    def rows(self, select: str) -> Rows:
        """See `Connection`."""
        (statement,) = self._base.extract_statements(select) or (None,)
        if statement is None or statement.type.name != "SELECT":
            raise ValueError("it is no single SELECT")
        return Rows(frames_of(self._base.sql(select)), {})


@contextmanager
def _postgresql(url: str) -> Iterator[Connection]:
    expect_extra("databases", "a PostgreSQL database", "adbc_driver_postgresql")
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - only for its databases

    try:
        base = dbapi.connect(url)
    except dbapi.Error as error:
        raise FileError(
            "database-unreadable",
            f"{without_password(url)} cannot be reached: {said(error)}",
            "check the server and the URL",
        ) from error
    cursor = base.cursor()
    try:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # So that rows without an ORDER BY come as they lie, whoever else reads them.
        cursor.execute("SET LOCAL synchronize_seqscans = off")
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        yield _PostgreSQL(cursor)
    finally:
        cursor.close()
        base.close()


class _PostgreSQL(Connection):
    """PostgreSQL by ADBC, whose results are Arrow streams."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def tables(self) -> dict[str, str]:
        """See `Connection`."""
        self._cursor.execute(
            "SELECT table_schema::text, table_name::text FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        return _in_schemas(self._cursor.fetchall(), "public")

    def rows(self, select: str) -> Rows:
        """See `Connection`."""
        self._cursor.execute(select)
        return Rows(frames_of(self._cursor.fetch_arrow()), {})


def _in_schemas(found: list[tuple[str, str]], usual: str) -> dict[str, str]:
    """Tables, with the name of their schema where that is not the usual one."""
    return {
        (table if schema == usual else f"{schema}.{table}"): quoted(schema, table) for schema, table in found
    }


DRIVERS = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgresql,
    "postgres": _postgresql,
}
_FILES = ("sqlite", "duckdb")


def database(url: str) -> Database:
    """The database of a URL."""
    return Database(url, without_password(url), Table(url))


def of_file(scheme: str, path: Path, name: str) -> Database:
    """The database that is a file."""
    return Database(f"{scheme}:{path}", name, Table(name))


sqlite_file = partial(of_file, "sqlite")
duckdb_file = partial(of_file, "duckdb")
