"""Dyadic rationals m·2^e with whole m of any size: sums, differences and products of float64 without any rounding."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.linalg.double_double import Doubled

_DIGIT = 48  # bits of a digit, which float64 holds with room
_KEPT = 128  # bits of a quotient before it is rounded to a pair, of 107


@dataclass(frozen=True, eq=False)
class Dyadic:
    """m·2^e: an array of Python's integers, and one of exponents (int64) that broadcasts with it."""

    m: np.ndarray
    e: np.ndarray

    def __post_init__(self) -> None:
        for name, kind in (
            ("m", object),
            ("e", np.int64),
        ):  # NumPy makes numbers of arrays without dimensions
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))

    @classmethod
    def of(cls, values: Any) -> "Dyadic":
        """Numbers of float64, as they are."""
        fraction, exponents = np.frexp(np.asarray(values, np.float64))
        whole = np.ldexp(fraction, 53).astype(np.int64).astype(object)
        return cls(whole, exponents - 53)

    def __add__(self, other: "Dyadic") -> "Dyadic":
        e = np.minimum(self.e, other.e)
        return Dyadic((self.m << (self.e - e)) + (other.m << (other.e - e)), e)

    def __neg__(self) -> "Dyadic":
        return Dyadic(-self.m, self.e)

    def __sub__(self, other: "Dyadic") -> "Dyadic":
        return self + -other

    def __mul__(self, other: "Dyadic") -> "Dyadic":
        return Dyadic(self.m * other.m, self.e + other.e)

    def __getitem__(self, place: Any) -> "Dyadic":
        return Dyadic(self.m[place], self.e[place])

    def ldexp(self, exponents: Any) -> "Dyadic":
        """The product with powers of two."""
        return Dyadic(self.m, self.e + exponents)

    def exponents(self) -> np.ndarray:
        """The least powers of two that the sizes are below; those of zeros are 0."""
        return np.where(self.m != 0, np.asarray(_bits(self.m), np.int64) + self.e, 0)

    def over(self, divisor: "Dyadic") -> Doubled:
        """The quotients by one positive number, as pairs that are nearest to them."""
        high, low = _nearest(self.m, self.e - int(divisor.e), int(divisor.m))
        return Doubled(np.asarray(high, np.float64), np.asarray(low, np.float64))

    def digits(self) -> np.ndarray:
        """Planes (d, …) of float64: the exponents of odd m, and its digits of 48 bits, the lowest first, with its sign.

        They depend on the numbers alone, not on how they came about.
        """
        zeros = np.asarray(_zeros(self.m), np.int64)
        planes = [np.where(self.m != 0, self.e + zeros, 0)]
        size: Any = np.asarray(_sizes(self.m), object) >> zeros
        sign = np.where(self.m < 0, -1, 1)
        while len(planes) < 2 or (size != 0).any():
            planes.append(sign * (size & (2**_DIGIT - 1)).astype(np.int64))
            size = size >> _DIGIT
        return np.array(planes, np.float64)

    @classmethod
    def from_digits(cls, planes: np.ndarray) -> "Dyadic | None":
        """The numbers that `digits` gave; None where they are no whole numbers."""
        if not (
            np.isfinite(planes).all()
            and (planes == np.floor(planes)).all()
            and (abs(planes) < 2**_DIGIT).all()
        ):
            return None
        e, *digits = (plane.astype(np.int64) for plane in planes)
        m = np.zeros(e.shape, object)
        for digit in reversed(digits):
            m = (m << _DIGIT) + digit.astype(object)
        return cls(m, e)


def _rounded(m: int, e: int, divisor: int) -> tuple[float, float]:
    """The float64 nearest to m·2^e/divisor, and the one nearest to what is left."""
    if not m:
        return 0.0, 0.0
    shift = _KEPT + divisor.bit_length() - m.bit_length()
    whole, rest = divmod(m << max(shift, 0), divisor << max(-shift, 0))
    whole = 2 * whole + bool(rest)  # the last bit says on which side of a tie it is
    high = float(whole)
    low = float(whole - int(high))
    return math.ldexp(high, e - shift - 1), math.ldexp(low, e - shift - 1)


_nearest = np.frompyfunc(_rounded, 3, 2)
_sizes = np.frompyfunc(abs, 1, 1)
_bits = np.frompyfunc(lambda m: m.bit_length(), 1, 1)
_zeros = np.frompyfunc(lambda m: (m & -m).bit_length() - 1 if m else 0, 1, 1)
