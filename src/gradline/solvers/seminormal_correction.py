"""Least squares to the last digit, for rows that only pass by: each pass corrects the answer by what its gradient says.

At coefficients θ the gradient Aᵀ·W·(b − A·θ) is summed in double-double, and the factor of the moments turns it into a
correction. The factor need not be exact, only near: what it is off by, times the condition, is the share of an error
that a pass leaves. Björck 1987 (corrected seminormal equations); Higham 2002, section 20.6.
"""

import math
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.double_double import SUMMED, Doubled, Sliced, two_sum
from gradline.core.linalg.refinement import LARGEST_CONTRACTION, Piece, Refined, half_exponents
from gradline.core.linalg.triangular import UNIT, row_norms
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank
from gradline.moments.state import Moments

_ROUNDING = 2.0**-102  # of a product beside the largest of a block, with margin; over rows it adds in squares
_PASSES = 4
_ZERO = 1e-15  # a coefficient below this share of what the targets could make it is rounding
_BLOCK_ROWS = SUMMED


class _Gradient(NamedTuple):
    """Aᵀ·W·r (q, m) as pairs, the square of its likely rounding (q, m), and Σ w·r² (m,)."""

    sums: Doubled
    rounding: np.ndarray
    squares: np.ndarray

    def plus(self, other: "_Gradient") -> "_Gradient":
        rounding, squares = self.rounding + other.rounding, self.squares + other.squares
        return _Gradient(self.sums.plus(other.sums), rounding, squares)


