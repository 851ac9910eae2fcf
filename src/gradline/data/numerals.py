"""How numbers are written: what they look like in each notation, and in which of them a column's cells are numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # arrays need no polars
    import polars as pl

_BLANKS = " \u00a0\u202f\u2009"  # the plain one, and those that do not break a line
_EXPONENT = r"(?:[eE][+-]?\d+)?"


class _Marks(NamedTuple):
    decimal: str = "."
    thousands: str = ""


class Numerals(_Marks):
    """The mark before decimals, and that between groups of three digits, empty where there is none."""

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as programs write them."""
        return self == PLAIN_NUMERALS

    def fits(self, decimal: str | None, thousands: str | None) -> bool:
        """Whether it is one of those that have the marks which somebody told."""
        return decimal in (None, self.decimal) and (thousands is None or self.thousands in ("", thousands))

    @property
    def mark(self) -> str:
        """The mark between groups as a pattern."""
        return (
            f"[{_BLANKS}]"
            if self.thousands == " "
            else "['’]"
            if self.thousands == "'"
            else re.escape(self.thousands)
        )

    @property
    def pattern(self) -> str:
        """What a number looks like, but for its sign: groups have three digits, and the first does not begin with 0."""
        return _pattern(self.decimal, self.thousands and self.mark)

    def plain(self, cells: "pl.Series") -> "pl.Series":
        """The cells as programs write them, null where they are no numbers of this notation."""
        bare = cells.str.replace_all(self.mark, "") if self.thousands else cells
        bare = bare.str.replace(self.decimal, ".", literal=True)
        return bare.set(~cells.str.contains(rf"^[+-]?{self.pattern}$"), None)

    def value(self, cell: str) -> float | None:
        """One cell without its sign, None where it is no number of this notation."""
        if not re.fullmatch(self.pattern, cell):
            return None
        bare = re.sub(self.mark, "", cell) if self.thousands else cell
        return float(bare.replace(self.decimal, "."))


@cache  # of a handful of notations, asked for with every cell
def _pattern(decimal: str, mark: str) -> str:
    point = re.escape(decimal)
    grouped = rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+|" if mark else ""
    return rf"(?:(?:{grouped}\d+)(?:{point}\d*)?|{point}\d+){_EXPONENT}"


PLAIN_NUMERALS = Numerals()
# In the order in which they are offered.
NOTATIONS = [
    Numerals(decimal, mark) for mark in ("", ",", ".", " ", "'") for decimal in ".," if mark != decimal
]
_CURRENCY = r"(?:[$€£¥₹₽₩₺]|[A-Z]{3}|Fr\.?)"
# A sign, a currency, digits with marks between them, a unit; or the same in an accountant's brackets.
_AMOUNT = re.compile(
    rf"(?P<open>\(?)\s*(?P<sign>[+\-−]?)\s*(?P<before>{_CURRENCY}?)\s*(?P<second>[+\-−]?)\s*"
    rf"(?P<number>(?:\d[\d.,'’{_BLANKS}]*\d|\d|[.,]\d+){_EXPONENT}[.,]?)"
    rf"\s*(?P<after>(?:[^\W\d_]|[%‰°€$£¥₹/²³µ]){{0,10}}\.?(?: ?[$€£¥₹₽₩₺])?)\s*(?P<close>\)?)"
)
# Those that are known for sure, as three capitals may be anything.
_CURRENCIES = frozenset([
    *"$€£¥₹₽₩₺", "Fr", "Fr.", "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "SEK", "NOK", "DKK",
    "PLN", "CZK",
])  # fmt: skip
# What multiplies the number before it, which no unit does: in 1.2k beside 950 it makes the larger number.
_FACTOR = re.compile(
    rf"(?:[kKM]|(?i:tsd|mio|mln|mrd|mn|bn|thousand|millions?|billions?|lakh|crore))\.? ?{_CURRENCY}?"
)
_TWO = {"a currency": "two currencies", "a unit": "two units"}
_SHARES = ("%", "‰")  # of a hundred and a thousand: beside them 0.3 may be 30 %


