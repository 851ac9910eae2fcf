"""Newton's step from cross-products in double-double: elimination with pivots, and the step refined.

LDLᵀ of G = AᵀWA as pairs, the largest rest first, relative to the centred column it is left of. A float64 copy of L
gives corrections, pairs what they should correct, so the step is exact to the digits that G holds: 31 less twice those
of the condition (Higham 2002, chapters 10 and 12).
"""

from dataclasses import dataclass

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.linalg.double_double import Doubled

_UNIT = 2.0**-53
_CONSTANT = (8 * _UNIT) ** 2  # a centred square below this share of the square itself is a constant's
_NOTHING = 2.0**-96  # a rest below this share of a square is rounding of the pairs
_ROUNDS = 4
_TOGETHER = 512  # columns of a matrix that would be as wide as long


@dataclass(frozen=True, eq=False)
class Eliminated:
    """G (q, q) = L·D·Lᵀ, pivots in `order`; `shares` are what was left of each column when its turn came.

    L (q, r) has its rows in the order of G, its columns in that of the pivots; `norms` (q,) are those of the columns,
    centred where the first pivot was the column of ones, 0 where a column is constant.
    """

    G: Doubled
    L: np.ndarray
    D: np.ndarray
    order: list[int]
    shares: np.ndarray
    norms: np.ndarray
    has_bias: bool

    def first(self, count: int) -> "Eliminated":
        """The same with no more than so many pivots."""
        return Eliminated(
            self.G,
            self.L[:, :count],
            self.D[:count],
            self.order[:count],
            self.shares[:count],
            self.norms,
            self.has_bias,
        )

    @property
    def _square(self) -> np.ndarray:
        """L of the pivots alone, unit lower triangular."""
        return self.L[self.order]

    @cached_property
    def spread(self) -> np.ndarray:
        """A root (q, r) of the inverse: rows K with G⁻¹ = K·Kᵀ, and zeros for columns that are no pivot."""
        root = np.zeros_like(self.L)
        root[self.order] = np.linalg.solve(self._square.T, np.diag(1 / np.sqrt(self.D)))
        return root

    @cached_property
    def condition(self) -> float:
        """That of the centred columns of unit norm, of the pivots alone."""
        first = int(self.has_bias)
        rows = self._square[first:, first:] * np.sqrt(self.D[first:])
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return float(np.linalg.cond(rows / norms)) if rows.size else 1.0

    def solve(self, g: Doubled) -> tuple[Doubled, np.ndarray]:
        """The d (q, m) with G·d = g on the pivots, 0 elsewhere, and the size of its last correction."""
        G, g = self.G[np.ix_(self.order, self.order)], g[self.order]
        d, move = Doubled.of(np.zeros_like(g.hi)), np.zeros_like(g.hi)
        for _ in range(_ROUNDS):
            rest = Doubled(g.hi.copy(), g.lo.copy())
            for j in range(len(self.order)):
                rest = rest.minus(_wide(G[:, j], g.hi.shape[1]).times(d[j]))
            halved = np.linalg.solve(self._square, rest.hi + rest.lo) / self.D[:, None]
            move = np.linalg.solve(self._square.T, halved)
            d = d.plus(move)
        whole = Doubled.of(np.zeros((len(self.L), g.hi.shape[1])))
        whole.put(self.order, d)
        last = np.zeros_like(whole.hi)
        last[self.order] = np.abs(move)
        return whole, last

    @property
    def is_deficient(self) -> bool:
        """Whether some column is constant or depends on others."""
        return len(self.order) < len(self.norms)

    @cached_property
    def seen(self) -> np.ndarray:
        """An orthonormal basis (p, r) of what rows tell of weights on columns of unit norm; zeros where constant."""
        first, norms = int(self.has_bias), self.norms[int(self.has_bias) :, None]
        varying = np.divide(
            self.L[first:, first:], norms, out=np.zeros_like(self.L[first:, first:]), where=norms > 0
        )
        return np.linalg.qr(varying)[0]

    @cached_property
    def unseen(self) -> np.ndarray:
        """The share (p,) of a weight on a unit column that no row can tell: a norm of I − Q·Qᵀ, column by column."""
        Q, shares = self.seen, np.zeros(len(self.seen))
        for start in range(0, len(Q), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            rest = -Q @ Q[part].T
            rest[range(part.start, part.start + rest.shape[1]), range(rest.shape[1])] += 1.0
            shares[part] = np.linalg.norm(rest, axis=0)
        return shares


def eliminated(G: Doubled, has_bias: bool) -> Eliminated:
    """LDLᵀ of cross-products; with a bias the column of ones is their first, goes first and centres the others.

    Of what is left of G only the diagonal is kept, and the column of a pivot is found when its turn comes: r²·q/2
    operations on pairs, few where few columns are independent.
    """
    q, whole = len(G.hi), np.diag(G.hi)
    every = np.arange(q)
    diagonal, pending, norms = G[every, every], whole > 0, np.sqrt(whole)
    order, D, shares = list[int](), list[float](), list[float]()
    columns, rows = (
        Doubled.of(np.zeros((0, q))),
        Doubled.of(np.zeros((0, q))),
    )  # of L, transposed, and of D·Lᵀ
    while pending.any():
        share = np.where(pending, diagonal.hi / np.where(pending, norms, 1.0) ** 2, -np.inf)
        j = 0 if has_bias and not order else int(np.argmax(share))
        if diagonal.hi[j] <= _NOTHING * whole[j]:
            break
        left = G[j].minus(_wide(columns[:, j], q).times(rows).sum()) if order else G[j]
        pivot = left[j]
        column = left.over(Doubled(np.full(q, pivot.hi), np.full(q, pivot.lo)))
        column.hi[order], column.lo[order] = 0.0, 0.0
        diagonal = diagonal.minus(column.times(left))
        columns, rows = _above(columns, column), _above(rows, left)
        order.append(j)
        D.append(float(pivot.hi))
        shares.append(float(share[j]))
        pending[j] = False
        if has_bias and len(order) == 1:
            pending = diagonal.hi > _CONSTANT * whole
            norms = np.where(pending, np.sqrt(np.maximum(diagonal.hi, 0.0)), 0.0)
    return Eliminated(G, columns.hi.T.copy(), np.array(D), order, np.array(shares), norms, has_bias)


def _above(rows: Doubled, row: Doubled) -> Doubled:
    return Doubled(np.vstack([rows.hi, row.hi]), np.vstack([rows.lo, row.lo]))


def _wide(column: Doubled, width: int) -> Doubled:
    """The column, so many times side by side."""
    return Doubled(np.repeat(column.hi[:, None], width, axis=1), np.repeat(column.lo[:, None], width, axis=1))
