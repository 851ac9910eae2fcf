"""Rows kept in memory: gathered where they stay, block by block, so that many of them take their size and no more."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gradline.core import memory_limit
from gradline.core.linalg.refined import CELLS
from gradline.core.parallel import ordered_map
from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import ArrayRows, RowStream

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
        p = block.p
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
    store, coming = RowBuffer(size), rows.lazy_blocks(min(size, max(1, _CELLS // width)))
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
    """The `count` complete rows as arrays of float64, row by row, if they are at most `most`; else as they came."""
    lying = rows.in_place
    if count > most or (lying is not None and lying.rows == count):
        return rows
    return kept_rows(next(pieces(rows, count)), rows)


def kept_rows(block: RowBlock, rows: RowStream) -> ArrayRows:
    """The block, which holds all of the rows, in their stead."""
    return ArrayRows(block.X, block.Y, block.w, rows.design)


class RowCollector:
    """Watches the rows go by, and keeps those of a small table, which come in one block, and the first `most`."""

    def __init__(
        self, watch: Callable[[RowBlock | ColumnBlock], None] = lambda _: None, most: int = 0
    ) -> None:
        self.watch, self._seen = watch, 0
        self._store = RowBuffer(most)
        self._block: RowBlock | None = None

    def __call__(self, block: RowBlock | ColumnBlock) -> None:
        """See a block."""
        self.watch(block)
        self._seen += 1
        self._block = block.whole if self._seen == 1 and block.cells <= CELLS else None
        self._store.add(block)

    def first(self, rows: int) -> RowBlock | None:
        """The first rows, as many as the table has; None if they are too many. What passes by again comes after."""
        return self._store.first(rows)

    def kept(self, before: DesignSpec, after: DesignSpec) -> RowBlock | None:
        """What was kept, read by the design `before`, with the columns that `after` leaves of it."""
        if self._block is None or before is after:
            return self._block
        place = {name: j for j, name in enumerate(before.features)}
        return replace(self._block, X=self._block.X[:, [place[name] for name in after.features]])
