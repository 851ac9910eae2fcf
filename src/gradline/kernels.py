"""Compiled loops (numba), each with a NumPy twin that it is tested against; `compiled` decides when they load.

Sums may be reordered here, but nowhere may NaN or an infinity be lost from one.
"""

import numba
import numpy as np

_TILE = 128  # rows packed column by column: a few columns of them stay in the first cache
_SUMS = {"reassoc", "contract"}
_ROWS = 64  # rows drawn and gathered together: they stay in the first cache
_LANES = 8  # gathered rows are padded with zeros to a multiple of so many columns
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


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def sgd_epoch(X, Y, w, center, scale, keys, bits, theta, velocity, lr, done, updates, momentum, batch_size):
    """Descend over all rows once, in batches; `theta` and `velocity` (q, m) change in place.

    Rows come in the order of `shuffling.permutation(n, keys)` of `bits` bits, as (X − center)/scale, with weights `w`
    or, where it is empty, of one. The rate of update k is lr·(1 − k/updates), the first k being `done`. Twin:
    `solvers.sgd._update` for each batch.
    """
    n, p = X.shape
    q, m = theta.shape
    width = -(-q // _LANES) * _LANES
    weight, speed, gradient = np.zeros((m, width)), np.zeros((m, width)), np.zeros((m, width))
    _by_target(theta, p, weight)
    _by_target(velocity, p, speed)
    A, B, u, order = np.zeros((_ROWS, width)), np.empty((_ROWS, m)), np.ones(_ROWS), np.empty(_ROWS, np.int64)
    if q > p:
        A[:, p] = 1.0
    inverse = 1.0 / scale
    at, held, counter = 0, 0, 0
    for first in range(0, n, batch_size):
        left, total = min(batch_size, n - first), 0.0
        while left > 0:
            if at == held:
                counter, held = _draw(keys, bits, n, counter, order)
                _gather(X, Y, w, center, inverse, order, held, A, B, u)
                at = 0
            run = min(left, held - at)
            total += _add_gradients(A, B, u, at, at + run, weight, gradient)
            at += run
            left -= run
        _update(weight, speed, gradient, 2.0 / (m * total), lr * (1.0 - done / updates), momentum)
        done += 1
    _as_columns(weight, p, theta)
    _as_columns(speed, p, velocity)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _by_target(theta, p, weight):
    """The columns of θ (q, m) as rows, the bias after the features instead of before them."""
    q, m = theta.shape
    for t in range(m):
        for j in range(p):
            weight[t, j] = theta[q - p + j, t]
        if q > p:
            weight[t, p] = theta[0, t]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _as_columns(weight, p, theta):
    """The way back."""
    q, m = theta.shape
    for t in range(m):
        for j in range(p):
            theta[q - p + j, t] = weight[t, j]
        if q > p:
            theta[0, t] = weight[t, p]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _draw(keys, bits, n, counter, order):
    """The next row numbers, at least one, and how far the counter came. Twin: `shuffling.permutation`."""
    x = np.empty(_ROWS, np.uint32)
    mask, half = np.uint32((1 << bits) - 1), np.uint32((bits + 1) // 2)
    held = 0
    while held == 0:
        many = min(_ROWS, (1 << bits) - counter)
        for i in range(many):
            x[i] = counter + i
        for k in range(len(keys)):
            factor, addend = keys[k, 0], keys[k, 1]
            for i in range(many):
                mixed = np.uint32(x[i] * factor + addend) & mask
                x[i] = mixed ^ (mixed >> half)
        for i in range(many):
            order[held] = x[i]
            held += x[i] < n
        counter += many
    return counter, held


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _gather(X, Y, w, center, inverse, order, held, A, B, u):
    """Rows of X, scaled, with their targets and weights, side by side."""
    for i in range(held):
        row = order[i]
        for j in range(X.shape[1]):
            A[i, j] = (X[row, j] - center[j]) * inverse[j]
    for i in range(held):
        for t in range(Y.shape[1]):
            B[i, t] = Y[order[i], t]
    if len(w):
        for i in range(held):
            u[i] = w[order[i]]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _add_gradients(A, B, u, first, last, weight, gradient):
    """Add each row's u·(ŷ − y)·a to the gradient of each target: steps 1 to 3. Returns Σu."""
    total = 0.0
    for i in range(first, last):
        total += u[i]
        for t in range(weight.shape[0]):
            residual = -B[i, t]
            for j in range(weight.shape[1]):
                residual += A[i, j] * weight[t, j]
            residual *= u[i]
            for j in range(weight.shape[1]):
                gradient[t, j] += residual * A[i, j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_SUMS)
def _update(weight, speed, gradient, share, lr, momentum):
    """Step 4, update, and step 5, reset; `share` is what turns the sums into the gradient of the mean."""
    for t in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            speed[t, j] = momentum * speed[t, j] + share * gradient[t, j]
            weight[t, j] -= lr * speed[t, j]
            gradient[t, j] = 0.0
