"""Mini-batch gradient descent: the five steps of the tutorials, a few rows at a time."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.arguments import is_whole
from gradline.errors import Notice, UsageError
from gradline.objectives import Problem
from gradline.rows import Block, Rows
from gradline.solvers.base import State, check_settings, initial, refuse_unstable
from gradline.wording import number

MEMORY_CELLS = 1 << 27  # rows of up to 1 GiB are kept in memory and shuffled as a whole


@dataclass(frozen=True)
class SGD:
    """θ ← θ − lr·v, v ← momentum·v + ∇L_batch(θ), one update per mini-batch of rows.

    The same numbers as a loop with `nn.Linear`, `torch.optim.SGD(lr, momentum)`, `MSELoss` and a
    `DataLoader(batch_size, shuffle)` over the same batches. The last short batch is kept and divides by its
    own size; with row weights a batch divides by the sum of its weights. Epoch e (from 0) visits the rows in
    the order of `numpy.random.default_rng([seed, e]).permutation(n)`. Rows beyond 1 GiB are shuffled within
    consecutive pieces of that size as they stream by, not across them. The loss that is logged is that of all
    rows after the epoch, never the last batch's.

    Parameters:
    - `lr`: learning rate, as in `torch.optim.SGD`. "auto" (default) trains on standardised columns, begins at
      half the mean-square limit of the batch size (times 1 − momentum) and falls linearly to zero over all
      updates, which lets the noise of the batches die out.
    - `epochs`: passes over the rows, 20: enough for "auto" to come within a thousandth on common data.
    - `batch_size`: rows per update, 32; a size above n is one batch.
    - `momentum`: 0 to 1, PyTorch's (dampening 0).
    - `shuffle`, `seed`: a new order each epoch, reproducible.
    - `init`: as in `GradientDescent`.
    - `decay`: "none" or "linear" (to zero over all updates); "auto" is linear for lr="auto" and none otherwise.

    Raises `UsageError` for a setting outside its range. Robbins, Monro 1951.
    """

    lr: float | str = "auto"
    epochs: int = 20
    batch_size: int = 32
    momentum: float = 0.0
    shuffle: bool = True
    seed: int = 0
    init: Any = "zeros"
    decay: str = "auto"

    name = "sgd"
    needs = ("moments", "rows")

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, self.momentum, self.init, self.seed)
        if not is_whole(self.batch_size, 1):
            raise UsageError(f"batch_size is {self.batch_size}", "give a whole number from 1")
        if self.decay not in ("auto", "none", "linear"):
            raise UsageError(f"decay is {self.decay!r}", "use auto, none or linear")

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if self.lr == "auto" else "none"

    def prepared(self, problem: Problem, force: bool) -> tuple["SGD", list[Notice]]:
        """The rate and the decay resolved; a rate above the full-batch limit is refused.

        Between the mean-square limit and the full-batch limit training starts with a warning.
        """
        notices = []
        rows = problem.moments.rows
        if self.batch_size > rows:
            notices.append(
                Notice(f"batch size {self.batch_size:,} is above the {rows:,} rows: one batch an epoch", True)
            )
        decay = ("linear" if self.lr == "auto" else "none") if self.decay == "auto" else self.decay
        limit = mean_square_limit(problem, self.batch_size)
        if self.lr == "auto":
            lr = 0.5 * min(limit, problem.spectrum.lr_limit()) * (1.0 - self.momentum)
            return replace(self, lr=lr if math.isfinite(lr) else 1.0, decay=decay), notices
        lr = float(self.lr)
        if not force:
            refuse_unstable(problem, lr, self.momentum, "update")
        if lr > limit:
            guide = " (a guide only, with momentum)" if self.momentum else ""
            notices.append(
                Notice(
                    f"lr {number(lr)} is above {number(limit)}, the mean-square limit{guide} for batches of "
                    f"{self.batch_size:,}: the noise of the batches may grow faster than the descent shrinks it. "
                    "Use a smaller rate, a larger batch, or lr auto",
                    True,
                )
            )
        return replace(self, decay=decay), notices

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch: an update for each batch."""
        theta, velocity, epoch = state[0].copy(), state[1].copy(), state[2]
        batches = math.ceil(problem.moments.rows / self.batch_size)
        with np.errstate(over="ignore", invalid="ignore"):
            for i, batch in enumerate(self._batches(problem.expect_rows(), epoch)):
                _update(
                    problem, batch, theta, velocity, self._rate(epoch * batches + i, batches), self.momentum
                )
        return State(theta, velocity, epoch + 1)

    def _rate(self, update: int, batches: int) -> float:
        lr = float(self.lr)
        return lr * (1.0 - update / (self.epochs * batches)) if self.decay == "linear" else lr

    def _batches(self, rows: Rows, epoch: int) -> Iterator[Block]:
        """The epoch's batches. A piece holds whole batches, so only an epoch's last batch can be short."""
        random = np.random.default_rng([self.seed, epoch])
        width = len(rows.recipe.features) + len(rows.recipe.targets)
        size = max(self.batch_size, MEMORY_CELLS // width // self.batch_size * self.batch_size)
        for piece in rows.blocks(size):
            n = len(piece.X)
            order = random.permutation(n) if self.shuffle else None
            for first in range(0, n, self.batch_size):
                rows_ = slice(first, first + self.batch_size)
                yield piece.take(rows_ if order is None else order[rows_])

    def settings(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        init = str(self.init) if isinstance(self.init, (str, os.PathLike)) else "given"
        return {
            "lr": self.lr,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "momentum": self.momentum,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "init": init,
            "decay": self.decay,
        }


def _update(
    problem: Problem, batch: Block, theta: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> None:
    """The five steps on one batch; θ and the velocity change in place."""
    X, Y, w = batch.X, batch.Y, batch.w
    slopes = theta[1:] if problem.bias else theta
    # 1. Predict.
    predictions = X @ slopes
    if problem.bias:
        predictions += theta[0]
    # 2. Loss: its gradient by the predictions.
    residual = problem.loss.gradient(Y, predictions)
    residual *= (1.0 if w is None else w[:, None]) / (problem.m * (len(X) if w is None else w.sum()))
    # 3. Gradient by the parameters.
    gradient = np.empty_like(theta)
    if problem.bias:
        gradient[0] = residual.sum(axis=0)
    gradient[int(problem.bias) :] = X.T @ residual
    # 4. Update.
    velocity *= momentum
    velocity += gradient
    theta -= lr * velocity
    # 5. Reset: the next batch computes its gradient afresh.


def mean_square_limit(problem: Problem, batch_size: int) -> float:
    """The largest lr at which the noise of batches of b rows still shrinks; see `Spectrum.mean_square_limit`.

    M = (4/m²)·mean(‖a‖²·aaᵀ) over rows a = (1, x), in a pass of its own; at b = n none is needed.
    """
    n, m, spectrum = problem.moments.rows, problem.m, problem.spectrum
    noise = max(0.0, (n - batch_size) / (batch_size * max(n - 1, 1)))
    if noise == 0:
        return spectrum.lr_limit()
    total, weights = np.zeros(2 * (problem.p + problem.bias,)), 0.0
    for block in problem.expect_rows().blocks(1 << 14):
        rows = np.column_stack([np.ones(len(block.X)), block.X]) if problem.bias else block.X
        w = np.ones(len(rows)) if block.w is None else block.w
        total += (rows * ((rows**2).sum(axis=1) * w)[:, None]).T @ rows
        weights += float(w.sum())
    return spectrum.mean_square_limit(4.0 / m**2 * total / weights, noise)
