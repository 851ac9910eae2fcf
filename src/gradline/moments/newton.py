"""Newton's steps to the least-squares answer: what the gradient of the rows says of coefficients, to the last digit.

At coefficients θ the gradient Aᵀ·W·(y − A·θ) is summed in double-double around the means, and the factor of the
moments turns it into a correction. The factor need not be exact, only near: what it is off by, times the condition, is
the share of an error that a pass leaves. Björck 1987 (corrected seminormal equations); Demmel, Hida, Riedy, Li 2009;
Higham 2002, section 20.6.
"""

import itertools
import math
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from gradline.core.blas_threads import one_blas_thread
from gradline.core.derived import cached_property
from gradline.core.kernels.library import Kernels, kernels, room
from gradline.core.linalg.double_double import Doubled, two_prod
from gradline.core.linalg.refined import CELLS, Refined
from gradline.core.linalg.triangular import UNIT, Extremes, row_norms
from gradline.core.parallel import ordered_map
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.moments.basis import Basis, below
from gradline.moments.gradient import Gradient, View, calm_weights, gradient
from gradline.moments.rank import Rank, nearest_slopes
from gradline.moments.state import Moments, once

LARGEST_CONTRACTION = 0.3  # corrections that shrink less than this are no proof
PASSES = 12
_ROUNDING = 2.0**-106  # of pairs
_ZERO = 1e-15  # a coefficient below this share of what the targets could make it is rounding
_CELLS = 1 << 18  # of a block
EXPONENTS = 1021  # of two, up to which a number and its inverse are float64 with all their bits
_TINY, _LEAST = 2.0**-EXPONENTS, np.nextafter(0.0, 1.0)


def is_refinable(moments: Moments, bias: bool) -> bool:
    """Whether rows with these moments are few enough to pass again for nothing, and determine every coefficient."""
    rank = Rank.of(moments, bias)
    few = moments.rows * (moments.p + moments.m) <= CELLS
    return few and not rank.deficiency and moments.rows >= rank.rank + bias


class Reached(NamedTuple):
    """An answer in raw units: coefficients (s, m) of [1 X] or X, how far they may be off, and Σ w·r² (m,)."""

    theta: np.ndarray
    bound: np.ndarray
    squares: np.ndarray

    def refined(self, first: int, variances: np.ndarray | None = None) -> Refined:
        """The same as an optimum, whose slopes begin at `first`."""
        none = np.zeros(len(self.squares))
        return Refined(
            weight=self.theta[first:].T.copy(),
            bias=self.theta[0] if first else none,
            weight_bound=self.bound[first:].T.copy(),
            bias_bound=self.bound[0] if first else none,
            squares=self.squares,
            variances=variances,
        )


class Settled(NamedTuple):
    """Where steps over rows ended, None where corrections are no proof; where they began, the gradient and the gap.

    `reached` is None, too, where float64 cannot hold it.
    """

    step: "Step | None"
    reached: Reached | None
    first: Gradient
    gap: np.ndarray


def settled(newton: "Newton", rows: RowStream | RowBlock, raw: np.ndarray) -> Settled:
    """The last of the steps over these rows from coefficients (s, m) of [1 X] or X, in units of the view, with bounds.

    Takes one pass over the rows, or a few, until the bounds are those of rounding the answer. There is no step where
    corrections do not shrink fast enough to be a proof.
    """
    compiled = kernels() if isinstance(rows, RowBlock) else None
    if compiled is None or not isinstance(rows, RowBlock):
        return _by_steps(newton, rows, raw)
    return _compiled(compiled, newton, rows, raw)


