"""Complete numeric rows side by side: as arrays, or column by column where a reader has left them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.derived import cached_property


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Complete rows: X (n, p), Y (n, m) and row weights w (n,), or None for weights of one.

    `dropped` rows with missing cells were left out on the way; `missing` counts their cells by column.
    """

    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None = None
    dropped: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return len(self.Y)

    @property
    def p(self) -> int:
        """How many columns X has."""
        return self.X.shape[1]

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

    def told(self, dropped: int, missing: Mapping[str, int]) -> "RowBlock":
        """The same rows, telling what was left out on the way to them."""
        return replace(self, dropped=dropped, missing=missing)

    def matrix(self, which: np.ndarray) -> np.ndarray:
        """Rows of [X Y] by their numbers."""
        return np.column_stack([self.X[which], self.Y[which]])

    @cached_property
    def places(self) -> "Places":
        """Where its cells lie; arrays that lie neither row by row nor column by column are copied."""
        X, Y = _in_one_order(self.X, self.Y)
        first = [_address(part) + part.strides[1] * np.arange(part.shape[1]) for part in (X, Y)]
        steps = (X.strides[0], Y.strides[0])
        return Places(np.concatenate(first)[None], np.array([len(X)]), steps, (X, Y))


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

    @property
    def places(self) -> "Places":
        """Where its cells lie."""
        addresses = [[_address(column) for column in piece] for piece in self.pieces]
        return Places(np.array(addresses), self.lengths, (8, 8), self)


class Places(NamedTuple):
    """Where rows lie: for each piece of them the addresses of its first row's cells, (pieces, k), and its rows.

    `steps` are the bytes from row to row in the first p columns, and in the others; `owner` keeps the memory.
    """

    addresses: np.ndarray
    lengths: np.ndarray
    steps: tuple[int, int]
    owner: Any


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _in_one_order(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64, column by column without gaps or else row by row: as they lie where that is one of the two."""
    X, Y = np.asarray(X, np.float64), np.asarray(Y, np.float64)
    if X.strides[0] == X.itemsize:
        return X, np.asfortranarray(Y)
    if X.shape[1] > 1 and X.strides[1] != X.itemsize:
        X = np.ascontiguousarray(X)
    return X, np.ascontiguousarray(Y)


class LazyBlock(NamedTuple):
    """The rows of a block that is yet to be made: how many, and what makes it on whatever thread.

    `block` puts the rows one after the other; `columns` leaves them as they lie.
    """

    rows: int
    block: Callable[[], RowBlock]
    columns: Callable[[], RowBlock | ColumnBlock]
