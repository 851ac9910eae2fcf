"""Rows that are no observations like the others: totals and means at the end of a table, blocks in another unit."""

from collections.abc import Iterable

from gradline.core.errors import Notice
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.model.other_units import other_units
from gradline.model.seen_rows import seen_rows
from gradline.model.totals import totals
from gradline.model.words_beside import words_beside

_CELLS = 1 << 17  # tables with more are no people's sheets, and are not read again for this


def odd_rows(
    rows: RowStream, count: int, known: Iterable[Notice], kept: RowBlock | None = None
) -> list[Notice]:
    """What is told of the rows of a table, `count` by count, beside what is `known` of its columns; of one file those
    that the fit has kept need no reading.

    `kept` are all of them by the design of `rows`.
    """
    source = rows.table
    if source is None or count * len(source.names()) > _CELLS:
        return []
    seen = seen_rows(source, rows.design, kept if len(source.files) == 1 else None)
    parts = seen.parts
    found = [*totals(parts), *other_units(parts)]
    summed = {notice.about for notice in known if notice.code == "total-row"}
    if any(
        notice.code == "total-row" for notice in found
    ):  # of the last rows, whose words are told with them
        summed |= set(seen.words)
    beside = words_beside(seen)
    return found + [notice for notice in beside if notice.code != "total-row" or notice.about not in summed]
