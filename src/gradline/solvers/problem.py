"""What is minimised: the loss over the data, on the scale of training, and θ, in which solvers hold coefficients."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError
from gradline.core.linalg.refined import Refined
from gradline.data.row_stream import RowStream
from gradline.moments.rank import Rank, determined_factor
from gradline.moments.state import Moments, RawFactor
from gradline.solvers.losses import SquaredLoss
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
        weight = weight / self.scale
        return weight, bias - weight @ self.center

    def to_view(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients that give the same predictions on scaled columns."""
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
    """The loss and the view of the data that a solver works on: moments, and rows where it needs them.

    Everything is on the scale of training but the rows, which whoever reads them scales, and the `optimum` of a small
    table, correct to rounding: both are in raw units, and `scaling` leads back to them.
    """

    moments: Moments
    bias: bool
    rows: RowStream | None
    scaling: Scaling
    optimum: Refined | None = None
    loss = SquaredLoss()

    @classmethod
    def of(
        cls,
        moments: Moments,
        rows: RowStream | None,
        bias: bool,
        scaling: Scaling,
        optimum: Refined | None = None,
    ) -> "Problem":
        """The problem of raw moments and rows, seen on a scale."""
        return cls(scaling.moments(moments), bias, rows, scaling, optimum)

    @property
    def m(self) -> int:
        """The number of targets."""
        return self.moments.m

    @property
    def p(self) -> int:
        """The number of features."""
        return self.moments.p

    @cached_property
    def factor(self) -> RawFactor:
        """All rows in a few: the loss of θ is (‖A·θ − B‖² + ‖C‖²)/(m·W)."""
        return determined_factor(self.moments, self.bias)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The curvature of the loss by direction."""
        return Spectrum.of(self.moments, self.bias)

    @cached_property
    def cells(self) -> float:
        """m·W, the divisor of the loss."""
        return self.moments.m * self.moments.weight_sum

    @cached_property
    def floor(self) -> float:
        """The part of the loss that no coefficients change."""
        return float((self.factor.C**2).sum()) / self.cells

    def value(self, theta: np.ndarray) -> float:
        """The loss over all rows at θ (q, m), in O(q²)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.value_where_ignored(theta)

    def value_where_ignored(self, theta: np.ndarray) -> float:
        """The same where overflow is ignored already: a loop that ignores it once has a tenth of its time to gain."""
        A, B, _ = self.factor
        residual = A @ theta
        residual -= B
        return float(np.vdot(residual, residual)) / self.cells + self.floor

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇L(θ) (q, m) over all rows, by the first three of the five steps."""
        A, B, _ = self.factor
        # 1. Predict.
        predictions = A @ theta
        # 2. Loss: its gradient by the predictions, over all rows.
        residual = predictions - B
        residual *= 2.0 / self.cells
        # 3. Gradient by the parameters.
        return A.T @ residual

    def expect(self, needs: Iterable[str]) -> None:
        """Raise `RequestError` where a solver needs the rows and only moments are at hand."""
        if self.rows is None and "rows" in needs:
            raise RequestError(
                "rows-needed",
                "mini-batches need the rows, and moments hold none",
                "fit from the data, or use GradientDescent or Exact on the moments",
            )

    def expect_rows(self) -> RowStream:
        """The rows, raising as `expect` does."""
        self.expect(("rows",))
        assert self.rows is not None
        return self.rows


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