def _compiled(compiled: Kernels, newton: "Newton", rows: RowBlock, raw: np.ndarray) -> Settled:
    """By `newton` of `newton.c`."""
    cells, (s, m), q = rows.places, raw.shape, rows.p + 1
    found, space = np.empty((3 * s + 4 * q + 5, m)), room(compiled.newton_room(rows.p, m))
    found[:s] = raw
    where = (cells.addresses, cells.lengths, *calm_weights(rows.w), newton.constants, found, space)
    sure = compiled.newton(
        *where,
        len(cells.lengths),
        rows.rows,
        rows.p,
        rows.p + m,
        *cells.steps,
        newton.first,
        newton.weight_sum,
        newton.extremes.smallest,
        newton.share,
    )
    high, low, (bound, squares, gap) = found[s : s + q], found[s + q : s + 2 * q], found[s + 2 * q :][:3]
    step = Step(Doubled(high, low), found[:s], squares, bound) if sure else None
    answer = found[s + 2 * q + 3 :][: 2 * s + 1]
    reached = Reached(answer[:s], answer[s:-1], answer[-1]) if sure > 1 else None
    return Settled(step, reached, Gradient.from_numbers(found[-2 * q - 1 :], q), gap)


def _by_steps(newton: "Newton", rows: RowStream | RowBlock, raw: np.ndarray) -> Settled:
    """Pass by pass; the twin of `newton.c`, which rows that stream have need of anyway."""
    theta = start = newton.view.around(raw)
    moves, first = list[np.ndarray](), None
    while True:
        found = gradient_over(rows, newton.view, theta)
        first = first or found
        step, move, noise = newton.corrected(found, theta)
        moves.append(move)
        share = _measured(moves, noise) if newton.share >= LARGEST_CONTRACTION else newton.share
        if len(moves) > 1:
            share = max(share, _measured(moves, noise))
        step = step._replace(bound=noise + move * share / (1 - share))
        stuck = len(moves) > 1 and not (moves[-1] < moves[-2] / 2).any()
        if stuck or len(moves) == PASSES or newton.is_enough(step, move):
            gap = first.gap(step.theta.minus(start))
            if share >= LARGEST_CONTRACTION:
                return Settled(None, None, first, gap)
            return Settled(step, newton.reached(step), first, gap)
        theta = step.theta


def _measured(moves: list[np.ndarray], noise: np.ndarray) -> float:
    """The slowest shrinking from one correction to the next; what is rounding of the sums does not count.

    For a factor so near to singular that what it is off by says nothing, and to see that others are what they are said
    to be.
    """
    if len(moves) == 1:
        return 0.99
    ratios = [
        np.where(a > 8 * noise, b / np.where(a > 0, a, 1.0), 0.0).max() for a, b in itertools.pairwise(moves)
    ]
    return min(0.99, float(max(ratios)))


