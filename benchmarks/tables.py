"""The random tables that are fitted: columns of unlike means and scales, and a target with noise."""

import numpy as np


def table(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p), whose columns have means of -1 to 1 and deviations of 0.5 to 2, and y (n,)."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, p))
    X *= random.uniform(0.5, 2.0, p)
    X += random.uniform(-1.0, 1.0, p)
    return X, X @ random.uniform(1.0, 2.0, p) + 3.0 + random.standard_normal(n)
