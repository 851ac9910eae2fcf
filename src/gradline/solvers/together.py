"""Weights of several targets that are zero together: the group lasso over targets, and its descent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.linalg.triangular import UNIT, rounding

_SWEEPS = 10  # over the columns at work, before Newton's steps take the rest of the way
_ROUNDS = 200  # of sweeps and steps; what has not settled then is told by the gap
_PATIENT = 20  # rounds of sweeps alone, where some distance from the least is enough
_STEPS = 20  # of Newton's, each of which about doubles the digits
_HALVINGS = 30  # of a step that leads up
_MOST = 1500  # weights that one linear system takes; of more, sweeps alone go on


@dataclass(frozen=True)
class Together:
    """Ω(W) = alpha·f·(l1_ratio·‖wⱼ‖ + (1 − l1_ratio)/2·‖wⱼ‖²) summed over the columns j, W (m, p), wⱼ its column.

    What `ElasticNet(together=True)` is where weights stand: smooth off zero, which the m weights of a column reach at
    once. The members are those of `Penalty` that solvers of joint weights, and the loops of training, ask for. Yuan,
    Lin 2006; Obozinski, Taskar, Jordan 2010 (several targets).
    """

    alpha: float
    l1_ratio: float
    factors: np.ndarray | None = None

    quadratic = False
    is_none = False
    is_ridge = False
    is_bounded = False
    is_joint = True
    threshold = None
    low = -np.inf
    high = np.inf

    @property
    def l1(self) -> Any:
        """What ‖wⱼ‖ is multiplied by."""
        return float(self.alpha * self.l1_ratio) * self._factor

    @property
    def curvature(self) -> Any:
        """What ‖wⱼ‖²/2 is multiplied by."""
        return float(self.alpha * (1 - self.l1_ratio)) * self._factor

    @property
    def _factor(self) -> Any:
        return 1.0 if self.factors is None else self.factors

    def on(self, features: Sequence[str], scale: np.ndarray) -> "Together":  # noqa: ARG002
        """It is that of its columns."""
        return self

    def times(self, factor: float) -> "Together":
        """factor·Ω."""
        return replace(self, alpha=float(self.alpha) * factor)

    def value(self, w: np.ndarray) -> float:
        """Ω of weights (m, p)."""
        sizes = np.linalg.norm(w, axis=0)
        return float((self.l1 * sizes + self.curvature / 2 * sizes * sizes).sum())

    def prox(self, v: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """Each column is shortened by step·l1, at most to zero, and shrunk by 1 + step·curvature."""
        sizes = np.linalg.norm(v, axis=0)
        kept = np.maximum(sizes - step * self.l1, 0.0) / np.where(sizes > 0, sizes, 1.0)
        shrunk: np.ndarray = v * (kept / (1.0 + step * self.curvature))
        return shrunk + 0.0  # no zero is negative

    def distance(self, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """How far each slope (m, p), that of minus the loss, is from the subdifferential of Ω at w."""
        sizes, pulls = np.linalg.norm(w, axis=0), np.linalg.norm(slope, axis=0)
        units = w / np.where(sizes > 0, sizes, 1.0)
        beyond = np.maximum(pulls - self.l1, 0.0) / np.where(pulls > 0, pulls, 1.0)
        off: np.ndarray = slope - self.l1 * units - self.curvature * w
        at_zero: np.ndarray = slope * beyond
        return np.abs(np.where(sizes > 0, off, at_zero))

    def most(self, level: float) -> np.ndarray:
        """How long a column of weights can be, one number or one for each, whose own Ω is at most `level`."""
        l1, bend = np.asarray(self.l1, float), np.asarray(self.curvature, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_l1 = np.where(l1 > 0, level / l1, np.inf)
            return np.minimum(by_l1, np.where(bend > 0, np.sqrt(2 * level / bend), np.inf))

    def words(self) -> str:
        """That each weight pays by the others."""
        return "a penalty on weights together"


def minimised_together(
    A: np.ndarray, B: np.ndarray, omega: Together, start: np.ndarray | None = None, enough: float = 0.0
) -> np.ndarray:
    """The W (m, p) of least ½‖A·Wᵀ − B‖² + Ω(W), A (n, p), B (n, m), to within `enough` of the least, or to rounding.

    Each column in turn goes to its own best, among those at work: those that are not zero, or should not be. With
    these known the sum is smooth, and Newton's steps take it to the last digit; a column that they would take across
    zero goes there by sweeps. Friedman, Hastie, Tibshirani 2010, section 6.
    """
    p, squares = A.shape[1], np.einsum("ij,ij->j", A, A)
    W = np.zeros((B.shape[1], p)) if start is None else np.where(squares > 0, start, 0.0)
    size = np.sqrt(squares) * (float(np.sqrt(squares) @ np.linalg.norm(W, axis=0)) + float(np.linalg.norm(B)))
    for done in range(_ROUNDS):
        residual = B - A @ W.T
        missed = np.linalg.norm(omega.distance(W, residual.T @ A), axis=0)
        at_work = W.any(axis=0) | (missed > rounding(p) * size)
        order = np.flatnonzero(at_work & (squares > 0)).tolist()
        for _ in range(_SWEEPS):
            _sweep(A, squares, W, residual, omega, order)
        if enough and duality_gap(residual, residual.T @ A, W, omega, 0.0) <= enough:
            break
        if (
            enough and done < _PATIENT
        ):  # steps cost the cube of the weights, and bring digits that are not asked for
            continue
        W[:] = _newton(A, B, W, omega)
        if _is_settled(A, B, W, omega, rounding(p) * size, enough):
            break
    return W


def _sweep(
    A: np.ndarray, squares: np.ndarray, W: np.ndarray, residual: np.ndarray, omega: Together, order: list[int]
) -> None:
    """Each of these columns goes to its own best, in turn; W and the residual (n, m) change in place."""
    l1, bend = (np.broadcast_to(one, squares.shape).tolist() for one in (omega.l1, omega.curvature))
    for j in order:
        pull = A[:, j] @ residual + squares[j] * W[:, j]
        length = float(np.sqrt(pull @ pull))
        best = pull * (max(length - l1[j], 0.0) / (length or 1.0) / (squares[j] + bend[j]))
        step = best - W[:, j]
        if step.any():
            W[:, j] = best
            residual -= A[:, j, None] * step


def _newton(A: np.ndarray, B: np.ndarray, W: np.ndarray, omega: Together) -> np.ndarray:
    """Newton's steps in the columns that are not zero, as long as they lead down and take none across zero."""
    free = np.flatnonzero(W.any(axis=0))
    m, k = len(W), len(free)
    if not 0 < k * m <= _MOST:
        return W
    columns, found = A[:, free], W.copy()
    l1, bend = (np.broadcast_to(one, W.shape[1:])[free] for one in (omega.l1, omega.curvature))
    G = columns.T @ columns + np.diag(bend)
    for _ in range(_STEPS):
        w = found[:, free]
        sizes = np.linalg.norm(w, axis=0)
        units = w / sizes
        slope: np.ndarray = (B - columns @ w.T).T @ columns - l1 * units - bend * w
        H: np.ndarray = np.kron(G, np.eye(m)).reshape(k, m, k, m)
        around = np.arange(k)
        H[around, :, around, :] += (l1 / sizes)[:, None, None] * (
            np.eye(m) - units.T[:, :, None] * units.T[:, None, :]
        )
        try:
            step: np.ndarray = np.linalg.solve(H.reshape(k * m, k * m), slope.T.ravel()).reshape(k, m).T
        except np.linalg.LinAlgError:
            return found
        share = _share_down(columns, B, found, step, free, omega)
        if not share:
            return found
        found[:, free] = w + share * step
        if share == 1 and (np.linalg.norm(step, axis=0) <= 4 * UNIT * sizes).all():
            return found
    return found


