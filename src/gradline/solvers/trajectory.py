"""Gradient descent in closed form: any epoch at once, the rates that the data can bear, what is slow."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.core.linalg.triangular import thin_svd
from gradline.core.text import joined
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments, once
from gradline.solvers.heavy_ball import envelope, progress, rates

WEIGHTS_SHRINK = 1000.0  # `epochs_to_weights`: until the slowest error is a thousandth
LAST_EPOCH = 10**18  # beyond it k·log(1 − a) has no digit left to lose
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
class Spectrum:
    """Curvature of the loss by direction: H = 2/(m·W)·AᵀA = Q·diag(λ)·Qᵀ, largest first.

    λ comes from the singular values of the raw factor A, not from H, which would square its condition.
    Directions that the data leave undetermined are left out. A parameter is called "bias" or
    by its feature.
    """

    parameters: tuple[str, ...]
    curvatures: np.ndarray
    singular: np.ndarray
    left: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, moments: Moments, bias: bool = True) -> "Spectrum":
        """The spectrum of these moments, with or without a bias."""
        return _spectrum(moments, bias)

    @property
    def largest(self) -> float:
        """λmax."""
        return float(self.curvatures.max(initial=0.0))

    @property
    def smallest(self) -> float:
        """λmin, over the directions that the data determine."""
        return float(self.curvatures.min()) if len(self.curvatures) else 0.0

    @property
    def condition(self) -> float:
        """σmax/σmin of [1 X], over the directions that count; the Hessian's condition is its square."""
        return math.sqrt(self.largest / self.smallest) if self.smallest else 1.0

    def lr_limit(self, momentum: float = 0.0) -> float:
        """2·(1 + momentum)/λmax: the full batch is stable below it and only below it (Polyak 1964)."""
        return 2.0 * (1.0 + momentum) / self.largest if self.largest else math.inf

    def best_lr(self, momentum: float = 0.0) -> float:
        """2·(1 + momentum)/(λmax + λmin): the rate at which the slowest direction is fastest."""
        return 2.0 * (1.0 + momentum) / (self.largest + self.smallest) if self.largest else 1.0

    def mean_square_limit(self, M: np.ndarray, noise: float) -> float:
        """The largest lr with lr·[(1 − noise)·H² + noise·M] ≼ 2H: batches whose noise shrinks in mean square.

        M (q, q) is the second moment of one row's Hessian, `noise` its share, (n − b)/(b(n − 1)) for b of n rows.
        At noise 0 it is 2/λmax. Without momentum.
        """
        whitening = self.directions / np.sqrt(self.curvatures)
        matrix = (1.0 - noise) * np.diag(self.curvatures) + noise * (whitening.T @ M @ whitening)
        return float(2.0 / np.linalg.eigvalsh(matrix).max()) if len(matrix) else math.inf

    def growth(self, lr: float, momentum: float = 0.0) -> float:
        """The factor by which the fastest growing error grows per epoch; below one all errors shrink."""
        return float(np.exp(rates(lr * self.curvatures, momentum).max(initial=-math.inf)))

    def shares(self) -> list[tuple[str, float]]:
        """How much each parameter has of the direction that limits the rate, largest first."""
        squares = self.directions[:, 0] ** 2
        order = np.argsort(-squares, kind="stable")
        return [(self.parameters[j], float(squares[j])) for j in order]

    def columns(self, i: int) -> str:
        """The columns behind direction i: those that carry it, one sign against the other."""
        vector = self.directions[:, i]
        squares = vector**2
        order = np.argsort(-squares, kind="stable")
        needed = int(np.searchsorted(np.cumsum(squares[order]), 0.97)) + 1
        carried = [j for j in order[:needed] if squares[j] >= 0.02 * squares[order[0]]][:6]
        sides = [[self._name(j) for j in carried if np.sign(vector[j]) == sign] for sign in (1, -1)]
        first, second = sides if np.sign(vector[order[0]]) > 0 else sides[::-1]
        return joined(first) + (f" against {joined(second)}" if second else "")

    def _name(self, j: int) -> str:
        name = self.parameters[j]
        return "the bias" if name == "bias" and j == 0 else name


