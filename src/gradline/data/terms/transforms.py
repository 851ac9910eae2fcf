"""Targets that are functions of a column, `log(price)`: what is fitted, and the way back to the column's own units."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError
from gradline.data.terms.arithmetic import Arithmetic, checked
from gradline.data.terms.functions import FUNCTIONS
from gradline.data.terms.grammar import Call, Literal, Name, Node, Operation, parse, text

_BASES = {"log": np.e, "log2": 2.0, "log10": 10.0, "log1p": np.e}
Step = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class TargetTransform(Arithmetic):
    """A target that is an increasing or decreasing function of one column.

    The fit is of the function's values. A prediction v of them is turned back in two ways: the median, by the inverse
    function; the mean, by smearing, E g⁻¹(v + e) over the residuals e of training (Duan 1983), where the function is a
    logarithm, a root, or nothing but shifts and scales, so that two moments of e say it all.
    """

    @cached_property
    def column(self) -> str:
        """The column of the table."""
        (name,) = self.inputs
        return name

    @cached_property
    def _way_back(self) -> tuple[Step, ...]:
        return tuple(_undone(self.node))

    @cached_property
    def _outermost(self) -> Node:
        node = self.node
        while isinstance(node, Call) and node.function == "I":
            (node,) = node.arguments
        return node

    def median(self, v: np.ndarray) -> np.ndarray:
        """The values (n,) of the column whose function is v: the median of what is to come, if v is."""
        with np.errstate(over="ignore", invalid="ignore"):
            for step in self._way_back:
                v = step(v)
        return v

    @cached_property
    def has_mean(self) -> bool:
        """Whether two moments of the residuals give the mean in the column's units."""
        outer = self._outermost
        if isinstance(outer, Call):
            (inside,) = outer.arguments
            return (outer.function in _BASES or outer.function == "sqrt") and _is_affine(inside)
        return _is_affine(outer)

    def moments(self, e: np.ndarray) -> np.ndarray:
        """What `mean` needs of residuals e (n,), (n, 2): their mean over all rows is `smearing`."""
        outer = self._outermost
        if isinstance(outer, Call) and outer.function in _BASES:
            with np.errstate(over="ignore"):
                return np.column_stack([_BASES[outer.function] ** e, np.zeros(len(e))])
        return np.column_stack([e, e * e])

    def mean(self, v: np.ndarray, smearing: np.ndarray) -> np.ndarray:
        """The mean (n,) of the column where its function is predicted as v, for `smearing` (2,)."""
        outer, (first, second) = self._outermost, smearing
        with np.errstate(over="ignore", invalid="ignore"):
            if not isinstance(outer, Call):
                return self.median(v + first)
            inside = (
                v * v + 2 * v * first + second
                if outer.function == "sqrt"
                else _BASES[outer.function] ** v * first - FUNCTIONS[outer.function].plus
            )
            for step in _undone(outer.arguments[0]):
                inside = step(inside)
        return inside


def target_transform(node: Node) -> TargetTransform:
    """The transform of this tree. Raises `RequestError` where it has no way back."""
    found = TargetTransform(checked(node))
    _ = found.inputs
    tuple(_undone(node))
    return found


def read_transform(written: str) -> TargetTransform:
    """The transform of this text, from a file. Raises `ValueError` for one that cannot be."""
    try:
        return target_transform(parse(written))
    except RequestError as error:
        raise ValueError(str(error)) from error


def _undone(node: Node) -> list[Step]:
    """The inverses of the functions and operations of a tree, the outermost first."""
    if isinstance(node, Name):
        return []
    if isinstance(node, Call) and len(node.arguments) == 1:
        (inside,) = node.arguments
        if node.function == "I":
            return _undone(inside)
        if node.function in _INVERSES:
            return [_INVERSES[node.function], *_undone(inside)]
    if isinstance(node, Operation):
        constant, inside, is_left = _parted(node)
        if constant is not None and inside is not None:
            return [_without(node.mark, constant, is_left), *_undone(inside)]
    raise RequestError(
        "formula-target-no-way-back",
        f"the target {text(node)} cannot be turned back into one column",
        "take log, sqrt or exp of a column, or add to and multiply it by numbers, or make the column first",
    )


_INVERSES: dict[str, Step] = {
    "log": np.exp,
    "log2": np.exp2,
    "log10": lambda v: 10.0**v,
    "log1p": np.expm1,
    "exp": lambda v: np.log(np.where(v > 0, v, np.nan)),
    "sqrt": lambda v: np.maximum(v, 0.0) ** 2,
}


def _parted(node: Operation) -> tuple[float | None, Node | None, bool]:
    """The number and the rest of an operation between the two, and whether the number stands left; None for others."""
    left, right = (None if part is None else _number(part) for part in (node.left, node.right))
    if node.left is None:
        return (0.0, node.right, True) if node.mark == "-" else (0.0, node.right, False)
    if right is not None and node.mark in "+-*/" and not (node.mark in "*/" and right == 0):
        return right, node.left, False
    if left is not None and node.mark in "+-*" and not (node.mark == "*" and left == 0):
        return left, node.right, True
    return None, None, False


def _number(node: Node) -> float | None:
    if isinstance(node, Literal) and isinstance(node.value, float):
        return node.value
    if isinstance(node, Operation) and node.left is None:
        inside = _number(node.right)
        return None if inside is None else -inside if node.mark == "-" else inside
    return None


def _without(mark: str, constant: float, is_left: bool) -> Step:
    if mark == "+":
        return lambda v: v - constant
    if mark == "-":
        return (lambda v: constant - v) if is_left else (lambda v: v + constant)
    return (lambda v: v / constant) if mark == "*" else (lambda v: v * constant)


def _is_affine(node: Node) -> bool:
    """Whether a tree with a way back is nothing but shifts and scales."""
    if isinstance(node, Name):
        return True
    if isinstance(node, Call):
        return node.function == "I" and _is_affine(node.arguments[0])
    return isinstance(node, Operation) and (inside := _parted(node)[1]) is not None and _is_affine(inside)
