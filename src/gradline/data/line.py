"""Points about a line, y = 1 + 2·x + noise: the rule by which tutorial 003 makes its data, from a seed."""

import numpy as np

BIAS, WEIGHT = 1.0, 2.0
VALIDATION = 0.2  # of the rows: the tutorial trains on 80 of its 100 points


def line(rows: int = 100, noise: float = 0.1, seed: int = 42) -> np.ndarray:
    """Rows x, y (rows, 2), in a random order: x uniform on [0, 1), y = 1 + 2·x + noise·ε with ε standard normal.

    The draws are those of NumPy's `RandomState(seed)`, whose streams never change: `rand`, `randn`, then `shuffle` of
    the row numbers. In that order the first four fifths are the rows to train on, the others those to validate with.
    """
    random = np.random.RandomState(seed)
    x = random.rand(rows)
    y = BIAS + WEIGHT * x + noise * random.randn(rows)
    order = np.arange(rows)
    random.shuffle(order)
    return np.column_stack([x, y])[order]
