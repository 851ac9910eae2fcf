"""The judge of a finished fit: how far any coefficients are from the optimum, by a route of its own."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.refined import Refined
from gradline.core.linalg.triangular import UNIT, column_norms, estimated, extremes, row_norms
from gradline.model.certificate import FEWEST_DIGITS, NO_TIME_LEFT, Certificate
from gradline.model.status import Status
from gradline.model.witness import Witness
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank, determined_factor, left_over, nearest_slopes
from gradline.moments.state import Moments, RawFactor, calm_blas

ABOVE = 1e-6  # of the least loss: what a certified one may be above it, of the digits that anybody reads
ARRIVED = 1e-12  # a distance below this share of the coefficients counts as none


def fewest_digits(size: np.ndarray, error: np.ndarray, counted: np.ndarray) -> float:
    """The fewest sure decimal digits over the coefficients that are counted; 0 where none is, or nothing bounds one."""
    if not counted.any() or not np.isfinite(error).all():
        return 0.0
    return max(0.0, -math.log10(max(float((error[counted] / size[counted]).max()), UNIT)))


def digits_within(found: Coefficients, reach: Coefficients) -> float:
    """The fewest sure decimal digits over the coefficients that are not zero to within how far they may be off."""
    size, error = np.abs(found.stacked), reach.stacked
    if not error.any():  # then all that are zero are known to be
        return -math.log10(UNIT)
    return fewest_digits(size, error, size > error)


def known_mean(moments: Moments, size: np.ndarray) -> np.ndarray:
    """To what ȳ − Σ w·x̄ (m,) is known for weights of this size (m, p).

    A mean is known to the rounding of the deviations that were averaged, however near to zero it is.
    """
    p, spread = moments.p, moments.norms / math.sqrt(moments.weight_sum)
    return max(moments.error, 4 * UNIT) * (size @ spread[:p] + spread[p:])


class Course(Protocol):
    """What the judge asks of a training, of whatever kind; see `training.Training`."""

    @property
    def epochs(self) -> int | None:
        """How many there were; None where nobody counted them."""
        ...

    @property
    def diverged_at(self) -> int | None:
        """The first epoch whose loss was no number."""
        ...

    def has_grown(self, found: Coefficients, loss: float) -> bool:
        """Whether the loss there is above that of the start, in a way that no training mends."""
        ...

    def time_left(self, found: Coefficients) -> dict[str, Any]:
        """The fields of a certificate about training on."""
        ...


def sure_digits(moments: Moments, bias: bool) -> float:
    """The decimal digits of the least-squares weights that moments alone make sure.

    On columns of unit norm and beside what the targets vary: −log10(‖D·δ‖/(‖D·w‖ + ‖y − ȳ‖)). A coefficient that is
    small beside others has fewer; the certificate counts each by itself.
    """
    none = Coefficients(np.zeros((moments.m, moments.p)), np.zeros(moments.m) if bias else None)
    case = Judged(moments, none)
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
    """From the coefficients to the nearest optimum, in raw units."""

    weight: np.ndarray
    bias: np.ndarray


class _Left(NamedTuple):
    """What coefficients leave that the optimum does not: `residual` (r, m) around the means, `level` (m,) of these."""

    residual: np.ndarray
    level: np.ndarray


class _Rounding(NamedTuple):
    """Bounds on what rounding did to the optimum itself: weight (m, p), bias (m,), and scaled per target."""

    weight: np.ndarray
    bias: np.ndarray
    scaled: np.ndarray


class _Scaled(NamedTuple):
    """Norms per target of weights on columns of unit norm."""

    optimum: np.ndarray
    found: np.ndarray
    distance: np.ndarray


class _StandardErrors(NamedTuple):
    """Of weight (m, p) and, where there is one, bias (m,)."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class Judged(Derived):
    """Coefficients in raw units against raw moments, whatever found them; what is told of them is found when asked for.

    Wherever rows were passed, the loss and its gradient are those of the rows. Where they tell of the optimum, too, the
    distance is to that, with its bounds, as far as it agrees with the moments. From moments alone the distance comes
    from the singular values of the scaled factor, and what rounding may have done to the optimum is bounded on top of
    it: κ·ε·(2 + (κ + 1)·ρ) relative to the scaled coefficients, κ the scaled condition, ε the error of the factor and
    ρ = ‖r‖/(σmax·‖Dw‖) (Wedin 1973; Higham 2002, section 20.1).
    """

    moments: Moments
    found: Coefficients
    training: Course | None = None
    witness: Witness = field(default_factory=lambda: Witness(None))
    reading: Coefficients | None = None  # how surely `found` was read off a model's values
    remarks: tuple[str, ...] = ()

    @property
    def certificate(self) -> Certificate:
        """All that is known."""
        with self._arithmetic():
            return self._certificate

    @cached_property
    def _certificate(self) -> Certificate:
        distance, rounding, rank, cells = self.distance, self.rounding, self.rank, self.cells
        weight_error = np.abs(distance.weight) + rounding.weight
        bias_error = np.abs(distance.bias) + rounding.bias
        if not self.is_finite:  # nothing bounds how far they are
            weight_error, bias_error = np.full_like(weight_error, np.inf), np.full_like(bias_error, np.inf)
        errors, training, condition = self.standard_errors(), self.training, self.condition
        queried = self.moments.queried
        return Certificate(
            status=self.status,
            epochs=None if training is None else training.epochs,
            diverged_at=None if training is None else training.diverged_at,
            loss=self.loss,
            optimal_loss=self.least / cells,
            gap=self.above / cells,
            gradient_norm=2.0 / cells * float(np.linalg.norm(self.gradient)),
            digits=0.0 if rank.deficiency else self.digits(weight_error, bias_error),
            weight_error=weight_error.tolist(),
            bias_error=bias_error.tolist(),
            weight_error_stderr=None if errors is None else (weight_error / errors.weight).tolist(),
            bias_error_stderr=None
            if errors is None or not self.has_bias
            else (bias_error / errors.bias).tolist(),
            rank=rank.rank,
            combinations=rank.combinations(),
            near_combinations=rank.near_combinations(),
            determined=rank.determined.tolist(),
            constant=rank.constant,
            condition=condition,
            condition_scaled=rank.condition_scaled,
            hessian_condition=condition * condition,  # infinite where its square is beyond float64
            remarks=[*self.remarks, *([] if queried is None else [queried.remark])],
            **(NO_TIME_LEFT if training is None or not self.is_finite else training.time_left(self.found)),
        )

    @cached_property
    def status(self) -> Status:
        """How the coefficients stand."""
        with self._arithmetic():
            return _status(self)

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """That of a fit, whenever it is asked; and coefficients of a run that diverged may be huge."""
        with calm_blas(self.moments.p + self.moments.m), np.errstate(over="ignore", invalid="ignore"):
            yield

    @cached_property
    def optimal(self) -> Refined | None:
        """The optimum as the rows have it, where it is known."""
        return self.witness.optimum

    @cached_property
    def is_finite(self) -> bool:
        """Whether the coefficients, and with them their loss, are numbers at all."""
        return math.isfinite(self.above)

    @cached_property
    def weight(self) -> np.ndarray:
        """The weights (m, p) that are judged."""
        return self.found.weight

    @cached_property
    def has_bias(self) -> bool:
        """Whether the model has a bias."""
        return self.found.bias is not None

    @cached_property
    def bias(self) -> np.ndarray:
        """The bias (m,) that is judged; zeros in a model without one."""
        return np.zeros(self.moments.m) if self.found.bias is None else self.found.bias

    @cached_property
    def rank(self) -> Rank:
        """What the columns tell apart."""
        return Rank.of(self.moments, self.has_bias)

    @property
    def is_open(self) -> bool:
        """Whether several answers are as good."""
        return self.rank.deficiency > 0

    @cached_property
    def _factor(self) -> RawFactor:
        """The columns around their means, with a bias, or as they are."""
        return self.moments.slopes_factor(self.has_bias)

    @cached_property
    def distance(self) -> _Distance:
        """How far the nearest optimum is."""
        if self.optimal is not None:
            return _Distance(self.weight - self.optimal.weight, self.bias - self.optimal.bias)
        residual, level = self._left
        delta = self.rank.nearest(residual).T
        mean = self.moments.mean[: self.moments.p]
        return _Distance(delta, level - delta @ mean if self.has_bias else level)

    @cached_property
    def _left(self) -> _Left:
        """What is left, by the moments."""
        moments, level = self.moments, np.zeros(self.moments.m)
        if self.optimal is None:
            if self.has_bias:
                level = moments.level(self.weight, self.bias)
            return _Left(self.rank.columns @ self.weight.T - self._factor.B, level)
        delta, bias = self.distance
        if self.has_bias:
            level = bias + delta @ moments.mean[: moments.p]
        return _Left(self.rank.columns @ delta.T, level)

    @cached_property
    def above(self) -> float:
        """The sum of squares above the least one: by the rows, wherever they were passed."""
        if self.witness.gap is not None:
            return float(self.witness.gap.sum())
        residual, level = self._left
        above = float((self.rank.along(residual) ** 2).sum()) + self.moments.weight_sum * float(level @ level)
        if (
            self._squares is not None and above > ABOVE * self.least
        ):  # of what is less a difference keeps fewer digits
            above = max(0.0, self._squares - self.least)
        return above

    @cached_property
    def least(self) -> float:
        """The least sum of squares."""
        best = self.optimal
        if best is None:
            return float((left_over(self.moments, self.has_bias) ** 2).sum())
        return float(self.moments.above_rounding(best.squares, best.weight, best.bias).sum())

    @cached_property
    def _squares(self) -> float | None:
        """The sum of squares that the rows tell of, where they were passed."""
        if self.witness.squares is None:
            return None
        return float(self.moments.above_rounding(self.witness.squares, self.weight, self.bias).sum())

    @cached_property
    def loss(self) -> float:
        """The loss of the coefficients."""
        return (self.least + self.above if self._squares is None else self._squares) / self.cells

    @cached_property
    def cells(self) -> float:
        """m·W, the divisor of the loss."""
        return self.moments.m * self.moments.weight_sum

    @property
    def gradient(self) -> np.ndarray:
        """Half that of the sum of squares: by the rows, wherever they were passed, else by the moments."""
        if self.witness.gradient is not None:
            return self.witness.gradient if self.has_bias else self.witness.gradient[1:]
        moments, (residual, level) = self.moments, self._left
        slope = self.rank.columns.T @ residual + moments.weight_sum * np.outer(
            moments.mean[: moments.p], level
        )
        return np.vstack([slope, moments.weight_sum * level])

    @cached_property
    def optimum(self) -> np.ndarray:
        """The weights (m, p) of the nearest optimum."""
        return self.weight - self.distance.weight if self.optimal is None else self.optimal.weight

    @property
    def condition(self) -> float:
        """σmax/σmin of [1 X], or of X without a bias, over the directions that count."""
        columns = determined_factor(self.moments, self.has_bias).A
        if self.rank.inverse is not None and not self.rank.deficiency:
            return estimated(columns, Basis.of(self.moments, self.has_bias).inverse).condition
        found, rows = None, self.rank.raw_inverse
        if rows is not None:
            first = columns[0]
            found = (
                rows.with_row(columns[1:] @ first, float(first @ first)) if self.has_bias else rows.extremes
            )
        return (found or extremes(columns)).condition

    def scaled(self, weight: np.ndarray) -> np.ndarray:
        """‖Dw‖ per target: the norm of weights on columns of unit norm."""
        return row_norms(weight * self.rank.norms) if weight.any() else np.zeros(len(weight))

    @cached_property
    def _scaled(self) -> _Scaled:
        """Those of the optimum, of what was found, and of the way from one to the other."""
        optimum, found = self._all_scaled[:2]
        return _Scaled(optimum, found, self.scaled(self.distance.weight))

    @cached_property
    def _all_scaled(self) -> np.ndarray:
        """‖D·‖ (·, m) of the optimum, of what was found, and as far as rows tell of what they leave open of it, and of
        the way from there to the optimum of the moments."""
        parts = [self.optimum, self.weight]
        if self.optimal is not None:
            apart = nearest_slopes(self.moments, self.has_bias) - self.optimal.weight
            parts += [self.optimal.weight_bound, apart]
        return self.scaled(np.concatenate(parts)).reshape(len(parts), -1)

    @cached_property
    def size(self) -> np.ndarray:
        """What rounding of the scaled weights is small beside, per target: ‖Dw‖ + ‖y − ȳ‖."""
        return self._scaled.optimum + self.moments.norms[self.moments.p :]

    @cached_property
    def rounding(self) -> _Rounding:
        """What rounding may have done to the optimum, and reading off outputs to what is judged."""
        known, reading = self._of_optimum, self.reading
        if reading is None:
            return known
        bias = np.zeros(self.moments.m) if reading.bias is None else reading.bias
        return _Rounding(
            known.weight + reading.weight, known.bias + bias, known.scaled + self.scaled(reading.weight)
        )

    @property
    def _of_optimum(self) -> _Rounding:
        """What rounding may have done to the optimum: anything, where rows and moments contradict each other, or where
        a database that added up the rows has proved nothing."""
        if self.optimal is None and self.moments.queried is None:
            return self._of_moments
        if self.optimal is not None and self.agrees:
            return _Rounding(self.optimal.weight_bound, self.optimal.bias_bound, self._scaled_bound)
        weight, bias = np.full_like(self.weight, np.inf), np.full_like(self.bias, np.inf)
        return _Rounding(weight, bias, self.scaled(weight))

    @cached_property
    def _scaled_bound(self) -> np.ndarray:
        """‖D·δ‖ per target of what the rows leave open of the optimum."""
        return np.zeros(self.moments.m) if self.optimal is None else self._all_scaled[2]

    @cached_property
    def agrees(self) -> bool:
        """Whether the rows and the moments, two ways to the optimum, tell of the same one, to what rounding explains.

        They share no arithmetic, so what is wrong with one of them shows beside the other.
        """
        witness, bound = self.optimal, self._of_moments
        if witness is None:
            return True
        weight, mean = nearest_slopes(self.moments, self.has_bias), self.moments.mean
        apart = self._all_scaled[3]
        slack = 2 * bound.scaled + self._scaled_bound
        if self.has_bias:
            level = mean[self.moments.p :] - weight @ mean[: self.moments.p]
            if (np.abs(level - witness.bias) > 2 * bound.bias + witness.bias_bound).any():
                return False
        # ‖r‖ moves by what the columns are off, times the coefficients, and by the coefficients' own distance.
        roots = column_norms(self._factor.C) - np.sqrt(witness.squares)
        error = 10 * math.sqrt(self.moments.p + 1) * max(self.moments.error, 4 * UNIT)
        return bool((apart <= slack).all() and (np.abs(roots) <= error * self.size + slack).all())

    @cached_property
    def _of_moments(self) -> _Rounding:
        """What rounding may have done to the optimum that the moments tell of."""
        moments, p = self.moments, self.moments.p
        condition, error = self.rank.condition_scaled, max(moments.error, 4 * UNIT)
        # Of dependent columns there is more than C that they leave.
        left = column_norms(left_over(moments, self.has_bias))
        residual = left / max(self.rank.extremes.largest, UNIT)
        # The distance is taken from the coefficients, so what they are counts beside what the optimum is.
        size = np.maximum(self._scaled.optimum, self._scaled.found)
        scaled = error * condition * (2 * size + (condition + 1) * residual)
        weight = scaled[:, None] / self.rank.divisors
        if not self.has_bias:
            return _Rounding(weight, np.zeros(moments.m), scaled)
        known = known_mean(moments, np.abs(self.optimum))
        summed = 4 * UNIT * math.sqrt(p + 1) * self.level
        return _Rounding(weight, weight @ np.abs(moments.mean[:p]) + known + summed, scaled)

    @cached_property
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
        return fewest_digits(size, error, size > rounding)

    def standard_errors(self) -> _StandardErrors | None:
        """The classical ones at the optimum; None where one of them, or what weights mean, is not known."""
        moments, rank = self.moments, self.rank
        freedom = moments.observations(moments.weights_are) - rank.rank - self.has_bias
        squares = (left_over(moments, self.has_bias) ** 2).sum(axis=0)
        if moments.weights_are == "sampling" or not freedom > 0 or rank.deficiency or not (squares > 0).all():
            return None
        sigma = np.sqrt(squares / freedom)
        root = rank.root / rank.norms[:, None]  # of full rank, so no norm is zero
        level = math.hypot(1.0 / math.sqrt(moments.weight_sum), float(np.linalg.norm(rank.mean @ root)))
        return _StandardErrors(np.outer(sigma, row_norms(root)), sigma * level)


