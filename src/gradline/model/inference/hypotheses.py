"""Hypotheses in words: "area = 0, rooms = 2*baths" to rows of a matrix over the coefficients."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import UsageError
from gradline.core.text import nearest

_LONGEST = 10_000  # characters, so that a forged text costs nothing


@dataclass(frozen=True, eq=False)
class Restrictions:
    """rows·β = values: `rows` (r, k) over the coefficients, the bias first where there is one, `values` (r,)."""

    texts: tuple[str, ...]
    rows: np.ndarray
    values: np.ndarray


class _Linear(NamedTuple):
    """A sum of coefficients times numbers, and a number."""

    row: np.ndarray
    value: float

    def __neg__(self) -> "_Linear":
        return _Linear(-self.row, -self.value)

    def plus(self, other: "_Linear") -> "_Linear":
        return _Linear(self.row + other.row, self.value + other.value)

    def times(self, factor: float) -> "_Linear":
        return _Linear(self.row * factor, self.value * factor)


def asked(hypothesis: Any, values: Any, names: Sequence[str]) -> Restrictions:
    """Those of a text, or of a matrix (r, k) or row (k,) that leads to `values`. Raises `UsageError` for others."""
    if isinstance(hypothesis, str):
        return restrictions(hypothesis, names)
    rows = np.atleast_2d(np.asarray(hypothesis, float))
    if rows.ndim != 2 or rows.shape[1] != len(names) or not np.isfinite(rows).all():
        raise UsageError(
            "hypothesis-shape",
            f"the matrix of a hypothesis has shape {rows.shape}",
            f"give finite numbers (r, {len(names)}): a row over {', '.join(names[:20])} for each equation",
        )
    sought = np.broadcast_to(np.asarray(values, float), (len(rows),))
    texts = [written(row, float(value), names) for row, value in zip(rows, sought, strict=True)]
    return Restrictions(tuple(texts), rows, np.array(sought))


def restrictions(text: str, names: Sequence[str]) -> Restrictions:
    """What a text says of the coefficients of these names, its parts apart by commas.

    A part is an equation, `a = 0` or `a = b = 2*c + 1`, of sums of names times numbers; without a sign of equality it
    is that the sum is 0. A name may stand between backticks, and has to where it looks like a number. Raises
    `UsageError` for a name that no coefficient has, and for what is not linear in them.
    """
    if len(text) > _LONGEST:
        raise UsageError("hypothesis-too-long", f"the hypothesis has {len(text):,} characters", "write less")
    texts, found = [], []
    for part in _named(text, names).split(","):
        sides = [_side(side, text, names) for side in part.split("=")]
        pairs = pairwise(sides) if len(sides) > 1 else [(sides[0], _nothing(len(names)))]
        for left, right in pairs:
            difference = left.plus(-right)
            texts.append(written(difference.row, -difference.value, names))
            found.append(difference)
    return Restrictions(
        tuple(texts), np.array([one.row for one in found]), -np.array([one.value for one in found])
    )


def written(row: np.ndarray, value: float, names: Sequence[str]) -> str:
    """How an equation is written: `rooms - 2*baths = 0`."""
    return f"{summed(row, 0.0, names)} = {value + 0.0:.6g}"


def summed(row: np.ndarray, less: float, names: Sequence[str]) -> str:
    """How a sum, less a number, is written: `rooms - 2*baths - 3`."""
    parts = []
    for factor, name in zip(row.tolist(), names, strict=True):
        if factor:
            size = "" if abs(factor) == 1 else f"{abs(factor):.6g}*"
            sign = ("-" if factor < 0 else "") if not parts else (" - " if factor < 0 else " + ")
            parts.append(f"{sign}{size}{name}")
    end = f" {'-' if less > 0 else '+'} {abs(less):.6g}" if less else ""
    return ("".join(parts) or "0") + end


def _nothing(k: int) -> _Linear:
    return _Linear(np.zeros(k), 0.0)


def _named(text: str, names: Sequence[str]) -> str:
    """The text with each name of a coefficient, the longest that stands there, as `_0`, `_1`, …"""
    numbers = {name: f"_{i}" for i, name in enumerate(names)}
    bare = sorted((name for name in names if not _is_number(name)), key=len, reverse=True)
    words = "|".join([*map(re.escape, bare), r"_\d+"])  # the last are none of the user's own

    def number(found: re.Match[str]) -> str:
        name = found[2] if found[1] is None else found[1]
        if name not in numbers:
            raise _unknown(name, names)
        return numbers[name]

    return re.sub(rf"`([^`]*)`|(?<!\w)({words})(?!\w)", number, text)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _unknown(name: str, names: Sequence[str]) -> UsageError:
    return UsageError(
        "hypothesis-name-unknown",
        f"no coefficient is called {name!r}",
        nearest(name, names, "the coefficients are"),
    )


def _side(side: str, text: str, names: Sequence[str]) -> _Linear:
    try:
        tree = ast.parse(side.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _not_linear(text) from None
    return _read(tree, text, names)


def _not_linear(text: str) -> UsageError:
    return UsageError(
        "hypothesis-not-linear",
        f"{text!r} is no equation of sums of coefficients times numbers",
        "write it such as 'area = 0, rooms = 2*baths'; names with other signs go between backticks",
    )


def _read(tree: ast.expr, text: str, names: Sequence[str]) -> _Linear:
    """The sum that a tree of Python's is, where it is one."""
    nothing = _nothing(len(names))
    match tree:
        case ast.Constant(value=int() | float() as number) if (
            not isinstance(number, bool) and abs(number) < 1e300
        ):
            return _Linear(nothing.row, float(number))
        case ast.Name(id=name):
            if not re.fullmatch(r"_\d+", name) or int(name[1:]) >= len(names):
                raise _unknown(name, names)
            return _Linear(np.eye(len(names))[int(name[1:])], 0.0)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _read(operand, text, names)
            return -inner if isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=operation, right=right):
            return _combined(_read(left, text, names), operation, _read(right, text, names), text)
        case _:
            raise _not_linear(text)


def _combined(left: _Linear, operation: ast.operator, right: _Linear, text: str) -> _Linear:
    match operation:
        case ast.Add():
            return left.plus(right)
        case ast.Sub():
            return left.plus(-right)
        case ast.Mult() if not left.row.any():
            return right.times(left.value)
        case ast.Mult() if not right.row.any():
            return left.times(right.value)
        case ast.Div() if not right.row.any() and right.value:
            return left.times(1 / right.value)
        case _:
            raise _not_linear(text)
