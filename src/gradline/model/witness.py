"""What the rows themselves say of coefficients: the judge's own way to the optimum, whatever found them."""

from dataclasses import replace

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.linalg.refined import Refined
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import RowCollector
from gradline.data.row_stream import RowStream
from gradline.moments.newton import LARGEST_CONTRACTION, Newton, is_refinable, settled
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.moments.variances import variances

_FAR = 2.0**64  # times what an answer may be: steps from there would begin with digits that say nothing


def seen(rows: RowStream) -> tuple[Moments, RowBlock | None]:
    """The moments of the rows, and the rows themselves where they are few."""
    keeper = RowCollector()
    moments = Moments.from_rows(rows, watch=keeper)
    return moments, keeper.kept(rows.design, rows.design)


def witnessed(rows: RowStream | RowBlock | None, moments: Moments, found: Coefficients) -> Refined | None:
    """The optimum as the rows have it, or exact sums over them: by Newton's steps from the coefficients `found`.

    Those steps end where they began if `found` is right, so what is wrong with the way there cannot be wrong here. None
    where there are no rows, too many of them in memory, or no one optimum. Bounds are infinite where the rows
    contradict the factor that the moments hold: it does not make steps shrink as it must.
    """
    bias = found.bias is not None
    if Rank.of(moments, bias).deficiency:
        return None
    if moments.products is not None:
        return moments.products.optimum(moments.m, bias)
    if rows is None or (isinstance(rows, RowBlock) and not is_refinable(moments, bias)):
        return None
    newton = Newton.of(moments, bias)
    theta = newton.at(found)
    is_near = bool(np.isfinite(theta.hi).all()) and np.abs(theta.hi).max() <= _FAR * newton.reach.max()
    step = settled(newton, rows, theta if is_near else newton.start(moments))
    if step is None:
        return None if newton.share >= LARGEST_CONTRACTION else _contradicted(found, moments)
    answer = newton.answer(step)
    if answer is None or not isinstance(rows, RowBlock):
        return answer
    return replace(answer, variances=variances(rows, newton))


def _contradicted(found: Coefficients, moments: Moments) -> Refined:
    """An optimum that may be anywhere."""
    none = np.zeros(moments.m) if found.bias is None else found.bias
    far = np.full_like(found.weight, np.inf)
    return Refined(found.weight, none, far, np.full(moments.m, np.inf), np.zeros(moments.m))
