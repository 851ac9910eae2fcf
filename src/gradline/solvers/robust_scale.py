"""How large a typical error is where some rows are far off: estimated together with the weights."""

from dataclasses import dataclass, replace

import numpy as np

from gradline.core.errors import Notice, RequestError
from gradline.core.text import number
from gradline.solvers.losses import Huber
from gradline.solvers.newton import curvature, least_squares
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.problem import Problem
from gradline.solvers.tall import Tall

FAR = 1.35  # typical errors from which on a row is far: where errors are normal, 95 % as efficient as least squares
_STEPS = 100  # most data need six
_KNOWN = 1e-11  # of σ: how long the last step is, at most
_SMALL = (
    1e-13  # of the largest entry on the diagonal: what is added where near rows do not tell all columns apart
)
_GOOD = 0.1  # share of the slope along a step that may be left at its end
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

    It is convex in σ and the weights together (Owen 2007), and its Newton's step is least squares of the near rows with
    one more column, their residuals in units of σ. At the least Σ w·min(r²/σ², epsilon²) = Σw. None where σ falls to
    nothing.
    """
    tall = Tall.of(replace(problem, loss=Huber(1.0), penalty=ElasticNet(1 / problem.cells if ridge else 0.0)))
    case = _Joint(tall, tall.Y[: tall.data, 0], tall.w[: tall.data], epsilon, ridge)
    theta = least_squares(tall)[:, 0]
    off = np.abs(case.y - case.rows @ theta)
    mean = float(case.w @ case.y) / float(case.w.sum())
    least = max(_LEAST * float(np.sqrt(case.w @ (case.y - mean) ** 2 / case.w.sum())), np.finfo(float).tiny)
    at = np.append(theta, max(float(np.median(off)), float(off.mean()) / 10, least))
    if tall.sample is not None:
        few = tall.sample
        first = replace(
            case, tall=few, y=few.Y[: few.data, 0], w=few.w[: few.data], ridge=ridge * few.data / tall.data
        )
        at = _lowest(first, at, least)
    at = _lowest(case, at, least)
    return float(at[-1]) if at[-1] > least else None


def _lowest(case: "_Joint", at: np.ndarray, least: float) -> np.ndarray:
    """θ and σ at the least, from any; σ is at most `least` where it falls to nothing."""
    for _ in range(_STEPS):
        step, down = case.step(at)
        if abs(step[-1]) <= _KNOWN * at[-1]:  # which leaves the square of it
            return at + step
        far = case.reaches(at, step, down)
        at = at + far * step
        if at[-1] <= least:
            break
    return at


@dataclass(frozen=True, eq=False)
class _Joint:
    """What is minimised over θ and σ together, one vector (q + 1,): its slopes, and Newton's step."""

    tall: Tall
    y: np.ndarray
    w: np.ndarray
    epsilon: float
    ridge: float

    @property
    def rows(self) -> np.ndarray:
        """The rows of data (n, q)."""
        return self.tall.A[: self.tall.data]

    def down(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the slope (q + 1,) there, and the residuals in units of σ (n,)."""
        theta, sigma, below = at[:-1], at[-1], self.tall.A[self.tall.data :]
        z = (self.y - self.rows @ theta) / sigma
        cut = np.clip(z, -self.epsilon, self.epsilon)
        pull = 2 * (self.rows.T @ (self.w * cut)) - 2 * self.ridge * (below.T @ (below @ theta))
        return np.append(pull, float(self.w @ (cut * cut)) - float(self.w.sum())), z

    def step(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """To the lowest point of the parabola that the near rows make, of which z is one more column."""
        down, z = self.down(at)
        near = np.abs(z) < self.epsilon
        flat = replace(self.tall, w=np.where(np.arange(len(self.tall.A)) < self.tall.data, self.tall.w, 0.0))
        column = np.where(near, self.w * z, 0.0)
        below = self.tall.A[self.tall.data :]
        inner = curvature(flat, np.append(near, np.ones(len(below), bool)))
        beside = (self.rows.T @ column)[:, None]
        whole: np.ndarray = np.block([[inner, beside], [beside.T, np.array([[column @ z]])]]) * (2 / at[-1])
        whole[:-1, :-1] += 2 * self.ridge * below.T @ below
        bend = _SMALL * float(whole.diagonal().max(initial=0.0)) + np.finfo(float).tiny
        return np.linalg.solve(whole + bend * np.eye(len(at)), down), down

    def reaches(self, at: np.ndarray, step: np.ndarray, down: np.ndarray) -> float:
        """How far along a step: all of it, or to where little of the slope is left; σ no further than to a third."""
        far = min(1.0, 2 / 3 * at[-1] / -step[-1]) if step[-1] < 0 else 1.0
        first, low = float(down @ step), 0.0
        left = float(self.down(at + far * step)[0] @ step)
        if left >= -_GOOD * first:
            return far
        high = far
        for _ in range(_STEPS):
            middle = (low + high) / 2
            left = float(self.down(at + middle * step)[0] @ step)
            if abs(left) <= _GOOD * first:
                return middle
            low, high = (middle, high) if left > 0 else (low, middle)
        return low
