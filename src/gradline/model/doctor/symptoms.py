"""The rules that turn figures about the data into findings; every threshold has its reason beside it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import Notice
from gradline.core.text import counted, epochs, grown, joined, listed, number, ratio, shell
from gradline.data.design import Number
from gradline.model.certificate import HARD
from gradline.model.doctor.copies import copies, near_copies
from gradline.model.doctor.findings import CODES, Finding
from gradline.model.doctor.pace import CENTRED, RAW, SCALED, Pace
from gradline.model.doctor.survey import Survey
from gradline.model.other_units import is_another_group, lasting_change
from gradline.model.suspects import is_permutation
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.solvers.trajectory import Trajectory

USUAL_RATE = 0.01  # what people try first; data that bear it need no warning
SLOW = 10_000  # epochs; fewer pass while one waits
WORTH = 10.0  # a tenth of the epochs is worth telling
FAR_OUT = 8.0  # standard deviations; Chebyshev: at most one row in 64, and no row at all among fewer
ENOUGH_ROWS = 10  # per coefficient (Harrell 2015)
DENSE = 10  # whole numbers to a row: what rises in longer steps measures something
SHORTEST = 10  # rows from which a rising column is no accident
OF_TRAINING = (
    "rate-limit",
    "batch-limit",
    "slow",
    "far-from-zero",
    "unlike-scales",
)  # the exact answer knows none


@dataclass(frozen=True, eq=False)
class Patient:
    """The figures that the rules look at. `kept` are the survey's columns that became features of `moments`."""

    moments: Moments
    bias: bool
    survey: Survey
    kept: list[int]
    paces: dict[str, Pace]
    path: Trajectory  # at the rate to judge, on the columns as they are
    has_lr: bool
    batch_limits: dict[int, float | None]
    notices: list[Notice]

    @cached_property
    def left_out(self) -> dict[str, str]:
        """The columns that were left out, with the reason."""
        found = [notice for notice in self.notices if notice.code == "column-left-out"]
        return {
            notice.about: notice.cause.removeprefix(f"{notice.about} is left out: it ") for notice in found
        }

    @cached_property
    def rank(self) -> Rank:
        """Which columns the data can tell apart."""
        return Rank.of(self.moments, self.bias)

    @cached_property
    def spread(self) -> np.ndarray:
        """The standard deviations (divisor W) of [X Y]."""
        deviations = np.linalg.norm(self.moments.factor, axis=0) / math.sqrt(self.moments.weight_sum)
        constant = [self.moments.features.index(name) for name in Rank.of(self.moments, True).constant]
        deviations[constant] = 0.0  # what rounding left
        return deviations

    @property
    def shares(self) -> list[tuple[str, float]]:
        """What each parameter has of the direction that limits the rate, largest first."""
        spectrum = self.path.spectrum
        return spectrum.shares() if len(spectrum.curvatures) else []

    @property
    def best(self) -> Pace:
        """The fastest view of the columns: scaled, and centred where there is a bias."""
        return list(self.paces.values())[-1]

    @property
    def numeric(self) -> list[int]:
        """The features that are columns of numbers, that vary."""
        names = {term.column for term in self.moments.design.terms if isinstance(term, Number)}
        return [j for j, name in enumerate(self.moments.features) if name in names and self.spread[j] > 0]


def findings(patient: Patient) -> list[Finding]:
    """All that the rules find, the most important first; without a rate to judge, what concerns training comes last."""
    order = list(CODES)
    found = [finding for rule in RULES for finding in rule(patient)]
    return sorted(
        found, key=lambda one: (not patient.has_lr and one.code in OF_TRAINING, order.index(one.code))
    )


