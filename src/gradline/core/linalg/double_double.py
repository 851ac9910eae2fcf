"""Double-double arithmetic on arrays: numbers as unevaluated sums of two float64, some 106 bits, and their products.

Dekker 1971; Knuth 1969, TAOCP vol. 2, section 4.2.2; Hida, Li, Bailey 2001. Factors must stay below 2^996, where
splitting overflows, and products above 1e-290, where the low part is lost: scale by powers of two first.

Products in double-double come at the speed of BLAS from numbers cut into slices so short that no product is rounded.
A slice holds 20 bits, so a sum of 4096 products of two slices is exact in float64, in whatever order it is taken.
Products of slices as far apart as each other are added exactly too, and what comes of each distance is added in pairs.
Ozaki, Ogita, Oishi, Rump 2012; splitting by adding and subtracting a large number: Rump, Ogita, Oishi 2008.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from gradline.core.kernels.library import Kernels, kernels

_MANY = 1 << 12  # numbers from which on adding compiled is worth the call
_LARGE = 1e300  # so many numbers below it add up to no infinity, which `math.fsum` refuses
_SPLITTER = 2.0**27 + 1.0
SUMMED = 1 << 12  # products whose sum is exact: 2·20 + 12 bits, and one to spare
BITS = 20
ORDERS = 6  # 120 bits: what is left out is below the rounding of pairs
_PLAIN, _PAIRED = 4, 6  # slices of a float64 and of a pair; what they leave of small numbers is in the last
_FULL = 2  # the slice at which the high part of a pair is used up, and the low one joins


@dataclass(frozen=True, eq=False)
class Doubled:
    """hi + lo, |lo| at most half a unit in the last place of hi."""

    hi: np.ndarray
    lo: np.ndarray

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.hi, self.lo))

    @classmethod
    def of(cls, values: np.ndarray) -> "Doubled":
        """Plain numbers."""
        return cls(values, np.zeros_like(values))

    def plus(self, other: "Doubled | np.ndarray") -> "Doubled":
        """The sum, to about 2⁻¹⁰⁵ of its parts."""
        if self.hi.size >= _MANY and (compiled := kernels()) is not None:
            total = Doubled(np.empty(self.hi.shape), np.empty(self.hi.shape))
            return _added(compiled, self, other, total)
        if not isinstance(other, Doubled):
            s, e = two_sum(self.hi, other)
            return Doubled(*_fast_two_sum(s, e + self.lo))
        s, e = two_sum(self.hi, other.hi)
        t, f = two_sum(self.lo, other.lo)
        s, e = _fast_two_sum(s, e + t)
        return Doubled(*_fast_two_sum(s, e + f))

    def add(self, other: "Doubled") -> None:
        """Add others to these, where they lie: of millions of numbers fresh memory takes more time than the sum."""
        if (compiled := kernels()) is not None:
            _added(compiled, self, other, self)
        else:
            self.put(..., self.plus(other))

    def add_outer(self, u: np.ndarray, v: np.ndarray) -> None:
        """Add u·vᵀ to these (n, k), where they lie."""
        if (compiled := kernels()) is not None:
            vectors = (np.ascontiguousarray(part, np.float64) for part in (u, v))
            compiled.add_outer(self.hi, self.lo, *vectors, *self.hi.shape)
        else:
            self.put(..., self.plus(Doubled(*two_prod(np.broadcast_to(u[:, None], self.hi.shape), v))))

    def minus(self, other: "Doubled") -> "Doubled":
        """The difference."""
        return self.plus(-other)

    def __neg__(self) -> "Doubled":
        return Doubled(-self.hi, -self.lo)

    def times(self, factor: "Doubled | np.ndarray") -> "Doubled":
        """The product with plain numbers or with pairs."""
        high, low = factor if isinstance(factor, Doubled) else (factor, 0.0)
        p, e = two_prod(self.hi, high)
        return Doubled(*_fast_two_sum(p, e + (self.hi * low + self.lo * high)))

    def over(self, divisor: "Doubled") -> "Doubled":
        """The quotient, by long division with three digits of a float each."""
        first = self.hi / divisor.hi
        rest = self.minus(divisor.times(first))
        second = rest.hi / divisor.hi
        rest = rest.minus(divisor.times(second))
        return Doubled(*_fast_two_sum(first, second)).plus(rest.hi / divisor.hi)

    def ldexp(self, exponents: Any) -> "Doubled":
        """The product with powers of two."""
        return Doubled(np.ldexp(self.hi, exponents), np.ldexp(self.lo, exponents))

    def root(self) -> "Doubled":
        """The square root, by one Newton step from that of float64 (Karp, Markstein 1997)."""
        near = np.sqrt(self.hi)
        square = Doubled(*two_prod(near, near))
        rest = self.minus(square)
        return Doubled(*_fast_two_sum(near, (rest.hi + rest.lo) / (2.0 * near)))

    def __getitem__(self, place: Any) -> "Doubled":
        """Some of the numbers."""
        return Doubled(self.hi[place], self.lo[place])

    def put(self, place: Any, values: "Doubled") -> None:
        """Replace some of the numbers."""
        self.hi[place], self.lo[place] = values

    def sum(self) -> "Doubled":
        """The sum over the first axis, by halves, so that rounding grows with the logarithm of its length."""
        part = self
        while len(part.hi) > 1:
            half = len(part.hi) // 2
            paired = Doubled(part.hi[:half], part.lo[:half]).plus(
                Doubled(part.hi[half : 2 * half], part.lo[half : 2 * half])
            )
            odd = slice(2 * half, None)
            part = Doubled(
                np.concatenate([paired.hi, part.hi[odd]]), np.concatenate([paired.lo, part.lo[odd]])
            )
        return Doubled(part.hi[0], part.lo[0])

    def total(self) -> np.ndarray:
        """The sum over the first axis, rounded once; of few numbers, which Python adds sooner than NumPy by halves."""
        if not np.abs(self.hi).max() < _LARGE:
            return self.sum().hi
        return np.array([math.fsum(column) for column in np.concatenate([*self]).T.tolist()])


def _added(compiled: Kernels, a: Doubled, b: Doubled | np.ndarray, total: Doubled) -> Doubled:
    """The sum by `addition.c`, to the bit that of `plus`; `total`, where it goes, may be a itself."""
    high, low = b if isinstance(b, Doubled) else (b, None)
    parts = [
        np.ascontiguousarray(part, np.float64)
        for part in (*a, high if high.shape == a.hi.shape else np.broadcast_to(high, a.hi.shape))
    ]
    rest = None if low is None else np.ascontiguousarray(low, np.float64)
    compiled.add_pairs(*parts, rest, *total, a.hi.size)
    return total


def two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s and e with s = fl(a + b) and s + e = a + b exactly."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def two_prod(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and e with p = fl(a·b) and p + e = a·b exactly."""
    p = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _fast_two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = a + b
    return s, b - (s - a)


