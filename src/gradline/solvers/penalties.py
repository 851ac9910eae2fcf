"""Penalties on the weights: what is added to the loss, and all that solvers and judges must know of it."""

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol, Self, cast

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import UsageError


class Face(NamedTuple):
    """Where a penalty is smooth around some weights: those that are `free`, each from `low` to `high`.

    Its slope there is slope + curvature·w.
    """

    free: np.ndarray
    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Threshold(NamedTuple):
    """An elastic net in the numbers that compiled loops take: l1·|w| + curvature/2·w², and whether w ≥ 0."""

    l1: float
    curvature: float
    positive: bool


class Penalty(Protocol):
    """Ω(w), convex and separate for each weight: w, slopes and what is returned are arrays of one shape.

    One more penalty is a class with these members and a row in `PENALTIES`.
    """

    @property
    def curvature(self) -> float:
        """The c for which Ω(w) − c/2·w² is still convex."""
        ...

    @property
    def quadratic(self) -> bool:
        """Whether Ω is c/2·w² and nothing else, so that one linear system has the answer."""
        ...

    @property
    def is_none(self) -> bool:
        """Whether nothing is added."""
        ...

    @property
    def threshold(self) -> Threshold | None:
        """The numbers of an elastic net, which compiled loops know; None for any other penalty."""
        ...

    def times(self, factor: float) -> Self:
        """factor·Ω."""
        ...

    def value(self, w: np.ndarray) -> float:
        """Ω summed over the weights, infinite where one is not allowed."""
        ...

    def prox(self, v: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """argmin over w of ½(w − v)² + step·Ω(w)."""
        ...

    def distance(self, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """How far each slope, that of minus the loss, is from the subdifferential of Ω at w: 0 at an optimum."""
        ...

    def face(self, w: np.ndarray) -> Face:
        """Where Ω is smooth around w."""
        ...

    def keeps_zero(self, slope: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Whether a weight whose slope is within `margin` of this one must be zero at the optimum."""
        ...

    def rise(self, slope: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The largest slope·(v − w) − Ω(v) + Ω(w) over low ≤ v ≤ high: what moving a weight could gain at most."""
        ...

    def surplus(self, slope: np.ndarray, level: float) -> float:
        """The largest sum of slope·v − Ω(v), or a bound on it, over weights v whose Ω is at most `level`."""
        ...

    def most(self, level: float) -> float:
        """How large a weight can be whose own Ω is at most `level`."""
        ...

    def words(self) -> str:
        """What is added, as a term of the objective; "" for nothing."""
        ...

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; those of nothing are none."""
        ...


@dataclass(frozen=True)
class ElasticNet:
    """Ω(w) = alpha·(l1_ratio·|w| + (1 − l1_ratio)/2·w²), summed over the weights; the bias is never penalised.

    `l1_ratio` 0 (default) is ridge, 1 the lasso, whose weights are zero where they earn too little; between them lies
    the elastic net. `positive` allows no weight below zero. The objective is the mean squared error plus Ω, so that
    scikit-learn's Lasso and ElasticNet at alpha are alpha·2 here (for one target), and its Ridge alpha·2/n.

    Raises `UsageError` for an alpha below 0, or an l1_ratio outside 0 to 1. Hoerl, Kennard 1970; Tibshirani 1996; Zou,
    Hastie 2005.

    >>> import gradline
    >>> lasso = gradline.ElasticNet(alpha=200.0, l1_ratio=1.0)
    >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"], penalty=lasso)
    >>> model.weight.round(3)
    array([[0.   , 0.965, 0.054]])
    """

    alpha: float = 0.0
    l1_ratio: float = 0.0
    positive: bool = False

    def __post_init__(self) -> None:
        if not (is_real(self.alpha) and self.alpha >= 0):
            raise UsageError(
                "alpha-invalid", f"alpha is {self.alpha}", "give a number from 0; 0 is no penalty"
            )
        if not (is_real(self.l1_ratio) and 0 <= self.l1_ratio <= 1):
            raise UsageError(
                "l1-ratio-invalid",
                f"l1_ratio is {self.l1_ratio}",
                "give a share from 0 (ridge) to 1 (lasso)",
            )
        if not isinstance(cast(object, self.positive), bool):
            raise UsageError("positive-invalid", f"positive is {self.positive!r}", "give True or False")

    @property
    def l1(self) -> float:
        """What |w| is multiplied by."""
        return float(self.alpha * self.l1_ratio)

    @property
    def curvature(self) -> float:
        """What w²/2 is multiplied by."""
        return float(self.alpha * (1 - self.l1_ratio))

    @property
    def quadratic(self) -> bool:
        """Whether it is ridge, or nothing."""
        return self.l1 == 0 and not self.positive

    @property
    def is_none(self) -> bool:
        """Whether nothing is added."""
        return self.alpha == 0 and not self.positive

    @property
    def threshold(self) -> Threshold:
        """Its own numbers."""
        return Threshold(self.l1, self.curvature, self.positive)

    def times(self, factor: float) -> "ElasticNet":
        """factor·Ω."""
        return replace(self, alpha=float(self.alpha) * factor)

    def value(self, w: np.ndarray) -> float:
        """Ω summed over the weights, infinite where one below zero is not allowed."""
        if self.positive and (w < 0).any():
            return np.inf
        return float(self.l1 * np.abs(w).sum() + self.curvature / 2 * (w * w).sum())

    def prox(self, v: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """Soft thresholding by step·l1, then shrinking by 1 + step·curvature."""
        shrunk = np.maximum(np.abs(v) - step * self.l1, 0.0) / (1.0 + step * self.curvature)
        return np.where(v < 0, 0.0 if self.positive else -shrunk, shrunk) + 0.0  # of zeros none is negative

    def distance(self, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """At a kink what exceeds l1, elsewhere what the slope of Ω misses."""
        at_zero = np.maximum((slope if self.positive else np.abs(slope)) - self.l1, 0.0)
        return np.where(w == 0, at_zero, np.abs(slope - self.l1 * np.sign(w) - self.curvature * w))

    def face(self, w: np.ndarray) -> Face:
        """Smooth off the kink at zero, where there is one."""
        signs = np.zeros(w.shape) if self.quadratic else np.sign(w)
        low, high = (np.where(signs == side, 0.0, -side * np.inf) for side in (1, -1))
        return Face((signs != 0) | self.quadratic, self.l1 * signs, low, high)

    def keeps_zero(self, slope: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Whether the slope stays below l1."""
        return (slope if self.positive else np.abs(slope)) + margin < self.l1

    def rise(self, slope: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The gain is concave in v, so it is largest at a bound, at the kink, or where it is flat."""
        low = np.maximum(low, 0.0) if self.positive else low
        signs = np.where(w == 0, np.sign(slope), np.sign(w))
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = (slope - self.l1 * np.sign(slope)) / self.curvature if self.curvature else 0.0 * w
        tried = [np.clip(v, low, high) for v in (low, high, 0.0 * w, np.where(np.isfinite(flat), flat, 0.0))]
        gains = [self._gain(slope, w, v, signs) for v in tried]
        return np.maximum(np.max(gains, axis=0), 0.0)

    def _gain(self, slope: np.ndarray, w: np.ndarray, v: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """slope·(v − w) − Ω(v) + Ω(w), from the difference of v and w where they lie on one side of the kink."""
        half = self.curvature / 2
        with np.errstate(invalid="ignore", over="ignore"):
            near = (v - w) * (slope - self.l1 * signs - (half * (v + w) if half else 0.0))
            across = v * (slope - self.l1 * np.sign(v) - (half * v if half else 0.0))
            across -= w * (slope - self.l1 * signs - half * w)
            gain = np.where(v * signs >= 0, near, across)
        return np.where(np.isnan(gain), 0.0, gain)  # nothing times infinity: the slope is Ω's own

    def surplus(self, slope: np.ndarray, level: float) -> float:
        """(|slope| − l1)²/(2·curvature) of each that exceeds l1, or the largest excess times the largest Σ|v|."""
        excess = np.maximum((slope if self.positive else np.abs(slope)) - self.l1, 0.0)
        largest = float(excess.max(initial=0.0))
        if not largest:
            return 0.0
        free = float(excess @ excess) / (2 * self.curvature) if self.curvature else np.inf
        return min(free, largest * level / self.l1 if self.l1 else np.inf)

    def most(self, level: float) -> float:
        """l1·|w| ≤ level, and curvature/2·w² ≤ level."""
        by_l1 = level / self.l1 if self.l1 else np.inf
        return min(by_l1, np.sqrt(2 * level / self.curvature) if self.curvature else np.inf)

    def words(self) -> str:
        """The terms with their numbers."""
        parts = [f"{self.l1:.10g}·Σ|w|"] if self.l1 else []
        parts += [f"{self.curvature / 2:.10g}·Σw²"] if self.curvature else []
        return " + ".join(parts) + (", no weight below 0" if self.positive else "")

    def params(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}


NONE = ElasticNet()
