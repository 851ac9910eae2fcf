"""From named columns to X, Y and row weights: a recipe of terms, learned once, that travels in the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gradline.data import Batch, Column, Kind, Source
from gradline.errors import DataError, Notice, RequestError
from gradline.wording import listed, nearest

MOST_LEVELS = 50  # a text column with more levels is an identifier unless the user names it


@dataclass(frozen=True)
class Number:
    """One numeric column, taken as it is: one design column."""

    column: str
    kind = Kind.NUMBER

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the design columns."""
        return (self.column,)

    def encode(self, batch: Batch, out: np.ndarray, *, unseen: str = "error") -> None:  # noqa: ARG002
        """Fill `out` (n, 1) with the column of a batch without missing cells."""
        out[:, 0] = batch.frame[self.column].to_numpy()

    def card(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return {"term": "number", "column": self.column}


@dataclass(frozen=True)
class Category:
    """One text column in treatment coding: a 0/1 design column for every level but the first, the base."""

    column: str
    levels: tuple[str, ...]
    kind = Kind.TEXT

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the design columns, such as `carrier=AA`."""
        return tuple(f"{self.column}={level}" for level in self.levels[1:])

    def encode(self, batch: Batch, out: np.ndarray, *, unseen: str = "error") -> None:
        """Fill `out` (n, levels − 1) with the zeros and ones of a batch without missing cells.

        A level not seen in training raises `DataError`, or counts as the base with `unseen="base"`.
        """
        cells = batch.frame[self.column]
        codes = cells.cast(pl.Enum(self.levels), strict=False).to_physical().cast(pl.Int32)
        if unseen != "base" and codes.null_count():
            row = codes.is_null().arg_max() or 0
            raise DataError(
                f"column {self.column}, {batch.place(row)}: the level {cells[row]!r} was not seen in training",
                f"the levels are {listed(self.levels)}; to predict it as the base level {self.levels[0]!r}, add "
                "--unseen base (unseen='base' in Python)",
            )
        out[:] = codes.fill_null(0).to_numpy()[:, None] == np.arange(1, len(self.levels))

    def card(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return {"term": "category", "column": self.column, "levels": list(self.levels)}


Term = Number | Category


@dataclass(frozen=True)
class Recipe:
    """How a table becomes X, Y and w: the terms, the targets, and the column of row weights, if any."""

    terms: tuple[Term, ...]
    targets: tuple[str, ...]
    weights: str | None = None

    def __post_init__(self) -> None:
        names = [*self.features, *self.targets]
        twice = (
            next((name for name in names if names.count(name) > 1), None)
            if len(set(names)) < len(names)
            else None
        )
        if twice is not None:
            raise RequestError(f"two columns of the model are called {twice}", "rename one of them")

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of X."""
        return tuple(name for term in self.terms for name in term.names)

    @property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that X needs, with their kinds."""
        return {term.column: term.kind for term in self.terms}

    @property
    def columns(self) -> dict[str, Kind]:
        """All columns of the table that the fit needs."""
        others = [*self.targets, *([self.weights] if self.weights else [])]
        return {**self.inputs, **dict.fromkeys(others, Kind.NUMBER)}

    def encode(self, batch: Batch, *, unseen: str = "error") -> np.ndarray:
        """X (n, p), column-major, of a batch without missing cells."""
        X = np.empty((batch.frame.height, len(self.features)), order="F")
        start = 0
        for term in self.terms:
            stop = start + len(term.names)
            term.encode(batch, X[:, start:stop], unseen=unseen)
            start = stop
        return X

    def present(self, has_level: Callable[[Category, str], bool]) -> "Recipe":
        """The recipe without the levels that no complete row has.

        Where the base itself is absent the next level takes its place: the columns of the levels that
        are left would otherwise sum to one. The new columns of X are some of the old ones.
        """
        terms: list[Term] = []
        for term in self.terms:
            if isinstance(term, Category):
                term = Category(term.column, tuple(x for x in term.levels if has_level(term, x)))
            if term.names:
                terms.append(term)
        return Recipe(tuple(terms), self.targets, self.weights)

    def match(self, source: Source, *, targets: bool) -> list[str]:
        """Check that the table has the columns; return those that it has beside them.

        Raises `DataError` for one that is missing: columns are matched by name, never by position.
        """
        known = list(source.schema())
        needed = self.columns if targets else self.inputs
        for name in needed:
            if name not in known:
                raise DataError(
                    f"{source.name} lacks the column {name}, which the model needs", nearest(name, known)
                )
        return [name for name in known if name not in self.columns]

    def card(self) -> dict[str, Any]:
        """The recipe as plain JSON."""
        return {
            "terms": [term.card() for term in self.terms],
            "targets": list(self.targets),
            "weights": self.weights,
        }

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "Recipe":
        """The recipe that `card` described."""
        terms = tuple(
            Number(term["column"])
            if term["term"] == "number"
            else Category(term["column"], tuple(term["levels"]))
            for term in card["terms"]
        )
        return cls(terms, tuple(card["targets"]), card["weights"])


class Learned(NamedTuple):
    """A recipe and what the user should know about it."""

    recipe: Recipe
    notices: list[Notice]


def learn(
    source: Source,
    targets: Sequence[str],
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    weights: str | None = None,
) -> Learned:
    """Decide which columns take part and how.

    Parameters: `features` None means every usable column that is neither target nor weight nor excluded.
    A text column becomes a `Category` whose levels are those of the whole table, in byte order (of UTF-8);
    with one level or more than `MOST_LEVELS` it is left out with a notice, unless named in `features`.
    Raises `RequestError` for names that are unknown, used twice or of a kind that cannot be used.
    """
    schema = source.schema()
    _expect_known(schema, [*targets, *(features or ()), *exclude, *([weights] if weights else [])])
    _expect_roles(targets, features, exclude, weights)
    for name in [*targets, *([weights] if weights else [])]:
        _expect_number(name, schema[name])
    taken = {*targets, *exclude, weights}
    candidates = list(dict.fromkeys(features or [name for name in schema if name not in taken]))
    notices: list[Notice] = []
    if features is None:
        for name in candidates:
            if schema[name].kind == Kind.OTHER:
                notices.append(Notice(f"{name} is left out: it {schema[name].note}"))
    else:
        _expect_usable(candidates, schema)
    texts = [name for name in candidates if schema[name].kind == Kind.TEXT]
    levels = _levels(source, texts, limit=None if features else MOST_LEVELS)
    terms: list[Term] = []
    for name in candidates:
        if schema[name].kind == Kind.NUMBER:
            terms.append(Number(name))
        elif schema[name].kind == Kind.TEXT:
            found = levels[name]
            if len(found) > 1 and (features or len(found) <= MOST_LEVELS):
                terms.append(Category(name, tuple(found)))
                notices.append(Notice(f"{name} is categorical: {len(found)} levels, base {found[0]!r}"))
            else:
                notices.append(_left_out(name, found))
    if not terms:
        raise RequestError(
            f"no usable feature is left in {source.name} beside the targets {listed(targets)}",
            f"the columns are {listed(schema)}",
        )
    return Learned(Recipe(tuple(terms), tuple(targets), weights), notices)


def _left_out(name: str, levels: Sequence[str]) -> Notice:
    if len(levels) <= 1:
        return Notice(f"{name} is left out: every row has the same level {listed(levels)!r}")
    return Notice(
        f"{name} is left out: it is text with more than {MOST_LEVELS} levels (name it with --feature to use it)"
    )


def _levels(source: Source, names: Sequence[str], limit: int | None) -> dict[str, list[str]]:
    """The levels of each text column, in byte order; reading stops for a column once it has too many."""
    found: dict[str, set[str]] = {name: set() for name in names}
    if not names:
        return {}
    for batch in source.batches(dict.fromkeys(names, Kind.TEXT)):
        for name in names:
            if limit is None or len(found[name]) <= limit:
                found[name].update(batch.frame[name].drop_nulls().unique())
    return {name: sorted(levels, key=str.encode) for name, levels in found.items()}


def _expect_known(schema: Mapping[str, Column], names: Sequence[str]) -> None:
    for name in names:
        if name not in schema:
            raise RequestError(f"there is no column {name}", nearest(name, list(schema)))


def _expect_roles(
    targets: Sequence[str], features: Sequence[str] | None, exclude: Sequence[str], weights: str | None
) -> None:
    if not targets:
        raise RequestError("no target is named", "name one or more with -t COLUMN (targets= in Python)")
    for name in targets:
        if list(targets).count(name) > 1:
            raise RequestError(f"the target {name} is named twice", "name it once")
        if name in (features or ()):
            raise RequestError(f"{name} is both target and feature", "name it as one of the two")
        if name in exclude:
            raise RequestError(f"{name} is both target and excluded", "drop one of the two")
        if name == weights:
            raise RequestError(f"{name} is both target and weights", "name it as one of the two")
    for name in features or ():
        if name in exclude or name == weights:
            raise RequestError(
                f"{name} is a feature and also {'excluded' if name in exclude else 'weights'}",
                "drop one of the two",
            )


def _expect_number(name: str, column: Column) -> None:
    if column.kind != Kind.NUMBER:
        what = "is text" if column.kind == Kind.TEXT else column.note
        raise RequestError(f"{name} {what}: targets and weights must be numeric", "name a numeric column")


def _expect_usable(names: Sequence[str], schema: Mapping[str, Column]) -> None:
    for name in names:
        if schema[name].kind == Kind.OTHER:
            raise RequestError(
                f"the feature {name} {schema[name].note}", "leave it out, or turn it into numbers"
            )
