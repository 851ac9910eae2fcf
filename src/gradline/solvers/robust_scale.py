"""How large a typical error is where some rows are far off: estimated together with the weights."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradline.core.errors import Notice, RequestError
from gradline.core.text import number
from gradline.solvers.losses import Huber
from gradline.solvers.newton import least_squares, newton_minimised
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.problem import Problem
from gradline.solvers.tall import Tall

FAR = 1.35  # typical errors from which on a row is far: where errors are normal, 95 % as efficient as least squares
_STEPS = 100  # to the size of an error, each but the first few a secant's
_KNOWN = 1e-15  # to which it is found, relative
_LEAST = 10 * 2.0**-52  # of what the targets vary: less is none


def settled(problem: Problem) -> tuple[Problem, list[Notice]]:
    """The problem with a delta of the Huber loss where it has none yet, and what that is.

    Raises `RequestError` where several targets would share one, or the rows leave no errors to measure.
    """
    loss = problem.loss
    if not isinstance(loss, Huber) or loss.delta is not None:
        return problem, []
    if problem.m > 1:
        raise RequestError(
            "delta-of-several-targets",
            f"the Huber loss has one delta, and the errors of {problem.m} targets may differ in size",
            "give it (--delta 2), or fit one target at a time",
        )
    sigma = typical_error(problem, FAR)
    if sigma is None:
        raise RequestError(
            "delta-not-found",
            "the line goes through nearly all rows, so there is no typical error to take a delta from",
            "give it: --delta 0.1 (delta=0.1 in Python), in units of the target",
        )
    delta = FAR * sigma
    text = (
        f"delta {number(delta)}: rows further from the line than that count as far. It is {FAR} times the typical "
        f"error, {number(sigma)}"
    )
    return replace(problem, loss=Huber(delta)), [Notice("delta-chosen", text)]


def typical_error(problem: Problem, epsilon: float, ridge: float = 0.0) -> float | None:
    """The σ > 0 of least Σ w·(σ + σ·H(r/σ)) + ridge·‖weight‖², H(z) = z², beyond epsilon 2·epsilon·|z| − epsilon².

    It is convex in σ and the weights together (Owen 2007), which for a given σ are those of the Huber loss with delta
    epsilon·σ and a ridge penalty ridge·σ/2: so one number is sought, at which Σ w·min(r²/σ², epsilon²) = Σw. None where
    that falls to nothing.
    """
    tall = Tall.of(replace(problem, loss=Huber(1.0), penalty=ElasticNet(1 / problem.cells if ridge else 0.0)))
    w, y = tall.w[: tall.data], tall.Y[:, 0]
    theta = least_squares(tall)[:, 0]

    def excess(sigma: float) -> float:
        """How much more than σ the errors are, and the weights for it on the way."""
        nonlocal theta
        cut = np.where(np.arange(len(y)) < tall.data, epsilon * sigma, np.inf)
        weights = np.where(np.arange(len(y)) < tall.data, tall.w, tall.w * ridge * sigma)
        theta = newton_minimised(replace(tall, low=-cut, high=cut, w=weights), theta, 0)
        z = (y - tall.A @ theta)[: tall.data] / sigma
        return float(w @ np.minimum(z * z, epsilon**2)) / float(w.sum()) - 1.0

    spread = float(
        np.sqrt(np.average((y[: tall.data] - np.average(y[: tall.data], weights=w)) ** 2, weights=w))
    )
    least = max(_LEAST * spread, np.finfo(float).tiny)
    size = float(np.sqrt(np.average((y - tall.A @ theta)[: tall.data] ** 2, weights=w)))
    return _root(excess, max(size, least), least)


def _root(excess: Callable[[float], float], high: float, least: float) -> float | None:
    """Where a falling function is 0, from some number; None where that is below `least`.

    Between two numbers on either side of it, by secants of which none stays on one side (Illinois; Dowell, Jarratt
    1971).
    """
    above = excess(high)
    while above > 0:
        high *= 2
        above = excess(high)
    low, below = high, above
    while below <= 0:
        high, above = low, below
        low /= 2
        if low < least:
            return None
        below = excess(low)
    for _ in range(_STEPS):
        middle = high - above * (high - low) / (above - below)
        if not low < middle < high or high - low <= _KNOWN * high:
            break
        at = excess(middle)
        if at > 0:
            low, below, above = middle, at, above / 2
        else:
            high, above, below = middle, at, below / 2
        if at == 0:
            return middle
    return high
