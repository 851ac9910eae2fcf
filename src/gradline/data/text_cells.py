"""What the text formats share: cells decoded fast by polars, and again as text when something is odd."""

from collections.abc import Callable, Mapping

import polars as pl

from gradline.data.schema import EMPTY, LARGEST_INTEGER, Column, Kind
from gradline.data.source import Batch, words

SAMPLE = 1000  # non-missing cells that decide whether a column is numeric

Decode = Callable[[Mapping[str, pl.DataType]], pl.DataFrame]


def batch(decode: Decode, kinds: Mapping[str, Kind], place: Callable[[int], str]) -> Batch:
    """One batch of rows from a text format.

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
    return Batch.of(frame, kinds, place)


def _is_odd(values: pl.Series) -> bool:
    largest, smallest = values.max(), values.min()
    return largest is not None and not (smallest > -LARGEST_INTEGER and largest < LARGEST_INTEGER)  # type: ignore[operator]


def column(sample: pl.Series) -> Column:
    """The kind of a column, from its first non-missing cells: numeric when most of them are numbers."""
    cells = words(sample).drop_nulls().head(SAMPLE)
    if cells.is_empty():
        return EMPTY
    parsed = cells.cast(pl.Float64, strict=False)
    return Column(Kind.NUMBER if parsed.null_count() * 2 < len(cells) else Kind.TEXT)
