"""The compiled Gram matrix of rows, with their ranges and hashes, in one pass of memory.

A tile of rows is put into a panel that stays in cache, column by column, and multiplied there, block of columns by
block (Goto, van de Geijn 2008). The twin is `sums._in_numpy`.
"""

import numba
import numpy as np

from gradline.kernels import SIDE
from gradline.kernels.hashes import SEED, mixed, spread
from gradline.kernels.panels import (
    add_products,
    take_1,
    take_4,
    take_weighted_1,
    take_weighted_4,
    turn,
    turn_some,
)
from gradline.kernels.registers import LANES

_TIGHT = 8  # bytes from row to row in a column without gaps


@numba.njit(error_model="numpy")
def gram(
    addresses, lengths, steps, strips, w, n, p, k, shift, factors, sums, G, panel, sources, roots, hashes
):
    """Add Σ w·(z − shift)(z − shift)ᵀ of n rows z = [x y] to the blocks of `G`; return the sum of hashes.

    The rows come in pieces of `lengths` (pieces,). The k columns of each begin at `addresses` (pieces, k), and have no
    gaps; or, in a single piece, the rows have none, the first p cells `steps[0]` bytes from those of the next row, the
    others `steps[1]`. Rows are taken LANES at a time: `strips` (pieces, k, LANES) holds those that begin in a piece and
    end beyond it, and any behind the last. `shift` (k,) and `factors` (k + 1,), the last that of weights `w` (n,), or
    (0,) for weights of one. The rows of `sums` (3, k, LANES) take least z, greatest z and Σ w·(z − shift) for each
    lane; what is not finite in z is not finite in the last. Row-wise blocks of SIDE columns by SIDE columns make up `G`
    (blocks, blocks, SIDE, SIDE); those below the diagonal are left out. Room to work in: `panel` (blocks·SIDE + LANES,
    tile) of zeros, `sources` (k,), `roots` and `hashes` (tile,).
    """
    total, piece, begin, end, tile = np.uint64(0), 0, 0, lengths[0], panel.shape[1]
    hashes[:] = SEED
    for first in range(0, n, tile):
        rows = min(tile, n - first)
        registers = (rows + LANES - 1) // LANES
        weighted = len(w) > 0 or rows % LANES > 0
        if weighted:
            for i in range(tile):
                roots[i] = (np.sqrt(w[first + i]) if len(w) else 1.0) if i < rows else 0.0
        row = 0
        while row < rows:
            while first + row >= end:
                piece += 1
                begin, end = end, end + lengths[piece]
            here = first + row - begin
            count = (min(end, first + rows) - first - row) // LANES
            if count == 0:  # rows of several pieces, or too few of them
                count = 1
                for j in range(k):
                    sources[j] = strips.ctypes.data + ((piece * k + j) * LANES) * 8
            else:
                _find(addresses[piece], steps[0], here, row, count, 0, p, panel, sources)
                _find(addresses[piece], steps[1], here, row, count, p, k, panel, sources)
            _take(sources, count, weighted, roots, shift, factors, sums, k, hashes, panel, row)
            row += count * LANES
        _multiply(panel, registers, G)
        for i in range(rows):
            bits = hashes[i]
            if len(w):
                bits += spread(w[first + i]) * factors[k]
            total += mixed(bits)
        hashes[:] = SEED
    return total


@numba.njit(error_model="numpy")
def _find(addresses, step, here, row, count, first, last, panel, sources):
    """Where columns lie without gaps from row `here` on: in memory, or turned over into the panel from `row` on."""
    if step == _TIGHT:
        for j in range(first, last):
            sources[j] = addresses[j] + here * step
        return
    tile = panel.shape[1]
    for j in range(first, last):
        sources[j] = panel.ctypes.data + (j * tile + row) * 8
    for strip in range(0, count * LANES, LANES):
        for j in range(first, last, LANES):
            cell, at = addresses[j] + (here + strip) * step, j * tile + row + strip
            if j + LANES <= last:
                turn(cell, step, LANES, panel, tile, at)
            else:
                turn_some(cell, step, last - j, panel, tile, at)


@numba.njit(error_model="numpy")
def _take(sources, count, weighted, roots, shift, factors, sums, k, hashes, panel, row):
    """Put cells into the panel, less their shift; four columns at a time, and the rest by themselves."""
    tile = panel.shape[1]
    for j in range(0, k - k % 4, 4):
        if weighted:
            take_weighted_4(sources, count, roots, shift, factors, j, sums, k, hashes, panel, tile, row)
        else:
            take_4(sources, count, roots, shift, factors, j, sums, k, hashes, panel, tile, row)
    for j in range(k - k % 4, k):
        if weighted:
            take_weighted_1(sources, count, roots, shift, factors, j, sums, k, hashes, panel, tile, row)
        else:
            take_1(sources, count, roots, shift, factors, j, sums, k, hashes, panel, tile, row)


@numba.njit(error_model="numpy")
def _multiply(panel, registers, G):
    """Add the products of the panel's columns, block by block."""
    blocks = len(G)
    for i in range(blocks):
        for j in range(i, blocks):
            add_products(
                panel, panel.shape[1], i * SIDE, j * SIDE, registers, G, (i * blocks + j) * SIDE * SIDE
            )
