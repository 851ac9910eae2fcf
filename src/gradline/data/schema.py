"""The kinds of columns: numbers, truth values, text, and what a linear model cannot use."""

from dataclasses import dataclass
from enum import StrEnum

from gradline.data.numerals import Doubt

LARGEST_INTEGER = 2**53  # above it float64 no longer holds every integer


class Kind(StrEnum):
    """What a column holds, as far as a linear model is concerned."""

    NUMBER = "number"
    BOOLEAN = "boolean"  # true and false, which are 1 and 0
    AMOUNT = "amount"  # numbers that may bear a currency, a percent sign or a unit, which are left away
    TEXT = "text"
    OTHER = "other"  # dates, lists, columns without a name or without a value

    @property
    def is_numeric(self) -> bool:
        """Whether its cells become numbers."""
        return self in (Kind.NUMBER, Kind.BOOLEAN, Kind.AMOUNT)


@dataclass(frozen=True)
class Column:
    """A column's kind and, where it cannot be used, the reason.

    `levels` are those of a category that its source declares, in the declared order; `is_code` says that its numbers
    have leading zeros; `doubt` is there where most of its cells are numbers in another notation than the file's.
    """

    kind: Kind
    note: str = ""
    levels: tuple[str, ...] | None = None
    is_code: bool = False
    doubt: Doubt | None = None


EMPTY = Column(Kind.OTHER, "holds no value")