def _share_down(
    columns: np.ndarray, B: np.ndarray, W: np.ndarray, step: np.ndarray, free: np.ndarray, omega: Together
) -> float:
    """How much of a step leads down: all of it, half, and so on; none where all of that leads across zero or up."""
    w, residual = W[:, free], B - columns @ W[:, free].T
    along, l1, share = columns @ step.T, np.broadcast_to(omega.l1, W.shape[1:])[free], 1.0
    bend = np.broadcast_to(omega.curvature, W.shape[1:])[free]
    for _ in range(_HALVINGS):
        there = w + share * step
        stays = ((there * w).sum(axis=0) > 0).all()
        # The change itself: the difference of two sums would be rounding near the end.
        change = share * float(np.vdot(along, share / 2 * along - residual))
        longer = share * ((2 * w + share * step) * step).sum(axis=0)
        change += float((l1 * longer / (np.linalg.norm(there, axis=0) + np.linalg.norm(w, axis=0))).sum())
        change += float((bend / 2 * longer).sum())
        if stays and change <= 0:
            return share
        share /= 2
    return 0.0


def _is_settled(
    A: np.ndarray, B: np.ndarray, W: np.ndarray, omega: Together, known: np.ndarray, enough: float
) -> bool:
    """Whether nothing is missed beyond what rounding explains, or the sum is near enough to the least."""
    residual = B - A @ W.T
    slope = residual.T @ A
    if (np.linalg.norm(omega.distance(W, slope), axis=0) <= known).all():
        return True
    return enough > 0 and duality_gap(residual, slope, W, omega, 0.0) <= enough


def duality_gap(
    residual: np.ndarray, slope: np.ndarray, W: np.ndarray, omega: Together, margin: np.ndarray | float
) -> float:
    """Ω(W) − ⟨slope, W⟩ + sup over V of ⟨slope, V⟩ − Ω(V): how far the sum is above the least, but for rounding.

    Each column of the slopes (m, p) may be off by `margin` in norm.
    """
    sizes, value = np.linalg.norm(W, axis=0), omega.value(W)
    level = float(np.vdot(residual, residual)) / 2 + value
    l1, bend = (np.broadcast_to(one, sizes.shape) for one in (omega.l1, omega.curvature))
    excess = np.maximum(np.linalg.norm(slope, axis=0) + margin - l1, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(excess > 0, np.where(bend > 0, excess * excess / (2 * bend), np.inf), 0.0)
        joint = np.where(excess > 0, excess / l1, 0.0)
    reached = min(float(alone.sum()), float(joint.max(initial=0.0)) * level)
    return max(0.0, value - float(np.vdot(slope, W)) + float(np.sum(margin * sizes)) + reached)
