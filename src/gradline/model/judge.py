"""The judge of a finished fit: how far any coefficients are from the optimum, by a route of its own."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.linalg.refinement import Refined
from gradline.core.linalg.triangular import UNIT, estimated, extremes, row_norms
from gradline.model.certificate import FEWEST_DIGITS, Certificate
from gradline.model.status import Status
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank, determined_factor
from gradline.moments.state import Moments, RawFactor
from gradline.solvers.problem import Scaling
from gradline.solvers.trajectory import Trajectory

ARRIVED = 1e-12  # a distance below this share of the coefficients counts as none
_TIME_LEFT = ("lr_limit", "tenfold_loss", "epochs_to_loss", "epochs_to_weights")
_DIRECTIONS = 12  # kept in a certificate, largest share first


class Training(NamedTuple):
    """How the coefficients were trained, if they were: what the judge needs to speak of time left."""

    lr: float
    momentum: float
    epochs: int | None  # None where nobody counted them
    view: Moments  # the moments on the scale of training, and the way from and to raw coefficients
    scaling: Scaling
    started_at: float  # the loss before the first epoch
    diverged_at: int | None = None
    batch_size: int | None = None  # None: the full batch, whose path is known in closed form
    tenfold_loss: float | None = None


def judge(
    moments: Moments,
    found: Coefficients,
    training: Training | None = None,
    optimum: Refined | None = None,
) -> Certificate:
    """Judge coefficients in raw units against raw moments, whatever found them.

    Where the `optimum` was refined from the rows, the distance is to it, and its bounds are those of its last
    corrections. From moments alone the distance comes from the singular values of the scaled factor, and what
    rounding may have done to the optimum is bounded on top of it: κ·ε·(2 + (κ + 1)·ρ) relative to the scaled
    coefficients, κ the scaled condition, ε the error of the factor and ρ = ‖r‖/(σmax·‖Dw‖) (Wedin 1973; Higham
    2002, section 20.1).
    """
    with np.errstate(over="ignore", invalid="ignore"):  # coefficients of a run that diverged may be huge
        case = _Judged.of(moments, found, optimum)
        distance, rounding = case.distance, case.rounding
        weight_error = np.abs(distance.weight) + rounding.weight
        bias_error = np.abs(distance.bias) + rounding.bias
        left = _time_left(case, training)
    rank, errors = case.rank, case.standard_errors()
    condition = case.condition
    return Certificate(
        status=_status(case, training, left["lr_limit"]),
        epochs=None if training is None else training.epochs,
        diverged_at=None if training is None else training.diverged_at,
        loss=distance.optimal_loss + distance.gap,
        optimal_loss=distance.optimal_loss,
        gap=distance.gap,
        gradient_norm=distance.gradient_norm,
        digits=0.0 if rank.deficiency else case.digits(weight_error, bias_error),
        weight_error=weight_error.tolist(),
        bias_error=bias_error.tolist(),
        weight_error_stderr=None if errors is None else (weight_error / errors.weight).tolist(),
        bias_error_stderr=None
        if errors is None or found.bias is None
        else (bias_error / errors.bias).tolist(),
        rank=rank.rank,
        combinations=rank.combinations(),
        near_combinations=rank.near_combinations(),
        determined=rank.determined.tolist(),
        constant=rank.constant,
        condition=condition,
        condition_scaled=rank.condition_scaled,
        hessian_condition=condition**2,
        **left,
    )


def sure_digits(moments: Moments, bias: bool) -> float:
    """The decimal digits of the least-squares weights that moments alone make sure.

    On columns of unit norm and beside what the targets vary: −log10(‖D·δ‖/(‖D·w‖ + ‖y − ȳ‖)). A coefficient that is
    small beside others has fewer; the certificate counts each by itself.
    """
    none = Coefficients(np.zeros((moments.m, moments.p)), np.zeros(moments.m) if bias else None)
    case = _Judged.of(moments, none, None)
    share = case.rounding.scaled / np.maximum(case.size, np.finfo(float).tiny)
    return max(0.0, -math.log10(max(float(share.max()), UNIT)))


def least_digits(moments: Moments, bias: bool) -> float:
    """A bound below `sure_digits` by the condition alone: −log10(κ·ε·(κ + 3)); zero without a bias.

    With one the residual is no longer than the targets vary; and σmax of columns of unit norm is at least one.
    """
    if not bias:
        return 0.0
    condition = Rank.of(moments, bias).condition_scaled
    return -math.log10(condition * max(moments.error, 4 * UNIT) * (condition + 3))


class _Distance(NamedTuple):
    """From the coefficients to the nearest optimum, in raw units, and what it costs."""

    weight: np.ndarray
    bias: np.ndarray
    optimal_loss: float
    gap: float
    gradient_norm: float


class _Rounding(NamedTuple):
    """Bounds on what rounding did to the optimum itself: weight (m, p), bias (m,), and scaled per target."""

    weight: np.ndarray
    bias: np.ndarray
    scaled: np.ndarray


class _StandardErrors(NamedTuple):
    """Of weight (m, p) and, where there is one, bias (m,)."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class _Judged:
    """What is judged: coefficients against moments."""

    moments: Moments
    rank: Rank
    weight: np.ndarray
    bias: np.ndarray
    has_bias: bool
    refined: Refined | None

    @classmethod
    def of(cls, moments: Moments, found: Coefficients, optimum: Refined | None) -> "_Judged":
        """The coefficients against the moments and, where it is known better, the optimum."""
        has_bias = found.bias is not None
        bias = np.zeros(moments.m) if found.bias is None else found.bias
        return cls(moments, Rank.of(moments, has_bias), found.weight, bias, has_bias, optimum)

    @cached_property
    def _factor(self) -> RawFactor:
        """The columns around their means, with a bias, or as they are."""
        if not self.has_bias:
            return self.moments.raw_factor(bias=False)
        R, p = self.moments.factor, self.moments.p
        return RawFactor(R[:p, :p], R[:p, p:], R[p:, p:])

    @cached_property
    def distance(self) -> _Distance:
        """How far the nearest optimum is."""
        moments, rank, mean = self.moments, self.rank, self.moments.mean[: self.moments.p]
        cells, level = moments.m * moments.weight_sum, np.zeros(moments.m)
        if self.refined is not None:
            delta = self.weight - self.refined.weight
            residual = rank.columns @ delta.T
            refined = self.refined
            squares = moments.above_rounding(refined.squares, refined.weight, refined.bias)
            optimal_loss = float(squares.sum()) / cells
            bias = self.bias - self.refined.bias
            if self.has_bias:
                level = bias + delta @ mean
        else:
            residual = rank.columns @ self.weight.T - self._factor.B
            delta = rank.nearest(residual).T
            optimal_loss = float((determined_factor(moments, self.has_bias).C ** 2).sum()) / cells
            if self.has_bias:
                level = self.bias + self.weight @ mean - moments.mean[moments.p :]
            bias = level - delta @ mean if self.has_bias else level
        along = rank.along(residual)
        slope = 2.0 / cells * (rank.columns.T @ residual) + 2.0 / moments.m * np.outer(mean, level)
        gradient = np.vstack([slope, 2.0 / moments.m * level])
        return _Distance(
            weight=delta,
            bias=bias,
            optimal_loss=optimal_loss,
            gap=(float((along**2).sum()) + moments.weight_sum * float(level @ level)) / cells,
            gradient_norm=float(np.linalg.norm(gradient)),
        )

    @cached_property
    def optimum(self) -> np.ndarray:
        """The weights (m, p) of the nearest optimum."""
        return self.weight - self.distance.weight

    @property
    def condition(self) -> float:
        """σmax/σmin of [1 X], or of X without a bias, over the directions that count."""
        columns = determined_factor(self.moments, self.has_bias).A
        if self.rank.inverse is None:
            return extremes(columns).condition
        return estimated(columns, Basis.of(self.moments, self.has_bias).inverse).condition

    def scaled(self, weight: np.ndarray) -> np.ndarray:
        """‖Dw‖ per target: the norm of weights on columns of unit norm."""
        return row_norms(weight * self.rank.norms)

    @cached_property
    def size(self) -> np.ndarray:
        """What rounding of the scaled weights is small beside, per target: ‖Dw‖ + ‖y − ȳ‖."""
        return self.scaled(self.optimum) + np.linalg.norm(self.moments.factor[:, self.moments.p :], axis=0)

    @cached_property
    def rounding(self) -> _Rounding:
        """What rounding may have done to the optimum."""
        moments, norms, p = self.moments, self.rank.norms, self.moments.p
        if self.refined is not None:
            bound = self.refined.weight_bound
            return _Rounding(bound, self.refined.bias_bound, self.scaled(bound))
        condition, error = self.rank.condition_scaled, max(moments.error, 4 * UNIT)
        residual = np.linalg.norm(self._factor.C, axis=0) / max(self.rank.extremes.largest, UNIT)
        # The distance is taken from the coefficients, so what they are counts beside what the optimum is.
        size = np.maximum(self.scaled(self.optimum), self.scaled(self.weight))
        scaled = error * condition * (2 * size + (condition + 1) * residual)
        weight = np.outer(scaled, np.divide(1.0, norms, out=np.zeros(p), where=norms > 0))
        if not self.has_bias:
            return _Rounding(weight, np.zeros(moments.m), scaled)
        # A mean is known to the rounding of the deviations that were averaged, however near to zero it is.
        spread = np.linalg.norm(moments.factor, axis=0) / math.sqrt(moments.weight_sum)
        known = error * (np.abs(self.optimum) @ spread[:p] + spread[p:])
        summed = 4 * UNIT * math.sqrt(p + 1) * self.level
        return _Rounding(weight, weight @ np.abs(moments.mean[:p]) + known + summed, scaled)

    @property
    def level(self) -> np.ndarray:
        """The size (m,) of what a bias is the difference of: |ȳ| + Σ|w·x̄|, w the larger of found and optimal."""
        mean = np.abs(self.moments.mean)
        largest = np.maximum(np.abs(self.optimum), np.abs(self.weight))
        return largest @ mean[: self.moments.p] + mean[self.moments.p :]

    def digits(self, weight_error: np.ndarray, bias_error: np.ndarray) -> float:
        """The fewest sure decimal digits over the coefficients whose optimum is not zero to within rounding."""
        size, error, rounding = np.abs(self.optimum), weight_error, self.rounding.weight
        if self.has_bias:
            size = np.column_stack([np.abs(self.bias - self.distance.bias), size])
            error = np.column_stack([bias_error, error])
            rounding = np.column_stack([self.rounding.bias, rounding])
        counted = size > rounding
        if not counted.any() or not np.isfinite(error).all():
            return 0.0
        worst = float((error[counted] / size[counted]).max())
        return max(0.0, -math.log10(max(worst, UNIT)))

    def standard_errors(self) -> _StandardErrors | None:
        """The classical ones at the optimum; None where coefficients or the variance are not determined."""
        moments, rank = self.moments, self.rank
        freedom = moments.weight_sum - rank.rank - self.has_bias  # weights are counts
        squares = (determined_factor(moments, self.has_bias).C ** 2).sum(axis=0)
        if freedom <= 0 or rank.deficiency or not (squares > 0).all():
            return None
        sigma = np.sqrt(squares / freedom)
        root = rank.root / rank.norms[:, None]  # of full rank, so no norm is zero
        level = math.hypot(1.0 / math.sqrt(moments.weight_sum), float(np.linalg.norm(rank.mean @ root)))
        return _StandardErrors(np.outer(sigma, row_norms(root)), sigma * level)


