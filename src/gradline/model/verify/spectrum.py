"""The singular values of the columns as a model saw them, from the elimination of exact cross-products."""

from dataclasses import dataclass

import numpy as np

from gradline.model.verify.ldl import Eliminated
from gradline.model.verify.row_sums import Evidence


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A = U·diag(σ)·Vᵀ of the columns [1 X], or X without a bias, in the units of training, times the roots of weights.

    `sigma` (r,) and `right` (r, q) are σ and Vᵀ; θ is the bias, if any, on top of weightᵀ in these units. `center` and
    `scale` (p,) say what the units of training are: (x − center)/scale.
    """

    sigma: np.ndarray
    right: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    has_bias: bool

    @classmethod
    def of(cls, pivots: Eliminated, evidence: Evidence, standard: bool = False) -> "Spectrum":
        """That of the columns as they are, or of mean zero and variance one: of mean square one without a bias.

        G = L·D·Lᵀ has √D·Lᵀ for a factor, whose columns are those of the rows, turned.
        """
        has_bias, frame, first = pivots.has_bias, evidence.frame, int(pivots.has_bias)
        factor = (pivots.L * np.sqrt(pivots.D)).T
        p = factor.shape[1] - first
        units, shift = frame.units[:p], frame.shift[:p]
        columns = np.ldexp(factor[:, first:], units) + (np.outer(factor[:, 0], shift) if has_bias else 0.0)
        center, scale = np.zeros(p), np.ones(p)
        if standard:
            scale = np.ldexp(pivots.norms[first:], units) / np.sqrt(evidence.mass)
            scale = np.where(scale > 0, scale, 1.0)
            if has_bias:
                center = columns[0] / factor[0, 0]
                columns = np.ldexp(factor[:, first:], units)
                columns[0] = 0.0
            columns = columns / scale
        whole = np.column_stack([factor[:, 0], columns]) if has_bias else columns
        _, sigma, right = np.linalg.svd(whole, full_matrices=False)
        return cls(sigma * 2.0 ** (frame.weight_unit / 2), right, center, scale, has_bias)

    @property
    def condition(self) -> float:
        """σmax/σmin over the directions that count."""
        return float(self.sigma[0] / self.sigma[-1]) if len(self.sigma) else 1.0

    def view(self, theta: np.ndarray) -> np.ndarray:
        """θ (q, m) in raw units as it is in those of training; a difference of two of them, too."""
        first = int(self.has_bias)
        found = theta.copy()
        found[first:] *= self.scale[:, None]
        if self.has_bias:
            found[0] += self.center @ theta[first:]
        return found


def scaled_condition(pivots: Eliminated) -> float:
    """That of the columns around their means, or as they are without a bias, of unit norm."""
    first = int(pivots.has_bias)
    factor = pivots.L[first:, first:] * np.sqrt(pivots.D[first:])
    varies = pivots.norms[first:] > 0
    if not varies.any():
        return 1.0
    sigma = np.linalg.svd(factor[varies] / pivots.norms[first:][varies, None], compute_uv=False)
    sigma = sigma[: len(pivots.order) - first]
    return float(sigma[0] / sigma[-1])
