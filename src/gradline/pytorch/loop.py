"""The tutorials' `fit(num_epochs, model, loss_fn, opt, train_dl)`, checked before and certified after."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import number
from gradline.model.certificate import Certificate
from gradline.model.model import History
from gradline.model.probing import first_line
from gradline.model.summary import told
from gradline.pytorch.asked_loss import AskedLoss, LossFunction, asked_loss
from gradline.pytorch.case import Case, is_distributed
from gradline.pytorch.decay import decay_of
from gradline.pytorch.expecting import (
    expect_batch,
    expect_own_parameters,
    expect_rate,
    expect_schedulers,
    first_of,
)
from gradline.pytorch.judging import Minimised, certificate_of
from gradline.pytorch.updates import Updates
from gradline.pytorch.watching import Stopping, Watch
from gradline.solvers.loop import thinned
from gradline.solvers.problem import Problem, Scaling

_BY_BATCH = (OneCycleLR, CyclicLR)  # whose pages have them stepped after each batch


class Trained(NamedTuple):
    """What training came to: the `certificate` of the model as it is left, and the `history` of its losses.

    `history` has an `epoch`, a `loss` over all training rows and a `holdout` loss over all validation rows (None
    without any) for the start, epoch 0, and every epoch up to a thousand, then a thousand at logarithmic distances.
    Both are means over rows and targets. `best_epoch` is that of the least validation loss, None without such rows.
    """

    certificate: Certificate
    history: History
    best_epoch: int | None


def fit(
    num_epochs: int,
    model: nn.Module,
    loss_fn: LossFunction,
    opt: torch.optim.Optimizer,
    train_dl: Any,
    valid_dl: Any = None,
    *,
    scheduler: Any = None,
    max_norm: float = 0.0,
    clip_value: float = 0.0,
    stop_after: int = 0,
    stop_tolerance: float = 0.0,
    keep_best: bool = False,
    log_every: int = 10,
    force: bool = False,
    show: Callable[[str], None] = print,
) -> Trained:
    """Train the learner's own model with the learner's own optimiser and loaders, in the five steps.

    Before the first step it checks what usually goes wrong: a model that computes no linear map, a loss that is none of
    those known, an optimiser with other parameters, shapes, dtypes and devices that do not match, and a rate above the
    largest stable one. After it, the certificate says how far what the model computes still is from the least of what
    the loop minimises: `loss_fn`, found by asking it, and what the optimiser's weight decay adds to it. Limits and
    epochs left are told where the updates were seen to be those of `torch.optim.SGD`, at a constant rate.

    Parameters:
    - `num_epochs`, `model` (`nn.Linear`, or any module that computes a linear map), `opt` (any of `torch.optim`),
      `train_dl`: as in the tutorials. Under DistributedDataParallel, with a `DistributedSampler`, all rows are judged,
      else those of this rank.
    - `loss_fn`: `MSELoss`, `L1Loss`, `HuberLoss`, `SmoothL1Loss`, a pinball loss, or a function of one's own that
      computes a multiple of their means or sums, such as ½·MSE. All but squares need the rows in memory to be judged.
    - `valid_dl`: rows to watch, not to train on: their loss is in the history, and what schedulers and stopping go by.
    - `scheduler`: one or several of `torch.optim.lr_scheduler`, stepped after each epoch; `OneCycleLR` and `CyclicLR`
      after each batch; `ReduceLROnPlateau` with the validation loss.
    - `max_norm`, `clip_value`: bounds on the norm of all gradients, and on each, as in `clip_grad_norm_` and
      `clip_grad_value_`; 0 (default) clips none.
    - `stop_after`: stop after so many epochs without a validation loss that is lower by more than `stop_tolerance`.
    - `keep_best`: leave the model with the weights of the least validation loss, not with the last ones.
    - `log_every`: epochs between two lines `Epoch [10/100], Loss: 818.6476`; 10 as in the tutorials, 0 for none. The
      loss is that of all rows after the epoch, not of its last batch.
    - `force`: train although the rate is above the limit. `show`: where lines go.

    Returns a `Trained`: certificate, history, best epoch. Warns of a rate that mini-batches, Nesterov's step or weight
    decay may not bear. Raises `UsageError`, `RequestError` (`RateError` for the rate) or `DataError`, before an update.

    >>> import torch
    >>> from torch.nn.functional import mse_loss
    >>> from torch.utils.data import DataLoader
    >>> from gradline import pytorch
    >>> dataset = pytorch.RowDataset("example:crops", ["apples", "oranges"])
    >>> model = torch.nn.Linear(3, 2)
    >>> opt = torch.optim.SGD(model.parameters(), lr=1e-5)
    >>> lines = []
    >>> trained = pytorch.fit(20, model, mse_loss, opt, DataLoader(dataset, batch_size=5), show=lines.append)
    >>> lines[1].split(",")[0], len(trained.history), round(trained.certificate.optimal_loss, 4)
    ('Epoch [20/20]', 21, 0.9094)
    """
    schedulers = (
        list(scheduler) if isinstance(scheduler, Sequence) else [] if scheduler is None else [scheduler]
    )
    stopping = Stopping(stop_after, stop_tolerance, keep_best)
    clip = _Clip(max_norm, clip_value)
    _expect_settings(num_epochs, stopping, clip, valid_dl)
    first = first_of(train_dl)
    asked = asked_loss(loss_fn, expect_batch(model, first), first[1])
    if valid_dl is not None:
        expect_batch(model, first_of(valid_dl), "validation loader")
    expect_schedulers(schedulers, opt, valid_dl is not None)
    ranks = dist.get_world_size() if is_distributed(model) else 1
    with torch.random.fork_rng(
        devices=[]
    ):  # training sees the batches that it would see without these passes
        case = Case.of(model, train_dl, first[0], asked.loss)
        found = case.read().found
        expect_own_parameters(model, opt)
        has_bias = found.bias is not None
        problem = Problem.of(case.moments, case.rows, has_bias, Scaling.none(case.moments.p), loss=asked.loss)
        updates = Updates(model, opt, problem, found, asked, ranks)
        noise_limit = expect_rate(problem, updates, len(first[0]) * ranks, force)
        times = asked.times(_mean_rows(case, train_dl, first, ranks), problem.m)
        minimised = Minimised.of(
            case, asked.loss, decay_of(opt, updates.weight, updates.bias, times), has_bias
        )
        watch = Watch(case, updates, valid_dl, stopping)
        watch.see(0)
    started_at = minimised.value(found)
    training = _Training(model, loss_fn, opt, clip, schedulers, updates)
    for epoch in range(1, num_epochs + 1):
        training.epoch(train_dl, epoch == num_epochs)
        watch.see(epoch)
        training.reschedule(asked, watch)
        if log_every and epoch % log_every == 0:
            show(_line(epoch, num_epochs, watch))
        if watch.is_over:
            break
    updates.end()
    last = watch.latest
    if watch.restore(model):
        updates.put_back(watch.best_epoch)
    with torch.random.fork_rng(devices=[]):
        certificate = certificate_of(case, updates, minimised, watch.left_at, started_at, noise_limit)
    if last.epoch < num_epochs:
        certificate.remarks.insert(0, _stopped_early(last.epoch, stopping, watch.best_epoch))
    show(told(certificate))
    history = History(tuple(thinned(watch.records, last, num_epochs)))
    return Trained(certificate, history, None if valid_dl is None else watch.best_epoch)


class _Clip(NamedTuple):
    """Bounds on gradients; 0 for none."""

    max_norm: float
    value: float

    def __call__(self, opt: torch.optim.Optimizer) -> None:
        """Clip those of all parameters."""
        parameters = [parameter for group in opt.param_groups for parameter in group["params"]]
        if self.value:
            nn.utils.clip_grad_value_(parameters, self.value)
        if self.max_norm:
            nn.utils.clip_grad_norm_(parameters, self.max_norm)


class _Training(NamedTuple):
    """The loop itself."""

    model: nn.Module
    loss_fn: LossFunction
    opt: torch.optim.Optimizer
    clip: _Clip
    schedulers: list[Any]
    updates: Updates

    def epoch(self, train_dl: Any, is_last: bool) -> None:
        """One pass over the loader."""
        before = self.updates.count
        for xb, yb in train_dl:
            self.updates.before(xb, yb, is_last and before == self.updates.count)
            if isinstance(self.opt, torch.optim.LBFGS):  # which takes steps 1 to 3 as often as it likes
                self.opt.step(self._closure(xb, yb))
            else:
                # 1. Predict.
                predictions = self.model(xb)
                # 2. Loss.
                loss = self.loss_fn(predictions, yb)
                # 3. Gradient.
                loss.backward()
                self.clip(self.opt)
                # 4. Update.
                self.opt.step()
            # 5. Reset.
            self.opt.zero_grad()
            self.updates.after()
            for scheduler in self.schedulers:
                if isinstance(scheduler, _BY_BATCH):
                    _step(scheduler)
        self.updates.epoch_updates = max(self.updates.epoch_updates, self.updates.count - before)

    def reschedule(self, asked: AskedLoss, watch: Watch) -> None:
        """The schedulers' steps of an epoch, with the validation loss as `loss_fn` would give it, if they take one."""
        for scheduler in self.schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                _step(
                    scheduler,
                    asked.times(watch.validation_rows, watch.training.m) * (watch.latest.holdout or 0.0),
                )
            elif not isinstance(scheduler, _BY_BATCH):
                _step(scheduler)

    def _closure(self, xb: torch.Tensor, yb: torch.Tensor) -> Callable[[], torch.Tensor]:
        """Loss and gradient, for an optimiser that asks for them itself."""

        def closure() -> torch.Tensor:
            self.opt.zero_grad()
            loss = self.loss_fn(self.model(xb), yb)
            loss.backward()
            self.clip(self.opt)
            return loss

        return closure


