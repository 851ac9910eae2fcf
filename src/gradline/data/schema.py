"""The kinds of columns: numbers, text, and what a linear model cannot use."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gradline.core.errors import RequestError

LARGEST_INTEGER = 2**53  # above it float64 no longer holds every integer


class Kind(StrEnum):
    """What a column holds, as far as a linear model is concerned."""

    NUMBER = "number"
    TEXT = "text"
    TIME = "time"  # asked for, of a column of dates or of text that holds some; no schema says it
    OTHER = "other"  # dates, lists, columns without a name or without a value


@dataclass(frozen=True)
class Column:
    """A column's kind and, where it cannot be used, the reason."""

    kind: Kind
    note: str = ""


EMPTY = Column(Kind.OTHER, "holds no value")


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
