"""Gradient descent in closed form: any epoch at once, and what is left by direction."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UsageError
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments
from gradline.solvers.heavy_ball import LAST_EPOCH, ErrorLeft, envelope, progress, pushed, rates
from gradline.solvers.penalties import NONE, Penalty
from gradline.solvers.problem import stacked, unstacked
from gradline.solvers.pseudo_rows import with_ridge
from gradline.solvers.rules import HeavyBall
from gradline.solvers.schedules import expect_rate, is_left_to_gradline, is_schedule
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.walked import Walked, walked

if TYPE_CHECKING:
    from gradline.solvers.early_stopping import AsRidge

WEIGHTS_SHRINK = 1000.0  # `epochs_to_weights`: until the slowest error is a thousandth
_LAST_POWER = 62  # epochs up to 2⁶¹ are looked for
_GRID = 64  # of them are looked at together
_WALKED = 10**7  # epochs at rates that change, which are gone one by one: minutes
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

    Weight decay adds wd·θ to the gradient, the bias included: curvatures grow by wd, and the path ends in the ridge
    solution λ/(λ + wd)·θ*, whose residual there is −σ·wd/(λ + wd)·θ*. Nesterov 1983; Sutskever et al. 2013.

    Ridge is a loss of a few rows more: with a `penalty` the losses are those of the sum, and the path ends where it is
    least; the bias is free of it. At a schedule of rates an epoch costs O(q) for each one before it, not O(1).

    Parameters: `moments`; `lr` as in `torch.optim.SGD`, on the columns as they are, or a schedule whose rates are given
    in numbers; `momentum` from 0 to 1 (1 is what a forgotten `zero_grad` does); `init` a pair weight (m, p), bias (m,),
    zeros when None; `bias` False for a model without one; `nesterov`, `weight_decay` and `dampening` as in
    `torch.optim.SGD`; `velocity` a pair like `init`, v₀ where momentum has some already; `penalty` a
    `gradline.ElasticNet(alpha)`. Raises `UsageError` for a setting outside its range, `RequestError` for a wrong shape.

    >>> import gradline
    >>> path = gradline.Trajectory(gradline.Moments.of("example:crops", ["apples", "oranges"]), lr=1e-5)
    >>> round(path.at(100).loss, 3), round(path.at(84_000_000).loss, 6)
    (152.904, 0.909446)
    >>> f"{path.lr_limit:.3g}"
    '0.000112'
    """

    moments: Moments
    lr: Any  # a number, or a `Schedule`
    momentum: float = 0.0
    init: tuple[Any, Any] | None = None
    bias: bool = True
    nesterov: bool = False
    weight_decay: float = 0.0
    velocity: tuple[Any, Any] | None = None
    dampening: float = 0.0
    penalty: Penalty = NONE

    def __post_init__(self) -> None:
        given = cast(object, self.moments)
        if not isinstance(given, Moments):
            raise RequestError(
                "moments-needed",
                f"a trajectory needs moments, not {type(given).__name__}",
                "give gradline.Moments.of(data, …)",
            )
        if is_left_to_gradline(self.lr):
            raise UsageError(
                "lr-invalid",
                f"lr is {self.lr}",
                "give a number, or a schedule with all of its own; Spectrum.of(moments).best_lr() settles first",
            )
        if not is_schedule(self.lr):
            expect_rate(self.lr)
        _ = self._rule
        if not self.penalty.quadratic:
            raise UsageError(
                "penalty-without-path",
                f"no formula foretells the way with the penalty {self.penalty.words().lstrip(', ')}",
                "train: gradline.fit(…, solver=gradline.GradientDescent(…), penalty=…)",
            )
        if not (is_real(self.weight_decay) and self.weight_decay >= 0):
            raise UsageError("weight-decay-invalid", f"weight_decay is {self.weight_decay}", "give 0 or more")

    @cached_property
    def _rule(self) -> HeavyBall:
        return HeavyBall(self.momentum, self.dampening, self.nesterov and self.momentum > 0)

    @cached_property
    def _sums(self) -> Moments:
        """The moments whose loss is what is minimised."""
        penalty = self.penalty.on(self.moments.design.features, np.ones(self.moments.p))
        return with_ridge(self.moments, penalty.curvature)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The curvature of what is minimised by direction."""
        return Spectrum.of(self._sums, self.bias)

    @property
    def curvatures(self) -> np.ndarray:
        """Those of the directions."""
        return self.spectrum.curvatures

    @cached_property
    def _start(self) -> np.ndarray:
        return stacked(self.init, self.moments, self.bias)

    @cached_property
    def _residual(self) -> np.ndarray:
        """c (·, m): the residual of the start along the left singular directions."""
        A, B, _ = determined_factor(self._sums, self.bias)
        return self.spectrum.left.T @ (A @ self._start - B)

    @cached_property
    def optimal_loss(self) -> float:
        """The loss at the optimum: what is left when every error is gone."""
        return float((determined_factor(self._sums, self.bias).C ** 2).sum() / self._cells)

    @cached_property
    def _cells(self) -> float:
        return self.moments.m * self.moments.weight_sum

    @cached_property
    def _steps(self) -> np.ndarray:
        """a = lr·(λ + wd) by direction, of which a damped gradient counts its share."""
        return self._constant * self._rule.share * (self.spectrum.curvatures + self.weight_decay)

    @property
    def _constant(self) -> float:
        """The rate. Raises `RequestError` where there are many."""
        if is_schedule(self.lr):
            raise RequestError(
                "rates-change",
                "how fast errors shrink is known of one rate, and these change from epoch to epoch",
                "ask for the weights and the loss of an epoch: .at(100)",
            )
        return float(self.lr)

    @cached_property
    def _momentum(self) -> float | np.ndarray:
        """The momentum of each direction's recurrence; see `heavy_ball`."""
        return self.momentum * (1 - self._steps) if self._rule.nesterov else self.momentum

    @cached_property
    def _kept(self) -> np.ndarray:
        """The residual (·, m), along the same directions, where the path ends: weight decay leaves some."""
        curvatures, decay = self.spectrum.curvatures, self.weight_decay
        optimum = (
            self.spectrum.singular[:, None] * (self.spectrum.directions.T @ self._start) - self._residual
        )
        return -(decay / (curvatures + decay))[:, None] * optimum if decay else np.zeros_like(optimum)

    @cached_property
    def _error(self) -> np.ndarray:
        """The residual (·, m) that training takes away."""
        return self._residual - self._kept

    @cached_property
    def _push(self) -> np.ndarray:
        """δ (·, m): how the first step differs from that of heavy balls at rest; see `heavy_ball`."""
        push = self._nudge(self._steps)[:, None] * self._error
        if self.velocity is not None:
            along = self.spectrum.singular[:, None] * (self.spectrum.directions.T @ self._velocity)
            push = push - self._carried_on * along
        return push

    def _nudge(self, steps: np.ndarray) -> np.ndarray:
        """δ of an error of one at a = `steps`, from rest."""
        rule, nudge = self._rule, np.zeros_like(steps)
        if rule.nesterov:
            nudge = nudge - self.momentum * steps
        if rule.share < 1 and self.velocity is None:  # the first gradient counts whole
            nudge = nudge - (1 / rule.share - 1) * steps
        return nudge

    @cached_property
    def _velocity(self) -> np.ndarray:
        return stacked(self.velocity, self.moments, self.bias)

    @property
    def _carried_on(self) -> float:
        """The share of the velocity by which the first step goes further than that of a start at rest."""
        return self._constant * (self.momentum**2 if self.nesterov else self.momentum)

    @property
    def lr_limit(self) -> float:
        """The largest stable rate: 2·(1 + μ)/(λmax + wd), of which Nesterov's step bears 1/(1 + 2μ)."""
        largest = self.spectrum.largest
        limit = self._rule.limit(self.spectrum)
        return limit if math.isinf(limit) else limit * (largest / (largest + self.weight_decay))

    @cached_property
    def end_loss(self) -> float:
        """The loss where a stable path ends: the optimal one, but for what weight decay adds."""
        return self.optimal_loss + float((self._kept**2).sum()) / self._cells

    @property
    def best_lr(self) -> float:
        """The rate with which all weights would settle first at this momentum."""
        return self.spectrum.best_lr(self.momentum)

    def at(self, epoch: int) -> Point:
        """The weights and the loss after `epoch` updates, at the same cost for 1 and for 10⁹."""
        if not (is_whole(epoch, 0) and epoch <= LAST_EPOCH):
            raise UsageError(
                "epoch-invalid", f"epoch is {epoch}", f"give a whole number from 0 to {LAST_EPOCH:.0e}"
            )
        if is_schedule(self.lr) and epoch > _WALKED:
            raise UsageError(
                "epoch-invalid",
                f"epoch is {epoch:,}, and at rates that change each one before it is gone",
                f"give at most {_WALKED:,}",
            )
        with np.errstate(over="ignore", invalid="ignore"):  # a path that diverges ends beyond all numbers
            moved = self._covered(epoch) / self.spectrum.singular[:, None]
            theta = self._start - self.spectrum.directions @ moved - self._faded(epoch)
        gap = self._gap(epoch)
        return Point(epoch, *unstacked(theta, self.bias), self.optimal_loss + gap, gap)

    def _gap(self, epoch: int) -> float:
        with np.errstate(over="ignore"):
            return float((self._left(epoch) ** 2).sum() / self._cells)

    def _covered(self, epoch: int) -> np.ndarray:
        """What of the residual (·, m) along the directions `epoch` updates took away."""
        if is_schedule(self.lr):
            return self._walked(epoch).covered
        return self._parts(progress(self._steps, self._momentum, epoch).covered, self._error) - self._carried(
            epoch
        )

    def _left(self, epoch: int) -> np.ndarray:
        """The residual (·, m) along the directions after `epoch` updates."""
        if is_schedule(self.lr):
            return self._kept + self._walked(epoch).left
        left = self._parts(progress(self._steps, self._momentum, epoch).left, self._error)
        return self._kept + left + self._carried(epoch)

    def _walked(self, epoch: int) -> Walked:
        """The same at rates that change."""
        speed = np.zeros_like(self._error)
        if self.velocity is not None:
            speed = self.spectrum.singular[:, None] * (self.spectrum.directions.T @ self._velocity)
        return self._at_rates(self.spectrum.curvatures + self.weight_decay, epoch, self._error, speed)

    def _at_rates(self, curvatures: np.ndarray, epoch: int, error: np.ndarray, speed: np.ndarray) -> Walked:
        return walked(curvatures, self.lr.rates(0, epoch), self._rule, error, speed)

    def _carried(self, epoch: int) -> np.ndarray | float:
        """What the push has become."""
        if not self._push.any():
            return 0.0
        return self._parts(pushed(self._steps, self._momentum, epoch), self._push)

    def _faded(self, epoch: int) -> np.ndarray | float:
        """What is taken of the directions that the data leave undetermined: there weight decay alone has curvature."""
        directions, rule = self.spectrum.directions, self._rule
        if directions.shape[0] == directions.shape[1] or (not self.weight_decay and self.velocity is None):
            return 0.0
        start, speed = _beside(self._start, directions), np.zeros_like(self._start)
        if self.velocity is not None:
            speed = _beside(self._velocity, directions)
        if is_schedule(self.lr):
            return self._at_rates(np.full(len(start), self.weight_decay), epoch, start, speed).covered
        a = self._constant * rule.share * self.weight_decay
        momentum = self.momentum * (1 - a) if rule.nesterov else self.momentum
        steps, momentum = np.full(1, a), np.full(1, momentum)
        push = -self._carried_on * speed
        if rule.nesterov:
            push = push - self.momentum * a * start
        if rule.share < 1 and self.velocity is None:
            push = push - (1 / rule.share - 1) * a * start
        return start * progress(steps, momentum, epoch).covered - push * pushed(steps, momentum, epoch)

    @staticmethod
    def _parts(shares: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Shares of a residual by direction; none of a direction without one, however far others have run."""
        return np.where(whole == 0.0, 0.0, shares[:, None] * np.where(whole == 0.0, 1.0, whole))

    def shares(self, curvatures: np.ndarray, epoch: int) -> ErrorLeft:
        """The share of an error along directions of these curvatures (r,) that is left, and that is covered."""
        curvatures = curvatures + self.weight_decay
        if is_schedule(self.lr):
            one = np.ones((len(curvatures), 1))
            gone = walked(curvatures, self.lr.rates(0, epoch), self._rule, one, 0 * one)
            return ErrorLeft(gone.left[:, 0], gone.covered[:, 0])
        steps = self._constant * self._rule.share * curvatures
        momentum = self.momentum * (1 - steps) if self._rule.nesterov else self.momentum
        found, nudge = progress(steps, momentum, epoch), self._nudge(steps)
        if not nudge.any():
            return found
        push = nudge * pushed(steps, momentum, epoch)
        return ErrorLeft(found.left + push, found.covered - push)

    def freedom(self, epoch: int) -> float:
        """The degrees of freedom that the weights of an epoch use, per target, the bias among them.

        That is the trace of the matrix that makes predictions of targets: along a direction of curvature λ it is the
        share 1 − e_k of its error that is covered, of which weight decay or ridge leave λ/(λ + alpha). 0 at the start,
        the number of coefficients at the end (Hastie, Tibshirani, Friedman 2009, section 7.6).
        """
        curvatures, alpha = self.curvatures, self.penalty.curvature
        weights = self.spectrum.directions[int(self.bias) :]
        kept = (curvatures - alpha * (weights**2).sum(axis=0)) / (curvatures + self.weight_decay)
        return float(self.shares(curvatures, epoch).covered @ kept)

    def as_ridge(self, epoch: int) -> "AsRidge":
        """Stopping after `epoch` updates, from zeros, read as a penalty: the ridge that it is nearest to.

        Raises `UsageError` for a path with a penalty, weight decay or another start, where the two are something else.

        >>> import gradline
        >>> path = gradline.Trajectory(gradline.Moments.of("example:iphone", "sales"), lr=1e-4, bias=False)
        >>> found = path.as_ridge(1000)
        >>> round(found.time_alpha, 3), found.risk < 1.7
        (10.0, True)
        """
        if self.weight_decay or self.penalty.curvature or self.init is not None or self.velocity is not None:
            raise UsageError(
                "as-ridge-without-meaning",
                "stopping early is like ridge where training begins at zeros and nothing else is penalised",
                "leave out init, velocity, weight_decay and penalty",
            )
        from gradline.solvers.early_stopping import as_ridge  # noqa: PLC0415 - who fits asks for no ridge

        return as_ridge(self, epoch)

    def time(self, epoch: int) -> float:
        """lr·epoch: how long the gradient has pulled; momentum makes 1/(1 − μ) of it, in the long run."""
        if self.momentum == 1:
            return math.inf
        passed = float(self.lr.rates(0, epoch).sum()) if is_schedule(self.lr) else float(self.lr) * epoch
        return passed * self._rule.share / (1 - self.momentum)

    @cached_property
    def rates(self) -> np.ndarray:
        """The logarithm of what an update leaves of an error in the long run, by direction."""
        return rates(self._steps, self._momentum)

    def parts(self, epoch: int = 0) -> np.ndarray:
        """The gap after `epoch` updates by direction, each times m·W."""
        return (self._left(epoch) ** 2).sum(axis=1)

    def directions(self, epoch: int = 0) -> list[Direction]:
        """The gap after `epoch` updates split by direction, largest share first; shares sum to one."""
        parts = self.parts(epoch)
        whole = parts.sum()
        return [
            Direction(
                float(parts[i] / whole), _epochs(math.log(2), float(self.rates[i])), self.spectrum.columns(i)
            )
            for i in np.argsort(-parts, kind="stable")
            if whole > 0 and parts[i] > 0
        ]

    def held(self, rounding: np.ndarray) -> np.ndarray:
        """What errors of up to `rounding` (q, m) in each update may keep of every direction's part of the gap, (·,).

        In direction q_i an error is at most Σ|q_ij|·rounding_j and fades by exp(rate) an update, so that those of all
        updates sum to 1/(1 − exp(rate)) of it, with momentum to twice that at most.
        """
        faded = np.maximum(-np.expm1(self.rates), 0.0)
        with np.errstate(divide="ignore"):
            kept = (self.spectrum.singular / faded)[:, None] * (np.abs(self.spectrum.directions.T) @ rounding)
        return (kept**2).sum(axis=1)

    def epochs_to_loss(self, excess: float = LOSS_EXCESS) -> float:
        """Epochs until the gap is at most `excess` of the optimal loss, and stays so; infinite when it never is.

        With momentum the gap may swing; then its steadily falling envelope is meant.
        """
        target = excess * self.optimal_loss
        if self._bound(0)[0] <= target and not self._push.any():
            return 0.0
        if target <= 0 or self.epochs_to_weights() == math.inf:
            return math.inf
        grid, low = np.append(0, 2 ** np.arange(_LAST_POWER)), -1
        while True:
            above = np.flatnonzero(~(self._bound(grid[:, None]) <= target))
            last = int(above[-1]) if len(above) else -1
            if last == len(grid) - 1:
                return math.inf
            low, high = int(grid[last]) if len(above) else low, int(grid[last + 1])
            if high - low <= 1:
                return float(high)
            step = max(1, (high - low) // _GRID)
            grid = np.append(np.arange(low + step, high, step), high)

    def _bound(self, epochs: int | np.ndarray) -> np.ndarray:
        """An upper bound on the gap at each of these epochs (K, 1) that falls steadily, but for a push."""
        epochs = np.asarray(epochs)[..., None]
        momentum = np.reshape(self._momentum, (-1, 1)) if self._rule.nesterov else self.momentum
        left = envelope(self._steps[:, None], momentum, epochs, self._error, self._push)
        return np.atleast_1d(((left + np.abs(self._kept)) ** 2).sum(axis=(-2, -1)) / self._cells)

    @property
    def last(self) -> str:
        """The columns of the direction that `epochs_to_weights` speaks of; of several as slow, of least curvature."""
        # At the best rate the steepest is as slow as the flattest, to the rounding of 1 − a.
        near = self.rates >= self.rates.max(initial=-math.inf) * (1 + 1e-9) - 8 * np.finfo(float).eps
        slow = np.flatnonzero(near)
        return self.spectrum.columns(int(slow[-1])) if len(slow) else ""

    def epochs_to_weights(self, shrink: float = WEIGHTS_SHRINK) -> float:
        """Epochs until the error in the slowest direction is 1/`shrink` of what it was: one at least."""
        slowest = self.rates.max(initial=-math.inf)
        return max(1.0, _epochs(math.log(shrink), float(slowest)))


def _beside(theta: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """What of θ (q, m) lies along none of the directions."""
    return theta - directions @ (directions.T @ theta)


def _epochs(logarithm: float, rate: float) -> float:
    """Epochs until an error whose logarithm changes by `rate` per epoch has fallen by `logarithm`."""
    return logarithm / -float(rate) if rate < 0 else math.inf