def _rate(patient: Patient) -> Iterator[Finding]:
    path, standard = patient.path, patient.best
    limit = path.lr_limit
    eased = f"--lr auto standardises the columns, which raises the limit to {number(standard.lr_limit)}"
    remedy = f"stay below {number(limit)}; {eased}"
    if path.lr > limit:
        grows = _growth(path, path.lr)
        cause = f"lr {number(path.lr)} is above {number(limit)}, the largest stable learning rate: {grows}"
        yield Finding("rate-limit", cause, remedy)
    elif not patient.has_lr and limit < USUAL_RATE:
        tried = 10 ** math.ceil(math.log10(limit * 1.01))  # the next power of ten: what one would try
        cause = f"no learning rate above {number(limit)} is stable: at {number(tried)} {_growth(path, tried)}"
        yield Finding("rate-limit", cause, remedy)


def _growth(path: Trajectory, lr: float) -> str:
    return f"the error grows {grown(path.spectrum.growth(lr))} per epoch"


def _batch_rate(patient: Patient) -> Iterator[Finding]:
    if not patient.has_lr or patient.path.lr > patient.path.lr_limit:
        return
    low = {b: limit for b, limit in patient.batch_limits.items() if limit and limit < patient.path.lr}
    if low:
        told = joined([f"{number(limit)} for batches of {b}" for b, limit in low.items()])
        yield Finding(
            "batch-limit",
            f"lr {number(patient.path.lr)} is stable with all rows in each step, but too high for small batches, whose "
            f"noise then grows: the limit is {told}",
            "take larger batches, a smaller rate, or --lr auto",
        )


def _slow(patient: Patient) -> Iterator[Finding]:
    path = patient.path
    needed = path.epochs_to_weights()
    if not SLOW < needed < math.inf:
        return
    at = f"lr {number(path.lr)}" if patient.has_lr else "the rate that settles first"
    cause = f"at {at} the last to settle, {path.last}, comes a thousand times nearer to its best in {epochs(needed)}"
    if patient.paces[RAW].hessian_condition > WORTH * patient.best.hessian_condition:
        # Where the fastest rate leaves each error a thousandth, the loss is at most a millionth of the way above the
        # optimum, and lr auto leaves no more.
        enough = epochs(patient.best.epochs_to_weights)
        remedy = f"train with --lr auto: after {enough} at most a millionth of the excess loss is left"
    else:
        remedy = "take the exact answer, which needs no epochs"
    yield Finding("slow", cause, remedy)


def _far(patient: Patient) -> Iterator[Finding]:
    if not patient.bias or _ratio(patient, SCALED) < WORTH:
        return
    moments, spread = patient.moments, patient.spread
    away = [
        (abs(moments.mean[j]) / spread[j] if spread[j] else math.inf, name)
        for j, name in enumerate(moments.features)
        if moments.mean[j]
    ]
    farthest = sorted(away, key=lambda pair: -pair[0])[:3]
    vary = [(name, number(far, 2)) for far, name in farthest if far < math.inf]
    told = [f"{name} is constant" for far, name in farthest if far == math.inf]
    if vary:
        names, means = (joined(list(part)) for part in zip(*vary, strict=True))
        are = f"the means of {names} are" if len(vary) > 1 else f"the mean of {names} is"
        told = [f"{are} {means} standard deviations from zero", *told]
    yield Finding(
        "far-from-zero",
        f"{joined(told)}, which slows training",
        "standardise: --scale standard or --lr auto; the weights come back in your units",
    )


def _unlike(patient: Patient) -> Iterator[Finding]:
    centred = CENTRED if patient.bias else RAW
    if _ratio(patient, centred) < WORTH:
        return
    spread = patient.rank.norms / math.sqrt(patient.moments.weight_sum)  # about zero where there is no bias
    sizes = [(spread[j], f"{name} ± {number(spread[j])}") for j, name in enumerate(patient.moments.features)]
    sizes += [(1.0, "the 1 of the bias")] if patient.bias else []
    sizes = sorted(size for size in sizes if size[0] > 0)
    yield Finding(
        "unlike-scales",
        f"columns vary on unlike scales, from {sizes[0][1]} to {sizes[-1][1]}, which slows training: scaling divides "
        f"the steepness of the loss by {ratio(_ratio(patient, centred))}",
        "standardise: --scale standard or --lr auto; or change the units",
    )


