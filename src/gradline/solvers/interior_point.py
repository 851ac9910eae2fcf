"""Quantile and absolute losses: through the interior of the dual to a line, then to the corner nearest to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.errors import Notice
from gradline.solvers.loop import State
from gradline.solvers.newton import at_once
from gradline.solvers.problem import Problem
from gradline.solvers.tall import Tall, losses
from gradline.solvers.vertex import vertex

_STEPS = 60  # most data need 15
_CLOSE = 1e-8  # of the sum: the gap from which a corner is looked for
_NEAR = 3  # of so many rows one is near enough to the line of a sample to change sides
_INSIDE = 0.9995  # share of the way to a bound that a step may take


@dataclass(frozen=True)
class InteriorPoint:
    """Quantile and absolute losses as a linear program, without a penalty or with the lasso.

    The dual gives each row a slope between those of the loss. Steps of Newton's stay between them (Mehrotra's predictor
    and corrector), each of the cost of one pass of cross-products, until all but as many rows as there are coefficients
    lean to one side. The line then goes through as many rows, and over the edges of that corner to the best one. It
    takes no epoch, and holds the rows in memory.

    Portnoy, Koenker 1997 (the interior); Barrodale, Roberts 1973 (the edges).

    >>> import gradline
    >>> solver = gradline.InteriorPoint()
    >>> model = gradline.fit("example:crops", "apples", loss=gradline.Quantile(0.25), solver=solver)
    >>> model.certificate.status
    'certified'
    """

    name = "ip"
    needs = ("rows", "kinked loss", "lasso alone")
    epochs = 0
    scale = "none"
    course = None

    def resolve(self, problem: Problem, force: bool) -> tuple["InteriorPoint", list[Notice]]:  # noqa: ARG002
        """Nothing to resolve."""
        return self, []

    def start(self, problem: Problem) -> State:
        """The answer."""
        return at_once(problem, corner)

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def params(self) -> dict[str, Any]:
        """It has no settings."""
        return {}


def corner(tall: Tall, theta: np.ndarray, j: int) -> np.ndarray:
    """The θ (q,) of target j that minimises Σ w·ρ, where ρ has kinks and no parabola.

    Of many rows, a sample tells which are far from the line: on whichever side they are, they stay there, and their
    slopes are known (Portnoy, Koenker 1997, section 5). Where one does not, the edges that the corner tries set it
    right.
    """
    sample = tall.sample
    if sample is None:
        theta, slopes = interior(tall, theta, j)
        return vertex(tall, theta, j, slopes)[0]
    theta = corner(sample, theta, j)
    r = tall.Y[:, j] - tall.A @ theta
    size = np.abs(r)
    size[tall.data :] = 0.0  # the penalty's rows stay
    near = size <= np.partition(size, len(size) // _NEAR)[len(size) // _NEAR]
    slopes = np.where(r > 0, tall.high, tall.low)
    settled = tall.A.T @ np.where(near, 0.0, tall.w * slopes)
    theta, slopes[near] = interior(tall.take(np.flatnonzero(near)), theta, j, settled)
    return vertex(tall, theta, j, slopes)[0]


def interior(
    tall: Tall, theta: np.ndarray, j: int, settled: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """θ (q,) near the best one, and the dual slopes s (n,): how much of a row's slope is open tells the corner's rows.

    With u = s − low and v = high − s, and r = t − z the residual, parts t and z above zero, all optimal slopes have
    Aᵀ(w·s) = 0, with what is `settled` (q,) of other rows, u·z = 0 and v·t = 0. The last two are relaxed to a number
    that falls.
    """
    A, w, y = tall.A, tall.w, tall.Y[:, j]
    r = y - A @ theta
    size = float(np.abs(r).mean()) or 1.0
    s = np.zeros(len(r))
    t, z = np.maximum(r, 0.0) + size / 10, np.maximum(-r, 0.0) + size / 10
    for _ in range(_STEPS):
        u, v = s - tall.low, tall.high - s
        slack = float(w @ (u * z + v * t))
        r = y - A @ theta
        if slack <= _CLOSE * float(losses(tall, r).sum()) or not slack:
            break
        off = r - t + z
        D = 1 / (z / u + t / v)
        lean = A * (w * D)[:, None]
        H = lean.T @ A
        pull = A.T @ (w * s) + settled

        def solved(aim_u: np.ndarray, aim_v: np.ndarray) -> tuple[np.ndarray, ...]:
            """The step with u·z + z·Δs + u·Δz = aim_u, and likewise v and t."""
            push = off + aim_u / u - z - aim_v / v + t  # noqa: B023 - called in this round alone
            step = _solve(H, pull + lean.T @ push)  # noqa: B023
            ds = D * (push - A @ step)  # noqa: B023
            dz, dt = (aim_u - z * ds) / u - z, (aim_v + t * ds) / v - t  # noqa: B023
            return step, ds, dz, dt

        step, ds, dz, dt = solved(np.zeros(1), np.zeros(1))
        a, b = min(_most(u, ds), _most(v, -ds)), min(_most(z, dz), _most(t, dt))
        ahead = float(w @ ((u + a * ds) * (z + b * dz) + (v - a * ds) * (t + b * dt)))
        mu = (ahead / slack) ** 2 * ahead / (2 * float(w.sum()))
        step, ds, dz, dt = solved(mu - ds * dz, mu + ds * dt)
        a, b = min(_most(u, ds), _most(v, -ds)), min(_most(z, dz), _most(t, dt))
        s = s + a * ds
        theta, z, t = theta + b * step, z + b * dz, t + b * dt
    return theta, s


def _most(value: np.ndarray, change: np.ndarray) -> float:
    """How much of a change leaves all values above zero."""
    fastest = float(np.max(-change / value))
    return _INSIDE / fastest if fastest > _INSIDE else 1.0


def _solve(H: np.ndarray, b: np.ndarray) -> np.ndarray:
    """H⁻¹·b of columns brought to one size, for rows weigh very differently near the end."""
    units = np.sqrt(H.diagonal())
    try:
        return np.linalg.solve(H / np.outer(units, units), b / units) / units
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(H / np.outer(units, units), b / units, rcond=None)[0] / units
