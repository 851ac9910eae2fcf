"""What a hypothesis is: one thing that a loop may have done, the loops it makes of a right one, and its words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gradline.pytorch.diagnosis.loops import Family, Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup

Loops = Callable[[StatedSetup, Loop], list[Loop]]
Words = str | Callable[[StatedSetup, Loop], str]


@dataclass(frozen=True)
class Hypothesis:
    """One thing that a loop may have done: the loops it makes of a right one, plain words, the line that mends it.

    A mistake that is `small` may be as good as none, or comes in many sizes with the right loop among them: it is
    no rival where a row that is not small explains the losses. Its `family` has one number free, which is fitted.
    `by_size` are mini-batches, of every size.
    """

    loops: Loops
    words: Words
    fix: Words
    small: bool = False
    by_size: bool = False
    family: Callable[[Loop], list[Family]] = lambda _: []

    def sentence(self, case: StatedSetup, loop: Loop) -> str:
        """What one of its loops did."""
        return self.words if isinstance(self.words, str) else self.words(case, loop)

    def remedy(self, case: StatedSetup, loop: Loop) -> str:
        """The line that mends it."""
        return self.fix if isinstance(self.fix, str) else self.fix(case, loop)


def changed(**settings: Any) -> Loops:
    """The loop with these settings."""
    return lambda _, loop: [replace(loop, **settings)]


def each(name: str, values: Any) -> Loops:
    """A loop with each value of one setting."""
    return lambda _, loop: [replace(loop, **{name: value}) for value in values]


def over_all_rows(loops: Loops) -> Loops:
    """The same where an update uses all rows: what is stepped through knows no batches."""
    return lambda case, loop: loops(case, loop) if loop.batch is None else []


def rows_of(case: StatedSetup, loop: Loop) -> int:
    """The rows of an update."""
    return loop.batch or len(case.A)
