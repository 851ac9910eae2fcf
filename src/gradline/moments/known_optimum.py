"""The optimum that moments know without rows: by exact products, or by the residuals that a database summed."""

import math

import numpy as np

from gradline.core.linalg.double_double import Doubled
from gradline.core.linalg.refined import Refined
from gradline.core.linalg.triangular import UNIT
from gradline.moments.gradient import Gradient
from gradline.moments.newton import LARGEST_CONTRACTION, Newton
from gradline.moments.queried import Residuals
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


def known_optimum(moments: Moments, bias: bool) -> Refined | None:
    """The optimum with bounds that hold; None where R is all that is known, or the columns are dependent."""
    residuals = None if moments.queried is None else moments.queried.residuals
    if (moments.products is None and residuals is None) or Rank.of(moments, bias).deficiency:
        return None
    if moments.products is not None:
        return moments.products.optimum(moments.m, bias)
    return None if residuals is None or not bias else _corrected(moments, residuals)


def _corrected(moments: Moments, residuals: Residuals) -> Refined | None:
    """One of Newton's steps from where the residuals were taken; None where it is no proof.

    The database computes in float64. A residual is made of p + 1 products, each off by the roundings of the difference
    and of itself, and of as many sums: p + 4 roundings of all that it is made of. In a sum over a group of rows a
    product a·r, three roundings itself, passes as many more as there are rows; what comes of the groups is added
    without rounding. Columns of unit norm make that a share of ‖r‖, and coordinates magnify it by √q/σmin, as in
    `Newton.corrected`, whose bounds of pairs these take the place of.
    """
    newton = Newton.of(moments, True)
    if newton.share >= LARGEST_CONTRACTION:
        return None
    p, columns, targets = moments.p, newton.columns, newton.targets
    theta = Doubled.of(np.ldexp(residuals.theta, np.append(0, columns)[:, None] - targets))
    sums = np.ldexp(residuals.sums, -np.append(0, columns)[:, None] - targets)
    found = Gradient(Doubled.of(sums), np.ldexp(residuals.squares, -2 * targets))
    step, move, _ = newton.corrected(found, theta)
    made_of = newton.sizes[p:] + np.abs(theta.hi[0]) + newton.sizes[:p] @ np.abs(theta.hi[1:])
    lost = (residuals.longest + 8) * UNIT
    norm = np.sqrt(found.squares / max(1 - lost, 0.5))
    added = lost * norm * math.sqrt(p + 1) / newton.extremes.smallest
    noise = (p + 4) * UNIT * made_of * math.sqrt(moments.weight_sum) + added
    step = step._replace(bound=noise + (move + noise) * newton.share / (1 - newton.share))
    reached = newton.reached(step)
    return None if reached is None else reached.refined(newton.first)