def _status(case: _Judged, training: Training | None, lr_limit: float) -> Status:
    if training is not None and _diverged(case, training, lr_limit):
        return Status.DIVERGED
    moments, distance, rounding = case.moments, case.distance, case.rounding
    size = case.size
    arrived = case.scaled(distance.weight) <= np.maximum(10 * rounding.scaled, ARRIVED * size)
    arrived &= np.abs(distance.bias) <= np.maximum(10 * rounding.bias, ARRIVED * case.level)
    largest = np.maximum(np.abs(moments.statistics.minimum), np.abs(moments.statistics.maximum))[moments.p :]
    unseen = ARRIVED * math.sqrt(moments.weight_sum) * largest  # what rounding leaves of a constant target
    sure = rounding.scaled <= np.maximum(10**-FEWEST_DIGITS * size, unseen)
    if not arrived.all():
        return Status.STOPPED
    if case.rank.deficiency:
        return Status.RANK_DEFICIENT
    return Status.CERTIFIED if sure.all() else Status.UNCERTIFIED


def _diverged(case: _Judged, training: Training, lr_limit: float) -> bool:
    """Whether the loss left the numbers, or grew at a rate that cannot be stable (momentum may overshoot)."""
    if training.diverged_at is not None:
        return True
    return training.lr > lr_limit and case.distance.optimal_loss + case.distance.gap > training.started_at


def _time_left(case: _Judged, training: Training | None) -> dict[str, Any]:
    """What training on would bring: the gap by direction, and the epochs that are left."""
    left: dict[str, Any] = dict.fromkeys(_TIME_LEFT) | {"directions": []}
    if training is None:
        return left
    start = training.scaling.to_view(case.weight, case.bias)
    path = Trajectory(training.view, training.lr, training.momentum, start, case.has_bias)
    left |= {"lr_limit": path.lr_limit, "directions": path.directions()[:_DIRECTIONS]}
    if training.batch_size is None:
        left |= {
            "tenfold_loss": training.tenfold_loss,
            "epochs_to_loss": path.epochs_to_loss(),
            "epochs_to_weights": path.epochs_to_weights(),
        }
    else:
        left["directions"] = [d._replace(half_life=None) for d in left["directions"]]
    return left
