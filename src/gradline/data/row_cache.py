"""Rows kept in memory: gathered where they stay, block by block, so that many of them take their size and no more."""

from collections.abc import Iterator

import numpy as np

from gradline.core import memory_limit
from gradline.core.parallel import ordered_map
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import ArrayRows, RowStream, lazy_blocks

_CELLS = 1 << 20  # per block on its way: 8 MB
_STEP = 1 << 15  # cells that are copied together: they stay in cache


class RowBuffer:
    """A place for at most so many rows; the system gives its memory as rows come, so what stays empty is free."""

    def __init__(self, most: int) -> None:
        self.most, self.rows, self._seen = most, 0, 0
        self._place: RowBlock | None = None

    def add(self, block: RowBlock | ColumnBlock) -> int:
        """Copy as many of the rows, from the first on, as there is room for, and say how many."""
        self._seen += block.rows
        memory_limit.check(f"by row {self._seen:,}")
        taken = min(block.rows, self.most - self.rows)
        if not taken:
            return 0
        p = block.p if isinstance(block, ColumnBlock) else block.X.shape[1]
        place = self._place = self._place or self._taken_for(block, p)
        step = max(1, _STEP * block.rows // block.cells)
        for first in range(0, taken, step):
            which = np.arange(first, min(first + step, taken))
            Z = block.matrix(which)
            place.X[self.rows + which[0] :][: len(Z)] = Z[:, :p]
            place.Y[self.rows + which[0] :][: len(Z)] = Z[:, p:]
        if place.w is not None and block.w is not None:
            place.w[self.rows : self.rows + taken] = block.w[:taken]
        self.rows += taken
        return taken

    def _taken_for(self, block: RowBlock | ColumnBlock, p: int) -> RowBlock:
        X, Y = np.empty((self.most, p)), np.empty((self.most, block.cells // block.rows - p))
        return RowBlock(X, Y, None if block.w is None else np.empty(self.most))

    def first(self, rows: int) -> RowBlock | None:
        """The first rows that came, where they lie; None where there was no room for so many."""
        return None if self._place is None or rows > self.rows else self._place.take(slice(0, rows))

    def clear(self) -> None:
        """Make room for others in the same place."""
        self.rows = 0


def pieces(rows: RowStream, size: int) -> Iterator[RowBlock]:
    """The blocks of `rows.blocks(size)` that hold any row, each in the place of the one before, which is then gone."""
    width = len(rows.design.features) + len(rows.design.targets)
    store, coming = RowBuffer(size), lazy_blocks(rows, min(size, max(1, _CELLS // width)))
    for block in ordered_map(coming, lambda parcel: parcel.block()):
        while block.rows:
            block = block.take(slice(store.add(block), None))
            whole = store.first(size)
            if whole is not None:
                yield whole
                store.clear()
    rest = store.first(store.rows)
    if rest is not None and rest.rows:
        yield rest


def in_memory(rows: RowStream, count: int, most: int) -> RowStream:
    """The `count` rows as arrays of float64, row by row, if they are at most `most`; otherwise as they came."""
    if count > most or (isinstance(rows, ArrayRows) and rows.is_ready):
        return rows
    return kept_rows(next(pieces(rows, count)), rows)


def kept_rows(block: RowBlock, rows: RowStream) -> ArrayRows:
    """The block, which holds all of the rows, in their stead."""
    return ArrayRows(block.X, block.Y, block.w, rows.design)
