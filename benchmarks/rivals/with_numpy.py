"""NumPy: `lstsq`, an SVD of X with a column of ones."""

import numpy as np


class NumPy:
    """`numpy.linalg.lstsq`."""

    name = "numpy"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The answer of least norm."""
        return np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y)[0]
