"""The judge: from the hypotheses that fit, the verdict that may fall, or what can be said where none may."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradline.core.text import counted, number, raised
from gradline.pytorch.diagnosis.advice import ENOUGH_LOSSES, needed, restless
from gradline.pytorch.diagnosis.batches import LOGGED, WITH_LOG
from gradline.pytorch.diagnosis.beforehand import CANNOT_TELL, NONE_FITS, not_the_rate
from gradline.pytorch.diagnosis.hypotheses import HYPOTHESES
from gradline.pytorch.diagnosis.question import MEND, START, Question, Said
from gradline.pytorch.diagnosis.simulation import Dynamics
from gradline.pytorch.diagnosis.starts import COMMON, is_doubtful
from gradline.pytorch.diagnosis.trials import GUESSED, Candidate
from gradline.pytorch.diagnosis.unexplained import known_of

FITTED = 0.5  # bits, below which losses tell nothing of a number that was fitted to them: wrong ones had 0.0
NEAR = 0.1  # of what is allowed: bounds are wide, and true causes were off by 0.07 at most, wrong ones by 0.16 to 0.95
SEVERAL = 5  # losses, of which a rate, a fitted number and the start explain three by themselves
CHOSEN = 5.0  # bits that speak for a batch size that nobody mentioned: of dozens, the best wrong one had 4.8
ENOUGH = 16  # simulated runs for a typical loss
MOST_LISTED = (
    5  # causes in the text: the rest of many tells a reader nothing, and stands among the candidates
)


@dataclass(frozen=True, eq=False)
class Judge:
    """What was tried on a loop, and the verdict that follows."""

    asked: Question
    candidates: Sequence[Candidate] = ()

    @cached_property
    def rivals(self) -> list[Candidate]:
        """The hypotheses that fit; a right loop above the limit is called lr."""
        fitting, case, base = [c for c in self.candidates if c.fits], self.asked.case, self.asked.base
        if case.lr <= self.asked.limit:
            return fitting
        lr = HYPOTHESES["lr"]
        told = {"sentence": lr.sentence(case, base), "remedy": lr.remedy(case, base)}
        return [c._replace(name="lr", **told) if c.name == "right" else c for c in fitting]

    @cached_property
    def likely(self) -> str:
        """The only cause that explains the losses well, or the best of many where it is the loop that was meant.

        Of mini-batches many a mistake prints what right ones do: right ones lead where they are the likeliest, by the
        name of what is printed. So do those that nobody mentioned, where all causes are such.
        """
        if not self._leads or self._is_misled or self._is_empty:
            return ""
        first, log = self.rivals[0].name, self.rivals[0].logs[0]
        return WITH_LOG[log] if first == "right" and log != "all" else first

    @cached_property
    def _leads(self) -> bool:
        """Whether the best cause stands alone, among its like, or is the loop that was meant."""
        names = {c.name for c in self.rivals}
        alike = names <= set(WITH_LOG.values()) and not self.asked.base.batch
        return len(names) == 1 or bool(names and (alike or self._is_meant(self.rivals[0])))

    @cached_property
    def _is_empty(self) -> bool:
        """Whether nothing speaks for the best cause but that one of its many sizes fits.

        That is a number that was fitted, and leaves the losses further off than a true cause does or has nearly as
        many of them to itself; or a batch size that nobody mentioned, the best of dozens.
        """
        first, base = self.rivals[0], self.asked.base
        if first.name in WITH_LOG.values():
            return not base.batch and bool(first.parameters.get("shuffled")) and first.bits < CHOSEN
        has_number = bool(first.name in HYPOTHESES and HYPOTHESES[first.name].family(base))
        is_near = first.misfit <= NEAR and len(self.asked.printed.losses) >= SEVERAL
        return has_number and first.bits < FITTED and not is_near

    def said(self) -> Said:
        """The verdict, and the sentences that say it."""
        rivals = self.rivals
        if told := self._of_log():
            return told
        if not rivals:
            return (NONE_FITS if self.candidates else CANNOT_TELL), self._nothing()
        if len(rivals) == 1 and rivals[0].sure and len(rivals[0].logs) == 1:
            return rivals[0].name, mended(rivals[0])
        return CANNOT_TELL, self._unsure()

    def _of_log(self) -> Said | None:
        """What is certain where right mini-batches of the size said, and all others, print the same other loss."""
        rivals = self.rivals
        right = next((c for c in rivals if c.name == "right"), None)
        logs = {WITH_LOG[log] for c in rivals for log in c.logs}
        if not self.asked.base.batch or right is None or len(logs) != 1 or "batches" in logs:
            return None
        what = self._full_loss(right)
        if len(rivals) == 1:
            return logs.pop(), (what, f"The five steps are {'' if right.sure else 'most likely '}right.")
        rest = "Such losses do not tell whether the steps are right. Each of these would print them:"
        return logs.pop(), (what, rest, *_listed(rivals))

    def _unsure(self) -> tuple[str, ...]:
        """What is said of causes that fit where none is sure."""
        rivals, likely = self.rivals, self.likely
        count = f"{len(self.asked.printed.losses):,} losses"
        if likely in WITH_LOG.values() and not self.asked.base.batch:
            return (
                f"the {count} may be those of mini-batches, and no batch size was given.",
                f"The likeliest of them: {_listed(rivals)[0]}",
                *self._known,
                "To be sure: give the batch size of the loop (--batch-size), or print more epochs if it has none.",
            )
        if self._leads and self._is_empty and not self._is_misled:
            return self._anything(count)
        if self._is_misled:
            return (
                f"the {count} hardly begin at the start given, and without the start they tell little.",
                *self._known,
                "From another start, or by accident, they may be those of many causes. Among them:",
                *_listed(rivals),
                f"To be sure: {START}.",
            )
        first = (
            f"{likely}: {self._full_loss(rivals[0])}" if likely in WITH_LOG.values() else _listed(rivals)[0]
        )
        if len(rivals) == 1:
            return self._alone(first, count)
        apart = f"To tell them apart: {needed(self.asked)}"
        if not likely:
            return (f"{len(rivals)} causes would print these {count}:", *_listed(rivals), apart)
        others = f"These would print much the same {count}:"
        return (f"most likely {first}", *_either(rivals[0]), others, *_listed(rivals[1:]), apart)

    def _anything(self, count: str) -> tuple[str, ...]:
        """What is said where the causes that fit are some of very many."""
        is_batches = self.rivals[0].name in WITH_LOG.values()
        size = "give the batch size of the loop (--batch-size) if it has one; else " if is_batches else ""
        return (
            f"the {count} are too few or too smooth to tell: loops of many kinds print such losses.",
            *self._known,
            "One of many that would:" if len(self.rivals) == 1 else "Some of many that would:",
            *_listed(self.rivals),
            f"To tell more: {size}{needed(self.asked)}",
        )

    def _alone(self, first: str, count: str) -> tuple[str, ...]:
        """What is said of the only cause that fits."""
        (cause,), asked = self.rivals, self.asked
        why = "too few or too smooth" if len(asked.printed.losses) < ENOUGH_LOSSES else "too smooth"
        words, to_be_sure = f"the {count} are {why} to be sure.", f"To be sure: {needed(asked)}"
        if cause.bits < GUESSED and asked.start_known and self.likely != "right":
            guess = f"A guess, since many causes print such smooth losses: {first}"
            return (words, guess, *self._known, to_be_sure)
        return (f"{words} Most likely {first}", *_either(cause), to_be_sure)

    @cached_property
    def _is_misled(self) -> bool:
        """Whether the best cause is not sure and rests on a start that the first loss speaks against."""
        first = self.rivals[0]
        if first.sure or self._is_meant(first):
            return False
        if first.parameters.get("start") == "another":
            return True
        if first.name in COMMON:
            return False
        asked = self.asked
        by_chance = bool(asked.base.batch) and bool(first.parameters.get("shuffled"))
        return by_chance and is_doubtful(asked.case, asked.printed, asked.base, first.logs)

    def _is_meant(self, candidate: Candidate) -> bool:
        return bool(self.asked.base.batch) and candidate.name == "right"

    def _nothing(self) -> tuple[str, ...]:
        """What is said where nothing fits."""
        if not self.candidates:
            return ("without the start the losses of mini-batches tell nothing.", f"{raised(START)}.")
        if not np.isfinite(self.asked.printed.losses).all():
            return (not_the_rate(self.asked), *self._known)
        return (
            "no known mistake explains all the losses.",
            *self._known,
            *restless(self.asked),
            "Check that data, lr and start are those of the loop. It may also make two mistakes, or one that is not "
            "in the table."
            if self.asked.start_known
            else f"{raised(START)}: a wrong sign, a bias that stands still and other losses are told by it. Check, "
            "too, that data and lr are those of the loop.",
        )

    @property
    def _known(self) -> tuple[str, ...]:
        asked = self.asked
        return known_of(asked.case, asked.printed, asked.base) if asked.start_known else ()

    def _full_loss(self, chosen: Candidate) -> str:
        """What the loss over all rows was where that of batches was printed."""
        asked, log = self.asked, chosen.parameters["log"]
        loop = replace(asked.base, shuffled=bool(chosen.parameters.get("shuffled")))
        last = int(np.ptp(asked.printed.epochs[[0, -1]]) + chosen.parameters["first_epoch"])
        dynamics = Dynamics(asked.case, loop)
        if loop.shuffled:
            *_, runs = itertools.islice(dynamics.shuffled(ENOUGH), last + 1)
            full, about, order = float(np.median(runs["all"])), "about ", ", shuffled anew each epoch"
        else:
            full, about, order = float(dynamics.predict(np.array([last])).losses[0]), "", ""
        return (
            f"what is printed is {LOGGED[log]}, of {counted(asked.base.batch or 0, 'row')} each{order}. Over all rows "
            f"the loss at the end is {about}{number(full)}, not {number(asked.printed.losses[-1])}."
        )


def mended(c: Candidate) -> tuple[str, ...]:
    """A cause and the line that mends it."""
    return (c.sentence, MEND + c.remedy) if c.remedy else (c.sentence,)


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
