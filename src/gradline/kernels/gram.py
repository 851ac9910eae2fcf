"""The compiled Gram matrix of rows, with their ranges and hashes, in one pass of memory.

A tile of rows is packed into panels that stay in cache, and multiplied there, block of columns by block, as BLAS does
it (Goto, van de Geijn 2008). The twin is `sums._in_numpy`.
"""

import numba
import numpy as np

from gradline.kernels.hashes import hashed
from gradline.kernels.registers import LANES, WIDTH, add_products_1, add_products_2, add_products_3, pack

_TILE = 128  # rows packed together: of 300 columns they fill a third of a megabyte
_STRIP = 32  # rows read together, one register of columns after the other: they stay in the first cache


@numba.njit(nogil=True, cache=True, error_model="numpy")
def gram(X, Y, w, shift, multipliers, sums, G):
    """Add Σ w·(z − shift)(z − shift)ᵀ of rows z = [x y] to the upper blocks of `G` (K, K); return the sum of hashes.

    X (n, p), Y (n, m), w (n,), or (0,) for weights of one; `shift` (K,), K the columns rounded up to `LANES`. The rows
    of `sums` (3, K) take least z, greatest z and Σ w·(z − shift); what is not finite in z is not finite in the last.
    """
    n, K, hashes = len(X), len(shift), np.uint64(0)
    panels, roots = np.zeros(K * _TILE), np.sqrt(w) if len(w) else np.ones(1)
    for first in range(0, n, _TILE):
        rows = min(_TILE, n - first)
        _packed(X, Y, roots, shift, first, rows, panels, sums)
        _multiplied(panels, rows, K, G)
        hashes += hashed(X, Y, w, first, rows, multipliers)
    return hashes


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _packed(X, Y, roots, shift, first, rows, panels, sums):
    """Fill the panels with a tile, and widen `sums`."""
    p, K, weighted = X.shape[1], len(shift), np.int64(len(roots) > 1)
    for strip in range(first, first + rows, _STRIP):
        some = min(_STRIP, first + rows - strip)
        for column in range(0, p, LANES):
            at, step = _place(column, strip - first, K)
            pack(
                X,
                strip * p + column,
                p,
                some,
                p - column,
                roots,
                strip * weighted,
                weighted,
                shift,
                column,
                panels,
                at,
                step,
                sums,
                K,
            )
        for t in range(Y.shape[1]):
            column = p + t
            at, step = _place(column, strip - first, K)
            least, most, total = sums[0, column], sums[1, column], sums[2, column]
            for i in range(some):
                value, root = Y[strip + i, t], roots[(strip + i) * weighted]
                least = value if value < least else least
                most = value if value > most else most
                z = (value - shift[column]) * root
                total += z * root
                panels[at + i * step] = z
            sums[0, column], sums[1, column], sums[2, column] = least, most, total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _place(column, row, K):
    """Where the panels hold a cell, and how far apart its column's rows are."""
    panel = column // WIDTH * WIDTH
    step = min(WIDTH, K - panel)
    return panel * _TILE + row * step + column - panel, step


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _multiplied(panels, rows, K, G):
    """Add the products of the panels' columns: LANES of them by the rest of a panel at a time."""
    for right in range(0, K, WIDTH):
        for left in range(0, min(right + WIDTH, K), LANES):
            from_left, left_step = _place(left, 0, K)
            start = max(left, right)
            from_right, right_step = _place(start, 0, K)
            at, registers = left * K + start, (right + right_step - start) // LANES
            if registers == 3:
                add_products_3(panels, from_left, left_step, from_right, right_step, rows, G, at, K)
            elif registers == 2:
                add_products_2(panels, from_left, left_step, from_right, right_step, rows, G, at, K)
            else:
                add_products_1(panels, from_left, left_step, from_right, right_step, rows, G, at, K)
