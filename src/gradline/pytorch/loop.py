"""The tutorials' `fit(num_epochs, model, loss_fn, opt, train_dl)`, checked before and certified after."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from gradline.core.arguments import is_whole
from gradline.core.errors import DataError, RateError, RequestError, UsageError
from gradline.core.text import number
from gradline.model.certificate import Certificate, sentences
from gradline.model.certify import coefficients, judged
from gradline.model.summary import WIDTH
from gradline.model.witness import seen, witnessed
from gradline.pytorch.convert import linear_of, torch_rows
from gradline.pytorch.lessons.steps import shape
from gradline.solvers.loop import refuse_unstable
from gradline.solvers.problem import Problem, Scaling

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

    Before the first step it checks what usually goes wrong: a model that is no linear map, a loss that is not the
    mean of squares, an optimiser with other parameters, shapes, dtypes and devices that do not match, and a rate
    above the largest stable one. After it, the certificate says how far the model still is.

    Parameters:
    - `num_epochs`, `model` (`nn.Linear`, or a module around one), `loss_fn` (`F.mse_loss` or `nn.MSELoss()`), `opt`,
      `train_dl`: as in the tutorials.
    - `log_every`: epochs between two lines `Epoch [10/100], Loss: 818.6476`; 10 as in the tutorials, 0 for none. The
      loss is that of all rows after the epoch, not of its last batch.
    - `force`: train although the rate is above the limit. `show`: where lines go.

    Returns the certificate. Raises `RequestError` (`RateError` for the rate) or `DataError`, before any update.

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
    linear = linear_of(model)
    _expect_own_parameters(model, opt)
    _expect_batch(model, linear, loss_fn, _first(train_dl))
    moments, small = seen(torch_rows(train_dl, None, "error"))
    problem = Problem.of(moments, None, linear.bias is not None, Scaling.none(moments.p))
    lr, momentum = _rate(opt)
    if lr is not None and not force:
        _expect_stable(problem, lr, momentum)
    for epoch in range(num_epochs):
        for xb, yb in train_dl:
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
        if log_every and (epoch + 1) % log_every == 0:
            show(f"Epoch [{epoch + 1}/{num_epochs}], Loss: {_loss(problem, linear):.4f}")
    size = getattr(train_dl, "batch_size", None)
    batch_size = size if size and size < moments.rows else None
    found = coefficients(linear, moments)
    certificate = judged(found, moments, lr, momentum, batch_size, witnessed(small, moments, found))
    show("\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in sentences(certificate)))
    return certificate


def _expect_stable(problem: Problem, lr: float, momentum: float) -> None:
    try:
        refuse_unstable(problem, lr, momentum, "update")
    except RateError as error:
        limit = number(problem.spectrum.lr_limit(momentum))
        remedy = f"make the optimiser with an lr below {limit}, or standardise the inputs; force=True trains anyway"
        raise RateError(error.code, error.cause, remedy) from None


def _loss(problem: Problem, linear: nn.Linear) -> float:
    """The loss over all rows, from the moments: no pass over the data."""
    weight = linear.weight.detach().cpu().double().numpy().T
    if linear.bias is None:
        return problem.value(weight)
    return problem.value(np.vstack([linear.bias.detach().cpu().double().numpy(), weight]))


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
    missing = [name for name, parameter in model.named_parameters() if id(parameter) not in held]
    if missing:
        raise RequestError(
            "optimiser-lacks-parameters",
            f"the optimiser does not hold the model's {', '.join(missing)}: step() would not change it",
            "make the optimiser from this model: torch.optim.SGD(model.parameters(), lr=…)",
        )


def _expect_batch(model: nn.Module, linear: nn.Linear, loss_fn: Loss, batch: Any) -> None:
    """Refuse what the first batch shows to be wrong."""
    if batch is None:
        raise DataError("no-rows", "the loader gives no batch", "give at least one row")
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
        raise DataError("not-pairs", "the loader gives no pairs", "give it a TensorDataset(inputs, targets)")
    xb, yb = batch
    p, weight = linear.in_features, linear.weight
    if xb.ndim != 2 or xb.shape[1] != p:
        advice = "a single feature needs inputs.reshape(-1, 1)" if xb.ndim == 1 else f"give {p} columns"
        raise DataError(
            "columns-do-not-match",
            f"inputs have shape {shape(xb)}, and nn.Linear({p}, …) takes (rows, {p})",
            advice,
        )
    for what, tensor in (("inputs", xb), ("targets", yb)):
        if tensor.dtype != weight.dtype:
            raise DataError(
                "tensor-dtype",
                f"{what} are {tensor.dtype}, the model's weight is {weight.dtype}",
                f"convert them: {what}.to({weight.dtype})",
            )
        if tensor.device != weight.device:
            raise DataError(
                "tensor-device",
                f"{what} are on {tensor.device}, the model is on {weight.device}",
                f"move the model to {tensor.device}, or the {what} to {weight.device}",
            )
    with torch.no_grad():
        predictions = model(xb)
        if predictions.shape != yb.shape:
            raise DataError(
                "rows-do-not-match",
                f"predictions have shape {shape(predictions)}, targets {shape(yb)}: their difference would not be "
                "row by row",
                f"reshape the targets to (rows, {predictions.shape[1]}): targets.reshape(-1, {predictions.shape[1]})",
            )
        found, right = float(loss_fn(predictions, yb)), float(((predictions - yb) ** 2).mean())
    if not np.isclose(found, right, rtol=1e-3, atol=1e-30, equal_nan=True):
        raise RequestError(
            "loss-not-squared-error",
            f"loss_fn gives {found:.6g} for the first batch, the mean of its squared errors is {right:.6g}",
            "use F.mse_loss or nn.MSELoss(): the certificate is about least squares",
        )


def _rate(opt: torch.optim.Optimizer) -> tuple[float | None, float]:
    """lr and momentum of plain SGD; None for an optimiser whose stable rate no formula gives."""
    group = opt.param_groups[0]
    plain = type(opt) is torch.optim.SGD and len(opt.param_groups) == 1
    if not plain or group["nesterov"] or group["dampening"] or group["weight_decay"] or group["maximize"]:
        return None, 0.0
    return float(group["lr"]), float(group["momentum"])
