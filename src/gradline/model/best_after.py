"""Which learning rate is best after so many epochs, and how far the rate that settles first is from it by then."""

import math
from dataclasses import replace
from typing import NamedTuple

from gradline.core.text import JUST_BELOW, counted, epochs, number, rate, told_apart
from gradline.solvers.best_rate import best_rate
from gradline.solvers.problem import Problem, Scaling, stacked
from gradline.solvers.trajectory import Trajectory

_UNLIKE = 1.01  # times the least loss: the 1 % that counts as arrived elsewhere


class BestAfter(NamedTuple):
    """The rate with the least loss after some epochs, that loss, and that of the rate that settles first."""

    epochs: int
    lr: float
    loss: float
    settling_loss: float

    @classmethod
    def of(cls, path: Trajectory, epochs: int) -> "BestAfter":
        """That of the columns, the start and the momentum of `path`, whatever its own rate."""
        problem = Problem.of(path.moments, None, path.bias, Scaling.none(path.moments.p))
        lr = best_rate(problem, stacked(path.init, path.moments, path.bias), epochs, path.momentum)
        least, settling = (replace(path, lr=tried).at(epochs).loss for tried in (lr, path.best_lr))
        return cls(epochs, lr, least, settling)

    def __str__(self) -> str:
        lr, loss = rate(self.lr), number(self.loss, 4)
        said = f"For {counted(self.epochs, 'epoch')} the best is {lr}: the loss is then {loss}"
        if self.settling_loss > _UNLIKE * self.loss:
            said += f", and {number(self.settling_loss, 4)} with the rate that settles first"
        return f"{said}."


def settling(path: Trajectory) -> str:
    """The rate with which all weights settle first, and for how many epochs it is the best."""
    best, limit = told_apart(path.best_lr, path.lr_limit)
    is_near = limit != number(path.lr_limit)
    said = (
        f"lies {best} it" if best == JUST_BELOW else f"is {best}{f', just below {limit}' if is_near else ''}"
    )
    needed = replace(path, lr=path.best_lr).epochs_to_weights()
    if math.isinf(needed):
        return "At no rate do all weights settle."
    return f"The rate that settles first, the best for about {epochs(needed)} or more, {said}."
