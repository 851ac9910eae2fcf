"""Moments on the way: cross-products in float64, at the speed of a matrix product, until all rows are in."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.design import Recipe
from gradline.doubled import two_sum
from gradline.factor import UNIT, condition_number, rounding
from gradline.rows import Block, expect_finite
from gradline.sums import Sums, sparse_sums, summed
from gradline.tally import Tally, centre, refuse_extreme

_SAMPLE = 1000  # rows that say near enough where the mean is
_LOST = 1e3  # a shift off by more than this many variances costs digits: three here


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
        """Those of some rows, at least one.

        The rows are summed around a shift near their mean, and the little that it is off is taken away at the end.
        """
        names, shift = recipe.features + recipe.targets, _near_mean(block)
        return cls._around(shift, summed(block, shift), block, names) or cls._carefully(block, names)

    @classmethod
    def of_sparse(cls, block: Block, recipe: Recipe) -> "CrossProducts | None":
        """Those of some rows whose X is sparse, around zero in its columns; None where that would cost digits."""
        shift = np.concatenate([np.zeros(block.X.shape[1]), block.Y.mean(axis=0)])
        return cls._around(shift, sparse_sums(block, shift), block, recipe.features + recipe.targets)

    @classmethod
    def _around(
        cls, shift: np.ndarray, sums: Sums, block: Block, names: tuple[str, ...]
    ) -> "CrossProducts | None":
        """Those around the mean from the sums around a shift; None where the two are too far apart."""
        expect_finite(sums.total)
        refuse_extreme(sums.low, sums.high, block.w, names)
        weight_sum = float(len(block.Y) if block.w is None else block.w.sum())
        step = sums.total / weight_sum
        G, constant = sums.products - np.outer(sums.total, step), sums.low == sums.high
        if (sums.total * step > _LOST * np.diag(G))[~constant].any():
            return None
        G[constant], G[:, constant] = 0.0, 0.0
        mean, low = two_sum(shift, step)
        mean, low = np.where(constant, sums.low, mean), np.where(constant, 0.0, low)
        tally = Tally(
            len(block.Y),
            weight_sum,
            mean,
            low,
            sums.low,
            sums.high,
            sums.fingerprint,
            block.dropped,
            dict(block.missing),
        )
        return cls(tally, G)

    @classmethod
    def _carefully(cls, block: Block, names: tuple[str, ...]) -> "CrossProducts":
        """Around the mean itself, for rows of which a few are far from all others."""
        tally, deviations = centre(block, names)
        weighted = deviations if block.w is None else block.w[:, None] * deviations
        return cls(tally, deviations.T @ weighted)

    def __add__(self, other: "CrossProducts") -> "CrossProducts":
        between = self.tally.between(other.tally)
        return CrossProducts(self.tally + other.tally, self.G + other.G + np.outer(between, between))

    def factor(self, p: int) -> Found | None:
        """R by Cholesky of the scaled cross-products, p columns of X first; None when they are not positive definite.

        The error of the cross-products reaches the columns of X through the square of their condition, and those of Y
        also through how little of them X leaves (Higham 2002, ch. 10).
        """
        scale = np.sqrt(np.diag(self.G))
        if not (scale > 0).all():
            return None
        try:
            factor = np.linalg.cholesky(self.G / np.outer(scale, scale)).T * scale
        except np.linalg.LinAlgError:
            return None
        condition = condition_number(factor[:p, :p] / np.linalg.norm(factor[:p, :p], axis=0))
        left = np.linalg.norm(factor[p:, p:], axis=0)
        smallest = float((left / scale[p:]).min())
        error = rounding(len(scale)) * condition**2 / min(1.0, 2 * smallest) if smallest else np.inf
        return Found(factor, max(UNIT, min(1.0, error)))


def _near_mean(block: Block) -> np.ndarray:
    """The mean (k,) of rows spread evenly over the block."""
    some = slice(None, None, -(-len(block.X) // _SAMPLE))
    return np.concatenate([block.X[some].mean(axis=0), block.Y[some].mean(axis=0)])
