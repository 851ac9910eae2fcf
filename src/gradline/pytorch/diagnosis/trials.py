"""All hypotheses tried on printed losses, the exact ones first, and what each would mean."""

import itertools
import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import counted, joined, listed
from gradline.pytorch.diagnosis.any_start import any_start, is_modal
from gradline.pytorch.diagnosis.batches import WITH_LOG, sizes
from gradline.pytorch.diagnosis.ensembles import shuffled
from gradline.pytorch.diagnosis.evidence import APART, RIGHT, SURE
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.hypothesis import Hypothesis
from gradline.pytorch.diagnosis.loops import LOGS, Loop
from gradline.pytorch.diagnosis.matching import LEAST_SPENT, Bench, Match
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import StatedSetup
from gradline.pytorch.diagnosis.stepping import predict

ELSEWHERE = "the start, or the targets, are not those given"
ANY = 3.0  # bits: what another cause than right steps has to explain better to be as likely
UNSAID = 4.0  # bits that speak for mini-batches that nobody mentioned, before they are named
SMALL = 11.0  # bits, above ANY + APART: the same of a small mistake, which may be as good as none
GUESSED = (
    2.0  # bits, below which a cause is a guess: it explains no more than its fitted number, or a smooth curve
)
FURTHER = np.arange(1, 9)  # epochs at which loops that are one and the same agree, too
SAME = 1e-9  # as a share of a loss


class Candidate(NamedTuple):
    """A hypothesis and its `misfit` to the losses, in units of what is allowed; `sentence` says what it would mean.

    It `fits` when nothing speaks against it and no other explains the losses much better; `bits` speak for it, and it
    is `sure` when they are so many that an unknown cause would hardly print the same.
    """

    name: str
    misfit: float
    parameters: dict[str, Any]
    sentence: str
    remedy: str
    fits: bool
    sure: bool
    bits: float

    @property
    def logs(self) -> list[str]:
        """The keys of `LOGS` that it may have printed, the likeliest first."""
        return self.parameters.get("logs") or [self.parameters.get("log", "all")]


class Found(NamedTuple):
    """A row of the table and how well it explains the losses; `sentence` where it is another than the row's.

    `choice` are the bits that were spent where it is the best of many that leave much to chance.
    """

    name: str
    match: Match
    sentence: str = ""
    choice: float = 0.0

    @property
    def is_sure(self) -> bool:
        """Whether it explains the losses as no accident does."""
        return self.match.fits and self.match.bits >= (RIGHT if self.name == "right" else SURE + self.choice)


def tried(case: StatedSetup, printed: Printed, base: Loop, start_known: bool) -> list[Candidate]:
    """The best of each hypothesis, those that fit first.

    Random orders and other starts explain much, so they are tried only where nothing exact fits.
    """
    if not start_known:
        return [] if base.batch else ranked(case, _from_any_start(case, printed, known=False))
    bench = Bench(case, printed, base)
    found = _exact(bench)
    if not any(f.match.fits for f in found):
        # The first loss is the same whatever the loop does: where it is that of the start given, so is the start.
        first = Bench(case, printed.part(slice(1)), base)
        seen = base.batch or first.exact(Loop(lr_ratio=0.0)).fits
        elsewhere = [] if seen else _from_any_start(case, printed, known=True)
        # Where a start was fitted to fewer losses than there are, it is no matter of chance.
        if not any(f.match.fits and f.match.directions < len(printed.losses) for f in elsewhere):
            elsewhere = _at_random(bench) or elsewhere
        found += elsewhere
    return ranked(case, found)


def explained(case: StatedSetup, printed: Printed, base: Loop) -> list[Candidate]:
    """What explains losses over all rows, without a look at other starts and orders."""
    bench = Bench(case, printed, base)
    return ranked(case, _with_numbers(bench, _fixed(bench, lambda h: not h.by_size)))


