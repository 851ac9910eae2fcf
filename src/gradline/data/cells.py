"""How cells become numbers or words, whatever the format, and what a column of text cells is."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from gradline.core.errors import DataError
from gradline.data.schema import EMPTY, LARGEST_INTEGER, Column, Kind

MISSING_WORDS = ("", "na", "n/a", "#n/a", "nan", "null", "none")  # trimmed, in any case
TRUTH_WORDS = ("true", "false")
PLAIN = (
    "cells"  # what a series is called at work: many methods of polars take a name such as ^x$ for a pattern
)
SAMPLE = 1000  # non-missing cells that decide whether a column is numeric

Place = Callable[[int], str]  # where a row stands, in the user's words: "line 17 of crops.csv"
Decode = Callable[[Mapping[str, pl.DataType]], pl.DataFrame]


def decoded(decode: Decode, kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """Some rows of a text format, of which `converted` can make what is wanted, decoded as fast as can be.

    `decode(dtypes)` reads the block's columns as those types. Numeric columns are first read as Float64
    straight away; what polars cannot read so, or what looks infinite or too large for an exact integer,
    is read again as text by `numbers`, which finds the missing words and names the first bad cell.
    """
    text = dict.fromkeys(kinds, pl.String())
    fast = {name: pl.Float64() if kind == Kind.NUMBER else text[name] for name, kind in kinds.items()}
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


def column(sample: pl.Series) -> Column:
    """The kind of a column, from its first non-missing cells: numeric when most of them are numbers."""
    cells = words(sample.alias(PLAIN)).drop_nulls().head(SAMPLE)
    if cells.is_empty():
        return EMPTY
    parsed = cells.cast(pl.Float64, strict=False)
    return Column(Kind.NUMBER if parsed.null_count() * 2 < len(cells) else Kind.TEXT)


def converted(series: pl.Series, kind: Kind, place: Place) -> pl.Series:
    """The column as numbers or as words."""
    plain, where = series.alias(PLAIN), Where(series.name, place)
    return _CONVERTED[kind](plain, where).alias(series.name)


class Where(NamedTuple):
    """Whose cells they are, in the user's words."""

    column: str
    place: Place


def _numbers(series: pl.Series, where: Where) -> pl.Series:
    """The column as Float64 with null for missing.

    Raises `DataError` with column, place and value for text, infinities and integers beyond 2^53.
    """
    dtype = series.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _parsed(words(series), where)
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
    """The column as moments without a time zone, null for missing; text as ISO 8601 writes dates and times."""
    dtype = series.dtype
    if dtype == pl.Date:
        return series.cast(pl.Datetime("us"))
    if isinstance(dtype, pl.Datetime):
        return series.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise DataError(
            "column-not-dates", f"column {where.column} holds {dtype}, not dates", "name a column of dates"
        )
    text = words(series)
    plain = text.str.strip_suffix("Z").str.replace(" ", "T")
    found = pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"):
        read = plain.str.to_datetime(form, time_unit="us", strict=False)
        found = found.zip_with(found.is_not_null(), read)
    _refuse_first(text, found.is_null() & text.is_not_null(), where, _NO_DATE)
    return found


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
    "a number beyond 2^53 = 9,007,199,254,740,992, where float64 no longer holds every integer",
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

_NO_DATE = CellFault(
    "date-unreadable",
    "no date of the form 2024-05-31",
    "write dates as year-month-day, or leave the cell empty and add --missing drop",
)


def _parsed(text: pl.Series, where: Where) -> pl.Series:
    values = text.cast(pl.Float64, strict=False)
    _refuse_first(text, values.is_null() & text.is_not_null(), where, _NOT_A_NUMBER)
    values = values.fill_nan(None)
    _refuse_first(text, values.is_infinite(), where, _INFINITE)
    # 2^53 + 1 is read as 2^53, so the border itself is looked at too, digit by digit.
    large = (values.abs() >= LARGEST_INTEGER).fill_null(False) & text.str.contains(r"^[+-]?\d+$")
    if large.any():
        beyond = [
            bool(is_large) and int(cell.lstrip("+-0") or 0) > LARGEST_INTEGER
            for cell, is_large in zip(text, large, strict=True)
        ]
        _refuse_first(text, pl.Series(beyond), where, _BEYOND)
    return values


def _refuse_first(shown: pl.Series, wrong: pl.Series, where: Where, fault: CellFault) -> None:
    wrong = wrong.fill_null(False)
    if wrong.any():
        row = wrong.arg_max() or 0
        told = f"column {where.column}, {where.place(row)}"
        raise DataError(fault.code, f"{told}: {shown[row]!r} is {fault.what}", fault.remedy)


_CONVERTED: dict[Kind, Callable[[pl.Series, Where], pl.Series]] = {
    Kind.NUMBER: _numbers,
    Kind.TEXT: lambda series, _: words(series),
    Kind.TIME: _times,
}
