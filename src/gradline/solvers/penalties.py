"""Penalties on the weights: what is added to the loss, and all that solvers and judges must know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol, Self, cast

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import UsageError
from gradline.solvers.each_weight import Bounds, checked, in_order, is_by_name
from gradline.solvers.together import Together


class Face(NamedTuple):
    """Where a penalty is smooth around some weights: those that are `free`, each from `low` to `high`.

    Its slope there is slope + curvature·w.
    """

    free: np.ndarray
    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Threshold(NamedTuple):
    """An elastic net in the numbers that compiled loops take: l1·|w| + curvature/2·w², low ≤ w ≤ high.

    Each is one for all weights, or one for each (p,).
    """

    l1: Any
    curvature: Any
    low: Any
    high: Any

    @property
    def is_free(self) -> bool:
        """Whether no weight has a bound."""
        return bool(np.all(self.low == -np.inf) and np.all(self.high == np.inf))

    @property
    def is_alike(self) -> bool:
        """Whether all weights have the same, and no bound but zero below."""
        return not any(map(np.ndim, self)) and self.low in (-np.inf, 0.0) and self.high == np.inf


class Penalty(Protocol):
    """Ω(w), convex and separate for each weight: w, slopes and what is returned are arrays of one shape.

    Where weights differ in what they pay, the last axis of w is that of the columns. One more penalty is a class with
    these members and a row in `PENALTIES`.
    """

    @property
    def curvature(self) -> Any:
        """The c, one or for each weight, for which Ω(w) − c/2·w² is still convex."""
        ...

    @property
    def low(self) -> Any:
        """The least that a weight may be, one or for each."""
        ...

    @property
    def high(self) -> Any:
        """The most that a weight may be, one or for each."""
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
    def is_joint(self) -> bool:
        """Whether the weights of a column pay together over the targets, as in `Together`; not so here."""
        ...

    @property
    def threshold(self) -> Threshold | None:
        """The numbers of an elastic net, which compiled loops know; None for any other penalty."""
        ...

    def on(self, features: Sequence[str], scale: np.ndarray) -> Any:
        """Ω of the weights of these columns, divided by a scale (p,): what is told by name is put in their order."""
        ...

    def take(self, which: np.ndarray) -> Self:
        """Ω of some of the weights, by their numbers."""
        ...

    def times(self, factor: float) -> Self:
        """factor·Ω."""
        ...

    def value(self, w: np.ndarray) -> float:
        """Ω summed over the weights, infinite where one is not allowed."""
        ...

    def prox(self, v: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """argmin over w of ½(w − v)² + step·Ω(w); of step 0 the nearest w that is allowed."""
        ...

    def slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest slope of Ω at w, its subdifferential: one where it is smooth, apart at a kink."""
        ...

    def distance(self, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """How far each slope, that of minus the loss, is from the subdifferential of Ω at w: 0 at an optimum."""
        ...

    def keeps(self, w: np.ndarray, slope: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Whether w is the best of a weight for every slope within `margin` of this one, as at a kink."""
        ...

    def face(self, w: np.ndarray) -> Face:
        """Where Ω is smooth around w."""
        ...

    def rise(self, slope: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The largest slope·(v − w) − Ω(v) + Ω(w) over low ≤ v ≤ high: what moving a weight could gain at most."""
        ...

    def surplus(self, slope: np.ndarray, level: float, margin: np.ndarray | float = 0.0) -> float:
        """The largest sum of slope·v − Ω(v), or a bound on it, over weights v whose Ω is at most `level`.

        Each slope may be any within `margin` of the one that is given.
        """
        ...

    def most(self, level: float) -> Any:
        """How large a weight can be, one number or one for each, whose own Ω is at most `level`."""
        ...

    def words(self) -> str:
        """What is added, as a term of the objective; "" for nothing."""
        ...

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; those of nothing are none."""
        ...


@dataclass(frozen=True)
class ElasticNet:
    """Ω(w) = alpha·f·(l1_ratio·|w| + (1 − l1_ratio)/2·w²), summed over the weights; the bias is never penalised.

    `l1_ratio` 0 (default) is ridge, 1 the lasso, whose weights are zero where they earn too little; between them lies
    the elastic net. The objective is the mean squared error plus Ω, so that scikit-learn's Lasso and ElasticNet at
    alpha are alpha·2 here (for one target), and its Ridge alpha·2/n.

    Parameters, besides:
    - `factors`: the f of some features by name, 1 for the others; 0 leaves a weight without penalty. They are taken as
      they are: glmnet, which calls them penalty.factor, first divides them by their mean.
    - `bounds`: `gradline.Bounds(lower, upper)`, in the units of the columns as they are, whatever their scale in
      training. `positive` allows no weight below zero: the lower bound 0 for all.

    - `together`: the weights of a feature are zero for all targets or for none: |w| is then ‖wⱼ‖, the root of the sum
      of their squares, once for each feature (scikit-learn's MultiTaskElasticNet; the group lasso).

    Raises `UsageError` for an alpha or a factor below 0, an l1_ratio outside 0 to 1, or bounds that are none. Hoerl,
    Kennard 1970; Tibshirani 1996; Zou, Hastie 2005; Friedman, Hastie, Tibshirani 2010 (factors).

    >>> import gradline
    >>> lasso = gradline.ElasticNet(alpha=200.0, l1_ratio=1.0)
    >>> model = gradline.fit("example:crops", "apples", features=["temp", "rainfall", "humidity"], penalty=lasso)
    >>> model.weight.round(3)
    array([[0.   , 0.965, 0.054]])
    """

    alpha: float = 0.0
    l1_ratio: float = 0.0
    positive: bool = False
    factors: Any = None
    bounds: Bounds | None = None
    together: bool = False

    is_joint = False

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.together), bool):
            raise UsageError("together-invalid", f"together is {self.together!r}", "give True or False")
        if self.together and self.is_bounded:
            raise UsageError(
                "bounds-of-weights-together",
                "weights that are zero together, over all targets, are asked for with bounds",
                "ask for one of the two",
            )
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
        if not isinstance(cast(object, self.factors), Mapping | np.ndarray | None):
            raise UsageError(
                "factors-invalid", f"factors is {self.factors!r}", "give them by name: {'area': 0.0}"
            )
        object.__setattr__(self, "factors", checked(self.factors, "factors", 0.0))
        if not isinstance(cast(object, self.bounds), Bounds | None):
            raise UsageError(
                "bounds-invalid", f"bounds is {self.bounds!r}", "give gradline.Bounds(lower, upper)"
            )

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "ElasticNet":
        """That of such `params`."""
        told: dict[str, Any] = dict(params)
        if "bounds" in told:
            told["bounds"] = Bounds(**told["bounds"])
        return cls(**told)

    @property
    def l1(self) -> Any:
        """What |w| is multiplied by."""
        return float(self.alpha * self.l1_ratio) * self._factor

    @property
    def curvature(self) -> Any:
        """What w²/2 is multiplied by."""
        return float(self.alpha * (1 - self.l1_ratio)) * self._factor

    @property
    def _factor(self) -> Any:
        return 1.0 if self.factors is None else self.factors

    @property
    def low(self) -> Any:
        """The least that a weight may be."""
        told = -np.inf if self.bounds is None or self.bounds.lower is None else self.bounds.lower
        return np.maximum(told, 0.0) if self.positive else told

    @property
    def high(self) -> Any:
        """The most that a weight may be."""
        return np.inf if self.bounds is None or self.bounds.upper is None else self.bounds.upper

    @property
    def is_bounded(self) -> bool:
        """Whether some weight may not be all that it could be."""
        return self.positive or self.bounds is not None

    @property
    def is_ridge(self) -> bool:
        """Whether, at any alpha, it is alpha/2·w² for every weight: one decomposition then serves all alphas."""
        return self.l1_ratio == 0 and not self.is_bounded and self.factors is None

    def is_costless(self, w: np.ndarray) -> np.ndarray:
        """The weights that have a factor of 0 and are off their bounds."""
        if self.factors is None:
            return np.zeros(w.shape, bool)
        return (self.factors == 0) & (w > self.low) & (w < self.high)

    @property
    def quadratic(self) -> bool:
        """Whether it is ridge, of any factors, or nothing."""
        return self.alpha * self.l1_ratio == 0 and not self.is_bounded

    @property
    def is_none(self) -> bool:
        """Whether nothing is added."""
        return self.alpha == 0 and not self.is_bounded

    @property
    def threshold(self) -> Threshold:
        """Its own numbers."""
        return Threshold(self.l1, self.curvature, self.low, self.high)

    def on(self, features: Sequence[str], scale: np.ndarray) -> Any:
        """That of these columns, divided by a scale."""
        if self.together and self.l1_ratio:
            factors = None if self.factors is None else in_order(self.factors, features, 1.0)
            return Together(self.alpha, self.l1_ratio, factors)
        if self.factors is None and self.bounds is None:
            return self
        factors = None if self.factors is None else in_order(self.factors, features, 1.0)
        least = 0.0 if self.positive else -np.inf
        bounds = None if self.bounds is None else self.bounds.on(features, scale, least)
        return replace(self, factors=factors, bounds=bounds)

    def take(self, which: np.ndarray) -> "ElasticNet":
        """That of some of the weights."""
        if self.factors is None and self.bounds is None:
            return self
        factors = None if self.factors is None else self.factors[which]
        return replace(self, factors=factors, bounds=None if self.bounds is None else self.bounds.take(which))

    def times(self, factor: float) -> "ElasticNet":
        """factor·Ω."""
        return replace(self, alpha=float(self.alpha) * factor)

    def value(self, w: np.ndarray) -> float:
        """Ω summed over the weights, infinite where one is not allowed."""
        if self.is_bounded and ((w < self.low) | (w > self.high)).any():
            return np.inf
        return float((self.l1 * np.abs(w)).sum() + (self.curvature / 2 * (w * w)).sum())

    def prox(self, v: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """Soft thresholding by step·l1, then shrinking by 1 + step·curvature, then what is allowed."""
        shrunk: np.ndarray = np.maximum(np.abs(v) - step * self.l1, 0.0) / (1.0 + step * self.curvature)
        found = np.where(v < 0, -shrunk, shrunk)
        return (
            np.clip(found, self.low, self.high) if self.is_bounded else found
        ) + 0.0  # no zero is negative

    def slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One off the kinks; at zero l1 to either side; at a bound all beyond, for nothing moves a weight over it."""
        smooth, kink = self.l1 * np.sign(w) + self.curvature * w, np.where(w == 0, self.l1, 0.0)
        least, most = smooth - kink, smooth + kink
        if not self.is_bounded:
            return least, most
        return np.where(w <= self.low, -np.inf, least), np.where(w >= self.high, np.inf, most)

    def distance(self, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """What the slope is beyond those of Ω."""
        least, most = self.slopes(w)
        return np.maximum(np.maximum(least - slope, slope - most), 0.0)

    def keeps(self, w: np.ndarray, slope: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Whether the slope stays within those of Ω."""
        least, most = self.slopes(w)
        return (slope - margin > least) & (slope + margin < most)

    def face(self, w: np.ndarray) -> Face:
        """Smooth off the kink at zero, where there is one, and off the bounds."""
        signs, has_kink = np.sign(w), np.broadcast_to(self.l1 > 0, w.shape)
        free = ~(has_kink & (w == 0)) & (w > self.low) & (w < self.high)
        low = np.maximum(np.where(has_kink & (w > 0), 0.0, -np.inf), self.low)
        high = np.minimum(np.where(has_kink & (w < 0), 0.0, np.inf), self.high)
        return Face(free, self.l1 * signs, low, high)

    def rise(self, slope: np.ndarray, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The gain is concave in v, so it is largest at a bound, at the kink, or where it is flat."""
        low, high = np.maximum(low, self.low), np.minimum(high, self.high)
        signs = np.where(w == 0, np.sign(slope), np.sign(w))
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = (slope - self.l1 * np.sign(slope)) / self.curvature
        tried = [np.clip(v, low, high) for v in (low, high, 0.0 * w, np.where(np.isfinite(flat), flat, 0.0))]
        gains = [self._gain(slope, w, v, signs) for v in tried]
        return np.maximum(np.max(gains, axis=0), 0.0)

    def _gain(self, slope: np.ndarray, w: np.ndarray, v: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """slope·(v − w) − Ω(v) + Ω(w), from the difference of v and w where they lie on one side of the kink."""
        half = np.broadcast_to(self.curvature / 2, w.shape)
        bends = half > 0
        with np.errstate(invalid="ignore", over="ignore"):
            near = (v - w) * (slope - self.l1 * signs - np.where(bends, half * (v + w), 0.0))
            across: np.ndarray = v * (slope - self.l1 * np.sign(v) - np.where(bends, half * v, 0.0))
            across -= w * (slope - self.l1 * signs - half * w)
            gain = np.where(v * signs >= 0, near, across)
        return np.where(np.isnan(gain), 0.0, gain)  # nothing times infinity: the slope is Ω's own

    def surplus(self, slope: np.ndarray, level: float, margin: np.ndarray | float = 0.0) -> float:
        """Each by itself, (|slope| − l1)²/(2·curvature) unless a bound is nearer; or of those together that have an l1
        the largest excess beside it, times the largest Ω: these are so many, the smallest first, as make the sum least.
        """
        l1, each = np.broadcast_to(self.l1, slope.shape), np.full(slope.shape, -np.inf)
        for side in (1.0, -1.0) if np.any(margin) else (1.0,):
            each = np.maximum(each, self._best_alone(slope + side * margin))
        joint = (each > 0) & (l1 > 0)
        excess = (np.maximum(np.abs(slope) + margin - l1, 0.0)[joint]) / l1[joint]
        order = np.argsort(excess)
        alone = np.append(np.cumsum(each[joint][order][::-1])[::-1], 0.0)  # of all from one on
        together = np.append(0.0, excess[order]) * level
        return float(each[~joint].sum()) + float(np.min(alone + together))

    def _best_alone(self, slope: np.ndarray) -> np.ndarray:
        """The largest slope·v − Ω(v) of each weight."""
        l1: np.ndarray | float = self.l1
        excess, bends = (
            np.maximum(np.abs(slope) - l1, 0.0),
            np.broadcast_to(self.curvature > 0, slope.shape),
        )
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            far = np.where(bends, excess / self.curvature, np.where(excess > 0, np.inf, 0.0))
            v = np.clip(np.sign(slope) * far, self.low, self.high)
            size: np.ndarray = np.abs(v)
            gain = size * (np.sign(v) * slope - l1)
            return np.where(size > 0, gain - np.where(bends, self.curvature / 2 * size * size, 0.0), 0.0)

    def most(self, level: float) -> Any:
        """l1·|w| ≤ level, and curvature/2·w² ≤ level."""
        l1, bend = np.asarray(self.l1, float), np.asarray(self.curvature, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_l1 = np.where(l1 > 0, level / l1, np.inf)
            return np.minimum(by_l1, np.where(bend > 0, np.sqrt(2 * level / bend), np.inf))

    def words(self) -> str:
        """The terms with their numbers."""
        f = "" if self.factors is None else "f·"
        l1, bend = self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio)
        size = "‖w‖" if self.together else "|w|"
        parts = [f"{l1:.10g}·Σ{f}{size}"] if l1 else []
        parts += [f"{bend / 2:.10g}·Σ{f}w²"] if bend else []
        said = " + ".join(parts)
        if said and is_by_name(self.factors):
            own = ", ".join(f"{value:g} for {name}" for name, value in self.factors.items())
            said += f", f = {own}, and 1 for others"
        said += ", ‖w‖ over the targets" if self.together and l1 else ""
        limits = ["no weight below 0"] if self.positive else []
        if self.bounds is not None:
            by_column = isinstance(self.bounds.lower, np.ndarray)
            limits += ["each weight within its bounds"] if by_column else self.bounds.words()
        return said + "".join(f", {limit}" for limit in limits)

    def params(self) -> dict[str, Any]:
        """What differs from the defaults."""
        own = {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}
        return own | ({} if self.bounds is None else {"bounds": self.bounds.params()})


NONE = ElasticNet()
