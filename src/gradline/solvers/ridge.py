"""Ridge at any alpha from one singular value decomposition."""

from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import UNIT, finite
from gradline.moments.rank import varying
from gradline.moments.state import Moments, once


class Spectrum(NamedTuple):
    """The singular value decomposition of the columns, and targets along it: all that ridge needs."""

    singular: np.ndarray  # (r,)
    right: np.ndarray  # (r, p)
    along: np.ndarray  # (r, m)

    def kept(self, bends: np.ndarray) -> np.ndarray:
        """The share d²/(d² + c) of each direction that is left at each curvature c, (K, r)."""
        squares = self.singular**2
        with np.errstate(invalid="ignore"):
            return np.where(squares > 0, squares / (squares + bends[:, None]), 0.0)

    def weights(self, bends: np.ndarray) -> np.ndarray:
        """The ridge answers (K, m, p) of curvatures c (K,): V·diag(d/(d² + c))·Uᵀ·B."""
        inverse = np.where(self.singular > 0, 1.0 / np.where(self.singular > 0, self.singular, 1.0), 0.0)
        shrunk = (self.kept(bends) * inverse)[:, None, :] * self.along.T[None]
        return shrunk @ self.right


@once
def spectrum(moments: Moments, bias: bool) -> Spectrum:
    """That of the columns of these moments; directions that are rounding of their columns are none."""
    columns, B = varying(moments, bias), moments.slopes_factor(bias).B
    left, singular, right = np.linalg.svd(finite(columns), full_matrices=False)
    singular = np.where(singular > 8 * moments.p * UNIT * singular.max(initial=0.0), singular, 0.0)
    return Spectrum(singular, right, left.T @ B)
