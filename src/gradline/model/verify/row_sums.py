"""What rows say about given coefficients: counts, a fingerprint, residuals and cross-products, in double-double.

One pass that shares no arithmetic with fitting. Cross-products are those of a matrix product without rounding: each
column is cut into slices of 20 bits, whose products over 4,096 rows float64 adds exactly (Ozaki, Ogita, Oishi, Rump
2012); slices and blocks are then added as pairs.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.errors import DataError
from gradline.core.linalg.double_double import Doubled
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream

BLOCK_ROWS = 4096
_SLICE_BITS = 20  # 2·20 bits of a product and 12 of the number of rows stay below the 53 of float64
_MOST_SLICES = 6  # what is left of a column lies 120 bits below its largest entry


@dataclass(frozen=True, eq=False)
class Frame:
    """How columns [X Y] (p + m,) are written down: less `shift`, in units of powers of two, weights in another.

    Nothing is rounded: a column is shifted, where there is a bias to make up for it, by its value nearest to zero, and
    only if no value is twice as far from zero (Sterbenz 1974).
    """

    shift: np.ndarray
    units: np.ndarray
    weight_unit: int

    @classmethod
    def of(cls, low: np.ndarray, high: np.ndarray, heaviest: float, has_bias: bool) -> "Frame":
        """The frame for columns of these ranges and weights of about this size; wrong ones cost digits alone."""
        near, far = np.where(low > 0, low, high), np.where(low > 0, high, low)
        shift = np.where((near * far > 0) & (np.abs(far) <= 2 * np.abs(near)) & has_bias, near, 0.0)
        sizes = np.maximum(np.abs(low - shift), np.abs(high - shift))
        return cls(shift, _exponents(sizes), int(_exponents(np.array(heaviest))) - 1)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sums over the rows, in the `frame`.

    With Z = [1 X Y] in that frame, R = Y − [1 X]·θ in the units of Y, and row weights w: `products` Zᵀ·W·Z, `gradient`
    [1 X]ᵀ·W·R (1 + p, m), `squares` Σ w·r² (m,), and `terms` Σ w·(|y| + Σ|x·θ|)² (m,) of the columns unshifted, all
    that a residual is the difference of. `low`, `high` (p + m,) are the ranges of the columns as they are.
    """

    rows: int
    dropped: int
    missing: Mapping[str, int]
    weight_sum: float
    fingerprint: int
    low: np.ndarray
    high: np.ndarray
    frame: Frame
    products: Doubled
    gradient: Doubled
    squares: Doubled
    terms: np.ndarray

    @property
    def mass(self) -> float:
        """W in the unit of the weights."""
        return float(self.products.hi[0, 0])

    @property
    def means(self) -> Doubled:
        """Those of [X Y] (p + m,), in the frame."""
        return self.products[0, 1:].over(_repeated(self.products[0, 0], (len(self.frame.units),)))

    @property
    def centred(self) -> np.ndarray:
        """The cross-products (p + m, p + m) of [X Y] less their means, taken off as pairs."""
        k = len(self.frame.units)
        row, share = _repeated(self.products[0, 1:][:, None], (k, k)), _repeated(self.means[None, :], (k, k))
        return self.products[1:, 1:].minus(row.times(share)).hi

    @property
    def pull(self) -> np.ndarray:
        """Xᵀ·W·R (p, m), X less its means, taken off as pairs."""
        p, m = len(self.gradient.hi) - 1, len(self.terms)
        level, mean = self.gradient[:1], self.means[:p][:, None]
        return self.gradient[1:].minus(_repeated(mean, (p, m)).times(_repeated(level, (p, m)))).hi


def _repeated(values: Any, shape: tuple[int, ...]) -> Any:
    """Pairs, repeated to a shape."""
    return type(values)(*(np.broadcast_to(part, shape).copy() for part in values))


class _EvidenceSums:
    """The sums of `Evidence` on the way."""

    def __init__(self, frame: Frame, weight: np.ndarray, bias: np.ndarray) -> None:
        (m, p), self.frame = weight.shape, frame
        self.weight, self.bias = weight, bias
        self.products = Doubled.of(np.zeros((1 + p + m, 1 + p + m)))
        self.gradient = Doubled.of(np.zeros((1 + p, m)))
        self.squares, self.terms = Doubled.of(np.zeros(m)), np.zeros(m)
        self.total = Doubled.of(np.zeros(()))

    def add(self, block: RowBlock) -> None:
        """Take in some rows."""
        frame, q, ones = self.frame, 1 + block.X.shape[1], np.ones((len(block.X), 1))
        w = None if block.w is None else np.ldexp(block.w, -frame.weight_unit)[:, None]
        Z = np.ldexp(np.hstack([block.X, block.Y]) - frame.shift, -frame.units)
        residual, terms = residual_of(block, self.weight, self.bias, frame.units[q - 1 :])
        weighted = residual if w is None else residual.times(w)
        pairs = Doubled.of(np.hstack([ones, Z]))
        cut = _slices(pairs)
        right = cut if w is None else _slices(pairs.times(w))
        self.products = self.products.plus(_product(cut, right))
        self.gradient = self.gradient.plus(_product(cut[:, :, :q], _slices(weighted)))
        self.squares = self.squares.plus(weighted.times(residual).sum())
        self.total = self.total.plus(Doubled.of(ones[:, 0] if block.w is None else block.w).sum())
        self.terms += (terms**2 if w is None else w * terms**2).sum(axis=0)


