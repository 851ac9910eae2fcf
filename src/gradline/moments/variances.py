"""The variances of a least-squares answer to rounding, from the rows and a factor that is near."""

import numpy as np

from gradline.core.linalg.double_double import Doubled
from gradline.core.linalg.triangular import UNIT
from gradline.data.row_block import RowBlock
from gradline.moments.gradient import View, gradient
from gradline.moments.newton import EXPONENTS, LARGEST_CONTRACTION, PASSES, Newton

_WORK = 1 << 20  # rows × columns², up to which they are corrected: for a few ms at the most
_STEADY = 10.0  # a condition up to which the factor gives them to 14 digits


def variances(block: RowBlock, newton: Newton) -> np.ndarray | None:
    """The diagonal (q,) of (AᵀWA)⁻¹ for A = [1 X] or X: one correction of what the inverse of the factor says.

    None of wide tables, and where float64 cannot hold it.
    """
    if block.rows * len(newton.inverse) ** 2 > _WORK:
        return None
    found = newton.lengths**2 if newton.extremes.condition <= _STEADY else _corrected(block, newton)
    units = np.concatenate([np.zeros(newton.first, int), -2 * newton.columns])
    held = (found > 0) & (np.abs(np.frexp(found)[1] + units) <= EXPONENTS)
    return np.ldexp(found, units) if held.all() else None


def _corrected(block: RowBlock, newton: Newton) -> np.ndarray:
    """The same in the units of the view: Z near (AᵀWA)⁻¹ is corrected by what AᵀWA·Z lacks of the identity."""
    T, above = newton.inverse, 1 - newton.first
    q, p = len(T), len(newton.columns)
    targets = RowBlock(block.X, np.zeros((block.rows, q)), block.w)
    view = View(*(np.concatenate([part[:p], np.zeros(q, part.dtype)]) for part in newton.view))
    near = Doubled.of(T @ T.T)
    for _ in range(PASSES):
        product = gradient(
            targets, view, Doubled(*(np.vstack([np.zeros((above, q)), part]) for part in near))
        )
        left = product.sums[above:].plus(np.eye(q))
        along = T.T @ (left.hi + left.lo)
        near = near.plus(T @ along)
        move = min(newton.share, LARGEST_CONTRACTION) * np.linalg.norm(along, axis=0)
        if (move <= UNIT / 8 * np.sqrt(np.diag(near.hi))).all():
            break
    found = np.diag(near.hi).copy()
    if newton.first:
        v = np.concatenate([[1.0], -newton.view.center[:p]])
        found[0] = near.times(np.tile(v[:, None], q)).sum().times(v).sum().hi
    return found
