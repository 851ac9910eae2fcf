"""What terms that learn from training rows have in common: `poly`, `bs` and `scale` of an expression."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError
from gradline.data.schema import Kind
from gradline.data.terms.arithmetic import Arithmetic, checked
from gradline.data.terms.grammar import Call, Literal, Node, Operation, text
from gradline.data.terms.shapes import Pieces

if TYPE_CHECKING:
    from gradline.data.source import Batch


@dataclass(frozen=True)
class LearnedTerm(ABC):
    """A factor whose columns are functions of one expression, made of numbers that training rows taught it."""

    node: Call
    learned: tuple[float, ...]

    bases: ClassVar[Mapping[str, str]] = {}  # it has no levels

    @cached_property
    def text(self) -> str:
        """How a formula writes it."""
        return text(self.node)

    @cached_property
    def over(self) -> Arithmetic:
        """The expression that it is a function of."""
        return Arithmetic(checked(self.node.arguments[0]))

    @property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that it needs, with their kinds."""
        return self.over.inputs

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What its columns are called."""

    @abstractmethod
    def columns(self, x: np.ndarray) -> np.ndarray:
        """The columns (n, k) for values x (n,) of the expression."""

    @property
    @abstractmethod
    def shape(self) -> Pieces:
        """The factor to a program that knows no formulas."""

    @abstractmethod
    def expect_learned(self) -> None:
        """Raise `ValueError` for numbers that no rows teach: they came from a file."""

    def encode(self, batch: "Batch", unseen: str) -> np.ndarray:  # noqa: ARG002
        """The columns (n, k) of complete rows."""
        return self.columns(self.over.values(batch))

    def to_dict(self) -> dict[str, Any]:
        """The factor as plain JSON."""
        return {"text": self.text, "learned": list(self.learned)}


class Learner(ABC):
    """Learns such a factor from the values of its expression in training rows, batch by batch."""

    def __init__(self, node: Node) -> None:
        assert isinstance(node, Call)
        self.node = node
        self.over = Arithmetic(checked(first_argument(node)))
        self.inputs = self.over.inputs

    def see(self, batch: "Batch", w: np.ndarray | None) -> None:
        """Take in complete rows; `w` counts how often each stands there."""
        values = self.over.values(batch)
        if len(values):
            self.add(values, np.ones(len(values)) if w is None else w)

    @abstractmethod
    def add(self, x: np.ndarray, w: np.ndarray) -> None:
        """Take in values x (n,), of which each counts w."""

    @abstractmethod
    def learned(self) -> LearnedTerm:
        """The factor."""


def first_argument(node: Call) -> Node:
    """What the function is of. Raises `RequestError` where nothing stands there."""
    if not node.arguments:
        raise refused(node, f"{node.function} takes a column first")
    return node.arguments[0]


def options(node: Call, names: Sequence[str]) -> dict[str, Node]:
    """The arguments after the first, by name or by their place. Raises `RequestError` for others."""
    given = node.arguments[1:]
    if len(given) > len(names):
        raise refused(node, f"{node.function} takes up to {len(names) + 1} arguments")
    found = dict(zip(names, given, strict=False))
    for key, value in node.named:
        if key not in names:
            raise refused(node, f"{node.function} does not take {key}=")
        if key in found:
            raise refused(node, f"{key} is given twice")
        found[key] = value
    return found


def whole(node: Call, value: Node, least: int, most: int) -> int:
    """An argument that is a whole number in a range. Raises `RequestError` for others."""
    number = value.value if isinstance(value, Literal) and isinstance(value.value, float) else 0.5
    if number.is_integer() and least <= number <= most:
        return int(number)
    raise refused(node, f"{text(value)} is no whole number from {least} to {most}")


def truth(node: Call, value: Node) -> bool:
    """An argument that is TRUE or FALSE. Raises `RequestError` for others."""
    if isinstance(value, Literal) and isinstance(value.value, bool):
        return value.value
    raise refused(node, f"{text(value)} is not TRUE or FALSE")


def numbers(node: Call, value: Node) -> list[float]:
    """An argument that is a number or a list of them. Raises `RequestError` for others."""
    parts = value.arguments if isinstance(value, Call) and value.function == "c" else (value,)
    return [_number(node, part) for part in parts]


def _number(node: Call, value: Node) -> float:
    if isinstance(value, Operation) and value.left is None and value.mark in "+-":
        return _number(node, value.right) * (-1 if value.mark == "-" else 1)
    if isinstance(value, Literal) and isinstance(value.value, float):
        return value.value
    raise refused(node, f"{text(value)} is no number")


def refused(node: Call, why: str) -> RequestError:
    """The refusal of a call that cannot be served as it is written."""
    return RequestError(
        "formula-arguments",
        f"{text(node)}: {why}",
        "write poly(x, 3), bs(x, df=4), bs(x, knots=[1, 2], degree=3) or scale(x)",
    )
