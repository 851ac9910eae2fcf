"""All hypotheses tried on printed losses, the exact ones first, and what each would mean."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import counted, joined, listed
from gradline.pytorch.diagnosis.ensembles import likeliest, shuffled
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES, Hypothesis, sizes
from gradline.pytorch.diagnosis.matching import (
    APART,
    NEAR,
    SURE,
    WELL,
    Match,
    any_start,
    exact,
    fitted,
    is_modal,
    other_epochs,
)
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import LOGS, Loop, StatedSetup

# What batches of another size than said are called, by what is printed of them.
WITH_LOG = {
    "all": "batches",
    "last": "last_batch",
    "mean": "running_mean",
    "by rows": "running_mean",
    "sum": "running_sum",
    "sum over rows": "running_sum",
}
FLOOR, MOST_INDEPENDENT = (
    0.02,
    7.0,
)  # of misfits: below it they say nothing; of losses, as float32 errs in a row
MANY = 40  # losses, before mini-batches that nobody mentioned are thought of
ELSEWHERE = "the start, or the targets, are not those given"


class Candidate(NamedTuple):
    """A hypothesis and its `misfit` to the losses, in units of what is allowed; `sentence` says what it would mean.

    It `fits` when nothing speaks against it, and is `sure` when it could not well do so by accident.
    """

    name: str
    misfit: float
    parameters: dict[str, Any]
    sentence: str
    remedy: str
    fits: bool
    sure: bool
    tight: bool = False
    free: bool = False


def tried(case: StatedSetup, printed: Printed, base: Loop, start_known: bool) -> list[Candidate]:
    """The best of each hypothesis, those that fit first.

    Random orders and other starts explain much, so they are tried only where nothing exact fits.
    """
    count = int(np.isfinite(printed.losses).sum())
    if not start_known:
        return [] if base.batch else _best(settled(_from_any_start(case, printed, known=False), count))
    found = settled(
        _exact(case, printed, [replace(base, log=log) for log in LOGS] if base.batch else [base]), count
    )
    if not any(c.fits for c in found):
        # The first loss is the same whatever the loop does: where it is that of the start given, so is the start.
        first = printed.part(slice(1))
        seen = base.batch or exact(case, first, Loop(lr_ratio=0.0)).fits
        elsewhere = [] if seen else settled(_from_any_start(case, printed, known=True), count)
        # What few directions explain to the last digit is no matter of chance.
        smooth = any(c.fits and c.parameters.get("directions", 0) < len(printed.losses) for c in elsewhere)
        at_random = (
            _shuffled(case, printed, base) if not smooth and (base.batch or is_restless(printed)) else []
        )
        found += at_random + ([] if any(c.fits for c in at_random) else elsewhere)
    return _best(found)


def settled(found: list[Candidate], count: int) -> list[Candidate]:
    """Which of those that fit are rivals, by what `count` losses tell.

    Where one fits that could not by accident, those that would fit anything are none. Nor are those that fit only
    because of what float32 may have done, where others fit without that; but losses that stay the same to float32 are
    no proof that the weights do. And tolerances are bounds: of those within them, the nearest is by far the likeliest
    where it is much nearer on many losses (errors of an unknown common size, a third of them independent).
    """
    nearest = min((c.misfit for c in found if c.fits and not c.free), default=math.inf)
    most = max(nearest, FLOOR) * SURE ** (-1 / min(max(count / 3, 1.0), MOST_INDEPENDENT))
    tight = {c.name for c in found if c.fits and c.tight} - {"no_update"}
    found = [c._replace(fits=c.fits and (c.tight or not tight) and c.misfit <= most) for c in found]
    sure = any(c.fits and c.sure and not c.free for c in found)
    return [c._replace(fits=c.fits and (c.sure or not sure)) for c in found]


def exactly(
    case: StatedSetup, printed: Printed, bases: list[Loop], wanted: Callable[[Hypothesis], bool]
) -> list[Candidate]:
    """The hypotheses without a free number that are wanted."""
    return [
        _candidate(case, name, exact(case, printed, loop))
        for base in bases
        for name, hypothesis in HYPOTHESES.items()
        if wanted(hypothesis)
        for loop in hypothesis.loops(case, base)
    ]


def _exact(case: StatedSetup, printed: Printed, bases: list[Loop]) -> list[Candidate]:
    """First what is no small mistake; where none of it fits surely, what is; then numbers to be fitted.

    Where right steps are near, small mistakes are rivals of all others, and what is sure must fit well.
    """
    found = exactly(case, printed, bases, lambda h: not (h.small or h.by_size))
    if "right" not in {c.name for c in found if c.fits and c.sure}:
        found += exactly(case, printed, bases[:1], lambda h: h.by_size)
    right = min((c.misfit for c in found if c.name == "right"), default=math.inf)
    found = [
        c._replace(sure=c.sure and (c.name == "right" or c.misfit <= WELL or right >= APART)) for c in found
    ]
    if (right <= WELL or right >= APART) and any(c.fits and c.sure for c in found):
        return found
    near = right < NEAR
    found += [c._replace(sure=c.sure and not near) for c in exactly(case, printed, bases, lambda h: h.small)]
    if bases[0].batch is None and not any(c.fits and c.sure for c in found):
        found += with_a_number(case, printed, bases[0])
    if not {c.name for c in found if c.fits and c.sure} & {"right", "stale", "no_update"}:
        match = other_epochs(case, printed, bases[0])
        found.append(_candidate(case, "order", match, _order(printed, match)))
    return found


def with_a_number(case: StatedSetup, printed: Printed, base: Loop) -> list[Candidate]:
    """The hypotheses with a number free, fitted."""
    return [
        _candidate(case, name, fitted(case, printed, base, family))
        for name, hypothesis in HYPOTHESES.items()
        for family in hypothesis.family(base)
    ]


def _from_any_start(case: StatedSetup, printed: Printed, known: bool) -> list[Candidate]:
    """The full-batch hypotheses from whatever start suits them; beside a start given each is a second mistake."""
    found = []
    for name, hypothesis in HYPOTHESES.items():
        for loop in [] if hypothesis.by_size or name == "stale" else hypothesis.loops(case, Loop()):
            if not is_modal(loop):
                continue
            if (
                known and loop.lr_ratio == 0
            ):  # a loss that stays is no sign of weights that do, where it has arrived
                continue
            match = any_start(case, printed, loop, are_targets_sure=not known)
            if known and name == "right":
                found.append(_candidate(case, "order", match, f"the steps are right, but {ELSEWHERE}."))
            else:
                found.append(_candidate(case, name, match))
    if not known:
        return found
    return [
        c._replace(
            parameters=c.parameters | {"start": "another"},
            sentence=c.sentence if c.name == "order" else f"{c.sentence} And {ELSEWHERE}.",
        )
        for c in found
    ]


def is_restless(printed: Printed) -> bool:
    """Whether so many losses rise and fall by turns that they may be those of mini-batches that nobody mentioned."""
    steps = np.diff(printed.losses[np.isfinite(printed.losses)])
    turns = (steps[1:] * steps[:-1] < 0).sum()
    return len(printed.losses) >= MANY and bool(turns > 0.2 * len(steps))


def _shuffled(case: StatedSetup, printed: Printed, base: Loop) -> list[Candidate]:
    """Shuffled batches: of the size said, with every mistake; of other sizes where that explains nothing."""
    said = [
        (name, loop)
        for name, hypothesis in HYPOTHESES.items()
        for loop in (
            []
            if hypothesis.by_size or not base.batch
            else hypothesis.loops(case, replace(base, shuffled=True))
        )
    ]
    other = [("batches", replace(base, batch=b, shuffled=True)) for b in sizes(case, base.batch) if b]
    found: list[Candidate] = []
    for loops in (said, other):
        named = [(name, match) for name, loop in loops for match in shuffled(case, printed, loop)]
        for (name, _), match in zip(named, likeliest([match for _, match in named]), strict=True):
            # Only what is not said must show that it is at random.
            match = match._replace(sure=match.sure or name == "right")
            found.append(_candidate(case, WITH_LOG[match.loop.log] if name == "batches" else name, match))
        if any(c.fits for c in found):
            break
    right = any(c.name == "right" and c.fits for c in found)
    return [c for c in found if not (right and HYPOTHESES[c.name].small)]


def _candidate(case: StatedSetup, name: str, match: Match, sentence: str = "") -> Candidate:
    usual = Loop()
    changed = {f.name: getattr(match.loop, f.name) for f in fields(Loop)}
    parameters = {key: value for key, value in changed.items() if value != getattr(usual, key)}
    parameters["first_epoch"] = int(match.epochs[0])
    if match.directions:
        parameters["directions"] = match.directions
    if name == "order":
        parameters["epochs"] = match.epochs.tolist()
        remedy = "w and b as at the start, then each cell once, in order"
        return Candidate(
            name, match.misfit, parameters, sentence, remedy, match.fits, match.sure, match.tight
        )
    hypothesis = HYPOTHESES[name]
    told = hypothesis.sentence(case, match.loop), hypothesis.remedy(case, match.loop)
    return Candidate(name, match.misfit, parameters, *told, match.fits, match.sure, match.tight, match.free)


def _order(printed: Printed, match: Match) -> str:
    said, true = printed.epochs, match.epochs
    if len(shift := set((true - said).tolist())) == 1:
        updates = counted(shift.pop(), "update")
        return f"the losses are those of the right loop {updates} later than said: cells had been run before."
    return (
        f"the losses lie on the right path, but after {listed(true.tolist())} updates, not after "
        f"{listed(said.tolist())}: cells were run more than once, or out of order."
    )


def _best(found: list[Candidate]) -> list[Candidate]:
    """The best of each name, those that fit first; several batch sizes that fit are told together."""
    found = sorted(found, key=lambda c: (not c.fits, not c.sure, c.misfit))
    best = {c.name: c for c in reversed(found)}
    for name in WITH_LOG.values():
        fitting = sorted(
            {c.parameters["batch"] for c in found if c.name == name and c.fits and "batch" in c.parameters}
        )
        if len(fitting) > 1:
            c, others = best[name], [b for b in fitting if b != best[name].parameters["batch"]]
            sentence = (
                f"{c.sentence} Batches of {joined([str(b) for b in others])} would print much the same."
            )
            best[name] = c._replace(sentence=sentence, parameters=c.parameters | {"sizes": fitting})
    return sorted(best.values(), key=lambda c: (not c.fits, not c.sure, c.misfit))
