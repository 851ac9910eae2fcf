"""Conditions such as `loss < 2 and solver == 'sgd'`: comparisons, and, or, not, parentheses, and nothing else."""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradline.core.errors import UsageError
from gradline.core.text import nearest

Row = Mapping[str, Any]
Condition = Callable[[Row], bool]

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LONGEST = 1000  # characters, so that no condition is nested deeper than Python's parser can go
_GRAMMAR = "write comparisons (== != < <= > >=) of names with numbers or 'texts', joined by and, or, not, ( )"


def condition(text: str, names: Sequence[str]) -> Condition:
    """The condition that a user wrote, as a function of a row; it is read, never executed.

    A comparison with what a row has not, or that is of another kind, is false. Parameters: `names` are those that
    rows may have. Raises `UsageError` for anything else than such a condition.
    """
    text = text.strip()
    try:
        if len(text) > _LONGEST:
            raise ValueError("it is too long")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on the style of a program
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = f" at column {error.offset or len(text) + 1}" if isinstance(error, SyntaxError) else ""
        raise UsageError(
            "condition-unreadable", f"the condition {_short(text)!r} cannot be read{place}", _GRAMMAR
        ) from error
    return _Reader(text, names).condition(tree)


@dataclass(frozen=True)
class _Reader:
    """Turns the parts of a condition into functions of a row."""

    text: str
    names: Sequence[str]

    def condition(self, node: ast.expr) -> Condition:
        """A comparison, or several that are joined."""
        match node:
            case ast.BoolOp(op, values):
                parts = [self.condition(value) for value in values]
                joined = all if isinstance(op, ast.And) else any
                return lambda row: joined(part(row) for part in parts)
            case ast.UnaryOp(ast.Not(), operand):
                part = self.condition(operand)
                return lambda row: not part(row)
            case ast.Compare(left, operators, others) if all(type(op) in _COMPARISONS for op in operators):
                sides = [self.side(side) for side in (left, *others)]
                tests = [_COMPARISONS[type(op)] for op in operators]
                return lambda row: all(map(_holds, tests, (v := [side(row) for side in sides]), v[1:]))
        raise self.refusal(node, "is no comparison")

    def side(self, node: ast.expr) -> Callable[[Row], Any]:
        """A name, a number or a text."""
        match node:
            case ast.Constant(int() | float() | str() as value):
                return lambda _: value
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
                return lambda _: -value
            case ast.Name(name) if name in self.names:
                return lambda row: row.get(name)
            case ast.Name(name):
                raise UsageError(
                    "field-unknown", f"no version has {name}", nearest(name, self.names, "the names are")
                )
        raise self.refusal(node, "is neither a name nor a number nor a 'text'")

    def refusal(self, node: ast.expr, what: str) -> UsageError:
        """Why a part is not taken."""
        return UsageError(
            "condition-unreadable",
            f"{_short(ast.get_source_segment(self.text, node) or '')} {what}",
            _GRAMMAR,
        )


def _holds(test: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    alike = isinstance(left, str) == isinstance(right, str)
    return left is not None and right is not None and alike and test(left, right)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
