"""The tutorials' `fit(num_epochs, model, loss_fn, opt, train_dl)`, checked before and certified after."""

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data.distributed import DistributedSampler

from gradline.core.arguments import is_whole
from gradline.core.coefficients import Coefficients
from gradline.core.errors import DataError, GradlineWarning, RateError, RequestError, UsageError
from gradline.core.text import counted, number
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.model.certificate import Certificate
from gradline.model.certify import mapped, own_account
from gradline.model.judge import Judged
from gradline.model.probing import Reading, first_line
from gradline.model.summary import told
from gradline.model.training import Training
from gradline.model.witness import seen, witnessed
from gradline.moments.state import Moments
from gradline.pytorch.asking import asked, first_linear, home, tried
from gradline.pytorch.convert import loop_rows
from gradline.pytorch.lessons.steps import shape
from gradline.pytorch.promises import Way
from gradline.pytorch.updates import Rule, Updates
from gradline.solvers.loop import refuse_unstable
from gradline.solvers.problem import Problem, Scaling, stacked
from gradline.solvers.rules import HeavyBall
from gradline.solvers.sgd import above_noise_limit, mean_square_limit
from gradline.solvers.trajectory import Trajectory

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def fit(
    num_epochs: int,
    model: nn.Module,
    loss_fn: Loss,
    opt: torch.optim.Optimizer,
    train_dl: Any,
    *,
    log_every: int = 10,
    force: bool = False,
    show: Callable[[str], None] = print,
) -> Certificate:
    """Train the learner's own model with the learner's own optimiser and loader, in the five steps.

    Before the first step it checks what usually goes wrong: a model that computes no linear map, a loss that is not
    the mean of squares, an optimiser with other parameters, shapes, dtypes and devices that do not match, and a rate
    above the largest stable one. After it, the certificate says how far what the model computes still is. Limits and
    epochs left are told where the updates were seen to be those of `torch.optim.SGD`, at a constant rate.

    Parameters:
    - `num_epochs`, `model` (`nn.Linear`, or any module that computes a linear map), `loss_fn` (`F.mse_loss` or
      `nn.MSELoss()`), `opt`, `train_dl`: as in the tutorials. Under DistributedDataParallel, with a
      `DistributedSampler`, all rows are judged, else those of this rank.
    - `log_every`: epochs between two lines `Epoch [10/100], Loss: 818.6476`; 10 as in the tutorials, 0 for none. The
      loss is that of all rows after the epoch, not of its last batch.
    - `force`: train although the rate is above the limit. `show`: where lines go.

    Returns the certificate. Warns of a rate that mini-batches, Nesterov's step or weight decay may not bear. Raises
    `RequestError` (`RateError` for the rate) or `DataError`, before any update.

    >>> import torch
    >>> from torch.nn.functional import mse_loss
    >>> from torch.utils.data import DataLoader
    >>> from gradline import pytorch
    >>> dataset = pytorch.RowDataset("example:crops", ["apples", "oranges"])
    >>> model = torch.nn.Linear(3, 2)
    >>> opt = torch.optim.SGD(model.parameters(), lr=1e-5)
    >>> lines = []
    >>> certificate = pytorch.fit(20, model, mse_loss, opt, DataLoader(dataset, batch_size=5), show=lines.append)
    >>> lines[1].split(",")[0], round(certificate.optimal_loss, 4)
    ('Epoch [20/20]', 0.9094)
    """
    if not is_whole(num_epochs, 0):
        raise UsageError("epochs-invalid", f"num_epochs is {num_epochs}", "give a whole number from 0")
    first = _first(train_dl)
    _expect_batch(model, loss_fn, first)
    ranks = dist.get_world_size() if _is_distributed(model) else 1
    with torch.random.fork_rng(
        devices=[]
    ):  # training sees the batches that it would see without these passes
        case = _Case.of(model, train_dl, first[0])
        found = case.read().found
        _expect_own_parameters(model, opt)
        problem = Problem.of(case.moments, case.rows, found.bias is not None, Scaling.none(case.moments.p))
        updates = Updates(model, opt, problem, found, ranks)
        noise_limit = _expect_rate(problem, updates.claimed, len(first[0]) * ranks, force)
    started_at = _loss(problem, found)
    for epoch in range(num_epochs):
        before = updates.count
        for xb, yb in train_dl:
            updates.before(xb, yb, epoch + 1 == num_epochs and before == updates.count)
            if isinstance(opt, torch.optim.LBFGS):  # which takes steps 1 to 3 as often as it likes
                opt.step(_closure(model, loss_fn, opt, xb, yb))
            else:
                # 1. Predict.
                predictions = model(xb)
                # 2. Loss.
                loss = loss_fn(predictions, yb)
                # 3. Gradient.
                loss.backward()
                # 4. Update.
                opt.step()
            # 5. Reset.
            opt.zero_grad()
            updates.after()
        updates.epoch_updates = max(updates.epoch_updates, updates.count - before)
        if log_every and (epoch + 1) % log_every == 0:
            theta = updates.theta
            reached = _loss(problem, case.glance().found) if theta is None else _value(problem, theta)
            show(f"Epoch [{epoch + 1}/{num_epochs}], Loss: {reached:.4f}")
    updates.end()
    with torch.random.fork_rng(devices=[]):
        certificate = _certificate(case, updates, num_epochs, started_at, noise_limit)
    show(told(certificate))
    return certificate


