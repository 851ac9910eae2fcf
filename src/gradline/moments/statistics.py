"""What rows leave behind besides their cross-products: counts, weights, means, ranges, a fingerprint."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError
from gradline.core.kernels.library import kernels
from gradline.core.linalg.double_double import two_sum
from gradline.core.linalg.triangular import UNIT
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import expect_finite

LARGEST = 1e152  # the square of a larger value, summed over many rows, is beyond float64


@dataclass(frozen=True, eq=False)
class RowStatistics:
    """Counts and means of the k columns [X Y] over some rows; it adds and subtracts.

    `mean + mean_low` is the weighted mean as an unevaluated sum of two floats, so that merging a million
    parts does not wear it down. `fingerprint` is a sum modulo 2^64 over the rows of a hash of their values:
    the same for every order, split and file format; None where nobody has seen all rows by one design, as of parts
    that met the levels of a category one after the other.
    """

    rows: int
    weight_sum: float
    mean: np.ndarray
    mean_low: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    fingerprint: int | None = 0
    dropped: int = 0
    missing: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def empty(cls, columns: int) -> "RowStatistics":
        """The statistics of no row."""
        zeros = np.zeros(columns)
        return cls(0, 0.0, zeros, zeros, np.full(columns, np.inf), np.full(columns, -np.inf))

    def __add__(self, other: "RowStatistics") -> "RowStatistics":
        """The statistics of both sets of rows (Chan, Golub, LeVeque 1983)."""
        weight_sum = self.weight_sum + other.weight_sum
        share = other.weight_sum / weight_sum if weight_sum else 0.0
        mean, low = self._moved(self.minus(other) * -share) if self.rows else (other.mean, other.mean_low)
        return RowStatistics(
            self.rows + other.rows,
            weight_sum,
            mean,
            low,
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
            self._marks(other, 1),
            self.dropped + other.dropped,
            dict(Counter(self.missing) + Counter(other.missing)),
        )

    def __sub__(self, other: "RowStatistics") -> "RowStatistics":
        """The statistics of the rows that are left; the ranges stay those of all rows, an outer bound."""
        rows, weight_sum = self.rows - other.rows, self.weight_sum - other.weight_sum
        if rows < 0 or weight_sum < -8 * UNIT * self.weight_sum or (rows > 0) != (weight_sum > 0):
            raise DataError(
                "rows-not-contained",
                f"cannot take {other.rows:,} rows (weight {other.weight_sum:g}) away from {self.rows:,} "
                f"(weight {self.weight_sum:g})",
                "subtract a part of the same rows",
            )
        if rows == 0:
            if self._marks(other, -1):
                raise DataError(
                    "rows-not-contained",
                    f"the {other.rows:,} rows to take away are others than the {self.rows:,} there are",
                    "subtract a part of the same rows",
                )
            return RowStatistics.empty(len(self.mean))
        mean, low = self._moved(self.minus(other) * (other.weight_sum / weight_sum))
        return RowStatistics(
            rows,
            weight_sum,
            mean,
            low,
            self.minimum,
            self.maximum,
            self._marks(other, -1),
            self.dropped - other.dropped,
            dict(Counter(self.missing) - Counter(other.missing)),
        )

    def _marks(self, other: "RowStatistics", sign: int) -> int | None:
        """The fingerprint of both, or of what is left."""
        if self.fingerprint is None or other.fingerprint is None:
            return None
        return (self.fingerprint + sign * other.fingerprint) % 2**64

    @property
    def mark(self) -> str | None:
        """The fingerprint as it is written, in 16 digits."""
        return None if self.fingerprint is None else f"{self.fingerprint:016x}"

    def fault_beside(self, factor: np.ndarray) -> str | None:
        """What cannot be together in moments that were read; None where all can.

        A centred column has ‖z − z̄‖ ≤ √W·max|z|, and so has its column of R. What float64 holds: `expect_squares`.
        """
        if not self.rows:
            return None
        sizes = np.maximum(np.abs(self.minimum), np.abs(self.maximum))
        if (self.minimum > self.maximum).any():
            return "a minimum above its maximum"
        if self.weight_sum > LARGEST or (sizes > LARGEST * np.sqrt(self.rows / self.weight_sum)).any():
            return "numbers whose squares are beyond float64"
        if (np.abs(self.mean) > 2 * sizes).any():  # twice: room for what rounds
            return "a mean outside its range"
        largest, norms = np.abs(factor).max(axis=0, initial=0.0), np.sqrt(self.weight_sum) * sizes
        if ((largest > 2 * norms) | ((largest > 0) & (largest < norms / LARGEST))).any():
            return "a factor that is too large or too small for its columns"
        return None

    def minus(self, other: "RowStatistics") -> np.ndarray:
        """The difference of the two means, correct to a rounding of the difference itself."""
        high, error = two_sum(self.mean, -other.mean)
        return high + (error + (self.mean_low - other.mean_low))

    def between(self, other: "RowStatistics") -> np.ndarray:
        """The row b with bbᵀ = (W₁W₂/W)·(z̄₁ − z̄₂)(z̄₁ − z̄₂)ᵀ: what two means add to cross-products."""
        weight_sum = self.weight_sum + other.weight_sum
        harmonic = self.weight_sum * (other.weight_sum / weight_sum) if weight_sum else 0.0
        return np.sqrt(harmonic) * self.minus(other)

    def select(self, columns: list[int]) -> "RowStatistics":
        """The statistics of these columns, in this order."""
        return replace(
            self,
            mean=self.mean[columns],
            mean_low=self.mean_low[columns],
            minimum=self.minimum[columns],
            maximum=self.maximum[columns],
        )

    def at(self, places: np.ndarray) -> "RowStatistics":
        """The statistics of the columns at these places; −1 stands for one that is zero in every row."""
        low, high = (0.0, 0.0) if self.rows else (math.inf, -math.inf)
        return replace(
            self,
            mean=np.append(self.mean, 0.0)[places],
            mean_low=np.append(self.mean_low, 0.0)[places],
            minimum=np.append(self.minimum, low)[places],
            maximum=np.append(self.maximum, high)[places],
        )

    def scaled(self, center: np.ndarray, scale: np.ndarray) -> "RowStatistics":
        """The statistics of (z − center)/scale; the fingerprint stays that of the data."""
        mean, error = two_sum(self.mean, -center)
        return replace(
            self,
            mean=(mean + (error + self.mean_low)) / scale,
            mean_low=np.zeros_like(mean),
            minimum=(self.minimum - center) / scale,
            maximum=(self.maximum - center) / scale,
        )

    def _moved(self, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, error = two_sum(self.mean, step)
        return two_sum(mean, self.mean_low + error)


class Centred(NamedTuple):
    """The statistics of one block, and the block's rows (n, k) around their mean."""

    statistics: RowStatistics
    deviations: np.ndarray