@dataclass(frozen=True, eq=False)
class _ColumnUnits:
    """The columns A = [1 X − center], or X without a bias, and the targets, in units that leave no entry above two.

    Units are powers of two and the differences are pairs, so nothing is rounded.
    """

    basis: Basis
    columns: np.ndarray  # (p,) exponents
    targets: np.ndarray  # (m,)

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "_ColumnUnits":
        """That of rows with these moments."""
        statistics, p = moments.statistics, moments.p
        exponents = np.frexp(np.maximum(np.abs(statistics.minimum), np.abs(statistics.maximum)))[1]
        return cls(Basis.of(moments, bias), exponents[:p], exponents[p:])

    @property
    def has_bias(self) -> bool:
        """Whether the first column is one everywhere."""
        return self.basis.level is not None

    @property
    def center(self) -> np.ndarray:
        """(p,), in these units; zeros without a bias."""
        return np.ldexp(self.basis.center[0], -self.columns)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(q, 1): how far a coefficient of [1 X] moves with a step of one in the coordinates of the basis."""
        inverse = self.basis.inverse[int(self.has_bias) :]
        level = row_norms(self.basis.inverse[: int(self.has_bias)])
        slopes = row_norms(np.ldexp(inverse, self.columns[:, None]))
        return np.concatenate([level, slopes])[:, None]

    @cached_property
    def inverse(self) -> np.ndarray:
        """(q, q) from the coordinates of the basis to coefficients of A."""
        root = np.ldexp(self.basis.root, self.columns[:, None])
        if self.basis.level is None:
            return root
        whole = np.zeros((len(root) + 1, root.shape[1] + 1))
        whole[0, 0], whole[1:, 1:] = self.basis.level, root
        return whole

    def start(self, moments: Moments) -> Doubled:
        """The answer (q, m) of the factor."""
        p, rank = moments.p, Rank.of(moments, self.has_bias)
        B = moments.slopes_factor(self.has_bias).B
        level = [moments.mean[p:]] if self.has_bias else []
        beta = np.ldexp(rank.least_squares(B), self.columns[:, None])
        return Doubled.of(np.ldexp(np.vstack([*level, beta]), -self.targets))

    def gradient(self, block: RowBlock, theta: Doubled) -> _Gradient:
        """That of some rows."""
        X = np.ldexp(block.X, -self.columns)
        moved = Doubled(*two_sum(X, np.broadcast_to(-self.center, X.shape)))
        if self.has_bias:
            one = np.ones((len(X), 1))
            moved = Doubled(np.hstack([one, moved.hi]), np.hstack([0 * one, moved.lo]))
        halves = half_exponents(block.w)
        A, Y = moved.ldexp(halves), np.ldexp(np.ldexp(block.Y, -self.targets), halves)
        w = None if block.w is None else np.ldexp(block.w[:, None], -2 * halves)
        sums, squares = Piece(Sliced.of(A), Y, w).gradient(theta)
        # What slices leave out is small beside the largest entry of a column.
        largest = np.abs(A.hi).max(axis=0, initial=0.0)[:, None]
        sizes = np.abs(Y).max(axis=0, initial=0.0) + (largest * np.abs(theta.hi)).sum(axis=0)
        return _Gradient(sums, len(Y) * (_ROUNDING * largest * sizes) ** 2, squares)

    def raw(self, theta: Doubled) -> Doubled:
        """Coefficients of [1 X] from those of A."""
        if not self.has_bias:
            return theta
        level = theta[:1]
        for center, beta in zip(
            self.center, (theta[j : j + 1] for j in range(1, len(theta.hi))), strict=True
        ):
            level = level.minus(beta.times(np.full_like(beta.hi, center)))
        return Doubled(np.vstack([level.hi, theta.hi[1:]]), np.vstack([level.lo, theta.lo[1:]]))


def corrected(rows: RowStream, moments: Moments, bias: bool) -> Refined | None:
    """The least-squares answer of these rows, whose moments are given, with sound bounds.

    Takes one pass over the rows, or a few, until the bounds are those of rounding the answer. None where a
    column depends on others, or the moments are too far off for corrections to be a proof.
    """
    rank = Rank.of(moments, bias)
    left = _share_left(moments, rank, Basis.of(moments, bias))
    if rank.deficiency or left >= LARGEST_CONTRACTION:
        return None
    frame = _ColumnUnits.of(moments, bias)
    smallest = _ZERO * frame.lengths * np.ldexp(np.sqrt(moments.variation(bias)), -frame.targets)
    found = _step(rows, frame, frame.start(moments), left)
    for _ in range(_PASSES - 1):
        enough = UNIT / 8 * np.maximum(np.abs(found.raw.hi), smallest)
        if (found.bound <= enough).all() and (found.move**2 <= UNIT * found.squares).all():
            break
        before, found = found.move, _step(rows, frame, found.theta, left)
        if not found.move.max() < before.max() / 2:
            break
    return _answer(frame, found, left)


def _share_left(moments: Moments, rank: Rank, basis: Basis) -> float:
    """The share of an error that a correction may leave: what the factor and its inverse are off, twice over.

    The columns are taken around the mean without its low part, which leaves them a little way from it.
    """
    p = moments.p + 1
    off = np.linalg.norm(basis.center[1] @ basis.root) * math.sqrt(moments.weight_sum)
    return 2 * ((moments.error * math.sqrt(p) + 4 * p * UNIT) * rank.condition_scaled + float(off))


class _Step(NamedTuple):
    """Coefficients (q, m) of A and of [1 X] after a pass, their bounds, how far they moved (m,) and Σ w·r² (m,)."""

    theta: Doubled
    raw: Doubled
    bound: np.ndarray
    move: np.ndarray
    squares: np.ndarray


def _step(rows: RowStream, frame: _ColumnUnits, theta: Doubled, left: float) -> _Step:
    parts = (frame.gradient(block, theta) for block in rows.blocks(_BLOCK_ROWS))
    whole = reduce(_Gradient.plus, parts)
    along = frame.inverse.T @ (whole.sums.hi + whole.sums.lo)
    theta = theta.plus(frame.inverse @ along)
    move = np.linalg.norm(along, axis=0)
    noise = np.sqrt((frame.inverse**2).sum(axis=1) @ whole.rounding)
    bound = frame.lengths * (move * left / (1 - left) + noise)
    return _Step(theta, frame.raw(theta), bound, move, np.maximum(whole.squares - move**2, 0.0))


def _answer(frame: _ColumnUnits, found: _Step, contraction: float) -> Refined:
    first, theta = int(frame.has_bias), found.raw.hi
    bound = found.bound + UNIT * np.abs(theta)
    none = np.zeros(len(frame.targets))
    units = frame.targets - frame.columns[:, None]
    return Refined(
        weight=np.ldexp(theta[first:], units).T.copy(),
        bias=np.ldexp(theta[0], frame.targets) if first else none,
        weight_bound=np.ldexp(bound[first:], units).T.copy(),
        bias_bound=np.ldexp(bound[0], frame.targets) if first else none,
        squares=np.ldexp(found.squares, 2 * frame.targets),
        contraction=contraction,
    )
