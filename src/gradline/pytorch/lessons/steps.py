"""One update of a training loop as it ran: its five numbered steps, with every tensor."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import number
from gradline.pytorch.lessons.program import numbers


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
    - `weight_gradient` (m, p), `bias_gradient` (m,): what `.grad` held when the update used it; `left` is what
      bias' `.grad` holds after the reset.
    - `weight_before`, `bias_before`, `weight`, `bias`: the parameters around the update.
    - `parts`: the five numbered steps; after an error there are fewer.
    - `epoch_loss`: the loss that the loop reports at the end of its epoch, None within it.
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
    left: Any
    weight_before: Any
    bias_before: Any
    weight: Any
    bias: Any
    parts: tuple[NumberedStep, ...]
    epoch_loss: float | None = None

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
        where = "" if _device(self.predictions) == "cpu" else f", on {_device(self.predictions)}"
        return (
            f"inputs {shape(self.inputs)} @ weightᵀ {shape(self.weight_before)[::-1]} + bias {shape(self.bias_before)} "
            f"= predictions {shape(self.predictions)}, {_dtype(self.predictions)}{where}"
        )

    def _compared(self) -> str:
        cells = int(np.prod(np.broadcast_shapes(self.predictions.shape, self.targets.shape)))
        return (
            f"predictions {shape(self.predictions)} against targets {shape(self.targets)}: "
            f"{number(float(self.loss), 6)} is the mean of {cells:,} squared errors"
        )

    def _sloped(self) -> str:
        steepest = max(np.abs(numbers(self.weight_gradient)).max(), np.abs(numbers(self.bias_gradient)).max())
        return (
            f"a slope of the loss for each weight {shape(self.weight_gradient)} and bias {shape(self.bias_gradient)}, "
            f"the steepest {number(float(steepest))}"
        )

    def _moved(self) -> str:
        moves = (
            numbers(self.weight) - numbers(self.weight_before),
            numbers(self.bias) - numbers(self.bias_before),
        )
        return f"weight and bias move by −lr × gradient, at most {number(float(max(np.abs(m).max() for m in moves)))}"

    def _forgotten(self) -> str:
        if isinstance(self.weight, np.ndarray):
            return "the next gradient is computed afresh"
        if self.left is None:
            return "the gradients are gone (None)"
        if numbers(self.left).any():
            return "the gradients stay as they are: the next backward() adds to them"
        return "the gradients are 0 again"


def shape(value: Any) -> tuple[int, ...]:
    """The shape of a tensor or an array, () of a number."""
    return tuple(value.shape)


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _device(value: Any) -> str:
    return str(getattr(value, "device", "cpu"))


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