def _ratio(patient: Patient, view: str) -> float:
    return patient.paces[view].hessian_condition / patient.best.hessian_condition


def _collinear(patient: Patient) -> Iterator[Finding]:
    rank = patient.rank
    told = [words for words in rank.combinations() if " is constant" not in words]
    if told:
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        cause = f"the data do not determine every weight: {'; '.join(told[:3])}{more}"
        is_wide = patient.moments.rows <= patient.moments.p
        remedy = "use fewer columns, or more rows" if is_wide else "leave a column of each out with --exclude"
        yield Finding("collinear", cause, remedy)
    elif rank.rank and rank.condition_scaled > HARD:
        near = rank.near_combinations()
        what = "; ".join(near[:3]) if near else _weakest(patient)
        cause = (
            f"columns say nearly the same, so their weights are hard to tell apart: {what} (condition number "
            f"{ratio(rank.condition_scaled)} after standardising)"
        )
        yield Finding("near-collinear", cause, "leave one of them out, or do not read their weights singly")


def _weakest(patient: Patient) -> str:
    """The columns of the weakest direction: those with at least a tenth of it, but two and six at most."""
    shares = patient.rank.right[patient.rank.rank - 1] ** 2
    order = np.argsort(-shares, kind="stable")[:6]
    return joined([patient.moments.features[j] for i, j in enumerate(order) if i < 2 or shares[j] > 0.1])


def _constant(patient: Patient) -> Iterator[Finding]:
    if names := Rank.of(patient.moments, True).constant:
        what = f"{listed(names)} {'has' if len(names) == 1 else 'have'} one value in every row"
        yield Finding("constant", what, f"add {_excluding(names)}")


def _excluding(names: list[str]) -> str:
    return shell(word for name in names for word in ("--exclude", name))


def _identifiers(patient: Patient) -> Iterator[Finding]:
    moments, rows = patient.moments, patient.moments.rows
    rising = patient.survey.monotone(rows)
    told = {notice.about for notice in patient.notices if notice.code == "identifier-column"}
    others = [j for j in patient.numeric if moments.features[j] not in told]
    for j in others if rows >= SHORTEST else ():
        low, high = moments.statistics.minimum[j], moments.statistics.maximum[j]
        whole = bool(patient.survey.whole[patient.kept[j]])
        name, span = moments.features[j], f"{low:.0f} to {high:.0f}"
        if whole and low >= 1800 and high <= 2200:
            cause = f"{name} looks like years, {span}: a straight trend whose bias stands for the year 0"
            yield Finding(
                "year", cause, f"subtract {low:.0f}, or add {_excluding([name])} if no trend is meant"
            )
            continue
        is_rising = rising[patient.kept[j]] and high - low < DENSE * rows
        if is_rising or (whole and not patient.survey.is_weighted and is_permutation(moments, j)):
            order = "in order" if is_rising else "each once"
            cause = f"{name} looks like row numbers or identifiers: whole numbers {span}, {order}"
            yield Finding(
                "identifier-column", cause, f"add {_excluding([name])}, unless it is a time or a dose"
            )


def _rows(patient: Patient) -> Iterator[Finding]:
    rows, coefficients = patient.moments.rows, patient.rank.rank + patient.bias
    if rows < ENOUGH_ROWS * coefficients:
        cause = f"{counted(rows, 'row')} for {counted(coefficients, 'coefficient')} per target"
        if rows <= coefficients:
            cause += ": every target is met exactly, and nothing is learned"
        remedy = f"collect more rows ({ENOUGH_ROWS * coefficients:,} would do), or use fewer columns"
        yield Finding("few-rows", cause, remedy)


