"""What is minimised: loss and penalty over the data, on the scale of training, and θ, in which solvers hold weights."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UsageError
from gradline.core.linalg.refined import Refined
from gradline.data.row_stream import RowStream
from gradline.moments.rank import Rank, determined_factor
from gradline.moments.state import Moments, RawFactor
from gradline.solvers.losses import SQUARED, Loss
from gradline.solvers.penalties import NONE, Penalty
from gradline.solvers.pseudo_rows import with_ridge
from gradline.solvers.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Scaling:
    """Training on (x − center)/scale; coefficients go in and come out in raw units.

    A column that does not vary, as `varies` (p,) has it, is zeros there: what rounding left of it is no direction.
    """

    center: np.ndarray
    scale: np.ndarray
    varies: np.ndarray

    @classmethod
    @cache
    def none(cls, features: int) -> "Scaling":
        """The columns as they are."""
        return cls(np.zeros(features), np.ones(features), np.ones(features, bool))

    @classmethod
    def standard(cls, moments: Moments, bias: bool) -> "Scaling":
        """Columns of mean 0 and variance 1 (divisor W); of mean square 1, uncentred, without a bias.

        A constant column is centred, which makes it zeros, and has the unit that it has.
        """
        norms = Rank.of(moments, bias).norms / np.sqrt(moments.weight_sum)
        center = moments.mean[: moments.p].copy() if bias else np.zeros(moments.p)
        return cls(center, np.where(norms > 0, norms, 1.0), norms > 0)

    @classmethod
    def named(cls, name: str, moments: Moments, bias: bool) -> "Scaling":
        """That of a word: "none" or "standard"."""
        return cls.none(moments.p) if name == "none" else cls.standard(moments, bias)

    @cached_property
    def is_none(self) -> bool:
        """Whether nothing is centred or scaled."""
        return not self.center.any() and bool((self.scale == 1).all())

    def to_raw(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients that give the same predictions on raw columns."""
        if self.is_none:
            return weight, bias
        weight = weight / self.scale
        return weight, bias - weight @ self.center

    def to_view(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients that give the same predictions on scaled columns."""
        if self.is_none:
            return weight, bias
        return weight * self.scale, bias + weight @ self.center

    def moments(self, moments: Moments) -> Moments:
        """The moments of the scaled columns."""
        return (
            moments
            if self.is_none
            else moments.scaled(self.center, np.where(self.varies, self.scale, np.inf))
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """Loss + penalty, and the view of the data that a solver works on: moments, and rows where it needs them.

    Everything is on the scale of training but the rows, which whoever reads them scales, and the `optimum` of a small
    table, correct to rounding: both are in raw units, and `scaling` leads back to them.
    """

    moments: Moments
    bias: bool
    rows: RowStream | None
    scaling: Scaling
    optimum: Refined | None = None
    penalty: Penalty = NONE
    loss: Loss = SQUARED
    device: Any = None  # where mini-batches are computed, None for this processor

    @classmethod
    def of(
        cls,
        moments: Moments,
        rows: RowStream | None,
        bias: bool,
        scaling: Scaling,
        optimum: Refined | None = None,
        penalty: Penalty = NONE,
        loss: Loss = SQUARED,
        device: Any = None,
    ) -> "Problem":
        """The problem of raw moments and rows, seen on a scale; the penalty is on the weights of that scale."""
        penalty = penalty.on(moments.design.features, scaling.scale)
        return cls(scaling.moments(moments), bias, rows, scaling, optimum, penalty, loss, device)

    @property
    def m(self) -> int:
        """The number of targets."""
        return self.moments.m

    @property
    def p(self) -> int:
        """The number of features."""
        return self.moments.p

    @property
    def has_kinks(self) -> bool:
        """Whether the penalty is more than ridge: what is not smooth of it needs its prox after each step."""
        return not self.penalty.quadratic

    @cached_property
    def smooth(self) -> Moments:
        """Those whose loss is all that is minimised, ridge included, but for a penalty with kinks."""
        return self.moments if self.has_kinks else with_ridge(self.moments, self.penalty.curvature)

    @cached_property
    def factor(self) -> RawFactor:
        """All rows, and those of ridge, in a few: the sum at θ is (‖A·θ − B‖² + ‖C‖²)/(m·W)."""
        return determined_factor(self.smooth, self.bias)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The curvature of that sum by direction."""
        return Spectrum.of(self.smooth, self.bias)

    @cached_property
    def cells(self) -> float:
        """m·W, the divisor of the loss."""
        return self.moments.m * self.moments.weight_sum

    @cached_property
    def floor(self) -> float:
        """The part of that sum that no coefficients change."""
        return float((self.factor.C**2).sum()) / self.cells

    @cached_property
    def answer(self) -> np.ndarray | None:
        """θ (q, m) of the optimum, where that is known."""
        if self.optimum is None:
            return None
        weight, bias = self.scaling.to_view(self.optimum.weight, self.optimum.bias)
        return np.concatenate([bias[None], weight.T]) if self.bias else weight.T

    def value(self, theta: np.ndarray) -> float:
        """The objective over all rows at θ (q, m), in O(q²); of the answer itself it is known from the rows.

        Where θ runs away it overflows, which whoever may meet that ignores: once for a loop, of which it would be a
        tenth of the time.
        """
        if not self.loss.quadratic:
            return self._mean_loss(theta) + self.penalty.value(theta[int(self.bias) :].T)
        if theta is self.answer and self.optimum is not None:
            weight, bias = unstacked(theta, self.bias)
            return float(self.moments.above_rounding(self.optimum.squares, weight, bias).sum()) / self.cells
        A, B, _ = self.factor
        residual = A @ theta
        residual -= B
        loss = float(np.vdot(residual, residual)) / self.cells + self.floor
        return loss + self.penalty.value(theta[int(self.bias) :].T) if self.has_kinks else loss

    def _mean_loss(self, theta: np.ndarray) -> float:
        """The mean loss over the rows, which are read."""
        weight, bias = self.scaling.to_raw(*unstacked(theta, self.bias))
        total = 0.0
        for block in self.expect_rows().blocks(_ROWS):
            each = self.loss.value(block.Y, block.X @ weight.T + bias).sum(axis=1)
            total += float(each.sum() if block.w is None else each @ block.w)
        return total / self.cells

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇L(θ) (q, m) over all rows, with that of ridge, by the first three of the five steps."""
        A, B, _ = self.factor
        # 1. Predict.
        predictions = A @ theta
        # 2. Loss: its gradient by the predictions, over all rows.
        residual = predictions - B
        residual *= 2.0 / self.cells
        # 3. Gradient by the parameters.
        return A.T @ residual

    def allowed(self, theta: np.ndarray, step: float) -> np.ndarray:
        """θ (q, m) with the prox of a penalty with kinks taken of its weights; the bias is free."""
        if not self.has_kinks:
            return theta
        first = int(self.bias)
        return np.concatenate([theta[:first], self.penalty.prox(theta[first:].T, step).T])

    def expect(self, solver: str, needs: Iterable[str]) -> None:
        """Raise where a solver needs what this problem has not.

        Of the loss: that it is the "squared loss", a "bent loss" (of a slope without jumps) or a "kinked loss" (of one
        that only jumps). Of the penalty: "no penalty", one that is "quadratic", or the "lasso alone". And the "rows".
        """
        width, net = self.loss.slopes.width, self.penalty.threshold
        of_loss = {
            "squared loss": self.loss.quadratic,
            "bent loss": width > 0 and not self.loss.quadratic,
            "kinked loss": width == 0,
        }
        if not all(of_loss.get(need, True) for need in needs):
            raise UsageError(
                "loss-of-other-solver",
                f"the {solver} solver cannot minimise the {self.loss.mean}",
                "leave the solver out, which finds the one that can",
            )
        if "rows" in needs:
            self.expect_rows()
        served = {
            "no penalty": self.penalty.is_none,
            "quadratic": self.penalty.quadratic,
            "lasso alone": net is not None and not np.any(net.curvature) and net.is_free,
        }
        if not all(served.get(need, True) for need in needs):
            if not self.loss.quadratic:
                raise UsageError(
                    "penalty-of-other-loss",
                    f"nothing here minimises the {self.loss.mean} with {_named(self.penalty)}",
                    "with the Huber loss use ridge (--alpha 0.1); with quantile or absolute the lasso (--alpha 0.1 "
                    "--l1-ratio 1)",
                )
            raise UsageError(
                "penalty-of-other-solver",
                f"the {solver} solver cannot minimise a loss with the penalty {self.penalty.words().lstrip(', ')}",
                "leave the solver out, which finds the one that can",
            )

    def expect_rows(self) -> RowStream:
        """The rows. Raises `RequestError` where only moments are at hand."""
        if self.rows is None:
            raise RequestError(
                "rows-needed",
                "the rows themselves are needed, and moments hold none",
                "fit from the data, or use GradientDescent or Exact on the moments, with the squared loss",
            )
        return self.rows


_ROWS = 8192  # of a block


def _named(penalty: Penalty) -> str:
    return f"the penalty {penalty.words().lstrip(', ')}"


def with_level(problem: Problem, beta: np.ndarray) -> np.ndarray:
    """θ (q, m) of slopes beta (p, m): their best bias on top, ȳ − x̄·β with the low parts of the means."""
    p, mean, low = problem.p, problem.moments.mean, problem.moments.statistics.mean_low
    level = (mean[p:] - mean[:p] @ beta) + (low[p:] - low[:p] @ beta)
    return (np.vstack([level, beta]) if problem.bias else beta) + 0.0  # of zeros none is negative


def stacked(init: tuple[Any, Any] | None, moments: Moments, bias: bool) -> np.ndarray:
    """θ (q, m): the bias, where there is one, on top of weightᵀ. Zeros for None."""
    m, p = moments.m, moments.p
    if init is None:
        return np.zeros((p + bias, m))
    weight, start = (np.asarray(getattr(part, "detach", lambda part=part: part)(), float) for part in init)
    if weight.shape == (p,) and m == 1:
        weight = weight[None, :]
    if weight.shape != (m, p) or start.size != m:
        raise RequestError(
            "init-shape",
            f"init has a weight of shape {weight.shape} and a bias of shape {start.shape}",
            f"give weight {(m, p)} and bias ({m},), as in nn.Linear({p}, {m})",
        )
    if not bias and start.any():
        raise RequestError(
            "init-has-bias",
            "init has a bias and the model has none",
            "give a bias of zeros, or keep the bias",
        )
    return np.concatenate([start.reshape(1, -1), weight.T]) if bias else weight.T.copy()


def unstacked(theta: np.ndarray, bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """weight (m, p) and bias (m,) of θ; the bias is zero in a model without one."""
    start = np.array(theta[0], float) if bias else np.zeros(theta.shape[1])
    return theta[int(bias) :].T.copy(), start
