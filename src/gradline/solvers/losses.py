"""Losses per cell: what is minimised, before it is averaged over rows and targets."""

import numpy as np


class SquaredLoss:
    """(ŷ − y)² per cell; the loss of a data set is its weighted mean over rows and targets.

    Σ wᵢ·‖ŷᵢ − yᵢ‖² / (m·Σw): PyTorch's `MSELoss(reduction="mean")`, without the ½ of some textbooks.
    """

    quadratic = True  # so Moments say all about it, and compiled loops know it

    def value(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """(ŷ − y)² for targets y and predictions ŷ = eta of one shape."""
        return (eta - y) ** 2

    def gradient(self, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """The derivative by the prediction: 2(ŷ − y)."""
        return 2.0 * (eta - y)
