"""What every source of rows offers, how cells become numbers or words, and how far the reading has come."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gradline.core.errors import DataError
from gradline.data.schema import LARGEST_INTEGER, Column, Kind

MISSING_WORDS = ("", "na", "n/a", "#n/a", "nan", "null", "none")  # trimmed, in any case
TRUTH_WORDS = ("true", "false")


class Batch(NamedTuple):
    """Some consecutive rows: Float64 and String columns, missing cells null.

    `place(i)` says where row i of this batch stands, in the user's words ("line 17 of crops.csv").
    """

    frame: pl.DataFrame
    place: Callable[[int], str]

    def where(self, rows: pl.Series) -> "Batch":
        """The rows for which the mask is true; each still knows its place."""
        if rows.all():
            return self
        kept = rows.arg_true()
        return Batch(self.frame.filter(rows), lambda row: self.place(int(kept[row])))

    def part(self, rows: slice) -> "Batch":
        """The rows of a slice from its start on; each still knows its place."""
        return Batch(self.frame[rows], lambda row: self.place(rows.start + row))

    def chunks(self) -> Iterator["Batch"]:
        """The rows in parts that lie each in one piece of memory."""
        lengths = self.frame.to_series().chunk_lengths()
        if len(lengths) < 2:
            yield self
            return
        yield from (self.part(slice(*rows)) for rows in pairwise([0, *accumulate(lengths)]))

    @property
    def complete(self) -> pl.Series:
        """Which rows have no missing cell."""
        mask = pl.Series(np.ones(self.frame.height, bool))
        for column in self.frame:
            if column.null_count():
                mask &= column.is_not_null()
        return mask

    def codes(self, column: str, levels: Sequence[str]) -> np.ndarray:
        """The places of a text column's cells among the levels, −1 for a cell that is none of them."""
        cells = self.frame[column].cast(pl.Enum(levels), strict=False)
        return cells.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()

    @classmethod
    def of(
        cls, columns: Iterable[pl.Series], kinds: Mapping[str, "Kind"], place: Callable[[int], str]
    ) -> "Batch":
        """The columns as they came from a reader, each turned into the kind given."""
        return cls(pl.DataFrame([converted(c, kinds[c.name], place) for c in columns]), place)


class Source(ABC):
    """A table that can be read again and again, in batches, never whole; `name` is what messages call it."""

    name: str

    @abstractmethod
    def names(self) -> list[str]:
        """The columns' names in their order, which a file tells without its cells being looked at."""

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

    def assume_finite(self) -> "Source | None":
        """The same table, its numbers not looked at one by one; None where they must be to become numbers."""
        return None


def converted(series: pl.Series, kind: Kind, place: Callable[[int], str]) -> pl.Series:
    """The column as numbers or as words."""
    return numbers(series, place) if kind == Kind.NUMBER else words(series)


def numbers(series: pl.Series, place: Callable[[int], str]) -> pl.Series:
    """The column as Float64 with null for missing.

    Raises `DataError` with column, place and value for text, infinities and integers beyond 2^53.
    """
    dtype = series.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _parsed(words(series), place)
    if dtype == pl.Null or dtype == pl.Boolean:
        return series.cast(pl.Float64)
    if dtype.is_integer():
        if max(abs(series.min() or 0), abs(series.max() or 0)) > LARGEST_INTEGER:  # type: ignore[arg-type]
            wide = series.cast(pl.Int128)  # comparing in the column's own type could overflow
            _refuse_first(series, (wide > LARGEST_INTEGER) | (wide < -LARGEST_INTEGER), place, _BEYOND)
        return series.cast(pl.Float64)
    if not (dtype.is_float() or dtype.is_decimal()):
        raise DataError(
            "column-not-numeric",
            f"column {series.name} holds {dtype}, not numbers",
            "turn it into numbers first, or exclude it",
        )
    values = series.cast(pl.Float64)
    if math.isfinite(values.sum()):  # one fast look: none of them is NaN or infinite
        return values
    values = values.fill_nan(None)
    _refuse_first(values, values.is_infinite(), place, _INFINITE)
    return values


def words(series: pl.Series) -> pl.Series:
    """The column as trimmed text with null for missing; true and false in one spelling, as typed files have."""
    trimmed = series.cast(pl.String).str.strip_chars()
    lower = trimmed.str.to_lowercase()
    trimmed = trimmed.set(lower.is_in(MISSING_WORDS).fill_null(True), None)
    return lower.zip_with(lower.is_in(TRUTH_WORDS).fill_null(False), trimmed)


class CellFault(NamedTuple):
    """Why a cell is no number that a model can use."""

    code: str
    what: str
    remedy: str


_BEYOND = CellFault(
    "integer-beyond-float64",
    "an integer beyond 2^53 = 9,007,199,254,740,992, where float64 no longer holds every integer",
    "exclude the column if it is an identifier; subtract an offset or rescale it if it is a measurement",
)
_INFINITE = CellFault(
    "value-infinite",
    "an infinite number, which no line can follow",
    "mend the cell or leave it empty and add --missing drop",
)
_NOT_A_NUMBER = CellFault(
    "text-in-number-column",
    "text in a numeric column",
    "mend the cell, leave it empty and add --missing drop, or leave the column out",
)


def _parsed(text: pl.Series, place: Callable[[int], str]) -> pl.Series:
    values = text.cast(pl.Float64, strict=False)
    _refuse_first(text, values.is_null() & text.is_not_null(), place, _NOT_A_NUMBER)
    values = values.fill_nan(None)
    _refuse_first(text, values.is_infinite(), place, _INFINITE)
    # 2^53 + 1 is read as 2^53, so the border itself is looked at too, digit by digit.
    large = (values.abs() >= LARGEST_INTEGER).fill_null(False) & text.str.contains(r"^[+-]?\d+$")
    if large.any():
        beyond = [
            bool(is_large) and abs(int(cell)) > LARGEST_INTEGER
            for cell, is_large in zip(text, large, strict=True)
        ]
        _refuse_first(text, pl.Series(beyond), place, _BEYOND)
    return values


def _refuse_first(shown: pl.Series, wrong: pl.Series, place: Callable[[int], str], fault: CellFault) -> None:
    wrong = wrong.fill_null(False)
    if wrong.any():
        row = wrong.arg_max() or 0
        where = f"column {shown.name}, {place(row)}"
        raise DataError(fault.code, f"{where}: {shown[row]!r} is {fault.what}", fault.remedy)


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
