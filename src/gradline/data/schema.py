"""The kinds of columns: numbers, truth values, text, and what a linear model cannot use."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gradline.core.errors import DataError, RequestError
from gradline.core.text import nearest
from gradline.data.doubts import HOLDS_DATES, Clash, Disagreement, Doubt, Respelled

LARGEST_INTEGER = 2**53  # above it float64 no longer holds every integer


class Kind(StrEnum):
    """What a column holds, as far as a linear model is concerned."""

    NUMBER = "number"
    BOOLEAN = "boolean"  # true and false, which are 1 and 0
    AMOUNT = "amount"  # numbers that may bear a currency, a percent sign or a unit, which are left away
    TEXT = "text"
    TIME = "time"  # dates, and moments of a day; may be asked for of text too
    CLOCK = "clock"  # times of the day
    OTHER = "other"  # lists, columns without a name or without a value
    RAW = "raw"  # cells as their reader has them, for who converts them later

    @property
    def is_numeric(self) -> bool:
        """Whether its cells become numbers."""
        return self in (Kind.NUMBER, Kind.BOOLEAN, Kind.AMOUNT)

    @property
    def is_feature(self) -> bool:
        """Whether a linear model can use its cells as they are."""
        return self.is_numeric or self == Kind.TEXT


@dataclass(frozen=True)
class Column:
    """A column's kind and, where it cannot be used, the reason.

    `levels` are those of a category that its source declares, in the declared order, and `base` is the level that is
    asked for as the first; `is_code` says that its numbers have leading zeros; `doubt` is there where most of its cells
    are numbers in another notation than the file's.
    """

    kind: Kind
    note: str = ""
    levels: tuple[str, ...] | None = None
    is_code: bool = False
    doubt: Doubt | Clash | Disagreement | Respelled | None = None
    base: str | None = None

    @property
    def what(self) -> str:
        """Its kind in words."""
        return self.note.removeprefix("holds ") if self.note.startswith("holds ") else str(self.kind)

    @property
    def may_be_words(self) -> bool:
        """Whether its cells may be words here and there, whatever most of them are."""
        return self.kind != Kind.OTHER or self.note.startswith("has no name")

    def ordered(self, name: str, found: Sequence[str]) -> tuple[str, ...]:
        """The levels that rows have, as they are declared or as they are found, the base that is asked for first."""
        declared = self.levels or ()
        levels = [level for level in declared if level in found]
        levels += [level for level in found if level not in declared]
        if self.base is None:
            return tuple(levels)
        if self.base not in levels:
            cause = f"{name} has no level {self.base!r} that could be its base"
            raise RequestError("base-unknown", cause, nearest(self.base, levels, "the levels are"))
        return (self.base, *(level for level in levels if level != self.base))


def expect_distinct(names: Sequence[str], owner: str) -> None:
    """Refuse a table with a column name twice. Raises `DataError` with the first."""
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise DataError(
            "column-name-twice", f"{owner} has more than one column named {twice}", "rename one of them"
        )


EMPTY = Column(Kind.OTHER, "holds no value")
DATES = Column(Kind.TIME, HOLDS_DATES)
CLOCKS = Column(Kind.CLOCK, "holds times of the day or durations")  # 0:16:05 may be either


def merged(columns: Mapping[str, Column]) -> Column:
    """What a column is that several files hold, by the name of the file; the same in any order of them.

    Truth values in one and numbers in another are truth values, of which 1 and 0 are two; codes in one and numbers in
    another are codes. Files where it holds no value say nothing.
    """
    known = {file: column for file, column in columns.items() if column != EMPTY}
    found = list(known.values())
    if not found:
        return EMPTY
    kinds = {column.kind for column in found}
    doubt = next((column.doubt for column in found if column.doubt), None)
    if kinds == {Kind.BOOLEAN, Kind.NUMBER} and doubt is None:
        return Column(Kind.BOOLEAN)
    is_code = any(column.is_code for column in found)
    if is_code and kinds == {Kind.TEXT, Kind.NUMBER} and all(c.is_code for c in found if c.kind == Kind.TEXT):
        return Column(Kind.TEXT, is_code=True)
    if len(kinds) > 1:
        firsts: dict[str, str] = {}
        for file, column in known.items():
            firsts.setdefault(column.what, file)
        doubt = Disagreement({file: what for what, file in firsts.items()})
        return Column(found[0].kind, doubt.what, doubt=doubt)
    declared = {column.levels for column in found}
    levels = found[0].levels if len(declared) == 1 else None
    return Column(found[0].kind, found[0].note, levels, is_code, doubt)


def joint_kinds(pairs: Iterable[tuple[str, Kind]]) -> dict[str, Kind]:
    """Columns with the one kind that each is read as. Raises `RequestError` for a column that is needed as two."""
    found: dict[str, Kind] = {}
    for name, kind in pairs:
        if found.setdefault(name, kind) != kind:
            raise RequestError(
                "column-of-two-kinds",
                f"the formula takes {name} for a {found[name]} and for a {kind}",
                "use it as one of the two",
            )
    return found
