"""Cross-products of [1 X Y] without rounding: a state that adds, subtracts and is reordered without losing a digit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gradline.core.derived import Derived, cached_property
from gradline.core.linalg.double_double import Doubled
from gradline.core.linalg.dyadic import Dyadic
from gradline.core.linalg.refined import Refined
from gradline.core.linalg.triangular import UNIT
from gradline.core.tensor_file import damaged, expect_shapes
from gradline.moments.sums import triangle

_PAIR = 2.0**-102  # what an operation on pairs may do to its result (Joldes, Muller, Popescu 2017)
_OLD = 2.0**-98  # what the pairs of an older file may be off, beside their `rounded`
_DEPENDENT = 2.0**-90  # a pivot below this share of its diagonal is rounding
_DIGITS, _ROUNDED = "products_digits", "products_rounded"
_OLDER = ("products_high", "products_low", "products_largest")


@dataclass(frozen=True, eq=False)
class Products(Derived):
    """S = Σ w·zzᵀ over rows z = (1, x, y), exactly: the upper triangle of (k + 1, k + 1), row by row.

    Sums of products of float64 are whole multiples of some power of two, so S is the same for every order and split of
    the same rows, whatever was added and taken away meanwhile; and means far from zero, or rows that vary little
    beside them, cost nothing. S carries the square of the condition of the columns around their means, and is only
    rounded there, to pairs: some 31 digits less 2·log10(κ) are left of an answer.

    `rounded` (k + 1,) holds zeros; but older files keep S as pairs, off by 2⁻⁹⁸ beside diagonals of this size.
    """

    S: Dyadic
    rounded: np.ndarray

    @classmethod
    def none(cls, k: int) -> "Products":
        """The products of no rows, of k columns."""
        return cls(Dyadic.of(np.zeros((k + 1) * (k + 2) // 2)), np.zeros(k + 1))

    def __add__(self, other: "Products") -> "Products":
        return Products(self.S + other.S, self.rounded + other.rounded)

    def __sub__(self, other: "Products") -> "Products":
        return Products(self.S - other.S, self.rounded + other.rounded)

    @cached_property
    def _whole(self) -> Dyadic:
        """S, (k + 1, k + 1)."""
        size = len(self.rounded)
        places = np.zeros((size, size), int)
        places[triangle(size)] = np.arange(len(self.S.m))
        return self.S[np.maximum(places, places.T)]

    @property
    def pairs(self) -> Doubled:
        """S (k + 1, k + 1), rounded to pairs."""
        return self._whole.over(_ONE)

    def select(self, columns: list[int]) -> "Products":
        """The products of these columns of [X Y], in this order."""
        kept = np.array([0, *(column + 1 for column in columns)])
        i, j = triangle(len(kept))
        return Products(self._whole[kept[i], kept[j]], self.rounded[kept])

    @property
    def weight_sum(self) -> float:
        """W, the sum of the row weights."""
        return float(self._weights.hi)

    @cached_property
    def _weights(self) -> Doubled:
        return self.S[0].over(_ONE)

    @cached_property
    def mean(self) -> Doubled:
        """The weighted mean of [X Y], (k,), nearest to what it is; zeros of no rows."""
        return self.S[1 : len(self.rounded)].over(self.S[0] if self.S.m[0] else _ONE)

    def at(self, places: np.ndarray) -> "Products":
        """The products of the columns of [X Y] at these places; −1 stands for one that is zero in every row."""
        size = len(self.rounded)
        m, e = np.zeros((size + 1, size + 1), object), np.pad(self._whole.e, (0, 1))
        m[:-1, :-1] = self._whole.m
        kept = np.concatenate([[0], np.where(places < 0, size, places + 1)])
        i, j = triangle(len(kept))
        return Products(Dyadic(m, e)[kept[i], kept[j]], np.append(self.rounded, 0.0)[kept])

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays of the state by name."""
        rounded = {_ROUNDED: self.rounded} if self.rounded.any() else {}
        return {_DIGITS: self.S.digits(), **rounded}

    @classmethod
    def from_tensors(cls, path: str | Path, tensors: Mapping[str, np.ndarray], k: int) -> "Products | None":
        """The state that `tensors` hold, if they hold one; `path` is for messages."""
        if _OLDER[0] in tensors:
            expect_shapes(path, tensors, dict(zip(_OLDER, [(k + 1, k + 1)] * 2 + [(k + 1,)], strict=True)))
            high, low, largest = (tensors[name] for name in _OLDER)
            place = triangle(k + 1)
            return cls(Dyadic.of(high[place]) + Dyadic.of(low[place]), largest)
        if _DIGITS not in tensors:
            return None
        planes = max(2, len(tensors[_DIGITS]) if tensors[_DIGITS].ndim else 0)
        expect_shapes(path, tensors, {_DIGITS: (planes, (k + 1) * (k + 2) // 2)})
        rounded = {_ROUNDED: (k + 1,)} if _ROUNDED in tensors else {}
        expect_shapes(path, tensors, rounded)
        S = Dyadic.from_digits(tensors[_DIGITS])
        if S is None:
            raise damaged(path, f"{_DIGITS} holds what is no whole number")
        return cls(S, tensors.get(_ROUNDED, np.zeros(k + 1)))

    @cached_property
    def _centred(self) -> "_Scaled":
        """Σ w·(z − z̄)(z − z̄)ᵀ = (W·S − s·sᵀ)/W for s = Σ w·z, (k, k)."""
        whole = self._whole
        W, s, k = whole[0, 0], whole[0, 1:], len(self.rounded) - 1
        i, j = triangle(k)
        around = W * whole[1 + i, 1 + j] - s[i] * s[j]
        return _scaled(around, W, k)

    @cached_property
    def _as_they_are(self) -> "_Scaled":
        k = len(self.rounded) - 1
        i, j = triangle(k)
        return _scaled(self._whole[1 + i, 1 + j], _ONE, k)

    @cached_property
    def _eliminated(self) -> "_Eliminated":
        return _cholesky(self._centred.G)

    @property
    def factor(self) -> np.ndarray:
        """R (k, k) of the centred columns, correct to rounding; rows of zeros where columns are dependent."""
        return np.ldexp(self._eliminated.R.hi, self._centred.exponents)

    def is_possible(self, rows: int) -> bool:
        """Whether so many rows can have these products: around the mean they are not negative, of rank below `rows`.

        Beside a pivot that is nothing is no more than its root: |gᵢⱼ| ≤ √(gᵢᵢ·gⱼⱼ) where no direction is negative.
        """
        if self.S.m[0] <= 0:
            return False
        found, k = self._eliminated, len(self.rounded)
        old = float(self._old_error(self._centred, centred=True).max(initial=0.0))
        nothing = max(_DEPENDENT, 8 * k * _OLD * old**2)
        independent = int((np.diag(found.R.hi) ** 2 > nothing).sum())
        return found.below >= -nothing and found.beside <= 2 * math.sqrt(nothing) and independent < rows

    def _old_error(self, scaled: "_Scaled", centred: bool) -> np.ndarray:
        """The sizes g (k,) with entries of G that are off by 2⁻⁹⁸·g·gᵀ, from an older file.

        S is off by 2⁻⁹⁸·√(l·lᵀ), l the diagonals, and z̄·zᵀ, which is taken away, by as much beside |z̄|·√l₀.
        """
        if not self.rounded.any():
            return np.zeros(len(scaled.exponents))
        root = np.sqrt(self.rounded)
        size = root[1:] + (abs(self.mean.hi) * root[0] if centred else 0.0)
        return np.ldexp(size, -scaled.exponents)

    def optimum(self, m: int, bias: bool) -> Refined | None:
        """The least-squares answer with its bounds; None where the columns are dependent.

        Columns have size one at the most. R and the solution by it, of q columns, are off as if 3q + 2 roundings of
        pairs had changed |Rᵀ||R|, no entry of which is above one (Higham 2002, theorem 10.4); two more made G. So x is
        off by ‖G⁻¹‖·ε·(q·‖x‖ + √q), and by what grows with its square: less than a fifth of it.
        """
        scaled = self._centred if bias else self._as_they_are
        R = (self._eliminated if bias else _cholesky(scaled.G)).R
        k, exponents = len(scaled.exponents), scaled.exponents
        q = k - m
        if not (np.diag(R.hi)[:q] > 0).all():
            return None
        x = _back_substituted(R[:q, :q], R[:q, q:])
        inverse = _back_substituted(R[:q, :q], Doubled.of(np.eye(q)))
        old, squared = self._old_error(scaled, bias), np.linalg.norm(inverse.hi, 2) ** 2
        ours = float(old[:q].max(initial=0.0))
        features = (3 * q + 4) * _PAIR + _OLD * ours**2
        targets = (3 * q + 4) * _PAIR + _OLD * ours * old[q:]
        if squared * features * q > 0.1:
            return None
        shift = 1.2 * squared * (features * q * np.linalg.norm(x.hi, axis=0) + targets * np.sqrt(q))
        units = exponents[q:] - exponents[:q, None]
        beta, off = x.ldexp(units), np.ldexp(np.broadcast_to(shift, x.hi.shape), units)
        level, level_off = self._level(beta, off) if bias else (np.zeros(m), np.zeros(m))
        return Refined(
            weight=beta.hi.T.copy(),
            bias=level,
            weight_bound=(off + UNIT * np.abs(beta.hi)).T.copy(),
            bias_bound=level_off,
            squares=np.ldexp((R.hi[q:, q:] ** 2).sum(axis=0), 2 * exponents[q:]),
            variances=self._variances(inverse, exponents[:q], bias),
        )

    def _level(self, beta: Doubled, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bias ȳ − x̄·β (m,), and how far it may be off; beta (q, m) may be by `off`."""
        q, m = beta.hi.shape
        mean, size = self.mean, np.abs(self.mean.hi)
        x = Doubled(*(np.repeat(part[:q, None], m, axis=1) for part in mean))
        level = mean[q:].minus(x.times(beta).sum())
        old = _OLD * np.sqrt(self.rounded[0] * self.rounded[1:]) / self.weight_sum + _OLD * size
        old = np.where(self.rounded[0] > 0, old * (1 + self.rounded[0] / self.weight_sum), 0.0)
        sums = size[:q] @ np.abs(beta.hi) + size[q:]
        bound = size[:q] @ off + old[:q] @ np.abs(beta.hi) + old[q:] + (q + 4) * _PAIR * sums
        return level.hi, bound + UNIT * np.abs(level.hi)

    def _variances(self, inverse: Doubled, exponents: np.ndarray, bias: bool) -> np.ndarray:
        """The diagonal of (AᵀWA)⁻¹, that of the bias first: 1/W + ‖R⁻ᵀ·x̄‖²."""
        variances = np.ldexp((inverse.hi**2).sum(axis=1), -2 * exponents)
        if not bias:
            return variances
        q = len(exponents)
        x = self.mean[:q].ldexp(-exponents)
        along = inverse.times(Doubled(*(np.repeat(part[:, None], q, axis=1) for part in x))).sum()
        return np.concatenate([[1 / self.weight_sum + (along.hi**2).sum()], variances])


_ONE = Dyadic(np.array(1, object), np.array(0))


class _Scaled(NamedTuple):
    """G with a diagonal between ⅛ and one, or zero, as pairs, and the powers of two of its columns."""

    G: Doubled
    exponents: np.ndarray


class _Eliminated(NamedTuple):
    """R, the least pivot that made no row of it, and the largest number that was left beside such a one."""

    R: Doubled
    below: float
    beside: float


def _scaled(products: Dyadic, divisor: Dyadic, k: int) -> _Scaled:
    """The quotient of an upper triangle by a positive number."""
    i, j = triangle(k)
    exponents = -(-(products[i == j].exponents() - int(divisor.exponents()) + 1) // 2)
    exponents = np.where(products.m[i == j] != 0, exponents, 0)
    pairs = products.ldexp(-(exponents[i] + exponents[j])).over(divisor)
    whole = Doubled(np.zeros((k, k)), np.zeros((k, k)))
    whole.put((i, j), pairs)
    whole.put((j, i), pairs)
    return _Scaled(whole, exponents)


def _cholesky(S: Doubled) -> _Eliminated:
    """R upper triangular with RᵀR = S; a row of zeros for a column that those before it determine."""
    left, R = Doubled(S.hi.copy(), S.lo.copy()), Doubled(np.zeros_like(S.hi), np.zeros_like(S.hi))
    below = beside = 0.0
    for j in range(len(S.hi)):
        pivot = left[j, j]
        if pivot.hi <= _DEPENDENT * S.hi[j, j]:
            below, beside = min(below, float(pivot.hi)), max(beside, float(np.abs(left.hi[j, j:]).max()))
            continue
        row = left[j, j:].over(Doubled(*(np.broadcast_to(part, len(S.hi) - j) for part in pivot.root())))
        R.put((j, slice(j, None)), row)
        rest = row[1:]
        outer = Doubled(*(np.repeat(part[:, None], len(rest.hi), axis=1) for part in rest)).times(rest)
        left.put((slice(j + 1, None), slice(j + 1, None)), left[j + 1 :, j + 1 :].minus(outer))
    return _Eliminated(R, below, beside)


def _back_substituted(R: Doubled, B: Doubled) -> Doubled:
    """x with R·x = B."""
    x = Doubled(B.hi.copy(), B.lo.copy())
    for j in reversed(range(len(R.hi))):
        diagonal = Doubled(*(np.broadcast_to(part, x.hi.shape[1]) for part in R[j, j]))
        x.put(j, x[j].over(diagonal))
        column = Doubled(*(np.repeat(part[:j, None], x.hi.shape[1], axis=1) for part in R[:, j]))
        x.put(slice(0, j), x[:j].minus(column.times(x[j])))
    return x
