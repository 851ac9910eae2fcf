"""Weights that are zero together, anew: their penalty, how far the best ones can be, and a way to better ones."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_ROUNDS = 30  # in which bounds sharpen each other
_SWEEPS = 500  # over the columns, to find better weights
_ENDED = 1e-15  # of the longest column of weights: a sweep that moves none by more is the last


@dataclass(frozen=True, eq=False)
class OwnTogether:
    """Ω(W) = Σ steep·‖wⱼ‖ + bend/2·‖wⱼ‖² over the columns wⱼ (m,) of weights W (m, p); steep and bend are (p,)."""

    steep: np.ndarray
    bend: np.ndarray

    is_joint = True
    has_kinks = True

    def value(self, W: np.ndarray) -> float:
        """ΣΩ."""
        squares = (W**2).sum(axis=0)
        return float(np.sum(self.steep * np.sqrt(squares) + self.bend * squares / 2))

    def missed(self, W: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """How far (m, p) the pull of the loss, minus its slope, is from a slope of Ω."""
        lengths, pulls = np.hypot.reduce(W, axis=0), np.hypot.reduce(pull, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = pull - (self.steep / lengths + self.bend) * W
            at_zero = pull * np.maximum(1 - self.steep / pulls, 0.0)
        return np.where(lengths > 0, off, np.nan_to_num(at_zero))


def bounds_together(
    omega: OwnTogether,
    curvature: np.ndarray,
    objective: float,
    held: Callable[[np.ndarray], np.ndarray],
    W: np.ndarray,
    pull: np.ndarray,
    margin: np.ndarray,
) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """For each target the gap, the reach (p,) of each weight, both at most, and which surely are zero.

    The gap of all targets is told with the first. For v between here and the best weights pull·(v − w) − Ω(v) + Ω(w) is
    at most the norm of what is missed times ‖v − w‖; and as far as the sum is above the least, so near is each column.
    """
    lengths, blur = np.hypot.reduce(W, axis=0), np.hypot.reduce(margin, axis=0)
    zero, pulls = lengths == 0, np.hypot.reduce(pull, axis=0)
    missed = np.hypot.reduce(omega.missed(W, pull), axis=0) + blur
    missed[zero] = np.maximum(pulls + blur - omega.steep, 0.0)[zero]

    def stays(gap: float) -> np.ndarray:
        return zero & (pulls + blur + np.sqrt(2 * gap * np.diag(curvature)) < omega.steep)

    def sharpened(kept: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        gap, per = objective, held(~kept)
        with np.errstate(divide="ignore"):
            reach = lengths + np.minimum(objective / omega.steep, np.sqrt(2 * objective / omega.bend))
        for _ in range(_ROUNDS):
            sure = stays(gap) & ~kept
            if sure.any():
                kept, per = kept | sure, held(~(kept | sure))
            reach = np.where(kept, 0.0, np.minimum(reach, per * math.sqrt(2 * gap)))
            gap = min(gap, float(np.where(missed > 0, missed * reach, 0.0).sum()))
        return gap, np.where(kept, 0.0, np.minimum(reach, per * math.sqrt(2 * gap))), kept

    seem = stays(0.0)
    found = sharpened(seem)
    if not (stays(found[0]) | ~seem).all():
        found = sharpened(np.zeros_like(seem))
    return [(found[0] if j == 0 else 0.0, *found[1:]) for j in range(len(W))]


def way_together(omega: OwnTogether, curvature: np.ndarray, W: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """From the weights (m, p) to some as good or better: sweeps in which each column in turn goes to its best."""
    V, at_zero = W.copy(), pull + W @ curvature
    for _ in range(_SWEEPS):
        before = V.copy()
        for j in np.flatnonzero(np.diag(curvature)).tolist():
            own = at_zero[:, j] - V @ curvature[j] + curvature[j, j] * V[:, j]
            length = math.hypot(*own.tolist())
            share = max(length - omega.steep[j], 0.0) / length if length else 0.0
            V[:, j] = own * share / (curvature[j, j] + omega.bend[j])
        if np.abs(V - before).max() <= _ENDED * np.abs(V).max():
            break
    return V - W
