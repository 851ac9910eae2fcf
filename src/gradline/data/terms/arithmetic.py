"""Numbers computed from cells: an expression of a formula on a batch of rows, refused where a row has no value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gradline.core.errors import DataError, RequestError
from gradline.core.text import listed
from gradline.data.schema import Kind, joint_kinds
from gradline.data.terms.functions import DATE_PARTS, FUNCTIONS
from gradline.data.terms.grammar import Call, Every, Literal, Name, Node, Operation, parse, plain, text
from gradline.data.terms.shapes import Pieces

if TYPE_CHECKING:  # what reads tables loads polars, and the rest of a model needs none
    from gradline.data.source import Batch


@dataclass(frozen=True)
class Arithmetic:
    """A factor that is one number a row: a column, a function of columns, or `I(…)` of both."""

    node: Node

    @property
    def text(self) -> str:
        """How a formula writes it."""
        return text(self.node)

    @property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that it needs, with their kinds."""
        return joint_kinds(_leaves(self.node))

    @property
    def names(self) -> tuple[str, ...]:
        """What its column is called: a plain column by its own name."""
        return (self.node.name if isinstance(self.node, Name) else self.text,)

    bases: ClassVar[Mapping[str, str]] = {}  # it has no levels

    def values(self, batch: "Batch") -> np.ndarray:
        """The numbers (n,). Raises `DataError` with place and value where a row has none."""
        return _values(self.node, batch)

    def encode(self, batch: "Batch", unseen: str) -> np.ndarray:  # noqa: ARG002
        """The numbers (n, 1)."""
        return self.values(batch)[:, None]

    @property
    def shape(self) -> Pieces:
        """The factor to a program that knows no formulas."""
        return Pieces.plain(self.node)

    def to_dict(self) -> dict[str, Any]:
        """The factor as plain JSON."""
        return {"text": self.text}


def arithmetic(formula: str) -> Arithmetic:
    """The factor of this text. Raises `RequestError` where it is no arithmetic."""
    return Arithmetic(checked(parse(formula)))


def checked(node: Node) -> Node:
    """The tree, if it is arithmetic all through. Raises `RequestError` for what is none, and says what would be."""
    if isinstance(node, (Every, Literal)) and not _is_number(node):
        raise RequestError(
            "formula-not-arithmetic", f"{text(node)} stands where a number is wanted", "name a column there"
        )
    if isinstance(node, Call):
        _check_call(node)
    if isinstance(node, Operation):
        if node.mark not in "+-*/^":
            raise RequestError(
                "formula-not-arithmetic",
                f"{text(node)} stands within a function, where {node.mark} has no meaning",
                "use + - * / ^ there, and : between terms",
            )
        for part in (node.left, node.right):
            if part is not None:
                checked(part)
    return node


def _is_number(node: Node) -> bool:
    return isinstance(node, Literal) and not isinstance(node.value, (str, bool))


def _check_call(node: Call) -> None:
    name = node.function
    if name not in FUNCTIONS and name not in DATE_PARTS and name != "I":
        if name in _REFUSED:
            why, remedy = _REFUSED[name]
            raise RequestError("formula-function-refused", f"{text(node)} {why}", remedy)
        known = ["I", *FUNCTIONS, *DATE_PARTS, "C", "poly", "bs", "scale"]
        raise RequestError(
            "formula-function-unknown",
            f"{name} is no function that a formula knows{' within another' if name in known else ''}",
            f"those of numbers are {listed(known[:-4])}; as terms also {listed(known[-4:])}",
        )
    if len(node.arguments) != 1 or node.named:
        raise RequestError(
            "formula-arguments", f"{text(node)}: {name} takes one argument", f"write {name}(…) of one number"
        )
    (argument,) = node.arguments
    if name in DATE_PARTS and not isinstance(argument, Name):
        raise RequestError(
            "formula-arguments", f"{text(node)}: {name} takes a column of dates", f"write {name}(COLUMN)"
        )
    checked(argument)


# Functions of R that are refused for a reason, and what to write instead.
_REFUSED = {
    "lag": (
        "needs the row before, and rows are read on their own here",
        "make the column first, such as df['x'].shift(1), and name it",
    ),
    "offset": (
        "is a term without a coefficient, and every term here has one",
        "take it from the target: make a column of the difference, and name that left of ~",
    ),
}


def _leaves(node: Node) -> Iterator[tuple[str, Kind]]:
    """The columns of a tree, with the kind that each is read as."""
    if isinstance(node, Name):
        yield node.name, Kind.NUMBER
    elif isinstance(node, Call):
        for argument in node.arguments:
            kinds = _leaves(argument)
            yield from ((name, Kind.TIME) for name, _ in kinds) if node.function in DATE_PARTS else kinds
    elif isinstance(node, Operation):
        for part in (node.left, node.right):
            if part is not None:
                yield from _leaves(part)


def _values(node: Node, batch: "Batch") -> np.ndarray:
    if isinstance(node, Name):
        return batch.frame[node.name].to_numpy()
    if isinstance(node, Literal):
        return np.full(batch.frame.height, float(node.value))
    if isinstance(node, Call):
        (argument,) = node.arguments
        if node.function in DATE_PARTS:
            return batch.part_of_date(text_of_name(argument), node.function)
        inside = _values(argument, batch)
        if node.function == "I":
            return inside
        function = FUNCTIONS[node.function]
        with np.errstate(all="ignore"):
            found = function.apply(inside)
        _expect_values(node, found, (inside,), batch, function.domain)
        return found
    assert isinstance(node, Operation)
    right = _values(node.right, batch)
    if node.left is None:
        return -right if node.mark == "-" else right
    left = _values(node.left, batch)
    with np.errstate(all="ignore"):
        found = _OPERATIONS[node.mark](left, right)
    _expect_values(node, found, (left, right), batch, _WANTS.get(node.mark, "the result is beyond float64"))
    return found


_OPERATIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}
_WANTS = {"/": "a number is divided by 0", "^": "this power has no finite value"}


def text_of_name(node: Node) -> str:
    """The column that a checked argument names."""
    assert isinstance(node, Name)
    return node.name


def _expect_values(
    node: Node, found: np.ndarray, given: tuple[np.ndarray, ...], batch: "Batch", why: str
) -> None:
    """Refuse the first row whose cells are numbers and whose value is none."""
    if np.isfinite(found).all():
        return
    wrong = ~np.isfinite(found)
    for values in given:  # rows taken for finite that are not will be read again, with a look at each
        wrong &= np.isfinite(values)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    cells = listed(
        f"{name} = {plain(float(batch.frame[name][row]))}"
        for name, kind in dict(_leaves(node)).items()
        if kind == Kind.NUMBER
    )
    raise DataError(
        "formula-undefined",
        f"{text(node)} has no value in {batch.place(row)}, where {cells}: {why}",
        "mend the cell, or leave it empty and add --missing drop, or write the term so that every row has a value",
    )
