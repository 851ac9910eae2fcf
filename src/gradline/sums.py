"""Sums over rows around a shift: by compiled loops, by NumPy, or of a sparse matrix by SciPy."""

from typing import Any, NamedTuple

import numpy as np

from gradline.blocks import Block, Columns
from gradline.compiled import kernels, lent
from gradline.kernels import SIDE
from gradline.sparse import dense
from gradline.tally import fingerprint, multipliers

_GAIN = 7e-9  # seconds a cell that compiled loops save
_PANEL, _FEWEST, _MOST = 1 << 15, 128, 240  # cells, and rows of them, that are multiplied together
_CACHED = 1 << 16  # cells that stay in cache from one operation to the next


class Sums(NamedTuple):
    """Over rows z: range, Σ w·(z − s) (k,), Σ w·(z − s)(z − s)ᵀ (k, k) around a shift s, and the fingerprint."""

    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    products: np.ndarray
    fingerprint: int


def summed(block: Block | Columns, shift: np.ndarray) -> Sums:
    """The sums around a shift (k,): by compiled loops in one pass of memory, once these have paid for themselves."""
    loops = kernels(block.cells * _GAIN)
    return _compiled(loops, block, shift) if loops else _in_numpy(block.whole, shift)


def _compiled(loops: Any, block: Block | Columns, shift: np.ndarray) -> Sums:
    """The sums by `kernels.gram`."""
    n, k, lanes, w = block.rows, len(shift), loops.lanes(), lent(block.w)
    cells, blocks, tile = _Cells.of(block), -(-k // SIDE), _tile(k)
    sums, G = np.zeros((3, k, lanes)), np.zeros((blocks, blocks, SIDE, SIDE))
    sums[0], sums[1] = np.inf, -np.inf
    strips = np.empty((len(cells.lengths), k, lanes))
    for strip, end in zip(strips, np.cumsum(cells.lengths), strict=True):
        # The last row fills up the last strip.
        rows = np.minimum(np.arange(lanes) + end // lanes * lanes, n - 1)
        strip[:] = block.matrix(rows).T
    hashes = loops.gram(
        cells.addresses,
        cells.lengths,
        cells.steps,
        strips,
        w,
        shift,
        multipliers(k + 1),
        sums,
        G,
        np.zeros((blocks * SIDE + lanes, tile)),
        np.empty(k, int),
        np.empty(tile),
        np.empty(tile, np.uint64),
        len(strips),
        n,
        len(w),
        cells.p,
        k,
        tile,
    )
    upper = np.triu(G.transpose(0, 3, 1, 2).reshape(blocks * SIDE, -1)[:k, :k])
    products = upper + np.triu(upper, 1).T
    return Sums(sums[0].min(axis=1), sums[1].max(axis=1), sums[2].sum(axis=1), products, hashes)


def _tile(k: int) -> int:
    """The rows whose products are summed together: as many as stay near the processor, of few columns not too many."""
    return max(_FEWEST, min(_MOST, _PANEL // k)) // 8 * 8


class _Cells(NamedTuple):
    """Where rows lie: for each piece of them the addresses of its first row's cells, (pieces, k), and its rows.

    `steps` are the bytes from row to row in the first p columns, and in the others; `owner` keeps the memory.
    """

    addresses: np.ndarray
    lengths: np.ndarray
    steps: np.ndarray
    p: int
    owner: Any

    @classmethod
    def of(cls, block: Block | Columns) -> "_Cells":
        """Those of the rows; arrays that lie neither row by row nor column by column are copied."""
        if isinstance(block, Columns):
            addresses = [[_address(column) for column in piece] for piece in block.pieces]
            return cls(np.array(addresses), block.lengths, np.array([8, 8]), block.p, block)
        X, Y = _in_one_order(block.X, block.Y)
        places = [_address(part) + part.strides[1] * np.arange(part.shape[1]) for part in (X, Y)]
        steps = np.array([X.strides[0], Y.strides[0]])
        return cls(np.concatenate(places)[None], np.array([len(X)]), steps, X.shape[1], (X, Y))


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


def _in_numpy(block: Block, shift: np.ndarray) -> Sums:
    """The sums by matrix products of pieces that stay in cache; the twin of `kernels.gram`."""
    k = len(shift)
    low, high, total, products = np.full(k, np.inf), np.full(k, -np.inf), np.zeros(k), np.zeros((k, k))
    size = max(k, _CACHED // k)
    Z, ones = np.empty((min(size, len(block.X)), k)), np.ones(size)
    for first in range(0, len(block.X), size):
        part = block.take(slice(first, first + size))
        z = Z[: len(part.X)]
        z[:, : part.X.shape[1]], z[:, part.X.shape[1] :] = part.X, part.Y
        np.minimum(low, z.min(axis=0), out=low)
        np.maximum(high, z.max(axis=0), out=high)
        z -= shift
        w = ones[: len(z)] if part.w is None else part.w
        total += w @ z
        products += z.T @ (z if part.w is None else w[:, None] * z)
    return Sums(low, high, total, products, fingerprint(block))


def sparse_sums(block: Block, shift: np.ndarray) -> Sums:
    """The sums of a sparse X, around the shift's zeros for its columns, by the products of the cells that it stores."""
    X: Any = block.X
    p = X.shape[1]
    Y = block.Y - shift[p:]
    weighted, V = (X, Y) if block.w is None else (X.multiply(block.w[:, None]).tocsr(), block.w[:, None] * Y)
    between = weighted.T @ Y
    products = np.block([[dense(weighted.T @ X), between], [between.T, Y.T @ V]])
    total = np.concatenate([np.asarray(weighted.sum(axis=0)).ravel(), V.sum(axis=0)])
    low, high = (
        np.concatenate([dense(edge).ravel(), edge_y])
        for edge, edge_y in ((X.min(axis=0), block.Y.min(axis=0)), (X.max(axis=0), block.Y.max(axis=0)))
    )
    return Sums(low, high, total, products, fingerprint(block))
