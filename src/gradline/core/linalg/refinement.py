"""Least squares to the last digit, for rows in memory: iterative refinement by the normal equations of a QR factor.

The coefficients are kept as pairs, and the gradient AᵀW(b − A·x) is computed in double-double; R of one QR in float64
turns it into a correction, (RᵀR)⁻¹ times it. R is off by rounding alone, so corrections shrink with the condition, not
with its square. Björck 1987 (corrected seminormal equations); Demmel, Hida, Riedy, Li 2009; Higham 2002, section 20.6.
"""

import itertools
import math
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.double_double import BITS, SUMMED, Doubled, Sliced
from gradline.core.linalg.triangular import UNIT

CELLS = 100_000  # rows × columns up to which it is always done: for some 10 ms at the most, half a one for a few rows
LARGEST_CONTRACTION = 0.3  # corrections that shrink less than this are no proof
_VARIANCE_WORK = 1 << 20  # rows × columns², up to which variances are refined: for a few ms at the most
_ROUNDS = 12
_CELLS = 1 << 14  # of rows that variances take together: fresh memory for more takes its time
_EXPONENTS = 1021  # of two, up to which a number and its inverse are float64 with all their bits
_LEAST = np.nextafter(0.0, 1.0)


class Figures(NamedTuple):
    """What standard errors need, to rounding: the sum of squares (m,) and the diagonal of (AᵀWA)⁻¹, the bias first."""

    squares: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, eq=False)
