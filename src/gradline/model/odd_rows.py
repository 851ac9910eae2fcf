"""Rows that are no observations like the others: totals and means at the end of a table, blocks in another unit."""

from gradline.core.errors import Notice
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.model.other_units import other_units
from gradline.model.seen_rows import seen_rows
from gradline.model.totals import totals

_CELLS = 1 << 17  # tables with more are no people's sheets, and are not read again for this


def odd_rows(rows: RowStream, count: int, kept: RowBlock | None = None) -> list[Notice]:
    """What is told of the rows of a table, `count` by count; of one file those that the fit has kept need no reading.

    `kept` are all of them by the design of `rows`.
    """
    source = rows.table
    if source is None or count * len(source.names()) > _CELLS:
        return []
    parts = seen_rows(source, rows.design, kept if len(source.files) == 1 else None).parts
    return [*totals(parts), *other_units(parts)]
