"""How far a line is from the best one, at most: from the slopes of the loss at its rows, whatever found it."""

import math
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.triangular import UNIT, column_norms, inverted, triangular
from gradline.solvers.tall import Tall, dual_slope, losses, summed

_ROUNDS = 6  # in which rows whose slope could turn are left out, until none is left that could
_FAST = 1e-4  # what products of columns may lose of the inverse
_SOUND = 0.1  # κ·ε of columns from which on their inverse bounds nothing
_NONE = 1e-9  # the share of a coefficient in what is open, below which it has none


class RowBound(NamedTuple):
    """What is sure of the best θ* of one target, seen from some θ.

    `gap`: how far Σ w·ρ is above the least, at most; `reach` (q,): how far each coefficient is from its best, at most;
    `open` (q,): which may have several best values, as nothing holds them; `slope` (q,): the smallest slope of Σ w·ρ
    that was found.
    """

    gap: float
    reach: np.ndarray
    open: np.ndarray
    slope: np.ndarray


class Line(NamedTuple):
    """A line (weight (p,) and bias in raw units) of target j beside its rows, with its residuals."""

    tall: Tall
    weight: np.ndarray
    bias: float
    j: int
    r: np.ndarray
    known: np.ndarray  # what rounding may have done to each residual

    @classmethod
    def of(cls, tall: Tall, weight: np.ndarray, bias: float, j: int) -> "Line":
        """The line with its residuals."""
        return cls(tall, weight, bias, j, *tall.residual(weight, bias, j))

    @property
    def value(self) -> float:
        """Σ w·ρ."""
        return float(summed(losses(self.tall, self.r)))

    @property
    def nothing(self) -> float:
        """What Σ w·ρ would be if every residual were what rounding may make of zero."""
        return float(losses(self.tall, self.tall.rounded(self.weight, self.bias, self.j)).sum())


def bounded(line: Line, s: np.ndarray | None = None) -> RowBound:
    """The bounds of a line; `s` (n,) are slopes of its rows to start from, where it goes through many."""
    if (line.tall.width > 0).all():
        return _by_curvature(line) or _by_slopes(line, None)
    return _by_slopes(line, s)


