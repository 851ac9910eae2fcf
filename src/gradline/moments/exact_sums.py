"""Sums of products without any rounding: by compiled loops or by NumPy, and one by one where both fall short."""

import itertools
from typing import NamedTuple

import numpy as np

from gradline.core.kernels.library import Kernels, kernels, room
from gradline.core.linalg.double_double import BITS, SUMMED, two_prod
from gradline.core.linalg.dyadic import Dyadic
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_stream import expect_finite
from gradline.moments.statistics import fingerprint
from gradline.moments.sums import triangle

_SAMPLE = 128  # rows that say near enough how large the others are
_SLICE = 24  # bits of a slice in `exact.c`, whose first one ends 23 bits below the top
_ODD = 1 << 12  # cells that are added one by one before NumPy is quicker
_CELLS = 1 << 14  # that NumPy cuts at once: fresh memory for more takes its time
_FEWEST = 512  # and rows: their products are more than what comes of them
_FARTHEST = 600  # of exponents whose slices float64 holds; numbers beyond have no squares there
_MOST = 8  # slices of NumPy's, of which the first ends 19 bits below the top: 159 bits in all
_ROUNDS = (
    (4, 6),
    (_MOST, _MOST),
)  # slices of a number and of one with its weight: for nearly all rows, for the rest
_TINY = 2.0**-900  # products of numbers below one that are smaller may have lost bits


class ExactSums(NamedTuple):
    """Over rows (1, z): range of z (k,), Σ w·(1, z)(1, z)ᵀ, the upper triangle row by row, and the fingerprint."""

    low: np.ndarray
    high: np.ndarray
    products: Dyadic
    fingerprint: int


def exact_sums(block: RowBlock | ColumnBlock) -> ExactSums:
    """The sums of rows, at least one; raises `NotFinite` where a cell is not finite.

    Weights of one go through compiled loops in one pass of memory. Other weights make products of three numbers, which
    NumPy sums.
    """
    compiled = kernels()
    if compiled is None or block.w is not None:
        return _in_numpy(block.whole)
    return _compiled(compiled, block) or _in_numpy(block.whole)


