"""`verify`: what a model file claims, derived again from the rows by a path of its own, claim by claim."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.text import joined, number, one_line
from gradline.data.row_stream import RowStream
from gradline.model.model import LinearModel, digests, load
from gradline.model.status import Status
from gradline.model.verify.newton_step import UNIT, Whereabouts, located
from gradline.model.verify.reread import reread
from gradline.model.verify.row_sums import Evidence, Frame, gather

_LOSS = 1e-9  # relative differences that no claim may show, beside what rounding may have done
_SLOPE = 1e-6
_SIZE = 1e-9
_WEIGHT = 1e-12
_COARSEST = 1e-4  # columns known less well than this prove nothing


@dataclass(frozen=True)
class Check:
    """One claim: its name, what the model says, what the rows say, whether they agree, and that in a sentence."""

    name: str
    claimed: str
    found: str
    agrees: bool
    sentence: str


@dataclass(frozen=True)
class Verification:
    """What became of each claim of a model; true where all hold.

    >>> import gradline
    >>> model = gradline.fit("example:iphone", "sales", features=["salary"])
    >>> outcome = gradline.verify(model, "example:iphone")
    >>> bool(outcome), outcome.disagreements
    (True, ())
    """

    checks: tuple[Check, ...]

    @property
    def agrees(self) -> bool:
        """Whether every claim holds."""
        return all(check.agrees for check in self.checks)

    def __bool__(self) -> bool:
        return self.agrees

    @property
    def disagreements(self) -> tuple[Check, ...]:
        """The claims that do not hold."""
        return tuple(check for check in self.checks if not check.agrees)

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if self.agrees:
            return f"Verified: all {len(self.checks)} claims of the model hold."
        names = joined([check.name for check in self.disagreements])
        verb = "does" if len(self.disagreements) == 1 else "do"
        return f"Not verified: {names} {verb} not hold."

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain JSON."""
        return {
            "agrees": self.agrees,
            "verdict": self.verdict,
            "checks": [asdict(check) for check in self.checks],
        }

    def __str__(self) -> str:
        table = [("", "claimed", "found", ""), *((c.name, c.claimed, c.found, _mark(c)) for c in self.checks)]
        widths = [max(len(row[i]) for row in table) for i in range(3)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2]), row[3]])
            for row in table
        ]
        said = [check.sentence for check in self.disagreements]
        return "\n".join(map(one_line, [*(line.rstrip() for line in lines), "", *said, self.verdict]))


def _mark(check: Check) -> str:
    return "agrees" if check.agrees else "DISAGREES"


def verify(
    model: LinearModel | str | Path, data: Any, targets: Any = None, *, weights: Any = None
) -> Verification:
    """Whether what a model claims follows from the rows: counts, fingerprint, losses, gradient, distances.

    Everything is derived again in double-double from rows and coefficients; no arithmetic is shared with the fit or
    its certificate. Rows with missing cells are left out and counted. Of a file, also whether its tensors are those
    that were saved, by the sha256 in its card; files written before there was one claim nothing of it.

    Parameters:
    - `model`: a `LinearModel`, or the file of one.
    - `data`, `targets`, `weights`: the rows that it was trained on, in any form that `gradline.fit` takes; a table's
      columns, `weights` included, are found by the names that the model has.

    Returns a `Verification`, true where all claims hold. Raises `DataError` where the rows cannot be read, lack a
    column or hold an unknown level, `FileError` where a file cannot be read.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.verify(model, "example:crops").agrees
    True
    """
    checks: list[Check] = []
    if not isinstance(model, LinearModel):
        checks += _about_file(model)
        model = load(model)
    rows, held_out = reread(model, data, targets, weights)
    known = np.isfinite(model.weight).all() and np.isfinite(model.bias).all()
    evidence = _gathered(model, rows)
    case = _Claimed(model, evidence)
    checks += [*case.about_rows(), case.moments()]
    checks += [*case.about_coefficients()] if known else [case.nowhere()]
    if held_out is not None and model.holdout is not None and known:
        checks += _about_holdout(model, _gathered(model, held_out))
    return Verification(tuple(checks))


def _gathered(model: LinearModel, rows: RowStream) -> Evidence:
    statistics = model.moments.statistics
    frame = Frame.of(
        statistics.minimum,
        statistics.maximum,
        statistics.weight_sum / max(statistics.rows, 1),
        model.has_bias,
    )
    weight, bias = (np.where(np.isfinite(part), part, 0.0) for part in (model.weight, model.bias))
    columns = [rows.design.features.index(name) for name in model.features]
    return gather(rows, columns, weight, bias, frame)


