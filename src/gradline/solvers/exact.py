"""The exact answer, straight from the factor: it starts where the others arrive."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.errors import Notice
from gradline.objectives import Problem
from gradline.rank import Rank
from gradline.solvers.base import State


@dataclass(frozen=True)
class Exact:
    """Least squares by back substitution in R, whose columns are centred and scaled to unit norm.

    Where the data do not determine every coefficient, the answer of least ‖weight‖₂ in raw units, the bias
    free. It takes no epoch. Golub, Van Loan 2013, section 5.3 and 5.5.
    """

    name = "exact"
    needs = ("moments",)
    epochs = 0
    scale = "none"

    def prepared(self, problem: Problem, force: bool) -> tuple["Exact", list[Notice]]:  # noqa: ARG002
        """Nothing to resolve."""
        return self, []

    def start(self, problem: Problem) -> State:
        """The answer."""
        moments, p = problem.moments, problem.p
        rank = Rank.of(moments, problem.bias)
        if not problem.bias:
            theta = rank.least_squares(problem.factor.B)
        else:
            beta = rank.least_squares(moments.factor[:p, p:])
            theta = np.vstack([_intercept(moments.mean, moments.tally.mean_low, beta), beta])
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def settings(self) -> dict[str, Any]:
        """It has none."""
        return {}


def _intercept(mean: np.ndarray, mean_low: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """ȳ − x̄·β, its products' low parts included so that a mean far from zero costs no digit."""
    p = len(beta)
    high = mean[p:] - mean[:p] @ beta
    return high + (mean_low[p:] - mean_low[:p] @ beta)
