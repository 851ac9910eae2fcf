"""Double-double arithmetic on arrays: a number as the unevaluated sum of two float64, some 106 bits.

Dekker 1971; Knuth 1969, TAOCP vol. 2, section 4.2.2; Hida, Li, Bailey 2001. Factors must stay below 2^996, where
splitting overflows, and products above 1e-290, where the low part is lost: scale by powers of two first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_SPLITTER = 2.0**27 + 1.0


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
        high, low = other if isinstance(other, Doubled) else (other, 0.0)
        s, e = two_sum(self.hi, high)
        t, f = two_sum(self.lo, np.broadcast_to(low, np.shape(self.lo)))
        s, e = _fast_two_sum(s, e + t)
        return Doubled(*_fast_two_sum(s, e + f))

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
