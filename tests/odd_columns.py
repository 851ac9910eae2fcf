"""Columns of all units and offsets, some of them twins, constant, round or the difference of others."""

import numpy as np


def columns(random: np.random.Generator, rows: int, features: int, kinds: int) -> tuple[np.ndarray, int]:
    """X (rows, features) and which of so many kinds it is: 1 twins, 2 constant, 3 round, 4 a difference, else none."""
    X = random.standard_normal((rows, features)) * np.exp(2 * random.standard_normal(features))
    X += random.standard_normal(features) * 10 ** random.uniform(-2, 4)
    kind = int(random.integers(0, kinds))
    if kind == 1 and features > 2:
        X[:, 1] = X[:, 0]
    if kind == 2 and features > 2:
        X[:, 0] = 3.0
    if kind == 3:
        X = np.round(X)
    if kind == 4 and features > 3:
        X[:, 3] = X[:, 2] - X[:, 1]
    return X, kind
