"""Moments on the way: cross-products in float64, at the speed of a matrix product, until all rows are in."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.design import Recipe
from gradline.factor import UNIT, rounding, scaled_singular_values
from gradline.rows import Block
from gradline.tally import Tally, centre


class Found(NamedTuple):
    """R (k, k) and a bound on the relative error of its columns."""

    factor: np.ndarray
    error: float


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """G = Σ w·(z − z̄)(z − z̄)ᵀ over rows z = [x y], with their tally."""

    tally: Tally
    G: np.ndarray

    @classmethod
    def of(cls, block: Block, recipe: Recipe) -> "CrossProducts":
        """Those of some rows."""
        tally, deviations = centre(block, recipe.features + recipe.targets)
        weighted = deviations if block.w is None else block.w[:, None] * deviations
        return cls(tally, deviations.T @ weighted)

    def __add__(self, other: "CrossProducts") -> "CrossProducts":
        between = self.tally.between(other.tally)
        return CrossProducts(self.tally + other.tally, self.G + other.G + np.outer(between, between))

    def factor(self) -> Found | None:
        """R by Cholesky of the scaled cross-products; None when they are not positive definite.

        The error of the cross-products reaches R through the square of its condition (Higham 2002, ch. 10).
        """
        scale = np.sqrt(np.diag(self.G))
        if not (scale > 0).all():
            return None
        try:
            factor = np.linalg.cholesky(self.G / np.outer(scale, scale)).T * scale
        except np.linalg.LinAlgError:
            return None
        s = scaled_singular_values(factor)
        condition = float(s[0] / s[-1]) if s[-1] > 0 else np.inf
        return Found(factor, max(UNIT, min(1.0, rounding(len(scale)) * condition**2)))
