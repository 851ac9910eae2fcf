"""Gradient descent in closed form: any epoch at once, and what is left by direction."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments
from gradline.solvers.heavy_ball import LAST_EPOCH, envelope, progress, rates
from gradline.solvers.problem import stacked, unstacked
from gradline.solvers.spectrum import Spectrum

WEIGHTS_SHRINK = 1000.0  # `epochs_to_weights`: until the slowest error is a thousandth
_LAST_POWER = 62  # epochs up to 2⁶¹ are looked for
_GRID = 64  # of them are looked at together
LOSS_EXCESS = 0.01  # `epochs_to_loss`: until the excess loss is 1 % of the optimal loss


class Point(NamedTuple):
    """The state after an epoch: weight (m, p), bias (m,), the loss, and its excess over the optimum."""

    epoch: int
    weight: np.ndarray
    bias: np.ndarray
    loss: float
    gap: float


class Direction(NamedTuple):
    """One direction of descent: its share of the gap, its half-life in epochs, the columns behind it.

    The half-life is infinite where nothing shrinks, and None where the noise of mini-batches rules.
    """

    share: float
    half_life: float | None
    columns: str


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Full-batch gradient descent on these moments, any epoch in closed form.

    With residual coordinates c = Uᵀ(A·θ₀ − B) and a = lr·λ, epoch k is θ_k = θ₀ − Q·((1 − e_k(a))/σ)·c and
    its gap Σ(e_k(a)·c)²/(m·W), where e_k(a) is the share of an error that is left: (1 − a)ᵏ, or with momentum
    the heavy ball of PyTorch (v ← μ·v + g, dampening 0, v₀ = 0). No θ* is needed: with undetermined directions
    the path ends in the optimum nearest to its start. Polyak 1964; Goh 2017 (Distill, Why momentum really works).

    Parameters: `moments`; `lr` as in `torch.optim.SGD`, on the columns as they are; `momentum` from 0 to 1 (1 is
    what a forgotten `zero_grad` does); `init` a pair weight (m, p), bias (m,), zeros when None; `bias` False
    for a model without one. Raises `UsageError` for an lr that is not positive, `RequestError` for a wrong shape.

    >>> import gradline
    >>> path = gradline.Trajectory(gradline.Moments.of("example:crops", ["apples", "oranges"]), lr=1e-5)
    >>> round(path.at(100).loss, 3), round(path.at(84_000_000).loss, 6)
    (152.904, 0.909446)
    >>> f"{path.lr_limit:.3g}"
    '0.000112'
    """

    moments: Moments
    lr: float
    momentum: float = 0.0
    init: tuple[Any, Any] | None = None
    bias: bool = True

    def __post_init__(self) -> None:
        given = cast(object, self.moments)
        if not isinstance(given, Moments):
            raise RequestError(
                "moments-needed",
                f"a trajectory needs moments, not {type(given).__name__}",
                "give gradline.Moments.of(data, …)",
            )
        if not (is_real(self.lr) and self.lr > 0):
            raise UsageError(
                "lr-invalid",
                f"lr is {self.lr}",
                "give a positive number; Spectrum.of(moments).best_lr() finishes first",
            )
        if not (is_real(self.momentum) and 0 <= self.momentum <= 1):
            raise UsageError("momentum-invalid", f"momentum is {self.momentum}", "give a number from 0 to 1")

    @cached_property
    def spectrum(self) -> Spectrum:
        """The curvature of the loss by direction."""
        return Spectrum.of(self.moments, self.bias)

    @cached_property
    def _start(self) -> np.ndarray:
        return stacked(self.init, self.moments, self.bias)

    @cached_property
    def _residual(self) -> np.ndarray:
        """c (·, m): the residual of the start along the left singular directions."""
        A, B, _ = determined_factor(self.moments, self.bias)
        return self.spectrum.left.T @ (A @ self._start - B)

    @cached_property
    def optimal_loss(self) -> float:
        """The loss at the optimum: what is left when every error is gone."""
        return float((determined_factor(self.moments, self.bias).C ** 2).sum() / self._cells)

    @cached_property
    def _cells(self) -> float:
        return self.moments.m * self.moments.weight_sum

    @cached_property
    def _steps(self) -> np.ndarray:
        """a = lr·λ by direction."""
        return self.lr * self.spectrum.curvatures

    @property
    def lr_limit(self) -> float:
        """The largest stable rate at this momentum."""
        return self.spectrum.lr_limit(self.momentum)

    @property
    def best_lr(self) -> float:
        """The rate that would finish first at this momentum."""
        return self.spectrum.best_lr(self.momentum)

    def at(self, epoch: int) -> Point:
        """The weights and the loss after `epoch` updates, at the same cost for 1 and for 10⁹."""
        if not (is_whole(epoch, 0) and epoch <= LAST_EPOCH):
            raise UsageError(
                "epoch-invalid", f"epoch is {epoch}", f"give a whole number from 0 to {LAST_EPOCH:.0e}"
            )
        done = progress(self._steps, self.momentum, epoch)
        with np.errstate(over="ignore", invalid="ignore"):  # a path that diverges ends beyond all numbers
            moved = self._parts(done.covered / self.spectrum.singular)
            theta = self._start - self.spectrum.directions @ moved
        gap = self._gap(done.left)
        return Point(epoch, *unstacked(theta, self.bias), self.optimal_loss + gap, gap)

    def _gap(self, left: np.ndarray) -> float:
        with np.errstate(over="ignore"):
            return float((self._parts(left) ** 2).sum() / self._cells)

    def _parts(self, shares: np.ndarray) -> np.ndarray:
        """Shares of the residual by direction; none of a direction without one, however far others have run."""
        c = self._residual
        return np.where(c == 0.0, 0.0, shares[:, None] * np.where(c == 0.0, 1.0, c))

    def directions(self, epoch: int = 0) -> list[Direction]:
        """The gap after `epoch` updates split by direction, largest share first; shares sum to one."""
        left = progress(self._steps, self.momentum, epoch).left
        parts = (self._parts(left) ** 2).sum(axis=1)
        slow, whole = rates(self._steps, self.momentum), parts.sum()
        return [
            Direction(float(parts[i] / whole), _epochs(math.log(2), float(slow[i])), self.spectrum.columns(i))
            for i in np.argsort(-parts, kind="stable")
            if whole > 0 and parts[i] > 0
        ]

    def epochs_to_loss(self, excess: float = LOSS_EXCESS) -> float:
        """Epochs until the gap is at most `excess` of the optimal loss; infinite when it never is.

        With momentum the gap may swing; then its steadily falling envelope is meant.
        """
        target = excess * self.optimal_loss
        if self._bound(0)[0] <= target:
            return 0.0
        if target <= 0 or self.epochs_to_weights() == math.inf:
            return math.inf
        grid, low = 2 ** np.arange(_LAST_POWER), 0
        while True:
            reached = np.flatnonzero(
                self._bound(grid[:, None]) <= target
            )  # from some epoch on, for the bound falls
            if not len(reached):
                return math.inf
            first = int(reached[0])
            low, high = int(grid[first - 1]) if first else low, int(grid[first])
            if high - low <= 1:
                return float(high)
            step = max(1, (high - low) // _GRID)
            grid = np.append(np.arange(low + step, high, step), high)

    def _bound(self, epochs: int | np.ndarray) -> np.ndarray:
        """An upper bound on the gap at each of these epochs (K, 1) that falls steadily."""
        left = np.atleast_2d(envelope(self._steps, self.momentum, epochs))
        return ((left[:, :, None] * self._residual) ** 2).sum(axis=(1, 2)) / self._cells

    def epochs_to_weights(self, shrink: float = WEIGHTS_SHRINK) -> float:
        """Epochs until the error in the slowest direction is 1/`shrink` of what it was."""
        slowest = rates(self._steps, self.momentum).max(initial=-math.inf)
        return _epochs(math.log(shrink), float(slowest))


def _epochs(logarithm: float, rate: float) -> float:
    """Epochs until an error whose logarithm changes by `rate` per epoch has fallen by `logarithm`."""
    return logarithm / -float(rate) if rate < 0 else math.inf
