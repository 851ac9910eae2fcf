"""One penalty at many alphas: where a grid of them begins and ends, and the weights at each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.errors import RequestError
from gradline.core.linalg.triangular import UNIT, rounding
from gradline.moments.rank import varying
from gradline.moments.state import Moments
from gradline.solvers.descent import Columns, Descent
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.ridge import spectrum
from gradline.solvers.together import Together, minimised_together

_LOWEST = (
    1e-3  # of the largest alpha: of 1,000 times less penalty than sets all to zero little is left to see
)
_LOWEST_FEW_ROWS = (
    1e-2  # where rows are no more than columns: below, weights only follow the noise to a perfect fit
)
_KEPT = 1e-2  # ridge: what the largest alpha leaves of the strongest direction, and the smallest takes of the weakest
_WEAKEST = 1e-8  # of the strongest squared singular value: directions below it count as none


def grid(
    moments: Moments, bias: bool, penalty: ElasticNet, count: int, lowest: float | None = None
) -> np.ndarray:
    """`count` alphas on a logarithmic scale, from the one that leaves no weight to `lowest` of it.

    With a share of |w| the first is 2·max|aᵀb|/(m·W·l1_ratio), at which the last weight becomes zero; the grid goes
    down to 1/1000 of it, to 1/100 where rows are no more than columns (both as in glmnet). Ridge sets no weight to
    zero: its grid goes from where the strongest direction of the columns keeps 1 % to where the weakest keeps 99 %.
    Where weights differ in what they pay, or have bounds, the slopes a of the first are those that are left when the
    weights without a penalty are at their best, and the others at zero or as near to it as they may.
    """
    cells = moments.m * moments.weight_sum
    if penalty.l1_ratio == 0:
        singular = spectrum(moments, bias).singular
        squares = singular[singular > 0] ** 2
        if not len(squares):
            return np.geomspace(1.0, _LOWEST, count)
        squares = squares[squares >= _WEAKEST * squares.max()]
        first, last = squares.max() / _KEPT, squares.min() * _KEPT
        last = last if lowest is None else first * lowest
        return np.geomspace(float(first), float(last), count) * (2 / cells)
    columns, B = varying(moments, bias), moments.slopes_factor(bias).B
    largest = max(_last_to_go(columns, B, penalty))
    largest *= 1 + rounding(moments.p)  # or rounding of another sum of the same products would let one go
    if not largest > 0:
        return np.geomspace(1.0, _LOWEST, count)
    if lowest is None:
        lowest = _LOWEST if moments.rows > moments.p else _LOWEST_FEW_ROWS
    return np.geomspace(1.0, lowest, count) * (2 * largest / (cells * penalty.l1_ratio))


def _last_to_go(columns: np.ndarray, B: np.ndarray, penalty: ElasticNet) -> list[float]:
    """The strength of l1 for each target from which on no penalised weight leaves zero, or what is next to it.

    One number for all targets where their weights are zero together.
    """
    if not penalty.is_joint:
        return [_last_of_target(columns, b, penalty) for b in B.T]
    factors = np.broadcast_to(1.0 if penalty.factors is None else penalty.factors, columns.shape[1])
    free = columns[:, factors == 0]
    left = B - free @ np.linalg.lstsq(free, B)[0] if free.size else B
    pulls, paying = np.linalg.norm(columns.T @ left, axis=1), factors > 0
    return [float(np.max(pulls[paying] / factors[paying], initial=0.0))]


def _last_of_target(columns: np.ndarray, b: np.ndarray, penalty: ElasticNet) -> float:
    factors = np.broadcast_to(1.0 if penalty.factors is None else penalty.factors, columns.shape[1])
    nearest, paying = penalty.prox(np.zeros(len(factors)), 0.0), factors > 0
    if not paying.all():
        free = replace(penalty.take(~paying), alpha=0.0)
        way = Descent(Columns.of(columns[:, ~paying]), b - columns[:, paying] @ nearest[paying])
        way.minimise(free, 0.0)
        nearest[~paying] = way.w
    slope = (b - columns @ nearest) @ columns
    low, high = penalty.low, penalty.high
    outward = np.where(nearest < high, slope, 0.0), np.where(nearest > low, -slope, 0.0)
    pull = np.where(nearest > 0, outward[0], np.where(nearest < 0, outward[1], np.maximum(*outward)))
    return float(np.max(pull[paying] / factors[paying], initial=0.0))


def chosen(
    moments: Moments, bias: bool, penalty: ElasticNet, alphas: int | Sequence[float] | np.ndarray
) -> np.ndarray:
    """So many alphas, or those that were given, the largest first.

    Raises `RequestError` for none, or for one that is below 0.
    """
    if isinstance(alphas, (int, np.integer)) and is_whole(alphas, 1):
        return grid(moments, bias, penalty, int(alphas))
    values: np.ndarray = np.sort(np.asarray(alphas, np.float64).reshape(-1))[::-1]
    if np.ndim(alphas) != 1 or not len(values) or not (np.isfinite(values) & (values >= 0)).all():
        raise RequestError(
            "alphas-invalid", f"alphas are {alphas!r}", "give a number of them from 1, or numbers from 0"
        )
    return values


def weights_along(
    moments: Moments, bias: bool, penalty: ElasticNet, alphas: np.ndarray, tol: float = 0.0
) -> np.ndarray:
    """The weights (K, m, p) at alphas (K,) that fall, those of `penalty` but for its own alpha.

    Ridge takes one singular value decomposition for all; the others go by coordinate descent, each from the answer
    before it. `tol` is how far, at most, the objective may be above the least, beside half the mean square of the
    targets around their mean; 0, as far as digits go.
    """
    half = moments.m * moments.weight_sum / 2
    if penalty.is_ridge and alphas.min() > 0:
        return spectrum(moments, bias).weights(alphas * half)
    found = np.empty((len(alphas), moments.m, moments.p))
    whole = moments.variation(bias)
    if penalty.is_joint:
        A, targets, near = varying(moments, bias), moments.slopes_factor(bias).B, None
        for k, alpha in enumerate(alphas.tolist()):
            omega = cast(Together, replace(penalty, alpha=alpha * half))
            near = found[k] = minimised_together(A, targets, omega, near, tol * float(whole.sum()))
        return found + 0.0  # of zeros none is negative
    columns, B = Columns.of(varying(moments, bias)), moments.slopes_factor(bias).B
    for target in range(moments.m):
        way, before = Descent(columns, B[:, target]), None
        for k, alpha in enumerate(alphas.tolist()):
            omega = replace(penalty, alpha=alpha * half)
            ahead = 0.0 if before is None else float(np.max(before - omega.l1))
            if k > 1:  # between two knots of the path every weight is a line of alpha
                fallen = (alphas[k - 1] - alphas[k]) / max(
                    alphas[k - 2] - alphas[k - 1], UNIT * alphas[k - 1]
                )
                way.go_on(found[k - 2, target], min(float(fallen), 1.0))
            way.minimise(omega, tol * float(whole[target]), ahead)
            before, found[k, target] = omega.l1, way.w
    return found + 0.0  # of zeros none is negative


def freedom(
    moments: Moments, bias: bool, penalty: ElasticNet, alphas: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The degrees of freedom (K, m) that weights (K, m, p) use, the bias among them.

    Ridge: the sum of d²/(d² + c) over the singular values d, c the curvature (Hastie, Tibshirani, Friedman 2009,
    section 3.4.1). Lasso: how many weights are not zero (Zou, Hastie, Tibshirani 2007), nor at a bound. Elastic net:
    the trace of A·(AᵀA + C)⁻¹·Aᵀ, A the columns of those weights and C their curvatures (Tibshirani, Taylor 2012). Of
    weights that are zero together, how many are not: they use no more, for their penalty also shrinks them.
    """
    half = moments.m * moments.weight_sum / 2
    bends = alphas * half * (1 - penalty.l1_ratio)
    if penalty.is_ridge:
        used = spectrum(moments, bias).kept(bends).sum(axis=1)
        return np.repeat(used[:, None], moments.m, axis=1) + bias
    if penalty.is_joint:
        return np.count_nonzero(weights, axis=2) + float(bias)
    columns, found = varying(moments, bias), np.empty(weights.shape[:2])
    for k, m in np.ndindex(*found.shape):
        omega = replace(penalty, alpha=float(alphas[k]) * half)
        free = omega.face(weights[k, m]).free & ((weights[k, m] != 0) | (not omega.quadratic))
        bend = np.broadcast_to(np.asarray(omega.curvature, float), free.shape)[free]
        found[k, m] = _trace(columns[:, free], bend) + bias
    return found


def _trace(A: np.ndarray, bend: np.ndarray) -> float:
    """That of A·(AᵀA + C)⁻¹·Aᵀ: with Q·R the columns above √C, the sum of squares of the upper part of Q."""
    if not bend.any():
        return float(A.shape[1])
    Q = np.linalg.qr(np.vstack([A, np.diag(np.sqrt(bend))]))[0]
    return float((Q[: len(A)] ** 2).sum())
