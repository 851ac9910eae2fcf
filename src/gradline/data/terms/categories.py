"""Categories in formulas: `town`, `C(code, base="A")`, `C(size, poly)`, in any contrast or with a column a level."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradline.core.derived import cached_property
from gradline.core.errors import RequestError, UnseenLevelError
from gradline.core.text import listed
from gradline.data.schema import Column, Kind
from gradline.data.terms.arithmetic import Arithmetic, checked
from gradline.data.terms.contrasts import CONTRASTS
from gradline.data.terms.grammar import Call, Literal, Name, Node, parse, plain, text
from gradline.data.terms.shapes import Lookup
from gradline.data.terms.written_names import quoted

if TYPE_CHECKING:
    from gradline.data.source import Batch


@dataclass(frozen=True)
class Levels:
    """A factor that is a category: its levels, those of training rows, and how they become columns.

    `cells` is "text" where it is a column of words, and "number" where the values of an expression are the levels.
    `full` gives every level a column of its own, as where no bias and no other term says what they all share.
    """

    node: Node
    cells: str
    levels: tuple[str, ...]
    full: bool = False

    @cached_property
    def text(self) -> str:
        """How a formula writes it."""
        return text(self.node)

    @cached_property
    def options(self) -> "Options":
        """What the formula says of it beside its cells."""
        return Options.of(self.node)

    @cached_property
    def inputs(self) -> dict[str, Kind]:
        """The columns of the table that it needs, with their kinds."""
        if self.cells == "text":
            assert isinstance(self.options.over, Name)
            return {self.options.over.name: Kind.TEXT}
        return self._over.inputs

    @property
    def _over(self) -> Arithmetic:
        return Arithmetic(self.options.over)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What its columns are called: `town=B`, or `C(town, poly).L` of contrasts that stand for no one level."""
        plainly = self.label
        if self.full:
            return tuple(f"{plainly}={level}" for level in self.levels)
        usual = self.options.contrast == "treatment"
        shown = plainly if usual else f"C({text(self.options.over)}, {self.options.contrast})"
        return tuple(shown + end for end in CONTRASTS[self.options.contrast].names(self.levels))

    @property
    def bases(self) -> Mapping[str, str]:
        """The base level of its column, where there is one."""
        has_base = self.options.contrast == "treatment" and not self.full
        return {self.label: self.levels[0]} if has_base else {}

    @cached_property
    def matrix(self) -> np.ndarray:
        """The row of columns (levels, k) that each level gives."""
        k = len(self.levels)
        return np.eye(k) if self.full else CONTRASTS[self.options.contrast].matrix(k)

    @property
    def shape(self) -> Lookup:
        """The factor to a program that knows no formulas."""
        return Lookup(self.options.over, self.cells, self.levels, self.matrix)

    @property
    def label(self) -> str:
        """What messages call its cells: the name of a column."""
        over = self.options.over
        return over.name if isinstance(over, Name) else text(over)

    def unseen(self, batch: "Batch") -> np.ndarray:
        """Which rows (n,) have a level that training did not see."""
        codes, lost = self._codes(batch)
        return (codes < 0) & ~lost

    def encode(self, batch: "Batch", unseen: str) -> np.ndarray:
        """The columns (n, k). Raises `UnseenLevelError` for a level that training did not see, unless it counts as
        the base, the first, or gives NaN."""
        codes, lost = self._codes(batch)
        odd = (codes < 0) & ~lost
        if unseen == "error" and odd.any():
            row = int(np.argmax(odd))
            raise UnseenLevelError(
                "level-unseen",
                f"{text(self.options.over)}, {batch.place(row)}: the level {self._cell(batch, row)!r} was not seen in "
                "training",
                f"the levels are {listed(self.levels)}",
            )
        found = self.matrix[np.maximum(codes, 0)]
        # Rows taken for finite that are not will be read again, with a look at each.
        found[lost | odd if unseen == "nan" else lost] = np.nan
        return found

    def _codes(self, batch: "Batch") -> tuple[np.ndarray, np.ndarray]:
        """The place of each row's level, −1 for none, and which rows hold no number."""
        if self.cells == "text":
            codes = batch.codes(next(iter(self.inputs)), self.levels)
            return codes, np.zeros(len(codes), bool)
        values, known = self._over.values(batch), np.array([*map(float, self.levels)])
        order = np.argsort(known)
        near = order[np.minimum(np.searchsorted(known[order], values), len(known) - 1)]
        return np.where(known[near] == values, near, -1), ~np.isfinite(values)

    def _cell(self, batch: "Batch", row: int) -> str:
        if self.cells == "text":
            return batch.frame[next(iter(self.inputs))][row]
        return plain(float(self._over.values(batch)[row]))

    def to_dict(self) -> dict[str, Any]:
        """The factor as plain JSON."""
        return {"text": self.text, "cells": self.cells, "levels": list(self.levels), "full": self.full}

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> "Levels":
        """The factor that `to_dict` described. Raises `ValueError` for levels that cannot be."""
        found = cls(
            parse(card["text"]), card.get("cells", "text"), tuple(card["levels"]), card.get("full", False)
        )
        if len(set(found.levels)) < len(found.levels) or len(found.levels) < 2:
            raise ValueError(f"the category {found.text!r:.40} has fewer than two levels, or one twice")
        if found.cells == "text" and not isinstance(found.options.over, Name):
            raise ValueError(f"the category {found.text!r:.40} is of no column")
        if found.cells != "text":
            checked(found.options.over)
            if not np.isfinite([*map(float, found.levels)]).all():
                raise ValueError(f"the category {found.text!r:.40} has a level that is no number")
        return found