@dataclass(frozen=True, eq=False)
class _Claimed:
    """A model and the evidence about it."""

    model: LinearModel
    evidence: Evidence

    @cached_property
    def error(self) -> float:
        """The relative error of columns that claims may rest on: the moments' own, and not less than QR's."""
        columns = len(self.evidence.low)
        return min(max(self.model.moments.error, 4 * UNIT * math.sqrt(columns)), _COARSEST)

    @cached_property
    def at(self) -> Whereabouts:
        return located(self.evidence, self.model.has_bias, self.model.certificate.rank, self.error)

    def about_rows(self) -> Iterator[Check]:
        """Counts, weights and the fingerprint."""
        statistics, found = self.model.moments.statistics, self.evidence
        yield _exact("rows", f"{statistics.rows:,}", f"{found.rows:,}", "the number of rows")
        missing = _cells(statistics.dropped, statistics.missing), _cells(found.dropped, found.missing)
        yield _exact("rows left out", *missing, "what was left out for missing cells")
        yield _near(
            "sum of weights", statistics.weight_sum, found.weight_sum, _WEIGHT * abs(found.weight_sum)
        )
        yield _exact(
            "fingerprint",
            f"{statistics.fingerprint:016x}",
            f"{found.fingerprint:016x}",
            "the fingerprint of the rows",
        )

    def moments(self) -> Check:
        """Means, ranges and R: RᵀR against the centred cross-products, relative to the norms of the columns."""
        moments, found, frame = self.model.moments, self.evidence, self.evidence.frame
        k, row = len(frame.units), found.products[0, 1:]
        share = row.over(_full(found.products[0, 0], (k,)))
        C = found.products[1:, 1:].minus(_full(row[:, None], (k, k)).times(_full(share[None, :], (k, k)))).hi
        norms, root = np.sqrt(np.maximum(np.diag(C), 0.0)), math.sqrt(found.mass)
        largest = np.ldexp(np.maximum(np.abs(found.low), np.abs(found.high)), -frame.units) * root
        sure = np.maximum(10 * self.error * norms + 80 * UNIT * largest, 1e-150)
        R = np.ldexp(moments.factor, -frame.units)
        squares = np.ldexp(R.T @ R, -frame.weight_unit)
        both = np.outer(sure, norms)
        apart = np.abs(squares - C) / (both + both.T + np.outer(sure, sure))
        means = np.abs(np.ldexp(moments.mean - frame.shift, -frame.units) - share.hi) * root / sure
        worst = float(max(apart.max(), means.max()))
        inside = bool(
            ((moments.statistics.minimum <= found.low) & (moments.statistics.maximum >= found.high)).all()
        )
        what, why = "Means, ranges and cross-products, on which intervals rest, are", "."
        if worst > 1:
            why = f": they differ by {number(worst)} times what rounding explains."
        elif not inside:
            why = ": a value lies outside the range of its column."
        agrees = worst <= 1 and inside
        sentence = f"{what} {'' if agrees else 'not '}those of the rows{why}"
        shown = "differ" if worst > 1 else "agree" if inside else "wider ranges"
        return Check("moments", f"to {number(10 * self.error)}", shown, agrees, sentence)

    def about_coefficients(self) -> Iterator[Check]:
        """Loss, gradient, status, distances and what follows from them."""
        claim, at = self.model.certificate, self.at
        yield _near("loss", claim.loss, at.loss, _LOSS * at.loss + at.loss_rounding)
        slope = float(np.linalg.norm(at.gradient))
        yield _near("gradient_norm", claim.gradient_norm, slope, _SLOPE * slope + at.gradient_rounding)
        yield self._rank()
        yield self._status()
        yield from self._distances()
        yield self._digits()
        yield self._gap()
        tolerance = _LOSS * (at.optimal_loss + at.gap) + at.loss_rounding
        yield _near("optimal_loss", claim.optimal_loss, at.optimal_loss, tolerance)

    def nowhere(self) -> Check:
        """Coefficients that are no numbers claim nothing but that training diverged."""
        claimed = self.model.certificate.status
        agrees = claimed is Status.DIVERGED
        sentence = "Some coefficients are no numbers" + (
            "." if agrees else f", yet the model claims to be {claimed}."
        )
        return Check("status", claimed, Status.DIVERGED, agrees, sentence)

    def _rank(self) -> Check:
        claimed, (fewest, most) = self.model.certificate.rank, self.at.ranks
        agrees = fewest <= claimed <= most
        found = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        sentence = f"The rank of the columns is {found}; the model claims {claimed}."
        return Check("rank", f"{claimed}", found, agrees, sentence)

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
                "optimal ones than rounding explains"
            )
        elif claim.status.full_rank is True and not full:
            wrong = "the columns are dependent, so no coefficients are certain"
        elif claim.status.full_rank is False and full:
            wrong = "no column is dependent on the others"
        sentence = f"The model claims to be {claim.status}" + (
            f", but {wrong}." if wrong else ", and the gradient agrees."
        )
        return Check("status", claim.status, found, wrong is None, sentence)

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
        too_far, too_loose = beyond[worst] > 1, needless[loosest] > 1
        j, t = worst if too_far or not too_loose else loosest
        which = columns[j] + (f" of {self.model.targets[t]}" if len(self.model.targets) > 1 else "")
        agrees = not (too_far or too_loose)
        shown, bound = _apart(float(distance[j, t]), float(claimed[j, t]), agrees, 3)
        sentence = (
            f"{which[0].upper()}{which[1:]} is {shown} from its optimum (sure to {number(float(own[j, t]), 2)}); "
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
        return _near("digits", claim.digits, found, 1e-5)

    def _gap(self) -> Check:
        claim, at = self.model.certificate.gap, self.at
        root = math.sqrt(max(at.gap, 0.0))
        tolerance = _SLOPE * root + at.root_gap_rounding  # of roots, as the gap is a square
        low, high = max(root - tolerance, 0.0) ** 2, (root + tolerance) ** 2
        agrees = claim is None or low <= claim <= high
        return _check("gap", claim, at.gap, agrees)


def _sure(errors: np.ndarray, size: np.ndarray, line: np.ndarray) -> float:
    """The decimal digits that these bounds leave to the coefficients above the line."""
    counts = size > line
    if not counts.any() or not np.isfinite(errors).all():
        return 0.0
    with np.errstate(divide="ignore"):
        worst = float((errors[counts] / size[counts]).max())
    return max(0.0, -math.log10(max(worst, UNIT)))


def _about_file(path: str | Path) -> Iterator[Check]:
    """The tensors, where the file has their hash."""
    claimed, found = digests(path)
    if claimed is not None:
        agrees = claimed == found
        sentence = f"The tensors of {path} are {'' if agrees else 'not '}those that were saved."
        yield Check("tensors", claimed[:16], found[:16], agrees, sentence)


def _about_holdout(model: LinearModel, found: Evidence) -> Iterator[Check]:
    """Rows and loss of what was held out."""
    claim, m = model.holdout, len(model.targets)
    assert claim is not None
    yield _exact("rows held out", f"{claim.rows:,}", f"{found.rows:,}", "the number of rows held out")
    unit, cells = 2 * found.frame.units[-m:], m * found.mass
    loss = float(np.ldexp(found.squares.hi, unit).sum() / cells)
    terms = float(np.ldexp(found.terms, unit).sum() / cells)
    rounding = 2e-14 * math.sqrt(terms * loss) + 1e-28 * terms
    yield _near("loss held out", claim.loss, loss, _LOSS * loss + rounding)


def _full(values: Any, shape: tuple[int, ...]) -> Any:
    """Pairs, repeated to a shape."""
    return type(values)(*(np.broadcast_to(part, shape).copy() for part in values))


def _cells(dropped: int, missing: Any) -> str:
    cells = ", ".join(f"{name} {count:,}" for name, count in sorted(missing.items()))
    return f"{dropped:,}" + (f" ({cells})" if cells else "")


def _exact(name: str, claimed: str, found: str, what: str) -> Check:
    agrees = claimed == found
    said = "as claimed" if agrees else f"but the model claims {claimed}"
    sentence = f"{what[0].upper()}{what[1:]} is {found}, {said}."
    return Check(name, claimed, found, agrees, sentence)


def _near(name: str, claimed: float | None, found: float, tolerance: float) -> Check:
    """A number against a number; a model claims nothing where it says None, for what is beyond float64."""
    return _check(
        name, claimed, found, claimed is None or claimed == found or abs(claimed - found) <= tolerance
    )


def _check(name: str, claimed: float | None, found: float, agrees: bool) -> Check:
    text, shown = _apart(found, math.nan if claimed is None else claimed, agrees, 6)
    shown = "none" if claimed is None else shown
    said = "as claimed" if agrees else f"but the model claims {shown}"
    return Check(name, shown, text, agrees, f"The {name.replace('_', ' ')} is {text}, {said}.")


def _apart(found: float, claimed: float, agrees: bool, digits: int) -> tuple[str, str]:
    """Two numbers in words, with so many digits that they look different where they disagree."""
    if not agrees and found and math.isfinite(claimed):
        difference = max(abs(claimed - found) / abs(found), 1e-17)
        digits = min(17, max(digits, 3 - math.floor(math.log10(difference))))
    return number(found, digits), number(claimed, digits)
