"""What a page needs to encode a new row: a field for each column of the table, and terms made of their values."""

from typing import Any

from gradline.data.design import Category, Number, Term
from gradline.data.row_stream import RowStream
from gradline.data.schema import Kind
from gradline.data.terms.arithmetic import Arithmetic
from gradline.data.terms.categories import Levels
from gradline.data.terms.families import Factor
from gradline.data.terms.grammar import Call, Literal, Name, Node, Operation
from gradline.data.terms.product import Product
from gradline.data.terms.shapes import Lookup, Pieces
from gradline.model.model import LinearModel
from gradline.model.suspects import sources


def fields(model: LinearModel, rows: RowStream) -> list[dict[str, Any]]:
    """One for each column of the table: its levels, or the range of its numbers, or of days since 1970-01-01."""
    own, found = {term.column for term in model.design.terms if isinstance(term, Number)}, sources(rows)
    statistics, ends = model.moments.statistics, {}
    for j, name in enumerate(model.features):
        if name in own:
            ends[name] = (statistics.minimum[j], statistics.maximum[j], model.moments.mean[j])
    for end in found[1] if found else ():
        low, high = end.values
        ends[end.name] = (low, high, low + (high - low) / 2)
    return [_field(model, name, kind, ends) for name, kind in model.design.inputs.items()]


def _field(model: LinearModel, name: str, kind: Kind, ends: dict[str, Any]) -> dict[str, Any]:
    levels = _levels(model, name)
    bases = [term.bases[name] for term in model.design.terms if name in term.bases]
    told = {"column": name, "levels": levels, "base": bases[0] if bases else None}
    if levels is not None:
        return {**told, "is_number": kind != Kind.TEXT}
    low, high, mean = map(float, ends[name])
    start = min(high, max(low, float(f"{mean:.4g}")))
    return {**told, "is_date": kind == Kind.TIME, "minimum": low, "maximum": high, "start": start}


def _levels(model: LinearModel, name: str) -> list[str] | None:
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
