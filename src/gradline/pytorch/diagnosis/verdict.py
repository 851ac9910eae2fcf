"""The verdict on a hand-written loop: from the losses that it printed, what it really did."""

import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Unpack

import numpy as np

from gradline.core.text import counted, joined, number, percent, raised
from gradline.core.text import epochs as in_epochs
from gradline.data.inputs import as_rows
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Choice, Selection, unweighted
from gradline.model.certificate import finite
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.batches import LOGGED, WITH_LOG
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.matching import OVERFLOW, conventions, misfit
from gradline.pytorch.diagnosis.messages import MESSAGES
from gradline.pytorch.diagnosis.printed import Printed, read_printed
from gradline.pytorch.diagnosis.simulation import Dynamics, StatedSetup
from gradline.pytorch.diagnosis.starts import COMMON, from_batches, from_first_loss, is_doubtful
from gradline.pytorch.diagnosis.stated import case_of, check, from_weights
from gradline.pytorch.diagnosis.stepping import predict
from gradline.pytorch.diagnosis.swings import is_noisy, swinging
from gradline.pytorch.diagnosis.trials import GUESSED, Candidate, tried
from gradline.pytorch.diagnosis.unexplained import known_of
from gradline.solvers.problem import unstacked
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

WIDTH = 100  # of a line of prose
MEND = "The fix: "
START = "give the start, weight and bias before the first update (--weight and --bias, or --init)"
CANNOT_TELL, NONE_FITS = "cannot tell", "none fits"
ROUNDED = 1e-6  # of the targets' variance: what float32 leaves of the least loss
COARSE = 1e-2  # of the targets' variance: losses printed more coarsely do not show that a loop has arrived
SLOW = 1e-2  # of the largest stable rate, and of the loss there is to lose
CLOSE = 0.9  # of the largest stable rate
FEW = 6  # losses, before it is said how they rise
FAR = 100.0  # condition of the raw columns over that of the scaled ones, above which the loop crawls
ENOUGH = 16  # simulated runs for a typical loss
ENOUGH_LOSSES = 100  # of which more hardly tell more
FINE = 1e-6  # of a loss: half a unit of the last digit of as many digits as float32 has
MOST_LISTED = (
    5  # causes in the text: the rest of many tells a reader nothing, and stands among the candidates
)


