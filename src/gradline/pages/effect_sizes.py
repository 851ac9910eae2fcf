"""How far each column moves predictions over the training rows, from the moments alone: what effects are ordered by."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradline.core.errors import GradlineError
from gradline.model.model import LinearModel
from gradline.pages.variables import Variable, encoded


def sizes(model: LinearModel, known: Mapping[str, Variable], j: int) -> dict[str, float]:
    """For each column the size of its part of the prediction of target j, in standard deviations of the target.

    The part is f(x) − f(x with the column at its mean or base): the sum of its terms, of an interaction less what the
    other columns do alone there. Its standard deviation over the rows follows from R, as it is linear in the columns of
    X wherever an interaction stands beside its parts. Of one plain column it is |b|·s(x)/s(y), the standardised
    coefficient. NaN where the target does not vary.
    """
    moments = model.moments
    whole = float(np.linalg.norm(moments.factor[:, moments.p + j]))
    usual = _usual(model, known)
    found = {}
    for name in known:
        part = _part(model, name, model.weight[j], usual)
        found[name] = (
            float(np.linalg.norm(moments.factor[:, : moments.p] @ part)) / whole if whole else math.nan
        )
    return found


def places(model: LinearModel) -> list[slice]:
    """Where the columns of X of each term stand."""
    found, start = [], 0
    for term in model.design.terms:
        found.append(slice(start, start + len(term.names)))
        start = found[-1].stop
    return found


def _usual(model: LinearModel, known: Mapping[str, Variable]) -> np.ndarray | None:
    """X (p,) of a usual row; None where some column lies nobody knows where."""
    if not all(one.is_known for one in known.values()):
        return None
    try:
        return encoded(model, known, [{}])[0]
    except GradlineError:  # a term has no value there
        return None


def _part(model: LinearModel, column: str, weight: np.ndarray, usual: np.ndarray | None) -> np.ndarray:
    """The coefficients (p,) of a column's part as a sum over the columns of X."""
    part, where, terms = np.zeros(len(weight)), places(model), model.design.terms
    by_factors = {_texts(term): place for term, place in zip(terms, where, strict=True)}
    for term, place in zip(terms, where, strict=True):
        if column not in term.columns:
            continue
        part[place] += weight[place]
        factors: Sequence[Any] = getattr(term, "factors", ())
        own = [column in factor.inputs for factor in factors]
        alone = by_factors.get(tuple(f.text for f, is_own in zip(factors, own, strict=True) if is_own))
        others = by_factors.get(tuple(f.text for f, is_own in zip(factors, own, strict=True) if not is_own))
        if usual is not None and alone is not None and others is not None and not all(own):
            part[others] -= _contracted(weight[place], factors, own, usual[alone])
    return part


def _texts(term: Any) -> tuple[str, ...]:
    factors: Sequence[Any] = getattr(term, "factors", ())
    return tuple(factor.text for factor in factors) or (term.label,)


def _contracted(
    weight: np.ndarray, factors: Sequence[Any], own: Sequence[bool], value: np.ndarray
) -> np.ndarray:
    """The coefficients of the other factors' products, the column's own factors at `value`: in a product's columns
    those of the first factor vary fastest."""
    counts = [len(factor.names) for factor in factors][::-1]
    axes = [i for i, is_own in enumerate(own[::-1]) if is_own]
    at = value.reshape([counts[i] for i in axes])
    return np.tensordot(weight.reshape(counts), at, axes=(axes, range(len(axes)))).ravel()
