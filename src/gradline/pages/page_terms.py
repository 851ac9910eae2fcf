"""Terms as a page computes them from the cells of a row, and the levels of columns that are categories."""

from typing import Any

from gradline.data.design import Category, Term
from gradline.data.terms.arithmetic import Arithmetic
from gradline.data.terms.categories import Levels
from gradline.data.terms.families import Factor
from gradline.data.terms.grammar import Call, Literal, Name, Node, Operation
from gradline.data.terms.product import Product
from gradline.data.terms.shapes import Lookup, Pieces
from gradline.model.model import LinearModel


def levels_of(model: LinearModel, name: str) -> list[str] | None:
    """The levels of a column that is nothing but a category; None of any other."""
    found: list[tuple[str, ...]] = []
    for factor in (
        factor for term in model.design.terms if name in term.columns for factor in _factors(term)
    ):
        if name not in factor.inputs:
            continue
        if not isinstance(factor, Levels) or factor.label != name:
            return None
        found.append(factor.levels)
    return list(found[0])


def _factors(term: Term) -> tuple[Factor, ...]:
    """Those of any term: a plain column is a product of one."""
    if isinstance(term, Product):
        return term.factors
    name = Name(term.label)
    return (Levels(name, "text", term.levels) if isinstance(term, Category) else Arithmetic(name),)


def terms(model: LinearModel) -> list[list[dict[str, Any]]]:
    """Each term as its factors, which terms.js multiplies."""
    return [[_factor(factor.shape) for factor in _factors(term)] for term in model.design.terms]


def _factor(shape: Lookup | Pieces) -> dict[str, Any]:
    over = _expression(shape.over)
    if isinstance(shape, Lookup):
        levels = shape.levels if shape.cells == "text" else tuple(map(float, shape.levels))
        return {"over": over, "levels": list(levels), "rows": shape.rows.tolist()}
    if (
        not shape.breaks
        and shape.coefficients.tolist() == [[[0.0, 1.0]]]
        and shape.frames.tolist() == [[0.0, 1.0]]
    ):
        return {"over": over}
    numbers = {"frames": shape.frames.tolist(), "coefficients": shape.coefficients.tolist()}
    return {"over": over, "breaks": list(shape.breaks), **numbers}


def _expression(node: Node) -> Any:
    if isinstance(node, Name):
        return {"column": node.name}
    if isinstance(node, Literal):
        return float(node.value)
    if isinstance(node, Call):
        return {"call": node.function, "of": _expression(node.arguments[0])}
    assert isinstance(node, Operation)
    left = None if node.left is None else _expression(node.left)
    return {"mark": node.mark, "left": left, "right": _expression(node.right)}
