"""Basis: rows in coordinates where least squares is plain, and the way from there to coefficients."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.linalg.triangular import UNIT
from gradline.moments.rank import DETERMINED, Rank
from gradline.moments.state import Moments, once


@dataclass(frozen=True, eq=False)
class Basis:
    """Coordinates g (q,) of a row in which Σ w·g·gᵀ over the training rows is the identity.

    g = (1/√W, rootᵀ·(x − mean)) with a bias, rootᵀ·x without: root = V/(σ·D) of the singular value decomposition
    of the columns scaled by D, or the inverse of their factor (`Rank.root`), so XᵀX is never inverted. w·g·g is a row's
    leverage. `inverse` (p + bias, q) takes g to coefficients: what a sum Σ w·r·g adds to them, the bias first.
    """

    root: np.ndarray
    center: np.ndarray  # with its low part, (2, p)
    norms: np.ndarray  # 1 where a column is constant
    level: float | None  # 1/√W; None without a bias
    rank: Rank

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "Basis":
        """The coordinates for a fit of these moments, with or without a bias."""
        return _basis(moments, bias)

    @property
    def q(self) -> int:
        """How many coefficients per target the data determine, the bias included."""
        return self.root.shape[1] + (self.level is not None)

    def rows(self, X: np.ndarray) -> np.ndarray:
        """g (n, q) of the rows X (n, p)."""
        moved = self.around(X) @ self.root
        return moved if self.level is None else np.column_stack([np.full(len(X), self.level), moved])

    def outside(self, X: np.ndarray) -> np.ndarray:
        """Which rows (n,) break a combination that held in all training rows: nothing is known about those."""
        if self.rank.deficiency == 0:
            return np.zeros(len(X), bool)
        moved = self.around(X) / self.norms
        sizes = np.abs(X / self.norms) + np.abs(self.center[0] / self.norms)
        allowed = DETERMINED * np.linalg.norm(moved, axis=1) + 64 * UNIT * np.linalg.norm(sizes, axis=1)
        return np.linalg.norm(self.rank.beyond(moved), axis=1) > allowed

    def around(self, X: np.ndarray) -> np.ndarray:
        """X − mean, or X without a bias."""
        return X - self.center[0] - self.center[1]

    @cached_property
    def inverse(self) -> np.ndarray:
        """See the class."""
        if self.level is None:
            return self.root
        whole = below(self.level, self.root)
        whole[0, 1:] = -self.center[0] @ self.root
        return whole

    def stderr(self, middle: np.ndarray) -> Coefficients:
        """Standard errors for the covariance `middle` (m, q, q) of Σ w·r·g; NaN where not determined."""
        variance = np.einsum("jk,mkl,jl->mj", self.inverse, middle, self.inverse)
        return self.pair(np.sqrt(np.maximum(variance, 0.0)))

    def pair(self, values: np.ndarray) -> Coefficients:
        """Values (m, bias + p) as a pair, NaN where the coefficient is not determined."""
        values = np.where(self.determined, values, np.nan)
        return Coefficients(values, None) if self.level is None else Coefficients(values[:, 1:], values[:, 0])

    @cached_property
    def determined(self) -> np.ndarray:
        """Which coefficients (bias + p,) have one value in all least-squares answers, the bias first."""
        if self.level is None:
            return self.rank.determined
        mean = self.center[:1] / self.norms
        bias = np.linalg.norm(self.rank.beyond(mean)) <= DETERMINED * np.linalg.norm(mean)
        return np.append(bias, self.rank.determined)


def below(level: float, root: np.ndarray) -> np.ndarray:
    """[level 0; 0 root]."""
    whole = np.zeros((len(root) + 1, root.shape[1] + 1))
    whole[0, 0], whole[1:, 1:] = level, root
    return whole


@once
def _basis(moments: Moments, bias: bool) -> Basis:
    rank, p = Rank.of(moments, bias), moments.p
    norms = np.where(rank.norms > 0, rank.norms, 1.0)
    mean = (moments.mean[:p], moments.statistics.mean_low[:p])
    return Basis(
        root=rank.root / norms[:, None],
        center=np.array(mean) if bias else np.zeros((2, p)),
        norms=norms,
        level=1.0 / math.sqrt(moments.weight_sum) if bias else None,
        rank=rank,
    )
