"""The gradient of squared loss at given coefficients in double-double: by compiled loops, or by NumPy."""

import math
from typing import NamedTuple

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.kernels.library import Kernels, kernels, room
from gradline.core.linalg.double_double import SUMMED, Doubled, Sliced, two_prod, two_sum
from gradline.core.linalg.refined import half_exponents
from gradline.data.row_block import ColumnBlock, RowBlock


class View(NamedTuple):
    """Columns A = [1 X − center] and targets Y − center, each in a unit, a power of two, that leaves no cell above two.

    `exponents` (k,) are those of the units, p for X and then m, and `center` (k,) is in these units. The differences
    are pairs, so nothing is rounded.
    """

    exponents: np.ndarray
    center: np.ndarray

    def own(self, found: Coefficients) -> np.ndarray:
        """Coefficients (p + bias, m) of [1 X] or X in these units; infinite beyond float64."""
        p, raw = found.weight.shape[1], found.weight.T
        units = self.exponents[:p, None] - self.exponents[p:]
        if found.bias is not None:
            raw = np.concatenate([found.bias[None], raw])
            units = np.concatenate([-self.exponents[None, p:], units])
        with np.errstate(over="ignore"):
            return np.ldexp(raw, units)

    def around(self, raw: np.ndarray) -> Doubled:
        """Coefficients (p + 1, m) of A from those of [1 X] or X in these units, as pairs; infinite beyond float64."""
        m = raw.shape[1]
        p = len(self.center) - m
        bias, slopes = raw[: len(raw) - p], raw[len(raw) - p :]
        theta = Doubled.of(np.concatenate([np.zeros((1, m)), slopes]))
        if not len(bias):
            return theta
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.concatenate([bias, -self.center[None, p:], *two_prod(slopes, self.center[:p, None])])
        if not np.isfinite(terms).all():  # as they are not where a slope is not
            return Doubled.of(np.full((p + 1, m), np.inf))
        for t, column in enumerate(terms.T.tolist()):
            theta.hi[0, t] = level = math.fsum(column)
            theta.lo[0, t] = math.fsum([*column, -level])
        return theta


class Gradient(NamedTuple):
    """Σ w·a·r (p + 1, m) as pairs, the ones first, and Σ w·r² (m,), for r = y − A·θ."""

    sums: Doubled
    squares: np.ndarray

    @classmethod
    def from_numbers(cls, found: np.ndarray, q: int) -> "Gradient":
        """That of the numbers (2·q + 1, m) in which compiled loops tell it."""
        return cls(Doubled(found[:q], found[q : 2 * q]), found[2 * q])

    def raw(self, view: View) -> np.ndarray:
        """Σ w·x·r (p + 1, m) for [1 X] as it is, in raw units."""
        above, slopes = self.sums[:1], self.sums[1:]
        p, m = slopes.hi.shape
        center = np.broadcast_to(view.center[:p, None], (p, m))
        level = Doubled(*(np.broadcast_to(part, (p, m)) for part in above))
        units = np.concatenate([[0], view.exponents[:p]])[:, None] + view.exponents[p:]
        return np.ldexp(np.vstack([above.hi, slopes.plus(level.times(center)).hi]), units)

    def gap(self, way: Doubled) -> np.ndarray:
        """By how much Σ w·r² (m,) is above the least, this `way` (p + 1, m) from here: the product of the two."""
        return np.maximum(self.sums.times(way).total(), 0.0)

    def plus(self, other: "Gradient") -> "Gradient":
        """That of both sets of rows."""
        return Gradient(self.sums.plus(other.sums), self.squares + other.squares)


def gradient(block: RowBlock | ColumnBlock, view: View, theta: Doubled) -> Gradient:
    """That of some rows at θ (p + 1, m).

    Rows and weights are scaled by powers of two, to weights between ¼ and 1: no product leaves float64.
    """
    compiled = kernels()
    return (
        _in_numpy(block.whole, view, theta) if compiled is None else _compiled(compiled, block, view, theta)
    )


def calm_weights(w: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Weights between ¼ and 1, and the scales of the rows, powers of two, that make up for the rest of them."""
    if w is None:
        return None, None
    halves = half_exponents(w)[:, 0]
    return np.ldexp(w, -2 * halves), np.ldexp(1.0, halves)


def _compiled(compiled: Kernels, block: RowBlock | ColumnBlock, view: View, theta: Doubled) -> Gradient:
    """By `gradient` of `gradient.c`."""
    cells = block.places
    pieces, k = cells.addresses.shape
    q, m = theta.hi.shape
    found, space = np.empty((2 * q + 1, m)), room(compiled.gradient_room(block.p, m))
    both, units = np.concatenate([theta.hi, theta.lo]), np.ldexp(1.0, -view.exponents)
    where = (cells.addresses, cells.lengths, *calm_weights(block.w), units, view.center)
    compiled.gradient(*where, both, found, space, pieces, block.rows, block.p, k, *cells.steps)
    return Gradient.from_numbers(found, q)


def _in_numpy(block: RowBlock, view: View, theta: Doubled) -> Gradient:
    """By slices, some thousand rows at a time, whose products are exact; the twin of `gradient.c`."""
    w, halves = calm_weights(block.w)[0], half_exponents(block.w)
    total = Gradient(Doubled.of(np.zeros(theta.hi.shape)), np.zeros(theta.hi.shape[1]))
    for first in range(0, block.rows, SUMMED):
        rows = slice(first, first + SUMMED)
        Z = np.ldexp(np.column_stack([block.X[rows], block.Y[rows]]), -view.exponents)
        own = halves if w is None else halves[rows]
        moved = Doubled(*two_sum(Z, np.broadcast_to(-view.center, Z.shape))).ldexp(own)
        ones, p = np.ldexp(np.ones((len(Z), 1)), own), block.p
        A = Sliced.of(Doubled(np.hstack([ones, moved.hi[:, :p]]), np.hstack([0 * ones, moved.lo[:, :p]])))
        r = A.times(-theta).plus(moved[:, p:])
        weighted = r if w is None else r.times(w[rows, None])
        squares = (weighted.hi * r.hi).sum(axis=0)
        total = total.plus(Gradient(A.under(Sliced.of(weighted)), squares))
    return total
