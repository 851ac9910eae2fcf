"""What the rows themselves say of coefficients: the judge's own way to the optimum, whatever found them."""

from dataclasses import dataclass, replace

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.linalg.double_double import Doubled
from gradline.core.linalg.refined import Refined
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import RowCollector
from gradline.data.row_stream import RowStream
from gradline.moments.gradient import Gradient, View
from gradline.moments.newton import LARGEST_CONTRACTION, Newton, gradient_over, is_refinable, settled, view_of
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.moments.variances import variances

_FAR = 2.0**64  # times what an answer may be: steps from there would begin with digits that say nothing


def seen(rows: RowStream) -> tuple[Moments, RowBlock | None]:
    """The moments of the rows, and the rows themselves where they are few."""
    keeper = RowCollector()
    moments = Moments.from_rows(rows, watch=keeper)
    return moments, keeper.kept(rows.design, rows.design)


@dataclass(frozen=True, eq=False)
class Witness:
    """What rows, or exact sums over them, say of coefficients.

    `optimum` is None where columns depend on others or nothing is proved. At the coefficients, where rows were passed:
    Σ w·r² (m,), of which `gap` (m,) is above its least, and the gradient Σ w·x·r (p + 1, m) for x of [1 X].
    """

    optimum: Refined | None
    squares: np.ndarray | None = None
    gap: np.ndarray | None = None
    gradient: np.ndarray | None = None


def witnessed(rows: RowStream | RowBlock | None, moments: Moments, found: Coefficients) -> Witness:
    """The loss and its gradient at the coefficients `found`, and by Newton's steps from there the optimum.

    Those steps end where they began if `found` is right, so what is wrong with the way there cannot be wrong here.
    There is no optimum without rows, of too many of them in memory, or where no one is the best. Bounds are infinite
    where the rows contradict the factor that the moments hold: it does not make steps shrink as it must.
    """
    bias = found.bias is not None
    if moments.products is not None:
        unique = not Rank.of(moments, bias).deficiency
        return Witness(moments.products.optimum(moments.m, bias) if unique else None)
    if rows is None:
        return Witness(None)
    view = view_of(moments, bias)
    theta = view.at(found)
    here = gradient_over(rows, view, theta) if np.isfinite(theta.hi).all() else None
    if Rank.of(moments, bias).deficiency or (isinstance(rows, RowBlock) and not is_refinable(moments, bias)):
        return _seen_at(here, view, None, None)
    newton = Newton.of(moments, bias)
    is_near = here is not None and np.abs(theta.hi).max() <= _FAR * newton.reach.max()
    step = settled(newton, rows, theta, here) if is_near else settled(newton, rows, newton.start(moments))
    if step is None:
        optimum = None if newton.share >= LARGEST_CONTRACTION else _contradicted(found, moments)
        return _seen_at(here, view, optimum, None)
    optimum = newton.answer(step)
    if optimum is not None and isinstance(rows, RowBlock):
        optimum = replace(optimum, variances=variances(rows, newton))
    return _seen_at(here, view, optimum, None if here is None else step.theta.minus(theta))


def _seen_at(here: Gradient | None, view: View, optimum: Refined | None, away: Doubled | None) -> Witness:
    """With the gradient there, in raw units, and the way to the optimum: its gap is the product of the two."""
    if here is None:
        return Witness(optimum)
    squares = 2 * view.exponents[-len(here.squares) :]
    gap = None if away is None else np.maximum(here.sums.times(away).sum().hi, 0.0)
    return Witness(
        optimum,
        np.ldexp(here.squares, squares),
        None if gap is None else np.ldexp(gap, squares),
        here.raw(view),
    )


def _contradicted(found: Coefficients, moments: Moments) -> Refined:
    """An optimum that may be anywhere."""
    none = np.zeros(moments.m) if found.bias is None else found.bias
    far = np.full_like(found.weight, np.inf)
    return Refined(found.weight, none, far, np.full(moments.m, np.inf), np.zeros(moments.m))
