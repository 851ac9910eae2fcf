"""Terms of formulas in SQL: arithmetic, levels and polynomials as one expression for each target."""

from collections.abc import Callable, Sequence

import numpy as np

from gradline.data.terms.functions import DATE_PARTS, FUNCTIONS
from gradline.data.terms.grammar import Call, Literal, Name, Node, Operation
from gradline.data.terms.shapes import Lookup, Pieces
from gradline.exports.dialects import Dialect

Case = Callable[[Lookup, str, Sequence[str]], str]  # what gives each level its own expression


def weighted(shapes: Sequence[Lookup | Pieces], weight: np.ndarray, chosen: Dialect, case: Case) -> str:
    """Σ weight · products of columns, for weight (k₁, …, kₙ) over the columns of n factors.

    Levels come first: within each of them the rest is a sum with weights of its own. Numbers that come last are one
    polynomial, in Horner's form. A weight of 0 is written too, so that what is missing stays missing.
    """
    if not shapes:
        return chosen.double(float(weight))
    place = next((i for i, shape in enumerate(shapes) if isinstance(shape, Lookup)), 0)
    first, rest = shapes[place], [*shapes[:place], *shapes[place + 1 :]]
    weight = np.moveaxis(weight, place, 0)
    if isinstance(first, Lookup):
        each = [weighted(rest, np.tensordot(row, weight, 1), chosen, case) for row in first.rows]
        return case(
            first, cell(first.over, chosen) if first.cells == "number" else word(first.over, chosen), each
        )
    x = cell(first.over, chosen)
    if not rest:
        return _pieces(first, x, np.tensordot(first.coefficients, weight, ((1,), (0,))), chosen)
    columns = [_pieces(first, x, first.coefficients[:, k], chosen) for k in range(len(weight))]
    summands = [
        f"{column} * {weighted(rest, own, chosen, case)}" for column, own in zip(columns, weight, strict=True)
    ]
    return f"({' + '.join(summands)})"


def _pieces(shape: Pieces, x: str, coefficients: np.ndarray, chosen: Dialect) -> str:
    """The polynomial (pieces, d + 1) of the piece that x lies in."""
    written = [
        _horner(x, centre, scale, own, chosen)
        for (centre, scale), own in zip(shape.frames.tolist(), coefficients, strict=True)
    ]
    if len(written) == 1:
        return written[0]
    whens = " ".join(
        f"WHEN {x} < {_signed(end, chosen)} THEN {piece}"
        for end, piece in zip(shape.breaks, written, strict=False)
    )
    return f"CASE {whens} ELSE {written[-1]} END"


def _horner(x: str, centre: float, scale: float, coefficients: np.ndarray, chosen: Dialect) -> str:
    """c₀ + t·(c₁ + t·(…)) with t = (x − centre)/scale."""
    t = (
        x
        if (centre, scale) == (0.0, 1.0)
        else f"(({x} - {_signed(centre, chosen)}) / {chosen.double(scale)})"
    )
    found = _signed(coefficients[-1], chosen)
    for coefficient in coefficients[-2::-1]:
        added = "" if coefficient == 0 else f"{_signed(coefficient, chosen)} + "
        found = f"({added}{t} * {found})"
    return found


def _signed(value: float, chosen: Dialect) -> str:
    return f"(-{chosen.double(-float(value))})" if value < 0 else chosen.double(float(value))


def word(node: Node, chosen: Dialect) -> str:
    """The column that a category is, as text."""
    assert isinstance(node, Name)
    return chosen.word.format(f"t.{chosen.name(node.name)}")


def cell(node: Node, chosen: Dialect) -> str:
    """An expression of numbers."""
    if isinstance(node, Name):
        return chosen.number.format(f"t.{chosen.name(node.name)}")
    if isinstance(node, Literal):
        return _signed(float(node.value), chosen)
    if isinstance(node, Call):
        (argument,) = node.arguments
        if node.function in DATE_PARTS:
            assert isinstance(argument, Name)
            return chosen.dates[node.function].format(f"t.{chosen.name(argument.name)}")
        inside = cell(argument, chosen)
        if node.function == "I":
            return inside
        function = FUNCTIONS[node.function]
        inside = f"{chosen.double(function.plus)} + {inside}" if function.plus else inside
        found = f"{function.sql}({inside})"
        return found if function.times == 1 else f"({found} * {chosen.double(function.times)})"
    assert isinstance(node, Operation)
    right = cell(node.right, chosen)
    if node.left is None:
        return f"(- {right})" if node.mark == "-" else right
    left = cell(node.left, chosen)
    return f"POWER({left}, {right})" if node.mark == "^" else f"({left} {node.mark} {right})"
