"""The judge of a fit whose loss is not squared: how far its coefficients are from the best, from the rows."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.triangular import UNIT
from gradline.model.certificate import FEWEST_DIGITS, NO_TIME_LEFT, Certificate
from gradline.model.judge import ABOVE, Judged, digits_within
from gradline.model.row_bounds import Line, RowBound, bounded
from gradline.model.status import Status
from gradline.moments.rank import Rank
from gradline.moments.state import Moments, calm_blas
from gradline.solvers.interior_point import corner, interior
from gradline.solvers.newton import newton_minimised
from gradline.solvers.problem import Problem
from gradline.solvers.tall import Tall, dual_slope, losses, summed


@dataclass(frozen=True, eq=False)
class RowsJudge(Derived):
    """Coefficients in raw units against the rows of a problem, whatever found them.

    The gap is that of `bounded` at the coefficients themselves where it is small, else that of a better line, which is
    bounded in the same way, plus how far the objective is above it: who found that line need not be trusted.
    """

    moments: Moments
    found: Coefficients
    problem: Problem

    @property
    def has_bias(self) -> bool:
        """Whether the model has a bias."""
        return self.found.bias is not None

    @cached_property
    def rank(self) -> Rank:
        """What the columns tell apart."""
        return Rank.of(self.moments, self.has_bias)

    @cached_property
    def tall(self) -> Tall:
        """The rows."""
        return Tall.of(self.problem)

    @cached_property
    def lines(self) -> list[Line]:
        """The coefficients beside their rows, target by target."""
        bias = np.zeros(self.moments.m) if self.found.bias is None else self.found.bias
        return [
            Line.of(self.tall, w, float(b), j)
            for j, (w, b) in enumerate(zip(self.found.weight, bias, strict=True))
        ]

    @cached_property
    def bounds(self) -> list[RowBound]:
        """What is sure of each target."""
        return [nearest_bound(line) for line in self.lines]

    @cached_property
    def objective(self) -> float:
        """Loss and penalty."""
        return sum(line.value for line in self.lines) / self.problem.cells

    @cached_property
    def penalty(self) -> float:
        """The penalty alone."""
        return self.problem.penalty.value(self.found.weight * self.problem.scaling.scale)

    @cached_property
    def gap(self) -> float:
        """How far the objective is above the least, at most; that is not below zero."""
        found = sum(bound.gap for bound in self.bounds) / self.problem.cells * (1 + 4 * UNIT)
        return min(found, self.objective * (1 + 1e-12))

    @cached_property
    def reach(self) -> Coefficients:
        """How far each coefficient is from its best, at most, in raw units."""
        tall, first = self.tall, int(self.has_bias)
        slopes = np.array([bound.reach[first:] for bound in self.bounds])
        if tall.basis is not None:
            known = np.array([np.where(bound.open[first:], math.inf, 0.0) for bound in self.bounds])
            share = np.abs(tall.basis)
            with np.errstate(invalid="ignore"):
                slopes = np.where((known @ (share > 0)) > 0, math.inf, np.nan_to_num(slopes) @ share)
            slopes[:, ~self.rank.determined] = math.inf
        weight = slopes / tall.scale
        if not first:
            return Coefficients(weight, None)
        level = np.array([bound.reach[0] for bound in self.bounds])
        with np.errstate(invalid="ignore"):
            moved = np.where(tall.center != 0, weight * np.abs(tall.center), 0.0).sum(axis=1)
        return Coefficients(weight, level + moved)

    @cached_property
    def determined(self) -> np.ndarray:
        """Which weights (p,) have one best value in every target."""
        return np.logical_and.reduce(np.isfinite(self.reach.weight))

    @property
    def is_open(self) -> bool:
        """Whether several answers may be as good."""
        bias = self.reach.bias
        return not self.determined.all() or (bias is not None and not np.isfinite(bias).all())

    @cached_property
    def digits(self) -> float:
        """The fewest sure decimal digits over the coefficients that are not zero to within their bound."""
        return digits_within(self.found, self.reach)

    @cached_property
    def status(self) -> Status:
        """How the coefficients stand."""
        if not math.isfinite(self.objective):
            return Status.DIVERGED
        nothing = sum(line.nothing for line in self.lines) / self.problem.cells
        if not self.gap <= max(ABOVE * (self.objective - self.gap), nothing):
            return Status.UNCERTIFIED
        if self.is_open:
            return Status.RANK_DEFICIENT
        return Status.CERTIFIED if self.digits >= FEWEST_DIGITS else Status.UNCERTIFIED

    @cached_property
    def certificate(self) -> Certificate:
        """All that is known."""
        with calm_blas(self.moments.p + self.moments.m), np.errstate(over="ignore", invalid="ignore"):
            return self._certificate

    @property
    def _certificate(self) -> Certificate:
        rank, has_penalty = self.rank, not self.problem.penalty.is_none
        condition = Judged(self.moments, self.found).condition
        bias = np.zeros(self.moments.m) if self.reach.bias is None else self.reach.bias
        return Certificate(
            status=self.status,
            epochs=None,
            diverged_at=None,
            loss=max(0.0, self.objective - self.penalty),
            penalty=self.penalty if has_penalty else None,
            optimal_loss=max(0.0, self.objective - self.gap),
            gap=self.gap,
            gradient_norm=self.gradient_norm,
            digits=self.digits,
            weight_error=self.reach.weight.tolist(),
            bias_error=bias.tolist(),
            weight_error_stderr=None,
            bias_error_stderr=None,
            rank=rank.rank,
            combinations=rank.combinations(),
            near_combinations=rank.near_combinations(),
            determined=self.determined.tolist(),
            constant=rank.constant,
            condition=condition,
            condition_scaled=rank.condition_scaled,
            hessian_condition=condition * condition,
            zero=np.zeros(self.found.weight.shape, bool).tolist() if has_penalty else None,
            loss_name=self.problem.loss.params()["loss"],
            **NO_TIME_LEFT,
        )

    @property
    def gradient_norm(self) -> float:
        """The norm of the smallest subgradient that was found, on standardised columns."""
        tall = self.tall
        if (tall.width > 0).all():
            slopes = [tall.A.T @ (tall.w * dual_slope(tall, line.r)) for line in self.lines]
        else:
            slopes = [bound.slope for bound in self.bounds]
        return float(np.linalg.norm(slopes)) / self.problem.cells


def nearest_bound(line: Line) -> RowBound:
    """The bounds of `bounded` from the line itself where it is near the best, else through a better one."""
    there, tall, j = bounded(line), line.tall, line.j
    if there.gap <= ABOVE * ABOVE * line.value:
        return there
    theta = tall.own(line.weight[None], np.array([line.bias]))[:, 0]
    is_bent = bool((tall.width > 0).all())
    slopes = None if is_bent else interior(tall, theta, j)[1]
    there = min(there, bounded(line, slopes), key=lambda bound: bound.gap)
    best = (newton_minimised if is_bent else corner)(tall, theta, j)
    weight, bias = tall.raw(best[:, None])
    better = Line.of(tall, weight[0], float(bias[0]), j)
    at = min(bounded(better), bounded(better, slopes), key=lambda bound: bound.gap)
    fall, off = _difference(line, better)
    if fall + off + at.gap >= there.gap:
        return there
    return RowBound(
        max(0.0, fall + off) + at.gap, np.abs(theta - best) * (1 + 1e-12) + at.reach, at.open, there.slope
    )


def _difference(line: Line, other: Line) -> tuple[float, float]:
    """By how much Σ w·ρ of a line is above that of another, and what rounding may have done to this."""
    tall, pair = line.tall, (line, other)
    terms = losses(tall, line.r) - losses(tall, other.r)
    steep = np.maximum(*(np.abs(dual_slope(tall, one.r)) for one in pair))
    blur = tall.w * (
        steep * sum(one.known for one in pair) + 64 * UNIT * steep * sum(np.abs(one.r) for one in pair)
    )
    return float(summed(terms)), float(summed(blur))
