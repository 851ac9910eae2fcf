"""The functions of numbers that a formula may call: one row each, and every use of them reads it here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Function:
    """A function of one number: on arrays, where it has a value, and in the exports.

    `sql` is its name in every dialect of `exports.dialects`, `onnx` that of its operator in float64, `plus` what is to
    be added to their argument, and `times` what both are to be multiplied by.
    """

    apply: Callable[[np.ndarray], np.ndarray]
    domain: str
    sql: str
    onnx: str
    times: float = 1.0
    plus: float = 0.0


FUNCTIONS = {
    "log": Function(np.log, "log takes numbers above 0", "LN", "Log"),
    "log2": Function(np.log2, "log2 takes numbers above 0", "LN", "Log", 1 / np.log(2.0)),
    "log10": Function(np.log10, "log10 takes numbers above 0", "LN", "Log", 1 / np.log(10.0)),
    "log1p": Function(np.log1p, "log1p takes numbers above -1", "LN", "Log", plus=1.0),
    "exp": Function(np.exp, "exp takes numbers up to 709", "EXP", "Exp"),
    "sqrt": Function(np.sqrt, "sqrt takes numbers from 0", "SQRT", "Sqrt"),
    "abs": Function(np.abs, "abs takes numbers", "ABS", "Abs"),
}

# Parts of a date or a time, as polars' `dt` has them; days are counted from 1970-01-01, so that differences are days.
DATE_PARTS = {"year": "the year", "month": "the month, 1 to 12", "days": "days since 1970-01-01"}