def gradient_over(rows: RowStream | RowBlock, view: View, theta: Doubled) -> Gradient:
    """That of a block, or of all blocks side by side, added up in the order of the rows."""
    if isinstance(rows, RowBlock):
        return gradient(rows, view, theta)
    coming = rows.lazy_blocks(max(1, _CELLS // len(view.center)))
    with one_blas_thread():
        return reduce(
            Gradient.plus, ordered_map(coming, lambda parcel: gradient(parcel.columns(), view, theta))
        )


class Step(NamedTuple):
    """Coefficients (p + 1, m) of A after a pass, those of [1 X], Σ w·r² (m,), and how far they may still be off.

    `bound` (m,) is that in the coordinates of the basis.
    """

    theta: Doubled
    raw: np.ndarray
    squares: np.ndarray
    bound: np.ndarray


@dataclass(frozen=True, eq=False)
class Newton:
    """The coordinates of a basis, in which a correction is what the gradient says, and the way to coefficients.

    `inverse` (q, q) takes coordinates to coefficients of A; `lengths` (q,) says how far a coefficient of [1 X] moves
    with a step of one in them; `sizes` (k,) are the largest cells. All but `extremes`, those of columns of unit norm,
    are in the units of the view. `share` is what a pass may leave of an error.
    """

    basis: Basis
    view: View
    inverse: np.ndarray
    sizes: np.ndarray
    variation: np.ndarray
    weight_sum: float
    rows: int
    extremes: Extremes
    share: float

    @classmethod
    def of(cls, moments: Moments, bias: bool) -> "Newton":
        """That of rows with these moments, whose columns are independent."""
        return _newton(moments, bias)

    @cached_property
    def first(self) -> int:
        """Where the slopes begin among the coefficients."""
        return int(self.basis.level is not None)

    @cached_property
    def columns(self) -> np.ndarray:
        """The exponents (p,) of the units of X."""
        return self.view.exponents[: len(self.basis.root)]

    @cached_property
    def targets(self) -> np.ndarray:
        """The exponents (m,) of the units of Y."""
        return self.view.exponents[len(self.basis.root) :]

    @cached_property
    def units(self) -> np.ndarray:
        """The exponents (q, m) of the units of coefficients."""
        return np.concatenate([np.zeros(self.first, int), -self.columns])[:, None] + self.targets

    @cached_property
    def lengths(self) -> np.ndarray:
        """See the class."""
        found = self.basis.inverse.copy()
        found[self.first :] = np.ldexp(found[self.first :], self.columns[:, None])
        return row_norms(found)

    def start(self, moments: Moments) -> np.ndarray:
        """The answer (s, m) of the factor, in units of the view."""
        weight = nearest_slopes(moments, bool(self.first))
        center, p = self.view.center, moments.p
        with np.errstate(over="ignore", invalid="ignore"):  # of slopes beyond float64, which end in no answer
            slopes = np.ldexp(weight.T, self.columns[:, None] - self.targets)
            return (
                np.concatenate([(center[p:] - center[:p] @ slopes)[None], slopes]) if self.first else slopes
            )

    @property
    def reach(self) -> np.ndarray:
        """The largest coefficients (p, m) of slopes that a least-squares answer may have."""
        return self.lengths[self.first :, None] * self.variation

    @cached_property
    def constants(self) -> np.ndarray:
        """What compiled steps need, one after the other."""
        units = np.ldexp(1.0, -self.view.exponents)
        parts = (self.lengths, self.sizes, self.variation, self.view.center, self.view.exponents, units)
        return np.concatenate([self.inverse.ravel(), *parts])

    def corrected(self, found: Gradient, theta: Doubled) -> tuple[Step, np.ndarray, np.ndarray]:
        """θ after the correction that a gradient asks for, how far (m,) that is, and how far the sums may be off.

        A residual is off by some q²·2^-106 of the sizes that it is made of, and so is a sum of them over rows, in
        coordinates. A sum over rows of products with columns of unit norm is off by a share of ‖r‖: each lane's chain
        has 16 terms, and every tile adds a few roundings more. Coordinates magnify that by √q/σmin.
        """
        above = 1 - self.first  # without a bias the first row says nothing
        along = self.inverse.T @ (found.sums.hi + found.sums.lo)[above:]
        change = np.zeros_like(theta.hi)
        change[above:] = self.inverse @ along
        moved = theta.plus(change)
        q, p, move = len(theta.hi), len(self.columns), np.linalg.norm(along, axis=0)
        made_of = self.sizes[p:] + np.abs(theta.hi[0]) + self.sizes[:p] @ np.abs(theta.hi[1:])
        residuals = (q**2 + 16) * made_of * math.sqrt(self.weight_sum)
        sums = (256 + self.rows / 8) * np.sqrt(found.squares) * math.sqrt(q) / self.extremes.smallest
        squares = np.maximum(found.squares - move**2, 0.0)
        step = Step(moved, self.raw(moved), squares, np.full_like(move, np.inf))
        return step, move, _ROUNDING * (residuals + sums)

    def is_enough(self, step: Step, move: np.ndarray) -> bool:
        """Whether bounds are those of rounding the answer, and squares those of the optimum."""
        smallest = _ZERO * np.outer(self.lengths, self.variation)
        enough = UNIT / 8 * np.maximum(np.abs(step.raw), smallest)
        within = (np.outer(self.lengths, step.bound) <= enough).all()
        return bool(within and (move**2 <= UNIT * step.squares).all())

    def raw(self, theta: Doubled) -> np.ndarray:
        """Coefficients (q, m) of [1 X] or X from those of A: the bias is what is left at the origin, rounded once."""
        slopes, p = theta.hi[1:], len(self.columns)
        if not self.first:
            return slopes
        away = -self.view.center[:p, None]
        parts = [
            *two_prod(slopes, away),
            theta.lo[1:] * away,
            self.view.center[None, p:],
            theta.hi[:1],
            theta.lo[:1],
        ]
        return np.vstack([[math.fsum(column) for column in np.vstack(parts).T.tolist()], slopes])

    def reached(self, step: Step) -> Reached | None:
        """What a step has reached, in raw units; None where float64 cannot hold it.

        A coefficient is zero that says less than the bound by itself, where that is rounding of the whole answer: no
        cell is above 1 in the units of the view, so without it the answer moves by |θ|·√Σw in coordinates at the most,
        and the bound grows by as much. No digit of it was sure: `lengths` are 1/√Σw at least, for the same reason, so
        its own bound was no less than it.
        """
        idle = np.abs(step.raw) * math.sqrt(self.weight_sum) <= step.bound
        idle &= step.bound <= UNIT * self.variation
        found, off = np.where(idle, 0.0, step.raw), (1 + idle.sum(axis=0)) * step.bound
        with np.errstate(over="ignore"):
            theta, bound = np.ldexp([found, self.lengths[:, None] * off + UNIT * np.abs(found)], self.units)
        theta += 0.0  # of zeros none is negative
        sizes = np.abs(theta)
        if not sizes.max() < np.inf:
            return None
        if sizes.min() < _TINY:  # which float64 holds to less than its 53 bits
            bound += np.where((sizes < _TINY) & (found != 0), _LEAST, 0.0)
        return Reached(theta, bound, np.ldexp(step.squares, 2 * self.targets))


@once
def view_of(moments: Moments, bias: bool) -> View:
    """Columns around their means where there is a bias, in units of their largest cells."""
    low, high = moments.statistics.minimum, moments.statistics.maximum
    exponents = np.frexp(np.maximum(np.abs(low), np.abs(high)))[1]
    return View(exponents, np.ldexp(moments.mean, -exponents) if bias else np.zeros(len(exponents)))


@once
def _newton(moments: Moments, bias: bool) -> Newton:
    statistics, basis, rank = moments.statistics, Basis.of(moments, bias), Rank.of(moments, bias)
    low, high, p = statistics.minimum, statistics.maximum, moments.p
    view = view_of(moments, bias)
    exponents, center = view
    root = np.ldexp(basis.root, exponents[:p, None])
    return Newton(
        basis=basis,
        view=view,
        inverse=root if basis.level is None else below(basis.level, root),
        sizes=np.maximum(*(np.abs(np.ldexp(edge, -exponents) - center) for edge in (low, high))),
        variation=np.ldexp(np.sqrt(moments.variation(bias)), -exponents[p:]),
        weight_sum=moments.weight_sum,
        rows=moments.rows,
        extremes=rank.extremes,
        share=_share(moments, rank, basis),
    )


def _share(moments: Moments, rank: Rank, basis: Basis) -> float:
    """The share of an error that a correction may leave: what the factor and its inverse are off, twice over.

    The columns are taken around the mean without its low part, which leaves them a little way from it.
    """
    p = moments.p + 1
    moved = basis.center[1] @ basis.root
    off = math.sqrt(float(moved @ moved) * moments.weight_sum)
    return 2 * ((moments.error * math.sqrt(p) + 4 * p * UNIT) * rank.condition_scaled + off)
