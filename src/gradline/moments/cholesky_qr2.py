"""What a second pass over the rows makes of a factor that came from their cross-products."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import TypeVar

import numpy as np

from gradline.core.blas_threads import one_blas_thread
from gradline.core.linalg.triangular import (
    assembled,
    back_substituted,
    forward_substituted,
    multiplied,
    root,
    rounding,
)
from gradline.core.parallel import ordered_map
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.moments.cross_products import CrossProducts, Found
from gradline.moments.statistics import RowStatistics

_CELLS = 1 << 20  # of a block
_ROWS = 1024  # and of a wide one, whose products are k×k: more than their sum costs
_PIECE = 1 << 16  # cells that stay in cache from one operation to the next
_SLIGHT = 3.0  # times QR's error is half a digit, and not worth taking all columns again
_CLOSE = 0.1  # how far from orthonormal columns may be that a factor is to make so

Part = TypeVar("Part")


def improved(rows: RowStream, statistics: RowStatistics, found: Found) -> Found | None:
    """A factor about as right as by QR, made of `found`; None where that is too far off."""
    if found.likely <= _SLIGHT * rounding(len(found.factor)):
        return _with_targets(rows, statistics, found)
    return _orthogonalised(rows, statistics, found) if found.features <= _CLOSE else None


def _with_targets(rows: RowStream, statistics: RowStatistics, found: Found) -> Found:
    """B and C from what the slopes leave of the targets, in the rows: no digit is lost to how much X explains.

    With r = y − ȳ − slopesᵀ(x − x̄) and U = R⁻ᵀ·Σ w·(x − x̄)rᵀ, B grows by U and CᵀC = Σ w·r·rᵀ − UᵀU.
    """
    p = len(rows.design.features)
    R, B = found.factor[:p, :p], found.factor[:p, p:]
    slopes = back_substituted(R, B)
    sums = _summed(rows, lambda block: _remainders(block, statistics, slopes), np.ndarray.__add__)
    U = forward_substituted(R, sums[:p])
    factor = assembled(R, B + U, root(sums[p:] - U.T @ U))
    return found._replace(factor=factor, error=found.reached)


def _remainders(block: RowBlock, statistics: RowStatistics, slopes: np.ndarray) -> np.ndarray:
    """Σ w·(x − x̄)rᵀ on top of Σ w·r·rᵀ, (k, m)."""
    p, m = slopes.shape
    sums, step = np.zeros((p + m, m)), max(1, _PIECE // (p + m))
    for first in range(0, len(block.Y), step):
        piece = _around(block.take(slice(first, first + step)), statistics)
        r = piece.Y - piece.X @ slopes
        weighted = r if piece.w is None else piece.w[:, None] * r
        sums[:p] += piece.X.T @ weighted
        sums[p:] += r.T @ weighted
    return sums


def _orthogonalised(rows: RowStream, statistics: RowStatistics, found: Found) -> Found | None:
    """R₂·R₁ for the factor R₂ of rows that R₁ has made nearly orthonormal, as right as one by QR.

    Yamamoto, Nakatsukasa, Yanagisawa, Fukaya 2015 (CholeskyQR2).
    """
    p, m = len(rows.design.features), len(rows.design.targets)
    first = assembled(found.factor[:p, :p], found.factor[:p, p:], np.eye(m))

    def part(block: RowBlock) -> CrossProducts:
        around = _around(block, statistics)
        V = forward_substituted(first, np.hstack([around.X, around.Y]).T).T
        return CrossProducts.of(replace(block, X=V[:, :p], Y=V[:, p:]), rows.design)

    second = _summed(rows, part, CrossProducts.taking).factor(p)
    if second is None:
        return None
    error = second.error + rounding(p + m)
    return second._replace(factor=multiplied(second.factor, first), error=error)


def _around(block: RowBlock, statistics: RowStatistics) -> RowBlock:
    """The rows around the mean."""
    p = block.X.shape[1]
    mean, low = statistics.mean, statistics.mean_low
    return replace(block, X=block.X - mean[:p] - low[:p], Y=block.Y - mean[p:] - low[p:])


def _summed(rows: RowStream, part: Callable[[RowBlock], Part], join: Callable[[Part, Part], Part]) -> Part:
    """`part` of every block, side by side, added up in the order of the rows."""
    size = max(_ROWS, _CELLS // (len(rows.design.features) + len(rows.design.targets)))
    with one_blas_thread():
        return reduce(join, ordered_map(rows.lazy_blocks(size), lambda parcel: part(parcel.block())))
