"""The bounds of a penalty on weights that are zero together: how far all targets' are from the best, at once."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import column_norms
from gradline.model.judge import ABOVE
from gradline.solvers.together import Together, minimised_together

_ROUNDS = 20  # in which each bound sharpens the next; more change no digit
_SHRINKS = 0.9  # a round that does not bring as much is the last


class JointSums(NamedTuple):
    """½‖A·Wᵀ − B‖² + Ω(W) of all targets, each column of A and of B known to `error` of its norm."""

    A: np.ndarray
    B: np.ndarray
    length: float  # ‖B‖, with what no column reaches
    omega: Together
    error: float
    held: Callable[[np.ndarray], np.ndarray]  # of columns kept: how far each other one can be per √(2·gap)

    def value(self, W: np.ndarray) -> float:
        """The sum, but for what no column reaches."""
        residual = self.B - self.A @ W.T
        return float(np.vdot(residual, residual)) / 2 + self.omega.value(W)


class JointBound(NamedTuple):
    """What is sure of the optimum, seen from some W (m, p).

    `gap`: how far the sum is above the least, at most; `reach` (p,): how far each column of weights is from its best,
    at most; `kept` (p,): which are zero in every best answer; `open` (p,): which neither data nor curvature hold.
    """

    gap: float
    reach: np.ndarray
    kept: np.ndarray
    open: np.ndarray


def bounded_together(sums: JointSums, W: np.ndarray) -> JointBound:
    """Bounds on the distance of W from the optimum W*, of the sum and of each column of weights.

    With g = Aᵀ(B − A·Wᵀ) and d = W* − W the sum at W is above that at W* by at most Σ gⱼ·dⱼ − Ω(w*ⱼ) + Ω(wⱼ). Off zero
    Ω(w*) ≥ Ω(w) + ∇Ω(w)·d + c/2·‖d‖², so that a term is at most ‖gⱼ − ∇Ω(wⱼ)‖·‖dⱼ‖ − c/2·‖dⱼ‖²; at zero it is at most
    (‖gⱼ‖ − l1)·‖dⱼ‖ − c/2·‖dⱼ‖². The rest is as in `judge_penalised.bounded`, with norms in place of weights:
    what the residual is off adds at most half the square of its norm, and the sum is at least ½‖A·dᵀ‖² + c/2·‖d‖² above
    the least, which bounds ‖dⱼ‖ in turn. A column whose ‖gⱼ‖ is so far below l1 stays zero.
    """
    zero = ~W.any(axis=0)
    sizes, norms = np.linalg.norm(W, axis=0), column_norms(sums.A)
    residual = sums.B - sums.A @ W.T
    left = float(np.linalg.norm(residual))
    blur = sums.error * (float(norms @ sizes) + sums.length)
    margin = sums.error * norms * (left + blur)
    slope, l1 = residual.T @ sums.A, np.broadcast_to(sums.omega.l1, norms.shape)
    missed = np.linalg.norm(sums.omega.distance(W, slope), axis=0)
    missed = np.where(zero, np.maximum(np.linalg.norm(slope, axis=0) + margin - l1, 0.0), missed + margin)
    value = (left + blur) ** 2 / 2 + sums.omega.value(W)
    bend = np.broadcast_to(sums.omega.curvature, norms.shape)

    def stays(gap: float) -> np.ndarray:
        spread = margin + (1 + sums.error) * norms * (blur + math.sqrt(2 * gap))
        return zero & (np.linalg.norm(slope, axis=0) + spread < l1)

    def sharpened(kept: np.ndarray) -> JointBound:
        gap, per = value, sums.held(kept)
        reach = np.where(kept, 0.0, sizes + sums.omega.most(value))
        for _ in range(_ROUNDS):
            reach = np.minimum(reach, per * math.sqrt(2 * gap))
            before, gap = gap, min(gap, float(_most(missed, bend, reach).sum()) + blur**2 / 2)
            sure = stays(gap) & ~kept
            if sure.any():
                kept, reach = kept | sure, np.where(sure, 0.0, reach)
                per = sums.held(kept)
            elif gap > _SHRINKS * before:
                break
        reach = np.where(kept, 0.0, np.minimum(reach, per * math.sqrt(2 * gap)))
        return JointBound(gap, reach, kept, np.isinf(per))

    seem = stays(0.0)
    found = sharpened(seem)
    return found if (stays(found.gap) | ~seem).all() else sharpened(np.zeros_like(seem))


def _most(missed: np.ndarray, bend: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """The most of missed·d − bend/2·d² over 0 ≤ d ≤ reach."""
    with np.errstate(divide="ignore", invalid="ignore"):
        d = np.minimum(np.where(bend > 0, missed / bend, np.inf), reach)
        return np.where(missed > 0, d * (missed - bend / 2 * d), 0.0)


def nearest_together(sums: JointSums, W: np.ndarray) -> JointBound:
    """The bounds from W itself where it is near the optimum, else through a better answer."""
    there, value = bounded_together(sums, W), sums.value(W)
    if there.gap <= ABOVE * ABOVE * value:
        return there
    best = minimised_together(sums.A, sums.B, sums.omega, W)
    at, norms = bounded_together(sums, best), column_norms(sums.A)
    lengths = np.linalg.norm(W, axis=0) + np.linalg.norm(best, axis=0)
    blur = 4 * sums.error * (float(norms @ lengths) + sums.length)
    above = max(0.0, value - sums.value(best)) + blur * math.sqrt(2 * value) + blur**2
    if above + at.gap >= there.gap:
        return there
    apart = np.linalg.norm(W - best, axis=0)
    return JointBound(above + at.gap, apart + at.reach, at.kept & ~W.any(axis=0), at.open)
