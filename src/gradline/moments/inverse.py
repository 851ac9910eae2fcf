"""The inverse of a factor, where it says all that is asked: of a square one, or from the right of one of fewer rows."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.linalg.triangular import Extremes, extremes, inverted

_STEEPEST = (
    1e4  # a condition whose square leaves products of rows half of the digits: one correction brings the rest
)


@dataclass(frozen=True, eq=False)
class SquareInverse:
    """T = R⁻¹ of a triangular factor R (p, p), and its extreme singular values."""

    matrix: np.ndarray
    extremes: Extremes

    def times(self, B: np.ndarray) -> np.ndarray:
        """T·B (p, m)."""
        return self.matrix @ B


@dataclass(frozen=True, eq=False)
class RightInverse:
    """T = Aᵀ(A·Aᵀ)⁻¹ for A (n, p) of fewer rows than columns, by n×n matrices alone.

    With A·Aᵀ = RᵀR (Cholesky) and `root` = R⁻¹ a solution is off by κ²·u, and each correction by what it leaves of B
    brings that down by as much again, as far as QR would go: κ·u (corrected seminormal equations, Björck 1987).
    """

    A: np.ndarray
    R: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray) -> "RightInverse | None":
        """That of A; None where its rows are dependent, or so near to it that their products do not tell."""
        try:
            R = np.linalg.cholesky(A @ A.T).T
            root = inverted(R)
        except np.linalg.LinAlgError:
            return None
        found = cls(A, R, root)
        return found if found.extremes.condition <= _STEEPEST else None

    @cached_property
    def extremes(self) -> Extremes:
        """σmax and σmin of A."""
        return extremes(self.R, self.root)

    def with_row(self, products: np.ndarray, square: float) -> Extremes | None:
        """σmax and σmin of A with one more row, whose products with those of A (n,) and square these are.

        They are those of R with one more column; None where too little of the row is apart from those of A. Rows of any
        size tell alike, and together they are as dependent as those of A, times what the row shares with these.
        """
        v = self.root.T @ products
        left = square - float(v @ v)
        if left <= square * (self.extremes.condition / _STEEPEST) ** 2:
            return None
        corner, below = np.array([[math.sqrt(left)]]), np.zeros((1, len(v)))
        R = np.block([[self.R, v[:, None]], [below, corner]])
        root = np.block([[self.root, -(self.root @ v)[:, None] / corner], [below, 1 / corner]])
        return extremes(R, root)

    @cached_property
    def matrix(self) -> np.ndarray:
        """T (p, n)."""
        return self.times(np.eye(len(self.A)))

    def times(self, B: np.ndarray) -> np.ndarray:
        """T·B (p, m), the smallest β with A·β = B."""
        beta = np.zeros((self.A.shape[1], B.shape[1]))
        for _ in range(3):
            beta += self.A.T @ (self.root @ (self.root.T @ (B - self.A @ beta)))
        return beta


Inverse = SquareInverse | RightInverse  # T with columns·T the identity, where their rows are independent
