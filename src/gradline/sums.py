"""Sums over rows around a shift: by compiled loops, by NumPy, or of a sparse matrix by SciPy."""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gradline.compiled import kernels, lent
from gradline.rows import Block
from gradline.sparse import dense
from gradline.tally import fingerprint, multipliers

_GAIN = 3e-9  # seconds a cell that compiled loops save
_GAIN_PER_COLUMN = 6e-12  # and those for each product of two cells
_CACHED = 1 << 16  # cells that stay in cache from one operation to the next


class Sums(NamedTuple):
    """Over rows z: range, Σ w·(z − s) (k,), Σ w·(z − s)(z − s)ᵀ (k, k) around a shift s, and the fingerprint."""

    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    products: np.ndarray
    fingerprint: int


def summed(block: Block, shift: np.ndarray) -> Sums:
    """The sums around a shift (k,): by compiled loops in one pass of memory, once these have paid for themselves."""
    loops = kernels(len(block.X) * len(shift) * (_GAIN + len(shift) * _GAIN_PER_COLUMN))
    return _compiled(loops, block, shift) if loops else _in_numpy(block, shift)


def _compiled(loops: ModuleType, block: Block, shift: np.ndarray) -> Sums:
    """The sums by `kernels.gram`, whose columns are filled up with zeros to a multiple of `kernels.LANES`."""
    k = len(shift)
    length = -(-k // loops.LANES) * loops.LANES
    center, sums, G = np.zeros(length), np.zeros((3, length)), np.zeros((length, length))
    center[:k], sums[0], sums[1] = shift, np.inf, -np.inf
    hashes = loops.gram(lent(block.X), lent(block.Y), lent(block.w), center, multipliers(k + 1), sums, G)
    products = np.triu(G[:k, :k])
    low, high, total = sums[:, :k]
    return Sums(low, high, total, products + np.triu(products, 1).T, int(hashes))


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
