"""Least squares to the last digit, for rows in memory: iterative refinement of the augmented system.

The residual and the coefficients solve r + A·x = b, Aᵀ·W·r = c together (b = y, c = 0). One QR factorisation in float64
gives corrections; what they should correct is computed in double-double, and both unknowns are kept as pairs. Björck
1967; Demmel, Hida, Riedy, Li 2009; Higham 2002, chapter 20.
"""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.doubled import Doubled
from gradline.factor import UNIT

CELLS = (
    100_000  # rows × columns up to which it is always done: for 0.3 s at the most here, 4 ms for a few rows
)
LARGEST_CONTRACTION = 0.3  # corrections that shrink less than this are no proof
_VARIANCE_WORK = 1 << 20  # rows × columns², up to which variances are refined: for 0.2 s at the most here
_ROUNDS = 12
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


class _System:
    """The augmented system of columns A (n, q) scaled by powers of two, which rounds nothing, and row weights."""

    def __init__(self, A: np.ndarray, w: np.ndarray | None) -> None:
        self.exponents = _exponents(A)
        self.A = np.ldexp(A, -self.exponents)
        self.weight_exponent = 0 if w is None else int(_exponents(w))
        self.w = None if w is None else np.ldexp(w, -self.weight_exponent)
        self.root = 1.0 if self.w is None else np.sqrt(self.w)[:, None]
        self.Q, self.R = np.linalg.qr(self.root * self.A)

    def solve(self, b: np.ndarray, c: np.ndarray) -> tuple[Doubled, Doubled, np.ndarray, np.ndarray]:
        """x (q, m) and r (n, m), the last corrections of x, and the worst contraction of each column."""
        x, r = Doubled.of(np.zeros((len(c), b.shape[1]))), Doubled.of(np.zeros_like(b))
        moves: list[np.ndarray] = []
        dx = x.hi
        for _ in range(_ROUNDS):
            dx, dr = self._correction(b, c, x, r)
            x, r = x.plus(dx), r.plus(dr)
            moves.append(np.abs(dx).max(axis=0))
            if (np.abs(dx) <= UNIT / 8 * np.abs(x.hi)).all():
                break
        return x, r, np.abs(dx), _contraction(moves)

    def variances(self) -> np.ndarray | None:
        """The diagonal of (AᵀWA)⁻¹ in the units of the rows, None where float64 cannot hold it.

        r + A·x = 0 and AᵀW·r = −e give a column of it.
        """
        q = self.A.shape[1]
        x = self.solve(np.zeros((len(self.A), q)), -np.eye(q))[0]
        scaled, units = np.diag(x.hi), -2 * self.exponents - self.weight_exponent
        held = np.abs(np.frexp(scaled)[1] + units) <= _EXPONENTS
        return np.ldexp(scaled, units) if held.all() else None

    def _correction(
        self, b: np.ndarray, c: np.ndarray, x: Doubled, r: Doubled
    ) -> tuple[np.ndarray, np.ndarray]:
        first = unexplained(Doubled.of(b).minus(r), self.A, x)
        f1 = first.hi + first.lo
        weighted = r if self.w is None else r.times(self.w[:, None])
        sums = [weighted.times(self.A[:, j, None]).sum() for j in range(len(c))]
        f2 = c - np.array([total.hi for total in sums]) - np.array([total.lo for total in sums])
        # With e = √W·dr: Qᵀe = R⁻ᵀ·f2, and beside the columns e is what Q leaves of √W·f1.
        inner, along = np.linalg.solve(self.R.T, f2), self.Q.T @ (self.root * f1)
        e = self.root * f1 + self.Q @ (inner - along)
        return np.linalg.solve(self.R, along - inner), e / self.root


def unexplained(b: Doubled, A: Doubled | np.ndarray, x: Doubled) -> Doubled:
    """b − A·x (n, m) in pairs, column by column of A (n, q)."""
    for j in range(len(x.hi)):
        share = Doubled(np.broadcast_to(x.hi[j], b.hi.shape), np.broadcast_to(x.lo[j], b.hi.shape))
        b = b.minus(share.times(A[:, j, None]))
    return b


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


def refined(X: np.ndarray, Y: np.ndarray, w: np.ndarray | None, bias: bool) -> Refined:
    """The optimum of rows X (n, p), Y (n, m), w (n,) or None, whose columns are independent."""
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    system, y = _System(A, w), _exponents(Y)
    x, r, last, worst = system.solve(np.ldexp(Y, -y), np.zeros((A.shape[1], Y.shape[1])))
    shrink = np.minimum(worst, 0.99)
    rest = last.max(axis=0) * shrink / (1 - shrink)
    bound = last + rest + UNIT * np.abs(x.hi)
    with np.errstate(over="ignore"):
        theta, bound = (np.ldexp(part, y - system.exponents[:, None]) for part in (x.hi, bound))
    bound += np.where((x.hi != 0) & (np.abs(theta) < np.ldexp(1.0, -_EXPONENTS)), _LEAST, 0.0)
    squares = r.hi**2 if w is None else r.hi**2 * w[:, None]
    first, m = int(bias), Y.shape[1]
    variances = system.variances() if A.size * A.shape[1] <= _VARIANCE_WORK else None
    return Refined(
        weight=theta[first:].T.copy(),
        bias=theta[0] if bias else np.zeros(m),
        weight_bound=bound[first:].T.copy(),
        bias_bound=bound[0] if bias else np.zeros(m),
        squares=np.ldexp(squares.sum(axis=0), 2 * y),
        contraction=float(worst.max(initial=0.0)),
        variances=variances,
    )


def _exponents(columns: np.ndarray) -> np.ndarray:
    """The powers of two that bring the largest entry of each column to between ½ and 1; 0 for zeros."""
    return np.frexp(np.abs(columns).max(axis=0, initial=0.0))[1]
