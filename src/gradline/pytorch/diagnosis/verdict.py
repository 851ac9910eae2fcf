"""The verdict on a hand-written loop: from the losses that it printed, what it really did."""

import itertools
import sys
import textwrap
from dataclasses import asdict, dataclass, replace
from typing import Any, Unpack

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import UsageError
from gradline.core.text import counted, joined, number
from gradline.core.text import epochs as in_epochs
from gradline.data.inputs import as_rows
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Choice, Selection, unweighted
from gradline.model.certificate import finite
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.messages import MESSAGES
from gradline.pytorch.diagnosis.printed import Printed, half_units, plain, read_printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Loop, StatedSetup
from gradline.pytorch.diagnosis.trials import WITH_LOG, Candidate, tried
from gradline.solvers.problem import stacked, unstacked
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

WIDTH = 100  # of a line of prose
MEND = "Mend it: "
CANNOT_TELL, NONE_FITS = "cannot tell", "none fits"
CLOSE = 0.9  # of the largest stable rate
FAR = 100.0  # condition of the raw columns over that of the scaled ones, above which the loop crawls
ENOUGH = 16  # simulated runs for a typical loss


@dataclass(frozen=True)
class Diagnosis:
    """What a loop did. `verdict` is the name of a hypothesis or of a message, "cannot tell" or "none fits".

    `sentences` say it in plain words, with the line that mends it; `candidates` are the hypotheses, best first;
    `findings` are what else deserves to be known.
    """

    verdict: str
    sentences: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.sentences[0]}", *self.sentences[1:], *self.findings]
        return "\n".join(
            line if line.startswith(MEND) else _wrapped(line) for line in lines
        )  # code stays whole

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
    **choice: Unpack[Choice],
) -> Diagnosis:
    """What a hand-written training loop really did, judged by the losses that it printed.

    Each hypothesis predicts the losses; it fits when they agree to the printed digits and float32's rounding. A
    verdict falls only where one cause alone fits.

    Parameters: `losses` are numbers, pairs (epoch, loss), or what the loop printed, as text or a file of it;
    `data`, `targets`, `features`, `exclude`, `missing` as in `gradline.fit`; `lr`, `batch_size` (None: all rows
    at once) and `momentum` as the loop was meant to have them; `init` is its start, a pair weight (m, p), bias (m,),
    or "zeros", or None when unknown. Start values with few decimals count as printed, half a unit either way.

    Raises `UsageError` for a setting outside its range, `DataError` where there is no loss, and what `gradline.fit`
    raises for the data.

    >>> from gradline.pytorch import diagnose
    >>> printed = [8310.667, 5754.632, 4031.070, 2868.257]
    >>> diagnose(printed, "example:crops", ["apples", "oranges"], lr=1e-5, init="zeros").verdict
    'right'
    """
    _check(lr, batch_size, momentum, init)
    printed = read_printed(losses)
    rows = as_rows(unweighted(Selection(data, targets, **choice))).rows
    block = next(rows.blocks(sys.maxsize))
    moments = Moments.from_rows(ArrayRows(block.X, block.Y, None, rows.design))
    case = _case(block, moments, lr, momentum, init)
    base = Loop(batch=batch_size if batch_size and batch_size < len(case.A) else None)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # many a hypothesis runs away
        found = tried(case, printed, base, init is not None) if len(printed.losses) else []
    return _Judge(case, moments, printed, base, init is not None, tuple(found)).diagnosis()


def _check(lr: Any, batch_size: Any, momentum: Any, init: Any) -> None:
    if not (is_real(lr) and lr > 0):
        raise UsageError(
            "lr-invalid",
            f"lr is {lr}",
            "give the learning rate that the loop was meant to have, a positive number",
        )
    if batch_size is not None and not is_whole(batch_size, 1):
        raise UsageError(
            "batch-size-invalid",
            f"batch_size is {batch_size}",
            "give a whole number from 1, or None for all rows at once",
        )
    if not (is_real(momentum) and 0 <= momentum <= 1):
        raise UsageError("momentum-invalid", f"momentum is {momentum}", "give a number from 0 to 1")
    if isinstance(init, str) and init != "zeros":
        raise UsageError(
            "init-invalid",
            f"init is {init!r}",
            "give a pair (weight, bias), or zeros; leave it out when unknown",
        )


def _case(block: RowBlock, moments: Moments, lr: float, momentum: float, init: Any) -> StatedSetup:
    start = stacked(None if isinstance(init, str) else init, moments, True)
    slack = np.zeros_like(start)
    if init is not None and not isinstance(init, str):
        weight, bias = (np.asarray(plain(part)) for part in init)
        halves = half_units([*weight.ravel(), *bias.ravel()], exact=2)
        slack = np.vstack([halves[weight.size :], halves[: weight.size].reshape(moments.m, -1).T])
    return StatedSetup(
        np.column_stack([np.ones(len(block.X)), block.X]), block.Y, float(lr), float(momentum), start, slack
    )


