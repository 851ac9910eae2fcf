"""What is refused or warned of before a learner's loop takes its first step."""

import warnings
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gradline.core.errors import DataError, GradlineWarning, RateError, RequestError
from gradline.core.text import number
from gradline.model.probing import first_line
from gradline.pytorch.asking import first_linear, home, tried
from gradline.pytorch.lessons.steps import shape
from gradline.pytorch.updates import Updates
from gradline.solvers.loop import refuse_unstable
from gradline.solvers.problem import Problem
from gradline.solvers.rules import HeavyBall
from gradline.solvers.sgd import above_noise_limit, mean_square_limit
from gradline.solvers.trajectory import Trajectory


def first_of(train_dl: Any) -> Any:
    """The loader's first batch; its random order is put back, so that training sees the same ones."""
    generator = getattr(train_dl, "generator", None)
    if generator is not None:
        before = generator.get_state()
        batch = next(iter(train_dl), None)
        generator.set_state(before)
        return batch
    with torch.random.fork_rng(devices=[]):
        return next(iter(train_dl), None)


def expect_batch(model: nn.Module, batch: Any, what: str = "loader") -> torch.Tensor:
    """The model's predictions for a batch; refuses what the batch shows to be wrong."""
    if batch is None:
        raise DataError("no-rows", f"the {what} gives no batch", "give at least one row")
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
        raise DataError("not-pairs", f"the {what} gives no pairs", "give it a TensorDataset(inputs, targets)")
    xb, yb = batch
    if len(xb) == 0:
        raise DataError("no-rows", f"the {what} gives no rows", "give at least one row")
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
    return predictions


def expect_own_parameters(model: nn.Module, opt: torch.optim.Optimizer) -> None:
    """Refuse an optimiser that would leave some of the model as it is."""
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


def expect_schedulers(schedulers: list[Any], opt: torch.optim.Optimizer, has_validation: bool) -> None:
    """Refuse schedulers of another optimiser, and those that wait for a validation loss where there is none."""
    for scheduler in schedulers:
        name, own = type(scheduler).__name__, getattr(scheduler, "optimizer", None)
        if own is not opt:
            raise RequestError(
                "scheduler-of-other-optimiser",
                f"{name} changes the rates of another optimiser than the one that trains",
                f"make it from this one: {name}(opt, …)",
            )
        if isinstance(scheduler, ReduceLROnPlateau) and not has_validation:
            raise RequestError(
                "scheduler-needs-validation",
                f"{name} lowers the rate when the validation loss no longer falls, and there is none",
                "give rows for it: valid_dl=…",
            )


def expect_rate(problem: Problem, updates: Updates, batch_rows: int, force: bool) -> float | None:
    """Refuse or warn of a rate that the rows cannot bear; the mean-square limit, where the batches are mini ones.

    Rates that are told are those of the optimiser, whatever multiple of the mean loss its gradients are of.
    """
    if updates.claimed is None:
        return None
    rule, own = updates.by_mean(updates.claimed, batch_rows), updates.claimed.lr
    times = rule.lr / own
    if rule.nesterov or rule.weight_decay:
        path = Trajectory(
            problem.moments, rule.lr, rule.momentum, None, problem.bias, rule.nesterov, rule.weight_decay
        )
        if rule.lr > path.lr_limit:
            limit = number(path.lr_limit / times)
            text = f"lr {number(own)} is above {limit}, the largest stable rate: the loss will grow"
            warnings.warn(GradlineWarning("rate-above-limit", text), stacklevel=3)
        return None
    if not force:
        _expect_stable(problem, rule.lr, rule.momentum, times)
    if batch_rows >= problem.moments.rows:
        return None
    limit = mean_square_limit(problem, batch_rows)
    if rule.lr > limit:
        notice = above_noise_limit(own, rule.momentum, batch_rows, limit / times)
        warnings.warn(GradlineWarning(notice.code, notice.text), stacklevel=3)
    return limit / times


def _expect_stable(problem: Problem, lr: float, momentum: float, times: float) -> None:
    try:
        refuse_unstable(problem, lr, HeavyBall(momentum), "update")
    except RateError as error:
        limit, cause = problem.spectrum.lr_limit(momentum) / times, error.cause
        if times != 1:
            cause = (
                f"lr {number(lr / times)} is above {number(limit)}, the largest stable rate with this loss_fn, which "
                f"gives {number(times)} times the mean loss"
            )
        most = number(limit)
        remedy = (
            f"make the optimiser with an lr below {most}, or standardise the inputs; force=True trains anyway"
        )
        raise RateError(error.code, cause, remedy) from None


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
