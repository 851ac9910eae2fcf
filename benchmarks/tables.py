"""The random tables that are fitted: columns of unlike means and scales, and a target with noise."""

import numpy as np
from scipy import sparse


def table(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, p), whose columns have means of -1 to 1 and deviations of 0.5 to 2, and y (n,)."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, p))
    X *= random.uniform(0.5, 2.0, p)
    X += random.uniform(-1.0, 1.0, p)
    return X, X @ random.uniform(1.0, 2.0, p) + 3.0 + random.standard_normal(n)


def sparse_table(n: int, p: int, density: float) -> tuple[sparse.csr_array, np.ndarray]:
    """X (n, p) with a share of normal cells, the others zero, and y (n,)."""
    random = np.random.default_rng(0)
    cells = sparse.random_array((n, p), density=density, rng=random, data_sampler=random.standard_normal)
    X = sparse.csr_array(cells)
    return X, X @ random.uniform(1.0, 2.0, p) + 3.0 + random.standard_normal(n)
