"""The path of a penalty: the answers at many alphas from one state, each with its gap and what it costs in freedom."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.derived import Derived, cached_property
from gradline.core.errors import UsageError
from gradline.core.linalg.triangular import UNIT, rounding
from gradline.data.selection import Choice
from gradline.moments.rank import Rank, column_factor, varying
from gradline.moments.state import Moments, calm_blas
from gradline.solvers.path import chosen, freedom, weights_along
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.problem import Scaling
from gradline.solvers.together import Together, duality_gap

COUNT = 100  # alphas, as scikit-learn and glmnet take: neighbours differ by 7 %
_LASSO = ElasticNet(l1_ratio=1.0)


@dataclass(frozen=True, eq=False)
class Path(Derived):
    """The answers at `alphas` (K,), the largest first, of one penalty on the rows behind `moments`.

    - `weight` (K, m, p) and `bias` (K, m), in raw units; `scale` is that of the penalty.
    - `loss` (K,): the mean squared error without the penalty; `gap` (K,): how far loss and penalty together are above
      the least they can be, at most.
    - `freedom` (K, m): the degrees of freedom that each answer uses, per target, the bias among them.
    - `aic`, `bic`, `cp`, `gcv` (K, m): estimates of how well other rows would be predicted; smaller is better.

    >>> import gradline
    >>> path = gradline.path("example:longley", "employed", alphas=20)
    >>> path.weight.shape, int((path.weight[0] != 0).sum())
    ((20, 1, 6), 0)
    """

    moments: Moments
    has_bias: bool
    penalty: ElasticNet
    scale: str
    alphas: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    gap: np.ndarray
    freedom: np.ndarray

    @cached_property
    def squares(self) -> np.ndarray:
        """Σ w·(ŷ − y)² (K, m)."""
        pairs = zip(self.weight, self.bias, strict=True)
        return np.array([self.moments.squares(weight, bias) for weight, bias in pairs])

    @property
    def loss(self) -> np.ndarray:
        """Σ w·(ŷ − y)²/(m·W) (K,)."""
        return self.squares.sum(axis=1) / (self.moments.m * self.moments.weight_sum)

    @property
    def noise(self) -> np.ndarray:
        """σ² (m,): what least squares leaves, by rows that its coefficients do not use up; NaN where there are none."""
        moments, bias = self.moments, self.has_bias
        rank = Rank.of(moments, bias)
        left = moments.weight_sum - rank.rank - bias
        weight = rank.least_squares(moments.slopes_factor(bias).B).T
        level = (
            moments.mean[moments.p :] - weight @ moments.mean[: moments.p] if bias else np.zeros(moments.m)
        )
        return moments.squares(weight, level) / left if left > 0 else np.full(moments.m, np.nan)

    @property
    def aic(self) -> np.ndarray:
        """n·log(2π·SSR/n) + n + 2·freedom, as `Inference.aic` counts it (Akaike 1974)."""
        return self._likely + 2 * self.freedom

    @property
    def bic(self) -> np.ndarray:
        """n·log(2π·SSR/n) + n + log n·freedom (Schwarz 1978)."""
        return self._likely + math.log(self.moments.weight_sum) * self.freedom

    @property
    def _likely(self) -> np.ndarray:
        n = self.moments.weight_sum
        with np.errstate(divide="ignore"):
            return n * np.log(2 * math.pi * self.squares / n) + n

    @property
    def cp(self) -> np.ndarray:
        """SSR/σ² − n + 2·freedom, with the σ² of `noise`; NaN where that is (Mallows 1973)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.squares / self.noise - self.moments.weight_sum + 2 * self.freedom

    @property
    def gcv(self) -> np.ndarray:
        """n·SSR/(n − freedom)², infinite where nothing is left (Golub, Heath, Wahba 1979)."""
        n = self.moments.weight_sum
        left = np.maximum(n - self.freedom, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(left > 0, n * self.squares / left**2, np.inf)

    def __repr__(self) -> str:
        ends = f"{self.alphas[0]:.4g} to {self.alphas[-1]:.4g}"
        return f"Path({len(self.alphas)} alphas from {ends}, gap at most {self.gap.max():.2g})"


def path(
    data: Any,
    targets: Any = None,
    *,
    penalty: ElasticNet = _LASSO,
    alphas: int | Sequence[float] | np.ndarray = COUNT,
    bias: bool = True,
    scale: str = "none",
    tol: float = 0.0,
    **choice: Unpack[Choice],
) -> Path:
    """The answers of a penalty at many alphas, from one pass over the rows.

    Each minimises what `gradline.fit` minimises with that alpha: mean squared error + alpha·(l1_ratio·‖weight‖₁ +
    (1 − l1_ratio)/2·‖weight‖²). Ridge takes one singular value decomposition for all; the others go down the alphas
    by coordinate descent, each from the answer before it, and leave columns out of it that are proven to stay zero.

    Parameters:
    - `data`, `targets` and the rest: as in `gradline.fit`; or `Moments`.
    - `penalty`: `gradline.ElasticNet(l1_ratio=…, positive=…)`, whose own alpha does not count; the lasso by default.
    - `alphas`: how many (100, so that neighbours differ by 7 %), or their values. Those chosen begin where the last
      weight becomes zero, and end at 1/1000 of it: of so little penalty hardly anything is left to see. Where rows are
      no more than columns they end at 1/100, for beyond it the weights follow the noise. Those of ridge go from where
      the strongest direction of the columns keeps 1 % to where the weakest keeps 99 %.
    - `bias`, `scale`: as in `gradline.fit`; scale is "none" or "standard".
    - `tol`: how far loss and penalty may be above the least, at most, beside half of what the targets vary (their mean
      square around the mean); 0 (default) leaves rounding alone.

    Returns a `Path`. Raises what `gradline.fit` raises, `RequestError` for alphas that are none.

    >>> import gradline
    >>> columns = ["temp", "rainfall", "humidity"]
    >>> lasso = gradline.path("example:crops", "apples", features=columns, alphas=[400, 200, 1])
    >>> lasso.weight[:, 0].round(3).tolist()
    [[0.0, 0.872, 0.0], [0.0, 0.965, 0.054], [-0.419, 0.843, 0.682]]
    >>> lasso.freedom[:, 0].tolist()
    [2.0, 3.0, 4.0]
    """
    if scale not in ("none", "standard"):
        raise UsageError("scale-invalid", f"scale is {scale!r}", "use none or standard")
    if not (is_real(tol) and tol >= 0):
        raise UsageError("tol-invalid", f"tol is {tol}", "give a number from 0")
    moments = data if isinstance(data, Moments) else Moments.of(data, targets, **choice)
    return path_of(moments, bias, penalty, alphas, scale, tol)


def path_of(
    moments: Moments,
    bias: bool,
    penalty: ElasticNet,
    alphas: int | Sequence[float] | np.ndarray,
    scale: str = "none",
    tol: float = 0.0,
) -> Path:
    """`path` of moments."""
    with calm_blas(moments.p + moments.m):
        scaling = Scaling.named(scale, moments, bias)
        view = scaling.moments(moments)
        penalty = penalty.on(moments.design.features, scaling.scale)
        values = chosen(view, bias, penalty, alphas)
        weight = weights_along(view, bias, penalty, values, tol)
        return Path(
            moments,
            bias,
            penalty,
            scale,
            values,
            weight / scaling.scale,
            levels(moments, bias, weight / scaling.scale),
            gaps(view, bias, penalty, values, weight),
            freedom(view, bias, penalty, values, weight),
        )


def levels(moments: Moments, bias: bool, weight: np.ndarray) -> np.ndarray:
    """The best bias (K, m) for weights (K, m, p), zeros in a model without one."""
    if not bias:
        return np.zeros(weight.shape[:2])
    p, low = moments.p, moments.statistics.mean_low
    return (moments.mean[p:] - weight @ moments.mean[:p]) + (low[p:] - weight @ low[:p])


def gaps(
    moments: Moments, bias: bool, penalty: ElasticNet, alphas: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """How far the objective (K,) at weights (K, m, p) and their best bias is above the least, at most.

    The duality gap, Ω(w) − g·w + sup over v of g·v − Ω(v), with g the slopes of half the sum of squares, to which is
    added what rounding of the columns and of the residual may have done: every slope is off by up to `error` of its
    column's norm times the residual's, and the residual by `blur` in norm, which costs ½·blur². Weights that cost
    nothing and are off their bounds could at once take away what of the residual their columns reach.
    """
    half = moments.m * moments.weight_sum / 2
    columns, B, norms = varying(moments, bias), moments.slopes_factor(bias).B, column_factor(moments, bias)[1]
    error = max(moments.error, 4 * UNIT) + rounding(moments.p + moments.m)
    lengths = moments.norms[moments.p :]
    residual = B.T[None] - weight @ columns.T
    slopes = residual @ columns
    left = np.linalg.norm(residual, axis=2)
    blur = error * (np.abs(weight) @ norms + lengths)
    total = np.zeros(len(alphas))
    if penalty.is_joint:
        for k in range(len(alphas)):
            omega = cast(Together, replace(penalty, alpha=float(alphas[k]) * half))
            off, whole = float(np.linalg.norm(blur[k])), float(np.linalg.norm(left[k]))
            margin = error * norms * (whole + off)
            total[k] = duality_gap(residual[k].T, slopes[k], weight[k], omega, margin) + off**2 / 2
        return total / half
    for k, m in np.ndindex(*left.shape):
        omega, w, g = replace(penalty, alpha=float(alphas[k]) * half), weight[k, m], slopes[k, m]
        margin = error * norms * float(left[k, m] + blur[k, m])
        if (free := omega.is_costless(w)).any():
            span = np.linalg.qr(columns[:, free])[0]
            reached = span.T @ residual[k, m]
            total[k] += float(reached @ reached) / 2
            g = np.where(free, 0.0, g - (span @ reached) @ columns)
            margin = np.where(free, 0.0, margin)
        value = float(left[k, m] + blur[k, m]) ** 2 / 2 + omega.value(w)
        own = omega.value(w) - float(g @ w) + float(margin @ np.abs(w))
        total[k] += max(0.0, own + omega.surplus(g, value, margin)) + float(blur[k, m]) ** 2 / 2
    return total / half
