"""Coordinate descent: squared loss with a penalty that has kinks, from the factor of the rows."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import Notice
from gradline.core.kernels.library import kernels
from gradline.core.linalg.triangular import (
    UNIT,
    back_substituted,
    column_norms,
    forward_substituted,
    rounding,
    triangular,
)
from gradline.moments.rank import Rank
from gradline.solvers.loop import State
from gradline.solvers.penalties import Face, Penalty
from gradline.solvers.problem import Problem, with_level

_SWEEPS = 300  # over the weights that are not zero, before they are solved for together
_STEADY = 3  # of these sweeps in a row that change no sign: then they need no more
_ROUNDS = 1000  # of sweeps and solutions; what has not settled then is told by the certificate


@dataclass(frozen=True)
class CoordinateDescent:
    """Each weight in turn goes to its own best, then all that are not at a kink go to theirs together.

    On R instead of the rows: ‖R·w − b‖² is their squared loss but for a constant, so a sweep costs O(p²), however many
    rows there are. Sweeps find which weights are zero, and of which sign the others are; with these the answer is that
    of a linear system, whose solution has all its digits. Where that leads across a kink, it goes as far as the kink
    (an active set), so that the objective only falls and each set of zeros and signs is left once. It takes no epoch.

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
        beta = np.column_stack([minimised(rank.varying, b, omega) for b in B.T])
        theta = with_level(problem, beta)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:  # noqa: ARG002
        """Nothing is left to do."""
        return state

    def params(self) -> dict[str, Any]:
        """No settings."""
        return {}


class _Target(NamedTuple):
    """½‖A·w − b‖² + Ω(w) for one target: the columns one after another, their squares, and Ω."""

    columns: np.ndarray
    squares: np.ndarray
    b: np.ndarray
    omega: Penalty

    def residual(self, w: np.ndarray) -> np.ndarray:
        return self.b - w @ self.columns

    def slope(self, w: np.ndarray) -> np.ndarray:
        return self.columns @ self.residual(w)

    def unsettled(self, w: np.ndarray) -> np.ndarray:
        """Which weights could still gain, beyond what rounding of their slopes explains."""
        norms = np.sqrt(self.squares)
        sizes = float(norms @ np.abs(w)) + float(np.linalg.norm(self.b))
        return self.omega.distance(w, self.slope(w)) > rounding(len(w)) * norms * sizes


def minimised(A: np.ndarray, b: np.ndarray, omega: Penalty, start: np.ndarray | None = None) -> np.ndarray:
    """The w (p,) of least ½‖A·w − b‖² + Ω(w), A (n, p), from a start that may be near."""
    columns = np.ascontiguousarray(A.T)
    case = _Target(columns, (columns * columns).sum(axis=1), np.ascontiguousarray(b), omega)
    w = np.zeros(len(columns)) if start is None else np.array(start, float)
    for _ in range(_ROUNDS):
        moved = _swept(case, w, np.arange(len(w)))
        steady = 0
        for _ in range(_SWEEPS):
            before = np.sign(w)
            _swept(case, w, np.flatnonzero(w))
            steady = steady + 1 if (np.sign(w) == before).all() else 0
            if steady == _STEADY:
                break
        w = _solved(case, w)
        if not case.unsettled(w).any() or moved <= UNIT**2 * float(b @ b):
            break
    return w


def _swept(case: _Target, w: np.ndarray, order: np.ndarray) -> float:
    """Take each of these weights to its best, in turn and where it lies; the largest (‖a‖·step)² of them."""
    compiled, net = kernels(), case.omega.threshold
    residual = case.residual(w)
    if compiled is not None and net is not None:
        sizes = len(order), len(residual), int(net.positive)
        arrays = case.columns, case.squares, w, residual, order
        return compiled.descend(*arrays, *sizes, net.l1, net.curvature)
    largest = 0.0
    for j in order[case.squares[order] > 0].tolist():
        column, square = case.columns[j], float(case.squares[j])
        best = case.omega.prox(w[j] + (column @ residual) / square, 1 / square)
        step = float(best - w[j])
        if step:
            w[j] = best
            residual -= step * column
            largest = max(largest, step * step * square)
    return largest


def _solved(case: _Target, w: np.ndarray) -> np.ndarray:
    """The best weights with the zeros and signs of w, or those that the kinks on the way there leave."""
    for _ in range(len(w)):
        face = case.omega.face(w)
        free = np.flatnonzero(face.free & (case.squares > 0))
        low, high, at = face.low[free], face.high[free], w[free]
        aim = _of_face(case, face, free)
        aim = _along_what_vanishes(case, face, free, at) if aim is None else aim
        if aim is None:
            return w
        beyond = (aim < low) | (aim > high)
        if not beyond.any():
            w = np.zeros_like(w)
            w[free] = aim
            return w
        kink = np.where(aim < low, low, high)
        share = np.where(beyond, (kink - at) / np.where(aim == at, 1.0, aim - at), 1.0)
        first = int(np.argmin(share))
        w = w.copy()
        w[free] = at + share[first] * (aim - at)
        w[free[first]] = kink[first]
    return w


def _along_what_vanishes(case: _Target, face: Face, free: np.ndarray, at: np.ndarray) -> np.ndarray | None:
    """Weights far off along a combination of columns that vanishes, so that the penalty alone changes, and falls.

    On the way some weight meets its kink: so the columns of the others become independent. None where none does.
    """
    A = case.columns[free].T
    way = np.linalg.svd(A)[2][-1]
    fall = float(face.slope[free] @ way)
    for sign in (1.0, -1.0) if fall == 0 else (-np.sign(fall),):
        step = sign * way
        kink = np.where(step < 0, face.low[free], face.high[free])
        meets = np.isfinite(kink) & (np.abs(step) > UNIT * len(free))
        if meets.any():
            far = 2 * float(np.max(np.abs(kink - at)[meets] / np.abs(step)[meets])) + 1.0
            return at + far * step
    return None


def _of_face(case: _Target, face: Face, free: np.ndarray) -> np.ndarray | None:
    """The w of least ½‖A·w − b‖² + slope·w + curvature/2·w² over the free weights; None where many are as good."""
    A, k, bend = case.columns[free].T, len(free), case.omega.curvature
    if not k:
        return np.zeros(0)
    whole = np.column_stack([A, case.b])
    if bend:
        whole = np.vstack([whole, np.column_stack([np.sqrt(bend) * np.eye(k), np.zeros(k)])])
    R = triangular(whole)
    sizes = column_norms(whole[:, :k])
    if len(R) < k or (R.diagonal()[:k] <= 8 * k * UNIT * sizes).any():
        return None
    pull = R[:k, k] - forward_substituted(R[:k, :k], face.slope[free, None])[:, 0]
    return back_substituted(R[:k, :k], pull[:, None])[:, 0]
