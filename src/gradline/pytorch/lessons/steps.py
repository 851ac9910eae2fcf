"""One update of a training loop as it ran: its five numbered steps, with every tensor."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import number
from gradline.pytorch.lessons.program import numbers

_TERMS = 5  # of a sum, that are written out
_ROUNDING = 1e-6  # of float32: a loss that is larger by less has not grown


class LossGradient(NamedTuple):
    """The gradient of the loss by weight (m, p) and by bias (m,), float64."""

    weight: np.ndarray
    bias: np.ndarray


class NumberedStep(NamedTuple):
    """One of the five numbered steps: its code, what PyTorch warned of, and the error that ended it."""

    number: int
    name: str
    code: str
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, eq=False)
class Update:
    """One update. Tensors (arrays in the way numpy) are copies without their graph; None where never reached.

    - `epoch` and `update` count from 1, `batch` within its epoch; `rows` are the rows that took part.
    - `inputs` (b, p), `targets` (b, m), `predictions` (b, m) and `loss` of this batch.
    - `weight_gradient` (m, p), `bias_gradient` (m,): what `.grad` held when the update used it; `weight_left` and
      `bias_left` are what it holds after the reset.
    - `weight_before`, `bias_before`, `weight`, `bias`: the parameters around the update; `lr` its learning rate.
    - `parts`: the five numbered steps; after an error there are fewer.
    - `loss_before`: the loss that the loop reported before this epoch, and `epoch_loss` at its end; None within it.
    """

    epoch: int
    batch: int
    update: int
    rows: np.ndarray
    inputs: Any
    targets: Any
    predictions: Any
    loss: Any
    weight_gradient: Any
    bias_gradient: Any
    weight_left: Any
    bias_left: Any
    weight_before: Any
    bias_before: Any
    weight: Any
    bias: Any
    lr: float
    parts: tuple[NumberedStep, ...]
    loss_before: float | None = None
    epoch_loss: float | None = None

    @property
    def has_grown(self) -> bool:
        """Whether the loss at the end of the epoch is above the one before it, or no number any more."""
        if self.epoch_loss is None or self.loss_before is None:
            return False
        return not self.epoch_loss <= self.loss_before * (1 + _ROUNDING)

    @property
    def error(self) -> str | None:
        """What stopped the loop here, in Python's words, or None."""
        return next((part.error for part in self.parts if part.error), None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What PyTorch warned of, each text once."""
        return tuple(dict.fromkeys(text for part in self.parts for text in part.warnings))

    def gradients(self) -> dict[str, LossGradient]:
        """The gradient in three ways: as the loop holds it, by formula, and by central differences.

        Formula: 2/(b·m)·(ŷ − y)ᵀx and 2/(b·m)·Σ(ŷ − y) in float64, from the batch and the parameters before the
        update. Differences: (L(θ + h) − L(θ − h))/2h for each parameter, exact for a squared loss but for rounding.
        `held` is autograd's own, and is another where a mistake spoils it.
        """
        X, weight, bias = numbers(self.inputs), numbers(self.weight_before), numbers(self.bias_before)
        Y = numbers(self.targets).reshape(len(X), -1)
        residual = X @ weight.T + bias - Y
        formula = LossGradient(2 * residual.T @ X / residual.size, 2 * residual.sum(axis=0) / residual.size)
        found = {"formula": formula, "differences": _differences(X, Y, weight, bias)}
        if self.weight_gradient is None:
            return found
        return {"held": LossGradient(numbers(self.weight_gradient), numbers(self.bias_gradient))} | found

    def said(self, i: int) -> str:
        """What numbered step i did, in words with shapes and numbers; empty where it was not finished."""
        if len(self.parts) < i or self.parts[i - 1].error:
            return ""
        return (self._predicted, self._compared, self._sloped, self._moved, self._forgotten)[i - 1]()

    def _predicted(self) -> str:
        return (
            f"inputs {shape(self.inputs)} @ weightᵀ {shape(self.weight_before)[::-1]} + bias {shape(self.bias_before)} "
            f"= predictions {shape(self.predictions)}, {_kind(self.predictions)}"
        )

    def _compared(self) -> str:
        with np.errstate(over="ignore", invalid="ignore"):
            errors = (numbers(self.predictions) - numbers(self.targets)).ravel()
            total = float((errors**2).sum())
        squares = [f"{_signed(error)}²" for error in errors]
        terms = squares if len(squares) <= _TERMS else [*squares[: _TERMS - 1], "…", squares[-1]]
        return (
            f"predictions {shape(self.predictions)} against targets {shape(self.targets)}: ({' + '.join(terms)}) / "
            f"{len(errors):,} = {number(total, 6)} / {len(errors):,}. So {number(float(self.loss), 6)} is the mean of "
            f"{len(errors):,} squared errors"
        )

    def _sloped(self) -> str:
        said = f"one gradient for each weight {shape(self.weight_before)} and each bias {shape(self.bias_before)}"
        if self.bias_gradient is None or self.predictions.shape != self.targets.shape:
            return said
        rows = len(self.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            errors = numbers(self.predictions).reshape(rows, -1) - numbers(self.targets).reshape(rows, -1)
            total = float(errors[:, 0].sum())
        fresh, held, cells = (
            2 * total / errors.size,
            float(numbers(self.bias_gradient)[0]),
            f"{errors.size:,}",
        )
        said += f". The first bias: 2 × (the sum of its errors) / {cells} = 2 × {_signed(total)} / {cells}"
        said += f" = {number(fresh, 6)}"
        return said if np.isclose(held, fresh, rtol=1e-3) else f"{said}, and .grad holds {number(held, 6)}"

    def _moved(self) -> str:
        before, after = float(numbers(self.bias_before)[0]), float(numbers(self.bias)[0])
        if self.bias_gradient is None:
            return "no .grad to move by: weight and bias stay as they are"
        gradient = float(numbers(self.bias_gradient)[0])
        with np.errstate(over="ignore", invalid="ignore"):
            right = np.isclose(after, before - self.lr * gradient, rtol=1e-3, atol=1e-30)
        if not right:
            return f"the first bias goes from {number(before, 6)} to {number(after, 6)}"
        return (
            f"each moves by −lr × gradient. The first bias: {number(before, 6)} − {number(self.lr)} × "
            f"{_signed(gradient)} = {number(after, 6)}"
        )

    def _forgotten(self) -> str:
        if isinstance(self.weight, np.ndarray):
            return "the next gradient is computed afresh"
        if self.bias_left is None:
            return "the gradients are gone: .grad is None, which is what zero_grad() leaves since PyTorch 2.0"
        if numbers(self.bias_left).any() or numbers(self.weight_left).any():
            return "the gradients stay as they are: the next backward() adds to them"
        return "the gradients are 0 again"


def shape(value: Any) -> tuple[int, ...]:
    """The shape of a tensor or an array, () of a number."""
    return tuple(value.shape)


def _kind(value: Any) -> str:
    """The type of its numbers, where they live, and what PyTorch calls both in one word."""
    if isinstance(value, np.ndarray):
        return str(value.dtype)
    return f"{str(value.dtype).removeprefix('torch.')} on {value.device}, {value.type()}"


def _signed(value: float) -> str:
    """A number within a formula: in brackets where it is negative."""
    return f"({number(value, 6)})" if value < 0 else number(value, 6)


def _differences(X: np.ndarray, Y: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> LossGradient:
    """Central differences; each parameter is moved so far that its predictions move by about one."""

    def loss(weight: np.ndarray, bias: np.ndarray) -> float:
        return float(((X @ weight.T + bias - Y) ** 2).mean())

    reach = np.sqrt((X**2).mean(axis=0))
    moves = 1.0 / np.where(reach > 0, reach, 1.0)
    by_weight = np.empty_like(weight)
    for i, j in np.ndindex(weight.shape):
        move = np.zeros_like(weight)
        move[i, j] = moves[j]
        by_weight[i, j] = (loss(weight + move, bias) - loss(weight - move, bias)) / (2 * moves[j])
    units = np.eye(len(bias))
    by_bias = np.array([(loss(weight, bias + unit) - loss(weight, bias - unit)) / 2 for unit in units])
    return LossGradient(by_weight, by_bias)