def gather(
    rows: RowStream, columns: Sequence[int], weight: np.ndarray, bias: np.ndarray, frame: Frame
) -> Evidence:
    """The evidence of the rows about weight (m, p) and bias (m,) of these columns of X; the fingerprint is of all.

    Raises `DataError` where no complete row is left.
    """
    sums, marks, count, dropped, missing = _EvidenceSums(frame, weight, bias), 0, 0, 0, Counter()
    low, high = np.full(len(frame.shift), np.inf), np.full(len(frame.shift), -np.inf)
    for block in rows.blocks(BLOCK_ROWS):
        dropped += block.dropped
        missing.update(block.missing)
        if len(block.X) == 0:
            continue
        marks, count = (marks + _marks(block)) % 2**64, count + len(block.X)
        block = replace(block, X=block.X[:, columns])
        Z = np.hstack([block.X, block.Y])
        low, high = np.minimum(low, Z.min(axis=0)), np.maximum(high, Z.max(axis=0))
        sums.add(block)
    if count == 0:
        raise DataError(
            "no-complete-row",
            "no complete row is left to verify by",
            "give the rows that the model was trained on",
        )
    return Evidence(
        rows=count,
        dropped=dropped,
        missing=dict(missing),
        weight_sum=float(sums.total.hi),
        fingerprint=marks,
        low=low,
        high=high,
        frame=frame,
        products=sums.products,
        gradient=sums.gradient,
        squares=sums.squares,
        terms=sums.terms,
    )


def _exponents(sizes: np.ndarray) -> np.ndarray:
    return np.frexp(np.where(np.isfinite(sizes), np.abs(sizes), 1.0))[1]


def residual_of(
    block: RowBlock, weight: np.ndarray, bias: np.ndarray, unit: np.ndarray
) -> tuple[Doubled, np.ndarray]:
    """Y − X·weightᵀ − bias (n, m) as pairs, in units of 2^unit, and the sum of the sizes of its terms."""
    Y = np.ldexp(block.Y, -unit)
    constant = np.tile(np.ldexp(bias, -unit), (len(Y), 1))
    rest, terms = Doubled.of(Y).minus(Doubled.of(constant)), np.abs(Y) + np.abs(constant)
    for column, coefficients in zip(block.X.T, weight.T, strict=True):
        size = int(_exponents(np.abs(column).max()))
        scaled, slopes = np.ldexp(column, -size)[:, None], np.ldexp(coefficients, size - unit)
        rest = rest.minus(Doubled.of(np.tile(slopes, (len(Y), 1))).times(scaled))
        terms = terms + np.abs(scaled * slopes)
    return rest, terms


def _slices(values: Doubled) -> np.ndarray:
    """The columns (n, k) as a sum of slices (s, n, k), each a multiple of 2⁻²⁰ of the size of its own column."""
    cut = []
    for rest in values:
        for _ in range(_MOST_SLICES):
            if not rest.any():
                break
            top = np.frexp(np.abs(rest).max(axis=0))[1]
            anchor = np.ldexp(1.5, top + (52 - _SLICE_BITS))
            part = (rest + anchor) - anchor
            cut.append(part)
            rest = rest - part
    return np.stack(cut or [values.hi])


def _product(left: np.ndarray, right: np.ndarray) -> Doubled:
    """leftᵀ·right (k, l) of sliced columns (s, n, k) and (t, n, l)."""
    total = Doubled.of(np.zeros((left.shape[2], right.shape[2])))
    for a, b in itertools.product(left, right):
        total = total.plus(a.T @ b)
    return total


_GOLDEN = 0x9E3779B97F4A7C15


def _marks(block: RowBlock) -> int:
    """The sum modulo 2^64 of one hash a row, as defined for the fingerprint of `RowStatistics` and written anew.

    With columns c₁ … c_k of X, Y and w (where there are weights) and b_j the bits of c_j, −0 taken as 0, folded
    b ⊕ (b ≫ 32): the hash is mix(φ + Σ b_j·(mix(j·φ mod 2^64) | 1)), φ = 2^64 divided by the golden ratio and mix
    the finaliser of splitmix64.
    """
    columns = np.column_stack([block.X, block.Y, *([] if block.w is None else [block.w])])
    bits = np.where(columns == 0, 0.0, columns).view(np.uint64)
    folded = bits ^ (bits >> np.uint64(32))
    odd = np.array([_mix(j * _GOLDEN % 2**64) | 1 for j in range(1, columns.shape[1] + 1)], np.uint64)
    hashes = (folded * odd).sum(axis=1, dtype=np.uint64) + np.uint64(_GOLDEN)
    for shift, multiplier in _MIXER:
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(multiplier)
    return int((hashes ^ (hashes >> np.uint64(31))).sum(dtype=np.uint64))


_MIXER = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def _mix(value: int) -> int:
    for shift, multiplier in _MIXER:
        value = (value ^ (value >> shift)) * multiplier % 2**64
    return value ^ (value >> 31)
