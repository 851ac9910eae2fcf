"""What counts as a number where a setting wants one: Python's and NumPy's, never a truth value."""

import math
from numbers import Integral, Real
from typing import Any, TypeGuard


def is_real(value: Any) -> TypeGuard[float]:
    """Whether the value is a finite real number, of Python or NumPy."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(float(value))


def is_whole(value: Any, least: int) -> bool:
    """Whether the value is a whole number, of Python or NumPy, from `least`."""
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= least
