"""The exact answer: refined to rounding where the rows are few, else straight from the factor."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.errors import Notice, UsageError
from gradline.core.linalg.refined import Refined
from gradline.core.linalg.triangular import back_substituted, column_norms, forward_substituted, triangular
from gradline.data.row_block import RowBlock
from gradline.moments.known_optimum import known_optimum
from gradline.moments.newton import is_refinable
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.solvers.loop import State
from gradline.solvers.problem import Problem, with_level
from gradline.solvers.refinement import refined


@dataclass(frozen=True)
class Exact:
    """Least squares, or ridge, by back substitution in R, whose columns are centred and scaled to unit norm.

    Tables of up to 100,000 cells are refined to the last digit (`refinement`); larger ones where `digits` ask for it,
    by a pass or a few more over the rows.

    Where the data do not determine every coefficient, the answer of least ‖weight‖₂ in raw units, the bias
    free. It takes no epoch. Golub, Van Loan 2013, sections 5.3 and 5.5.

    Parameters: `digits` of the coefficients that must be sure, measured on columns of unit norm and beside what the
    targets vary (`certificate.sure_digits`). 10 by default: more than most data hold, and one fast pass gives as many
    unless columns are near-collinear. 15 corrects always.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=gradline.Exact())
    >>> round(model.certificate.loss, 6), model.certificate.epochs is None
    (0.909446, True)
    """

    digits: float = 10.0

    name = "exact"
    needs = ("moments", "quadratic", "squared loss")
    epochs = 0
    scale = "none"
    course = None

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= 15:
            raise UsageError(
                "digits-invalid", f"digits is {self.digits}", "give a number from 1 to 15; 10 is the default"
            )

    def resolve(self, problem: Problem, force: bool) -> tuple["Exact", list[Notice]]:  # noqa: ARG002
        """Nothing to resolve."""
        return self, []

    def start(self, problem: Problem) -> State:
        """The answer. From the factor the bias is ȳ − x̄·β, with the low parts of the means."""
        if problem.answer is not None:
            return State(problem.answer, np.zeros_like(problem.answer))
        rank, B = Rank.of(problem.moments, problem.bias), problem.moments.slopes_factor(problem.bias).B
        bend = problem.penalty.curvature * problem.cells / 2
        if np.ndim(bend):
            beta = shrunk_apart(rank, B, bend)
        else:
            beta = shrunk(rank, B, bend) if bend else rank.least_squares(B)
        theta = with_level(problem, beta)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        return {"digits": self.digits}


def shrunk(rank: Rank, B: np.ndarray, bend: float) -> np.ndarray:
    """The ridge answer (p, m): of least ‖columns·β − B‖² + bend·‖β‖², by QR of the columns above √bend·I.

    Where rows are fewer than columns it is columnsᵀ·α with (columns·columnsᵀ + bend·I)·α = B, a system of so many rows.
    Golub, Van Loan 2013, section 6.1.4.
    """
    A, root = rank.varying, np.sqrt(bend)
    if len(A) < A.shape[1]:
        R = triangular(np.vstack([A.T, root * np.eye(len(A))]))
        return A.T @ back_substituted(R, forward_substituted(R, B))
    p, below = A.shape[1], np.hstack([root * np.eye(A.shape[1]), np.zeros((A.shape[1], B.shape[1]))])
    whole = triangular(np.vstack([np.hstack([A, B]), below]))
    return back_substituted(whole[:p, :p], whole[:p, p:])


def shrunk_apart(rank: Rank, B: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """The same of a curvature (p,) for each weight, of which some may be 0: of all answers one of least norm."""
    below = np.zeros((len(bend), B.shape[1]))
    A = np.vstack([rank.varying, np.diag(np.sqrt(bend))])
    units = column_norms(A)
    units = np.where(units > 0, units, 1.0)
    return np.linalg.lstsq(A / units, np.vstack([B, below]))[0] / units[:, None]


def refined_optimum(moments: Moments, small: RowBlock | None, bias: bool) -> Refined | None:
    """The optimum to rounding, where the columns are independent: of a small table, or as moments know it."""
    known = known_optimum(moments, bias)
    if known is not None:
        return known
    if small is None or not is_refinable(moments, bias):
        return None
    return refined(small, moments, bias)
