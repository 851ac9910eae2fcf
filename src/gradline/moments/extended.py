"""Cross-products of [1 X Y] in double-double: a state that adds, subtracts and is reordered without losing a digit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradline.core.linalg.double_double import SUMMED, Doubled, Sliced
from gradline.core.linalg.refined import Refined, half_exponents
from gradline.core.linalg.triangular import UNIT
from gradline.core.tensor_file import expect_shapes
from gradline.data.row_block import RowBlock

_ROUNDING = 2.0**-98  # of a sum of products beside the sum of their sizes, with margin for long sums
_TENSORS = ("products_high", "products_low", "products_largest")
_DEPENDENT = 2.0**-90  # a pivot below this share of its diagonal is rounding


@dataclass(frozen=True, eq=False)
class Products:
    """S = Σ w·zzᵀ over rows z = (1, x, y), (k + 1, k + 1), as pairs: some 31 digits.

    S carries the square of the condition of [1 X], so 31 − 2·log10(κ) digits of an answer are left of it. Means far
    from zero count towards κ here: they are subtracted at the end, and cost their share of the 31 digits. `largest`
    (k + 1,) bounds the diagonals that S has passed through, which its rounding goes with.
    """

    S: Doubled
    largest: np.ndarray

    @classmethod
    def of(cls, block: RowBlock) -> "Products":
        """The products of some rows."""
        Z = np.column_stack([np.ones(len(block.X)), block.X, block.Y])
        total = Doubled.of(np.zeros((Z.shape[1], Z.shape[1])))
        for first in range(0, len(Z), SUMMED):
            rows = slice(first, first + SUMMED)
            total = total.plus(_products(Z[rows], None if block.w is None else block.w[rows]))
        return cls(total, np.diag(total.hi).copy())

    def __add__(self, other: "Products") -> "Products":
        return Products(self.S.plus(other.S), self.largest + other.largest)

    def __sub__(self, other: "Products") -> "Products":
        return Products(self.S.minus(other.S), self.largest + other.largest)

    def select(self, columns: list[int]) -> "Products":
        """The products of these columns of [X Y], in this order."""
        kept = np.array([0, *(column + 1 for column in columns)])
        return Products(self.S[np.ix_(kept, kept)], self.largest[kept])

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays of the state by name."""
        return dict(zip(_TENSORS, (*self.S, self.largest), strict=True))

    @classmethod
    def from_tensors(cls, path: str | Path, tensors: Mapping[str, np.ndarray], k: int) -> "Products | None":
        """The state that `tensors` hold, if they hold one; `path` is for messages."""
        if _TENSORS[0] not in tensors:
            return None
        expect_shapes(path, tensors, dict(zip(_TENSORS, [(k + 1, k + 1)] * 2 + [(k + 1,)], strict=True)))
        high, low, largest = (tensors[name] for name in _TENSORS)
        return cls(Doubled(high, low), largest)

    def factor(self) -> np.ndarray:
        """R (k, k) of the centred columns, correct to rounding; rows of zeros where columns are dependent."""
        scaled, exponents = _scaled(self.S)
        return np.ldexp(_cholesky(scaled).hi[1:, 1:], exponents[1:])

    def optimum(self, m: int, bias: bool) -> Refined | None:
        """The least-squares answer with its bounds; None where the columns are dependent.

        The bound adds to one rounding what the rounding of S may do: ‖G⁻¹‖·ε·(‖G‖·‖x‖ + ‖g‖) for G·x = g with columns
        of size one (Higham 2002, section 7.1), and ε as much larger as S once was.
        """
        scaled, exponents = _scaled(self.S)
        whole = np.arange(len(exponents))
        A, Y = whole[0 if bias else 1 : -m], whole[-m:]
        kept = np.concatenate([A, Y])
        R = _cholesky(scaled[np.ix_(kept, kept)])
        q = len(kept) - m
        if not (np.diag(R.hi)[:q] > 0).all():
            return None
        x = _back_substituted(R[:q, :q], R[:q, q:])
        inverted = _back_substituted(R[:q, :q], Doubled.of(np.eye(q))).hi
        grown = np.sqrt(self.largest[kept] / np.diag(self.S.hi)[kept])
        inverse, ours = np.linalg.norm(inverted, 2) ** 2, float(grown[:q].max())
        rounding = inverse * _ROUNDING * ours
        if rounding * ours * q > 0.1:
            return None
        shift = rounding * (ours * q * np.linalg.norm(x.hi, axis=0) + grown[q:] * np.sqrt(q))
        units = exponents[Y] - exponents[A, None]
        bound = np.ldexp(shift + UNIT * np.abs(x.hi), units)
        theta, first = np.ldexp(x.hi, units), int(bias)
        squares = (R.hi[q:, q:] ** 2).sum(axis=0)
        return Refined(
            weight=theta[first:].T.copy(),
            bias=theta[0] if bias else np.zeros(m),
            weight_bound=bound[first:].T.copy(),
            bias_bound=bound[0] if bias else np.zeros(m),
            squares=np.ldexp(squares, 2 * exponents[Y]),
            variances=np.ldexp((inverted**2).sum(axis=1), -2 * exponents[A]),
        )


def _products(Z: np.ndarray, w: np.ndarray | None) -> Doubled:
    """Σ w·zzᵀ over rows Z (n, k + 1), at most 4096 of them."""
    if w is None:
        sliced = Sliced.of(Z)
        return sliced.under(sliced)
    halves = half_exponents(w)
    scaled, w = np.ldexp(Z, halves), np.ldexp(w[:, None], -2 * halves)
    return Sliced.of(scaled).under(Sliced.of(Doubled.of(scaled).times(w)))


def _scaled(S: Doubled) -> tuple[Doubled, np.ndarray]:
    """S with a diagonal near one, by powers of two, which round nothing; and those of its columns."""
    exponents = np.frexp(np.sqrt(np.maximum(np.diag(S.hi), 0.0)))[1]
    shifts = -(exponents[:, None] + exponents)
    return S.ldexp(shifts), exponents


def _cholesky(S: Doubled) -> Doubled:
    """R upper triangular with RᵀR = S; a row of zeros for a column that those before it determine."""
    left, R = Doubled(S.hi.copy(), S.lo.copy()), Doubled(np.zeros_like(S.hi), np.zeros_like(S.hi))
    for j in range(len(S.hi)):
        pivot = left[j, j]
        if pivot.hi <= _DEPENDENT * S.hi[j, j]:
            continue
        row = left[j, j:].over(Doubled(*(np.broadcast_to(part, len(S.hi) - j) for part in pivot.root())))
        R.put((j, slice(j, None)), row)
        rest = row[1:]
        outer = Doubled(*(np.repeat(part[:, None], len(rest.hi), axis=1) for part in rest)).times(rest)
        left.put((slice(j + 1, None), slice(j + 1, None)), left[j + 1 :, j + 1 :].minus(outer))
    return R


def _back_substituted(R: Doubled, B: Doubled) -> Doubled:
    """x with R·x = B."""
    x = Doubled(B.hi.copy(), B.lo.copy())
    for j in reversed(range(len(R.hi))):
        diagonal = Doubled(*(np.broadcast_to(part, x.hi.shape[1]) for part in R[j, j]))
        x.put(j, x[j].over(diagonal))
        column = Doubled(*(np.repeat(part[:j, None], x.hi.shape[1], axis=1) for part in R[:, j]))
        x.put(slice(0, j), x[:j].minus(column.times(x[j])))
    return x
