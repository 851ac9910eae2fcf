"""What a page needs to predict a new row: a field for each column, and the interval around the best prediction."""

from typing import Any

import numpy as np

from gradline.data.row_stream import RowStream
from gradline.data.schema import Kind
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.moments.basis import Basis
from gradline.pages.variables import Variable, variables

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)  # of the intervals that a page can show


def fields(model: LinearModel, rows: RowStream | None) -> list[dict[str, Any]]:
    """One for each column of the table: its levels, or the range of its numbers, or of days since 1970-01-01."""
    return [field(model, one) for one in variables(model, rows).values()]


def field(model: LinearModel, one: Variable) -> dict[str, Any]:
    """That of one column."""
    bases = [term.bases[one.name] for term in model.design.terms if one.name in term.bases]
    levels = None if one.levels is None else list(one.levels)
    told = {"column": one.name, "levels": levels, "base": bases[0] if bases else None}
    if levels is not None:
        return {**told, "is_number": one.kind != Kind.TEXT}
    ends = {"minimum": one.low, "maximum": one.high, "start": one.middle}
    return {**told, "is_date": one.kind == Kind.TIME, **ends}


def interval(model: LinearModel) -> dict[str, Any]:
    """What the interval of a prediction needs: t·σ·√(1 + g·g), g the coordinates of `Basis`."""
    inference = model.inference
    basis = Basis.of(model.moments, model.has_bias)
    sigma = inference.residual_stderr
    known = inference.estimates is not None and sigma is not None
    whole = sigma is not None and known and bool(np.isfinite(sigma).all())
    quantiles = (
        [{"level": level, "t": quantile(level, inference.freedom)} for level in LEVELS] if known else []
    )
    return {
        "reason": None if whole else inference.reason,
        "freedom": inference.freedom,
        "sigma": [None] * model.moments.m if sigma is None else sigma.tolist(),
        "quantiles": quantiles,
        "level": basis.level,
        "center": basis.center[0].tolist(),
        "norms": basis.norms.tolist(),
        "root": basis.root.tolist(),
        "kept": basis.rank.kept.tolist() if basis.rank.deficiency else None,
    }