def _missing(patient: Patient) -> Iterator[Finding]:
    statistics = patient.moments.statistics
    if statistics.dropped:
        cells = listed(
            f"{name} {count:,}" for name, count in sorted(statistics.missing.items(), key=lambda c: -c[1])
        )
        whole = statistics.dropped + statistics.rows
        cause = f"{statistics.dropped:,} of {counted(whole, 'row')} have missing cells: {cells}"
        yield Finding("missing", cause, "the fit needs --missing drop, or fill the cells")


def _outlying(patient: Patient) -> Iterator[Finding]:
    moments, far = patient.moments, []
    for j in [*patient.numeric, *range(moments.p, moments.p + moments.m)]:
        name = (*moments.features, *moments.targets)[j]
        for value in (moments.statistics.minimum[j], moments.statistics.maximum[j]):
            distance = abs(value - moments.mean[j])
            if distance > FAR_OUT * patient.spread[j] > 0:
                far.append((distance / patient.spread[j], f"{name} {number(value, 6)}"))
    if far:
        told = [f"{what} ({number(z)})" for z, what in sorted(far, reverse=True)]
        cause = f"values lie far out, in standard deviations from the mean: {listed(told, 6)}"
        yield Finding("outlying", cause, "look at these rows; mend slips and codes for missing cells")


def _columns(patient: Patient) -> Iterator[Finding]:
    reasons: dict[str, list[str]] = {}
    for name, reason in patient.left_out.items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        told = [
            f"{listed(names)} ({'each ' if len(names) > 1 else ''}{why})" for why, names in reasons.items()
        ]
        cause = f"{counted(len(patient.left_out), 'column')} left out: {'; '.join(told)}"
        remedies = {notice.remedy for notice in patient.notices if notice.code == "column-left-out"}
        remedy = remedies.pop() if len(remedies) == 1 else ""
        yield Finding(
            "left-out", cause, remedy or "name with --also, or as a category, what is meant to take part"
        )


def _noticed(patient: Patient) -> Iterator[Finding]:
    """What the fit notices too."""
    for notice in patient.notices:
        if notice.code in CODES:
            yield Finding(notice.code, notice.cause, notice.remedy)


def _repeated(patient: Patient) -> Iterator[Finding]:
    sample = patient.survey.sample(patient.moments.rows)
    if len(sample) < SHORTEST or patient.survey.is_weighted:
        return
    first = f"of the first {len(sample):,}" if len(sample) < patient.moments.rows else "of them"
    if count := copies(sample):
        cause = f"{counted(count, 'row')} {first} {'is' if count == 1 else 'are'} there before"
        yield Finding("rows-twice", cause, "look whether a file was joined to itself, or give each row once")
    if near := near_copies(sample):
        cause = (
            f"{counted(near.rows, 'row')} are nearly copies of others: no column differs by more than "
            f"{number(near.apart, 2)} of its standard deviations"
        )
        yield Finding("rows-alike", cause, "do not read standard errors as if each row were a new one")


def _jumps(patient: Patient) -> Iterator[Finding]:
    sample = patient.survey.sample(patient.moments.rows)
    told = [notice.about for notice in patient.notices if notice.code == "unit-jump"]
    for j in patient.numeric:
        name = patient.moments.features[j]
        found = None if name in told else lasting_change(sample[:, patient.kept[j]])
        if found is not None and not is_another_group(np.delete(sample, patient.kept[j], axis=1), found[0]):
            row, factor = found
            cause = f"{name} is about {number(factor)} times as large from row {row + 1:,} on, as if its unit changed"
            yield Finding("unit-jump", cause, "look at the rows on both sides, and bring them to one unit")


RULES = (
    _rate, _batch_rate, _slow, _far, _unlike, _collinear, _constant, _identifiers, _rows, _missing, _outlying, _columns,
    _noticed, _repeated, _jumps,
)  # fmt: skip
