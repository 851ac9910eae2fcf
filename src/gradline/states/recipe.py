"""What a ledger makes of every file: which columns, how they are read, and which levels are yet to be met."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, NamedTuple

from gradline.core.errors import Notice, RequestError
from gradline.core.text import listed
from gradline.data.design import Category, DesignSpec, Number, Term
from gradline.data.infer_design import (
    MOST_LEVELS,
    Levels,
    by_its_kind,
    categorical,
    choose,
    expect_words,
    kinds_of,
)
from gradline.data.notation import FOUND, Text
from gradline.data.schema import Column, Kind
from gradline.data.selection import Selection
from gradline.data.source import Source
from gradline.data.tables import chosen_rows, writes_formula

Met = Mapping[str, tuple[str, ...] | None]  # levels by column, in byte order; None where there are too many
NOBODY = "\x00"  # the base of a category of which every level has a column of its own


@dataclass(frozen=True)
class Recipe:
    """What is asked for, and the design that the first files gave, with the levels of `open` columns as they had them.

    The levels of an open column are those that rows turn out to have: each part brings its own, and they are put side
    by side where parts are merged. Of columns that are not `named`, more than `MOST_LEVELS` leave it out.
    """

    asked: Mapping[str, Any]  # the request as plain JSON, by which a second one is known
    design: DesignSpec
    open: tuple[str, ...]
    named: frozenset[str]
    missing: str
    read: Text
    exact: bool

    @property
    def digest(self) -> str:
        """The sha256 of all of it."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """The recipe as the file of a ledger."""
        told = {
            "asked": self.asked,
            "design": self.design.to_dict(),
            "open": list(self.open),
            "named": sorted(self.named),
            "missing": self.missing,
            "read": self.read.to_dict(),
            "exact": self.exact,
        }
        return json.dumps(told, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Recipe":
        """The recipe that `to_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        told = json.loads(content)
        return cls(
            told["asked"],
            DesignSpec.from_dict(told["design"]),
            tuple(told["open"]),
            frozenset(told["named"]),
            told["missing"],
            Text.of(told["read"]),
            told["exact"],
        )

    def wide(self, met: Met) -> DesignSpec:
        """The design in which every level of an open column has a column, whichever will be the base."""
        return self._with({name: (NOBODY, *levels) for name, levels in met.items() if levels is not None})

    def narrow(self, met: Met) -> DesignSpec:
        """The design with the levels that were met, the base without a column."""
        return self._with({name: self._ordered(name, levels) for name, levels in met.items() if levels})

    def _with(self, levels: Mapping[str, tuple[str, ...]]) -> DesignSpec:
        terms: list[Term] = []
        for term in self.design.terms:
            if term.label not in self.open:
                terms.append(term)
            elif levels.get(term.label):
                terms.append(Category(term.label, levels[term.label]))
        own = self.design
        return DesignSpec(tuple(terms), own.targets, own.weights, own.weights_are, own.kinds, own.transforms)

    def _ordered(self, name: str, levels: tuple[str, ...]) -> tuple[str, ...]:
        """The levels with the base that is asked for first."""
        return Column(Kind.TEXT, base=self.bases.get(name)).ordered(name, levels)

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """The levels of open columns that the first files had."""
        categories = [term for term in self.design.terms if isinstance(term, Category)]
        levels = {term.column: tuple(one for one in term.levels if one != NOBODY) for term in categories}
        return {name: levels[name] for name in self.open}

    @property
    def bases(self) -> Mapping[str, str]:
        """The bases that are asked for, by column."""
        return self.asked.get("base", {})

    def settled(self, met: Met, rows: int) -> tuple[DesignSpec, list[Notice]]:
        """The design of all rows, now that their levels are known, and what the user should know of that."""
        fit: dict[str, tuple[str, ...] | None] = {}
        notices: list[Notice] = []
        for name, levels in met.items():
            found = ["", *map(str, range(MOST_LEVELS))] if levels is None else [*levels]
            unfit = Levels(found, rows, 0).unfit(name, name in self.named)
            if unfit is None and levels is not None:
                fit[name] = levels
                is_asked = name in self.asked.get("category", ())
                notices.append(categorical(name, self._ordered(name, levels), Column(Kind.TEXT), is_asked))
            elif unfit is not None:
                notices.append(unfit)
        design = self.narrow(fit)
        if not design.terms:
            raise RequestError(
                "no-feature-left",
                f"no usable feature is left beside the targets {listed(design.targets)}",
                "name one with -f that has more than one value",
            )
        return design, notices


class Begun(NamedTuple):
    """A recipe, and what the user should know of it."""

    recipe: Recipe
    notices: list[Notice]


def asked_of(selection: Selection, exact: bool) -> dict[str, Any]:
    """What is asked for beside the data, as far as it differs from the defaults. Raises `RequestError` for arrays."""
    if not (selection.weights is None or isinstance(selection.weights, str)):
        raise RequestError(
            "weights-beside-files",
            "weights are an array, and the rows of a ledger stand in files",
            "name a column of weights",
        )
    targets = selection.targets
    found: dict[str, Any] = {"targets": [targets] if isinstance(targets, str) else list(targets or [])}
    for one in fields(Selection):
        value = getattr(selection, one.name)
        if one.name in ("data", "targets", "read", "base") or value in (None, (), []):
            continue
        found[one.name] = list(value) if isinstance(value, (list, tuple)) else value
    if selection.base:
        found["base"] = dict(one.split("=", 1) for one in selection.bases)
    if selection.read is not None and selection.read != FOUND:
        found["read"] = selection.read.to_dict()
    return found | ({"exact": True} if exact else {})


def begin(source: Source, selection: Selection, exact: bool) -> Begun:
    """The recipe for files like those of `source`, whose names and first rows alone are looked at.

    A formula learns from all rows of `source`, and so do the levels in it. Raises what `gradline.fit` raises.
    """
    asked = asked_of(selection, exact)
    rest = (selection.missing, selection.read or FOUND, exact)
    if writes_formula(selection, source):
        rows, notices = chosen_rows(selection)
        return Begun(Recipe(asked, rows.design, (), frozenset(), *rest), notices)
    chosen = choose(source, selection)
    seen = _first_levels(source, chosen.texts)
    terms: list[Term] = []
    # Of files that are one, whoever has read them all can tell.
    notices = [notice for notice in source.notices if notice.code != "file-twice"]
    open_: list[str] = []
    for name in chosen.candidates:
        column = chosen.schema[name]
        if column.kind.is_numeric:
            terms.append(Number(name))
        elif (unfit := _unfit(source, name, column, seen, name in chosen.named, selection)) is not None:
            notices.append(unfit)
        elif column.levels is not None:
            terms.append(Category(name, column.ordered(name, column.levels)))
        else:
            terms.append(Category(name, tuple(seen[name]) or (NOBODY,)))
            open_.append(name)
    kinds = kinds_of(chosen.schema, [*chosen.others, *(term.label for term in terms)])
    targets = tuple(asked["targets"])
    design = DesignSpec(tuple(terms), targets, selection.weights, selection.meaning, kinds)
    return Begun(Recipe(asked, design, tuple(open_), frozenset(chosen.named), *rest), notices)


def _unfit(
    source: Source,
    name: str,
    column: Column,
    seen: Mapping[str, list[str]],
    named: bool,
    selection: Selection,
) -> Notice | None:
    """Why a column is no feature, as far as its kind and its first rows tell."""
    if column.kind == Kind.TEXT and name not in selection.category:
        expect_words(source, name, column, seen[name])
    if column.kind == Kind.TEXT and len(seen[name]) > MOST_LEVELS:
        return Levels(seen[name], 0, 0).unfit(name, named)
    return by_its_kind(name, column)


def _first_levels(source: Source, names: Sequence[str]) -> dict[str, list[str]]:
    """The levels of text columns in the first rows of each file, in byte order."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for file in source.files if names else ():
        for batch in islice(file.batches(dict.fromkeys(names, Kind.TEXT)), 1):
            for name in names:
                found[name].update(batch.levels(name))
    return {name: sorted(levels, key=str.encode) for name, levels in found.items()}
