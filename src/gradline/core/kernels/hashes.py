"""Compiled hashes of rows; the twins are in `statistics`."""

import numba
import numpy as np

SEED = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(error_model="numpy")
def hashed(X, Y, w, multipliers):
    """The sum modulo 2^64 of rows' hashes: X (n, p), Y (n, m), w (n,) or (0,); the twin of `statistics.fingerprint`."""
    p, m, total = X.shape[1], Y.shape[1], np.uint64(0)
    for i in range(len(Y)):
        row = SEED
        for j in range(p):
            row += spread(X[i, j]) * multipliers[j]
        for t in range(m):
            row += spread(Y[i, t]) * multipliers[p + t]
        if len(w):
            row += spread(w[i]) * multipliers[p + m]
        total += mixed(row)
    return total


@numba.njit(error_model="numpy", inline="always")
def spread(value):
    """The bits of a float64 with their upper half brought into the lower, −0 as 0."""
    bits = np.float64(value + 0.0).view(np.uint64)
    return bits ^ (bits >> np.uint64(32))


@numba.njit(error_model="numpy", inline="always")
def multiplier(column):
    """That of a column; the twin of `statistics.multipliers`."""
    return mixed(np.uint64(column + 1) * SEED) | np.uint64(1)


@numba.njit(error_model="numpy", inline="always")
def mixed(bits):
    """The mixer of splitmix64."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
