"""What a column of text cells is: numbers, truth values, codes, dates or words, told by its first cells."""

import polars as pl

from gradline.data.cells import IN_TEXT, PLAIN, TRUTH_WORDS, Spelling
from gradline.data.numerals import Doubt, is_uneven, may_be_thousands
from gradline.data.schema import EMPTY, Column, Kind

SAMPLE = 1000  # non-missing cells that decide
_DATE = r"^(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ].*)?|\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})(?: .*)?|\d{4}-\d{2})$"
_TIME = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$"
_CODE = r"^0\d+$"


def first_cells(series: pl.Series, spelling: Spelling) -> pl.Series:
    """The cells that decide: the first that are not missing."""
    return spelling.words(series.alias(PLAIN)).drop_nulls().head(SAMPLE)


def column(cells: pl.Series, spelling: Spelling = IN_TEXT, separator: str = "") -> Column:
    """What a column is by its first cells: numeric when most of them are numbers in the file's notation.

    Numbers with leading zeros are codes, and so words. `separator` stands between the cells of the file: with it, and
    where nobody told the notation, points are looked at that could stand between thousands.
    """
    if cells.is_empty():
        return EMPTY
    if cells.is_in(TRUTH_WORDS).all():
        return Column(Kind.BOOLEAN)
    for pattern, what in ((_DATE, "dates"), (_TIME, "times of the day")):
        if cells.str.contains(pattern).all():
            return Column(Kind.OTHER, f"holds {what}")
    numerals = spelling.numerals
    values = (cells if numerals.is_plain else numerals.plain(cells)).cast(pl.Float64, strict=False)
    others = values.null_count()
    kind = Kind.NUMBER if 2 * others < len(cells) else Kind.TEXT
    if not others and cells.str.contains(_CODE).any():
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