class _Case(NamedTuple):
    """A model beside all rows of its loader, of which `glimpse` are a few."""

    model: nn.Module
    rows: RowStream
    moments: Moments
    small: RowBlock | None
    row_shape: tuple[int, ...]
    glimpse: RowBlock
    is_one_rank: bool

    @classmethod
    def of(cls, model: nn.Module, train_dl: Any, xb: torch.Tensor) -> "_Case":
        """The rows as they are read once, in order."""
        rows = loop_rows(train_dl)
        moments, small = seen(rows)
        X = xb.detach().cpu().double().numpy().reshape(len(xb), -1)
        glimpse = RowBlock(X, np.zeros((len(X), moments.m)))
        shared = isinstance(getattr(train_dl, "sampler", None), DistributedSampler)
        alone = _is_distributed(model) and dist.get_world_size() > 1 and not shared
        return cls(model, rows, moments, small, tuple(xb.shape[1:]), glimpse, alone)

    def read(self) -> Reading:
        """The map that the model computes, asked about all rows."""
        return mapped(asked(self.model, self.moments, self.row_shape), self.moments, self.rows, self.small)

    def glance(self) -> Reading:
        """The same, asked about a few."""
        return mapped(asked(self.model, self.moments, self.row_shape), self.moments, self.rows, self.glimpse)


def _is_distributed(model: nn.Module) -> bool:
    parallel = isinstance(model, nn.parallel.DistributedDataParallel)
    return parallel and dist.is_available() and dist.is_initialized()


def _closure(
    model: nn.Module, loss_fn: Loss, opt: torch.optim.Optimizer, xb: torch.Tensor, yb: torch.Tensor
) -> Callable[[], torch.Tensor]:
    """Loss and gradient, for an optimiser that asks for them itself."""

    def closure() -> torch.Tensor:
        opt.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        return loss

    return closure


