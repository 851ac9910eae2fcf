"""What every source of rows offers, and how cells become numbers or words: one rule for all formats."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol

import polars as pl

from gradline.core.errors import DataError

MISSING_WORDS = ("", "na", "n/a", "#n/a", "nan", "null", "none")  # trimmed, in any case
TRUTH_WORDS = ("true", "false")
LARGEST_INTEGER = 2**53  # above it float64 no longer holds every integer


class Kind(StrEnum):
    """What a column holds, as far as a linear model is concerned."""

    NUMBER = "number"
    TEXT = "text"
    OTHER = "other"  # dates, lists, columns without a name or without a value


@dataclass(frozen=True)
class Column:
    """A column's kind and, where it cannot be used, the reason."""

    kind: Kind
    note: str = ""


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

    @classmethod
    def of(
        cls, columns: Iterable[pl.Series], kinds: Mapping[str, "Kind"], place: Callable[[int], str]
    ) -> "Batch":
        """The columns as they came from a reader, each turned into the kind given."""
        return cls(pl.DataFrame([converted(c, kinds[c.name], place) for c in columns]), place)


EMPTY = Column(Kind.OTHER, "holds no value")


class CellFault(NamedTuple):
    """Why a cell is no number that a model can use."""

    code: str
    what: str
    remedy: str


class Source(Protocol):
    """A table that can be read again and again, in batches, never whole."""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        ...

    def names(self) -> list[str]:
        """The columns' names in their order, which a file tells without its cells being looked at."""
        ...

    def schema(self) -> dict[str, Column]:
        """The columns in their order."""
        ...

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in order, with just these columns, each read as the kind given."""
        ...


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
