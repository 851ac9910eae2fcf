"""The penalty that a model names, defined anew: its value, its slopes, and what a weight could gain by moving."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class OwnPenalty:
    """Ω(w) = steep·|w| + bend/2·w² for each weight; where `positive`, infinite below zero."""

    steep: float
    bend: float
    positive: bool

    @classmethod
    def of(cls, params: dict[str, Any]) -> "OwnPenalty":
        """The elastic net of these settings, as gradline, scikit-learn and glmnet share them out."""
        alpha, share = params.get("alpha", 0.0), params.get("l1_ratio", 0.0)
        return cls(alpha * share, alpha * (1 - share), params.get("positive", False))

    def value(self, w: np.ndarray) -> float:
        """ΣΩ."""
        if self.positive and w.min(initial=0.0) < 0:
            return np.inf
        return float(np.sum(self.steep * np.abs(w) + self.bend * w**2 / 2))

    def slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest slope of Ω at w: one number off the kink, and at zero a range."""
        smooth = self.steep * np.sign(w) + self.bend * w
        low, high = np.where(w == 0, -self.steep, smooth), np.where(w == 0, self.steep, smooth)
        return np.where((w == 0) & self.positive, -np.inf, low), high

    def missed(self, w: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """How far the pull of the loss, minus its slope, is from a slope of Ω."""
        low, high = self.slopes(w)
        return np.maximum(np.maximum(low - pull, pull - high), 0.0)

    def holds_zero(self, pull: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Whether zero stays the best of a weight for every pull within the spread."""
        low, high = self.slopes(np.zeros_like(pull))
        return (pull - spread > low) & (pull + spread < high)

    def gain(self, pull: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The most of pull·(v − w) − Ω(v) + Ω(w) for low ≤ v ≤ high: concave on each side of the kink."""
        best = self._gained(pull, w, np.clip(0.0, low, high), 0.0)
        for side in (1.0,) if self.positive else (1.0, -1.0):
            rest = side * pull - self.steep
            flat = rest / self.bend if self.bend else np.where(rest > 0, np.inf, 0.0)
            v = np.clip(side * np.maximum(flat, 0.0), np.maximum(low, 0.0) if self.positive else low, high)
            best = np.maximum(best, self._gained(pull, w, v, side))
        return np.maximum(best, 0.0)

    def _gained(self, pull: np.ndarray, w: np.ndarray, v: np.ndarray, side: float) -> np.ndarray:
        """The gain at v; from the difference of v and w where no kink lies between them."""

        def alone(u: np.ndarray) -> np.ndarray:
            return u * (pull - self.steep * np.sign(u) - (self.bend * u / 2 if self.bend else 0.0))

        signs = np.where(w == 0, side, np.sign(w))
        together = (v - w) * (pull - self.steep * signs - (self.bend * (v + w) / 2 if self.bend else 0.0))
        gained = np.where(v * signs >= 0, together, alone(v) - alone(w))
        return np.nan_to_num(gained, nan=0.0, posinf=np.inf)

    def best_alone(self, pull: np.ndarray, curvature: float) -> float:
        """The v of least curvature/2·v² − pull·v + Ω(v)."""
        v = np.sign(pull) * max(abs(pull) - self.steep, 0.0) / (curvature + self.bend)
        return max(float(v), 0.0) if self.positive else float(v)