def _fixed(bench: Bench, wanted: Callable[[Hypothesis], bool]) -> list[Found]:
    """The hypotheses without a free number that are wanted, for each kind of log where batches were said."""
    base = bench.base
    return [
        Found(name, bench.exact(loop))
        for log in (LOGS if base.batch else (base.log,))
        for name, hypothesis in HYPOTHESES.items()
        if wanted(hypothesis)
        for loop in hypothesis.loops(bench.case, replace(base, log=log))
    ]


def _with_numbers(bench: Bench, found: list[Found]) -> list[Found]:
    """Also the hypotheses with a number free, fitted, where none without is sure and leaves them no room."""
    if bench.base.batch or any(f.is_sure and f.match.room < LEAST_SPENT + SMALL + APART for f in found):
        return found
    return found + [
        Found(name, bench.fitted(bench.base, family))
        for name, hypothesis in HYPOTHESES.items()
        for family in hypothesis.family(bench.base)
    ]


def _exact(bench: Bench) -> list[Found]:
    """Loops that can be foretold; batches of other sizes, numbers and other epochs where nothing else is sure."""
    found = _fixed(bench, lambda h: not h.by_size)
    if not any(f.is_sure for f in found):
        found += _fixed(bench, lambda h: h.by_size)
    found = _with_numbers(bench, found)
    if not any(f.is_sure for f in found):
        match = bench.other_epochs()
        found.append(Found("order", match, _order(bench.printed, match)))
    return found


def _from_any_start(case: StatedSetup, printed: Printed, known: bool) -> list[Found]:
    """The full-batch hypotheses from whatever start suits them; beside a start given each is a second mistake."""
    found = []
    for name, hypothesis in HYPOTHESES.items():
        for loop in [] if hypothesis.by_size or name == "stale" else hypothesis.loops(case, Loop()):
            # A loss that stays is no sign of weights that do, where it has arrived.
            if not is_modal(loop) or (known and loop.lr_ratio == 0):
                continue
            match, told = any_start(case, printed, loop, are_targets_sure=not known), ""
            if known and name == "right":
                name, told = "order", f"the steps are right, but {ELSEWHERE}."
            elif known:
                match = match._replace(fits=match.fits and match.bits >= GUESSED)
                told = f"{hypothesis.sentence(case, loop)} And {ELSEWHERE}."
            found.append(Found(name, match, told))
    return found


def _at_random(bench: Bench) -> list[Found]:
    """Shuffled batches: of the size said, right or with a mistake; then with a small one; then of other sizes."""
    case, printed, base = bench.case, bench.printed, bench.base
    anew = replace(base, shuffled=True)
    of_rows = [
        (name, loop)
        for name, hypothesis in HYPOTHESES.items()
        for loop in ([] if hypothesis.by_size or not base.batch else hypothesis.loops(case, anew))
    ]
    plain = [(name, loop) for name, loop in of_rows if not HYPOTHESES[name].small]
    small = [(name, loop) for name, loop in of_rows if HYPOTHESES[name].small]
    other = [("batches", replace(anew, batch=b)) for b in sizes(case, base.batch) if b]
    for loops in (plain, small, other):
        matches = shuffled(case, printed, [loop for _, loop in loops])
        names = itertools.chain.from_iterable([name] * len(LOGS) for name, _ in loops)
        choice = math.log2(max(len(loops) * len(LOGS), 1))
        found = [
            Found(WITH_LOG[match.loop.log] if name == "batches" else name, match, choice=choice)
            for name, match in zip(names, matches, strict=True)
        ]
        if loops is other:  # what nobody mentioned must explain something
            found = [f for f in found if f.match.bits >= UNSAID]
        if any(f.match.fits for f in found):
            return found
    return []


