"""The penalty that a model names, defined anew: its value, its slopes, and what a weight could gain by moving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class OwnPenalty:
    """Ω(w) = steep·|w| + bend/2·w² for each weight, infinite below low and above high; each (p,), as columns lie."""

    steep: np.ndarray
    bend: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, params: Mapping[str, Any], features: Sequence[str], scale: np.ndarray) -> "OwnPenalty":
        """The elastic net of these settings, as gradline, scikit-learn and glmnet share them out.

        Factors and bounds are told by the names of features, of a category for all of its levels; bounds are those of
        weights in raw units, which are multiplied by the scale of training.
        """
        alpha, share = params.get("alpha", 0.0), params.get("l1_ratio", 0.0)
        factor = _by_name(params.get("factors"), features, 1.0)
        bounds = params.get("bounds", {})
        low = _by_name(bounds.get("lower"), features, -np.inf)
        low = np.maximum(low, 0.0) if params.get("positive", False) else low
        high = _by_name(bounds.get("upper"), features, np.inf)
        return cls(alpha * share * factor, alpha * (1 - share) * factor, low * scale, high * scale)

    @property
    def has_kinks(self) -> bool:
        """Whether it is more than squares."""
        return bool(self.steep.any() or np.isfinite(self.low).any() or np.isfinite(self.high).any())

    def value(self, w: np.ndarray) -> float:
        """ΣΩ."""
        if (w < self.low).any() or (w > self.high).any():
            return np.inf
        return float(np.sum(self.steep * np.abs(w) + self.bend * w**2 / 2))

    def slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest slope of Ω at w: one number off the kinks, at zero and at bounds a range."""
        smooth = self.steep * np.sign(w) + self.bend * w
        low, high = np.where(w == 0, -self.steep, smooth), np.where(w == 0, self.steep, smooth)
        return np.where(w <= self.low, -np.inf, low), np.where(w >= self.high, np.inf, high)

    def missed(self, w: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """How far the pull of the loss, minus its slope, is from a slope of Ω."""
        low, high = self.slopes(w)
        return np.maximum(np.maximum(low - pull, pull - high), 0.0)

    def holds(self, w: np.ndarray, pull: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Whether w stays the best of a weight for every pull within the spread."""
        low, high = self.slopes(w)
        return (pull - spread > low) & (pull + spread < high)

    def is_smooth(self, w: np.ndarray) -> np.ndarray:
        """Whether Ω has one slope at w."""
        low, high = self.slopes(w)
        return low == high

    def has_between(self, w: np.ndarray, v: np.ndarray) -> bool:
        """Whether no kink lies between w and v."""
        sides = (self.steep == 0) | (np.sign(w) == np.sign(v))
        return bool((sides & (v >= self.low) & (v <= self.high)).all())

    def gain(self, pull: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The most of pull·(v − w) − Ω(v) + Ω(w) for low ≤ v ≤ high: concave on each side of the kink."""
        low, high = np.maximum(low, self.low), np.minimum(high, self.high)
        best = self._gained(pull, w, np.clip(0.0, low, high), 0.0)
        for side in (1.0, -1.0):
            rest = side * pull - self.steep
            flat = np.where(rest > 0, np.inf, 0.0)
            flat = np.divide(rest, self.bend, out=flat, where=np.broadcast_to(self.bend > 0, flat.shape))
            v = np.clip(side * np.maximum(flat, 0.0), low, high)
            best = np.maximum(best, self._gained(pull, w, v, side))
        return np.maximum(best, 0.0)

    def _gained(self, pull: np.ndarray, w: np.ndarray, v: np.ndarray, side: float) -> np.ndarray:
        """The gain at v; from the difference of v and w where no kink lies between them."""

        def alone(u: np.ndarray) -> np.ndarray:
            return u * (pull - self.steep * np.sign(u) - np.where(self.bend > 0, self.bend * u / 2, 0.0))

        signs = np.where(w == 0, side, np.sign(w))
        bent = np.where(self.bend > 0, self.bend * (v + w) / 2, 0.0)
        together = (v - w) * (pull - self.steep * signs - bent)
        gained = np.where(v * signs >= 0, together, alone(v) - alone(w))
        return np.nan_to_num(gained, nan=0.0, posinf=np.inf)

    def best_alone(self, i: int, pull: float, curvature: float) -> float:
        """The v of least curvature/2·v² − pull·v + Ω(v), of weight i."""
        v = np.sign(pull) * max(abs(pull) - self.steep[i], 0.0) / (curvature + self.bend[i])
        return float(np.clip(v, self.low[i], self.high[i]))


def _by_name(told: Any, features: Sequence[str], usual: float) -> np.ndarray:
    """What is told (p,) of each feature, by its own name or by that of the category whose level it is."""
    if not isinstance(told, Mapping):
        return np.full(len(features), usual if told is None else float(told))
    names = ((one, one.split("=")[0]) for one in features)
    return np.array([told.get(own, told.get(column, usual)) for own, column in names], float)
