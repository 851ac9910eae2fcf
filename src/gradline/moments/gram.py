"""Sums over rows around a shift: by compiled loops, by NumPy, or of a sparse matrix by SciPy."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradline.core.kernels.library import Kernels, kernels, room
from gradline.core.linalg.double_double import Doubled, two_sum
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import dense
from gradline.moments.statistics import fingerprint

_SAMPLE = 128  # rows that say near enough where the mean is
CHAIN = 32 + 128 // 32  # roundings that a product passes in `gram.c`: FLUSH, and TILE / FLUSH, there
_FEWEST = 1024  # sparse rows that are summed at once: what SciPy does is then more than calling it
_CACHED = 1 << 16  # cells that stay in cache from one operation to the next


class RowSums(NamedTuple):
    """Over rows z: a shift s near their mean, range, Σ w·(z − s) (k,), Σ w·(z − s)(z − s)ᵀ (k, k) and fingerprint.

    A product passed no more than `chain` additions that round, or as many in each column (k,); what came of those was
    added as pairs. So rounding does not grow with the rows, however often they repeat.
    """

    shift: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: Doubled
    products: Doubled
    chain: np.ndarray | int
    fingerprint: int


def summed(block: RowBlock | ColumnBlock) -> RowSums:
    """The sums of rows, at least one: by compiled loops in one pass of memory, or by NumPy where there are none."""
    compiled = kernels()
    return _in_numpy(block.whole) if compiled is None else _compiled(compiled, block)


Summed = Callable[[RowBlock | ColumnBlock], RowSums]


class Device(Protocol):
    """What adds up rows elsewhere: an array for each field of `RowSums` but the last."""

    def sums(self, block: RowBlock | ColumnBlock) -> Any:
        """The sums of rows, at least one."""
        ...


def summed_on(device: Device) -> Summed:
    """`summed` by a device, with the fingerprint that this processor takes of the rows."""
    return lambda block: RowSums._make([*device.sums(block), fingerprint(block.whole)])


def _compiled(compiled: Kernels, block: RowBlock | ColumnBlock) -> RowSums:
    """The sums by `gram` of `gram.c`."""
    cells = block.places
    w = None if block.w is None else np.ascontiguousarray(block.w, np.float64)
    pieces, k = cells.addresses.shape
    found, space = np.zeros((5 + 2 * k, k)), room(compiled.gram_room(block.rows, k))
    where = (cells.addresses, cells.lengths, w, found, space)
    hashes = compiled.gram(*where, pieces, block.rows, block.p, k, *cells.steps)
    shift, low, high, total, rest = found[:5]
    products = Doubled(found[5 : 5 + k], found[5 + k :])
    return RowSums(shift, low, high, Doubled(total, rest), products, CHAIN, hashes)


def _in_numpy(block: RowBlock) -> RowSums:
    """The sums piece by piece, so that they stay in cache; the twin of `gram.c`."""
    shift = block.matrix(np.arange(0, block.rows, -(-block.rows // _SAMPLE))).mean(axis=0)
    k = len(shift)
    low, high = np.full(k, np.inf), np.full(k, -np.inf)
    total, products = Doubled.of(np.zeros(k)), Doubled.of(np.zeros((k, k)))
    size = max(4 * chain(k), _CACHED // k)
    Z = np.empty((min(size, block.rows), k))
    for first in range(0, block.rows, size):
        part = block.take(slice(first, first + size))
        z = Z[: part.rows]
        z[:, : part.p], z[:, part.p :] = part.X, part.Y
        np.minimum(low, z.min(axis=0), out=low)
        np.maximum(high, z.max(axis=0), out=high)
        z -= shift
        added, product = piecewise(z, part.w)
        total, products = total.plus(added), products.plus(product)
    return RowSums(shift, low, high, total, products, chain(k), fingerprint(block))


def piecewise(z: np.ndarray, w: np.ndarray | None) -> tuple[Doubled, Doubled]:
    """Σ w·z (k,) and Σ w·zzᵀ (k, k) over rows z (n, k): no more than `chain(k)` of them are added plainly."""
    length = chain(z.shape[1])
    weighted = z if w is None else w[:, None] * z
    whole = len(z) // length * length
    total, products = Doubled.of(weighted[whole:].sum(axis=0)), Doubled.of(z[whole:].T @ weighted[whole:])
    if not whole:
        return total, products
    left, right = (part[:whole].reshape(-1, length, z.shape[1]) for part in (z, weighted))
    sums, squares = Doubled.of(right.sum(axis=1)).sum(), Doubled.of(left.transpose(0, 2, 1) @ right).sum()
    return sums.plus(total), squares.plus(products)


def chain(k: int) -> int:
    """How many rows of k cells NumPy adds up plainly: more of wide ones, for to add up matrices takes its time, too."""
    return max(64, k // 4)


def sparse_sums(block: RowBlock) -> RowSums:
    """The sums of a sparse X, around zero for its columns, by the products of the cells that it stores.

    SciPy adds row after row, so it gets pieces of rows: no more numbers are added plainly than a column stores in one.
    """
    X: Any = block.X
    p, size = X.shape[1], _together(X)
    shift = np.concatenate([np.zeros(p), block.Y.mean(axis=0)])
    k = len(shift)
    whole, stored = None, np.zeros(p)  # the sums as a row on top of the products
    for first in range(0, block.rows, size):
        part = block.take(slice(first, first + size))
        x: Any = part.X
        Y = part.Y - shift[p:]
        weighted = x if part.w is None else x.multiply(part.w[:, None]).tocsr()
        found, more = np.empty((1 + k, k)), np.zeros((1 + k, k))
        (found[0, p:], more[0, p:]), (found[1 + p :, p:], more[1 + p :, p:]) = piecewise(Y, part.w)
        found[0, :p], found[1 : 1 + p, :p] = weighted.sum(axis=0), dense(weighted.T @ x)
        found[1 : 1 + p, p:] = weighted.T @ Y
        found[1 + p :, :p] = found[1 : 1 + p, p:].T
        if whole is not None:
            found, lost = two_sum(whole.hi, found)
            more += whole.lo + lost
        whole = Doubled(found, more)
        stored = np.maximum(stored, np.bincount(x.indices, minlength=p))
    assert whole is not None
    low, high = (
        np.concatenate([dense(edge).ravel(), edge_y])
        for edge, edge_y in ((X.min(axis=0), block.Y.min(axis=0)), (X.max(axis=0), block.Y.max(axis=0)))
    )
    # A product with a target has as many terms as its column of X stores.
    longest = np.concatenate([stored, np.full(k - p, max(chain(k - p), stored.max(initial=0.0)))])
    return RowSums(shift, low, high, whole[0], whole[1:], longest, fingerprint(block))


def _together(X: Any) -> int:
    """How many sparse rows are summed at once: so many that their products outweigh adding k² sums as pairs."""
    each = max(1.0, X.nnz / X.shape[0])
    return max(_FEWEST, int(8 * (X.shape[1] / each) ** 2))