class Written(NamedTuple):
    """A way in which most cells of a column are numbers: `mark` is their currency, percent sign or unit.

    `is_signed` where some have brackets or the sign U+2212 for a minus; `example` is a cell that shows the notation and
    `value` what it is then; `known` of the cells are such numbers, and `unmarked` is one of them without the mark.
    """

    numerals: Numerals
    mark: str
    is_signed: bool
    example: str
    value: float
    known: int
    unmarked: str | None = None

    @property
    def what(self) -> str:
        """The notation in words."""
        decimal, thousands = self.numerals
        parts = ["decimal commas"] if decimal == "," else []
        named = {" ": "blanks", "'": "apostrophes", ",": "commas", ".": "points"}
        parts += [f"{named[thousands]} between thousands"] if thousands else []
        parts += [f"{kind_of(self.mark)} ({self.mark})"] if self.mark else []
        parts += ["brackets or U+2212 for a minus"] if self.is_signed else []
        return " and ".join(parts)

    def changes(self, told: Numerals) -> dict[str, str]:
        """What must be told of the file, where numbers are read as `told`."""
        decimal, thousands = self.numerals
        changed = {"decimal": decimal} if decimal != told.decimal else {}
        return changed | ({"thousands": thousands} if thousands not in ("", told.thousands) else {})

    @property
    def needs_numeric(self) -> bool:
        """Whether the column must be named as numeric, since its cells hold more than digits."""
        return bool(self.mark) or self.is_signed


def kind_of(mark: str) -> str:
    """What stands beside a number, in words."""
    if mark in _SHARES:
        return "percent signs"
    if is_factor(mark):
        return "a factor"
    return "a currency" if re.fullmatch(_CURRENCY, mark) else "a unit"


def both(mark: str, other: str) -> str:
    """What a column holds whose amounts have one mark here and another, or none, there."""
    own, others = kind_of(mark), kind_of(other)
    if not other:
        return f"numbers with {own} ({mark}) and without"
    if own == others and own in _TWO:
        return f"{_TWO[own]} ({mark} and {other})"
    return f"numbers with {own} ({mark}) and with {others} ({other})"


def is_factor(mark: str) -> bool:
    """Whether it multiplies its number, as k does, so that the number without it is another."""
    return bool(_FACTOR.fullmatch(mark))


def must_be_everywhere(mark: str) -> bool:
    """Whether a number without it is another beside numbers with it: of a unit and a currency that is no question."""
    return mark in _SHARES or is_factor(mark)


def mark_of(cell: str) -> str | None:
    """The currency, percent sign or unit of an amount, empty where it has none, and None of what is no amount."""
    match = _AMOUNT.fullmatch(cell)
    return (match["before"] or match["after"]) if match and _is_closed(match) else None


def common_mark(cells: Iterable[str]) -> str:
    """The mark that most of the amounts have which have one; empty where none has."""
    marks = Counter(mark for cell in cells if (mark := mark_of(cell)))
    return marks.most_common(1)[0][0] if marks else ""


def is_uneven(cells: Sequence[str]) -> bool:
    """Whether most cells are amounts that no mark makes one column of numbers.

    They have two currencies or units, a percent sign here and none there, or a factor such as k.
    """
    marks = Counter(mark for cell in cells if (mark := mark_of(cell)) is not None)
    bare = marks.pop("", 0)
    if not marks:
        return False
    mark, count = marks.most_common(1)[0]
    if len(marks) > 1:
        alike = sum(marks.values()) if _CURRENCIES.issuperset(marks) else count
        return 2 * (alike + bare) > len(cells)
    return 2 * (count + bare) > len(cells) and (is_factor(mark) or (must_be_everywhere(mark) and bare > 0))


