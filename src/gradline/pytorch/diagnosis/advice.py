"""What a verdict leaves to be said: what would tell more, what deserves to be known of a loop that is right."""

from collections.abc import Iterator

import numpy as np

from gradline.core.text import counted, joined, number, percent
from gradline.core.text import epochs as in_epochs
from gradline.moments.rank import Rank
from gradline.pytorch.diagnosis.question import START, Question
from gradline.pytorch.diagnosis.swings import is_noisy, swinging
from gradline.solvers.problem import unstacked
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

SLOW = 1e-2  # of the largest stable rate, and of the loss there is to lose
CLOSE = 0.9  # of the largest stable rate
FEW = 6  # losses, before it is said how they rise
FAR = 100.0  # condition of the raw columns over that of the scaled ones, above which the loop crawls
ENOUGH_LOSSES = 100  # of which more hardly tell more
FINE = 1e-6  # of a loss: half a unit of the last digit of as many digits as float32 has


def needed(asked: Question) -> str:
    """What to do for a surer verdict."""
    if not asked.start_known:
        return f"{START}."
    undone = [*_undone(asked)]
    return f"{joined(undone)}." if undone else "compare the loop with the five steps, line by line."


def _undone(asked: Question) -> Iterator[str]:
    """What would tell more and was not done yet."""
    printed, case = asked.printed, asked.case
    begins_late = printed.labelled and printed.epochs[:1].max(initial=0) > 1
    if np.any(np.diff(printed.epochs) > 1) or begins_late:
        yield "print the loss of every epoch from the first one on"
    if len(printed.losses) < ENOUGH_LOSSES:
        yield "print more epochs"
    if case.slack.any():
        yield "give the start with all its digits"
    if np.median(printed.halves) > FINE * np.median(np.abs(printed.losses)):
        yield "print the losses with eight digits (:.8g)"
    if not printed.weights:
        yield "print the weights and the bias beside each loss"
    if case.lr < asked.limit / 4:
        yield f"train with a larger rate, such as {number(asked.limit / 2, 1)}"


def restless(asked: Question) -> tuple[str, ...]:
    """A word on losses that swing, or that fall with noise as those of mini-batches that nobody mentioned do."""
    if asked.base.batch or len(asked.printed.losses) < FEW:
        return ()
    if told := swinging(asked.printed):
        return told
    if not is_noisy(asked.printed):
        return ()
    return (
        "The losses fall on the whole and rise here and there, as those of mini-batches do. If the loop trains on "
        "mini-batches, give the batch size (--batch-size).",
    )


def far_below(asked: Question) -> list[str]:
    """A finding on a rate that is far too small, where the steps are likely right."""
    if asked.case.lr >= SLOW * asked.limit:
        return []
    return [
        f"slow: lr {number(asked.case.lr)} is far below {number(asked.limit)}, up to which these data bear it. "
        f"Try lr = {number(asked.limit / 2, 1)}."
    ]


def beside_right(asked: Question) -> list[str]:
    """What deserves to be known of a loop that is right."""
    case, limit = asked.case, asked.limit
    if not asked.start_known or asked.base.batch or case.lr > limit:
        return []
    moved = _moved(asked)
    if case.lr < SLOW * limit and moved < SLOW:
        return [
            f"slow: the rate is far too small. In {counted(int(np.ptp(asked.printed.epochs)), 'epoch')} the loss "
            f"falls by {percent(moved)} of what there is to lose; these data bear lr up to {number(limit)}. "
            f"Try lr = {number(limit / 2, 1)}."
        ]
    findings = []
    if case.lr > CLOSE * limit:
        findings.append(f"lr: {number(case.lr)} is close to {number(limit)}, the most that these data bear.")
    condition, scaled = Spectrum.of(asked.moments).condition, Rank.of(asked.moments, True).condition_scaled
    if condition > FAR * scaled:
        path = Trajectory(asked.moments, case.lr, case.momentum, unstacked(case.start, True))
        findings.append(
            f"raw: the columns' means lie far from zero, which slows training. Condition number: "
            f"{number(condition)} as given, {number(scaled)} after standardising. At this rate the loss comes within "
            f"1 % of the best possible only after {in_epochs(path.epochs_to_loss())}: standardise the inputs."
        )
    return findings


def _moved(asked: Question) -> float:
    """The share of the loss above the least that the printed losses have lost."""
    losses = asked.printed.losses
    return float((losses[0] - losses[-1]) / max(losses[0] - asked.least, np.finfo(float).tiny))
