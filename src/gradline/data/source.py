"""What every source of rows offers, batch by batch, and how far the reading has come."""

import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gradline.core.errors import Notice, RequestError
from gradline.data.cells import MISSING_WORDS, PLAIN, TYPED, Place, Spelling, converted
from gradline.data.columns import SAMPLE
from gradline.data.notation import OF_CELLS, OF_TEXT, Text
from gradline.data.schema import Column, Kind
from gradline.data.table import Table


class Batch(NamedTuple):
    """Some consecutive rows: Float64 and String columns, missing cells null.

    `place(i)` says where row i of this batch stands, in the user's words ("line 17 of crops.csv").
    """

    frame: pl.DataFrame
    place: Place

    def where(self, rows: pl.Series) -> "Batch":
        """The rows for which the mask is true; each still knows its place."""
        if rows.all():
            return self
        kept = rows.arg_true()
        return Batch(self.frame.filter(rows), lambda row: self.place(int(kept[row])))

    def without(self, masks: Iterable[np.ndarray]) -> "Batch":
        """The rows for which none of the masks (n,) is true."""
        gone = np.logical_or.reduce([np.zeros(self.frame.height, bool), *masks])
        return self.where(pl.Series(~gone))

    def part(self, rows: slice) -> "Batch":
        """The rows of a slice from its start on; each still knows its place."""
        return Batch(self.frame[rows], lambda row: self.place(rows.start + row))

    def only(self, columns: list[str]) -> "Batch":
        """The same rows with just these columns."""
        return self if columns == self.frame.columns else Batch(self.frame[columns], self.place)

    def chunks(self) -> Iterator["Batch"]:
        """The rows in parts that lie each in one piece of memory."""
        lengths = self.frame.to_series().chunk_lengths()
        if len(lengths) < 2:
            yield self
            return
        yield from (self.part(slice(*rows)) for rows in pairwise([0, *accumulate(lengths)]))

    @classmethod
    def joined(cls, batches: Sequence["Batch"]) -> "Batch":
        """The rows of several batches in one; each still knows its place."""
        if len(batches) == 1:
            return batches[0]
        ends = list(accumulate(batch.frame.height for batch in batches))

        def place(row: int) -> str:
            which = bisect_right(ends, row)
            return batches[which].place(row - (ends[which - 1] if which else 0))

        return cls(pl.concat([batch.frame for batch in batches]), place)

    @property
    def complete(self) -> pl.Series:
        """Which rows have no missing cell."""
        mask = pl.Series(np.ones(self.frame.height, bool))
        for column in self.frame:
            if column.null_count():
                mask &= column.alias(PLAIN).is_not_null()
        return mask

    def levels(self, column: str) -> list[str]:
        """The different cells of a text column, in any order, without missing ones."""
        return self.frame[column].alias(PLAIN).drop_nulls().unique().to_list()

    def codes(self, column: str, levels: Sequence[str]) -> np.ndarray:
        """The places of a text column's cells among the levels, −1 for a cell that is none of them."""
        cells = self.frame[column].alias(PLAIN).cast(pl.Enum(levels), strict=False)
        return cells.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()

    def part_of_date(self, column: str, part: str) -> np.ndarray:
        """The year, the month, or the days since 1970-01-01 of a column of moments."""
        moments = self.frame[column].alias(PLAIN).dt
        if part == "days":
            return moments.epoch("us").to_numpy() / 86_400e6
        return getattr(moments, part)().cast(pl.Float64).to_numpy()

    @classmethod
    def of(
        cls, columns: Iterable[pl.Series], kinds: Mapping[str, Kind], place: Place, spelling: Spelling = TYPED
    ) -> "Batch":
        """The columns as they came from a reader, each turned into the kind given."""
        # By their names: in a list polars would give a column with an empty name another one.
        return cls(
            pl.DataFrame({c.name: converted(c, kinds[c.name], place, spelling) for c in columns}), place
        )


FileRows = tuple[int, int]  # the number of a file among others, and of its rows that follow one another


