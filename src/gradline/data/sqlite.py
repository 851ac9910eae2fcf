"""SQLite, where each cell has a type of its own: a column gets one that holds all its cells."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from gradline.core.errors import FileError
from gradline.data.connection import Connection, Rows, quoted
from gradline.data.schema import LARGEST_INTEGER, Column, Kind

_ROWS = 1 << 14  # at a time
_VIEW = "gradline_rows"
_WIDTH = 250  # columns whose cells one SELECT counts: SQLite takes 2,000 results


@contextmanager
def sqlite(path: Path) -> Iterator[Connection]:
    """The database that is a file, opened for reading."""
    path = path.absolute()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as base:
        base.execute("PRAGMA trusted_schema = OFF")  # a view in it may call whatever is loaded
        yield _Sqlite(base, path)


class _Sqlite(Connection):
    """SQLite, where each cell has a type: a column gets one that holds all its cells, text where they differ."""

    def __init__(self, base: sqlite3.Connection, path: Path) -> None:
        self._base, self._path = base, path

    def tables(self) -> dict[str, str]:
        """See `Connection`."""
        try:
            found = self._base.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) != 'sqlite_'"
            ).fetchall()
        except sqlite3.DatabaseError as error:
            raise FileError(
                "file-damaged", f"{self._path.name} is no SQLite database: {error}", "copy it again"
            ) from error
        return {name: quoted(name) for (name,) in found}

    def rows(self, select: str) -> Rows:
        """See `Connection`; types and rows are read in one transaction."""
        self._base.execute("BEGIN")
        self._base.execute(
            f"CREATE TEMP VIEW {_VIEW} AS {select}"
        )  # which knows the types declared for columns
        about = self._base.execute(f"PRAGMA temp.table_info({_VIEW})").fetchall()
        self._base.execute("PRAGMA query_only = 1")
        found = self._cells([name for _, name, *_ in about])
        columns = [
            _Column.of(name, kind.upper(), own) for (_, name, kind, *_), own in zip(about, found, strict=True)
        ]
        cursor = self._base.execute(select)
        schema = {column.name: column.dtype for column in columns}

        def frames() -> Iterator[pl.DataFrame]:
            while rows := cursor.fetchmany(_ROWS):
                series = [
                    column.series(cells)
                    for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
                ]
                yield pl.DataFrame(series, schema=schema)

        return Rows(frames(), {column.name: column.known for column in columns if column.known})

    def _cells(self, names: Sequence[str]) -> list["_Cells"]:
        """What the cells of each column are."""
        found: list[_Cells] = []
        for first in range(0, len(names), _WIDTH):
            asked = []
            for name in map(quoted, names[first : first + _WIDTH]):
                asked += [f"SUM(typeof({name}) = '{kind}')" for kind in ("integer", "real", "text", "blob")]
                whole = f"CASE WHEN typeof({name}) = 'integer' THEN {name} END"
                asked += [f"MIN({whole})", f"MAX({whole})"]
            told = [
                cell or 0 for cell in self._base.execute(f"SELECT {', '.join(asked)} FROM {_VIEW}").fetchone()
            ]
            found += [_Cells(*told[i : i + 6]) for i in range(0, len(told), 6)]
        return found


class _Cells(NamedTuple):
    """How many cells of a column are of each type, and the least and the largest of its integers."""

    integers: int
    reals: int
    texts: int
    blobs: int
    lowest: int
    highest: int


class _Column(NamedTuple):
    """A column: the type that holds all its cells, and what is known of it that the type does not say."""

    name: str
    dtype: pl.DataType
    known: Column | None = None

    @classmethod
    def of(cls, name: str, declared: str, found: _Cells) -> "_Column":
        """The column, by what was declared and what its cells are.

        Text in a column that is declared numeric makes no category of it: its cells are refused where they are used.
        """
        is_number = any(word in declared for word in ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC"))
        beyond = max(-found.lowest, found.highest) > LARGEST_INTEGER
        if found.blobs:
            return cls(name, pl.String(), Column(Kind.OTHER, "holds binary data"))
        if found.texts:
            is_number |= not declared and found.integers + found.reals > found.texts
            return cls(name, pl.String(), Column(Kind.NUMBER if is_number else Kind.TEXT))
        if (
            "BOOL" in declared
            and not found.reals
            and (found.lowest, found.highest) in ((0, 0), (0, 1), (1, 1))
        ):
            return cls(name, pl.Boolean())
        if found.reals:
            return cls(name, pl.String(), Column(Kind.NUMBER)) if beyond else cls(name, pl.Float64())
        return cls(name, pl.Int64() if found.integers else pl.Null())

    def series(self, given: tuple[object, ...]) -> pl.Series:
        """Some cells."""
        make = {pl.String(): str, pl.Boolean(): bool}.get(self.dtype)
        if make is not None:
            given = tuple(None if cell is None or isinstance(cell, bytes) else make(cell) for cell in given)
        return pl.Series(self.name, given, self.dtype)