class Refined:
    """The optimum: weight (m, p) and bias (m,) correct to rounding, with bounds, and the sum of squares (m,).

    `weight_bound`, `bias_bound` are sound where `contraction`, the slowest shrinking of a correction, is below 0.3:
    the last correction, what later ones could add, and one rounding.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_bound: np.ndarray
    bias_bound: np.ndarray
    squares: np.ndarray
    contraction: float
    variances: np.ndarray | None = None  # (bias + p,), of tables that are not too wide

    @property
    def figures(self) -> Figures | None:
        """For inference, where the variances are known."""
        return None if self.variances is None else Figures(self.squares, self.variances)

    @property
    def is_proven(self) -> bool:
        """Whether the bounds are sound, and the optimum within float64."""
        finite = np.isfinite(self.weight).all() and np.isfinite(self.bias).all()
        return bool(finite and self.contraction < LARGEST_CONTRACTION)


class Piece(NamedTuple):
    """At most 4096 rows: A (n, q) in slices, b (n, m), and weights (n, 1), or None for weights of one."""

    A: Sliced
    b: np.ndarray
    w: np.ndarray | None

    def gradient(self, x: Doubled) -> tuple[Doubled, np.ndarray]:
        """AᵀW·r (q, m) and Σ w·r² (m,) for r = b − A·x."""
        r = self.A.times(-x).plus(self.b)
        weighted = r if self.w is None else r.times(self.w)
        return self.A.under(Sliced.of(weighted)), (weighted.hi * r.hi).sum(axis=0)


class _System:
    """The normal equations of columns A (n, q) and targets b (n, m), each scaled by powers of two, and row weights.

    A row and its weight are scaled too, to a weight between ¼ and 1. None of it rounds anything.
    """

    def __init__(
        self, A: np.ndarray, b: np.ndarray, w: np.ndarray | None, R: np.ndarray, B: np.ndarray
    ) -> None:
        (self.n, q), halves = A.shape, half_exponents(w)
        scaled = None if w is None else np.ldexp(w[:, None], -2 * halves)
        columns, b = (A, b) if w is None else (np.ldexp(A, halves), np.ldexp(b, halves))
        self.exponents, self.units = _exponents(columns), _exponents(b)
        self.pieces: list[Piece] = []
        for first in range(0, self.n, SUMMED):
            rows = slice(first, first + SUMMED)
            cut, targets = Sliced.of(columns[rows]), np.ldexp(b[rows], -self.units)
            part = Sliced(cut.parts, cut.exponents - self.exponents)
            self.pieces.append(Piece(part, targets, None if scaled is None else scaled[rows]))
        self.inverse = np.linalg.solve(np.ldexp(R, -self.exponents), np.eye(q))
        self.start = self.inverse @ np.ldexp(B, -self.units)

    def solve(self) -> tuple[Doubled, np.ndarray, np.ndarray, np.ndarray]:
        """x (q, m), its last corrections, the worst contraction of each column (m,), and Σ w·r² (m,)."""
        x, dx = Doubled.of(self.start), self.start
        moves, squares = [np.abs(dx).max(axis=0)], np.zeros(len(self.units))
        for _ in range(_ROUNDS):
            sums, parts = zip(*[piece.gradient(x) for piece in self.pieces], strict=True)
            whole = reduce(Doubled.plus, sums)
            along = self.inverse.T @ (whole.hi + whole.lo)
            dx = self.inverse @ along
            x = x.plus(dx)
            moves.append(np.abs(dx).max(axis=0))
            squares = sum(parts) - (along**2).sum(axis=0)  # of the residual after this correction
            if (np.abs(dx) <= UNIT / 8 * np.abs(x.hi)).all():
                break
        return x, np.abs(dx), _contraction(moves), np.maximum(squares, 0.0)

    def variances(self) -> np.ndarray | None:
        """The diagonal of (AᵀWA)⁻¹ in the units of the rows, None where float64 cannot hold it.

        With S near R⁻¹, B = √W·A·S is nearly orthonormal, and (AᵀWA)⁻¹ = S·(BᵀB)⁻¹·Sᵀ. Only A·S needs more than
        float64: its terms are as large as the condition, and cancel.
        """
        q = len(self.inverse)
        largest = float(np.abs(self.inverse).max()) * math.sqrt(self.n * q)
        orders, size, products = math.ceil(math.log2(largest / UNIT) / BITS), _CELLS // q, np.zeros((q, q))
        for piece in self.pieces:
            for first in range(0, len(piece.b), size):
                rows = slice(first, first + size)
                B = piece.A.take(rows).times(self.inverse, orders).hi
                products += B.T @ (B if piece.w is None else piece.w[rows] * B)
        if np.linalg.norm(products - np.eye(q)) > LARGEST_CONTRACTION:
            return None
        half = np.linalg.solve(np.linalg.cholesky(products), self.inverse.T)
        scaled, units = (half**2).sum(axis=0), -2 * self.exponents
        held = np.abs(np.frexp(scaled)[1] + units) <= _EXPONENTS
        return np.ldexp(scaled, units) if held.all() else None


def _contraction(moves: list[np.ndarray]) -> np.ndarray:
    """The slowest shrinking from one correction to the next.

    The first answer is float64's, whose error goes with the square of the condition where residuals are large; the
    corrections to it shrink with the condition itself. What has shrunk to the rounding of pairs does not count.
    """
    worst = moves[1] / np.where(moves[0] > 0, moves[0], 1.0) if len(moves) == 2 else np.zeros_like(moves[0])
    for before, after in itertools.pairwise(moves[1:]):
        counted = before > 2.0**-96 * moves[0]
        worst = np.where(counted, np.maximum(worst, after / np.where(before > 0, before, 1.0)), worst)
    return worst


def refined(X: np.ndarray, Y: np.ndarray, w: np.ndarray | None, R: np.ndarray, B: np.ndarray) -> Refined:
    """The optimum of rows X (n, p), Y (n, m), w (n,) or None, whose columns A = [1 X] or X are independent.

    R (q, q) and B (q, m) are what one QR in float64 makes of √W·[A Y]: R and QᵀY. With a bias q is p + 1.
    """
    bias = len(R) > X.shape[1]
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    system = _System(A, Y, w, R, B)
    x, last, worst, squares = system.solve()
    shrink = np.minimum(worst, 0.99)
    rest = last.max(axis=0) * shrink / (1 - shrink)
    bound = last + rest + UNIT * np.abs(x.hi)
    with np.errstate(over="ignore"):
        theta, bound = (np.ldexp(part, system.units - system.exponents[:, None]) for part in (x.hi, bound))
    bound += np.where((x.hi != 0) & (np.abs(theta) < np.ldexp(1.0, -_EXPONENTS)), _LEAST, 0.0)
    first, m = int(bias), len(Y.T)
    is_proven = bool((worst < LARGEST_CONTRACTION).all())
    return Refined(
        weight=theta[first:].T.copy(),
        bias=theta[0] if bias else np.zeros(m),
        weight_bound=bound[first:].T.copy(),
        bias_bound=bound[0] if bias else np.zeros(m),
        squares=np.ldexp(squares, 2 * system.units),
        contraction=float(worst.max(initial=0.0)),
        variances=system.variances() if is_proven and A.size * A.shape[1] <= _VARIANCE_WORK else None,
    )


def half_exponents(w: np.ndarray | None) -> np.ndarray:
    """The powers of two (n, 1) near the roots of row weights: rows times these may have weights between ¼ and 1."""
    return np.zeros((1, 1), int) if w is None else -(-np.frexp(w)[1] // 2)[:, None]


def _exponents(columns: np.ndarray) -> np.ndarray:
    """The powers of two that bring the largest entry of each column to between ½ and 1; 0 for zeros."""
    return np.frexp(np.abs(columns).max(axis=0, initial=0.0))[1]
