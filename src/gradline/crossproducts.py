"""Moments on the way: cross-products in float64, at the speed of a matrix product, until all rows are in."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.compiled import kernels
from gradline.design import Recipe
from gradline.doubled import two_sum
from gradline.factor import UNIT, rounding, scaled_singular_values
from gradline.rows import Block, expect_finite
from gradline.tally import Tally, centre, fingerprint, refuse_extreme

_SAMPLE = 1000  # rows that say near enough where the mean is
_LOST = 1e3  # a shift off by more than this many variances costs digits: three here
_CACHED = 1 << 16  # cells that stay in cache from one operation to the next
_FEW = 24  # columns up to which compiled loops beat the matrix product
_GAIN = 3e-9  # seconds a cell that they save there


class Found(NamedTuple):
    """R (k, k) and a bound on the relative error of its columns."""

    factor: np.ndarray
    error: float


class _Sums(NamedTuple):
    """Over rows z less a shift: Σ w·z (k,), Σ w·zzᵀ (k, k); and the range of the rows as they are."""

    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    products: np.ndarray


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
        sums = _summed(block, shift)
        expect_finite(sums.total)
        refuse_extreme(sums.low, sums.high, block.w, names)
        weight_sum = float(len(block.X) if block.w is None else block.w.sum())
        step = sums.total / weight_sum
        G, constant = sums.products - np.outer(sums.total, step), sums.low == sums.high
        if (sums.total * step > _LOST * np.diag(G))[~constant].any():
            return cls._carefully(block, names)
        G[constant], G[:, constant] = 0.0, 0.0
        mean, low = two_sum(shift, step)
        mean, low = np.where(constant, sums.low, mean), np.where(constant, 0.0, low)
        rows, hashed = len(block.X), fingerprint(block)
        tally = Tally(
            rows, weight_sum, mean, low, sums.low, sums.high, hashed, block.dropped, dict(block.missing)
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
        s = scaled_singular_values(factor[:p, :p])
        condition = float(s[0] / s[-1]) if s[-1] > 0 else np.inf
        left = np.linalg.norm(factor[p:, p:], axis=0)
        smallest = float((left / scale[p:]).min())
        error = rounding(len(scale)) * condition**2 / min(1.0, 2 * smallest) if smallest else np.inf
        return Found(factor, max(UNIT, min(1.0, error)))


def _near_mean(block: Block) -> np.ndarray:
    """The mean (k,) of rows spread evenly over the block."""
    some = slice(None, None, -(-len(block.X) // _SAMPLE))
    return np.concatenate([block.X[some].mean(axis=0), block.Y[some].mean(axis=0)])


def _summed(block: Block, shift: np.ndarray) -> _Sums:
    """The sums: by compiled loops alone where columns are few, else by matrix products of pieces that stay in cache."""
    k = len(shift)
    loops = kernels(len(block.X) * k * _GAIN)
    low, high, total, products = np.full(k, np.inf), np.full(k, -np.inf), np.zeros(k), np.zeros((k, k))
    if loops and k <= _FEW and block.w is None:
        loops.cross_products(block.X, block.Y, shift, low, high, total, products)
        products += np.triu(products, 1).T
        return _Sums(low, high, total, products)
    shifted, size = loops.shifted if loops else _shifted, max(k, _CACHED // k)
    Z, ones = np.empty((min(size, len(block.X)), k)), np.ones(size)
    for first in range(0, len(block.X), size):
        part = block.take(slice(first, first + size))
        z = Z[: len(part.X)]
        shifted(part.X, part.Y, shift, z, low, high)
        w = ones[: len(z)] if part.w is None else part.w
        total += w @ z
        products += z.T @ (z if part.w is None else w[:, None] * z)
    return _Sums(low, high, total, products)


def _shifted(
    X: np.ndarray, Y: np.ndarray, shift: np.ndarray, Z: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Rows [x y] less a shift into Z, and their range; the twin of `kernels.shifted`."""
    Z[:, : X.shape[1]], Z[:, X.shape[1] :] = X, Y
    np.minimum(low, Z.min(axis=0), out=low)
    np.maximum(high, Z.max(axis=0), out=high)
    Z -= shift
