"""Mini-batch gradient descent: the five steps of the tutorials, a few rows at a time."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.blas_threads import one_blas_thread
from gradline.core.derived import cached_property
from gradline.core.errors import Notice, UsageError
from gradline.core.parallel import ordered_map
from gradline.core.text import number
from gradline.data.row_block import LazyBlock
from gradline.solvers.course import Course, Run, expect_decay, expect_full_batch, expect_served
from gradline.solvers.loop import State, check_settings, init_word, initial, refuse_unstable
from gradline.solvers.mini_batches import MiniBatches, chunk
from gradline.solvers.problem import Problem
from gradline.solvers.rules import HeavyBall, expect_clip
from gradline.solvers.schedules import Rate, is_left_to_gradline, is_schedule, rate_of, rate_params


@dataclass(frozen=True)
class SGD:
    """θ ← θ − lr·v, v ← momentum·v + ∇L_batch(θ), one update per mini-batch of rows.

    The same numbers as a loop with `nn.Linear`, `torch.optim.SGD`, `MSELoss` and a
    `DataLoader(batch_size, shuffle)` over the same batches. The last short batch is kept and divides by its
    own size; with row weights a batch divides by the sum of its weights. Epoch e (from 0) visits the rows in
    the order of `core.permutation`: `permutation(n, keys(seed, e))`. Rows beyond 1 GiB, or beyond what a bound of
    memory leaves (see `gradline.fit`), are shuffled within consecutive pieces of that size as they stream by, not
    across them. The loss that is logged is that of all rows after the epoch, never the last batch's. Compiled loops
    give the same numbers as NumPy, to rounding. A penalty takes part as in `GradientDescent`, in every update.

    Parameters:
    - `lr`: learning rate, as in `torch.optim.SGD`, or a schedule by epochs such as `gradline.Step(0.1)`. "auto"
      (default) trains on standardised columns, begins at half the mean-square limit of the batch size (times
      1 − momentum) and falls linearly to zero over all updates, which lets the noise of the batches die out.
    - `epochs`: passes over the rows, 20: enough for "auto" to come within a thousandth on common data.
    - `batch_size`: rows per update, 32; a size above n is one batch.
    - `momentum`, `dampening`, `nesterov`, `weight_decay`, `clip`, `init`: as in `GradientDescent`.
    - `shuffle`, `seed`: a new order each epoch, reproducible.
    - `decay`: "none" or "linear" (to zero over all updates); "auto" is linear for lr="auto" and none otherwise.
    - `dtype`: the numbers of the steps, "float64" or "float32", with half the memory to read and about seven digits;
      columns are scaled before they are rounded. The answer and its certificate are float64 in any case.
    - `average`: the epochs after which the mean of the weights after each update begins, which is then what is found:
      the noise of the batches averages out at a constant rate (Ruppert 1988; Polyak, Juditsky 1992). None (default)
      takes the last weights.

    Raises `UsageError` for a setting outside its range. Robbins, Monro 1951.

    >>> import gradline
    >>> solver = gradline.SGD(epochs=200, batch_size=5)
    >>> model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
    >>> model.certificate.gap < 1e-3
    True
    """

    lr: Rate = "auto"
    epochs: int = 20
    batch_size: int = 32
    momentum: float = 0.0
    shuffle: bool = True
    seed: int = 0
    init: Any = "zeros"
    decay: str = "auto"
    dtype: str = "float64"
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip: float = 0.0
    average: int | None = None

    name = "sgd"
    needs = ("moments", "rows", "squared loss")

    def __post_init__(self) -> None:
        check_settings(self.lr, self.epochs, self.momentum, self.init, self.seed)
        expect_decay(self.weight_decay)
        expect_clip(self.clip)
        expect_full_batch(self.lr)
        if self.decay not in ("auto", "none", "linear"):
            raise UsageError("decay-invalid", f"decay is {self.decay!r}", "use auto, none or linear")
        if self.decay == "linear" and is_schedule(self.lr):
            raise UsageError(
                "decay-invalid", "decay is linear, beside a schedule", "leave one of the two out"
            )
        if self.average is not None and not is_whole(self.average, 0):
            raise UsageError(
                "average-invalid", f"average is {self.average}", "give the epochs before it begins, from 0"
            )
        _ = self.rule, self.batches

    @property
    def scale(self) -> str:
        """Standardised columns when the rate is left to gradline, else the columns as they are."""
        return "standard" if is_left_to_gradline(self.lr) else "none"

    @cached_property
    def rule(self) -> HeavyBall:
        """Step 4."""
        return HeavyBall(self.momentum, self.dampening, self.nesterov)

    @cached_property
    def batches(self) -> MiniBatches:
        """How the rows pass by."""
        return MiniBatches(self.batch_size, self.shuffle, self.seed, self.dtype)

    @property
    def course(self) -> Course:
        """The rule that runs, as a certificate may speak of it."""
        return Course(self.lr, self.rule, self.clip, self.average)

    def most_rows(self, columns: int) -> int:
        """How many rows of X and Y with so many columns are kept in memory."""
        return self.batches.most_rows(columns)

    def resolve(self, problem: Problem, force: bool) -> tuple["SGD", list[Notice]]:
        """The rate and the decay resolved; a rate above the full-batch limit is refused.

        Between the mean-square limit and the full-batch limit training starts with a warning.
        """
        expect_served(problem, self.course)
        notices = above_rows(self.batch_size, problem)
        decay = ("linear" if self.lr == "auto" else "none") if self.decay == "auto" else self.decay
        limit = mean_square_limit(problem, self.batch_size)
        lr = 0.5 * min(limit, problem.spectrum.lr_limit()) * (1.0 - self.momentum) / self.rule.share
        lr = lr if math.isfinite(lr) and lr > 0 else 1.0
        if is_schedule(self.lr):
            lr = self.lr.resolved(self.epochs, lr)
        elif self.lr != "auto":
            lr = rate_of(self.lr, 0)
        if not is_left_to_gradline(self.lr):
            first = rate_of(lr, 0)
            if not force:
                refuse_unstable(problem, first, self.rule, "update")
            if first > limit:
                notices.append(above_noise_limit(first, self.momentum, self.batch_size, limit))
        return replace(self, lr=lr, decay=decay), notices

    def start(self, problem: Problem) -> State:
        """The start."""
        theta = initial(self.init, problem, self.seed)
        return State(theta, self.batches.memory(theta, self._run(problem, 0)))

    def step(self, problem: Problem, state: State) -> State:
        """One epoch: an update for each batch."""
        return self.batches.epoch(problem, state, self._run(problem, state.epoch))

    def _run(self, problem: Problem, epoch: int) -> Run:
        """What the updates of an epoch go by."""
        count = self.batches.count(problem)
        updates = self.epochs * count if self.decay == "linear" else math.inf
        average = -1 if self.average is None else self.average * count
        return Run(rate_of(self.lr, epoch), updates, self.rule, float(self.clip), average)

    def params(self) -> dict[str, Any]:
        """The settings as plain JSON; of those that a run may do without, the ones asked for."""
        return {
            **rate_params(self.lr),
            "epochs": int(self.epochs),
            **self.batches.params(),
            **self.rule.params(),
            **({"clip": float(self.clip)} if self.clip else {}),
            **({} if self.average is None else {"average": int(self.average)}),
            "init": init_word(self.init) or "given",
            "decay": self.decay,
        }


def above_rows(batch_size: int, problem: Problem) -> list[Notice]:
    """That a batch is all rows, where it was to be more."""
    rows = problem.moments.rows
    if batch_size <= rows:
        return []
    text = f"batch size {batch_size:,} is above the {rows:,} rows: one batch an epoch"
    return [Notice("batch-above-rows", text, True)]


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
    size = chunk(problem.p)
    with one_blas_thread() if n > size else nullcontext():
        for products, weight in ordered_map(problem.expect_rows().lazy_blocks(size), part):
            total += products
            weights += weight
    M = 4.0 / m**2 * total / weights
    return spectrum.mean_square_limit((M if few else V.T @ M @ V) + _of_ridge(problem), noise)


def _of_ridge(problem: Problem) -> np.ndarray | float:
    """What ridge, which no batch leaves out, adds to VᵀMV: the second moment of Hᵢ + C, less that of Hᵢ.

    With H the curvature of the sum it is HC + CH − C², and VᵀH = ΛVᵀ.
    """
    if problem.has_kinks or problem.penalty.is_none:
        return 0.0
    spectrum = problem.spectrum
    bend = np.full(len(spectrum.parameters), problem.penalty.curvature)
    bend[: int(problem.bias)] = 0.0
    V, L = spectrum.whitening, spectrum.curvatures[:, None]
    once, twice = V.T @ (bend[:, None] * V), V.T @ (bend[:, None] ** 2 * V)
    return L * once + once * L.T - twice
