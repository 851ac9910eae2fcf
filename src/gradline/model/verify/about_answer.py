"""What a model says of its coefficients: the loss there, how far the optimum is, and what is known of either."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.text import number
from gradline.data.selection import UNSAID
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.check import Check, all_near, apart, compared, near, within
from gradline.model.verify.newton_step import Whereabouts, variation
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.tolerance import MARGIN, UNIT, likely_error

_LOSS = 1e-9  # relative differences that no claim may show, beside what rounding may have done
_SLOPE = 1e-6
_SIZE = 1e-9
_ABOVE = 2e-6  # of the least loss: what a certified one may be above it, twice what a judge allows
_LEAST_ERROR = 2.0**-106  # of columns: not even pairs leave less
_OPEN = 1e-6  # a share of the weights along what no row tells
_SURE = 1e-4  # a share of rounding below which no honest fit is uncertified
_HELD = 1e150  # a number whose square float64 does not hold
_PAIRS = 2.0**-100  # a relative difference of pairs, before the square of the condition magnifies it


def nowhere(model: LinearModel) -> Iterator[Check]:
    """Coefficients that are no numbers, or whose loss is none, claim nothing but that training diverged."""
    claimed = model.certificate.status
    agrees = claimed is Status.DIVERGED
    said = "." if agrees else f", yet the model claims to be {claimed}."
    yield Check(
        "status",
        claimed,
        Status.DIVERGED,
        agrees,
        f"Some coefficients are no numbers, or too large for their loss to be one{said}",
    )


@dataclass(frozen=True, eq=False)
class Answer:
    """A model, the evidence about it, and where it stands."""

    model: LinearModel
    evidence: Evidence
    at: Whereabouts

    def checks(self) -> Iterator[Check]:
        """Loss, gradient, status, distances and what follows from them."""
        claim, at = self.model.certificate, self.at
        yield near("loss", claim.loss, at.loss, _LOSS * at.loss + at.loss_rounding)
        slope = float(np.linalg.norm(at.gradient))
        yield near("gradient_norm", claim.gradient_norm, slope, _SLOPE * slope + at.gradient_rounding)
        yield self._status()
        yield from self._distances()
        yield self._digits()
        yield self._gap()
        yield from self._standard_errors()
        yield from self.about_optimum()

    def about_optimum(self) -> Iterator[Check]:
        """What does not depend on the coefficients."""
        claim, at = self.model.certificate, self.at
        cells = len(at.left) * self.evidence.weight_sum
        tolerance = _LOSS * at.optimal_loss + float(at.left_rounding.sum()) / cells
        yield near("optimal_loss", claim.optimal_loss, at.optimal_loss, tolerance)
        yield within(
            "moments_error",
            self.model.moments.error,
            UNIT if self.model.moments.products is None else _LEAST_ERROR,
            MARGIN * at.proved,
        )
        yield from self._figures()
        if not self.model.settings.get("epochs") and self.model.solver == "exact" and at.pivots.is_deficient:
            yield within("size of the weights", self._open, 0.0, _OPEN)

    @property
    def _open(self) -> float:
        """Of dependent columns least squares has the smallest weights: what is beside them, as a share."""
        first, pivots = int(self.model.has_bias), self.at.pivots
        units = self.evidence.frame.units[: len(pivots.norms) - first, None]
        seen = np.linalg.qr(np.ldexp(pivots.L[first:, first:] * (pivots.norms[first:, None] > 0), units))[0]
        rest = self.model.weight.T - seen @ (seen.T @ self.model.weight.T)
        return float(np.linalg.norm(rest) / max(np.linalg.norm(self.model.weight), 5e-324))

    def _status(self) -> Check:
        """A certificate says that the gradient has vanished, to rounding, and what the rank is."""
        claim, at = self.model.certificate, self.at
        settled = bool((at.movement <= at.arrival).all())
        slope = number(at.scaled_gradient, 2)
        found = "gradient vanished" if settled else f"gradient {slope}"
        full = claim.rank == len(self.model.features)
        wrong = None
        if claim.status.settled and not settled:
            wrong = (
                f"the gradient has not vanished (it is {slope} of the columns' and the residuals' norms): "
                f"predictions are {number(float((at.movement / at.arrival).max()), 2)} times further from the "
                "best ones than rounding explains"
            )
        elif claim.status is Status.CERTIFIED and at.gap > _ABOVE * at.optimal_loss + self._nothing:
            wrong = f"the loss is {number(at.gap, 3)} above the best possible"
        elif claim.status.full_rank is True and not full:
            wrong = "the columns are dependent, so no coefficients are certain"
        elif claim.status.full_rank is False and full:
            wrong = "no column is dependent on the others"
        elif claim.status is Status.DIVERGED and "epochs" not in self.model.settings:
            wrong = "nothing was trained that could diverge"
        elif claim.status is Status.STOPPED and "epochs" not in self.model.settings and self.model.settings:
            wrong = "nothing was trained that could stop"
        elif (
            claim.status is Status.UNCERTIFIED
            and at.proved * at.pivots.condition * (at.pivots.condition + 3) < _SURE
        ):
            wrong = "the rows leave more digits than it says"
        sentence = f"The model claims to be {claim.status}" + (
            f", but {wrong}." if wrong else ", and the gradient agrees."
        )
        return Check("status", claim.status, found, wrong is None, sentence)

    @property
    def _nothing(self) -> float:
        """A loss that is none beside the targets: 10⁻¹² of how they vary, or rounding of their own."""
        evidence, m, q = self.evidence, len(self.at.left), 1 + len(self.model.features)
        units, mean = evidence.frame.units[-m:], evidence.products.hi[0, q:] / evidence.mass
        varied = variation(evidence, q, True) / evidence.mass
        level = np.abs(mean + np.ldexp(evidence.frame.shift[-m:], -units))
        rounding = likely_error(q - 1 + m) * np.hypot(np.sqrt(varied), level)
        return float(np.ldexp(np.maximum(1e-12 * varied, MARGIN * rounding**2), 2 * units).sum() / m)

    @cached_property
    def _errors(self) -> np.ndarray:
        """The claimed bounds (q, m), NaN where the model claims none; the bias first."""
        claim = self.model.certificate
        weight = np.array(claim.weight_error, dtype=float).T
        return np.vstack([np.array(claim.bias_error, dtype=float), weight]) if self.model.has_bias else weight

    def _distances(self) -> Iterator[Check]:
        """Each coefficient is within its bound of the optimum, and the bound is no larger than its reasons."""
        first = int(self.model.has_bias)
        if self.model.has_bias:
            yield self._distance("bias_error", slice(0, 1), ("the bias",))
        else:
            none = np.zeros(len(self.model.targets))
            yield all_near(
                "bias_error", self.model.certificate.bias_error, none, none, "the bound of no bias"
            )
        yield self._distance("weight_error", slice(first, None), self.model.features)

    def _distance(self, name: str, part: slice, columns: tuple[str, ...]) -> Check:
        at, claimed = self.at, self._errors[part]
        distance, own = np.abs(at.distance[part]), at.step_error[part]
        beyond = distance / np.maximum(claimed * (1 + _SIZE) + own + at.travel[part], 5e-324)
        needless = (
            claimed * (1 - _SIZE) / np.maximum(distance + own + at.allowance[part] + at.travel[part], 5e-324)
        )
        known = np.isfinite(claimed)
        beyond, needless = np.where(known, beyond, 0.0), np.where(known, needless, 0.0)
        worst, loosest = (np.unravel_index(int(np.argmax(x)), x.shape) for x in (beyond, needless))
        claims = self.model.certificate.status is not Status.UNCERTIFIED  # which says that nothing is sure
        too_far, too_loose = beyond[worst] > 1, claims and needless[loosest] > 1
        j, t = worst if too_far or not too_loose else loosest
        which = columns[j] + (f" of {self.model.targets[t]}" if len(self.model.targets) > 1 else "")
        # A bound is left out where nothing is known, or no number can say it.
        lacking = (
            claims
            and bool((~known & (distance < _HELD)).any())
            and self.model.certificate.status is not Status.DIVERGED
        )
        agrees = not (too_far or too_loose or lacking)
        shown, bound = apart(float(distance[j, t]), float(claimed[j, t]), agrees, 3)
        sentence = (
            f"{which[0].upper()}{which[1:]} is {shown} from its best value (sure to {number(float(own[j, t]), 2)}); "
            f"the model claims {bound} at most."
        )
        if too_loose and not too_far:
            sentence = f"{sentence[:-1]}, more than rounding explains."
        return Check(name, f"≤ {bound}", shown, agrees, sentence)

    def _digits(self) -> Check:
        """−log10 of the largest claimed bound relative to its optimum, the fewest and the most that it can be.

        An optimum that is zero to within rounding does not count, and rounding is what a bound holds beside the
        distance: known to a factor here.
        """
        claim, model, errors, at = self.model.certificate, self.model, self._errors, self.at
        theta = np.vstack([model.bias, model.weight.T]) if model.has_bias else model.weight.T
        size, rounding = np.abs(theta - at.distance), errors - np.abs(at.distance)
        blur = _SIZE * errors + at.step_error + at.allowance
        fewest, most = (_sure(errors, size, line) for line in ((rounding - blur) / 2, 2 * (rounding + blur)))
        if claim.rank < len(model.features):
            fewest = most = 0.0
        elif not (size > 2 * (rounding + blur)).any():
            most = -math.log10(UNIT)
        found = fewest if claim.digits is None else min(max(claim.digits, fewest), most)
        return near("digits", claim.digits, found, 1e-5)

    def _gap(self) -> Check:
        claim, at = self.model.certificate.gap, self.at
        root = math.sqrt(max(at.gap, 0.0))
        tolerance = _SLOPE * root + at.root_gap_rounding  # of roots, as the gap is a square
        low, high = max(root - tolerance, 0.0) ** 2, (root + tolerance) ** 2
        return compared("gap", claim, at.gap, claim is None or low <= claim <= high)

    def _standard_errors(self) -> Iterator[Check]:
        """Bounds in standard errors: those of the optimum, on n − k degrees of freedom, as the weights are meant."""
        model, claim, at = self.model, self.model.certificate, self.at
        said = {
            "weight_error_stderr": claim.weight_error_stderr,
            "bias_error_stderr": claim.bias_error_stderr,
        }
        first = int(model.has_bias)
        meaning = model.design.weights_are
        counted = self.evidence.rows if meaning == "precision" else self.evidence.weight_sum
        freedom = counted - len(at.pivots.order)
        sure = (
            meaning != "sampling"
            and freedom > 0
            and len(at.pivots.order) == len(at.inverse)
            and bool((at.left > 0).all())
        )
        for name, part in (
            ("weight_error_stderr", slice(first, None)),
            ("bias_error_stderr", slice(0, first)),
        ):
            claimed = said[name]
            if claimed is None:
                there = (
                    sure
                    and meaning != UNSAID
                    and bool((at.left > at.left_rounding).all())
                    and len(at.inverse[part]) > 0
                )
                words = ("none", "some" if there else "none")
                yield Check(name, *words, not there, f"There are {words[1]} bounds in standard errors.")
                continue
            sigma = np.sqrt(at.left / freedom) if sure else np.full(len(at.left), np.nan)
            stderr = np.outer(np.sqrt(at.inverse[part]), sigma)
            found = (self._errors[part] / stderr).T
            found = found[:, 0] if name.startswith("bias") else found
            slack = (_SLOPE + MARGIN * at.likely * at.pivots.condition) * np.abs(found)
            slack += np.abs(found) * np.max(at.left_rounding / np.maximum(at.left, 5e-324))
            yield all_near(name, claimed, found, slack, "the bounds in standard errors are")

    def _figures(self) -> Iterator[Check]:
        """What standard errors and intervals are made of, where the file keeps it to rounding."""
        figures, at = self.model.figures, self.at
        if figures is None:
            return
        known = _LOSS + _PAIRS * at.pivots.condition**2
        squares = np.array(figures.squares, float)
        yield all_near(
            "squares", squares, at.left, known * at.left + at.left_rounding, "the sums of squares are"
        )
        if figures.variances is not None:
            yield all_near(
                "variances", figures.variances, at.inverse, known * at.inverse, "the variances are"
            )


def _sure(errors: np.ndarray, size: np.ndarray, line: np.ndarray) -> float:
    """The decimal digits that these bounds leave to the coefficients above the line."""
    counts = size > line
    if not counts.any() or not np.isfinite(errors).all():
        return 0.0
    with np.errstate(divide="ignore"):
        worst = float((errors[counts] / size[counts]).max())
    return max(0.0, -math.log10(max(worst, UNIT)))