def _compiled(compiled: Kernels, block: RowBlock | ColumnBlock) -> ExactSums | None:
    """The sums by `exact` of `exact.c`; None where its slices leave something of too many cells.

    Of 10⁶ numbers that scatter alike, the largest is twice that of 128. Where that is not so, slices begin with the
    largest of all, or else with that of all but a few.
    """
    sample = np.sort(np.abs(block.matrix(np.arange(0, block.rows, -(-block.rows // _SAMPLE)))), axis=0)
    found = _cut(compiled, block, _above(sample) + 1)
    if found.cells > _ODD:
        expect_finite(found.low, found.high)
        found = _cut(compiled, block, _above(np.array([found.low, found.high])))
    if found.cells > _ODD:
        found = _cut(compiled, block, _above(sample[:-2]) + 1)
    if found.cells > _ODD:
        return None
    expect_finite(found.low, found.high)
    products = _from_slices(block.rows, found)
    if found.cells:
        odd = np.sort(found.odd[: found.cells])
        products += _left(block, *np.divmod(odd, len(found.low)), found.exponents)
    return ExactSums(found.low, found.high, products, found.fingerprint)


class _Cut(NamedTuple):
    """What `exact` found of columns below 2^exponents: see there; `cells` of which slices left something are `odd`."""

    exponents: np.ndarray
    low: np.ndarray
    high: np.ndarray
    slices: np.ndarray
    sets: np.ndarray
    cells: int
    odd: np.ndarray
    fingerprint: int


def _cut(compiled: Kernels, block: RowBlock | ColumnBlock, exponents: np.ndarray) -> _Cut:
    where = block.places
    pieces, k = where.addresses.shape
    size = k * (k + 1) // 2
    found, odd, space = (
        np.zeros(5 * k + 12 * size),
        np.zeros(1 + _ODD, np.int64),
        room(compiled.exact_room(k)),
    )
    exponents = np.clip(exponents, -_FARTHEST, _FARTHEST)
    tops = np.ldexp(1.0, exponents)
    parts = (where.addresses, where.lengths, tops, found, odd, space)
    sizes = (pieces, block.rows, block.p, k, *where.steps, _ODD)
    hashes = compiled.exact(*parts, *sizes)
    ranges, slices, sets = np.split(found, [2 * k, 5 * k])
    low, high = ranges.reshape(2, k)
    return _Cut(
        exponents, low, high, slices.reshape(3, k), sets.reshape(6, 2, size), int(odd[0]), odd[1:], hashes
    )


def _from_slices(rows: int, found: _Cut) -> Dyadic:
    """The sums over rows of (1, z)(1, z)ᵀ that slices (h, m, l) of z have.

    hh', hm' + mh', hl' + mm' + lh', ml' + lm' and ll' have units that are 2^24 apart.
    """
    sets, exponents = found.sets, found.exponents
    upper, lower = np.ldexp(sets[:, 0], -_SLICE).astype(np.int64), sets[:, 1].astype(np.int64)
    digits = np.zeros((6, sets.shape[2]), np.int64)  # the lowest first, 2^24 apart
    digits[:5] = _orders(lower)[::-1]
    digits[1:] += _orders(upper)[::-1]
    for place in range(5):
        digits[place + 1] += digits[place] >> _SLICE
        digits[place] &= (1 << _SLICE) - 1
    m = (digits[5].astype(object) << _SLICE) + digits[4].astype(object)
    for place in (2, 0):
        m = (m << 2 * _SLICE) + (digits[place] + (digits[place + 1] << _SLICE)).astype(object)
    i, j = triangle(len(exponents))
    products = Dyadic(m, exponents[i] + exponents[j] - 2 * (3 * _SLICE - 1))
    h, m, last = (part.astype(np.int64).astype(object) for part in found.slices)
    total = Dyadic((((h << _SLICE) + m) << _SLICE) + last, exponents - (3 * _SLICE - 1))
    first = Dyadic.of([float(rows)])
    return _concatenated(first, total, products)


def _orders(sets: np.ndarray) -> np.ndarray:
    hh, mm, ll, hm, hl, ml = sets
    return np.array([hh, hm - hh - mm, hl - hh - ll + mm, ml - mm - ll, ll])


def _concatenated(*parts: Dyadic) -> Dyadic:
    return Dyadic(np.concatenate([part.m for part in parts]), np.concatenate([part.e for part in parts]))


def _left(
    block: RowBlock | ColumnBlock, rows: np.ndarray, columns: np.ndarray, exponents: np.ndarray
) -> Dyadic:
    """What slices c leave of zzᵀ where they leave r of some cells: with z = c + r it is rzᵀ + zrᵀ − rrᵀ."""
    which, place = np.unique(rows, return_inverse=True)
    Z = np.column_stack([np.ones(len(which)), block.matrix(which)])
    expect_finite(Z)
    rest = Dyadic.of(_uncut(Z[place, columns + 1], exponents[columns]))
    whole, k = Dyadic.of(Z), Z.shape[1]
    units = whole.e.min(axis=0)
    np.minimum.at(units, columns + 1, rest.e)
    z, r = whole.m << (whole.e - units), rest.m << (rest.e - units[columns + 1])
    sums = np.zeros((k, k), object)
    for row, column, part in zip(place, columns + 1, r, strict=True):
        sums[column] += part * z[row]
    sums = sums + sums.T
    for first, last in _runs(place):
        for a in range(first, last):
            for b in range(first, last):
                sums[columns[a] + 1, columns[b] + 1] -= r[a] * r[b]
    i, j = triangle(k)
    return Dyadic(sums[i, j], units[i] + units[j])


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Where equal values begin and end."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return list(itertools.pairwise(edges))


def _uncut(z: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """What the slices of `exact.c` leave of numbers."""
    rest = np.where(np.abs(z) <= np.ldexp(1.0, exponents), z, 0.0)
    for s in (1, 2, 3):
        large = np.ldexp(1.5, exponents + 1 - _SLICE * s + 52)
        rest = rest - ((rest + large) - large)
    return np.where(np.abs(z) <= np.ldexp(1.0, exponents), rest, z)


def _in_numpy(block: RowBlock) -> ExactSums:
    """The sums from slices of 20 bits, 4096 of whose products BLAS adds without rounding; the twin of `exact.c`.

    Weights of rows are taken into one of the two factors, as pairs.
    """
    low, high = (
        np.concatenate([edge(block.X, axis=0), edge(block.Y, axis=0)]).astype(np.float64)
        for edge in (np.min, np.max)
    )
    expect_finite(low, high)
    e, top = np.concatenate([[1], _above(np.array([low, high]))]), 0
    if block.w is not None:
        top = int(_above(np.asarray(block.w)[:, None])[0])
    k = len(e)
    i, j = triangle(k)
    orders = np.zeros((2 * _MOST - 1, k, k), np.int64)  # slices as far apart meet in one
    rest, size = block, min(SUMMED, max(_FEWEST, _CELLS // k))
    for slices in _ROUNDS:
        beyond: list[np.ndarray] = []
        for first in range(0, rest.rows, size):
            odd = _add(rest.take(slice(first, first + size)), e, top, slices, orders)
            beyond.append(first + np.flatnonzero(odd))
        rest = rest.take(np.concatenate(beyond))
        if not rest.rows:
            break
    m = np.zeros(len(i), object)
    for order in orders:
        m = (m << BITS) + order[i, j].astype(object)
    products = Dyadic(m, e[i] + e[j] + top + 2 - 2 * BITS * _MOST)
    if rest.rows:
        products += _one_by_one(rest)
    return ExactSums(low, high, products, fingerprint(block))


def _add(block: RowBlock, e: np.ndarray, top: int, slices: tuple[int, int], orders: np.ndarray) -> np.ndarray:
    """Add the products of at most 4096 rows, but for those that are told to have more than slices hold."""
    Z = _with_ones(block)
    scaled = np.ldexp(Z, -e)
    left, odd = _slices(scaled, None, slices[0])
    odd |= ((np.abs(scaled) < _TINY) & (Z != 0)).any(axis=1)
    right = left
    if block.w is not None:
        pair = two_prod(scaled, np.ldexp(np.asarray(block.w, np.float64), -top)[:, None])
        right, more = _slices(*pair, slices[1])
        odd |= more | ((np.abs(pair[0]) < _TINY) & (scaled != 0)).any(axis=1)
    left[odd] = 0.0  # nor are they in the products then
    (n, s, k), t = left.shape, right.shape[1]
    products = (left.reshape(n, s * k).T @ right.reshape(n, t * k)).reshape(s, k, t, k)
    for a in range(s):
        orders[a : a + t] += products[a].transpose(1, 0, 2).astype(np.int64)
    return odd


def _with_ones(block: RowBlock) -> np.ndarray:
    return np.column_stack([np.ones(block.rows), block.X, block.Y])


def _above(Z: np.ndarray) -> np.ndarray:
    """Exponents of powers of two no smaller than any number of a column (k,)."""
    return np.frexp(np.abs(Z).max(axis=0))[1].astype(np.int64)


def _slices(high: np.ndarray, low: np.ndarray | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers (n, s, k) in units of 2^-19, 2^-39, … that add up to high + low; and which rows have more."""
    rests = [high.copy()] if low is None else [high.copy(), low.copy()]
    parts, s = np.zeros((len(high), most, high.shape[1])), 0
    whole = np.empty_like(high)
    while s < most and any(rest.any() for rest in rests):
        place = BITS * (s + 1) - 1
        large = 1.5 * 2.0 ** (52 - place)
        for rest in rests:
            np.add(rest, large, out=whole)
            whole -= large
            rest -= whole
            parts[:, s] += whole
        parts[:, s] *= 2.0**place
        s += 1
    return parts[:, : max(s, 1)], np.any([(rest != 0).any(axis=1) for rest in rests], axis=0)


def _one_by_one(block: RowBlock) -> Dyadic:
    """The sums over rows in Python's integers, whatever their range."""
    Z = Dyadic.of(_with_ones(block))
    i, j = triangle(Z.m.shape[1])
    units = Z.e.min(axis=0)
    z = Z.m << (Z.e - units)
    if block.w is None:
        return Dyadic((z.T @ z)[i, j], units[i] + units[j])
    w = Dyadic.of(block.w)
    unit = w.e.min()
    weighted = z * (w.m << (w.e - unit))[:, None]
    return Dyadic((z.T @ weighted)[i, j], units[i] + units[j] + unit)
