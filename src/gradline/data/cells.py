"""How cells become numbers or words, whatever the format."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, NotationError
from gradline.core.text import listed, shell
from gradline.data.conditions import leaving_out
from gradline.data.dates import moments, spellings
from gradline.data.doubts import Doubt
from gradline.data.levels import sums, without_value
from gradline.data.notation import FOUND, Text
from gradline.data.numerals import (
    PLAIN_NUMERALS,
    Numerals,
    Written,
    bare,
    both,
    common_mark,
    is_factor,
    mark_of,
    must_be_everywhere,
    written,
)
from gradline.data.same_words import others
from gradline.data.schema import LARGEST_INTEGER, Kind

MISSING_WORDS = ("", "na", "n/a", "#n/a", "nan", "null", "none")  # trimmed, in any case
TRUTH_WORDS = ("true", "false")
PLAIN = (
    "cells"  # what a series is called at work: many methods of polars take a name such as ^x$ for a pattern
)

Place = Callable[[int], str]  # where a row stands, in the user's words: "line 17 of crops.csv"
Decode = Callable[[Mapping[str, pl.DataType]], pl.DataFrame]


_CODE = re.compile(r"[+-]?\d+(?:\.\d*)?")


class _Cells(Protocol):
    """What is asked of a source where a cell is no number."""

    def first_cells(self, column: str) -> list[str]: ...

    def missing_words(self) -> list[str]: ...


def _no_mark(column: str) -> str:  # noqa: ARG001
    return ""


@dataclass(frozen=True)
class Spelling:
    """How the cells of a source are spelled: the words that say that one is missing, and its numbers.

    - `missing`: the words; None stands for `MISSING_WORDS` in any case, and () for a typed source, which has nulls.
    - `read`: what somebody told of it.
    - `mark`: the currency, percent sign or unit that the first cells of a column have; empty where they have none.
    - `source`: where the cells stand.
    """

    missing: tuple[str, ...] | None = None
    numerals: Numerals = PLAIN_NUMERALS
    read: Text = FOUND
    mark: Callable[[str], str] = _no_mark
    source: _Cells | None = None

    @classmethod
    def told(cls, read: Text, usual: tuple[str, ...] | None = None) -> "Spelling":
        """That of cells of which somebody said how they are written; `usual` words are missing without `read.na`."""
        thousands = read.thousands or ""
        decimal = read.decimal or ("," if thousands == "." else ".")
        return cls(usual if read.na is None else ("", *read.na), Numerals(decimal, thousands), read=read)

    @property
    def marks(self) -> tuple[str | None, str | None]:
        """The marks that somebody told, before decimals and between thousands."""
        thousands = self.read.thousands
        return self.read.decimal or {".": ",", ",": "."}.get(thousands or ""), thousands

    def ways(self, cells: Sequence[str]) -> list[Written]:
        """The ways in which most of the cells are numbers, among those that were told, if one of these fits."""
        return written(cells, *self.marks) or written(cells)

    def of(self, source: _Cells) -> "Spelling":
        """The same, of the cells of a source."""
        return replace(
            self, source=source, mark=cache(lambda column: common_mark(source.first_cells(column)))
        )

    def values(self, cells: Sequence[str]) -> np.ndarray:
        """The numbers (n,) that some cells of a column are, NaN for what is none."""
        texts = bare(pl.Series(PLAIN, cells, pl.String), common_mark(cells))
        return self.numerals.plain(texts).cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()

    @cached_property
    def others(self) -> dict[str, dict[str, str]]:
        """By column the words that are read as others."""
        return others(self.read.same or ())

    @property
    def dates(self) -> tuple[str, ...]:
        """The forms of dates beside that of ISO 8601."""
        return tuple(self.read.dates or ())

    @property
    def is_plain(self) -> bool:
        """Whether what reads plain numbers reads these cells."""
        return self.missing is None and self.numerals.is_plain

    @property
    def codes(self) -> list[float]:
        """The missing words that are numbers: −999 is one however its decimals are written."""
        return [float(word) for word in self.missing or () if _CODE.fullmatch(word)]

    @property
    def days(self) -> list[datetime]:
        """The missing words that are dates: 1900-01-01 is one however its column writes dates."""
        return moments(pl.Series(PLAIN, self.missing or (), pl.String), self.dates).drop_nulls().to_list()

    def words(self, series: pl.Series) -> pl.Series:
        """The column as trimmed text with null for missing; true and false in one spelling, as typed files have."""
        trimmed = series.cast(pl.String).str.strip_chars()
        lower = trimmed.str.to_lowercase()
        missing = lower.is_in(MISSING_WORDS) if self.missing is None else trimmed.is_in(self.missing)
        trimmed = trimmed.set(missing.fill_null(True), None)
        return lower.zip_with(lower.is_in(TRUTH_WORDS).fill_null(False), trimmed)


IN_TEXT, TYPED = Spelling(), Spelling(())


def decoded(decode: Decode, kinds: Mapping[str, Kind], spelling: Spelling = IN_TEXT) -> pl.DataFrame:
    """Some rows of a text format, of which `converted` can make what is wanted, decoded as fast as can be.

    `decode(dtypes)` reads the block's columns as those types. Numeric columns are first read as Float64
    straight away; what polars cannot read so, or what looks infinite or too large for an exact integer,
    is read again as text by `numbers`, which finds the missing words and names the first bad cell.
    """
    text = dict.fromkeys(kinds, pl.String())
    fast = {name: pl.Float64() if kind == Kind.NUMBER else text[name] for name, kind in kinds.items()}
    if not spelling.is_plain:
        return decode(text)
    try:
        frame = decode(fast)
    except pl.exceptions.PolarsError:
        frame = decode(text)
    odd = [s.name for s in frame if s.dtype == pl.Float64 and _is_odd(s)]
    if odd:
        frame = frame.with_columns(decode(dict.fromkeys(odd, pl.String())).get_columns())
    return frame


def _is_odd(values: pl.Series) -> bool:
    largest, smallest = values.max(), values.min()
    return largest is not None and not (smallest > -LARGEST_INTEGER and largest < LARGEST_INTEGER)  # type: ignore[operator]


def converted(series: pl.Series, kind: Kind, place: Place, spelling: Spelling = TYPED) -> pl.Series:
    """The column as numbers, as words or as moments."""
    plain, where = series.alias(PLAIN), Where(series.name, place, spelling)
    return _CONVERTED[kind](plain, where).alias(series.name)


class Where(NamedTuple):
    """Whose cells they are, in the user's words."""

    column: str
    place: Place
    spelling: Spelling


