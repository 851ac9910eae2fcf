"""Compiled hashes of rows; the twins are in `tally`."""

import numba
import numpy as np

_NEGATIVE_ZERO = np.uint64(1 << 63)

_SEED = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def hashed(X, Y, w, first, rows, multipliers):
    """The sum modulo 2^64 of the hashes of some rows: X (n, p), Y (n, m), w (n,) or (0,); twin: `tally.fingerprint`."""
    p, m, total = X.shape[1], Y.shape[1], np.uint64(0)
    x, y, v = X.view(np.uint64), Y.view(np.uint64), w.view(np.uint64)
    for i in range(first, first + rows):
        row = _SEED
        for j in range(p):
            row += _spread(x[i, j]) * multipliers[j]
        for t in range(m):
            row += _spread(y[i, t]) * multipliers[p + t]
        if len(v):
            row += _spread(v[i]) * multipliers[p + m]
        total += _mixed(row)
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _spread(bits):
    """The bits of a float64 with its upper half brought into the lower, −0 as 0."""
    bits = np.uint64(0) if bits == _NEGATIVE_ZERO else bits
    return bits ^ (bits >> np.uint64(32))


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _mixed(bits):
    """The mixer of splitmix64."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
