"""One pass over the training rows: those that figures show, and how well each is predicted from all others."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, RequestError
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.model.residuals import Diagnostics, diagnostics
from gradline.plots.sampling import rows_of

MOST = 1000  # rows in a figure: more dots cover each other
_EXTREME = 40  # of these, the largest by residual and by Cook's distance are always among them
_LEVEL = 0.95
_BLOCK = 1 << 14


class Points(NamedTuple):
    """Rows of one target: their numbers from 1, figures (n,) of each, and which were drawn at random.

    `student` is the externally studentised residual; it, `leverage` and `cook` are NaN where they mean nothing.
    """

    number: np.ndarray
    fitted: np.ndarray
    truth: np.ndarray
    leverage: np.ndarray
    student: np.ndarray
    cook: np.ndarray
    is_random: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """y − ŷ."""
        return self.truth - self.fitted


@dataclass(frozen=True)
class LeftOut:
    """How well each row is predicted by the least-squares fit of all others, without that fit being made again.

    `rmse` = √(Σ w·(r/(1 − h))²/Σ w), r the residual and h the leverage (Allen 1974, PRESS); `r2` compares its square
    with the variance of the target; `covered` is the share of rows within their own 95 % prediction interval: those
    whose externally studentised residual is within Student's t.
    """

    rmse: float
    r2: float
    covered: float


@dataclass(frozen=True)
class ShownRows:
    """What was seen: rows and points by target, predictions of left-out rows by target where there are any.

    `first` are [X Y] of the first rows, where rows all count alike; `robust` are standard errors (m, bias + p) for
    errors of unequal size, after what they are called.
    """

    rows: int
    dropped: int
    first: np.ndarray | None
    points: tuple[Points, ...]
    left_out: tuple[LeftOut, ...] | None
    robust: tuple[str, np.ndarray] | None

    @property
    def are_all(self) -> bool:
        """Whether the figures show every row."""
        return self.rows <= MOST


def shown_rows(model: LinearModel, data: Any) -> ShownRows:
    """Read the rows that a model was trained on, in memory that does not grow with them.

    Raises what reading raises. Rows that are others than those of the training, or a model that is no least-squares
    estimate, have predictions and no leverage.
    """
    found = None
    with suppress(DataError, RequestError):
        found = diagnostics(model, data, missing="drop")
    kept = [_Kept() for _ in model.targets]
    squares, within, weights, seen, dropped, alone = (
        np.zeros(len(kept)),
        np.zeros(len(kept)),
        0.0,
        0,
        0,
        False,
    )
    t = quantile(_LEVEL, found.inference.freedom - 1) if found and found.inference.freedom > 1 else math.nan
    for block in _blocks(model, data, found):
        for j, one in enumerate(kept):
            one.add(block, j, seen)
        seen, dropped = seen + len(block.truth), dropped + block.dropped
        left = 1.0 - block.leverage[:, None]
        alone = alone or bool((left <= 1e-10).any())  # such a row fixes a coefficient by itself
        with np.errstate(divide="ignore", invalid="ignore"):
            squares += block.w @ ((block.truth - block.fitted) / left) ** 2
            within += block.w @ (np.abs(block.student) <= t)
        weights += float(block.w.sum())
    left_out = None
    if found is not None and not alone and weights > 0 and math.isfinite(t):
        variance = model.moments.variation(model.has_bias) / model.moments.weight_sum
        figures = zip(squares / weights, variance, within / weights, strict=True)
        left_out = tuple(
            LeftOut(math.sqrt(s), float(1 - s / v) if v > 0 else math.nan, float(c)) for s, v, c in figures
        )
    points = tuple(one.points for one in kept)
    return ShownRows(seen, dropped, _first(model, data), points, left_out, _robust(found))


def _robust(found: Diagnostics | None) -> tuple[str, np.ndarray] | None:
    """HC3, or HC1 where a row fixes a coefficient by itself and has no HC3."""
    if found is None:
        return None
    return ("HC3", found.HC3.stderr.stacked) if found.HC3 is not None else ("HC1", found.HC1.stderr.stacked)


def _first(model: LinearModel, data: Any) -> np.ndarray | None:
    """[X Y] of the first rows, as many as figures show; the reading stops there."""
    if model.design.weights is not None:
        return None
    for block in rows_of(model, data).blocks(MOST):
        return np.column_stack([block.X, block.Y])
    return None


class _Block(NamedTuple):
    fitted: np.ndarray  # (n, m)
    truth: np.ndarray
    leverage: np.ndarray  # (n,)
    student: np.ndarray
    cook: np.ndarray
    w: np.ndarray
    dropped: int


def _blocks(model: LinearModel, data: Any, found: Diagnostics | None) -> Iterator[_Block]:
    if found is None:
        for block in rows_of(model, data).blocks(_BLOCK):
            fitted = block.X @ model.weight.T + model.bias
            none, w = np.full(len(fitted), np.nan), np.ones(len(fitted)) if block.w is None else block.w
            nowhere = np.full(fitted.shape, np.nan)
            yield _Block(fitted, block.Y, none, nowhere, nowhere, w, block.dropped)
        return
    p = len(model.features)
    level = model.moments.mean[p:] if model.has_bias else 0.0
    for scored in found.scored():
        rows, fitted = found.of_rows(scored), scored.fitted + level
        truth = fitted + scored.residual
        yield _Block(
            fitted, truth, rows.leverage, rows.external, rows.cooks_distance, scored.w, scored.dropped
        )


@dataclass(eq=False)
class _Kept:
    """The rows of one target that are shown so far: at most `MOST`, whatever blocks they came in."""

    parts: np.ndarray = field(
        default_factory=lambda: np.zeros((0, 7))
    )  # the figures of Points, and the key last
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def add(self, block: _Block, j: int, seen: int) -> None:
        count = len(block.truth)
        columns = [
            np.arange(seen + 1, seen + count + 1),
            block.fitted[:, j],
            block.truth[:, j],
            block.leverage,
            block.student[:, j],
            block.cook[:, j],
            self.random.random(count),
        ]
        self.parts = np.concatenate([self.parts, np.column_stack(columns)])
        if len(self.parts) > MOST:
            self.parts = self.parts[np.sort(self._chosen())]

    def _chosen(self) -> np.ndarray:
        drawn = np.argsort(self.parts[:, -1], kind="stable")[: MOST - 2 * _EXTREME]
        sizes = np.abs(self.parts[:, 2] - self.parts[:, 1]), np.nan_to_num(self.parts[:, 5], nan=-1.0)
        return np.unique(
            np.concatenate([drawn, *(np.argsort(-size, kind="stable")[:_EXTREME] for size in sizes)])
        )

    @property
    def points(self) -> Points:
        """The rows, in their order."""
        is_random = np.ones(len(self.parts), bool)
        if len(self.parts) > MOST - 2 * _EXTREME:
            limit = np.sort(self.parts[:, -1])[MOST - 2 * _EXTREME - 1]
            is_random = self.parts[:, -1] <= limit
        number, fitted, truth, leverage, student, cook = self.parts[:, :6].T
        return Points(number, fitted, truth, leverage, student, cook, is_random)