def _numbers(series: pl.Series, where: Where, mark: str | None = None) -> pl.Series:
    """The column as Float64 with null for missing; `mark` is what may stand beside its numbers.

    Raises `DataError` with column, place and value for text, infinities and integers beyond 2^53.
    """
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        values = _parsed(where.spelling.words(series), where, mark)
    else:
        values = _typed(series, where)
    if codes := where.spelling.codes:
        return values.set(values.is_in(codes).fill_null(False), None)
    return values


def _typed(series: pl.Series, where: Where) -> pl.Series:
    """A column that holds numbers."""
    dtype = series.dtype
    if dtype == pl.Null or dtype == pl.Boolean:
        return series.cast(pl.Float64)
    if dtype.is_integer() or dtype.is_decimal():
        if max(abs(series.min() or 0), abs(series.max() or 0)) > LARGEST_INTEGER:  # type: ignore[arg-type]
            # As Python's numbers: comparing in the column's own type could overflow.
            beyond = [cell is not None and abs(cell) > LARGEST_INTEGER for cell in series]
            _refuse_first(series, pl.Series(beyond), where, _BEYOND)
        return series.cast(pl.Float64)
    if not dtype.is_float():
        raise DataError(
            "column-not-numeric",
            f"column {where.column} holds {dtype}, not numbers",
            "turn it into numbers first, or exclude it",
        )
    values = series.cast(pl.Float64)
    if math.isfinite(values.sum()):  # one fast look: none of them is NaN or infinite
        return values
    values = values.fill_nan(None)
    _refuse_first(values, values.is_infinite(), where, _INFINITE)
    return values


def _times(series: pl.Series, where: Where) -> pl.Series:
    """The column as moments without a time zone, null for missing."""
    found = _moments(series, where)
    if days := where.spelling.days:
        return found.set(found.is_in(days).fill_null(False), None)
    return found


def _moments(series: pl.Series, where: Where) -> pl.Series:
    """A column of moments, or of text in the forms told or as ISO 8601 writes it."""
    dtype = series.dtype
    if dtype == pl.Date:
        return series.cast(pl.Datetime("us"))
    if isinstance(dtype, pl.Datetime):
        return series.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if dtype.is_numeric() and (where.spelling.dates or where.spelling.missing != ()):
        series = _digits(series)
    elif dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise DataError(
            "column-not-dates", f"column {where.column} holds {dtype}, not dates", "name a column of dates"
        )
    text = where.spelling.words(series)
    found = moments(text, where.spelling.dates)
    wrong = found.is_null() & text.is_not_null()
    if wrong.any():
        _refuse_first(text, wrong, where, _no_date(text.filter(wrong), where.spelling.dates))
    return found


