"""An epoch in mini-batches: the rows in their order, a few at a time, by a compiled loop or by NumPy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gradline.core import memory_limit
from gradline.core.arguments import is_whole
from gradline.core.errors import UsageError
from gradline.core.kernels.library import kernels
from gradline.core.permutation import IN_ORDER, keys, permutation
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import pieces
from gradline.solvers.course import Run
from gradline.solvers.loop import State
from gradline.solvers.mini_batches_compiled import descend, is_known
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.rules import clipped

MEMORY_CELLS = 1 << 27  # rows of up to 1 GiB are kept in memory and shuffled as a whole
DTYPES = ("float64", "float32")
CELLS = 1 << 17  # of rows that are looked at or rounded together: they stay in cache


@dataclass(frozen=True)
class MiniBatches:
    """How the rows pass by: `batch_size` at a time, each epoch in an order of its own, in numbers of `dtype`.

    Rows beyond 1 GiB, or beyond what a bound of memory leaves, are shuffled within consecutive pieces of that size as
    they stream by, not across them.
    """

    batch_size: int
    shuffle: bool
    seed: int
    dtype: str

    def __post_init__(self) -> None:
        if not is_whole(self.batch_size, 1):
            raise UsageError(
                "batch-size-invalid", f"batch_size is {self.batch_size}", "give a whole number from 1"
            )
        if str(self.dtype) not in DTYPES:
            raise UsageError("dtype-invalid", f"dtype is {self.dtype!r}", f"use {' or '.join(DTYPES)}")

    def count(self, problem: Problem) -> int:
        """The batches of an epoch."""
        return math.ceil(problem.moments.rows / self.batch_size)

    def memory(self, theta: np.ndarray, run: Run) -> np.ndarray:
        """What is remembered at the start θ (q, m): zeros for the rule, and θ where the mean is what is found."""
        memory = np.zeros((run.rule.slots + (run.average >= 0), *theta.shape))
        if run.average >= 0:
            memory[-1] = theta
        return memory

    def epoch(self, problem: Problem, state: State, run: Run) -> State:
        """The state after an update for each batch."""
        after = State(state.theta.astype(self.dtype), state.memory.astype(self.dtype), state.epoch + 1)
        done = state.epoch * self.count(problem)
        if self._on_device(problem, run):
            return self._epoch_on_device(problem, after, run, done)
        compiled = kernels() if problem.loss.quadratic and is_known(problem.penalty) else None
        with np.errstate(over="ignore", invalid="ignore"):
            for number, piece in enumerate(self._pieces(problem)):
                drawn = keys(self.seed, state.epoch, number) if self.shuffle else IN_ORDER
                part, scaling = self._converted(problem, piece)
                if compiled is None:
                    self._descend(problem, part, scaling, drawn, after, run, done)
                else:
                    size = min(self.batch_size, part.rows)
                    descend(compiled, problem.penalty, part, scaling, drawn, after, run, done, size)
                done += math.ceil(len(piece.X) / self.batch_size)
        return after._replace(theta=after.theta.astype(float), memory=after.memory.astype(float))

    def _on_device(self, problem: Problem, run: Run) -> bool:
        """Whether a device serves: for updates of plain arithmetic, in float64, on rows that fit its memory at once."""
        plain = run.rule.is_arithmetic and not run.clip and not problem.has_kinks and problem.loss.quadratic
        return problem.device is not None and plain and self.dtype == "float64"

    def _epoch_on_device(self, problem: Problem, after: State, run: Run, done: int) -> State:
        """The same updates on the arrays of a device: rows are lent to it once, θ for an epoch."""
        device, scaling = problem.device, problem.scaling
        lent = State(device.lent(after.theta), device.lent(after.memory), after.epoch)
        there = Scaling(device.lent(scaling.center), device.lent(scaling.scale), scaling.varies)
        for number, piece in enumerate(self._pieces_lent(problem)):
            drawn = keys(self.seed, after.epoch - 1, number) if self.shuffle else IN_ORDER
            order, size = device.places(permutation(len(piece.X), drawn)), self.batch_size
            for first in range(0, len(order), size):
                batch = piece.take(order[first : first + size])
                if not scaling.is_none:
                    batch = replace(batch, X=(batch.X - there.center) / there.scale)
                _update(problem, batch, lent, run, done)
                done += 1
        return after._replace(theta=device.back(lent.theta), memory=device.back(lent.memory))

    def _pieces_lent(self, problem: Problem) -> Iterator[RowBlock]:
        """The pieces on the device; all rows, where they lie there or one piece holds them, are lent once."""
        found = _lent.get(problem) or problem.expect_rows().on_device
        if found is not None:
            _lent[problem] = found
            yield found
            return
        for piece in self._pieces(problem):
            lend = problem.device.lent
            w = None if piece.w is None else lend(piece.w)
            lent = RowBlock(lend(piece.X), lend(piece.Y), w)
            if len(piece.X) == problem.moments.rows:
                _lent[problem] = lent
            yield lent

    def _descend(
        self,
        problem: Problem,
        piece: RowBlock,
        scaling: Scaling,
        drawn: np.ndarray,
        state: State,
        run: Run,
        done: int,
    ) -> None:
        """Batch after batch of one piece; θ and what is remembered change in place."""
        order, scaled = permutation(len(piece.X), drawn), not scaling.is_none
        for i, first in enumerate(range(0, len(order), self.batch_size)):
            batch = piece.take(order[first : first + self.batch_size])
            if scaled:
                batch = replace(batch, X=(batch.X - scaling.center) / scaling.scale)
            _update(problem, batch, state, run, done + i)

    def most_rows(self, columns: int) -> int:
        """How many rows of X and Y with so many columns are kept in memory: 1 GiB of them, or what a bound leaves."""
        room = memory_limit.room(columns)
        if room is None:
            return MEMORY_CELLS // columns
        single = 4 * columns if self.dtype == "float32" else 0  # the same rows in float32
        return room // (8 * (columns + 2) + single)  # with a weight, and a place in the order

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
        return {
            "batch_size": int(self.batch_size),
            "shuffle": self.shuffle,
            "seed": int(self.seed),
            "dtype": self.dtype,
        }


# The rows on a device of the problems that have all of theirs there.
_lent: WeakKeyDictionary[Problem, RowBlock] = WeakKeyDictionary()

# The rows in float32 of the problems that keep all of theirs in memory.
_single_precision: WeakKeyDictionary[Problem, RowBlock] = WeakKeyDictionary()


def _rounded(piece: RowBlock, scaling: Scaling) -> RowBlock:
    """The rows scaled, and only then rounded to float32: far from zero, most digits of a column are its mean's."""
    X = np.empty(piece.X.shape, np.float32)
    step = chunk(piece.X.shape[1])
    for first in range(0, len(X), step):
        part = slice(first, first + step)
        X[part] = (piece.X[part] - scaling.center) / scaling.scale
    return RowBlock(X, piece.Y.astype(np.float32), None if piece.w is None else piece.w.astype(np.float32))