def _status(case: Judged) -> Status:
    training = case.training
    if not case.is_finite or (training is not None and training.diverged_at is not None):
        return Status.DIVERGED
    moments, distance, rounding = case.moments, case.distance, case.rounding
    size = case.size
    arrived = case._scaled.distance <= np.maximum(10 * rounding.scaled, ARRIVED * size)
    arrived &= np.abs(distance.bias) <= np.maximum(10 * rounding.bias, ARRIVED * case.level)
    largest = np.maximum(-moments.statistics.minimum, moments.statistics.maximum)[moments.p :]
    unseen = ARRIVED * math.sqrt(moments.weight_sum) * largest  # what rounding leaves of a constant target
    sure = rounding.scaled <= np.maximum(10**-FEWEST_DIGITS * size, unseen)
    # Coefficients that all but cancel may be as near as float64 lets them be, and still lose by it.
    nothing = float(moments.unexplainable.sum())
    sure &= case.above <= nothing or case.above - ABOVE * case.least <= nothing
    if arrived.all() and (case.rank.deficiency or sure.all()):
        return Status.RANK_DEFICIENT if case.rank.deficiency else Status.CERTIFIED
    # Where so little is sure that anything has arrived, a run may have left all the same.
    grown = training is not None and training.has_grown(case.found, case.loss)
    if grown:
        return Status.DIVERGED
    return Status.UNCERTIFIED if arrived.all() else Status.STOPPED
