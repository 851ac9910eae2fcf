"""Complete numeric rows side by side: as arrays, or column by column where a reader has left them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np


class RowBlock(NamedTuple):
    """Complete rows: X (n, p), Y (n, m) and row weights w (n,), or None for weights of one.

    `dropped` rows with missing cells were left out on the way; `missing` counts their cells by column.
    """

    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None
    dropped: int = 0
    missing: Mapping[str, int] = MappingProxyType({})

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return len(self.Y)

    @property
    def cells(self) -> int:
        """How many numbers X and Y hold."""
        return self.X.size + self.Y.size

    @property
    def whole(self) -> "RowBlock":
        """Itself; see `ColumnBlock`."""
        return self

    def take(self, which: np.ndarray | slice) -> "RowBlock":
        """Some of the rows; what was dropped is not told again."""
        return RowBlock(self.X[which], self.Y[which], None if self.w is None else self.w[which])

    def matrix(self, which: np.ndarray) -> np.ndarray:
        """Rows of [X Y] by their numbers."""
        return np.column_stack([self.X[which], self.Y[which]])


@dataclass(frozen=True, eq=False)
class ColumnBlock:
    """The same, in pieces of some rows: of each the k columns of [X Y], the first p of them X's.

    The columns are float64 without gaps and lie anywhere; `whole` copies them.
    """

    pieces: Sequence[Sequence[np.ndarray]]
    p: int
    w: np.ndarray | None
    dropped: int
    missing: Mapping[str, int]

    @cached_property
    def lengths(self) -> np.ndarray:
        """The rows of each piece."""
        return np.array([len(piece[0]) for piece in self.pieces])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.lengths.sum())

    @property
    def cells(self) -> int:
        """How many numbers X and Y hold."""
        return self.rows * len(self.pieces[0])

    @cached_property
    def whole(self) -> RowBlock:
        """The rows one after the other."""
        Z = self.matrix(np.arange(self.rows))
        return RowBlock(Z[:, : self.p], Z[:, self.p :], self.w, self.dropped, self.missing)

    def matrix(self, which: np.ndarray) -> np.ndarray:
        """Rows of [X Y] by their numbers, which rise."""
        Z, ends = np.empty((len(which), len(self.pieces[0]))), np.cumsum(self.lengths)
        places = [0, *np.searchsorted(which, ends)]
        for first, last, end, piece in zip(places, places[1:], ends, self.pieces, strict=False):
            if first < last:
                own = which[first:last] - (end - len(piece[0]))
                for j, column in enumerate(piece):
                    Z[first:last, j] = column[own]
        return Z


class LazyBlock(NamedTuple):
    """The rows of a block that is yet to be made: how many, and what makes it on whatever thread.

    `block` puts the rows one after the other; `columns` leaves them as they lie.
    """

    rows: int
    block: Callable[[], RowBlock]
    columns: Callable[[], RowBlock | ColumnBlock]