def _digits(series: pl.Series) -> pl.Series:
    """Numbers as they are written: 20240531 without a point, be it of whichever type."""
    whole = series.cast(pl.Int64, strict=False)
    is_whole = (whole.cast(pl.Float64) == series.cast(pl.Float64)).fill_null(False)
    return whole.cast(pl.String).zip_with(is_whole, series.cast(pl.String))


def _truths(series: pl.Series, where: Where) -> pl.Series:
    """The column as 1 and 0: of true and false, or of numbers that are 1 and 0 already."""
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        words = where.spelling.words(series)
        cells = words.replace({"true": "1", "false": "0"})
        values = cells.cast(pl.Float64, strict=False)
    else:
        words = values = _numbers(series, where)
    _refuse_first(words, ~values.is_in([0.0, 1.0]).fill_null(False) & words.is_not_null(), where, _NO_TRUTH)
    return values


def _words(series: pl.Series, where: Where) -> pl.Series:
    words = where.spelling.words(series)
    read_as = where.spelling.others.get(where.column)
    return words if read_as is None else words.replace(read_as)


def _amounts(series: pl.Series, where: Where) -> pl.Series:
    """The column as Float64, a currency, a percent sign or a unit left away where it is text."""
    return _numbers(series, where, where.spelling.mark(where.column))


class CellFault(NamedTuple):
    """Why a cell is no number that a model can use."""

    code: str
    what: str
    remedy: str
    told: dict[str, list[str]] | None = None  # how the file would have to be read
    example: str | None = None  # a cell that shows it best, if not the first


_BEYOND = CellFault(
    "integer-beyond-float64",
    "a number beyond 2^53 = 9,007,199,254,740,992, where float64 no longer holds every integer",
    "exclude the column if it is an identifier; subtract an offset or rescale it if it is a measurement",
)
_INFINITE = CellFault(
    "value-infinite",
    "an infinite number, which no line can follow",
    "mend the cell or leave it empty and add --missing drop",
)
_NO_TRUTH = CellFault(
    "text-in-number-column",
    "neither true nor false in a column of truth values, which are 1 and 0",
    "mend the cell, leave it empty and add --missing drop, or leave the column out",
)


def _no_date(text: pl.Series, told: Sequence[str]) -> CellFault:
    """Why cells are none, with the option that would read them."""
    found = spellings(text)
    if found is not None and not {*found.forms} & {*told}:
        return CellFault("date-unreadable", found.what, found.remedy, example=found.example)
    forms = listed([*told, "2024-05-31"])
    remedy = (
        "mend the cell, name its form, such as --dates %d.%m.%Y, or leave it empty and add --missing drop"
    )
    return CellFault("date-unreadable", f"no date of the form {forms}", remedy)


def _parsed(text: pl.Series, where: Where, mark: str | None) -> pl.Series:
    spelling = where.spelling
    shown = text
    if mark is not None:
        text = bare(text, mark)
    if not spelling.numerals.is_plain:
        text = spelling.numerals.plain(text)
    values = text.cast(pl.Float64, strict=False)
    wrong = values.is_null() & shown.is_not_null()
    if spelling.missing is not None:  # then NaN is a word like others
        wrong |= values.is_nan().fill_null(False)
    if mark:
        _expect_one_mark(shown, wrong, where, mark)
    if wrong.any():
        _refuse_first(shown, wrong, where, _no_number(shown[wrong.arg_max() or 0], shown, where))
    values = values.fill_nan(None)
    _refuse_first(shown, values.is_infinite(), where, _INFINITE)
    # 2^53 + 1 is read as 2^53, so the border itself is looked at too, digit by digit.
    large = (values.abs() >= LARGEST_INTEGER).fill_null(False) & text.str.contains(r"^[+-]?\d+$")
    if large.any():
        beyond = [
            bool(is_large) and int(cell.lstrip("+-0") or 0) > LARGEST_INTEGER
            for cell, is_large in zip(text, large, strict=True)
        ]
        _refuse_first(shown, pl.Series(beyond), where, _BEYOND)
    return values


