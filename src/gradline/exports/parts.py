"""What a model adds up for a row: the bias, a weight times each number, one weight for each level."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from gradline.core.errors import RequestError, UsageError
from gradline.data.cells import TRUTH_WORDS
from gradline.data.design import Category, Number
from gradline.data.same_words import spelled
from gradline.data.schema import Kind
from gradline.model.model import LinearModel

if TYPE_CHECKING:
    from gradline.data.terms.families import Factor
    from gradline.data.terms.product import Product
    from gradline.data.terms.shapes import Lookup, Pieces

UNSEEN = ("null", "base")  # what a level that training did not see gives: no prediction, or the base level's


class Numeric(NamedTuple):
    """A numeric column, and the weight (m,) that multiplies it."""

    column: str
    weight: np.ndarray


class Categorical(NamedTuple):
    """A text column, its levels, the base first, and the weight (levels, m) that each adds: 0 for the base."""

    column: str
    levels: tuple[str, ...]
    weight: np.ndarray


class Computed(NamedTuple):
    """Any other term of a formula, the weight (k, m) of each of its columns, and what its factors are."""

    term: "Product"
    weight: np.ndarray
    shapes: "Sequence[Lookup | Pieces]"


Summand = Numeric | Categorical | Computed


def parts(model: LinearModel) -> list[Summand]:
    """The parts of every prediction, in the order of the design; the bias (m,) comes on top.

    Raises `RequestError` where a coefficient is not finite.
    """
    expect_finite(model)
    found: list[Summand] = []
    kinds, start = model.design.inputs, 0
    for term in model.design.terms:
        stop = start + len(term.names)
        weight = model.weight[:, start:stop].T
        if isinstance(term, Number) and kinds[term.column] == Kind.BOOLEAN:  # which few engines multiply
            found.append(Categorical(term.column, ("false", "true"), np.vstack([0 * weight, weight])))
        elif isinstance(term, Number):
            found.append(Numeric(term.column, weight[0]))
        elif isinstance(term, Category):
            base = np.zeros((1, len(model.targets)))
            found.append(Categorical(term.column, term.levels, np.concatenate([base, weight])))
        else:
            product = cast("Product", term)
            found.append(Computed(product, weight, [_shape(factor, kinds) for factor in product.factors]))
        start = stop
    return found


def _shape(factor: "Factor", kinds: Mapping[str, Kind]) -> "Lookup | Pieces":
    """What a factor is; truth values are levels, as few engines multiply them.

    Raises `RequestError` where it computes with some.
    """
    from gradline.data.terms.grammar import Name  # noqa: PLC0415 - most models have no formula
    from gradline.data.terms.shapes import Lookup  # noqa: PLC0415

    truths = [name for name in factor.inputs if kinds[name] == Kind.BOOLEAN]
    if not truths:
        return factor.shape
    if isinstance(factor.shape.over, Name) and factor.names == (truths[0],):
        return Lookup(factor.shape.over, "text", ("false", "true"), np.array([[0.0], [1.0]]))
    raise RequestError(
        "export-of-truth-values",
        f"{factor.text} computes with {truths[0]}, which holds true and false",
        "name the column on its own in the formula",
    )


def spellings(
    levels: Sequence[str], same: Mapping[str, Sequence[str]], booleans: bool = True
) -> list[tuple[str, ...]]:
    """For each level the words that a cell may hold for it: the level, what is read as it, true and false in any case.

    `same` has the words that are read as others, by these.

    Without `booleans`, an engine that keeps truth as 1 and 0 is served too, where the levels are nothing else.
    """
    digits = {} if booleans or not set(levels) <= set(TRUTH_WORDS) else {"true": ("1",), "false": ("0",)}
    return [
        (*(way for word in (level, *same.get(level, ())) for way in _cased(word)), *digits.get(level, ()))
        for level in levels
    ]


def same_words(model: LinearModel, column: str) -> Mapping[str, Sequence[str]]:
    """By a level of the column: the other words that the model reads as it."""
    return spelled(model.read.same or (), column)


def _cased(word: str) -> tuple[str, ...]:
    """Truth in each way that it is written, other words as they are."""
    return (word, word.title(), word.upper()) if word in TRUTH_WORDS else (word,)


def expect_unseen(unseen: str) -> None:
    """Raise `UsageError` for what `UNSEEN` does not name."""
    if unseen not in UNSEEN:
        raise UsageError("unseen-invalid", f"unseen is {unseen!r}", f"use {' or '.join(UNSEEN)}")


def expect_finite(model: LinearModel) -> None:
    """Raise `RequestError` where a coefficient is not finite: no engine could read it back."""
    names = ("bias", *model.features)
    theta = np.column_stack([model.bias, model.weight])
    wrong = np.argwhere(~np.isfinite(theta))
    if len(wrong):
        j, i = wrong[0]
        raise RequestError(
            "coefficient-not-finite",
            f"the coefficient of {names[i]} for {model.targets[j]} is {theta[j, i]}",
            "fit the model again with a rate below the largest stable one",
        )