def bare(cells: "pl.Series", mark: str) -> "pl.Series":
    """Amounts without their mark and an accountant's brackets; what is no amount stays as it is."""
    own = rf"(?:{re.escape(mark)})?" if mark else ""
    signed = cells.str.replace_all("−", "-", literal=True).str.replace(r"^\(\s*(.*?)\s*\)$", "-$1")
    return signed.str.replace(rf"^([+-]?)\s*{own}\s*([+-]?)\s*([\d.,].*?)\s*{own}$", "$1$2$3")


def written(cells: Sequence[str], decimal: str | None = None, thousands: str | None = None) -> list[Written]:
    """The ways in which most of the cells are numbers, those that read the most of them, with other values each.

    None where most are words. `decimal` and `thousands` are the marks that somebody told. Two ways or more say that
    nobody can tell by the cells alone: 1,250 is a thousand here and a little more than one there.
    """
    found = [match for cell in cells if (match := _AMOUNT.fullmatch(cell)) and _is_closed(match)]
    if 2 * len(found) <= len(cells):
        return []
    marks = Counter(mark for match in found if (mark := match["before"] or match["after"]))
    mark = marks.most_common(1)[0][0] if marks else ""
    found = [match for match in found if {match["before"], match["after"]} <= {"", mark}]
    unmarked = next((m.string for m in found if mark and not (m["before"] or m["after"])), None)
    is_signed = any("−" in match["sign"] + match["second"] or match["open"] for match in found)
    ways: dict[tuple[float | None, ...], Numerals] = {}
    most = len(cells) // 2
    for numerals in NOTATIONS:
        if numerals.fits(decimal, thousands):
            values = tuple(numerals.value(match["number"]) for match in found)
            count = len(values) - values.count(None)
            ways = {} if count > most else ways
            if count >= most and 2 * count > len(cells):
                most = count
                ways.setdefault(values, numerals)
    shown = _telling([match.string for match in found], mark, ways)
    return [
        Written(numerals, mark, is_signed, found[shown].string, values[shown] or 0.0, most, unmarked)
        for values, numerals in ways.items()
    ]


def may_be_thousands(cells: Iterable[str], separator: str) -> bool:
    """Whether the points of plain numbers could as well stand between thousands, as in 1.250 beside 950.

    They cannot where a cell has other than three digits behind its point, begins with 0, or has four digits without
    one. Files with semicolons come from where a comma stands before decimals, so there nothing speaks against it. In
    others the points are decimals, unless cells such as 1.250 and 950 differ in what decimals are written out.
    """
    pointed, whole = [], []
    for cell in cells:
        (pointed if "." in cell else whole).append(cell.lstrip("+-"))
    if not pointed or not all(re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", cell) for cell in pointed):
        return False
    if any(not re.fullmatch(r"\d{1,3}", cell) for cell in whole):
        return False
    return separator == ";" or (bool(whole) and any(cell.endswith("0") for cell in pointed))


def _is_closed(match: re.Match[str]) -> bool:
    """Whether brackets come in pairs, and there is one sign and one mark at most."""
    signs = bool(match["sign"]) + bool(match["second"]) + bool(match["open"])
    return (
        bool(match["open"]) == bool(match["close"]) and signs < 2 and not (match["before"] and match["after"])
    )


def _telling(cells: list[str], mark: str, ways: Mapping[tuple[float | None, ...], Numerals]) -> int:
    """The place of the cell that shows best how the cells are written: one that two ways read differently, or that has
    all marks of the only way."""
    places = range(len(cells))
    if len(ways) != 1:
        return next((i for i in places if len({values[i] for values in ways}) > 1), 0)
    ((values, numerals),) = ways.items()
    wanted = [numerals.thousands, mark, "," if numerals.decimal == "," else ""]
    known = [i for i in places if values[i] is not None]
    return next((i for i in known if all(sign in cells[i] for sign in wanted)), known[0])
