"""The families of factors: which function of a formula makes which, when it is learned and when it is read back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gradline.data.schema import Column, Kind
from gradline.data.terms.arithmetic import Arithmetic, arithmetic, checked
from gradline.data.terms.categories import Levels, LevelsSeen
from gradline.data.terms.grammar import Call, Name, Node, parse
from gradline.data.terms.learned import LearnedTerm
from gradline.data.terms.polynomials import Polynomial, PolynomialLearner
from gradline.data.terms.splines import Spline, SplineLearner
from gradline.data.terms.standardised import Standardised, StandardisedLearner

if TYPE_CHECKING:
    from gradline.data.source import Batch

Factor = Arithmetic | Levels | LearnedTerm


class Learns(Protocol):
    """What becomes a factor once it has seen the training rows."""

    inputs: dict[str, Kind]

    def see(self, batch: "Batch", w: np.ndarray | None) -> None:
        """Take in complete rows; `w` counts how often each stands there."""
        ...

    def learned(self) -> Factor:
        """The factor."""
        ...


# One row enrols a function that learns: its factor, and what learns it.
LEARNED: dict[str, tuple[type[LearnedTerm], type[Any]]] = {
    "poly": (Polynomial, PolynomialLearner),
    "bs": (Spline, SplineLearner),
    "scale": (Standardised, StandardisedLearner),
}


def begun(node: Node, known: Mapping[str, Column]) -> Learns | Arithmetic:
    """What will be the factor of a tree, over these columns: arithmetic is one already."""
    if isinstance(node, Call) and node.function in LEARNED:
        return LEARNED[node.function][1](node)
    is_words = isinstance(node, Name) and known[node.name].kind == Kind.TEXT
    if is_words or (isinstance(node, Call) and node.function == "C"):
        return LevelsSeen(node, known)
    return Arithmetic(checked(node))


def read_back(card: Mapping[str, Any]) -> Factor:
    """The factor that its `to_dict` described. Raises `ValueError` for one that cannot be."""
    if "levels" in card:
        return Levels.from_dict(card)
    node = parse(card["text"])
    if isinstance(node, Call) and node.function in LEARNED:
        found = LEARNED[node.function][0](node, tuple(map(float, card.get("learned", ()))))
        _ = found.over, found.names
        found.expect_learned()
        return found
    return arithmetic(card["text"])
