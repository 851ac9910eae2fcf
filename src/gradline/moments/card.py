"""The card of moments, as it stands in their file and in that of a model."""

from typing import Literal, NotRequired, TypedDict

from gradline.core.card import Count, Fingerprint, Size, Text


class Factor(TypedDict):
    """A factor of a product, as a formula writes it, and what it learned: levels, or means, norms and knots."""

    text: Text
    cells: NotRequired[Literal["text", "number"]]
    levels: NotRequired[list[Text]]
    full: NotRequired[bool]
    learned: NotRequired[list[float]]


class Term(TypedDict):
    """A column of the table: one number, or a category by its levels, the base first; or a product of factors."""

    term: Literal["number", "category", "product"]
    column: NotRequired[Text]
    levels: NotRequired[list[Text]]
    factors: NotRequired[list[Factor]]


class Recipe(TypedDict):
    """How a table becomes X, Y and w."""

    terms: list[Term]
    targets: list[Text]
    weights: Text | None
    transforms: NotRequired[list[Text | None]]
    weights_are: NotRequired[
        Literal["counts", "precision", "sampling", "unsaid"] | None
    ]  # older files have none
    kinds: NotRequired[dict[Text, Literal["boolean", "amount"]]]


class MomentsCard(TypedDict):
    """What the tensors of moments do not say: the columns, a bound of R's error, counts, the rows' fingerprint.

    `units` are the files of the rows by key, in the state of a ledger.
    """

    recipe: Recipe
    error: Size
    rows: Count
    weight_sum: Size
    fingerprint: Fingerprint | None
    dropped: Count
    missing: dict[Text, Count]
    units: NotRequired[dict[Text, Text]]
    engine: NotRequired[Text]  # the database that added up the rows