def ranked(case: StatedSetup, found: list[Found]) -> list[Candidate]:
    """The best of each name, those that fit first.

    What explains the losses by `APART` bits less than the best is no rival; nor is a small mistake, which may be as
    good as none, where something else does as well; nor one that prints the same as a row before it.
    """

    def worth(f: Found) -> float:
        is_small = f.name in HYPOTHESES and HYPOTHESES[f.name].small
        return f.match.score - (SMALL if is_small else 0.0 if f.name == "right" else ANY)

    fitting = sorted((f for f in found if f.match.fits), key=worth, reverse=True)
    rivals = _without_twins(case, [f for f in fitting if worth(f) >= worth(fitting[0]) - APART])
    best: dict[str, Candidate] = {}
    for f in rivals:
        best.setdefault(f.name, _candidate(case, f, fits=True))
    for f in sorted((f for f in found if f not in rivals), key=lambda f: f.match.misfit):
        best.setdefault(f.name, _candidate(case, f, fits=False))
    for name in {f.name for f in rivals}:
        loops = [f.match.loop for f in rivals if f.name == name]
        logs = list(dict.fromkeys(loop.log for loop in loops))
        if name in WITH_LOG.values():
            best[name] = _with_sizes(best[name], sorted({loop.batch for loop in loops if loop.batch}))
        elif len(logs) > 1:
            best[name] = best[name]._replace(parameters=best[name].parameters | {"logs": logs})
    return list(best.values())


def _without_twins(case: StatedSetup, rivals: list[Found]) -> list[Found]:
    """Of loops that print the same at any epoch, the one that differs in least from a right one."""
    kept: list[Found] = []
    paths: list[np.ndarray] = []
    for f in sorted(rivals, key=lambda f: len(_changed(f.match.loop))):
        loop = replace(f.match.loop, shuffled=False)
        epochs = np.append(f.match.epochs - f.match.epochs[0] + 1, FURTHER)
        path = predict(case, loop, epochs).losses
        twins = [len(path) == len(p) and np.allclose(path, p, SAME, 0, True) for p in paths]
        if f.name == "order" or f.match.directions or not any(twins):
            kept.append(f)
            paths.append(path)
    return [f for f in rivals if f in kept]


def _changed(loop: Loop) -> dict[str, Any]:
    """In what a loop differs from a right one over all rows."""
    return {f.name: getattr(loop, f.name) for f in fields(Loop) if getattr(loop, f.name) != f.default}


def _candidate(case: StatedSetup, f: Found, fits: bool) -> Candidate:
    match = f.match
    parameters = _changed(match.loop) | {"first_epoch": int(match.epochs[0])}
    if match.directions:
        parameters |= {"directions": match.directions}
    if f.sentence.endswith(f"{ELSEWHERE}."):
        parameters |= {"start": "another"}
        own = "" if f.name == "order" else f"{HYPOTHESES[f.name].remedy(case, match.loop)}; and "
        told = f.sentence, f"{own}give diagnose the start and the targets of the loop"
    elif f.name == "order":
        parameters |= {"epochs": match.epochs.tolist()}
        told = f.sentence, "w and b as at the start, then each cell once, in order"
    else:
        row = HYPOTHESES[f.name]
        told = f.sentence or row.sentence(case, match.loop), row.remedy(case, match.loop)
    return Candidate(f.name, match.misfit, parameters, *told, fits, fits and f.is_sure, match.bits)


def _with_sizes(c: Candidate, fitting: list[int]) -> Candidate:
    """Several batch sizes that fit are told together."""
    if len(fitting) < 2:
        return c
    others = joined([str(b) for b in fitting if b != c.parameters["batch"]])
    sentence = f"{c.sentence} Batches of {others} would print much the same."
    return c._replace(sentence=sentence, parameters=c.parameters | {"sizes": fitting})


def _order(printed: Printed, match: Match) -> str:
    said, true = printed.epochs, match.epochs
    if len(shift := set((true - said).tolist())) == 1:
        updates = counted(shift.pop(), "update")
        return f"the losses are those of the right loop {updates} later than said: cells had been run before."
    return (
        f"the losses lie on the right path, but after {listed(true.tolist())} updates, not after "
        f"{listed(said.tolist())}: cells were run more than once, or out of order."
    )
