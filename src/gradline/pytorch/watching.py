"""A loop watched from epoch to epoch: its losses on both loaders, its best weights, and when to stop."""

import copy
import math
from typing import Any, NamedTuple

from torch import nn

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import DataError, UsageError
from gradline.pytorch.case import Case, read_rows, theta_of, value
from gradline.pytorch.updates import Updates
from gradline.solvers.loop import Record
from gradline.solvers.problem import Problem, Scaling


class Stopping(NamedTuple):
    """When training stops early, and which weights it leaves.

    `after` so many epochs without a validation loss that is lower by more than `tolerance`; 0 goes on to the end.
    """

    after: int
    tolerance: float
    keep_best: bool

    def expect(self, has_validation: bool) -> None:
        """Raise `UsageError` for what is out of range, or waits for a validation loss where there is none."""
        if not is_whole(self.after, 0):
            raise UsageError(
                "stop-after-invalid", f"stop_after is {self.after}", "give a whole number of epochs from 1"
            )
        if not (is_real(self.tolerance) and self.tolerance >= 0):
            raise UsageError(
                "stop-tolerance-invalid", f"stop_tolerance is {self.tolerance}", "give a number from 0"
            )
        if (self.after or self.keep_best) and not has_validation:
            what = "stop_after" if self.after else "keep_best"
            raise UsageError(
                "stop-after-without-holdout",
                f"{what} watches the loss over validation rows, and there are none",
                "give them: valid_dl=…",
            )


class Watch:
    """The losses of all epochs so far, means over all rows of each loader; the least on validation rows is the best."""

    def __init__(self, case: Case, updates: Updates, valid_dl: Any, stopping: Stopping) -> None:
        self.case, self.updates, self.stopping = case, updates, stopping
        self.training = updates.problem
        self.validation = None if valid_dl is None else _validation(updates.problem, valid_dl)
        self.records: list[Record] = []
        self.best_epoch, self._least, self._best = 0, math.inf, None

    @property
    def latest(self) -> Record:
        """That of the last epoch."""
        return self.records[-1]

    def see(self, epoch: int) -> None:
        """Take the losses of the weights as they are."""
        theta = self.updates.theta
        if theta is None:
            theta = theta_of(self.case.glance().found, self.training)
        loss = value(self.training, theta)
        held = None if self.validation is None else value(self.validation, theta)
        self.records.append(Record(epoch, loss, held))
        if held is not None and held < self._least - self.stopping.tolerance:
            self.best_epoch, self._least = epoch, held
            self._best = copy.deepcopy(self.case.model.state_dict()) if self.stopping.keep_best else {}

    @property
    def validation_rows(self) -> int:
        """How many there are."""
        return 0 if self.validation is None else self.validation.moments.rows

    @property
    def left_at(self) -> int:
        """The epoch whose weights the model is left with."""
        return self.best_epoch if self._best else self.latest.epoch

    @property
    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return bool(self.stopping.after) and self.latest.epoch >= self.best_epoch + self.stopping.after

    def restore(self, model: nn.Module) -> bool:
        """Give the model its best weights back, if that was asked for; whether they are others than the last."""
        if not self._best or self.best_epoch == self.latest.epoch:
            return False
        model.load_state_dict(self._best)
        return True


def _validation(training: Problem, valid_dl: Any) -> Problem:
    """The same loss over the rows of another loader."""
    rows, moments, _ = read_rows(valid_dl, training.loss)
    if (moments.p, moments.m) != (training.p, training.m):
        raise DataError(
            "columns-do-not-match",
            f"validation rows have {moments.p} inputs and {moments.m} targets, training rows {training.p} and "
            f"{training.m}",
            "make both loaders from the same columns",
        )
    return Problem.of(moments, rows, training.bias, Scaling.none(moments.p), loss=training.loss)
