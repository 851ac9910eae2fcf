"""Sums over rows around a shift: by compiled loops, by NumPy, or of a sparse matrix by SciPy."""

from typing import Any, NamedTuple

import numpy as np

from gradline.core.kernels import SAMPLE
from gradline.core.kernels.policy import foresee, kernels, lent, room
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import dense
from gradline.moments.statistics import fingerprint

_GAIN = 7e-9  # seconds a cell that compiled loops save
_PANEL, _FEWEST, _MOST = 1 << 15, 128, 240  # cells, and rows of them, that are multiplied together
_CACHED = 1 << 16  # cells that stay in cache from one operation to the next


class RowSums(NamedTuple):
    """Over rows z: a shift s near their mean, range, Σ w·(z − s) (k,), Σ w·(z − s)(z − s)ᵀ (k, k) and fingerprint."""

    shift: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    products: np.ndarray
    fingerprint: int


def expect(cells: int) -> None:
    """So many cells are about to be summed up: compiled loops need not wait until they have paid for themselves."""
    foresee(cells * _GAIN)


def summed(block: RowBlock | ColumnBlock) -> RowSums:
    """The sums of rows: by compiled loops in one pass of memory, once these have paid for themselves."""
    loops = kernels(block.cells * _GAIN)
    return _compiled(loops, block) if loops else _in_numpy(block.whole)


def _compiled(loops: Any, block: RowBlock | ColumnBlock) -> RowSums:
    """The sums by `kernels.gram`."""
    cells, w = block.places(), lent(block.w)
    pieces, k = cells.addresses.shape
    tile, found = _tile(k), np.zeros((4 + k, k))
    space = room(loops.gram_room(pieces, k, tile))
    sizes = (pieces, block.rows, len(w), block.p, k, tile, *cells.steps)
    hashes = loops.gram(cells.addresses, cells.lengths, w, found, space, *sizes)
    shift, low, high, total = found[:4]
    return RowSums(shift, low, high, total, found[4:], hashes)


def _tile(k: int) -> int:
    """The rows whose products are summed together: as many as stay near the processor, of few columns not too many."""
    return max(_FEWEST, min(_MOST, _PANEL // k)) // 8 * 8


def _in_numpy(block: RowBlock) -> RowSums:
    """The sums by matrix products of pieces that stay in cache; the twin of `kernels.gram`."""
    shift = block.matrix(np.arange(0, block.rows, -(-block.rows // SAMPLE))).mean(axis=0)
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
    return RowSums(shift, low, high, total, products, fingerprint(block))


def sparse_sums(block: RowBlock) -> RowSums:
    """The sums of a sparse X, around zero for its columns, by the products of the cells that it stores."""
    X: Any = block.X
    shift = np.concatenate([np.zeros(X.shape[1]), block.Y.mean(axis=0)])
    Y = block.Y - shift[X.shape[1] :]
    weighted, V = (X, Y) if block.w is None else (X.multiply(block.w[:, None]).tocsr(), block.w[:, None] * Y)
    between = weighted.T @ Y
    products = np.block([[dense(weighted.T @ X), between], [between.T, Y.T @ V]])
    total = np.concatenate([np.asarray(weighted.sum(axis=0)).ravel(), V.sum(axis=0)])
    low, high = (
        np.concatenate([dense(edge).ravel(), edge_y])
        for edge, edge_y in ((X.min(axis=0), block.Y.min(axis=0)), (X.max(axis=0), block.Y.max(axis=0)))
    )
    return RowSums(shift, low, high, total, products, fingerprint(block))