def centre(block: RowBlock, names: tuple[str, ...]) -> Centred:
    """Subtract the rounded mean, which is exact to a rounding per cell, then the mean of what is left.

    A constant column comes out as exact zeros, even where its value is not the rounded mean. Raises
    `DataError` for a column (by `names`) whose values have no square in float64, `NotFinite` for cells that are none.
    """
    rows, p, k = len(block.X), block.X.shape[1], block.X.shape[1] + block.Y.shape[1]
    weight_sum = float(rows if block.w is None else block.w.sum())
    if rows == 0:
        empty = replace(RowStatistics.empty(k), dropped=block.dropped, missing=dict(block.missing))
        return Centred(empty, np.zeros((0, k)))
    deviations = np.empty((rows, k), order="F")  # column by column they are summed many times as fast
    deviations[:, :p], deviations[:, p:] = block.X, block.Y
    low, high = deviations.min(axis=0), deviations.max(axis=0)
    expect_finite(low, high)  # where a cell is NaN, so are both
    refuse_extreme(low, high, block.w, names)
    shift = _mean(deviations, block.w, weight_sum)
    deviations -= shift
    rest = _mean(deviations, block.w, weight_sum)
    deviations -= rest
    statistics = RowStatistics(
        rows,
        weight_sum,
        *two_sum(shift, rest),
        low,
        high,
        fingerprint(block),
        block.dropped,
        dict(block.missing),
    )
    return Centred(statistics, deviations)