def _update(problem: Problem, batch: RowBlock, state: State, run: Run, done: int) -> None:
    """The five steps on one batch, after `done` others; what the state holds changes in place."""
    X, Y, w, first = batch.X, batch.Y, batch.w, int(problem.bias)
    slots, averages = run.rule.slots, run.average >= 0
    lr = run.lr * (1.0 - done / run.updates)
    theta = state.memory[-1] if averages else state.theta
    # 1. Predict.
    predictions = X @ theta[first:]
    if problem.bias:
        predictions += theta[0]
    # 2. Loss: its gradient by the predictions.
    residual = problem.loss.gradient(Y, predictions)
    residual *= (1.0 if w is None else w[:, None]) / (problem.m * (len(X) if w is None else float(w.sum())))
    # 3. Gradient by the parameters, with that of ridge.
    gradient = theta * 0.0
    if problem.bias:
        gradient[0] = residual.sum(axis=0)
    gradient[first:] = X.T @ residual
    if not problem.has_kinks and not problem.penalty.is_none:
        gradient[first:] += (problem.penalty.curvature * theta[first:].T).T
    # 4. Update.
    moved, memory = run.rule.moved(theta, clipped(gradient, run.clip), state.memory[:slots], lr, done)
    if problem.has_kinks:
        there, moved = moved, problem.allowed(moved, lr)
        memory = run.rule.stopped(memory, there - moved, lr)
    theta[...], state.memory[:slots] = moved, memory
    if averages:  # the mean of θ after each update since
        state.theta[...] += (theta - state.theta) / max(1, done + 1 - run.average)
    # 5. Reset: the next batch computes its gradient afresh.


def chunk(columns: int) -> int:
    """The rows that are looked at together."""
    return max(1, CELLS // columns)