def _certificate(
    case: _Case,
    updates: Updates,
    num_epochs: int,
    started_at: float,
    noise_limit: float | None,
) -> Certificate:
    """How far the model is, and what the rule that ran has before it."""
    reading, rule = case.read(), None if case.is_one_rank else updates.rule
    training = Training(
        lr=None if rule is None else rule.lr,
        momentum=0.0 if rule is None else rule.momentum,
        epochs=num_epochs,
        view=case.moments,
        scaling=Scaling.none(case.moments.p),
        started_at=started_at,
        batch_size=None if updates.is_whole else updates.batch_rows,
        nesterov=rule is not None and rule.nesterov,
        weight_decay=0.0 if rule is None else rule.weight_decay,
        velocity=None if rule is None else updates.velocity,
    )
    witness = witnessed(case.small, case.moments, reading.found)
    remarks = []
    if case.is_one_rank:
        ranks = f"one of {counted(dist.get_world_size(), 'rank')}"
        remarks.append(f"This rank's rows alone are judged, {ranks}: those of the others are not seen.")
    elif updates.count and updates.why is not None:
        remarks.append(f"No epochs are promised: {updates.why}.")
    elif rule is not None and updates.is_whole and updates.is_hooked:
        remarks.append("These epochs hold while the hooks on the optimiser change nothing, as so far.")
    if updates.decays:
        remarks.append(_where_decay_leads(training, reading.found, updates, rule))
    if rule is not None and noise_limit is not None:
        guide = ", a guide only with momentum" if rule.momentum else ""
        remarks.append(
            f"Batches of {updates.batch_rows:,} rows bear an lr below {number(noise_limit)} (mean square{guide})."
        )
    certificate = Judged(
        case.moments, reading.found, training, witness, reading.error, tuple(remarks)
    ).certificate
    said = own_account(reading.own, certificate.loss, case.moments)
    if said is not None:
        certificate.remarks.append(said)
    if rule is None or updates.weight is None:
        return certificate
    return Way(training.path(reading.found), updates.problem, updates.weight).kept(certificate)


def _where_decay_leads(training: Training, found: Coefficients, updates: Updates, rule: Rule | None) -> str:
    """That weight decay heads elsewhere, and where to, if that is known."""
    is_finite = np.isfinite(found.weight).all() and (found.bias is None or np.isfinite(found.bias).all())
    if rule is None or not updates.is_whole or not is_finite:
        return "Weight decay heads elsewhere than the optimum: to smaller coefficients."
    path = training.path(found)
    return (
        f"Weight decay {number(rule.weight_decay)} heads elsewhere than the optimum: to smaller coefficients, "
        f"whose loss is {number(path.end_loss - path.optimal_loss)} above it."
    )


def _expect_rate(problem: Problem, rule: Rule | None, batch_rows: int, force: bool) -> float | None:
    """Refuse or warn of a rate that the rows cannot bear; the mean-square limit, where the batches are mini ones."""
    if rule is None:
        return None
    if rule.nesterov or rule.weight_decay:
        path = Trajectory(
            problem.moments, rule.lr, rule.momentum, None, problem.bias, rule.nesterov, rule.weight_decay
        )
        if rule.lr > path.lr_limit:
            text = f"lr {number(rule.lr)} is above {number(path.lr_limit)}, the largest stable rate: the loss will grow"
            warnings.warn(GradlineWarning("rate-above-limit", text), stacklevel=3)
        return None
    if not force:
        _expect_stable(problem, rule.lr, rule.momentum)
    if batch_rows >= problem.moments.rows:
        return None
    limit = mean_square_limit(problem, batch_rows)
    if rule.lr > limit:
        notice = above_noise_limit(rule.lr, rule.momentum, batch_rows, limit)
        warnings.warn(GradlineWarning(notice.code, notice.text), stacklevel=3)
    return limit


def _expect_stable(problem: Problem, lr: float, momentum: float) -> None:
    try:
        refuse_unstable(problem, lr, HeavyBall(momentum), "update")
    except RateError as error:
        limit = number(problem.spectrum.lr_limit(momentum))
        remedy = f"make the optimiser with an lr below {limit}, or standardise the inputs; force=True trains anyway"
        raise RateError(error.code, error.cause, remedy) from None


def _loss(problem: Problem, found: Coefficients) -> float:
    """The loss over all rows, from the moments: no pass over the data."""
    bias = np.zeros(problem.m) if found.bias is None else found.bias
    pair = found.weight, bias if problem.bias else 0 * bias
    return _value(problem, stacked(pair, problem.moments, problem.bias))


def _value(problem: Problem, theta: np.ndarray) -> float:
    """The loss at θ, infinite where it is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        loss = problem.value(theta)
    return loss if math.isfinite(loss) else math.inf


def _first(train_dl: Any) -> Any:
    """The loader's first batch; its random order is put back, so that training sees the same ones."""
    generator = getattr(train_dl, "generator", None)
    if generator is not None:
        before = generator.get_state()
        batch = next(iter(train_dl), None)
        generator.set_state(before)
        return batch
    with torch.random.fork_rng(devices=[]):
        return next(iter(train_dl), None)