def _split(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    c = _SPLITTER * a
    high = c - (c - a)
    return high, a - high


@dataclass(frozen=True, eq=False)
class Sliced:
    """Columns as sums of slices, parts (n, s, k), each column in units of 2^exponents (k,) that leave it below one."""

    parts: np.ndarray
    exponents: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray | Doubled) -> "Sliced":
        """Those of values (n, k)."""
        plain = isinstance(values, np.ndarray)
        high, low = (values, None) if plain else values
        exponents = np.frexp(np.abs(high).max(axis=0, initial=0.0))[1]
        rest = np.ldexp(high, -exponents)
        count = _PLAIN if plain else _PAIRED
        parts = np.empty((len(high), count, high.shape[1]))
        for i in range(count - 1):
            large = np.ldexp(1.5, 52 - BITS * (i + 1))
            _cut(rest, large, parts[:, i])
            if i == _FULL and low is not None:
                rest += np.ldexp(low, -exponents)
                more = np.empty_like(rest)
                _cut(rest, large, more)
                parts[:, i] += more
        parts[:, -1] = rest
        return cls(parts, exponents)

    def take(self, rows: slice) -> "Sliced":
        """Some of the rows."""
        return Sliced(self.parts[rows], self.exponents)

    def times(self, x: np.ndarray | Doubled, orders: int = ORDERS) -> Doubled:
        """A·x (n, m) for x (k, m), A being these columns; what is left out is 20 bits smaller for each of `orders`."""
        units = self.exponents[:, None]
        x = np.ldexp(x, units) if isinstance(x, np.ndarray) else x.ldexp(units)
        pieces = (slice(first, first + SUMMED) for first in range(0, len(units), SUMMED))
        return reduce(
            Doubled.plus, (_along(self.parts[:, :, piece], Sliced.of(x[piece]), orders) for piece in pieces)
        )

    def under(self, other: "Sliced") -> Doubled:
        """Aᵀ·B (k, m) for the columns B (n, m) of `other`, n at most 4096."""
        (n, s, k), (_, t, m) = self.parts.shape, other.parts.shape
        products = (self.parts.reshape(n, s * k).T @ other.parts.reshape(n, t * m)).reshape(s, k, t, m)
        sums = np.zeros((k, ORDERS, m))
        for i in range(s):
            sums[:, i : i + t] += products[i, :, : ORDERS - i]
        return _summed(sums).ldexp(self.exponents[:, None] + other.exponents)


def _cut(rest: np.ndarray, large: float, part: np.ndarray) -> None:
    """Move what counts beside a large number from `rest` to `part`; in place, for fresh memory takes its time."""
    np.add(rest, large, out=part)
    part -= large
    rest -= part


def _along(parts: np.ndarray, x: Sliced, orders: int) -> Doubled:
    """A·x for at most 4096 columns in slices (n, s, k)."""
    (n, s, k), (_, t, m) = parts.shape, x.parts.shape
    moved = np.zeros((s, k, orders, m))  # so that slices as far apart meet in one column
    for i in range(min(s, orders)):
        moved[i, :, i : i + t] = x.parts[:, : orders - i]
    sums = parts.reshape(n, s * k) @ moved.reshape(s * k, orders * m)
    return _summed(sums.reshape(n, orders, m)).ldexp(x.exponents)


def _summed(sums: np.ndarray) -> Doubled:
    """The sums (a, b) over the orders (a, orders, b), the largest first."""
    total, error = sums[:, 0], np.zeros(1)
    for i in range(1, sums.shape[1]):
        total, lost = two_sum(total, sums[:, i])
        error = error + lost
    return Doubled(*two_sum(total, error))
