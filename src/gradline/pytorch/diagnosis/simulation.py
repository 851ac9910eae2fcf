"""What a training loop with known settings prints: exactly where its batches are known, else as an ensemble."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import triangular
from gradline.pytorch.diagnosis.loops import LOGS, LOSSES, PARTS, SCALINGS, SPLITS, TARGETS, Loop

EDGE = 1.8  # lr times the largest curvature; from 2 on a loop runs away
FLOAT32 = 2.0**-24  # unit roundoff of float32, in which the loops train


class UpdateRows(NamedTuple):
    """Rows of one update: A = [1 X] (…, b, q), Y (…, b, m), or their factor, and how many rows they stand for."""

    A: np.ndarray
    Y: np.ndarray
    rows: int


@dataclass(frozen=True, eq=False)
class StatedSetup:
    """What the learner says of the loop: rows A = [1 X] (n, q) and Y (n, m), lr, momentum, the start ± slack.

    `start` θ₀ (q, m) has the bias on top of weightᵀ; `slack` (q, m) is half a unit of its last printed digits.
    `cancelled` (q + m,) is the size of what scaling took off the columns: float32 rounded before that.
    """

    A: np.ndarray
    Y: np.ndarray
    lr: float
    momentum: float
    start: np.ndarray
    slack: np.ndarray
    cancelled: np.ndarray | float = 0.0

    @cached_property
    def sizes(self) -> np.ndarray:
        """(q + m,) the root mean square of the cells of each column, with what was cancelled in them."""
        return np.linalg.norm(np.hstack(self.whole[:2]), axis=0) / np.sqrt(len(self.A)) + self.cancelled

    @cached_property
    def whole(self) -> UpdateRows:
        """All rows as one batch of at most q + m rows: the triangular factor has their loss and gradient."""
        factor, q = triangular(np.hstack([self.A, self.Y])), self.A.shape[1]
        return UpdateRows(factor[:, :q], factor[:, q:], len(self.A))

    @cached_property
    def steepest(self) -> float:
        """The largest eigenvalue of AᵀA."""
        return float(np.linalg.norm(self.whole.A, 2) ** 2)

    def batches(self, size: int | None) -> list[UpdateRows]:
        """The rows in order, `size` at a time; the last batch may be short."""
        if size is None:
            return [self.whole]
        parts = [slice(first, first + size) for first in range(0, len(self.A), size)]
        return [UpdateRows(self.A[part], self.Y[part], len(self.A[part])) for part in parts]

    def seen_by(self, loop: Loop) -> "StatedSetup":
        """The case as a loop sees it: its training rows, its scaled columns, no bias where it has none."""
        case = self
        if loop.split:
            rows = SPLITS[loop.split](len(self.A))
            case = replace(case, A=case.A[rows], Y=case.Y[rows])
        if loop.targets:
            case = replace(case, Y=TARGETS[loop.targets](case.Y))
        if loop.moves == "no bias":
            weights_only = np.arange(len(case.start))[:, None] > 0
            case = replace(case, start=case.start * weights_only, slack=case.slack * weights_only)
        return case.scaled(loop.scaling) if loop.scaling else case

    def scaled(self, scaling: str) -> "StatedSetup":
        """The case with its columns scaled before training; the start is taken in the scaled units."""
        (q, m), scale = self.start.shape, SCALINGS[scaling.removesuffix("+")]
        columns = np.hstack([self.A[:, 1:], self.Y])
        centre, width = scale(columns)
        if not scaling.endswith("+"):
            centre[-m:], width[-m:] = 0.0, 1.0
        columns = (columns - centre) / width
        cancelled = np.append(0.0, 2 * np.abs(centre) / width)
        A = np.column_stack([self.A[:, :1], columns[:, : q - 1]])
        return replace(self, A=A, Y=columns[:, q - 1 :], cancelled=cancelled)


class Prediction(NamedTuple):
    """Losses (K,) that a loop prints; `sway` (K, q·m): what the slack of each start value changes; `rounding` (K,)."""

    losses: np.ndarray
    sway: np.ndarray
    rounding: np.ndarray


class Dynamics:
    """A loop on a case: its updates, and what it prints after any number of epochs."""

    def __init__(self, case: StatedSetup, loop: Loop) -> None:
        self.case, self.loop = case.seen_by(loop), loop
        self.q, self.m = self.case.start.shape
        # How much an update keeps of each running sum: gradients that are never reset, then the velocity.
        self.momentum = case.momentum if loop.momentum is None else loop.momentum
        self.keeps = ([] if loop.reset else [1.0]) + ([self.momentum] if self.momentum else [])

    def update(self, state: np.ndarray, batch: UpdateRows) -> None:
        """Steps 1 to 4 on one batch; `state` (1 + keeps, …, q, ·) holds θ and the running sums, and changes."""
        for rows in PARTS[self.loop.moves]:
            push = gradient = self.gradient(state[0], batch)[..., rows, :]
            for i, keep in enumerate(self.keeps, start=1):
                state[i][..., rows, :] = keep * state[i][..., rows, :] + push
                push = state[i][..., rows, :]
            if self.loop.nesterov:
                push = gradient + self.momentum * push
            state[0][..., rows, :] -= self.case.lr * self.loop.lr_ratio * push

    def gradient(self, theta: np.ndarray, batch: UpdateRows) -> np.ndarray:
        """(…, q, ·) the gradient that the loop descends, of its loss on a batch and of its penalty."""
        unit = self.scale(batch, self.loop.minimised)
        gradient = 2.0 * unit * np.swapaxes(batch.A, -1, -2) @ self.residual(theta, batch, self.loop.pairs)
        return gradient + self.loop.decay * self.decays * theta if self.loop.decay else gradient

    @cached_property
    def decays(self) -> np.ndarray:
        """(q, 1) one for each row of θ that is decayed."""
        return (np.arange(self.q)[:, None] > 0) | (self.loop.decayed[:3] == "all")

    @property
    def is_root(self) -> bool:
        """Whether the root of the mean is printed."""
        return self.loop.printed == "root"

    def unit(self, batch: UpdateRows) -> float:
        """What a squared difference counts in the loss printed for this batch."""
        return self.scale(batch, "mean" if self.is_root else self.loop.printed or self.loop.minimised)

    def scale(self, batch: UpdateRows, loss: str) -> float:
        """What a squared difference counts in a loss of this name."""
        return LOSSES[loss](batch.rows, self.m) / (self.m * batch.rows)

    def residual(self, theta: np.ndarray, batch: UpdateRows, pairs: str) -> np.ndarray:
        """Predictions minus targets; with pairs, minus the mean of the batch's targets."""
        Y = batch.A[..., :1] * (_total(batch) / batch.rows) if pairs else batch.Y
        return batch.A @ theta - Y

    def spread(self, batch: UpdateRows) -> np.ndarray | float:
        """With pairs, what the targets' spread around their mean adds to the sum of squares."""
        if self.loop.pairs != "all":
            return 0.0
        return (batch.Y**2).sum(axis=(-1, -2)) - (_total(batch) ** 2).sum(axis=(-1, -2)) / batch.rows

    def loss(self, theta: np.ndarray, batch: UpdateRows) -> np.ndarray:
        """What is printed for a batch at θ (…, q, m)."""
        residual = self.residual(theta, batch, self.loop.pairs if self.loop.pairs == "all" else "")
        squares = self.unit(batch) * ((residual**2).sum(axis=(-1, -2)) + self.spread(batch))
        return np.sqrt(squares) if self.is_root else squares + self.penalty(theta)

    def penalty(self, theta: np.ndarray) -> np.ndarray | float:
        """What the penalty adds to the loss printed, where it is part of it."""
        if not (self.loop.decay and self.loop.decayed.endswith("+")):
            return 0.0
        return 0.5 * self.loop.decay * (self.decays * theta**2).sum(axis=(-1, -2))

    @cached_property
    def _epoch(self) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """An epoch as the affine map z ← T·z + c of z = (θ, running sums), and θ before each update as P·z + d."""
        blocks, size = 1 + len(self.keeps), (1 + len(self.keeps)) * self.q
        state = np.hstack([np.eye(size), np.zeros((size, self.m))]).reshape(blocks, self.q, -1)
        before = []
        for A, Y, rows in self.case.batches(self.loop.batch):
            before.append((state[0, :, :size].copy(), state[0, :, size:].copy()))
            self.update(state, UpdateRows(A, np.hstack([np.zeros((len(Y), size)), Y]), rows))
        after = state.reshape(size, -1)
        return after[:, :size], after[:, size:], before

    def states(self, epochs: Sequence[int]) -> Iterator[np.ndarray]:
        """(∂z/∂θ₀, z) (·, q + m) after each of these epochs, which ascend."""
        T, c, _ = self._epoch
        Z = np.zeros((len(T), self.q + self.m))
        Z[: self.q] = np.hstack([np.eye(self.q), self.case.start])
        c, jumps, at = np.hstack([np.zeros((len(T), self.q)), c]), {}, 0
        for epoch in epochs:
            if epoch > at:
                if epoch - at not in jumps:
                    jumps[epoch - at] = _power(T, c, epoch - at)
                step, shift = jumps[epoch - at]
                Z, at = step @ Z + shift, epoch
            yield Z

    def predict(self, epochs: np.ndarray) -> Prediction:
        """What is printed for these epochs, in any order; at epoch 0, before any batch, the loss of all rows."""
        if self.loop.log != "all" and (epochs == 0).any():
            whole = Dynamics(self.case, replace(self.loop, log="all", scaling="", split="")).predict(epochs)
            parts = zip(whole, self.predict(np.maximum(epochs, 1)), strict=True)
            return Prediction(
                *(np.where((epochs == 0).reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in parts)
            )
        behind = int(self.loop.log != "all" or self.loop.stale)
        known, where = np.unique(np.append(np.maximum(epochs - behind, 0), 0), return_inverse=True)
        Z = np.array(list(self.states(known.tolist())))
        return Prediction(*(part[where[:-1]] for part in self._printed(known, Z)))

    def _printed(self, epochs: np.ndarray, Z: np.ndarray) -> Prediction:
        error = self.error(epochs, Z[:, : self.q, self.q :])
        seen = self._seen()
        shares = LOGS[self.loop.log](np.array([batch.rows for batch, *_ in seen], float))
        parts = [self._of(Z, *s) for s in seen]
        losses, sway, curved = (np.tensordot(shares, np.array(part), 1) for part in zip(*parts, strict=True))
        whole = shares.sum()
        scale = LOSSES[self.loop.printed if not self.is_root and self.loop.printed else self.loop.minimised]
        return self.as_printed(losses, sway, curved, error, whole * scale(seen[-1][0].rows, self.m))

    def as_printed(
        self,
        losses: np.ndarray,
        sway: np.ndarray,
        curved: np.ndarray | float,
        error: np.ndarray,
        scale: float,
    ) -> Prediction:
        """The prediction of sums of squares, `scale` times their mean, whose residuals may be off by `error`."""
        rounding = 2 * np.sqrt(scale * losses) * error + scale * error**2 + FLOAT32 * losses + curved
        if self.is_root:
            losses = np.sqrt(losses)
            sway, rounding = sway / (2 * losses[:, None]), rounding / (2 * losses)
        return Prediction(losses, sway, rounding)

    def error(self, epochs: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """(K,) what float32 may do to a residual by these epochs, with θ (K, q, m) there."""
        return FLOAT32 * self._walk(epochs, self._magnitude(theta))

    def _seen(self) -> list[tuple[UpdateRows, np.ndarray, np.ndarray]]:
        """The batches whose mean loss is printed, and θ at each as P·z + d of z at the start of the epoch."""
        T, _, before = self._epoch
        if self.loop.log == "all":
            return [(self.case.whole, np.eye(self.q, len(T)), np.zeros((self.q, self.m)))]
        seen = [
            (batch, P, d) for batch, (P, d) in zip(self.case.batches(self.loop.batch), before, strict=True)
        ]
        return seen[-1:] if self.loop.log == "last" else seen

    def _of(self, Z: np.ndarray, batch: UpdateRows, P: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of one batch: its loss (K,), what the slack of each start value changes (K, q·m), and its second order."""
        q, slack = self.q, self.case.slack
        theta = P @ Z
        theta[..., q:] += d
        unit, reach = self.unit(batch), batch.A @ theta[..., :q]
        residual = self.residual(theta[..., q:], batch, self.loop.pairs if self.loop.pairs == "all" else "")
        losses = unit * ((residual**2).sum(axis=(1, 2)) + self.spread(batch)) + self.penalty(theta[..., q:])
        sway = 2 * unit * (np.swapaxes(reach, 1, 2) @ residual) * slack
        return losses, sway.reshape(len(Z), -1), unit * np.einsum("kij,jm->k", reach**2, slack**2)

    def _magnitude(self, theta: np.ndarray) -> np.ndarray:
        """(K,) the size of the terms that a prediction and a residual are the sums of."""
        columns, targets = self.case.sizes[: self.q], self.case.sizes[self.q :]
        return np.sqrt((((np.abs(theta) * columns[:, None]).sum(axis=1) + targets) ** 2).mean(axis=1))

    def _walk(self, epochs: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
        """(K,) the error of a residual after so many float32 epochs, in units of roundoff.

        Each update rounds afresh. A loop that settles forgets old errors, but for slow directions; where nothing is
        damped (momentum 1) they add up as a random walk does; where steps are all alike, as those of signs are, so is
        their rounding; where the loop runs away, or swings at its limit, the same relative error is made in every
        epoch. The factors bound the largest errors seen in 720 loops of these
        kinds, trained in float32 and in float64.
        """
        curvature = 2 * self.scale(self.case.whole, self.loop.minimised) * self.case.steepest
        edge = self.case.lr * abs(self.loop.lr_ratio) * curvature / (1 + max(self.keeps, default=0.0))
        drift = (3.0 if 1.0 in self.keeps else 0.5) * np.sqrt(epochs) if self.loop.is_affine else 1.0 * epochs
        is_steep = (magnitude > 2 * magnitude[0]) | (edge > EDGE)
        return np.maximum.accumulate(magnitude) * (8.0 + np.where(is_steep, 4.0 * epochs, drift))

    def shuffled(self, members: int, seed: int = 0) -> Iterator[dict[str, np.ndarray]]:
        """Epoch by epoch from 0, what `members` runs, each with orders of its own, print for each kind of log."""
        case, random, n = self.case, np.random.default_rng(seed), len(self.case.A)
        state = np.zeros((1 + len(self.keeps), members, self.q, self.m))
        state[0] = case.start + case.slack * random.uniform(-1, 1, state.shape[1:])
        orders, size = np.tile(np.arange(n), (members, 1)), self.loop.batch or n
        yield dict.fromkeys(LOGS, self.loss(state[0], case.whole))
        while True:
            orders = random.permuted(orders, axis=1)
            losses, counts = [], []
            for first in range(0, n, size):
                rows = orders[:, first : first + size]
                batch = UpdateRows(case.A[rows], case.Y[rows], rows.shape[1])
                losses.append(self.loss(state[0], batch))
                counts.append(float(rows.shape[1]))
                self.update(state, batch)
            yield {log: share(np.array(counts)) @ losses for log, share in LOGS.items()} | {
                "all": self.loss(state[0], case.whole),
                "last": losses[-1],
            }


def _total(batch: UpdateRows) -> np.ndarray:
    """The sum of the targets (…, 1, m): the first column of A stands for the ones."""
    return np.swapaxes(batch.A[..., :1], -1, -2) @ batch.Y


def _power(T: np.ndarray, c: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The affine map z ← T·z + c, `count` times over, by squaring."""
    done = np.eye(len(T)), np.zeros_like(c)
    while count:
        if count % 2:
            done = T @ done[0], T @ done[1] + c
        T, c, count = T @ T, T @ c + c, count // 2
    return done
