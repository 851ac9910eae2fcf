"""Newton's steps for losses that are squares up to a point and lines beyond: which rows are far is found on the way."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.errors import Notice
from gradline.moments.rank import Rank
from gradline.solvers.loop import State
from gradline.solvers.problem import Problem, stacked
from gradline.solvers.tall import Tall, dual_slope

_STEPS = 100  # at the delta asked for; most data need five
_BEFORE = 4  # at each of the larger ones on the way there
_FALLS = 4.0  # by how much delta falls from one to the next
_TRIALS = 40  # halvings of the range in which the lowest point along a step is sought
_SMALL = 1e-10  # of the diagonal: what is added where near rows do not tell all columns apart
_ARRIVED = 1e-13  # of the coefficients: the length of a last step
_GOOD = 0.1  # share of the slope along a step that may be left at its end


@dataclass(frozen=True)
class Newton:
    """The Huber loss by Newton's steps, without a penalty or with ridge.

    With the rows that are near, the loss is a parabola, whose lowest point one linear system gives; the rows near it
    are others, and so on, until they stay the same: then the answer is exact. Each step goes to the lowest point along
    it. A small delta is come to by larger ones. It takes no epoch, and reads the rows once.

    Madsen, Nielsen 1990 (the steps, and that they end); Qi, Sun 1993 (Newton's steps where slopes have kinks).

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], loss=gradline.Huber(0.5), solver=gradline.Newton())
    >>> model.certificate.status, model.certificate.gap < 1e-12
    ('certified', True)
    """

    name = "newton"
    needs = ("rows", "bent loss", "quadratic")
    epochs = 0
    scale = "none"
    course = None

    def resolve(self, problem: Problem, force: bool) -> tuple["Newton", list[Notice]]:  # noqa: ARG002
        """Nothing to resolve."""
        return self, []

    def start(self, problem: Problem) -> State:
        """The answer."""
        return at_once(problem, newton_minimised)

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def params(self) -> dict[str, Any]:
        """It has no settings."""
        return {}


def at_once(problem: Problem, minimised: Any) -> State:
    """The state in which `minimised` leaves each target, on the scale of training."""
    tall = Tall.of(problem)
    begin = least_squares(tall)
    theta = np.column_stack([minimised(tall, begin[:, j], j) for j in range(problem.m)])
    weight, bias = problem.scaling.to_view(*smallest(problem, *tall.raw(theta)))
    found = stacked((weight, bias), problem.moments, problem.bias)
    return State(found, np.zeros_like(found))


def smallest(problem: Problem, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of all weights that predict the same, those of least ‖weight‖, on the scale of training where that is another."""
    rank = Rank.of(problem.moments, problem.bias)
    if not rank.deficiency or not problem.penalty.is_none:
        return weight, bias
    beta, level = problem.scaling.to_view(weight, bias)
    less = rank.least_squares(rank.varying @ beta.T).T
    mean = problem.moments.mean[: problem.p]
    return problem.scaling.to_raw(less, level + (beta - less) @ mean if problem.bias else level)


def least_squares(tall: Tall) -> np.ndarray:
    """θ (q, m) of least squares of the rows, those of the penalty left out but for a trace, which determines it."""
    tall = tall.sample or tall
    root = np.sqrt(np.where(np.arange(len(tall.A)) < tall.data, tall.w, 1e-12))[:, None]
    return np.linalg.lstsq(
        (tall.A * root).T @ (tall.A * root), (tall.A * root).T @ (tall.Y * root), rcond=None
    )[0]


def newton_minimised(tall: Tall, theta: np.ndarray, j: int) -> np.ndarray:
    """The θ (q,) of target j that minimises Σ w·ρ, from any θ."""
    sample = tall.sample
    if sample is not None:
        return _settled(tall, newton_minimised(sample, theta, j), j, _STEPS)
    finite = np.isfinite(tall.high)
    r = tall.Y[:, j] - tall.A @ theta
    size = float(np.abs(r[finite]).mean()) if finite.any() else 0.0
    wide = tall.high[finite] * tall.width[finite]
    factor = 2 * size / wide.min() if finite.any() else 1.0
    while factor > _FALLS:
        factor /= _FALLS
        eased = replace(tall, low=tall.low * factor, high=tall.high * factor)
        theta = _settled(eased, theta, j, _BEFORE)
    return _settled(tall, theta, j, _STEPS)


def _settled(tall: Tall, theta: np.ndarray, j: int, steps: int) -> np.ndarray:
    """After so many steps, or when the rows that are near stay the same."""
    before, y = None, tall.Y[:, j]
    for _ in range(steps):
        r = y - tall.A @ theta
        s = dual_slope(tall, r)
        near = (s > tall.low) & (s < tall.high)
        pull = tall.A.T @ (tall.w * s)
        step = curved_step(tall, near, pull)
        if np.abs(step).max() <= _ARRIVED * np.abs(theta).max():
            return theta + step
        move = tall.A @ step
        far = lowest(tall, r, move)
        theta = theta + far * step
        if far == 1.0 and before is not None and (near == before).all():
            break
        before = near if far == 1.0 else None
    return theta


def curved_step(tall: Tall, near: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """To the lowest point (q,) of the parabola that the near rows make."""
    H = curvature(tall, near)
    try:
        L = np.linalg.cholesky(H)
        if (L.diagonal() ** 2 > _SMALL * H.diagonal()).all():
            return np.linalg.solve(L.T, np.linalg.solve(L, pull))
    except np.linalg.LinAlgError:
        pass
    bend = _SMALL * max(float(H.diagonal().max(initial=0.0)), float(tall.w.sum()) * 1e-3)
    return np.linalg.solve(H + bend * np.eye(len(H)), pull)


def curvature(tall: Tall, near: np.ndarray) -> np.ndarray:
    """Σ w/width·a·aᵀ (q, q) of the near rows: of few, or what is left of all where few are far."""
    data = slice(tall.data)
    far = ~near[data]
    by_far = 2 * np.count_nonzero(far) <= tall.data and (tall.width[data] == tall.width[0]).all()
    chosen = far if by_far else ~far
    rows, weights = tall.A[data][chosen], tall.w[data][chosen] / tall.width[data][chosen]
    alike = len(weights) > 0 and bool(
        (weights == weights[0]).all()
    )  # a product with itself takes half the time
    part = weights[0] * (rows.T @ rows) if alike else (rows * weights[:, None]).T @ rows
    below = tall.A[tall.data :]
    return (tall.gram / tall.width[0] - part if by_far else part) + (
        below * (tall.w / tall.width)[tall.data :, None]
    ).T @ below


def lowest(tall: Tall, r: np.ndarray, move: np.ndarray) -> float:
    """How far along a step the sum is least: 1 where little of the slope is left there, else halved down to."""

    def slope(t: float) -> float:
        return float((tall.w * dual_slope(tall, r - t * move)) @ move)

    first = slope(0.0)
    at = slope(1.0)
    if abs(at) <= _GOOD * abs(first) or first <= 0:
        return 1.0
    low, high = (0.0, 1.0) if at < 0 else (1.0, 2.0)
    for _ in range(_TRIALS if at > 0 else 0):  # a step that is too short, as where few rows are near
        if slope(high) <= 0:
            break
        low, high = high, 2 * high
    for _ in range(_TRIALS):
        middle = (low + high) / 2
        left = slope(middle)
        if abs(left) <= _GOOD * first:
            return middle
        low, high = (middle, high) if left > 0 else (low, middle)
    return (low + high) / 2