def refuse_extreme(low: np.ndarray, high: np.ndarray, w: np.ndarray | None, names: tuple[str, ...]) -> None:
    """Raise `DataError` for columns between `low` and `high` (k,) whose weighted squares float64 cannot hold."""
    sizes = np.maximum(-low, high)
    limit = LARGEST / math.sqrt(1.0 if w is None else max(float(w.max()), 1.0))
    if sizes.min() >= 1 / LARGEST and sizes.max() <= limit:
        return
    for wrong, what in ((sizes > limit, "above"), ((sizes > 0) & (sizes < 1 / LARGEST), "nowhere above")):
        if wrong.any():
            column = int(np.argmax(wrong))
            bound = limit if what == "above" else 1 / LARGEST
            raise DataError(
                "square-beyond-float64",
                f"column {names[column]} holds values {what} {bound:.0e}, whose squares float64 cannot hold",
                "change its unit: divide or multiply it by a power of ten",
            )


def _mean(values: np.ndarray, w: np.ndarray | None, weight_sum: float) -> np.ndarray:
    return (np.add.reduce(values, axis=0) if w is None else w @ values) / weight_sum


def fingerprint(block: RowBlock) -> int:
    """Σ over rows of a hash of the row's float64 bits, modulo 2^64; −0 counts as 0.

    A row's hash is multilinear in its values with odd multipliers, finished by the mixer of splitmix64
    (Steele, Lea, Flood 2014): moving a value to another column or row changes the sum.
    """
    matrix: Any = block.X  # which may be sparse
    plain = isinstance(matrix, np.ndarray)
    compiled = kernels() if plain else None
    if compiled is not None:
        parts = (matrix, block.Y, block.w)
        rows = [None if part is None else np.ascontiguousarray(part, np.float64) for part in parts]
        (n, p), m = matrix.shape, block.Y.shape[1]
        return compiled.hashed(*rows, np.empty(p + m + 1, np.uint64), n, p, m)
    sums, factors = np.full(len(block.Y), _GOLDEN, np.uint64), multipliers(_columns(block))
    first = matrix.shape[1]
    (_add_hashes if plain else _add_sparse_hashes)(matrix, sums, factors[:first])
    for part in (block.Y, *([] if block.w is None else [block.w[:, None]])):
        _add_hashes(part, sums, factors[first : first + part.shape[1]])
        first += part.shape[1]
    return int(_mixed(sums).sum(dtype=np.uint64))


def _columns(block: RowBlock) -> int:
    return block.X.shape[1] + block.Y.shape[1] + (block.w is not None)


def multipliers(columns: int) -> np.ndarray:
    """Those of a row's hash, (columns,) of uint64: odd, and unlike each other."""
    return _mixed(np.arange(1, columns + 1, dtype=np.uint64) * np.uint64(_GOLDEN)) | np.uint64(1)


def _add_hashes(X: np.ndarray, sums: np.ndarray, factors: np.ndarray) -> None:
    """Add the bits of each row of X (n, p), −0 as 0, to its hash in `sums` (n,)."""
    for first in range(0, len(X), _CACHED):
        part = slice(first, first + _CACHED)
        for column, factor in zip(X[part].T, factors, strict=True):
            bits = np.add(column, 0.0, dtype=np.float64).view(np.uint64)
            bits ^= bits >> np.uint64(32)
            bits *= factor
            sums[part] += bits


def _add_sparse_hashes(X: Any, sums: np.ndarray, factors: np.ndarray) -> None:
    """The same for rows stored one after the other (CSR); a zero adds nothing."""
    bits = (X.data + 0.0).view(np.uint64)
    bits ^= bits >> np.uint64(32)
    before = np.concatenate([np.zeros(1, np.uint64), np.cumsum(bits * factors[X.indices], dtype=np.uint64)])
    sums += before[X.indptr[1:]] - before[X.indptr[:-1]]


_CACHED = 1 << 13  # rows of a column that stay in cache from one operation to the next
_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
