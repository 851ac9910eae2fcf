"""Mini-batch gradient descent: the five steps of the tutorials, a few rows at a time."""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gradline.core import memory_limit
from gradline.core.arguments import is_whole
from gradline.core.blas_threads import one_blas_thread
from gradline.core.errors import Notice, UsageError
from gradline.core.kernels.library import Kernels, kernels
from gradline.core.parallel import ordered_map
from gradline.core.permutation import IN_ORDER, keys, permutation
from gradline.core.text import number
from gradline.data.row_block import LazyBlock, RowBlock
from gradline.data.row_cache import pieces
from gradline.solvers.loop import State, check_settings, init_word, initial, refuse_unstable
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.sgd_compiled import Course, descend

MEMORY_CELLS = 1 << 27  # rows of up to 1 GiB are kept in memory and shuffled as a whole
DTYPES = ("float64", "float32")
_CELLS = 1 << 17  # of rows that are looked at or rounded together: they stay in cache


@dataclass(frozen=True)
class SGD:
    """θ ← θ − lr·v, v ← momentum·v + ∇L_batch(θ), one update per mini-batch of rows.

    The same numbers as a loop with `nn.Linear`, `torch.optim.SGD(lr, momentum)`, `MSELoss` and a
    `DataLoader(batch_size, shuffle)` over the same batches. The last short batch is kept and divides by its
    own size; with row weights a batch divides by the sum of its weights. Epoch e (from 0) visits the rows in
    the order of `core.permutation`: `permutation(n, keys(seed, e))`. Rows beyond 1 GiB, or beyond what a bound of
    memory leaves (see `gradline.fit`), are shuffled within consecutive pieces of that size as they stream by, not
    across them. The loss that is logged is that of all rows after the epoch, never the last batch's. Compiled loops
    give the same numbers as NumPy, to rounding.

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
    - `dtype`: the numbers of the steps, "float64" or "float32", with half the memory to read and about seven digits;
      columns are scaled before they are rounded. The answer and its certificate are float64 in any case.

    Raises `UsageError` for a setting outside its range. Robbins, Monro 1951.

    >>> import gradline
    >>> solver = gradline.SGD(epochs=200, batch_size=5)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
    >>> model.certificate.gap < 1e-3
    True
    """

    lr: float | str = "auto"
    epochs: int = 20
    batch_size: int = 32
    momentum: float = 0.0
    shuffle: bool = True
    seed: int = 0
    init: Any = "zeros"
    decay: str = "auto"
    dtype: str = "float64"

    name = "sgd"
    needs = ("moments", "rows", "squared loss", "no penalty")

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, self.momentum, self.init, self.seed)
        if not is_whole(self.batch_size, 1):
            raise UsageError(
                "batch-size-invalid", f"batch_size is {self.batch_size}", "give a whole number from 1"
            )
        if self.decay not in ("auto", "none", "linear"):
            raise UsageError("decay-invalid", f"decay is {self.decay!r}", "use auto, none or linear")
        if str(self.dtype) not in DTYPES:
            raise UsageError("dtype-invalid", f"dtype is {self.dtype!r}", f"use {' or '.join(DTYPES)}")

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if self.lr == "auto" else "none"

    def resolve(self, problem: Problem, force: bool) -> tuple["SGD", list[Notice]]:
        """The rate and the decay resolved; a rate above the full-batch limit is refused.

        Between the mean-square limit and the full-batch limit training starts with a warning.
        """
        notices: list[Notice] = []
        rows = problem.moments.rows
        if self.batch_size > rows:
            notices.append(
                Notice(
                    "batch-above-rows",
                    f"batch size {self.batch_size:,} is above the {rows:,} rows: one batch an epoch",
                    True,
                )
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
            notices.append(above_noise_limit(lr, self.momentum, self.batch_size, limit))
        return replace(self, decay=decay), notices

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, np.zeros_like(theta))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch: an update for each batch."""
        after = State(state.theta.astype(self.dtype), state.velocity.astype(self.dtype), state.epoch + 1)
        done = state.epoch * self._batches(problem)
        compiled = kernels() if problem.loss.quadratic else None
        descend = self._descend if compiled is None else partial(self._descend_compiled, compiled)
        with np.errstate(over="ignore", invalid="ignore"):
            for number, piece in enumerate(self._pieces(problem)):
                drawn = keys(self.seed, state.epoch, number) if self.shuffle else IN_ORDER
                descend(problem, *self._converted(problem, piece), drawn, after, done)
                done += math.ceil(len(piece.X) / self.batch_size)
        return after._replace(theta=after.theta.astype(float), velocity=after.velocity.astype(float))

    def _descend(
        self, problem: Problem, piece: RowBlock, scaling: Scaling, drawn: np.ndarray, state: State, done: int
    ) -> None:
        """Batch after batch of one piece; θ and the velocity change in place."""
        order, updates, scaled = permutation(len(piece.X), drawn), self._updates(problem), not scaling.is_none
        for i, first in enumerate(range(0, len(order), self.batch_size)):
            batch = piece.take(order[first : first + self.batch_size])
            if scaled:
                batch = replace(batch, X=(batch.X - scaling.center) / scaling.scale)
            lr = float(self.lr) * (1.0 - (done + i) / updates)
            _update(problem, batch, state.theta, state.velocity, lr, float(self.momentum))

    def _descend_compiled(
        self,
        compiled: Kernels,
        problem: Problem,
        piece: RowBlock,
        scaling: Scaling,
        drawn: np.ndarray,
        state: State,
        done: int,
    ) -> None:
        """The same by a compiled loop, which scales and sorts the rows as it gathers them."""
        updates = float(self._updates(problem))
        course = Course(
            float(self.lr), float(done), updates, float(self.momentum), min(self.batch_size, piece.rows)
        )
        descend(compiled, piece, scaling, drawn, state.theta, state.velocity, course)

    def most_rows(self, columns: int) -> int:
        """How many rows of X and Y with so many columns are kept in memory: 1 GiB of them, or what a bound leaves."""
        room = memory_limit.room(columns)
        if room is None:
            return MEMORY_CELLS // columns
        single = 4 * columns if self.dtype == "float32" else 0  # the same rows in float32
        return room // (8 * (columns + 2) + single)  # with a weight, and a place in the order

    def _batches(self, problem: Problem) -> int:
        return math.ceil(problem.moments.rows / self.batch_size)

    def _updates(self, problem: Problem) -> float:
        """The updates after which the rate is zero."""
        return self.epochs * self._batches(problem) if self.decay == "linear" else math.inf

    def _pieces(self, problem: Problem) -> Iterator[RowBlock]:
        """The rows, unscaled, as far as they are shuffled as a whole; each but the last holds whole batches."""
        rows = problem.expect_rows()
        most, count = self.most_rows(problem.p + problem.m), problem.moments.rows
        lying = rows.in_place
        if lying is not None and lying.rows == count <= most:
            return iter([lying])  # none of them is left out
        size = max(self.batch_size, most // self.batch_size * self.batch_size)
        return pieces(rows, min(size, count))

    def _converted(self, problem: Problem, piece: RowBlock) -> tuple[RowBlock, Scaling]:
        """The piece in the type of the steps, and the scaling that is left to do; all rows are converted once."""
        if self.dtype == "float64":
            return piece, problem.scaling
        found = _single_precision.get(problem)
        if found is None:
            found = _rounded(piece, problem.scaling)
            if len(piece.X) == problem.moments.rows:
                _single_precision[problem] = found
        return found, Scaling.none(problem.p)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        init = init_word(self.init) or "given"
        return {
            "lr": self.lr if self.lr == "auto" else float(self.lr),
            "epochs": int(self.epochs),
            "batch_size": int(self.batch_size),
            "momentum": float(self.momentum),
            "shuffle": self.shuffle,
            "seed": int(self.seed),
            "init": init,
            "decay": self.decay,
            "dtype": self.dtype,
        }


# The rows in float32 of the problems that keep all of theirs in memory.
_single_precision: WeakKeyDictionary[Problem, RowBlock] = WeakKeyDictionary()


def _rounded(piece: RowBlock, scaling: Scaling) -> RowBlock:
    """The rows scaled, and only then rounded to float32: far from zero, most digits of a column are its mean's."""
    X = np.empty(piece.X.shape, np.float32)
    step = _chunk(piece.X.shape[1])
    for first in range(0, len(X), step):
        part = slice(first, first + step)
        X[part] = (piece.X[part] - scaling.center) / scaling.scale
    return RowBlock(X, piece.Y.astype(np.float32), None if piece.w is None else piece.w.astype(np.float32))


