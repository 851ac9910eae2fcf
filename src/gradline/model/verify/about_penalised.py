"""What a model with a penalty says of its coefficients, from the exact slopes and curvatures of the rows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.text import counted, number
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.about_path import about_epochs
from gradline.model.verify.about_together import OwnTogether, bounds_together, way_together
from gradline.model.verify.check import Check, digits_left, near, same, within
from gradline.model.verify.ldl import eliminated
from gradline.model.verify.newton_step import Whereabouts
from gradline.model.verify.own_penalty import OwnPenalty
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.tolerance import MARGIN, UNIT

_CLOSE = 1e-9  # a relative difference that no claim may show, beside what rounding may have done
_ABOVE = 2e-6  # of the least objective: what a certified one may be above it, twice what a judge allows
_PAIRS = 2.0**-90  # what sums of many pairs may lose of their terms
_FLAT = (
    1e-6  # a curvature along columns of unit norm below which float64 leaves too few digits of its inverse
)
_ROUNDS = 30  # in which bounds sharpen each other
_OF_NONE = ("weight_error_stderr", "bias_error_stderr")  # no penalised fit tells these
_OF_TRAINING = ("epochs", "diverged_at", "lr_limit", "tenfold_loss", "epochs_to_loss", "epochs_to_weights")
_CURVED = (
    1e-8  # what a rate's limit may be off: of the steepest curvature rounding of the cross-products shows
)
_SWEEPS = 200  # over the weights, to find better ones


class _Place(NamedTuple):
    """Weights (p,) of one target, the pull of the loss there, and how surely it is known."""

    w: np.ndarray
    slope: np.ndarray
    margin: np.ndarray


def run_unchecked(model: LinearModel) -> Iterator[str]:
    """What cannot be derived of how it was trained."""
    if "lr" in model.settings:
        yield "how its training went before the last epoch, or would go on"


@dataclass(frozen=True, eq=False)
class PenalisedAnswer:
    """A model with a penalty, the evidence about it, and where it stands, on the scale of training.

    L is the loss, Ω the penalty of a weight. As L is convex, L + ΣΩ is above its least value by at most the sum over
    the weights of −L'(w)·(v − w) − Ω(v) + Ω(w), v the best weight; and at least by ½‖v − w‖² in the curvature of
    L + ΣΩ. Each of the two bounds the other, first where a weight is zero and its slope keeps it so.
    """

    model: LinearModel
    evidence: Evidence
    at: Whereabouts

    def checks(self) -> Iterator[Check]:
        """Loss, penalty, how far either is from the best, and what is said of each weight."""
        claim, at = self.model.certificate, self.at
        yield near("loss", claim.loss, at.loss, _CLOSE * at.loss + at.loss_rounding)
        yield near("penalty", claim.penalty, self.penalty, _CLOSE * self.penalty)
        yield self._status()
        slack = _CLOSE * self.objective + at.loss_rounding
        yield within("gap", claim.gap, self.lead - MARGIN * UNIT * self.objective, self.objective + slack)
        least = self.objective - claim.gap  # which a gap told too large would make smaller than it is
        yield within("optimal_loss", claim.optimal_loss, least - slack, self.objective - self.lead + slack)
        yield from self._distances()
        if self.model.has_bias:
            yield self._bias_distance()
        yield self._digits()
        yield from self._kinks()
        yield self._determined()
        slope = math.hypot(float(np.linalg.norm(self._missed)), float(np.linalg.norm(self._level)))
        rounding = at.gradient_rounding / float(np.min(self.scale, initial=1.0))
        yield near("gradient_norm", claim.gradient_norm, slope, 1e-6 * slope + MARGIN * rounding)
        for name in _OF_NONE if "lr" in self.model.settings else (*_OF_NONE, *_OF_TRAINING):
            if getattr(claim, name) is not None:
                yield same(name, "told", "none", "of a fit with a penalty,")
        for record in self.model.history[-1:]:
            yield near("last loss", record.loss, self.objective, slack)
        if "lr" in self.model.settings:
            yield from self._training()

    def _training(self) -> Iterator[Check]:
        """The epochs, in all places that have them, and the largest stable rate."""
        model, claim = self.model, self.model.certificate
        yield from about_epochs(model)
        limit = self._limit
        if limit is None:
            said = "none" if claim.lr_limit is None else "told"
            yield same("lr_limit", said, "none", "of rates that change, and of penalties with kinks, a limit")
        else:
            yield near("lr_limit", claim.lr_limit, limit, _CURVED * limit)

    @property
    def _limit(self) -> float | None:
        """The largest stable rate of ridge at a constant rate: by the curvature of the sum, the bias with it."""
        settings, omega = self.model.settings, self.omega
        if omega.has_kinks or {"schedule", "clip", "average", "betas"} & set(settings):
            return None
        curved = self.curvature + np.diag(omega.bend)
        if self.model.has_bias:
            raw = self.model.scale == "none"  # standardised columns have means of 0
            level = np.concatenate([[1.0], raw * self.model.moments.mean[: len(curved)]])
            curved = np.pad(curved, ((1, 0), (1, 0))) + 2 / len(self.w) * np.outer(level, level)
        momentum, kept = settings["momentum"], 1 - settings.get("dampening", 0.0)
        ahead = 1 + 2 * momentum if settings.get("nesterov") else 1.0
        largest = float(np.linalg.eigvalsh(curved)[-1])
        return 2 * (1 + momentum) / (ahead * (kept if momentum else 1.0) * largest)

    @cached_property
    def omega(self) -> OwnPenalty | OwnTogether:
        """Ω."""
        alone, together = self._alone, self.model.penalty.params().get("together", False)
        return OwnTogether(alone.steep, alone.bend) if together and alone.steep.any() else alone

    @cached_property
    def _alone(self) -> OwnPenalty:
        """Ω where each weight pays by itself."""
        return OwnPenalty.of(self.model.penalty.params(), self.model.features, self.scale)

    @cached_property
    def scale(self) -> np.ndarray:
        """What the columns (p,) were divided by in training: nothing, or the root of their mean square."""
        p, frame = self.model.weight.shape[1], self.evidence.frame
        if self.model.scale == "none":
            return np.ones(p)
        squares = np.diag(self._products) / self.evidence.mass
        return np.where(self.constant, 1.0, np.ldexp(np.sqrt(np.maximum(squares, 0.0)), frame.units[:p]))

    @cached_property
    def _products(self) -> np.ndarray:
        """The cross-products (p, p) of the columns, less their means where there is a bias, in the frame."""
        p = self.model.weight.shape[1]
        if self.model.has_bias:
            return self.evidence.centred[:p, :p]
        return self.evidence.products.hi[1 : p + 1, 1 : p + 1]

    @cached_property
    def w(self) -> np.ndarray:
        """The weights (m, p) as trained."""
        return self.model.weight * self.scale

    @property
    def penalty(self) -> float:
        """ΣΩ."""
        return self.omega.value(self.w)

    @property
    def objective(self) -> float:
        """Loss and penalty."""
        return self.at.loss + self.penalty

    @cached_property
    def _level(self) -> np.ndarray:
        """The slope (m,) by the bias."""
        return self.at.gradient[0] if self.model.has_bias else np.zeros(len(self.w))

    @cached_property
    def slope(self) -> np.ndarray:
        """Minus the slope (m, p) of the loss by the weights as trained, at the best bias for them."""
        (m, p), evidence, units = self.w.shape, self.evidence, self.evidence.frame.units
        pull = evidence.pull if self.model.has_bias else evidence.gradient.hi[1:]
        return np.ldexp(2 / (m * evidence.mass) * pull, units[p:] + units[:p, None]).T / self.scale

    @property
    def _missed(self) -> np.ndarray:
        return self.omega.missed(self.w, self.slope)

    @cached_property
    def curvature(self) -> np.ndarray:
        """That (p, p) of the loss, along the weights as trained: 2/(m·W) times the centred cross-products."""
        evidence, p, frame = self.evidence, self.w.shape[1], self.evidence.frame
        units = np.ldexp(1 / self.scale, frame.units[:p])
        found = np.where(self.constant[:, None] | self.constant, 0.0, self._products)
        return 2 / (len(self.w) * evidence.mass) * found * np.outer(units, units)

    @cached_property
    def constant(self) -> np.ndarray:
        """The columns (p,) that do not vary."""
        return self.at.pivots.norms[int(self.model.has_bias) :] == 0

    @cached_property
    def _margin(self) -> np.ndarray:
        """To what the slopes (m, p) are known: to a rounding, as the scale is, and to that of the pairs before it."""
        sizes = np.sqrt(np.diag(self.curvature)) * np.sqrt(2 * self.at.loss)[..., None]
        terms = np.abs(self.w) @ np.abs(self.curvature) + sizes
        return MARGIN * (UNIT * np.abs(self.slope) + _PAIRS * terms)

    @cached_property
    def bounds(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """For each target the gap, the reach (p,) of each weight, both at most, and which surely stay at a kink."""
        if isinstance(self.omega, OwnTogether):
            return self._bounds_together(self.omega, self.w, self.slope, self._margin)
        parts = zip(self.w, self.slope, self._margin, strict=True)
        return [self._bounded(_Place(*part)) for part in parts]

    @cached_property
    def bounds_of_best(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """The same, seen from the best weights that were found: from w + way, not from the number next to it.

        That would leave slopes of a rounding of w in the curvature, which is far more than what the way leaves.
        """
        way, best = self.way, self.w + self.way
        margin = self._margin + MARGIN * UNIT * np.abs(way) @ np.abs(self.curvature)
        margin += MARGIN * UNIT * self.omega.bend * np.abs(best)
        if isinstance(self.omega, OwnTogether):
            return self._bounds_together(self.omega, best, self.slope - way @ self.curvature, margin)
        parts = zip(best, self.slope - way @ self.curvature, margin, strict=True)
        return [self._bounded(_Place(*part)) for part in parts]

    def _bounds_together(
        self, omega: OwnTogether, W: np.ndarray, pull: np.ndarray, margin: np.ndarray
    ) -> list[tuple[float, np.ndarray, np.ndarray]]:
        return bounds_together(omega, self.curvature, self.objective, self._held, W, pull, margin)

    @cached_property
    def _kept(self) -> np.ndarray:
        """Which weights (m, p) stay at zero or at a bound for certain, as seen from either place."""
        places = zip(self.bounds, self.bounds_of_best, strict=True)
        return np.array([here[2] | there[2] for here, there in places])

    @cached_property
    def _has_one_best(self) -> np.ndarray:
        """Which weights (m, p) rows and penalty hold, beside those that stay at their kinks."""
        return np.array([np.isfinite(self._held(~kept)) for kept in self._kept])

    def _bounded(self, at: _Place) -> tuple[float, np.ndarray, np.ndarray]:
        seem = self._stays(at, 0.0)
        found = self._sharpened(at, seem)
        if (self._stays(at, found[0]) | ~seem).all():
            return found
        return self._sharpened(at, np.zeros_like(seem))

    def _stays(self, at: _Place, gap: float) -> np.ndarray:
        spread = at.margin + np.sqrt(2 * gap * np.diag(self.curvature))
        return self._alone.holds(at.w, at.slope, spread)

    def _sharpened(self, at: _Place, kept: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        w, omega = at.w, self._alone
        low = np.where(kept, w, np.maximum(-self._most, omega.low))
        high = np.where(kept, w, np.minimum(self._most, omega.high))
        held, gap = self._held(~kept), min(self.objective, self._missed_together(at, ~kept))
        for _ in range(_ROUNDS):
            sure = self._stays(at, gap) & ~kept
            if sure.any():
                kept, held = kept | sure, self._held(~(kept | sure))
                low[sure] = high[sure] = w[sure]
            reach = held * math.sqrt(2 * gap)
            low, high = np.maximum(low, w - reach), np.minimum(high, w + reach)
            sides = [omega.gain(at.slope + s * at.margin, w, low, high) for s in (-1, 1)]
            gap = min(gap, float(np.maximum(*sides).sum()))
        return gap, np.minimum(np.maximum(high - w, w - low), held * math.sqrt(2 * gap)), kept

    def _held(self, free: np.ndarray) -> np.ndarray:
        """How far (p,) each of the free weights can be per √(2·gap): the roots of the inverse curvature's diagonal."""
        found, bend, root = np.where(free, np.inf, 0.0), self.omega.bend, self._root(free)
        if root is not None:
            found[free] = np.linalg.norm(root, axis=1)
        return np.where(free, np.minimum(found, 1 / np.sqrt(bend)), found)

    def _root(self, free: np.ndarray) -> np.ndarray | None:
        """K (f, f) with K·Kᵀ the inverse curvature of the free weights; None where they have none."""
        H = self.curvature[np.ix_(free, free)] + np.diag(self.omega.bend[free])
        units = np.sqrt(np.diag(H))
        if not free.any() or not units.all():
            return None
        values, vectors = np.linalg.eigh(H / np.outer(units, units))
        if values[0] > _FLAT:
            return vectors / np.sqrt(values - len(units) * UNIT) / units[:, None]
        return self._root_of_pairs(np.flatnonzero(free))

    def _root_of_pairs(self, free: np.ndarray) -> np.ndarray | None:
        """The same of columns that hardly differ, whose cross-products differ in their low parts."""
        evidence, first = self.evidence, int(self.model.has_bias)
        columns = np.concatenate([[0] * first, 1 + free]).astype(int)
        units = np.ldexp(1 / self.scale[free], evidence.frame.units[free])
        cells = len(self.w) * evidence.mass / 2
        bend = np.concatenate([[0.0] * first, self.omega.bend[free] * cells / units**2])
        whole = eliminated(evidence.products[np.ix_(columns, columns)].plus(np.diag(bend)), bool(first))
        return None if whole.is_deficient else math.sqrt(cells) * whole.spread[first:] / units[:, None]

    def _missed_together(self, at: _Place, free: np.ndarray) -> float:
        """½·sᵀH⁻¹s of what the slopes of the free weights miss: on their side of the kinks, nothing is further below.

        Beyond a kink the penalty only costs more than what it would go on to cost.
        """
        root = self._root(free)
        if root is None:
            return np.inf
        low, high = self._alone.slopes(at.w)
        missed = at.slope - np.clip(at.slope, low, high)
        length = np.linalg.norm(root.T @ missed[free]) + np.linalg.norm(np.abs(root.T) @ at.margin[free])
        return float(length) ** 2 / 2

    @cached_property
    def gap(self) -> float:
        """How far the objective is above the least, at most."""
        return sum(bound[0] for bound in self.bounds) + self._above_level

    @property
    def _above_level(self) -> float:
        """What a better bias alone would bring: a quarter of the square of its slope, times m."""
        return len(self.w) / 4 * float(self._level @ self._level)

    @property
    def _most(self) -> np.ndarray:
        """How large a weight can be at the optimum: its penalty alone is no more than the objective here."""
        steep, bend = self.omega.steep, self.omega.bend
        return np.minimum(self.objective / steep, np.sqrt(2 * self.objective / bend))

    @cached_property
    def way(self) -> np.ndarray:
        """From the weights (m, p) to some as good or better: sweeps over them, and a step to where slopes vanish."""
        if isinstance(self.omega, OwnTogether):
            return way_together(self.omega, self.curvature, self.w, self.slope)
        return np.array([self._improvement(j) for j in range(len(self.w))])

    def _improvement(self, j: int) -> np.ndarray:
        """A step alone, where nothing is missed after it; sweeps could spread a weight over columns that are twins."""
        way = self._step(j, np.zeros_like(self.w[j]))
        missed = self._alone.missed(self.w[j] + way, self.slope[j] - self.curvature @ way)
        if (missed <= _CLOSE * np.abs(self.slope[j]).max(initial=0.0)).all():
            return way
        swept = self._sweeps(j)
        return swept + self._step(j, swept)

    def _sweeps(self, j: int) -> np.ndarray:
        """The way of sweeps in which each weight in turn goes to its best."""
        H, w = self.curvature, self.w[j].copy()
        pull = self.slope[j] + H @ w
        for _ in range(_SWEEPS):
            before = w.copy()
            for i in np.flatnonzero(np.diag(H)).tolist():
                w[i] = self._alone.best_alone(i, pull[i] - H[i] @ w + H[i, i] * w[i], H[i, i])
            if np.abs(w - before).max() <= UNIT * np.abs(w).max():
                break
        return w - self.w[j]

    def _step(self, j: int, way: np.ndarray) -> np.ndarray:
        """From the end of a way to where the slopes of its weights vanish; none where that is across a kink."""
        H, w = self.curvature, self.w[j] + way
        free = np.flatnonzero(self._alone.is_smooth(w))
        free = free[np.diag(H)[free] > 0]
        slope = self.slope[j] - H @ way - self._alone.slopes(w)[1]
        bent = H[np.ix_(free, free)] + np.diag(self._alone.bend[free])
        units = np.sqrt(np.diag(bent))  # without which a small column would count as none
        step = np.zeros_like(w)
        step[free] = np.linalg.lstsq(bent / np.outer(units, units), slope[free] / units)[0] / units
        return step if self._alone.has_between(w, w + step) else np.zeros_like(w)

    @cached_property
    def lead(self) -> float:
        """How far the objective is above that at the end of the way, so that the least is no nearer."""
        ways = zip(self.way, self.slope, strict=True)
        gain = sum(float(slope @ way) - float(way @ self.curvature @ way) / 2 for way, slope in ways)
        return max(0.0, gain + self.penalty - self.omega.value(self.w + self.way)) + self._above_level

    def _status(self) -> Check:
        claim, wrong = self.model.certificate.status, None
        slack = _ABOVE * (self.objective - self.lead) + float(self.at.left_rounding.sum()) + self._nothing
        if claim in (Status.CERTIFIED, Status.RANK_DEFICIENT) and self.lead > slack:
            wrong = f"other weights are better by {number(self.lead, 3)}"
        elif claim is Status.CERTIFIED and not all(np.isfinite(reach).all() for _, reach, _ in self.bounds):
            wrong = "several answers may be best"
        elif claim is Status.CERTIFIED and not self.model.certificate.gap <= slack:
            wrong = f"its gap is {number(self.model.certificate.gap, 3)}"
        elif claim is Status.RANK_DEFICIENT and all(self.model.certificate.determined):
            wrong = "every weight has one best value"
        elif claim in (Status.DIVERGED, Status.STOPPED) and "lr" not in self.model.settings:
            wrong = "nothing was trained"
        elif claim is Status.DIVERGED and self.model.certificate.diverged_at is None and not self._has_grown:
            wrong = "loss and penalty are below those of the start"
        said = f", but {wrong}." if wrong else ", and the slopes agree."
        return Check("status", claim, wrong or claim, wrong is None, f"The model claims to be {claim}{said}")

    @property
    def _has_grown(self) -> bool:
        return not self.model.history or self.objective > self.model.history[0].loss

    @property
    def _nothing(self) -> float:
        return float(self.model.moments.unexplainable.sum()) / (len(self.w) * self.evidence.weight_sum)

    def _distances(self) -> Iterator[Check]:
        """No weight is further from the best one than is claimed; of several best ones nobody claims a distance."""
        claimed = np.array(self.model.certificate.weight_error, float)
        apart = np.abs(self.way) / self.scale
        short = ~(np.isnan(claimed) | (claimed >= apart - MARGIN * UNIT * np.abs(self.model.weight)))
        short &= self._has_one_best
        found = (
            "no weight is further" if not short.any() else f"{counted(int(short.sum()), 'weight')} further"
        )
        yield same(
            "weight_error", "no weight is further", found, "from the best ones, beside the claimed distances,"
        )

    def _bias_distance(self) -> Check:
        """The same of the bias, which follows from the weights and the means."""
        claimed = np.array(self.model.certificate.bias_error, float)
        means = self.model.moments.mean[: self.w.shape[1]]
        apart = np.abs(self._level / 2 * len(self.w) - (self.way / self.scale) @ means)
        size = np.abs(self.model.bias) + np.abs(self.model.weight) @ np.abs(means)
        short = int((claimed < apart - MARGIN * UNIT * size).sum())
        found = "no bias is further" if not short else f"{short} further"
        return same(
            "bias_error", "no bias is further", found, "from the best one, beside the claimed distance,"
        )

    def _digits(self) -> Check:
        """The digits are those that the claimed distances leave."""
        claim, bias = self.model.certificate, np.array(self.model.certificate.bias_error, float)
        error = Coefficients(np.array(claim.weight_error, float), bias if self.model.has_bias else None)
        return digits_left(claim.digits, self.model.coefficients.stacked, error.stacked)

    def _kinks(self) -> Iterator[Check]:
        """Weights that are said to be zero, or at a bound, for certain are."""
        best = self.w + self.way
        pairs = list(zip(self.bounds, self.bounds_of_best, strict=True))
        here, there = (np.array([pair[i][2] for pair in pairs]) for i in (0, 1))
        at_zero = here & (self.w == 0) | there & (best == 0)
        at_bound = here & (self.w != 0) | there & (best != 0)
        for name, sure, what in (
            ("zero", at_zero, "zero for certain"),
            ("at_bound", at_bound, "at a bound for certain"),
        ):
            told = getattr(self.model.certificate, name)
            if told is None and name == "at_bound":
                continue
            claimed = np.array(told, bool)
            if claimed.shape != sure.shape:
                yield same(name, f"shape {claimed.shape}", f"shape {sure.shape}", f"what is {what}")
                continue
            wrong = int((claimed & ~sure).sum())
            found = f"{int(claimed.sum()) - wrong} {what}"
            yield same(name, f"{int(claimed.sum())} {what}", found, "of the weights")

    def _determined(self) -> Check:
        """Weights that are said to have one best value do."""
        claimed = np.array(self.model.certificate.determined, bool)
        sure = self._has_one_best.all(axis=0)
        if claimed.shape != sure.shape:
            return same("determined", f"{claimed.size} weights", f"{sure.size}", "what has one best value")
        wrong = int((claimed & ~sure).sum())
        said = f"{int(claimed.sum())} of {claimed.size}"
        found = said if not wrong else f"{int(claimed.sum()) - wrong} of {claimed.size}"
        return same("determined", said, found, "of the weights that have one best value, the number")
