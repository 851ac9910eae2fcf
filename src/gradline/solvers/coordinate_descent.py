"""Coordinate descent: squared loss with a penalty that has kinks, from the factor of the rows."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gradline.core.errors import Notice
from gradline.moments.rank import Rank
from gradline.solvers.descent import Columns, Descent
from gradline.solvers.loop import State
from gradline.solvers.penalties import Penalty
from gradline.solvers.problem import Problem, with_level
from gradline.solvers.together import minimised_together


@dataclass(frozen=True)
class CoordinateDescent:
    """Each weight in turn goes to its own best, then all that are not at a kink go to theirs together.

    On R instead of the rows: ‖R·w − b‖² is their squared loss but for a constant, so a sweep costs O(p²), however many
    rows there are. Sweeps find which weights are zero, and of which sign the others are; with these the answer is that
    of a linear system, whose solution has all its digits. Where that leads across a kink, it goes as far as the kink
    (an active set), so that the objective only falls and each set of zeros and signs is left once. It takes no epoch.
    Where weights are zero together, a column's weights of all targets take their turn as one (`together`).

    Friedman, Hastie, Tibshirani 2010 (the sweeps); Lee, Battle, Raina, Ng 2006 (the solutions between them).

    >>> import gradline
    >>> lasso = gradline.ElasticNet(alpha=100.0, l1_ratio=1.0)
    >>> solver = gradline.CoordinateDescent()
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver, penalty=lasso)
    >>> int((model.weight == 0).sum()), model.certificate.status
    (2, 'certified')
    """

    name = "cd"
    needs = ("moments", "squared loss")
    epochs = 0
    scale = "none"
    course = None

    def resolve(self, problem: Problem, force: bool) -> tuple["CoordinateDescent", list[Notice]]:  # noqa: ARG002
        """Nothing to resolve."""
        return self, []

    def start(self, problem: Problem) -> State:
        """The answer."""
        rank = Rank.of(problem.moments, problem.bias)
        omega = problem.penalty.times(problem.cells / 2)
        B = problem.moments.slopes_factor(problem.bias).B
        if omega.is_joint:
            beta = minimised_together(rank.varying, B, cast(Any, omega)).T
        else:
            beta = np.column_stack([minimised(rank.varying, b, omega) for b in B.T])
        theta = with_level(problem, beta)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def params(self) -> dict[str, Any]:
        """No settings."""
        return {}


def minimised(A: np.ndarray, b: np.ndarray, omega: Penalty, start: np.ndarray | None = None) -> np.ndarray:
    """The w (p,) of least ½‖A·w − b‖² + Ω(w), A (n, p), from a start that may be near."""
    way = Descent(Columns.of(A), b, start)
    way.minimise(omega, 0.0)
    return way.w
