"""PyTorch: `torch.linalg.lstsq`, a QR of X with a column of ones."""

import numpy as np
import torch


class Torch:
    """`torch.linalg.lstsq` in float64."""

    name = "torch"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The answer of LAPACK's gelsy, torch's default on the CPU."""
        features = torch.from_numpy(X)
        A = torch.cat([torch.ones(len(X), 1, dtype=torch.float64), features], dim=1)
        return torch.linalg.lstsq(A, torch.from_numpy(y)[:, None]).solution[:, 0].numpy()
