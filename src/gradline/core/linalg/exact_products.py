"""Matrix products in double-double at the speed of BLAS: numbers cut into slices so short that no product is rounded.

A slice holds 20 bits, so a sum of 4096 products of two slices is exact in float64, in whatever order it is taken.
Products of slices as far apart as each other are added exactly too, and what comes of each distance is added in pairs.
Ozaki, Ogita, Oishi, Rump 2012; splitting by adding and subtracting a large number: Rump, Ogita, Oishi 2008.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from gradline.core.linalg.double_double import Doubled, two_sum

SUMMED = 1 << 12  # products whose sum is exact: 2·20 + 12 bits, and one to spare
BITS = 20
ORDERS = 6  # 120 bits: what is left out is below the rounding of pairs
_PLAIN, _PAIRED = 4, 6  # slices of a float64 and of a pair; what they leave of small numbers is in the last
_FULL = 2  # the slice at which the high part of a pair is used up, and the low one joins


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
