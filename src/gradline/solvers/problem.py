"""What is minimised: the loss per row, the scale on which it is trained, and the view of the data."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.linalg.refinement import Refined
from gradline.data.design import DesignSpec
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.moments.rank import Rank, determined_factor
from gradline.moments.state import Moments, RawFactor
from gradline.solvers.trajectory import Spectrum


class SquaredLoss:
    """(ŷ − y)² per cell; the loss of a data set is its weighted mean over rows and targets.

    Σ wᵢ·‖ŷᵢ − yᵢ‖² / (m·Σw): PyTorch's `MSELoss(reduction="mean")`, without the ½ of some textbooks.
    """

    quadratic = True  # so Moments say all about it

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """(ŷ − y)² for targets y and predictions ŷ = eta of one shape."""
        return (eta - y) ** 2

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The derivative by the prediction: 2(ŷ − y)."""
        return 2.0 * (eta - y)

    def curvature(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The second derivative by the prediction: 2."""
        return np.full_like(y, 2.0)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Training on (x − center)/scale; coefficients go in and come out in raw units."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def none(cls, features: int) -> "Scaling":
        """The columns as they are."""
        return cls(np.zeros(features), np.ones(features))

    @classmethod
    def standard(cls, moments: Moments, bias: bool) -> "Scaling":
        """Columns of mean 0 and variance 1 (divisor W); of mean square 1, uncentred, without a bias.

        A constant column is centred and left otherwise as it is.
        """
        norms = Rank.of(moments, bias).norms / np.sqrt(moments.weight_sum)
        center = moments.mean[: moments.p].copy() if bias else np.zeros(moments.p)
        return cls(center, np.where(norms > 0, norms, 1.0))

    @property
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
        return moments if self.is_none else moments.scaled(self.center, self.scale)


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """The rows with their features scaled."""

    rows: RowStream
    scaling: Scaling

    @property
    def design(self) -> DesignSpec:
        """The design of the rows as they were."""
        return self.rows.design

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        for block in self.rows.blocks(size):
            yield block._replace(X=(block.X - self.scaling.center) / self.scaling.scale)


@dataclass(frozen=True, eq=False)
class Problem:
    """The loss and the view of the data that a solver works on: moments, and rows where it needs them.

    Everything is on the scale of training but the `optimum` of a small table, correct to rounding, which is in raw
    units; `scaling` leads back to them.
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
        if rows is not None and not scaling.is_none:
            rows = ScaledRows(rows, scaling)
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
            residual = (self.factor.A @ theta - self.factor.B).ravel()
            return float(residual @ residual) / self.cells + self.floor

    def expect_rows(self) -> RowStream:
        """The rows; raises `RequestError` when only moments are at hand."""
        if self.rows is None:
            raise RequestError(
                "rows-needed",
                "mini-batches need the rows, and moments hold none",
                "fit from the data, or use GradientDescent or Exact on the moments",
            )
        return self.rows