@dataclass(frozen=True)
class Options:
    """What `C(…)` says: of what, in which contrast, with which base, and in which order its levels stand."""

    over: Node
    contrast: str = "treatment"
    base: str | None = None
    levels: tuple[str, ...] | None = None

    @classmethod
    def of(cls, node: Node) -> "Options":
        """Those of a factor. Raises `RequestError` for what `C` does not take."""
        if not isinstance(node, Call) or node.function != "C":
            return cls(node)
        if not node.arguments or len(node.arguments) > 2:
            raise _refused(node, "C takes a column and perhaps a contrast")
        over, *contrast = list(node.arguments)
        found = cls(over)
        for value in contrast:
            found = found._contrasted(node, value)
        for key, value in node.named:
            if key in ("base", "ref", "reference"):
                found = replace(found, base=_level(node, value))
            elif key in ("contr", "contrast", "contrasts"):
                found = found._contrasted(node, value)
            elif key == "levels" and isinstance(value, Call) and value.function == "c" and value.arguments:
                found = replace(found, levels=tuple(_level(node, part) for part in value.arguments))
            else:
                raise _refused(node, f"C does not take {key}={text(value)}")
        if found.base is not None and found.contrast != "treatment":
            raise _refused(node, f"{found.contrast} contrasts have no base level")
        if found.levels is not None and len(set(found.levels)) < len(found.levels):
            raise _refused(node, "a level stands twice in levels")
        return found

    def of_column(self, node: Node, column: Column) -> Column:
        """The column with the levels and the base that the formula gives it, beside those that it has.

        Raises `RequestError` for a base that is asked for beside another, or beside a contrast that has none.
        """
        if column.base is not None and (self.contrast != "treatment" or self.base not in (None, column.base)):
            raise RequestError(
                "base-said-twice",
                f"a base is chosen for {text(self.over)} beside {text(node)}, which says another",
                "say it in one of the two",
            )
        return replace(column, levels=self.levels or column.levels, base=self.base or column.base)

    def _contrasted(self, node: Call, value: Node) -> "Options":
        """With a contrast: `sum`, R's `contr.sum`, and `contr.treatment(base="A")`."""
        found = self
        if isinstance(value, Call):
            for part in (*value.arguments, *(given for _, given in value.named)):
                found = replace(found, base=_level(node, part))
            value = Name(value.function)
        if isinstance(value, Literal) and isinstance(value.value, str):
            value = Name(value.value)
        name = value.name.lower().removeprefix("contr.") if isinstance(value, Name) else ""
        if name not in CONTRASTS:
            raise _refused(node, f"{text(value)} is no contrast")
        return replace(found, contrast=name)


def _level(node: Call, value: Node) -> str:
    if isinstance(value, Literal) and not isinstance(value.value, bool):
        return value.value if isinstance(value.value, str) else plain(value.value)
    if isinstance(value, Literal):
        return str(value.value).lower()
    raise _refused(node, f"{text(value)} is no level")


def _refused(node: Call, why: str) -> RequestError:
    return RequestError(
        "formula-arguments",
        f"{text(node)}: {why}",
        f'write C(town), C(town, base="A"), C(size, levels=["low", "high"]) or C(town, {" | ".join(CONTRASTS)})',
    )


class LevelsSeen:
    """Learns the levels of a category from training rows, batch by batch."""

    def __init__(self, node: Node, known: Mapping[str, Column]) -> None:
        self._node, self._options = node, (options := Options.of(node))
        column = known[options.over.name] if isinstance(options.over, Name) else None
        is_text = column is not None and column.kind == Kind.TEXT
        self._column = options.of_column(node, column or Column(Kind.NUMBER))
        self._cells = "text" if is_text else "number"
        if not is_text:
            checked(options.over)
        self._seen: set[Any] = set()
        self.inputs = Levels(node, self._cells, ()).inputs

    def see(self, batch: "Batch", w: np.ndarray | None) -> None:  # noqa: ARG002
        """Note the levels of complete rows."""
        if self._cells == "text":
            self._seen.update(batch.frame[next(iter(self.inputs))].unique())
        else:
            self._seen.update(np.unique(Arithmetic(self._options.over).values(batch)).tolist())

    def learned(self) -> Levels:
        """The factor, its levels as they are declared, in byte order or by size, the base first."""
        options, what = self._options, quoted(text(self._options.over).strip("`"))
        if self._cells == "text":
            found = sorted(self._seen, key=str.encode)
        else:
            found = [plain(value) for value in sorted(self._seen)]
        if options.levels and (odd := [level for level in found if level not in options.levels]):
            raise RequestError(
                "formula-level-unknown", f"{text(self._node)} does not list {listed(odd)}, which rows have",
                "list every level, or leave out levels=",
            )  # fmt: skip
        levels = self._column.ordered(what, found)
        if len(levels) < 2:
            raise RequestError(
                "formula-single-level",
                f"{what} has the same value {listed(levels)!r} in every training row, so it is no feature",
                "leave it out of the formula",
            )
        return Levels(self._node, self._cells, levels)
