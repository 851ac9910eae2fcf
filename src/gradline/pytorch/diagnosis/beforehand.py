"""Verdicts that need no trial: losses that have arrived, that are no numbers, or that are one."""

import numpy as np

from gradline.core.text import number
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.matching import OVERFLOW, conventions, misfit
from gradline.pytorch.diagnosis.question import MEND, Question, Said
from gradline.pytorch.diagnosis.stepping import predict
from gradline.pytorch.diagnosis.unexplained import known_of
from gradline.solvers.spectrum import Spectrum

CANNOT_TELL, NONE_FITS = "cannot tell", "none fits"
ROUNDED = 1e-6  # of the targets' variance: what float32 leaves of the least loss
COARSE = 1e-2  # of the targets' variance: losses printed more coarsely do not show that a loop has arrived


def told_beforehand(asked: Question) -> Said | None:
    """The verdict on losses that whatever loop arrives prints, and on those that are no numbers."""
    if not len(asked.printed.losses):
        return None
    return _arrived(asked) or _not_numbers(asked) or _single(asked)


def _arrived(asked: Question) -> Said | None:
    """Losses that are all the least there is: every loop that arrives prints them, however it came there."""
    losses, halves, case = asked.printed.losses, asked.printed.halves, asked.case
    spread = float(case.Y.var(axis=0).mean())
    tolerance = halves + ROUNDED * spread
    start = float(((case.A @ case.start - case.Y) ** 2).mean())
    starts_there = asked.start_known and abs(start - asked.least) <= tolerance.max()
    is_least = (np.abs(losses - asked.least) <= tolerance).all()
    if starts_there or halves.max() > COARSE * spread or not is_least:
        return None
    lasts = f"all {len(losses):,} losses printed are" if len(losses) > 1 else "the loss printed is"
    return "arrived", (
        f"the loop has arrived: {number(asked.least, 6)} is the least loss that a line has on these data, and "
        f"{lasts} that.",
        "The weights stand still because nothing is left to learn. How the loop came there shows in the losses of "
        "the first epochs.",
    )


def _single(asked: Question) -> Said | None:
    """One loss, from which nothing about the updates follows."""
    if len(asked.printed.losses) > 1:
        return None
    known = known_of(asked.case, asked.printed, asked.base) if asked.start_known else ()
    rest = "Print the loss of every epoch, from the first one on."
    return CANNOT_TELL, ("one loss says nothing about the updates.", *known, rest)


def _not_numbers(asked: Question) -> Said | None:
    """What makes losses nan or inf: the rate alone, where it is large enough; else something else."""
    strange = ~np.isfinite(asked.printed.losses)
    if not strange.any():
        return None
    if asked.case.lr > asked.limit and not asked.base.batch and _overflows(asked, int(np.argmax(strange))):
        lr = HYPOTHESES["lr"]
        words = f"{lr.sentence(asked.case, asked.base)} The numbers end in inf and nan for that alone."
        return "lr", (words, MEND + lr.remedy(asked.case, asked.base))
    return None if np.isfinite(asked.printed.losses).any() else (NONE_FITS, (not_the_rate(asked),))


def _overflows(asked: Question, first: int) -> bool:
    """Whether right steps at the rate said leave float32 by the first loss that is no number, and not before."""
    case, printed, base = asked.case, asked.printed, asked.base
    if not asked.start_known:  # then from a loss of 1, or what is printed first
        finite = printed.losses[np.isfinite(printed.losses)]
        growth = Spectrum.of(asked.moments).growth(case.lr) if not case.momentum else np.inf
        left = OVERFLOW / max(finite[0] if len(finite) else 1.0, 1e-6)
        return 2 * np.log(growth) * (int(printed.epochs[first]) + 1) >= np.log(left)
    return any(misfit(printed, predict(case, base, epochs))[1] for epochs in conventions(printed, base))


def not_the_rate(asked: Question) -> str:
    """What else makes a loss no number."""
    lr = number(asked.case.lr)
    bears = f"lr {lr} is below {number(asked.limit)}, the most that these data bear"
    if asked.case.lr > asked.limit:
        bears = f"lr {lr} is too large for these data, but no loss gets that large so soon"
    return (
        f"the loss is no number, and the rate alone does not do that: {bears}. Look for a sum in the place of the "
        "mean, which makes the gradient as many times larger as there are numbers; for missing cells in the data "
        "(torch.isnan(inputs).any()); for a column divided by a standard deviation of 0."
    )
