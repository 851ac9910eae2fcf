"""Terms of formulas in an ONNX graph: arithmetic, levels and polynomials as columns (rows, k) in float64."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from gradline.core.errors import RequestError
from gradline.data.terms.functions import DATE_PARTS, FUNCTIONS
from gradline.data.terms.grammar import Call, Literal, Name, Node, Operation, text
from gradline.data.terms.product import Product
from gradline.data.terms.shapes import Lookup, Pieces

_DOUBLE = 11  # TensorProto.DOUBLE
_OPERATORS = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "^": "Pow"}


class Graph(Protocol):
    """What makes the nodes and constants of a graph; each returns the name of what it made."""

    unseen: str

    def node(self, kind: str, inputs: list[str], domain: str = "", **how: Any) -> str:
        """A node with one output."""
        ...

    def constant(self, values: np.ndarray) -> str:
        """A constant."""
        ...

    def picked(self, column: str, levels: Sequence[str], rows: np.ndarray) -> str:
        """Of each cell the row (k,) of its level."""
        ...


def columns(term: Product, graph: Graph) -> str:
    """The columns (rows, k) of a term, those of its first factor varying fastest."""
    first, *others = [_factor(factor.shape, graph) for factor in term.factors]
    for other in others:
        left = graph.node("Unsqueeze", [first, graph.constant(np.array([1]))])
        right = graph.node("Unsqueeze", [other, graph.constant(np.array([2]))])
        first = graph.node("Reshape", [graph.node("Mul", [right, left]), graph.constant(np.array([0, -1]))])
    return first


def _factor(shape: Lookup | Pieces, graph: Graph) -> str:
    if isinstance(shape, Pieces):
        return _pieces(shape, graph)
    if shape.cells == "text":
        assert isinstance(shape.over, Name)
        return graph.picked(shape.over.name, shape.levels, shape.rows)
    x = _cell(shape.over, graph)
    equal = graph.node("Equal", [x, graph.constant(np.array([[*map(float, shape.levels)]]))])
    which = graph.node("Cast", [equal], to=_DOUBLE)
    found = graph.node("MatMul", [which, graph.constant(shape.rows)])
    known = graph.node("ReduceMax", [which], axes=[1])
    other = shape.rows[:1] if graph.unseen == "base" else np.full_like(shape.rows[:1], np.nan)
    is_known = graph.node("Cast", [known], to=9)  # TensorProto.BOOL
    chosen = graph.node("Where", [is_known, found, graph.constant(other)])
    return graph.node("Add", [chosen, graph.node("Sub", [x, x])])  # what is missing stays missing


def _pieces(shape: Pieces, graph: Graph) -> str:
    """The polynomial of the piece that x lies in, all columns at once, in Horner's form."""
    x = _cell(shape.over, graph)
    made = [
        _horner(x, centre, scale, own, graph)
        for (centre, scale), own in zip(shape.frames.tolist(), shape.coefficients, strict=True)
    ]
    found = made[-1]
    for end, piece in zip(reversed(shape.breaks), reversed(made[:-1]), strict=True):
        below = graph.node("Less", [x, graph.constant(np.array([[end]]))])
        found = graph.node("Where", [below, piece, found])
    return found


def _horner(x: str, centre: float, scale: float, coefficients: np.ndarray, graph: Graph) -> str:
    """c₀ + t·(c₁ + t·(…)) with t = (x − centre)/scale, for coefficients (k, d + 1)."""
    shifted = graph.node("Sub", [x, graph.constant(np.array([[centre]]))])
    t = graph.node("Div", [shifted, graph.constant(np.array([[scale]]))])
    found = graph.constant(coefficients[None, :, -1])
    for power in range(coefficients.shape[1] - 2, -1, -1):
        higher = graph.node("Mul", [t, found])
        found = graph.node("Add", [graph.constant(coefficients[None, :, power]), higher])
    return found


def _cell(node: Node, graph: Graph) -> str:
    """An expression of numbers, (rows, 1)."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Literal):
        return graph.constant(np.array([[float(node.value)]]))
    if isinstance(node, Call):
        if node.function in DATE_PARTS:
            raise RequestError(
                "onnx-of-dates",
                f"{text(node)}: an ONNX graph knows no dates",
                "export it as SQL, or make the column first and fit on it",
            )
        (argument,) = node.arguments
        inside = _cell(argument, graph)
        if node.function == "I":
            return inside
        function = FUNCTIONS[node.function]
        if function.plus:
            inside = graph.node("Add", [graph.constant(np.array([[function.plus]])), inside])
        found = graph.node(function.onnx, [inside])
        return (
            found
            if function.times == 1
            else graph.node("Mul", [found, graph.constant(np.array([[function.times]]))])
        )
    assert isinstance(node, Operation)
    right = _cell(node.right, graph)
    if node.left is None:
        return graph.node("Neg", [right]) if node.mark == "-" else right
    return graph.node(_OPERATORS[node.mark], [_cell(node.left, graph), right])
