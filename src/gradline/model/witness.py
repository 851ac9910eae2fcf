"""What the rows themselves say of coefficients: the judge's own way to the optimum, whatever found them."""

from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.refined import Refined
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import RowCollector
from gradline.data.row_stream import RowStream
from gradline.moments.gradient import Gradient, View
from gradline.moments.known_optimum import known_optimum
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
class Witness(Derived):
    """What rows, or exact sums over them, say of coefficients.

    `optimum` is None where columns depend on others or nothing is proved. `here` is the gradient at the coefficients
    in a view, where rows were passed; of Σ w·r² there `gap` (m,) is above its least.
    """

    optimum: Refined | None
    view: View | None = None
    here: Gradient | None = None
    gap: np.ndarray | None = None

    @cached_property
    def squares(self) -> np.ndarray | None:
        """Σ w·r² (m,) at the coefficients."""
        if self.here is None or self.view is None:
            return None
        return np.ldexp(self.here.squares, 2 * self.view.exponents[-len(self.here.squares) :])

    @cached_property
    def gradient(self) -> np.ndarray | None:
        """Σ w·x·r (p + 1, m) there, for x of [1 X]."""
        return None if self.here is None or self.view is None else self.here.raw(self.view)


def witnessed(rows: RowStream | RowBlock | None, moments: Moments, found: Coefficients) -> Witness:
    """The loss and its gradient at the coefficients `found`, and by Newton's steps from there the optimum.

    Those steps end where they began if `found` is right, so what is wrong with the way there cannot be wrong here.
    There is no optimum without rows, of too many of them in memory, or where no one is the best. Bounds are infinite
    where the rows contradict the factor that the moments hold: it does not make steps shrink as it must.
    """
    bias = found.bias is not None
    if rows is None or moments.products is not None:
        return Witness(known_optimum(moments, bias))
    view = view_of(moments, bias)
    raw = view.own(found)
    if Rank.of(moments, bias).deficiency or (isinstance(rows, RowBlock) and not is_refinable(moments, bias)):
        return Witness(None, view, _gradient_at(raw, rows, view))
    newton = Newton.of(moments, bias)
    if np.abs(raw).max() <= _FAR * newton.reach.max():
        step, reached, here, gap = settled(newton, rows, raw)
    else:
        step, reached, *_ = settled(newton, rows, newton.start(moments))
        here, gap = _gradient_at(raw, rows, view), None
        if step is not None and here is not None:
            gap = here.gap(step.theta.minus(view.around(raw)))
    if step is None:
        optimum = None if newton.share >= LARGEST_CONTRACTION else _contradicted(found, moments)
        return Witness(optimum, view, here)
    optimum = None
    if reached is not None:
        figures = variances(rows, newton) if isinstance(rows, RowBlock) else None
        optimum = reached.refined(newton.first, figures)
    return Witness(optimum, view, here, None if gap is None else np.ldexp(gap, 2 * newton.targets))


def _gradient_at(raw: np.ndarray, rows: RowStream | RowBlock, view: View) -> Gradient | None:
    """That at coefficients in units of the view, None where they are beyond float64."""
    theta = view.around(raw)
    return gradient_over(rows, view, theta) if np.isfinite(theta.hi).all() else None


def _contradicted(found: Coefficients, moments: Moments) -> Refined:
    """An optimum that may be anywhere."""
    none = np.zeros(moments.m) if found.bias is None else found.bias
    far = np.full_like(found.weight, np.inf)
    return Refined(found.weight, none, far, np.full(moments.m, np.inf), np.zeros(moments.m))
