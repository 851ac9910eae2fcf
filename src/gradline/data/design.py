"""From named columns to X, Y and row weights: a design of terms, learned once, that travels in the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gradline.core.derived import Derived, cached_property
from gradline.core.errors import DataError, RequestError, UnseenLevelError
from gradline.core.text import listed, nearest
from gradline.data.schema import Kind, joint_kinds
from gradline.data.selection import UNSAID, WEIGHTS_ARE

if TYPE_CHECKING:  # what reads tables loads polars, and arrays need none
    from gradline.data.source import Batch, Source
    from gradline.data.terms.transforms import TargetTransform


@dataclass(frozen=True)
class _OneColumn:
    """A term of one column of the table, by whose name it is called."""

    column: str

    @property
    def label(self) -> str:
        """What the term is called."""
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it needs."""
        return (self.column,)


@dataclass(frozen=True)
class Number(_OneColumn):
    """One numeric column, taken as it is: one design column."""

    @property
    def inputs(self) -> dict[str, Kind]:
        """The same, with their kinds."""
        return {self.column: Kind.NUMBER}

    @property
    def bases(self) -> Mapping[str, str]:
        """It has no levels."""
        return {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the design columns."""
        return (self.column,)

    def unseen(self, batch: "Batch") -> dict[str, np.ndarray]:  # noqa: ARG002
        """It has no levels."""
        return {}

    def encode(self, batch: "Batch", out: np.ndarray, *, unseen: str = "error") -> None:  # noqa: ARG002
        """Fill `out` (n, 1) with the column of a batch without missing cells."""
        out[:, 0] = batch.frame[self.column].to_numpy()

    def to_dict(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return {"term": "number", "column": self.column}


@dataclass(frozen=True)
class Category(_OneColumn):
    """One text column in treatment coding: a 0/1 design column for every level but the first, the base."""

    levels: tuple[str, ...]

    @property
    def inputs(self) -> dict[str, Kind]:
        """The same, with their kinds."""
        return {self.column: Kind.TEXT}

    @property
    def bases(self) -> dict[str, str]:
        """The level that has no column, by the column's name."""
        return {self.column: self.levels[0]}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the design columns, such as `carrier=AA`."""
        return tuple(f"{self.column}={level}" for level in self.levels[1:])

    def unseen(self, batch: "Batch") -> dict[str, np.ndarray]:
        """Which rows (n,) have a level that training did not see, by the column."""
        return {self.column: batch.codes(self.column, self.levels) < 0}

    def encode(self, batch: "Batch", out: np.ndarray, *, unseen: str = "error") -> None:
        """Fill `out` (n, levels − 1) with the zeros and ones of a batch without missing cells.

        A level not seen in training raises `UnseenLevelError`, counts as the base with `unseen="base"`, or
        gives NaN with `unseen="nan"`.
        """
        codes = batch.codes(self.column, self.levels)
        odd = codes < 0
        if unseen == "error" and odd.any():
            row = int(np.argmax(odd))
            cell = batch.frame[self.column][row]
            raise UnseenLevelError(
                "level-unseen",
                f"column {self.column}, {batch.place(row)}: the level {cell!r} was not seen in training",
                f"the levels are {listed(self.levels)}, the first of them the base",
            )
        out[:] = codes[:, None] == np.arange(1, len(self.levels))
        if unseen == "nan":
            out[odd] = np.nan

    def to_dict(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return {"term": "category", "column": self.column, "levels": list(self.levels)}


class Term(Protocol):
    """Some columns of X, made of some columns of the table. `Number` and `Category` are one column of the table each;
    `terms.product.Product` is any other term of a formula."""

    @property
    def label(self) -> str:
        """What the term is called, as a formula writes it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it needs."""
        ...

    @property
    def inputs(self) -> Mapping[str, Kind]:
        """The same, with their kinds."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns of X that it makes."""
        ...

    @property
    def bases(self) -> Mapping[str, str]:
        """The base level of each of its categories that has one."""
        ...

    def unseen(self, batch: "Batch") -> Mapping[str, np.ndarray]:
        """Which rows (n,) have a level that training did not see, by what is a category in it."""
        ...

    def encode(self, batch: "Batch", out: np.ndarray, *, unseen: str = "error") -> None:
        """Fill `out` (n, k) with the columns of a batch without missing cells."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The term as plain JSON."""
        ...


@dataclass(frozen=True)
class DesignSpec(Derived):
    """How a table becomes X, Y and w: the terms, the targets, and the column of row weights, if any.

    `weights_are` is what row weights mean, one of `WEIGHTS_ARE`, or UNSAID; None where rows have none. `kinds` are
    those of numeric columns that are no plain numbers, which decide how their cells are read. `transforms` are those of
    the targets, None for a plain column; empty where every target is one.
    """

    terms: tuple[Term, ...]
    targets: tuple[str, ...]
    weights: str | None = None
    weights_are: str | None = None
    kinds: tuple[tuple[str, Kind], ...] = ()
    transforms: "tuple[TargetTransform | None, ...]" = ()

    def __post_init__(self) -> None:
        names = [*self.features, *self.targets]
        twice = (
            next((name for name in names if names.count(name) > 1), None)
            if len(set(names)) < len(names)
            else None
        )
        if twice is not None:
            raise RequestError(
                "feature-name-twice", f"two columns of the model are called {twice}", "rename one of them"
            )

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of X."""
        return tuple(name for term in self.terms for name in term.names)

    @property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that X needs, with their kinds."""
        return self._known(joint_kinds(pair for term in self.terms for pair in term.inputs.items()))

    @property
    def columns(self) -> dict[str, Kind]:
        """All columns of the table that the fit needs."""
        others = [*self.target_columns, *([self.weights] if self.weights else [])]
        return {**self.inputs, **self._known(dict.fromkeys(others, Kind.NUMBER))}

    def _known(self, columns: dict[str, Kind]) -> dict[str, Kind]:
        """The columns, numbers as what is known of them."""
        kinds = dict(self.kinds)
        return {
            name: kinds.get(name, kind) if kind == Kind.NUMBER else kind for name, kind in columns.items()
        }

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns of the table that Y needs."""
        if not self.transforms:
            return self.targets
        pairs = zip(self.targets, self.transforms, strict=True)
        return tuple(name if transform is None else transform.column for name, transform in pairs)

    @cached_property
    def computed(self) -> dict[str, Kind]:
        """The columns of numbers and dates that terms and transformed targets compute with: X and Y lack them."""
        shown = {self.weights, *(term.column for term in self.terms if isinstance(term, Number))}
        shown |= set() if self.transforms else {*self.targets}
        return {name: kind for name, kind in self.columns.items() if name not in shown and kind != Kind.TEXT}

    def responses(self, batch: "Batch") -> list[np.ndarray]:
        """The columns of Y of a batch without missing cells."""
        if not self.transforms:
            return [batch.frame[target].to_numpy() for target in self.targets]
        pairs = zip(self.targets, self.transforms, strict=True)
        return [
            batch.frame[name].to_numpy() if transform is None else transform.values(batch)
            for name, transform in pairs
        ]

    def encode(self, batch: "Batch", X: np.ndarray, *, unseen: str = "error") -> None:
        """Fill X (n, p) with the columns of a batch without missing cells."""
        start = 0
        for term in self.terms:
            stop = start + len(term.names)
            term.encode(batch, X[:, start:stop], unseen=unseen)
            start = stop

    def unseen(self, batch: "Batch") -> dict[str, np.ndarray]:
        """Which rows (n,) have a level that training did not see, by the columns where some have."""
        masks = {name: mask for term in self.terms for name, mask in term.unseen(batch).items()}
        return {name: mask for name, mask in masks.items() if mask.any()}

    def arrays(self, batch: "Batch", *, unseen: str = "error") -> list[np.ndarray]:
        """The columns of X and Y, numbers as they lie."""
        found = []
        for term in self.terms:
            if isinstance(term, Number):
                found.append(batch.frame[term.column].to_numpy())
            else:
                encoded = np.empty((batch.frame.height, len(term.names)), order="F")
                term.encode(batch, encoded, unseen=unseen)
                found.extend(encoded.T)
        return [*found, *self.responses(batch)]

    def drop_unused_levels(self, has_level: Callable[[Category, str], bool]) -> "DesignSpec":
        """The design without the levels that no complete row has.

        Where the base itself is absent the next level takes its place: the columns of the levels that
        are left would otherwise sum to one. The new columns of X are some of the old ones.
        """
        terms: list[Term] = []
        for term in self.terms:
            if isinstance(term, Category):
                term = Category(term.column, tuple(x for x in term.levels if has_level(term, x)))
            if term.names:
                terms.append(term)
        return replace(self, terms=tuple(terms))

    def without_weights_beyond(self, source: "Source") -> "DesignSpec":
        """The design for a table that may lack the column of weights: then every row counts once."""
        if self.weights in source.schema():
            return self
        kinds = tuple(pair for pair in self.kinds if pair[0] != self.weights)
        return replace(self, weights=None, weights_are=None, kinds=kinds)

    def match(self, source: "Source", *, targets: bool) -> list[str]:
        """Check that the table has the columns; return those that it has beside them.

        Raises `DataError` for one that is missing: columns are matched by name, never by position.
        """
        known, own = list(source.schema()), self.columns
        needed = own if targets else self.inputs
        for name in needed:
            if name not in known:
                raise DataError(
                    "column-lacking",
                    f"{source.name} lacks the column {name}, which the model needs",
                    nearest(name, known),
                )
        return [name for name in known if name not in own]

    def to_dict(self) -> dict[str, Any]:
        """The design as plain JSON."""
        return {
            "terms": [term.to_dict() for term in self.terms],
            "targets": list(self.targets),
            "weights": self.weights,
            "weights_are": self.weights_are,
            **({"transforms": [one and one.text for one in self.transforms]} if self.transforms else {}),
            **({"kinds": {name: str(kind) for name, kind in self.kinds}} if self.kinds else {}),
        }

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> "DesignSpec":
        """The design that `to_dict` described."""
        weights = card["weights"]
        meaning = card.get("weights_are", None if weights is None else UNSAID)  # files had none before
        if weights == "":
            raise ValueError("the column of weights has no name")
        if meaning not in (None, UNSAID, *WEIGHTS_ARE):
            raise ValueError(f"{meaning!r:.40} is nothing that weights mean")
        targets = tuple(card["targets"])
        kinds = tuple((name, Kind(kind)) for name, kind in card.get("kinds", {}).items())
        terms, transforms = tuple(map(_term, card["terms"])), _transforms(card, targets)
        found = cls(terms, targets, weights, meaning, kinds, transforms)
        if not all(kind.is_numeric and found.columns.get(name) == kind for name, kind in kinds):
            raise ValueError("kinds are told of columns that are no numbers of the model")
        return found


def _transforms(card: Mapping[str, Any], targets: tuple[str, ...]) -> "tuple[TargetTransform | None, ...]":
    """Those of the targets. Raises `ValueError` where they are not named after them."""
    written = card.get("transforms")
    if not written:
        return ()
    from gradline.data.terms.transforms import read_transform  # noqa: PLC0415 - most models have none

    found = tuple(None if one is None else read_transform(one) for one in written)
    if len(found) != len(targets) or any(
        one is not None and one.text != name for one, name in zip(found, targets, strict=False)
    ):
        raise ValueError("its transforms are not those of its targets")
    return found


def _term(card: Mapping[str, Any]) -> Term:
    """The term that `to_dict` described. Raises `ValueError` for one that cannot be."""
    if card["term"] == "product":
        from gradline.data.terms.product import Product  # noqa: PLC0415 - most models have no formula

        if "factors" not in card:
            raise ValueError("a product has no factors")
        return Product.from_dict(card)
    if "column" not in card:
        raise ValueError("a term names no column")
    if card["term"] == "number":
        return Number(card["column"])
    if not card.get("levels"):
        raise ValueError(f"the category {card['column']!r:.40} has no level")
    if len(set(card["levels"])) < len(card["levels"]):
        raise ValueError(f"the category {card['column']!r:.40} has a level twice")
    return Category(card["column"], tuple(card["levels"]))