def _update(
    problem: Problem, batch: RowBlock, theta: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
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


def above_noise_limit(lr: float, momentum: float, batch_size: int, limit: float) -> Notice:
    """What to say of a rate above the mean-square limit."""
    guide = " (a guide only, with momentum)" if momentum else ""
    return Notice(
        "rate-above-noise-limit",
        f"lr {number(lr)} is above {number(limit)}, the mean-square limit{guide} for batches of "
        f"{batch_size:,}: the noise of the batches may grow faster than the descent shrinks it. "
        "Use a smaller rate, a larger batch, or lr auto",
        True,
    )


def mean_square_limit(problem: Problem, batch_size: int) -> float:
    """The largest lr at which the noise of batches of b rows still shrinks; see `Spectrum.mean_square_limit`.

    M = (4/m²)·mean(‖a‖²·aaᵀ) over rows a = (1, x), in a pass of its own; at b = n none is needed.
    """
    n, m, spectrum = problem.moments.rows, problem.m, problem.spectrum
    noise = max(0.0, (n - batch_size) / (batch_size * max(n - 1, 1)))
    if noise == 0:
        return spectrum.lr_limit()

    V = spectrum.whitening
    few = V.shape[1] < len(V)  # directions, so that their products are fewer than those of the columns

    def part(parcel: LazyBlock) -> tuple[np.ndarray, float]:
        block = parcel.block()
        X = (block.X - problem.scaling.center) / problem.scaling.scale
        rows = np.column_stack([np.ones(len(X)), X]) if problem.bias else X
        norms = np.einsum("ij,ij->i", rows, rows)
        rows = rows @ V if few else rows
        products = (rows * (norms if block.w is None else norms * block.w)[:, None]).T @ rows
        return products, len(rows) if block.w is None else float(block.w.sum())

    total, weights = np.zeros(2 * (V.shape[int(few)],)), 0.0
    size = _chunk(problem.p)
    with one_blas_thread() if n > size else nullcontext():
        for products, weight in ordered_map(problem.expect_rows().lazy_blocks(size), part):
            total += products
            weights += weight
    M = 4.0 / m**2 * total / weights
    return spectrum.mean_square_limit(M if few else V.T @ M @ V, noise)


def _chunk(columns: int) -> int:
    """The rows that are looked at together."""
    return max(1, _CELLS // columns)