class Source(ABC):
    """A table that can be read again and again, in batches, never whole; `name` is what messages call it."""

    name: str
    spelling: Spelling = TYPED  # of its text

    def names(self) -> list[str]:
        """The columns' names in their order, which many a file tells without its cells being looked at."""
        return list(self.schema())

    def common_names(self) -> set[str]:
        """The columns that each of its files has."""
        return set(self.names())

    @abstractmethod
    def schema(self) -> dict[str, Column]:
        """The columns in their order."""

    @abstractmethod
    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in order, with just these columns, each read as the kind given."""

    @property
    def height(self) -> int | None:
        """How many rows there are, where that is known before they are read."""
        return None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of how the table was found, and how it is written where that is in doubt."""
        return ()

    @property
    def may_tell(self) -> frozenset[str]:
        """What somebody may tell of how it is written, as fields of `Text`: of typed tables, how their text is."""
        return OF_CELLS

    @property
    def is_text(self) -> bool:
        """Whether all its cells are text, and stand in lines."""
        return self.may_tell == OF_TEXT

    @property
    def files(self) -> "tuple[Source, ...]":
        """The files of which it is made, itself where it is one."""
        return (self,)

    def batches_by_file(self, columns: Mapping[str, Kind]) -> Iterator[tuple[Batch, list[FileRows]]]:
        """The same batches, each with the files among `files` that its rows are of, in turn."""
        for batch in self.batches(columns):
            yield batch, [(0, batch.frame.height)]

    def last_cells(self, columns: Sequence[str]) -> Sequence[str | None]:
        """The cells of the last row as text, None for one that is missing; where that is sooner found, as it stands."""
        read = self.batches(dict.fromkeys(columns, Kind.TEXT))
        *_, last = (batch.frame for batch in read if batch.frame.height)
        return [last[name].alias(PLAIN)[-1] for name in columns]

    def told(self, read: Text) -> "Source":  # noqa: ARG002
        """The same table, its text written as somebody says."""
        return self

    def first_cells(self, column: str) -> list[str]:
        """The cells of a column of text that show how it is written: those of the first batch that has any."""
        for batch in self.batches({column: Kind.TEXT}):
            if cells := batch.frame[column].alias(PLAIN).drop_nulls().head(SAMPLE).to_list():
                return cells
        return []

    def missing_words(self) -> list[str]:
        """The words that count as missing: those that were told, or the usual ones as they stand there, by one pass."""
        spelling = self.spelling
        if spelling.missing is not None:
            return [word for word in spelling.missing if word]
        kinds = {name: Kind.TEXT for name, column in self.schema().items() if column.kind != Kind.OTHER}
        found: dict[str, None] = {}
        for batch in self.told(replace(spelling.read, na=("",))).batches(kinds):
            for cells in batch.frame:
                words = cells.alias(PLAIN).unique(maintain_order=True)
                found |= dict.fromkeys(words.filter(words.str.to_lowercase().is_in(MISSING_WORDS)))
        return list(found)

    def places(self, table: Table) -> "tuple[Source, ...]":
        """The tables that are asked for inside of this, several where a pattern names them."""
        return (self.within(table),)

    def within(self, table: Table) -> "Source":
        """The table that is asked for inside of this. Raises `RequestError` where there is no such thing."""
        if not table.place:
            return self
        given = ", ".join(f"--{name}" for name in table.place)
        raise RequestError(
            "place-unknown",
            f"{given} was given, and {self.name} is neither a workbook nor a database",
            f"leave out {given}",
        )

    def assume_finite(self) -> "Source | None":
        """The same table, its numbers not looked at one by one; None where they must be to become numbers."""
        return None


class Inner(Source):
    """A table inside of something else, looked for when it is first asked for."""

    @property
    @abstractmethod
    def found(self) -> Source:
        """The table itself."""

    def names(self) -> list[str]:
        """See `Source`."""
        return self.found.names()

    def common_names(self) -> set[str]:
        """See `Source`."""
        return self.found.common_names()

    def schema(self) -> dict[str, Column]:
        """See `Source`."""
        return self.found.schema()

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """See `Source`."""
        return self.found.batches(columns)

    @property
    def height(self) -> int | None:
        """See `Source`."""
        return self.found.height

    @property
    def may_tell(self) -> frozenset[str]:
        """See `Source`."""
        return self.found.may_tell

    @property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """See `Source`."""
        return self.found.spelling

    def assume_finite(self) -> Source | None:
        """See `Source`."""
        return self.found.assume_finite()


class Meter:
    """Bytes of files, as they lie on disk, that one pass over them has read so far."""

    def __init__(self) -> None:
        self._sizes: dict[Path, int] = {}
        self._read: dict[Path, int] = {}
        self._began = 0.0

    def expect(self, path: Path) -> None:
        """This file will be read, from its first byte to its last, perhaps several times."""
        self._sizes[path] = path.stat().st_size

    def begin(self, path: Path) -> None:
        """The file is read from its first byte on; one that was begun before begins a new pass."""
        if not self._read or path in self._read:
            self._read, self._began = {}, time.monotonic()
        self._read[path] = 0

    def reach(self, path: Path, share: float) -> None:
        """This share of the file has been read."""
        self._read[path] = int(share * self._sizes.get(path, 0))

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return sum(self._sizes.values())

    @property
    def read(self) -> int:
        """The bytes of the present pass."""
        return sum(self._read.values())

    @property
    def left(self) -> float:
        """The seconds that the rest of the pass will take at its speed so far."""
        share = self.read / self.total if self.total else 1.0
        return (time.monotonic() - self._began) * (1 / share - 1) if share else 0.0


METER = Meter()  # of the process: what reads and what shows are far apart