@once
def _spectrum(moments: Moments, bias: bool) -> Spectrum:
    left, singular, right = thin_svd(determined_factor(moments, bias).A)
    names = (("bias",) if bias else ()) + moments.features
    curvatures = 2.0 * singular**2 / (moments.m * moments.weight_sum)
    return Spectrum(names, curvatures, singular, left, right.T)


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
    """

    moments: Moments
    lr: float
    momentum: float = 0.0
    init: tuple[Any, Any] | None = None
    bias: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.moments, Moments):
            raise RequestError(
                "moments-needed",
                f"a trajectory needs moments, not {type(self.moments).__name__}",
                "give gradline.Moments.of(data, …)",
            )
        if not (is_real(self.lr) and self.lr > 0):
            raise UsageError(
                "lr-invalid",
                f"lr is {self.lr}",
                "give a positive number; Spectrum.of(moments).best_lr() is the best",
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

    @property
    def _cells(self) -> float:
        return self.moments.m * self.moments.weight_sum

    @property
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
        covered = done.covered / self.spectrum.singular
        theta = self._start - self.spectrum.directions @ (covered[:, None] * self._residual)
        gap = self._gap(done.left)
        return Point(epoch, *unstacked(theta, self.bias), self.optimal_loss + gap, gap)

    def _gap(self, left: np.ndarray) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(((left[:, None] * self._residual) ** 2).sum() / self._cells)

    def directions(self, epoch: int = 0) -> list[Direction]:
        """The gap after `epoch` updates split by direction, largest share first; shares sum to one."""
        left = progress(self._steps, self.momentum, epoch).left
        parts = ((left[:, None] * self._residual) ** 2).sum(axis=1)
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
        if self._bound(0) <= target:
            return 0.0
        if target <= 0 or self.epochs_to_weights() == math.inf:
            return math.inf
        low, high = 0, 1
        while self._bound(high) > target:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._bound(middle) > target else (low, middle)
        return float(high)

    def _bound(self, epoch: int) -> float:
        return self._gap(envelope(self._steps, self.momentum, epoch))

    def epochs_to_weights(self, shrink: float = WEIGHTS_SHRINK) -> float:
        """Epochs until the error in the slowest direction is 1/`shrink` of what it was."""
        slowest = rates(self._steps, self.momentum).max(initial=-math.inf)
        return _epochs(math.log(shrink), float(slowest))


def _epochs(logarithm: float, rate: float) -> float:
    """Epochs until an error whose logarithm changes by `rate` per epoch has fallen by `logarithm`."""
    return logarithm / -float(rate) if rate < 0 else math.inf


def stacked(init: tuple[Any, Any] | None, moments: Moments, bias: bool) -> np.ndarray:
    """θ (q, m): the bias, where there is one, on top of weightᵀ. Zeros for None."""
    shape = (moments.m, moments.p)
    if init is None:
        return np.zeros((moments.p + bias, moments.m))
    weight, start = (np.asarray(getattr(part, "detach", lambda part=part: part)(), float) for part in init)
    if weight.shape == (moments.p,) and moments.m == 1:
        weight = weight[None, :]
    if weight.shape != shape or start.size != moments.m:
        raise RequestError(
            "init-shape",
            f"init has a weight of shape {weight.shape} and a bias of shape {start.shape}",
            f"give weight {shape} and bias ({moments.m},), as in nn.Linear({moments.p}, {moments.m})",
        )
    if not bias and start.any():
        raise RequestError(
            "init-has-bias",
            "init has a bias and the model has none",
            "give a bias of zeros, or keep the bias",
        )
    return np.vstack([start.reshape(1, -1), weight.T]) if bias else weight.T.copy()


def unstacked(theta: np.ndarray, bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """weight (m, p) and bias (m,) of θ; the bias is zero in a model without one."""
    return (theta[1:].T.copy(), theta[0].copy()) if bias else (theta.T.copy(), np.zeros(theta.shape[1]))
