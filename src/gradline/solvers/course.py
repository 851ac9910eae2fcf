"""The rule of a run as a whole: what foretells where it goes, and what it cannot do."""

from typing import NamedTuple

from gradline.core.arguments import is_real
from gradline.core.errors import Notice, UsageError
from gradline.core.text import counted, number
from gradline.solvers.problem import Problem
from gradline.solvers.rules import HeavyBall, Rule
from gradline.solvers.schedules import Chebyshev, Rate, is_schedule, rate_of


class Course(NamedTuple):
    """Rates, rule, and what else is done to a gradient or to the weights on the way."""

    lr: Rate
    rule: Rule
    clip: float = 0.0
    average: int | None = None

    @property
    def constant(self) -> tuple[float, HeavyBall] | None:
        """The rate and the rule where they are all, so that a formula foretells the path; None where they are not."""
        if (
            is_schedule(self.lr)
            or self.clip
            or self.average is not None
            or not isinstance(self.rule, HeavyBall)
        ):
            return None
        return rate_of(self.lr, 0), self.rule


class Run(NamedTuple):
    """What the updates of an epoch go by: that after k others has the rate lr·(1 − k/updates).

    `clip` bounds a gradient's norm where it is not 0. After `average` updates the mean of θ after each begins, −1 for
    none; then what is found is the mean, and θ itself the last of what is remembered.
    """

    lr: float
    updates: float
    rule: Rule
    clip: float = 0.0
    average: int = -1


def expect_served(problem: Problem, course: Course) -> None:
    """Refuse what the rule cannot serve. Raises `UsageError`."""
    rule, what = course.rule, f"the penalty {problem.penalty.words().lstrip(', ')}"
    if not isinstance(rule, HeavyBall):
        if not problem.has_kinks:
            return
        raise UsageError(
            "penalty-of-other-solver",
            f"steps of other lengths for each weight cannot serve {what}, whose kinks they would miss",
            "use gd or sgd, or leave the solver out",
        )
    if problem.has_kinks and (rule.nesterov or rule.dampening):
        raise UsageError(
            "penalty-of-other-rule",
            f"{'nesterov' if rule.nesterov else 'dampening'} steps beyond where {what} takes the weights",
            "use momentum alone, or leave the solver out, which finds the answer at once",
        )
    if not isinstance(course.lr, Chebyshev):
        return
    if problem.has_kinks or course.clip or rule.momentum:
        raise UsageError(
            "chebyshev-alone",
            "the rates of Chebyshev are the best of plain gradient descent on all rows, and of nothing else",
            "leave out momentum, clip and the penalty's l1_ratio and positive, or use another schedule",
        )


def expect_full_batch(lr: Rate) -> None:
    """Refuse the rates that only all rows bear. Raises `UsageError`."""
    if isinstance(lr, Chebyshev):
        raise UsageError(
            "chebyshev-alone",
            "most rates of Chebyshev are far above the limit, and the noise of mini-batches would grow by them",
            "use gd, or another schedule",
        )


def guaranteed(lr: Chebyshev, problem: Problem, epochs: int) -> tuple[Chebyshev, list[Notice]]:
    """The rates for these data, and what they guarantee, known before the first step."""
    spectrum = problem.spectrum
    lowest, highest = lr.lowest or spectrum.smallest or 1.0, lr.highest or spectrum.largest or 1.0
    if lowest > highest:
        raise UsageError("curvature-invalid", f"lowest is {lowest:g}, above highest {highest:g}", "swap them")
    whole = Chebyshev(lowest, highest, lr.epochs or max(epochs, 1))
    if lr.epochs is not None and epochs != lr.epochs:
        raise UsageError(
            "chebyshev-epochs",
            f"these are the rates of {counted(lr.epochs, 'epoch')}, which help together, not of {epochs:,}",
            "leave its epochs out",
        )
    told = (
        f"{counted(epochs, 'epoch')} at Chebyshev's rates leave at most {number(whole.factor)} of any error, and of "
        f"the loss above the best possible {number(whole.factor**2)}: no other {epochs:,} rates guarantee less"
    )
    return whole, [Notice("chebyshev-guarantee", told)] if epochs else []


def expect_decay(weight_decay: float) -> None:
    """Refuse what is no strength. Raises `UsageError`."""
    if not (is_real(weight_decay) and weight_decay >= 0):
        raise UsageError("weight-decay-invalid", f"weight_decay is {weight_decay}", "give 0 or more")
