"""Which columns of a table take part in a model, and how: a design learned from the table."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gradline.core.errors import Notice, RequestError
from gradline.core.text import listed, nearest
from gradline.data.cells import PLAIN
from gradline.data.design import Category, DesignSpec, Number, Term
from gradline.data.schema import Column, Kind
from gradline.data.selection import Selection
from gradline.data.source import Source

MOST_LEVELS = 50  # a text column with more levels is an identifier unless the user names it
_NUMBERLIKE = re.compile(r"[^\w\s]?\s*[+-]?\d[\d.,'\s]*[^\w\s]?")
_HINT = "write plain numbers: a point for decimals, no thousands separators, no percent or currency signs"


class InferredDesign(NamedTuple):
    """A design and what the user should know about it."""

    design: DesignSpec
    notices: list[Notice]


def infer_design(source: Source, selection: Selection) -> InferredDesign:
    """Decide which columns of a table take part and how; targets, features, weights are names of its columns.

    Without `features` every usable column takes part that is neither target nor weight nor excluded.
    A text column becomes a `Category` whose levels are those of the whole table, in byte order (of UTF-8).
    With one level, more than `MOST_LEVELS`, or another one in every row it is left out with a notice, unless
    named in `features`. Raises `RequestError` for names that are unknown, used twice or of a kind that cannot
    be used.
    """
    targets, features = selection.targets, selection.features
    exclude, weights = selection.exclude, selection.weights
    schema = source.schema()
    expect_known(schema, [*targets, *(features or ()), *exclude, *([] if weights is None else [weights])])
    _expect_roles(selection)
    for name in [*targets, *([weights] if weights else [])]:
        expect_number(source, name, schema[name])
    if features is not None:
        _expect_usable(features, schema)
    taken = {*targets, *exclude, weights}
    candidates = list(dict.fromkeys(features or [name for name in schema if name not in taken]))
    texts = [name for name in candidates if schema[name].kind == Kind.TEXT]
    found = _levels(source, texts, limit=None if features else MOST_LEVELS)
    terms: list[Term] = []
    notices: list[Notice] = []
    for name in candidates:
        if schema[name].kind == Kind.NUMBER:
            terms.append(Number(name))
            continue
        reason = schema[name].note if schema[name].kind == Kind.OTHER else found[name].reason(bool(features))
        if reason:
            notices.append(Notice("column-left-out", f"{name} is left out: it {reason}", is_warning=True))
        else:
            terms.append(Category(name, tuple(found[name].levels)))
            notices.append(_categorical(name, found[name].levels))
    if not terms:
        raise RequestError(
            "no-feature-left",
            f"no usable feature is left in {source.name} beside the targets {listed(targets)}",
            f"the columns are {listed(schema)}",
        )
    return InferredDesign(DesignSpec(tuple(terms), tuple(targets), weights, selection.meaning), notices)


class _Levels(NamedTuple):
    """The levels of a text column in byte order, as far as they were read, and its rows that are not missing."""

    levels: list[str]
    rows: int

    def reason(self, named: bool) -> str:
        """Why the column is no feature; empty when it is one."""
        if len(self.levels) <= 1:
            return f"has the same value {listed(self.levels)!r} in every row"
        if named:
            return ""
        if len(self.levels) > MOST_LEVELS:
            return f"is text with more than {MOST_LEVELS} levels (name it with --feature to use it)"
        if len(self.levels) == self.rows and self.rows > 2:
            return "is text with another value in every row, an identifier or a date"
        return ""


def _levels(source: Source, names: Sequence[str], limit: int | None) -> dict[str, _Levels]:
    """The levels of each text column; reading stops for a column once it has too many."""
    found: dict[str, set[str]] = {name: set() for name in names}
    rows = dict.fromkeys(names, 0)
    for batch in source.batches(dict.fromkeys(names, Kind.TEXT)) if names else ():
        for name in names:
            if limit is None or len(found[name]) <= limit:
                cells = batch.frame[name].alias(PLAIN).drop_nulls()
                found[name].update(cells.unique())
                rows[name] += len(cells)
    return {name: _Levels(sorted(found[name], key=str.encode), rows[name]) for name in names}


def _categorical(name: str, levels: Sequence[str]) -> Notice:
    said = f"{name} is categorical: {len(levels)} levels, base {levels[0]!r}"
    if not _look_like_numbers(levels):
        return Notice("column-categorical", said)
    return Notice(
        "numbers-as-text", f"{said}. Its cells look like numbers; to use them so, {_HINT}", is_warning=True
    )


def _look_like_numbers(cells: Sequence[str]) -> bool:
    alike = sum(bool(_NUMBERLIKE.fullmatch(cell)) for cell in cells)
    return 2 * alike > len(cells)


def expect_known(schema: Mapping[str, Column], names: Sequence[str]) -> None:
    """Raise `RequestError` for the first name that is no column."""
    for name in names:
        if name not in schema:
            raise RequestError("column-unknown", f"there is no column {name}", nearest(name, list(schema)))


def _expect_roles(selection: Selection) -> None:
    targets, features = selection.targets, selection.features
    exclude, weights = selection.exclude, selection.weights
    if not targets:
        raise RequestError(
            "no-target", "no target is named", "name one or more with -t COLUMN (targets= in Python)"
        )
    for name in targets:
        if list(targets).count(name) > 1:
            raise RequestError("target-named-twice", f"the target {name} is named twice", "name it once")
        if name in (features or ()):
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and feature", "name it as one of the two"
            )
        if name in exclude:
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and excluded", "drop one of the two"
            )
        if name == weights:
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and weights", "name it as one of the two"
            )
    for name in features or ():
        if name in exclude or name == weights:
            raise RequestError(
                "column-in-two-roles",
                f"{name} is a feature and also {'excluded' if name in exclude else 'weights'}",
                "drop one of the two",
            )


def expect_number(source: Source, name: str, column: Column) -> None:
    """Raise `RequestError` where the column of a target or of weights holds no numbers."""
    if column.kind == Kind.OTHER:
        raise RequestError(
            "target-not-numeric",
            f"{name} {column.note}: targets and weights must be numeric",
            "name a numeric column",
        )
    if column.kind == Kind.TEXT:
        cells = _first_cells(source, name)
        shown = f"such as {cells[0]!r}" if cells else "every cell is missing"
        raise RequestError(
            "target-not-numeric",
            f"{name} is text ({shown}): targets and weights must be numeric",
            _HINT if _look_like_numbers(cells) else "name a numeric column",
        )


def _first_cells(source: Source, name: str) -> list[str]:
    """The different cells of the first batch that has any, in their order."""
    for batch in source.batches({name: Kind.TEXT}):
        if cells := batch.frame[name].alias(PLAIN).drop_nulls().unique(maintain_order=True).to_list():
            return cells
    return []


def _expect_usable(names: Sequence[str], schema: Mapping[str, Column]) -> None:
    for name in names:
        if schema[name].kind == Kind.OTHER:
            raise RequestError(
                "feature-unusable",
                f"the feature {name} {schema[name].note}",
                "leave it out, or turn it into numbers",
            )