@dataclass(frozen=True)
class Diagnosis:
    """What a loop did. `verdict` is the name of a hypothesis or of a message, "cannot tell" or "none fits".

    `sentences` say it in plain words, with the line that mends it; `candidates` are the hypotheses, best first;
    `findings` are what else deserves to be known. Where no verdict is sure, `likely` is the name of the cause that
    explains the losses best, and "" where several do.
    """

    verdict: str
    sentences: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[str, ...]
    likely: str = ""

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.sentences[0]}", *self.sentences[1:], *self.findings]
        return "\n".join(_of_code(line) if line.startswith(MEND) else _wrapped(line) for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain JSON."""
        return finite(asdict(self) | {"candidates": [candidate._asdict() for candidate in self.candidates]})


def diagnose(
    losses: Any,
    data: Any,
    targets: Any = None,
    *,
    lr: float,
    init: Any = None,
    batch_size: int | None = None,
    momentum: float = 0.0,
    seed: int = 0,
    **choice: Unpack[Choice],
) -> Diagnosis:
    """What a hand-written training loop really did, judged by the losses that it printed.

    Each hypothesis predicts the losses; it fits when they agree to the printed digits and float32's rounding. A
    verdict falls only where one cause alone fits.

    Parameters: `losses` are numbers, pairs (epoch, loss), or what the loop printed, as text or a file of it;
    `data`, `targets`, `features`, `exclude`, `missing` as in `gradline.fit`; `lr`, `batch_size` (None: all rows
    at once) and `momentum` as the loop was meant to have them; `init` is its start as in `gradline.GradientDescent`, a
    pair weight (m, p), bias (m,) or a word such as "zeros" or "torch" (with `seed`); None when unknown. Start values
    with few decimals count as printed, half a unit either way.

    Raises `UsageError` for a setting outside its range, `DataError` where there is no loss, and what `gradline.fit`
    raises for the data.

    >>> from gradline.pytorch import diagnose
    >>> printed = [8310.667, 5754.632, 4031.070, 2868.257]
    >>> diagnose(printed, "example:crops", ["apples", "oranges"], lr=1e-5, init="zeros").verdict
    'right'
    """
    check(lr, batch_size, momentum, init, seed)
    printed = read_printed(losses)
    rows = as_rows(unweighted(Selection(data, targets, **choice))).rows
    block = next(rows.blocks(sys.maxsize))
    moments = Moments.from_rows(ArrayRows(block.X, block.Y, None, rows.design))
    case = case_of(block, moments, lr, momentum, init, seed)
    base = Loop(batch=batch_size if batch_size and batch_size < len(case.A) else None)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # many a hypothesis runs away
        case, printed, known = from_weights(case, printed, init is not None)
        given = init if isinstance(init, str) else ""
        case, printed, known = from_first_loss(case, moments, printed, base, given, known, seed)
        judge = _Judge(case, moments, printed, base, known)
        told = judge.without_trials()
        if told is None and np.isfinite(printed.losses).any():
            if base.batch and known:
                case, printed = from_batches(case, moments, printed, base, given, seed)
                judge = replace(judge, case=case, printed=printed)
            judge = replace(judge, candidates=tuple(tried(case, printed, base, known)))
        return judge.diagnosis(told)


@dataclass(frozen=True, eq=False)
class _Judge:
    """What was tried on a loop, and the verdict that follows."""

    case: StatedSetup
    moments: Moments
    printed: Printed
    base: Loop
    start_known: bool
    candidates: tuple[Candidate, ...] = ()

    def without_trials(self) -> tuple[str, tuple[str, ...]] | None:
        """The verdict on losses that whatever loop arrives prints, and on those that are no numbers."""
        if not len(self.printed.losses):
            return None
        return self._arrived() or self._not_numbers() or self._single()

    def diagnosis(self, told_before: tuple[str, tuple[str, ...]] | None) -> Diagnosis:
        """The verdict on the losses, unless a message of PyTorch says more."""
        rivals = self._rivals()
        verdict, sentences = told_before or self._of_log(rivals) or self._of_losses(rivals)
        told = sorted(self.printed.messages, key=lambda name: not MESSAGES[name].stops)
        chosen = next((c for c in rivals if c.name in told), None)
        if verdict in (CANNOT_TELL, NONE_FITS) and chosen is not None:
            verdict, sentences = chosen.name, _said(chosen)
        elif told and (not rivals or (verdict in ("right", CANNOT_TELL) and MESSAGES[told[0]].stops)):
            message = MESSAGES[told[0]]
            verdict, sentences = told[0], (f"{message.cause}.", MEND + message.remedy)
        findings = [f"PyTorch also said: {MESSAGES[name].cause}." for name in told if name != verdict]
        likely = self._likely(rivals) if verdict == CANNOT_TELL else ""
        if verdict in ("right", "lr"):
            findings += self._beside_right()
        elif likely == "right" and self.case.lr < SLOW * self._limit:
            findings.append(
                f"slow: lr {number(self.case.lr)} is far below {number(self._limit)}, up to which these data bear it. "
                f"Try lr = {number(self._limit / 2, 1)}."
            )
        return Diagnosis(verdict, sentences, self.candidates, (*findings, *self.printed.notes), likely)

    @cached_property
    def _limit(self) -> float:
        return Spectrum.of(self.moments).lr_limit(self.case.momentum)

    def _arrived(self) -> tuple[str, tuple[str, ...]] | None:
        """Losses that are all the least there is: every loop that arrives prints them, however it came there."""
        losses, halves = self.printed.losses, self.printed.halves
        least, spread = self._least(), float(self.case.Y.var(axis=0).mean())
        tolerance = halves + ROUNDED * spread
        start = float(((self.case.A @ self.case.start - self.case.Y) ** 2).mean())
        starts_there = self.start_known and abs(start - least) <= tolerance.max()
        if starts_there or halves.max() > COARSE * spread or not (np.abs(losses - least) <= tolerance).all():
            return None
        lasts = f"all {len(losses):,} losses printed" if len(losses) > 1 else "the loss printed"
        return "arrived", (
            f"the loop has arrived: {number(least, 6)} is the least loss that a line has on these data, and "
            f"{lasts} {'are' if len(losses) > 1 else 'is'} that.",
            "The weights stand still because nothing is left to learn. How the loop came there shows in the losses of "
            "the first epochs.",
        )

    def _single(self) -> tuple[str, tuple[str, ...]] | None:
        """One loss, from which nothing about the updates follows."""
        if len(self.printed.losses) > 1:
            return None
        rest = "Print the loss of every epoch, from the first one on."
        return CANNOT_TELL, ("one loss says nothing about the updates.", *self._known(), rest)

    def _least(self) -> float:
        """The least mean of squares on these rows."""
        A, Y = self.case.A, self.case.Y
        return float(((Y - A @ np.linalg.lstsq(A, Y, rcond=None)[0]) ** 2).mean())

    def _not_numbers(self) -> tuple[str, tuple[str, ...]] | None:
        """What makes losses nan or inf: the rate alone, where it is large enough; else something else."""
        strange = ~np.isfinite(self.printed.losses)
        if not strange.any():
            return None
        if self.case.lr > self._limit and not self.base.batch and self._overflows(int(np.argmax(strange))):
            lr = HYPOTHESES["lr"]
            words = f"{lr.sentence(self.case, self.base)} The numbers end in inf and nan for that alone."
            return "lr", (words, MEND + lr.remedy(self.case, self.base))
        return None if np.isfinite(self.printed.losses).any() else (NONE_FITS, (self._not_the_rate(),))

    def _overflows(self, first: int) -> bool:
        """Whether right steps at the rate said leave float32 by the first loss that is no number, and not before."""
        printed = self.printed
        if not self.start_known:  # then from a loss of 1, or what is printed first
            finite = printed.losses[np.isfinite(printed.losses)]
            growth = Spectrum.of(self.moments).growth(self.case.lr) if not self.case.momentum else np.inf
            left = OVERFLOW / max(finite[0] if len(finite) else 1.0, 1e-6)
            return 2 * np.log(growth) * (int(printed.epochs[first]) + 1) >= np.log(left)
        return any(
            misfit(printed, predict(self.case, self.base, epochs))[1]
            for epochs in conventions(printed, self.base)
        )

    def _not_the_rate(self) -> str:
        bears = f"lr {number(self.case.lr)} is below {number(self._limit)}, the most that these data bear"
        if self.case.lr > self._limit:
            bears = (
                f"lr {number(self.case.lr)} is too large for these data, but no loss gets that large so soon"
            )
        return (
            f"the loss is no number, and the rate alone does not do that: {bears}. Look for a sum in the place of the "
            "mean, which makes the gradient as many times larger as there are numbers; for missing cells in the data "
            "(torch.isnan(inputs).any()); for a column divided by a standard deviation of 0."
        )

    def _rivals(self) -> list[Candidate]:
        """The hypotheses that fit; a right loop above the limit is called lr."""
        fitting = [c for c in self.candidates if c.fits]
        if self.case.lr <= self._limit:
            return fitting
        lr = HYPOTHESES["lr"]
        told = {"sentence": lr.sentence(self.case, self.base), "remedy": lr.remedy(self.case, self.base)}
        return [c._replace(name="lr", **told) if c.name == "right" else c for c in fitting]

    def _of_log(self, rivals: list[Candidate]) -> tuple[str, tuple[str, ...]] | None:
        """What is certain where right mini-batches of the size said, and all others, print the same other loss."""
        right = next((c for c in rivals if c.name == "right"), None)
        logs = {WITH_LOG[log] for c in rivals for log in c.logs}
        if not self.base.batch or right is None or len(logs) != 1 or "batches" in logs:
            return None
        what = self._full_loss(right)
        if len(rivals) == 1:
            return logs.pop(), (what, f"The five steps are {'' if right.sure else 'most likely '}right.")
        rest = "Such losses do not tell whether the steps are right. Each of these would print them:"
        return logs.pop(), (what, rest, *_listed(rivals))

    def _of_losses(self, rivals: list[Candidate]) -> tuple[str, tuple[str, ...]]:
        count = f"{len(self.printed.losses):,} losses"
        if not rivals:
            return (NONE_FITS if self.candidates else CANNOT_TELL), self._nothing()
        likely = self._likely(rivals)
        if len(rivals) == 1 and rivals[0].sure and len(rivals[0].logs) == 1:
            return rivals[0].name, _said(rivals[0])
        if likely in WITH_LOG.values() and not self.base.batch:
            return CANNOT_TELL, (
                f"the {count} may be those of mini-batches, and no batch size was given.",
                f"The likeliest of them: {_listed(rivals)[0]}",
                *self._known(),
                "To be sure: give the batch size of the loop (--batch-size), or print more epochs if it has none.",
            )
        if self._is_misled(rivals[0]):
            return CANNOT_TELL, (
                f"the {count} hardly begin at the start given, and without the start they tell little.",
                *self._known(),
                "From another start, or by accident, they may be those of many causes. Among them:",
                *_listed(rivals),
                f"To be sure: {START}.",
            )
        first = _listed(rivals[:1])
        if likely in WITH_LOG.values():
            first = [f"{likely}: {self._full_loss(rivals[0])}"]
        if len(rivals) == 1:
            why = "too few or too smooth" if len(self.printed.losses) < ENOUGH_LOSSES else "too smooth"
            words = f"the {count} are {why} to be sure."
            to_be_sure = f"To be sure: {self._needed()}"
            if rivals[0].bits < GUESSED and self.start_known and likely != "right":
                guess = f"A guess, since many causes print such smooth losses: {first[0]}"
                return CANNOT_TELL, (words, guess, *self._known(), to_be_sure)
            return CANNOT_TELL, (f"{words} Most likely {first[0]}", *_either(rivals[0]), to_be_sure)
        apart = f"To tell them apart: {self._needed()}"
        if likely:
            words = (
                f"most likely {first[0]}",
                *_either(rivals[0]),
                f"These would print much the same {count}:",
            )
            return CANNOT_TELL, (*words, *_listed(rivals[1:]), apart)
        return CANNOT_TELL, (f"{len(rivals)} causes would print these {count}:", *_listed(rivals), apart)

    def _likely(self, rivals: list[Candidate]) -> str:
        """The only cause that explains the losses well, or the best of many where it is the loop that was meant.

        Of mini-batches many a mistake prints what right ones do: right ones lead where they are the likeliest, by the
        name of what is printed. So do those that nobody mentioned, where all causes are such.
        """
        names = {c.name for c in rivals}
        alike = names <= set(WITH_LOG.values()) and not self.base.batch
        if not (len(names) == 1 or (names and (alike or self._is_meant(rivals[0])))):
            return ""
        if self._is_misled(rivals[0]):
            return ""
        first, log = rivals[0].name, rivals[0].logs[0]
        return WITH_LOG[log] if first == "right" and log != "all" else first

    def _is_misled(self, candidate: Candidate) -> bool:
        """Whether a cause that is not sure rests on a start that the first loss speaks against."""
        if candidate.sure or self._is_meant(candidate):
            return False
        if candidate.parameters.get("start") == "another":
            return True
        if candidate.name in COMMON:
            return False
        by_chance = bool(self.base.batch) and bool(candidate.parameters.get("shuffled"))
        return by_chance and is_doubtful(self.case, self.printed, self.base, candidate.logs)

    def _is_meant(self, candidate: Candidate) -> bool:
        return bool(self.base.batch) and candidate.name == "right"

    def _needed(self) -> str:
        if not self.start_known:
            return f"{START}."
        undone = [*self._undone()]
        return f"{joined(undone)}." if undone else "compare the loop with the five steps, line by line."

    def _undone(self) -> Iterator[str]:
        """What would tell more and was not done yet."""
        printed = self.printed
        if np.any(np.diff(printed.epochs) > 1) or (
            printed.labelled and printed.epochs[:1].max(initial=0) > 1
        ):
            yield "print the loss of every epoch from the first one on"
        if len(printed.losses) < ENOUGH_LOSSES:
            yield "print more epochs"
        if self.case.slack.any():
            yield "give the start with all its digits"
        if np.median(printed.halves) > FINE * np.median(np.abs(printed.losses)):
            yield "print the losses with eight digits (:.8g)"
        if not printed.weights:
            yield "print the weights and the bias beside each loss"
        if self.case.lr < self._limit / 4:
            yield f"train with a larger rate, such as {number(self._limit / 2, 1)}"

    def _nothing(self) -> tuple[str, ...]:
        if not self.candidates:
            return (
                "without the start the losses of mini-batches tell nothing.",
                f"{raised(START)}.",
            )
        if not np.isfinite(self.printed.losses).all():
            return (self._not_the_rate(), *self._known())
        return (
            "no known mistake explains all the losses.",
            *self._known(),
            *self._restless(),
            "Check that data, lr and start are those of the loop. It may also make two mistakes, or one that is not "
            "in the table."
            if self.start_known
            else f"{raised(START)}: a wrong sign, a bias that stands still and other losses are told by it. Check, "
            "too, that data and lr are those of the loop.",
        )

    def _restless(self) -> tuple[str, ...]:
        """A word on losses that swing, or that fall with noise as those of mini-batches that nobody mentioned do."""
        if self.base.batch or len(self.printed.losses) < FEW:
            return ()
        if told := swinging(self.printed):
            return told
        if not is_noisy(self.printed):
            return ()
        return (
            "The losses fall on the whole and rise here and there, as those of mini-batches do. If the loop trains on "
            "mini-batches, give the batch size (--batch-size).",
        )

    def _known(self) -> tuple[str, ...]:
        return known_of(self.case, self.printed, self.base) if self.start_known else ()

    def _beside_right(self) -> list[str]:
        """What deserves to be known of a loop that is right."""
        findings = []
        spectrum, rank, limit = Spectrum.of(self.moments), Rank.of(self.moments, True), self._limit
        if not self.start_known or self.base.batch or self.case.lr > limit:
            return findings
        if self.case.lr < SLOW * limit and self._moved() < SLOW:
            findings.append(
                f"slow: the rate is far too small. In {self._span()} the loss falls by {percent(self._moved())} "
                f"of what there is to lose; these data bear lr up to {number(limit)}. Try lr = {number(limit / 2, 1)}."
            )
            return findings
        if self.case.lr > CLOSE * limit:
            findings.append(
                f"lr: {number(self.case.lr)} is close to {number(limit)}, the most that these data bear."
            )
        path = Trajectory(self.moments, self.case.lr, self.case.momentum, unstacked(self.case.start, True))
        if spectrum.condition > FAR * rank.condition_scaled:
            findings.append(
                f"raw: the columns' means lie far from zero, which slows training. Condition number: "
                f"{number(spectrum.condition)} as given, {number(rank.condition_scaled)} after standardising. At this "
                f"rate the loss comes within 1 % of the best possible only after {in_epochs(path.epochs_to_loss())}: "
                "standardise the inputs."
            )
        return findings

    def _moved(self) -> float:
        """The share of the loss above the least that the printed losses have lost."""
        losses = self.printed.losses
        return float((losses[0] - losses[-1]) / max(losses[0] - self._least(), np.finfo(float).tiny))

    def _span(self) -> str:
        return counted(int(np.ptp(self.printed.epochs)), "epoch")

    def _full_loss(self, chosen: Candidate) -> str:
        """What the loss over all rows was where that of batches was printed."""
        loop = replace(self.base, shuffled=bool(chosen.parameters.get("shuffled")))
        last = int(self.printed.epochs[-1] - self.printed.epochs[0] + chosen.parameters["first_epoch"])
        dynamics = Dynamics(self.case, loop)
        if loop.shuffled:
            *_, runs = itertools.islice(dynamics.shuffled(ENOUGH), last + 1)
            full = float(np.median(runs["all"]))
        else:
            full = float(dynamics.predict(np.array([last])).losses[0])
        log, about = chosen.parameters["log"], "about " if loop.shuffled else ""
        order = ", shuffled anew each epoch" if loop.shuffled else ""
        return (
            f"what is printed is {LOGGED[log]}, of {counted(self.base.batch or 0, 'row')} each{order}. Over all rows "
            f"the loss at the end is {about}{number(full)}, not {number(self.printed.losses[-1])}."
        )


def _listed(rivals: list[Candidate]) -> list[str]:
    """A line for each cause: its name, and what it means; of many causes the likeliest."""
    more = len(rivals) - MOST_LISTED
    rest = [f"And {counted(more, 'more cause')} would, too."] if more > 0 else []
    return [*(f"{c.name}: {c.sentence}" for c in rivals[:MOST_LISTED]), *rest]


def _either(c: Candidate) -> tuple[str, ...]:
    """What it may have printed, where that is not certain."""
    if len(c.logs) == 1:
        return ()
    named = [LOGGED.get(log, "the loss of all rows") for log in c.logs]
    return (f"What is printed is {', or '.join(named)}.",)


def _said(c: Candidate) -> tuple[str, ...]:
    return (c.sentence, MEND + c.remedy) if c.remedy else (c.sentence,)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")


def _of_code(line: str) -> str:
    """A fix, broken only between its parts: each stays whole, to be copied."""
    lines = [""]
    for part in re.split(r"(?<=;) |(?<=,) (?=and )", line):
        joined = f"{lines[-1]} {part}".strip() if len(lines) == 1 else f"{lines[-1]} {part}"
        if lines[-1] and len(joined) > WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] = joined
    return "\n".join(lines)
