"""What a column of text cells is: numbers, truth values, codes, dates or words, told by its first cells."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from gradline.data.cells import IN_TEXT, MISSING_WORDS, PLAIN, TRUTH_WORDS, Spelling
from gradline.data.dates import moments
from gradline.data.doubts import Doubt, reconciled
from gradline.data.months import ANY
from gradline.data.numerals import is_uneven, may_be_thousands
from gradline.data.schema import CLOCKS, DATES, EMPTY, Column, Kind

SAMPLE = 1000  # non-missing cells that decide
_MONTH = rf"(?:{ANY}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
_DATE = (
    r"(?i)^(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ].*)?|\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})(?:,? .*)?|\d{4}-\d{2}"
    rf"|\d{{1,2}}\.?(?:[ -]?| de ){_MONTH}(?:[ -]?| de )(?:\d{{2}}|\d{{4}})(?:,? .*)?"
    rf"|{_MONTH} \d{{1,2}},? \d{{4}}(?:,? .*)?)$"
)
_TIME = r"^\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$"
_CODE = r"^0\d+$"
_PLAIN = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?$"  # neither a code nor a word, and float64 holds it
_GROUPED = r"^-?(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]{1,3})$"  # what `may_be_thousands` may ask about
_WORD = r"^\D*\p{L}\D*$"
_SPECIAL = r"(?i)^\s*(?:true|false|[+-]?inf(?:inity)?)\s*$"  # words that are more than words
_GAP = rf"(?i)^\s*(?:{'|'.join(map(re.escape, MISSING_WORDS))})\s*$"


def first_cells(series: pl.Series, spelling: Spelling) -> pl.Series:
    """The cells that decide: the first that are not missing."""
    return spelling.words(series.alias(PLAIN)).drop_nulls().head(SAMPLE)


def sure_kinds(frame: pl.DataFrame, starts: Sequence[int] = (0,)) -> list[dict[str, Kind]]:
    """The columns of text that are numbers or words beyond doubt by their first cells, of each of several files.

    The files have the same columns, and the rows of each, `SAMPLE` at most, begin at one of the `starts`. `column` says
    the same of each of these columns, at the cost of a dozen looks; of thousands of files that is most of the time.
    """

    def fits(pattern: str, of_null: bool = False) -> np.ndarray:
        """Which cells (rows, columns) do."""
        return frame.select(pl.all().str.contains(pattern).fill_null(of_null)).to_numpy()

    def some(cells: np.ndarray) -> np.ndarray:
        """Whether any cell is such of each column of each file (files, columns)."""
        return np.logical_or.reduceat(cells, starts, axis=0)

    if not frame.height:
        return [{} for _ in starts]
    plain = fits(_PLAIN)
    gap = words = np.zeros_like(plain)
    if not plain.all():
        gap = fits(_GAP, of_null=True)
        words = fits(_WORD) & ~gap & ~fits(_SPECIAL)
    # Where cells are missing, those of later rows decide, too.
    lengths = np.diff([*starts, frame.height])
    is_open = some(gap) & (lengths >= SAMPLE)[:, None]
    is_number = ~some(~plain & ~gap) & some(plain) & ~is_open
    is_word = ~some(~words & ~gap) & some(words) & ~is_open
    if is_number.any():
        is_number &= some(~fits(_GROUPED) & ~gap) | ~some(fits(r"\."))
    return [
        {
            name: Kind.NUMBER if number else Kind.TEXT
            for name, number, word in zip(frame.columns, *of_file, strict=True)
            if number or word
        }
        for of_file in zip(is_number, is_word, strict=True)
    ]


def column(cells: pl.Series, spelling: Spelling = IN_TEXT, separator: str = "") -> Column:
    """What a column is by its first cells: numeric when most of them are numbers in the file's notation.

    Numbers with leading zeros are codes, and so words. `separator` stands between the cells of the file: with it, and
    where nobody told the notation, points are looked at that could stand between thousands.
    """
    if cells.is_empty():
        return EMPTY
    if cells.is_in(TRUTH_WORDS).all():
        return Column(Kind.BOOLEAN)
    for pattern, found in ((_DATE, DATES), (_TIME, CLOCKS)):
        if cells.str.contains(pattern).all():
            return found
    numerals = spelling.numerals
    values = (cells if numerals.is_plain else numerals.plain(cells)).cast(pl.Float64, strict=False)
    others = values.null_count()
    kind = Kind.NUMBER if 2 * others < len(cells) else Kind.TEXT
    if spelling.dates and others == len(cells) and not moments(cells, spelling.dates).null_count():
        return DATES
    if kind == Kind.NUMBER and cells.str.contains(_CODE).any():
        return Column(Kind.TEXT, is_code=True)
    is_open = bool(separator) and numerals.is_plain and may_be_thousands(cells, separator)
    if not others and not is_open:
        return Column(kind)
    texts = cells.to_list()
    if others and is_uneven(texts):  # which whoever reads the rows says with both places
        return Column(Kind.AMOUNT)
    ways = spelling.ways(texts)
    doubted = ways and (is_open or ways[0].known > len(cells) - others)
    return Column(kind, doubt=Doubt(tuple(ways), numerals) if doubted else None)


def agreed(
    found: Mapping[str, Column], sample: Callable[[str], pl.Series], spelling: Spelling
) -> dict[str, Column]:
    """The columns of a file, those in doubt with what reads them beside the others.

    `sample` has the first cells of a column that are written in the notation of its text.
    """
    told = spelling.numerals
    doubts = {name: one.doubt for name, one in found.items() if isinstance(one.doubt, Doubt)}
    if not any(way.changes(told) for doubt in doubts.values() for way in doubt.ways):
        return dict(found)
    numbers = {name: sample(name) for name, one in found.items() if one.kind == Kind.NUMBER or name in doubts}
    written = {name: cells for name, cells in numbers.items() if len(cells)}
    settled = reconciled(doubts, written, told, spelling.marks)
    return {**found, **{name: replace(found[name], doubt=doubt) for name, doubt in settled.items()}}
