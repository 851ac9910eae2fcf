"""The compiled Gram matrix of rows, with their ranges and hashes, in one pass of memory.

A tile of rows is put into a panel that stays in cache, column by column, and multiplied there, block of columns by
block (Goto, van de Geijn 2008). The twin is `sums._in_numpy`.
"""

import numba
import numpy as np

from gradline.core.kernels import SAMPLE, SIDE
from gradline.core.kernels.hashes import SEED, mixed, multiplier, spread
from gradline.core.kernels.panels import (
    add_products,
    number,
    take_1,
    take_4,
    take_weighted_1,
    take_weighted_4,
    turn,
    turn_some,
)
from gradline.core.kernels.registers import LANES

_TIGHT = 8  # bytes from row to row in a column without gaps


@numba.njit(error_model="numpy")
def gram(
    addresses, lengths, steps, w, n, p, k, found, strips, factors, sums, G, panel, sources, roots, hashes
):
    """Sum up n rows z = [x y] to `found` (4 + k, k): a shift near their mean, least z, greatest z, Σ w·(z − shift) and
    Σ w·(z − shift)(z − shift)ᵀ; return the sum of their hashes.

    The rows come in pieces of `lengths` (pieces,). The k columns of each begin at `addresses` (pieces, k), and have no
    gaps; or, in a single piece, the rows have none, the first p cells `steps[0]` bytes from those of the next row, the
    others `steps[1]`. Weights are `w` (n,), or (0,) for weights of one. What is not finite in z is not finite in the
    sum. Room to work in, zeros: `strips` (pieces, k, LANES), `factors` (k + 1,), `sums` (3, k, LANES) for least z,
    greatest z and the sum of each lane, `G` (blocks, blocks, SIDE, SIDE) for the products of SIDE columns by SIDE
    columns, `panel` (blocks·SIDE + LANES, tile), `sources` (k,), `roots` and `hashes` (tile,).
    """
    shift, total, piece, begin, end, tile = found[0], np.uint64(0), 0, 0, lengths[0], panel.shape[1]
    _take_mean(addresses, lengths, steps, n, p, shift)
    _take_ends(addresses, lengths, steps, n, p, strips)
    for j in range(k + 1):
        factors[j] = multiplier(j)
    sums[0], sums[1] = np.inf, -np.inf
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
    _put_together(sums, G, found)
    return total


@numba.njit(error_model="numpy")
def _take_mean(addresses, lengths, steps, n, p, mean):
    """The mean (k,) of rows that are spread evenly."""
    apart, piece, begin, end = (n + SAMPLE - 1) // SAMPLE, 0, 0, lengths[0]
    many = (n + apart - 1) // apart
    for i in range(many):
        row = i * apart
        while row >= end:
            piece += 1
            begin, end = end, end + lengths[piece]
        for j in range(len(mean)):
            mean[j] += number(addresses[piece, j] + (row - begin) * steps[int(j >= p)])
    for j in range(len(mean)):
        mean[j] /= many


@numba.njit(error_model="numpy")
def _take_ends(addresses, lengths, steps, n, p, strips):
    """Of each piece the LANES rows that begin in it and end beyond it; behind the last row it stands again."""
    end = 0
    for piece in range(len(strips)):
        end += lengths[piece]
        for lane in range(LANES):
            row, at, begin = min(end // LANES * LANES + lane, n - 1), piece, end - lengths[piece]
            while row < begin:  # of a piece that no strip begins in
                at -= 1
                begin -= lengths[at]
            while row >= begin + lengths[at]:
                begin += lengths[at]
                at += 1
            for j in range(strips.shape[1]):
                strips[piece, j, lane] = number(addresses[at, j] + (row - begin) * steps[int(j >= p)])


@numba.njit(error_model="numpy")
def _put_together(sums, G, found):
    """What lanes and blocks of columns hold, side by side."""
    k = found.shape[1]
    found[1], found[2] = np.inf, -np.inf
    for j in range(k):
        for lane in range(LANES):
            found[1, j] = min(found[1, j], sums[0, j, lane])
            found[2, j] = max(found[2, j], sums[1, j, lane])
            found[3, j] += sums[2, j, lane]
        for i in range(j + 1):
            product = G[i // SIDE, j // SIDE, j % SIDE, i % SIDE]
            found[4 + i, j] = found[4 + j, i] = product


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
