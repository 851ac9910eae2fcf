"""Compiled sums over rows: cross-products, ranges, hashes; the twins are in `crossproducts` and `tally`.

Sums may be reordered here, but nowhere may NaN or an infinity be lost from one.
"""

import numba
import numpy as np

_TILE = 128  # rows packed column by column: a few columns of them stay in the first cache
_SUMS = {"reassoc", "contract"}
_RANGES = {"reassoc", "nnan", "nsz"}  # of NaN a range says nothing, which sums do
_NEGATIVE_ZERO = np.uint64(1 << 63)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def cross_products(X, Y, shift, low, high, sums, G):
    """Add rows z = [x y] less `shift` (k,) to Σz in `sums` and Σzzᵀ to the upper half of `G`, z to `low` and `high`.

    Twin: `crossproducts._summed`. What is not finite in the rows is not finite in `sums` either.
    """
    n, p = X.shape
    k = p + Y.shape[1]
    even = k + k % 2
    tile = np.zeros((even, _TILE))  # of an odd number of columns the last is followed by one of zeros
    for first in range(0, n, _TILE):
        rows = min(_TILE, n - first)
        for i in range(rows):
            for j in range(p):
                tile[j, i] = X[first + i, j]
            for j in range(p, k):
                tile[j, i] = Y[first + i, j - p]
        for j in range(k):
            for i in range(rows, _TILE):
                tile[j, i] = tile[j, 0]
            _widen(tile, j, low, high)
            for i in range(rows, _TILE):
                tile[j, i] = shift[j]
            total = 0.0
            for i in range(_TILE):
                tile[j, i] -= shift[j]
                total += tile[j, i]
            sums[j] += total
        for i in range(0, even, 2):
            for j in range(i, even, 2):
                _tile_products(tile, i, j, k, G)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_RANGES)
def _widen(tile, j, low, high):
    """Widen the range of column j to the values of the tile."""
    least, most = tile[j, 0], tile[j, 0]
    for i in range(_TILE):
        value = tile[j, i]
        least = value if value < least else least
        most = value if value > most else most
    low[j] = least if least < low[j] else low[j]
    high[j] = most if most > high[j] else high[j]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_RANGES)
def shifted(X, Y, shift, Z, low, high):
    """Fill Z (n, k) with rows z = [x y] less `shift` (k,), and widen `low` and `high` to z.

    Twin: `crossproducts._shifted`.
    """
    n, p = X.shape
    for i in range(n):
        for j in range(p):
            value = X[i, j]
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]
            Z[i, j] = value - shift[j]
        for t in range(Y.shape[1]):
            value, j = Y[i, t], p + t
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]
            Z[i, j] = value - shift[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def hashed(bits, sums, multipliers):
    """Add the bits (n, p) of each row of float64 to its hash in `sums` (n,), −0 as 0; twin: `tally._hashed`."""
    n, p = bits.shape
    for i in range(n):
        total = sums[i]
        for j in range(p):
            value = np.uint64(0) if bits[i, j] == _NEGATIVE_ZERO else bits[i, j]
            total += (value ^ (value >> np.uint64(32))) * multipliers[j]
        sums[i] = total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def mixed_sum(hashes):
    """The sum modulo 2^64 of hashes (n,), each mixed; twin: `tally._mixed` and a sum."""
    total = np.uint64(0)
    for i in range(len(hashes)):
        bits = (hashes[i] ^ (hashes[i] >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        total += bits ^ (bits >> np.uint64(31))
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS, inline="always")
def _tile_products(tile, i, j, k, G):
    """The four products of columns i, i + 1 with j, j + 1, which share what they load."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for row in range(_TILE):
        x, x1, y, y1 = tile[i, row], tile[i + 1, row], tile[j, row], tile[j + 1, row]
        a += x * y
        b += x * y1
        c += x1 * y
        d += x1 * y1
    G[i, j] += a
    if j + 1 < k:
        G[i, j + 1] += b
    if i < j:
        G[i + 1, j] += c
    if i + 1 < k and j + 1 < k:
        G[i + 1, j + 1] += d
