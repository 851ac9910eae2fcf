"""The kinds of columns: numbers, text, and what a linear model cannot use."""

from dataclasses import dataclass
from enum import StrEnum

LARGEST_INTEGER = 2**53  # above it float64 no longer holds every integer


class Kind(StrEnum):
    """What a column holds, as far as a linear model is concerned."""

    NUMBER = "number"
    TEXT = "text"
    OTHER = "other"  # dates, lists, columns without a name or without a value


@dataclass(frozen=True)
class Column:
    """A column's kind and, where it cannot be used, the reason."""

    kind: Kind
    note: str = ""


EMPTY = Column(Kind.OTHER, "holds no value")