def _step(scheduler: Any, *loss: float) -> None:
    try:
        scheduler.step(*loss)
    except ValueError as error:  # such as that of OneCycleLR after its last step
        raise RequestError(
            "scheduler-fails",
            f"{type(scheduler).__name__} fails: {first_line(error)}",
            "make it for as many epochs, and batches in each, as are trained",
        ) from error


def _expect_settings(num_epochs: Any, stopping: Stopping, clip: _Clip, valid_dl: Any) -> None:
    if not is_whole(num_epochs, 0):
        raise UsageError("epochs-invalid", f"num_epochs is {num_epochs}", "give a whole number from 0")
    stopping.expect(valid_dl is not None)
    for name, bound in (("max_norm", clip.max_norm), ("clip_value", clip.value)):
        if not (is_real(bound) and bound >= 0):
            raise UsageError("clip-invalid", f"{name} is {bound}", "give a positive bound, or 0 for none")


def _mean_rows(case: Case, train_dl: Any, first: Any, ranks: int) -> float:
    """The rows of a batch, in the mean over an epoch: the last one may be short."""
    try:
        return case.moments.rows / ranks / len(train_dl)
    except (TypeError, ZeroDivisionError):  # a stream knows no length
        return float(len(first[0]))


def _line(epoch: int, num_epochs: int, watch: Watch) -> str:
    """`Epoch [10/100], Loss: 818.6476`, and the validation loss beside it where there is one."""
    loss, held = watch.latest.loss, watch.latest.holdout
    return f"Epoch [{epoch}/{num_epochs}], Loss: {loss:.4f}" + (
        "" if held is None else f", validation: {held:.4f}"
    )


def _stopped_early(epoch: int, stopping: Stopping, best: int) -> str:
    better = f" by more than {number(stopping.tolerance)}" if stopping.tolerance else ""
    kept = ", whose weights are kept" if stopping.keep_best else ""
    return (
        f"Stopped early after epoch {epoch:,}: for {stopping.after:,} epochs the validation loss was not lower{better} "
        f"than after epoch {best:,}{kept}."
    )