def _pull(tall: Tall, s: np.ndarray, blur: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Aᵀ(w·s) (q,), and what it may be off: by rounding, of columns too, and by slopes known to their blur."""
    terms = tall.A * (tall.w * s)[:, None]
    size = np.abs(tall.A) * (tall.w * (np.abs(s) * _unit(tall) + blur))[:, None]
    return summed(terms), summed(size) * (1 + _unit(tall))


def _unit(tall: Tall) -> float:
    """The relative rounding of a sum over all rows."""
    return (math.log2(max(len(tall.A), 1)) + tall.A.shape[1] + 8) * UNIT


def _by_curvature(line: Line) -> RowBound | None:
    """From rows that stay within the parabola of their loss all the way to the optimum.

    Let g = Aᵀ(w·s) and H = Σ w/width·a·aᵀ over rows S, row i of which is m_i from where its parabola ends, and ν = √(gᵀ
    H⁻¹g). If 2·ν·√(aᵀH⁻¹a) < m_i for all of S, then Σ w·ρ is at least a parabola of curvature H as far as 2·ν in the
    norm of H, beyond which it is above its value here, being convex: so θ* is within ν, and the gap at most ν²/2. None
    where the near rows do not tell all coefficients apart.
    """
    tall = line.tall
    s = dual_slope(tall, line.r)
    room = tall.high * tall.width - np.abs(line.r) - line.known
    g, off = _pull(tall, s, np.where(room > -2 * line.known, line.known / tall.width, 0.0))
    inside = room > 0
    for _ in range(_ROUNDS):
        K = _inverse_root(tall.A[inside] * np.sqrt(tall.w / tall.width)[inside, None])
        if K is None:
            return None
        newton = float(np.linalg.norm(K.T @ g) + np.linalg.norm(np.abs(K.T) @ off))
        stays = room > 2 * newton * _lengths(tall.A @ K)
        if stays[inside].all():
            reach = _lengths(K) * newton
            return RowBound(newton**2 / 2 * (1 + 1e-12), reach, np.zeros(len(g), bool), g)
        inside &= stays
    return None


def _lengths(rows: np.ndarray) -> np.ndarray:
    """The norm of each row."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))


def _inverse_root(rows: np.ndarray) -> np.ndarray | None:
    """K (q, q) with K·Kᵀ at least (rowsᵀ·rows)⁻¹, None where float64 does not know it."""
    q, norms = rows.shape[1], column_norms(rows)
    if len(rows) < q or not (norms > 0).all():
        return None
    unit = rows / norms
    K = _by_products(unit)
    if K is not None:
        return K / norms[:, None]
    R = triangular(unit)
    if not R.diagonal().min() > q * UNIT:
        return None
    K = inverted(R)
    loss = 8 * q * UNIT * float(np.linalg.norm(K))
    return None if loss > _SOUND else K / norms[:, None] * (1 + 2 * loss)


def _by_products(unit: np.ndarray) -> np.ndarray | None:
    """The same of columns of unit norm, from their products, which is faster; None where those lose too much."""
    try:
        K = np.linalg.inv(np.linalg.cholesky(unit.T @ unit)).T
    except np.linalg.LinAlgError:
        return None
    loss = 4 * len(unit) * UNIT * float(np.sum(K * K))
    return K * (1 + 2 * loss) if loss <= _FAST else None


def _by_slopes(line: Line, start: np.ndarray | None) -> RowBound:
    """From slopes s of all rows with Aᵀ(w·s) = 0: Σ w·ρ is nowhere below Σ w·(s·y − width/2·s²), its dual.

    The gap is the sum over the rows of w·(ρ(r) + width/2·s² − s·r), of which none is below zero (Fenchel's inequality).
    Rows on one side have the slope of that side. The others, through which the line goes or whose loss is a parabola
    there, have what makes the sum zero; what rounding leaves of that they could make up for, each by `spare`, and if
    this leads out of the range of slopes, all are taken smaller by a factor. A row whose slope is within its range by a
    margin holds the line: by Σ w·margin·|r*| ≤ gap the best line goes as near to it.
    """
    tall = line.tall
    r, known = line.r.copy(), line.known.copy()
    touched = tall.touching(line.weight, line.bias, line.j, r)
    r[touched] = tall.exact_residual(line.weight, line.bias, line.j, touched)
    known[touched] = UNIT * np.abs(r[touched])
    s = dual_slope(tall, r)
    bent = np.flatnonzero((tall.width > 0) & (s > tall.low) & (s < tall.high))
    flat = touched[tall.width[touched] == 0]
    s[flat] = (tall.low + tall.high)[flat] / 2 if start is None else start[flat]
    s, spare = _balanced(tall, s, np.union1d(touched, bent))
    left, _ = _pull(tall, s)
    if not np.isfinite(spare).all():
        q = len(left)
        return RowBound(math.inf, np.full(q, math.inf), np.ones(q, bool), left)
    own = _shrunk(tall, s, spare)
    rest = tall.width * own - r  # the slope of a term of the gap by s
    steep = dual_slope(tall, r)
    terms = (steep - own) * (r - tall.width * steep) + tall.width / 2 * (own - steep) ** 2
    blur = spare * (np.abs(rest) + tall.width * spare) + known * np.abs(steep - own)
    gap = float(summed(tall.w * (np.maximum(terms, 0.0) + blur))) * (1 + _unit(tall))
    margin = np.minimum(own - tall.low, tall.high - own)[flat] - spare[flat]
    return _held(line, r, flat, margin, gap, left)


def _balanced(tall: Tall, s: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes with Aᵀ(w·s) = 0 but for rounding, of which those of the free rows were changed, and by how much more.

    Where the free rows do not tell all coefficients apart, what rounding leaves is shared among all rows.
    """
    root, spare = np.sqrt(tall.w), np.full(len(s), np.inf)
    B = tall.A[free] * root[free, None]
    K = _inverse_root(B)
    s = s.copy()
    for _ in range(2):  # the second time for what rounding left
        pull = _pull(tall, s)[0]
        change = B @ (K @ (K.T @ pull)) if K is not None else np.linalg.pinv(B.T) @ pull
        s[free] -= change / root[free]
    if K is None:
        free = np.flatnonzero(tall.w > 0)
        B = tall.A[free] * root[free, None]
        K = _inverse_root(B)
    if K is not None:
        left, off = _pull(tall, s)
        spare = np.zeros(len(s))
        spare[free] = _lengths(B @ K) * np.linalg.norm(np.abs(K.T) @ (np.abs(left) + off)) / root[free]
    return s, spare


def _shrunk(tall: Tall, s: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """The slopes, all smaller by the factor that brings them, whatever is spared, between those of the loss."""
    beyond = np.maximum((s + spare) / tall.high, (s - spare) / tall.low)[tall.w > 0]
    most = float(beyond.max(initial=0.0))
    return s if most <= 1 else s / (most * (1 + 4 * UNIT))


def _held(
    line: Line, r: np.ndarray, rows: np.ndarray, margin: np.ndarray, gap: float, slope: np.ndarray
) -> RowBound:
    """How far each coefficient can be where rows hold the line by these margins, and which none of them holds."""
    tall, q = line.tall, line.tall.A.shape[1]
    sure = margin > _NONE * (tall.high - tall.low)[rows]  # one at an end of its range turns for nothing
    holding = rows[sure]
    by = (tall.w[rows] * margin)[sure]
    A = tall.A[holding] * (by / by.max(initial=1e-300))[:, None]
    _, size, V = np.linalg.svd(A, full_matrices=True) if len(A) else (None, np.zeros(0), np.eye(q))
    rank = int(np.count_nonzero(size > 64 * q * UNIT * size.max(initial=0.0)))
    open_ = np.logical_or.reduce(np.abs(V[rank:]) > _NONE)
    if not rank:
        return RowBound(gap, np.full(q, math.inf), np.ones(q, bool), slope)
    P = np.linalg.pinv(A, rcond=64 * q * UNIT) / by.max()
    blur = 1 + 64 * q * UNIT * float(size[0] / size[rank - 1])
    offset = np.abs(P) @ (by * np.abs(r[holding])) if len(holding) > q else np.abs(P @ (by * r[holding]))
    reach = blur * (offset * (1 + 16 * q * UNIT) + gap * np.abs(P).max(axis=1))
    return RowBound(gap, np.where(open_, math.inf, reach), open_, slope)
