"""The judge of a penalised fit: how far any coefficients are from the best, by the slopes of the loss alone."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.triangular import UNIT, column_norms, inverted, rounding, row_norms, triangular
from gradline.model.certificate import FEWEST_DIGITS, NO_TIME_LEFT, Certificate
from gradline.model.judge import ABOVE, Judged, digits_within, known_mean
from gradline.model.judge_together import JointSums, nearest_together
from gradline.model.status import Status
from gradline.model.training import Training
from gradline.moments.rank import Rank
from gradline.moments.state import Moments, calm_blas
from gradline.solvers.coordinate_descent import minimised
from gradline.solvers.penalties import Penalty
from gradline.solvers.problem import Problem, Scaling

_ROUNDS = 20  # in which each bound sharpens the next; more change no digit
_SHRINKS = 0.9  # a round that does not bring as much is the last
_INDEPENDENT = 0.1  # κ·ε of columns from which on their inverse bounds nothing


class Bound(NamedTuple):
    """What is sure of the optimum of one target, seen from some weights.

    `gap`: how far their objective is above the least, at most, in half sums of squares; `reach` (p,): how far each
    weight is from its best, at most; `kept` (p,): which stay, at zero or at a bound, in every best answer;
    `open` (p,): which neither the data nor the curvature of the penalty hold, so that several answers may be best.
    """

    gap: float
    reach: np.ndarray
    kept: np.ndarray
    open: np.ndarray


class Sums(NamedTuple):
    """½‖A·w − b‖² + Ω(w) of one target, each column of A and b known to `error` of its norm."""

    A: np.ndarray
    b: np.ndarray
    length: float  # ‖b‖, with what no column reaches
    omega: Penalty
    error: float


class _Slopes(NamedTuple):
    """At some weights w: the norms of the columns, and minus the slopes of the loss.

    The residual is known to `blur` in norm; were it exact, the slopes would be known to `margin`, for the columns are
    not. `value` is that of the objective, at most.
    """

    w: np.ndarray
    norms: np.ndarray
    slope: np.ndarray
    margin: np.ndarray
    blur: float
    value: float

    @classmethod
    def of(cls, sums: Sums, w: np.ndarray) -> "_Slopes":
        norms, residual = column_norms(sums.A), sums.b - sums.A @ w
        left = float(np.linalg.norm(residual))
        blur = sums.error * (float(norms @ np.abs(w)) + sums.length)
        value = (left + blur) ** 2 / 2 + sums.omega.value(w)
        margin = sums.error * norms * (left + blur)
        return cls(w, norms, sums.A.T @ residual, margin, blur, value)

    def stays(self, sums: Sums, gap: float) -> np.ndarray:
        """Which stay at their kinks: the slope moves by at most ‖a‖·(blur + √(2·gap)) on the way to the optimum."""
        spread = self.margin + (1 + sums.error) * self.norms * (self.blur + math.sqrt(2 * gap))
        return sums.omega.keeps(self.w, self.slope, spread)


def bounded(sums: Sums, w: np.ndarray) -> Bound:
    """Bounds on the distance of w (p,) from the optimum w*, of the objective and of each weight.

    With g = Aᵀ(b − A·w) and d = w* − w the objective at w is above that at w* by the sum over j of gⱼ·dⱼ − Ω(w*ⱼ) +
    Ω(wⱼ), less ½‖A·d‖²: each term is largest somewhere between the bounds of w*ⱼ, whatever gⱼ is to within its margin,
    and what the residual is off adds at most ‖δr‖·‖A·d‖ − ½‖A·d‖² ≤ ½‖δr‖². Bounds of w*ⱼ follow from the gap in turn,
    as the objective is at least ½‖A·d‖² + c/2·‖d‖² above the least, c the curvature of Ω; and |gⱼ| moves by at most
    ‖aⱼ‖·√(2·gap), so that a slope so far within those of a kink, at zero or at a bound, keeps its weight there
    (the gap-safe sphere of Ndiaye, Fercoq, Gramfort, Salmon 2017). Round by round each bound sharpens the other, down
    to the square of what the slopes miss.

    First the weights that seem to stay there are left out. If their slopes at the optimum of the others turn out within
    those of the kinks, that is the optimum of all, for none of its conditions is missed; if not, none is left out.
    """
    at = _Slopes.of(sums, w)
    seem = at.stays(sums, 0.0)
    found = _sharpened(sums, at, seem)
    if (at.stays(sums, found.gap) | ~seem).all():
        return found
    return _sharpened(sums, at, np.zeros(len(w), bool))


def _sharpened(sums: Sums, at: _Slopes, kept: np.ndarray) -> Bound:
    """The bounds, where weights of these `kept` are known to stay where they are."""
    w, omega, gap = at.w, sums.omega, at.value  # nothing is below zero
    largest = omega.most(at.value)
    low = np.where(kept, w, np.maximum(-largest, omega.low))
    high = np.where(kept, w, np.minimum(largest, omega.high))
    per = _reach(sums, at.norms, kept)
    for _ in range(_ROUNDS):
        low, high = (
            np.maximum(low, w - per * math.sqrt(2 * gap)),
            np.minimum(high, w + per * math.sqrt(2 * gap)),
        )
        gains = np.maximum(*(omega.rise(at.slope + side * at.margin, w, low, high) for side in (1, -1)))
        before, gap = gap, min(gap, float(gains.sum()) + at.blur**2 / 2)
        sure = at.stays(sums, gap) & ~kept
        kept = kept | sure
        low[sure] = high[sure] = w[sure]
        if sure.any():
            per = _reach(sums, at.norms, kept)
        elif gap > _SHRINKS * before:
            break
    reach = np.minimum(np.maximum(high - w, w - low), per * math.sqrt(2 * gap))
    return Bound(gap, np.where(kept, 0.0, reach), kept, np.isinf(per))


def _reach(sums: Sums, norms: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """How far (p,) a weight can be, at most, per √(2·gap); infinite where columns and curvature do not hold it."""
    found, free = np.zeros(len(kept)), np.flatnonzero(~kept)
    bend = np.broadcast_to(np.asarray(sums.omega.curvature, float), kept.shape)[free]
    with np.errstate(divide="ignore"):
        held = found[free] = 1 / np.sqrt(bend)
    units = np.sqrt(norms[free] ** 2 + bend)
    if not len(free) or np.count_nonzero(bend == 0) > len(sums.A) or not units.all():
        return found
    rows = np.vstack([sums.A[:, free], np.diag(np.sqrt(bend))]) if bend.any() else sums.A[:, free]
    R = triangular(rows / units)
    if not R.diagonal().min() > len(free) * UNIT:
        return found
    inverse = inverted(R)
    loss = sums.error * math.sqrt(len(free)) * float(np.linalg.norm(inverse))
    if loss < _INDEPENDENT:
        found[free] = np.minimum(held, row_norms(inverse) / units * (1 + 2 * loss))
    return found


@dataclass(frozen=True, eq=False)
class PenalisedJudge(Derived):
    """Coefficients in raw units against raw moments and a penalty on the weights of a scale, whatever found them.

    The gap is that of `bounded` at the coefficients themselves where it is small, else that of a better answer, which
    is bounded in the same way, plus how far the objective is above it: who found that answer need not be trusted.
    """

    moments: Moments
    found: Coefficients
    penalty: Penalty
    scaling: Scaling
    training: Training | None = None

    @property
    def has_bias(self) -> bool:
        """Whether the model has a bias."""
        return self.found.bias is not None

    @cached_property
    def rank(self) -> Rank:
        """What the columns tell apart."""
        return Rank.of(self.moments, self.has_bias)

    @cached_property
    def is_open(self) -> bool:
        """Whether several answers may be as good: neither data nor penalty hold some weight."""
        return any(bound.open.any() for bound in self.bounds)

    @cached_property
    def problem(self) -> Problem:
        """What is minimised, on the scale of training."""
        return Problem.of(self.moments, None, self.has_bias, self.scaling, penalty=self.penalty)

    @cached_property
    def view(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight (m, p) and bias (m,) on the scale of training."""
        bias = np.zeros(self.moments.m) if self.found.bias is None else self.found.bias
        return self.scaling.to_view(self.found.weight, bias)

    @property
    def is_finite(self) -> bool:
        """Whether the coefficients are numbers at all."""
        return all(np.isfinite(part).all() for part in self.view)

    @cached_property
    def _sums(self) -> list[Sums]:
        """What is minimised of each target."""
        moments, omega = self.problem.moments, self.problem.penalty.times(self.problem.cells / 2)
        columns, B = Rank.of(moments, self.has_bias).varying, moments.slopes_factor(self.has_bias).B
        error = max(moments.error, 4 * UNIT) + rounding(moments.p + moments.m)
        lengths = moments.norms[moments.p :].tolist()
        return [Sums(columns, b, length, omega, error) for b, length in zip(B.T, lengths, strict=True)]

    @cached_property
    def bounds(self) -> list[Bound]:
        """What is sure of each target; where weights are zero together the gap of all is told with the first."""
        if self.problem.penalty.is_joint:
            gap, *rest = nearest_together(self._joint, self.view[0])
            return [Bound(gap if j == 0 else 0.0, *rest) for j in range(self.moments.m)]
        return list(map(_nearest_bound, self._sums, self.view[0]))

    @property
    def _joint(self) -> JointSums:
        """What is minimised of all targets at once."""
        each = self._sums
        A, error, omega, norms = each[0].A, each[0].error, each[0].omega, column_norms(each[0].A)
        B, length = np.column_stack([one.b for one in each]), math.hypot(*(one.length for one in each))
        return JointSums(A, B, length, cast(Any, omega), error, lambda kept: _reach(each[0], norms, kept))

    @cached_property
    def level(self) -> np.ndarray:
        """How far the bias (m,) lies above the best one for these weights; raw units round neither of them."""
        moments, bias = self.moments, self.found.bias
        return np.zeros(moments.m) if bias is None else moments.level(self.found.weight, bias)

    @cached_property
    def gap(self) -> float:
        """How far the objective is above the least, at most."""
        half = sum(bound.gap for bound in self.bounds)
        level = np.abs(self.level) + self._level_known
        whole = 2 * half + self.moments.weight_sum * float(level @ level)
        return whole / self.problem.cells * (1 + 2 * rounding(self.moments.m))

    @cached_property
    def _level_known(self) -> np.ndarray:
        """To what the level (m,) is known."""
        return known_mean(self.moments, np.abs(self.found.weight)) * self.has_bias

    @cached_property
    def loss(self) -> float:
        """The loss of the coefficients, without the penalty."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.problem.moments.squares(*self.view).sum()) / self.problem.cells

    @cached_property
    def reach(self) -> Coefficients:
        """How far each coefficient is from its best, at most, in raw units."""
        weight = np.array([bound.reach for bound in self.bounds]) / self.scaling.scale
        moments, p = self.moments, self.moments.p
        size = np.abs(self.found.weight)
        summed = 4 * UNIT * math.sqrt(p + 1) * (size @ np.abs(moments.mean[:p]) + np.abs(moments.mean[p:]))
        bias = np.abs(self.level) + weight @ np.abs(moments.mean[:p]) + self._level_known + summed
        return Coefficients(weight, bias if self.has_bias else None)

    @cached_property
    def digits(self) -> float:
        """The fewest sure decimal digits over the coefficients that are not zero to within their bound."""
        return digits_within(self.found, self.reach)

    @cached_property
    def status(self) -> Status:
        """How the coefficients stand."""
        training = self.training
        if not self.is_finite or not math.isfinite(self.loss):
            return Status.DIVERGED
        if training is not None and training.diverged_at is not None:
            return Status.DIVERGED
        objective = self.loss + self.problem.penalty.value(self.view[0])
        nothing = float(self.moments.unexplainable.sum()) / self.problem.cells
        if not self.gap <= max(ABOVE * (objective - self.gap), nothing):
            if training is None:
                return Status.UNCERTIFIED
            return Status.DIVERGED if training.has_grown(self.found, objective) else Status.STOPPED
        if self.is_open:
            return Status.RANK_DEFICIENT
        if self.digits >= FEWEST_DIGITS:
            return Status.CERTIFIED
        return Status.UNCERTIFIED if training is None else Status.STOPPED

    @property
    def certificate(self) -> Certificate:
        """All that is known."""
        with calm_blas(self.moments.p + self.moments.m), np.errstate(over="ignore", invalid="ignore"):
            return self._certificate

    @cached_property
    def _certificate(self) -> Certificate:
        rank, penalty, training = self.rank, self.problem.penalty.value(self.view[0]), self.training
        kept, is_zero = np.array([bound.kept for bound in self.bounds]), self.view[0] == 0
        condition = Judged(self.moments, self.found).condition
        bias = np.zeros(self.moments.m) if self.reach.bias is None else self.reach.bias
        return Certificate(
            status=self.status,
            epochs=None if training is None else training.epochs,
            diverged_at=None if training is None else training.diverged_at,
            loss=self.loss,
            penalty=penalty,
            optimal_loss=max(0.0, self.loss + penalty - self.gap),
            gap=self.gap,
            gradient_norm=self._slope_missed,
            digits=self.digits,
            weight_error=self.reach.weight.tolist(),
            bias_error=bias.tolist(),
            weight_error_stderr=None,
            bias_error_stderr=None,
            rank=rank.rank,
            combinations=rank.combinations(),
            near_combinations=rank.near_combinations(),
            determined=(~np.any([bound.open for bound in self.bounds], axis=0)).tolist(),
            constant=rank.constant,
            condition=condition,
            condition_scaled=rank.condition_scaled,
            hessian_condition=condition * condition,
            zero=(kept & is_zero).tolist(),
            at_bound=(kept & ~is_zero).tolist() if (kept & ~is_zero).any() else None,
            **(NO_TIME_LEFT if training is None or not self.is_finite else training.time_left(self.found)),
        )

    @property
    def _slope_missed(self) -> float:
        """The norm of the smallest subgradient of the objective, on the scale of training."""
        pairs = list(zip(self._sums, self.view[0], strict=True))
        slopes = np.array([sums.A.T @ (sums.b - sums.A @ w) for sums, w in pairs])
        missed = self._sums[0].omega.distance(self.view[0], slopes)
        level = self.moments.weight_sum * self.level
        return 2 / self.problem.cells * float(np.hypot(np.linalg.norm(missed), np.linalg.norm(level)))


def _nearest_bound(sums: Sums, w: np.ndarray) -> Bound:
    """The bounds of `bounded` from w itself where it is near the optimum, else through a better answer."""
    there = bounded(sums, w)
    objective = _value(sums, w)
    if there.gap <= ABOVE * ABOVE * objective:
        return there
    best = minimised(sums.A, sums.b, sums.omega, w)
    at = bounded(sums, best)
    blur = 4 * sums.error * (float(column_norms(sums.A) @ (np.abs(w) + np.abs(best))) + sums.length)
    above = max(0.0, objective - _value(sums, best)) + blur * math.sqrt(2 * objective) + blur**2
    if above + at.gap >= there.gap:
        return there
    return Bound(above + at.gap, np.abs(w - best) + at.reach, at.kept & (w == best), at.open)


def _value(sums: Sums, w: np.ndarray) -> float:
    residual = sums.b - sums.A @ w
    return float(residual @ residual) / 2 + sums.omega.value(w)
