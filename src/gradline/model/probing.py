"""The linear map that a model computes, found by asking it: at 0, along each column, at random points, at all rows."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.errors import RequestError
from gradline.core.text import counted, listed, number, printable
from gradline.data.row_block import RowBlock
from gradline.moments.state import Moments

Function = Callable[[np.ndarray], Any]

_SLACK = (
    256  # roundings that a model may make for each √(p + 1) of a plain product: room for layers and scaling
)
_SINGLE, _SINGLE_SLACK = 2.0**-24, 16  # of what computes in float32, where so much room would hide a kink
_POINTS = 32  # at random
_CELLS = 1 << 20  # asked at once: 8 MB


@dataclass(frozen=True)
class Asked:
    """A model as a function of rows X (k, p) with values (k, m), and what may be told of it without asking.

    - `name`: what messages call it.
    - `weights`, `biases`: parameters (m, p) and (m,) that it may consist of; the map is theirs where it agrees.
    - `has_bias`: whether it has a bias even if that is zero.
    - `rougher`, `unit`: the function as it is used, where `function` is its twin in float64, and its rounding unit.
    """

    name: str
    function: Function
    weights: Sequence[np.ndarray] = ()
    biases: Sequence[np.ndarray] = ()
    has_bias: bool = False
    rougher: Function | None = None
    unit: float = 2.0**-53


class Reading(NamedTuple):
    """The map, and how far it may be from what is computed; None where its parameters are known as they are.

    `own` is the mean squared error of what the model itself gives for all rows, in its own precision, if it was asked.
    """

    found: Coefficients
    error: Coefficients | None
    own: float | None = None


def read(asked: Asked, moments: Moments, blocks: Iterable[RowBlock]) -> Reading:
    """The affine map that the model computes on these rows.

    b = f(0) and w_j = (f(h_j·e_j) − b)/h_j, with h_j the power of two below the largest |x_j|. At random points within
    the columns' ranges, at their negatives and at every row, alone and beside others, f must be that map to rounding:
    64·√(p + 1) units of |b| + Σ|w_j|·(|x_j| + size_j), or 16 of float32 where that holds all its values. The sizes are
    root mean squares, for a model may centre its columns. Raises `RequestError` with the difference that was seen.
    """
    probe = _Probe(asked, moments)
    blocks = iter(blocks)
    start = next(blocks)
    first = start.X
    lost = ~(np.isfinite(probe.weight).all(axis=1) & np.isfinite(probe.bias))
    if lost.any():
        if not np.isfinite(probe.ask(first)[:, lost]).any():
            nothing = np.full((moments.m, moments.p), np.nan)  # the model is no number anywhere
            return Reading(Coefficients(nothing, np.full(moments.m, np.nan)), None)
        raise refusal(f"{asked.name} is no linear map: at 0 or along some column it gives no finite number")
    probe.expect(probe.points, "at a random point")
    for X in (first[:1], first):  # and once more, for a model may draw lots or remember
        probe.expect(X, "at a row")
    squares = 0.0
    for block in itertools.chain((start,), blocks):
        values = probe.expect(block.X, "at a row")
        if asked.rougher is not None:
            values = probe.expect(block.X, "at a row", asked.rougher, asked.unit)
        apart = ((values - block.Y) ** 2).sum(axis=1)
        squares += float(apart.sum() if block.w is None else block.w @ apart)
    return probe.reading._replace(own=squares / (moments.m * moments.weight_sum))


class _Probe:
    """A model that is being asked, and its map."""

    def __init__(self, asked: Asked, moments: Moments) -> None:
        p, statistics = moments.p, moments.statistics
        self.asked, self.m, self.names = asked, moments.m, moments.features
        low, high = statistics.minimum[:p], statistics.maximum[:p]
        largest = np.maximum(np.abs(low), np.abs(high))
        self.steps = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))
        spread = np.linalg.norm(moments.factor[:, :p], axis=0) / np.sqrt(moments.weight_sum)
        self.sizes = np.hypot(moments.mean[:p], spread)
        drawn = np.random.default_rng(0).uniform(low, high, (_POINTS // 2, p))
        self.points = np.vstack([drawn, -drawn])
        self.at_zero = self.ask(np.zeros((1, p)))[0]
        self.along = np.vstack([np.empty((0, self.m)), *(self.ask(X) for X in self._columns())])
        at_points = self.ask(self.points)
        self.unit = _unit(at_points)
        slack = _SINGLE_SLACK if self.unit == _SINGLE else _SLACK
        self.allowed = slack * math.sqrt(p + 1) * self.unit
        with np.errstate(over="ignore", invalid="ignore"):
            self.weight, self.bias = ((self.along - self.at_zero) / self.steps[:, None]).T, self.at_zero
            room = self.allowed * self._size(np.zeros((1, p)))[0]  # (m,)
            at_steps = room[:, None] + self.allowed * np.abs(self.weight) * self.steps
            weight = _agreeing(asked.weights, self.weight, (room[:, None] + at_steps) / self.steps)
            bias = _agreeing(asked.biases, self.bias, room)
        self.is_known = (weight is not None, bias is not None)
        self.weight = self.weight if weight is None else weight
        self.bias = self.bias if bias is None else bias
        self.seen = 0.0  # the largest difference beside its size

    def ask(self, X: np.ndarray, function: Function | None = None) -> np.ndarray:
        """The model's values (k, m) for rows of which it gets a copy of its own."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                output = (function or self.asked.function)(np.array(X, float))
        except Exception as error:
            raise refusal(
                f"{self.asked.name} fails for rows of {counted(X.shape[1], 'column')}: {first_line(error)}"
            ) from error
        return _values(output, len(X), self.m, self.asked.name)

    def expect(
        self, X: np.ndarray, where: str, function: Function | None = None, unit: float | None = None
    ) -> np.ndarray:
        """What it computes at these rows; refuses a model for which that is something else than its map."""
        found = self.ask(X, function)
        with np.errstate(over="ignore", invalid="ignore"):
            mapped, size = X @ self.weight.T + self.bias, self._size(X)
            share = np.abs(found - mapped) / np.maximum(size, np.finfo(float).tiny)
        allowed = self.allowed if unit is None else _SLACK * math.sqrt(X.shape[1] + 1) * unit
        if (share <= allowed).all():
            self.seen = self.seen if unit else max(self.seen, float(share.max(initial=0.0)))
            return found
        i, j = np.unravel_index(np.argmax(np.nan_to_num(share, nan=np.inf)), share.shape)
        point = [f"{name} = {number(value)}" for name, value in zip(self.names, X[i], strict=True)]
        raise refusal(
            f"{self.asked.name} is no linear map: {where} ({listed(point, 5)}) it gives {found[i, j]:.7g}, "
            f"and the linear map through its values at 0 and along each column {mapped[i, j]:.7g}, a difference of "
            f"{number(abs(found[i, j] - mapped[i, j]), 2)}"
        )

    @property
    def reading(self) -> Reading:
        """The map, and what its own rounding leaves open of what was read off its values."""
        has_bias = bool(self.bias.any()) or bool(self.asked.has_bias)
        found = Coefficients(self.weight, self.bias if has_bias else None)
        if all(self.is_known):
            return Reading(found, None)
        share = 4 * max(self.unit, self.seen)
        at_zero = share * self._size(np.zeros((1, len(self.steps))))[0]
        weight = 2 * (at_zero[:, None] / self.steps + share * np.abs(self.weight))
        error = Coefficients(
            np.zeros_like(weight) if self.is_known[0] else weight,
            (np.zeros_like(at_zero) if self.is_known[1] else at_zero) if has_bias else None,
        )
        return Reading(found, error)

    def _columns(self) -> Iterator[np.ndarray]:
        """h_j·e_j, some columns at a time."""
        p = len(self.steps)
        step = max(1, _CELLS // p)
        for first in range(0, p, step):
            which = np.arange(first, min(first + step, p))
            X = np.zeros((len(which), p))
            X[np.arange(len(which)), which] = self.steps[which]
            yield X

    def _size(self, X: np.ndarray) -> np.ndarray:
        """|b| + Σ|w_j|·(|x_j| + size_j), (k, m): what a value is the sum of."""
        return np.abs(self.bias) + (np.abs(X) + self.sizes) @ np.abs(self.weight).T


def _agreeing(candidates: Sequence[np.ndarray], found: np.ndarray, room: np.ndarray) -> np.ndarray | None:
    """The parameter that is what was found, to within rounding."""
    for candidate in candidates:
        if candidate.shape == found.shape and (np.abs(candidate - found) <= room).all():
            return candidate
    return None


def _unit(values: np.ndarray) -> float:
    """The rounding unit of what computed these: that of float32, if it holds them all and needs its last bits to."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
    is_single = (single == values).all() and (single.view(np.uint32) & 15).any()
    return _SINGLE if is_single and (values != values[0]).any() else 2.0**-53


def _values(output: Any, rows: int, targets: int, name: str) -> np.ndarray:
    """What a model gave for so many rows, as (rows, targets). Raises `RequestError` for whatever is something else."""
    if hasattr(output, "detach"):
        output = output.detach().cpu()
        output = output.double().numpy() if "bfloat16" in str(output.dtype) else output.numpy()
    found = (
        np.asarray(output)
        if hasattr(output, "__array__") or isinstance(output, list)
        else np.empty(0, object)
    )
    if found.dtype.kind != "f":
        what = type(output).__name__ if found.dtype.kind == "O" else found.dtype
        raise refusal(f"{name} gives {what}, and a linear map gives real numbers")
    fits = found.shape == (rows, targets) or (targets == 1 and found.shape == (rows,))
    if not fits and not (rows == 1 and found.size == targets):  # one row is often squeezed
        raise mismatch(
            f"{name} gives shape {found.shape} for {counted(rows, 'row')}, and the data want {(rows, targets)}"
        )
    return found.reshape(rows, targets).astype(np.float64)


def refusal(cause: str) -> RequestError:
    """The error for what is no linear map."""
    return RequestError(
        "not-a-linear-model",
        cause,
        "give a model whose predictions are weight · x + bias, such as nn.Linear, or a pair (weight, bias)",
    )


def mismatch(cause: str) -> RequestError:
    """The error for a model of other columns or targets."""
    return RequestError(
        "coefficients-do-not-match",
        cause,
        "give the features and targets that it was trained on, in its order",
    )


def first_line(error: Exception) -> str:
    """The first line of another library's error."""
    return printable(str(error).strip().split("\n")[0])[:300] or type(error).__name__