def _expect_one_mark(shown: pl.Series, wrong: pl.Series, where: Where, mark: str) -> None:
    """Refuse cells with another mark than the others, cells without one where that makes them other numbers, and
    factors."""
    has = shown.str.contains(mark, literal=True).fill_null(False)
    if is_factor(mark) and has.any():
        what = f"a number with a factor ({mark}), which gradline does not multiply by"
        words = shell(["--category", where.column])
        remedy = f"write such numbers out. To use the cells of a feature as words: {words}"
        _refuse_first(shown, has, where, CellFault("number-notation", what, remedy))
    without = ~has & ~wrong & shown.is_not_null() if must_be_everywhere(mark) else pl.Series([False])
    with_another = next((i for i in wrong.arg_true() if mark_of(shown[i])), None)
    row = without.arg_max() if without.any() else with_another
    beside = has.arg_max() if has.any() else None
    if row is None:
        return
    told = [f"{shown[i]!r} ({where.place(i)})" for i in sorted({row, row if beside is None else beside})]
    raise amounts_differ(where.column, mark, mark_of(shown[row]) or "", told)


def amounts_differ(column: str, mark: str, other: str, told: Sequence[str]) -> DataError:
    """The refusal of a column whose amounts have one mark here and another, or none, there, with a cell of each."""
    return DataError(
        "amounts-differ",
        f"column {column} holds {both(mark, other)}: {' and '.join(told)}",
        f"write all its cells in one way. To use those of a feature as words: {shell(['--category', column])}",
    )


def _no_number(cell: str, shown: pl.Series, where: Where) -> CellFault:
    """Why a cell is none, with the option that would read it."""
    ways = where.spelling.ways([cell])
    if ways:
        doubt = Doubt(tuple(ways), where.spelling.numerals)
        helps = any(_reads(way, shown, where) for way in ways)
        remedy = "write it as the others"
        remedy += f", or, if those are written so, too: {doubt.reads(where.column)}" if helps else ""
        return CellFault("text-in-number-column", f"a number with {doubt.what} among others", remedy)
    row = f"to leave out its row: {leaving_out(where.column, [cell])}"
    # The header again, or units below it; a mark alone stands for a missing cell there, too.
    is_heading = cell == where.column or (cell == shown[0] and not without_value([cell]))
    if sums([cell]) or (is_heading and not any(map(str.isdecimal, cell))):
        return CellFault("text-in-number-column", "text in a numeric column", f"{row}; else mend the cell")
    is_note = len(cell.split()) > 2  # more words than stand for a cell that is missing
    remedy = f"mend the cell, {'' if is_note else 'leave it empty and add --missing drop, '}or leave the column out"
    note = f". If it is a note and no row of the table, {row.removeprefix('to ')}"
    if not any(map(str.isdecimal, cell)):
        words = _missing_words(cell, shown, where)
        remedy += f"{note}. If it stands for a missing cell, add {shell(Text(na=words).words())}"
        return CellFault("text-in-number-column", "text in a numeric column", remedy, {"na": words})
    return CellFault("text-in-number-column", "text in a numeric column", remedy + note * (" " in cell))


def _missing_words(cell: str, shown: pl.Series, where: Where) -> list[str]:
    """The cell, others of its column that are marks alone, and what counts as missing now, which `--na` would end."""
    marks = shown.filter(shown.str.contains(r"^[^\p{L}\p{N}]+$")).unique(maintain_order=True).to_list()
    usual = where.spelling.source.missing_words() if where.spelling.source else []
    return list(dict.fromkeys([cell, *marks, *usual]))


def _reads(way: Written, shown: pl.Series, where: Where) -> bool:
    """Whether the column's numbers are such in this way too, and its mark is the one that its first cells have."""
    if way.mark not in ("", where.spelling.mark(where.column)) or must_be_everywhere(way.mark):
        return False
    numbers = bare(shown, way.mark).drop_nulls()
    return bool(way.numerals.plain(numbers.filter(numbers.str.contains(r"^[+-]?\.?\d"))).is_not_null().all())


def _refuse_first(shown: pl.Series, wrong: pl.Series, where: Where, fault: CellFault) -> None:
    wrong = wrong.fill_null(False)
    if wrong.any():
        if fault.example is not None:
            wrong &= (shown == fault.example).fill_null(False)
        row = wrong.arg_max() or 0
        told = f"column {where.column}, {where.place(row)}"
        cause = f"{told}: {shown[row]!r} is {fault.what}"
        raise (
            NotationError(fault.code, cause, fault.remedy, fault.told)
            if fault.told
            else DataError(fault.code, cause, fault.remedy)
        )


_CONVERTED: dict[Kind, Callable[[pl.Series, Where], pl.Series]] = {
    Kind.NUMBER: _numbers,
    Kind.BOOLEAN: _truths,
    Kind.AMOUNT: _amounts,
    Kind.TEXT: _words,
    Kind.TIME: _times,
    Kind.RAW: lambda series, where: series,  # noqa: ARG005
}