def _expect_own_parameters(model: nn.Module, opt: torch.optim.Optimizer) -> None:
    held = {id(parameter) for group in opt.param_groups for parameter in group["params"]}
    missing = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and id(parameter) not in held
    ]
    if missing:
        raise RequestError(
            "optimiser-lacks-parameters",
            f"the optimiser does not hold the model's {', '.join(missing)}: step() would not change it",
            "make the optimiser from this model: torch.optim.SGD(model.parameters(), lr=…)",
        )


def _expect_batch(model: nn.Module, loss_fn: Loss, batch: Any) -> None:
    """Refuse what the first batch shows to be wrong."""
    if batch is None:
        raise DataError("no-rows", "the loader gives no batch", "give at least one row")
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
        raise DataError("not-pairs", "the loader gives no pairs", "give it a TensorDataset(inputs, targets)")
    xb, yb = batch
    if len(xb) == 0:
        raise DataError("no-rows", "the loader gives no rows", "give at least one row")
    inputs = xb.clone()
    try:
        predictions = tried(model, inputs)
    except Exception as error:
        raise _misfit(model, xb, error) from error
    if not torch.equal(inputs.nan_to_num(), xb.nan_to_num()):
        raise RequestError(
            "inputs-changed",
            f"{type(model).__name__} changes its inputs: the rows would be others from epoch to epoch",
            "let forward work on a copy, such as x * 2 for x.mul_(2)",
        )
    if not isinstance(predictions, torch.Tensor):
        raise RequestError(
            "not-a-linear-model",
            f"{type(model).__name__} gives {type(predictions).__name__}, no tensor",
            "let forward return the predictions alone",
        )
    _expect_alike("targets", yb, predictions.dtype, predictions.device)
    if predictions.shape != yb.shape:
        raise DataError(
            "rows-do-not-match",
            f"predictions have shape {shape(predictions)}, targets {shape(yb)}: their difference would not be "
            "row by row",
            f"reshape one of them: targets.reshape({', '.join(map(str, (-1, *predictions.shape[1:])))})",
        )
    found, right = float(loss_fn(predictions, yb)), float(((predictions - yb) ** 2).mean())
    if not np.isclose(found, right, rtol=1e-3, atol=1e-30, equal_nan=True):
        raise RequestError(
            "loss-not-squared-error",
            f"loss_fn gives {found:.6g} for the first batch, the mean of its squared errors is {right:.6g}",
            "use F.mse_loss or nn.MSELoss(): the certificate is about least squares",
        )


def _expect_alike(what: str, tensor: torch.Tensor, dtype: torch.dtype, device: torch.device) -> None:
    if tensor.dtype != dtype:
        raise DataError(
            "tensor-dtype",
            f"{what} are {tensor.dtype}, the model's numbers are {dtype}",
            f"convert them: {what}.to({dtype})",
        )
    if tensor.device != device:
        raise DataError(
            "tensor-device",
            f"{what} are on {tensor.device}, the model is on {device}",
            f"move the model to {tensor.device}, or the {what} to {device}",
        )


def _misfit(model: nn.Module, xb: torch.Tensor, error: Exception) -> DataError:
    """Why the model fails for these inputs: their type, their device, their columns, or its own reason."""
    try:
        _expect_alike("inputs", xb, *home(model))
    except DataError as found:
        return found
    layer = first_linear(model)
    if layer is None or xb.shape[-1:] == (layer.in_features,):
        why, advice = f"the model fails for them: {first_line(error)}", "give what its forward pass takes"
    else:
        p = layer.in_features
        why = f"nn.Linear({p}, …) takes (rows, {p})"
        advice = "a single feature needs inputs.reshape(-1, 1)" if xb.ndim == 1 else f"give {p} columns"
    return DataError("columns-do-not-match", f"inputs have shape {shape(xb)}, and {why}", advice)
