"""An optimum known to rounding, and what standard errors need of it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

CELLS = 100_000  # rows × columns up to which an optimum is always refined: for a few ms at the most


class Figures(NamedTuple):
    """What standard errors need: the sum of squares (m,) and the diagonal of (AᵀWA)⁻¹, the bias first."""

    squares: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, eq=False)
class Refined:
    """The optimum: weight (m, p) and bias (m,) correct to rounding, bounds that hold, and the sum of squares (m,)."""

    weight: np.ndarray
    bias: np.ndarray
    weight_bound: np.ndarray
    bias_bound: np.ndarray
    squares: np.ndarray
    variances: np.ndarray | None = None  # (bias + p,), of tables that are not too wide

    @property
    def figures(self) -> Figures | None:
        """For inference, where the variances are known."""
        return None if self.variances is None else Figures(self.squares, self.variances)


def half_exponents(w: np.ndarray | None) -> np.ndarray:
    """The powers of two (n, 1) near the roots of row weights: rows times these may have weights between ¼ and 1."""
    return np.zeros((1, 1), int) if w is None else -(-np.frexp(w)[1] // 2)[:, None]