@dataclass(frozen=True, eq=False)
class _Judge:
    """What was tried on a loop, and the verdict that follows."""

    case: StatedSetup
    moments: Moments
    printed: Printed
    base: Loop
    start_known: bool
    candidates: tuple[Candidate, ...]

    def diagnosis(self) -> Diagnosis:
        """The verdict on the losses, unless a message of PyTorch says more."""
        rivals = self._rivals()
        verdict, sentences = self._of_log(rivals) or self._of_losses(rivals)
        told = sorted(self.printed.messages, key=lambda name: not MESSAGES[name].stops)
        chosen = next((c for c in rivals if c.name in told), None)
        if verdict in (CANNOT_TELL, NONE_FITS) and chosen is not None:
            verdict, sentences = chosen.name, _said(chosen)
        elif told and (not rivals or (verdict in ("right", CANNOT_TELL) and MESSAGES[told[0]].stops)):
            message = MESSAGES[told[0]]
            verdict, sentences = told[0], (f"{message.cause}.", MEND + message.remedy)
        findings = [f"PyTorch also said: {MESSAGES[name].cause}." for name in told if name != verdict]
        if verdict in ("right", "lr"):
            findings += self._beside_right()
        return Diagnosis(verdict, sentences, self.candidates, (*findings, *self.printed.notes))

    def _rivals(self) -> list[Candidate]:
        """The hypotheses that fit; a right loop above the limit is called lr."""
        fitting = [c for c in self.candidates if c.fits]
        if self.case.lr <= Spectrum.of(self.moments).lr_limit(self.case.momentum):
            return fitting
        lr = HYPOTHESES["lr"]
        told = {"sentence": lr.sentence(self.case, self.base), "remedy": lr.remedy(self.case, self.base)}
        return [c._replace(name="lr", **told) if c.name == "right" else c for c in fitting]

    def _of_log(self, rivals: list[Candidate]) -> tuple[str, tuple[str, ...]] | None:
        """What is certain where every explanation of mini-batches of the size said prints the same other loss."""
        logs = {c.parameters.get("log", "all") for c in rivals}
        if not self.base.batch or len(logs) != 1 or "all" in logs:
            return None
        name, names = WITH_LOG[logs.pop()], [c.name for c in rivals]
        right = next((c for c in rivals if c.name == "right"), None)
        what = HYPOTHESES[name].sentence(self.case, self.base) if right is None else self._full_loss(right)
        rest = f"Whether the steps are right such losses do not tell: {joined(names)} would print them."
        return name, (what, "The five steps are right." if names == ["right"] else rest)

    def _of_losses(self, rivals: list[Candidate]) -> tuple[str, tuple[str, ...]]:
        count = "one loss" if len(self.printed.losses) == 1 else f"{len(self.printed.losses):,} losses"
        if len(rivals) == 1 and rivals[0].sure:
            return rivals[0].name, _said(rivals[0])
        if len(rivals) == 1:
            return CANNOT_TELL, (
                f"{rivals[0].name} would explain the {count}, but so few or so smooth ones could be an accident.",
                f"{rivals[0].name}: {rivals[0].sentence}",
                f"To be sure: {self._needed()}",
            )
        if rivals:
            return CANNOT_TELL, (
                f"{joined([c.name for c in rivals])} explain the {count} alike.",
                *(f"{c.name}: {c.sentence}" for c in rivals),
                f"To tell them apart: {self._needed()}",
            )
        return NONE_FITS, self._nothing()

    def _needed(self) -> str:
        if not self.start_known:
            return "give the start, init=(weight, bias)."
        digits = ", and give the start with all its digits" if self.case.slack.any() else ""
        return f"print the loss of every epoch from the first one on, and of more epochs{digits}."

    def _nothing(self) -> tuple[str, ...]:
        if not self.candidates:
            return (
                "without the start the losses of mini-batches tell nothing.",
                "Give it: init=(weight, bias).",
            )
        nearest = self.candidates[0]
        return (
            f"no known mistake explains the losses; the nearest, {nearest.name}, is off by "
            f"{number(nearest.misfit)} times what printing and rounding allow.",
            "Check that data, lr and init are those of the loop, which may also make two mistakes, or an unknown one.",
        )

    def _beside_right(self) -> list[str]:
        """What deserves to be known of a loop that is right."""
        findings = []
        spectrum, rank = Spectrum.of(self.moments), Rank.of(self.moments, True)
        limit = spectrum.lr_limit(self.case.momentum)
        if not self.start_known or self.base.batch or self.case.lr > limit:
            return findings
        if self.case.lr > CLOSE * limit:
            findings.append(
                f"lr: {number(self.case.lr)} is close to {number(limit)}, the most that these data bear."
            )
        path = Trajectory(self.moments, self.case.lr, self.case.momentum, unstacked(self.case.start, True))
        if spectrum.condition > FAR * rank.condition_scaled:
            findings.append(
                f"raw: the columns' means lie far from zero (condition {number(spectrum.condition)} as they are, "
                f"{number(rank.condition_scaled)} standardised), so that the loss comes within 1 % of the optimum only "
                f"after {in_epochs(path.epochs_to_loss())}. Standardise the inputs; see gradline.Trajectory."
            )
        return findings

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
        what = {"last": "those of each epoch's last batch", "mean": "the means over each epoch's batches"}
        log, about = chosen.parameters["log"], "about " if loop.shuffled else ""
        return (
            f"the losses are {what[log]} of {counted(self.base.batch or 0, 'row')}. Over all rows the "
            f"loss at the end is {about}{number(full)}, not {number(self.printed.losses[-1])}."
        )


def _said(c: Candidate) -> tuple[str, ...]:
    return (c.sentence, MEND + c.remedy) if c.remedy else (c.sentence,)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")
