"""How numbers are written: what they look like in each notation, and in which of them a column's cells are numbers."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from gradline.core.text import shell

if TYPE_CHECKING:  # arrays need no polars
    import polars as pl

_NAMES = {" ": "space", "'": "apostrophe"}  # of marks that a shell would not hand on
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
_NOTATIONS = [
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


class Doubt(NamedTuple):
    """Why a column was not read as it stands: most of its cells are numbers in ways other than `told`.

    With `is_text` it has the type of text, so it must be named as numeric in each of these ways.
    """

    ways: tuple[Written, ...]
    told: Numerals
    is_text: bool = False

    @property
    def code(self) -> str:
        """The code of the refusal."""
        return "number-notation" if len(self.ways) == 1 else "number-notation-ambiguous"

    @property
    def what(self) -> str:
        """The notation in words."""
        return " or ".join(way.what or "decimal points" for way in self.ways)

    @property
    def beside_marks(self) -> "Doubt | None":
        """What is left of it where currencies, percent signs and units are left away."""
        ways = tuple(way for way in self.ways if way.changes(self.told)) if len(self.ways) == 1 else self.ways
        return self._replace(ways=ways) if ways else None

    def cause(self, column: str) -> str:
        """What is wrong."""
        if len(self.ways) == 1:
            return f"the cells of {column}, such as {self.ways[0].example!r}, are numbers with {self.what}"
        example = self.ways[0].example
        values = " or ".join(f"{way.value:.15g}" for way in self.ways)
        return f"the cells of {column} can be read in two ways: {example!r} is {values}"

    def remedy(self, column: str) -> str:
        """What reads the column, and what takes it for words."""
        pairs = zip(self.flags(column), self.ways, strict=True)
        told = [f"{shell(words)}{self._meaning(way, column)}" for words, way in pairs]
        return f"add {' or '.join(told)}. To use its cells as words: --category {shlex.quote(column)}"

    def flags(self, column: str) -> list[list[str]]:
        """The words that tell each way."""
        told = [
            [
                part
                for name, mark in self._changes(way).items()
                for part in (f"--{name}", _NAMES.get(mark, mark))
            ]
            for way in self.ways
        ]
        return [
            [*words, *(["--numeric", column] if way.needs_numeric or self.is_text else [])]
            for words, way in zip(told, self.ways, strict=True)
        ]

    def _meaning(self, way: Written, column: str) -> str:
        changes = self._changes(way)
        inside = ", ".join(f"{name}={mark!r}" for name, mark in changes.items())
        python = [f"read=gradline.Text({inside})"] if inside else []
        python += [f"numeric=[{column!r}]"] if way.needs_numeric or self.is_text else []
        return f" ({', '.join(python)} in Python)"

    def _changes(self, way: Written) -> dict[str, str]:
        """What must be told; of two ways, also that the file is read as it would be."""
        return way.changes(self.told) or ({} if len(self.ways) == 1 else {"decimal": way.numerals.decimal})


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
    for numerals in _NOTATIONS:
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


class Clash(NamedTuple):
    """Why a column was not read, and cannot be beside another: no one notation reads both."""

    doubt: Doubt
    other: str
    example: str
    others: Doubt | None
    code = "number-notation-mixed"

    @property
    def beside_marks(self) -> "Clash | None":
        """What is left of it where currencies, percent signs and units are left away."""
        return self if self.doubt.beside_marks else None

    def cause(self, column: str) -> str:
        """What is wrong."""
        return f"{self.doubt.cause(column)}, and those of {self.other}, such as {self.example!r}, are not"

    def remedy(self, column: str) -> str:
        """What reads one of the two."""
        own = [["--exclude", self.other, *words] for words in self.doubt.flags(column)]
        others = self.others.flags(self.other) if self.others else [[]]
        told = [*own, *(["--exclude", column, *words] for words in others)]
        words = [["--category", column, *words] for words in others]
        return (
            f"write both alike, or leave one out: {' or '.join(map(shell, told))}. To use its cells as words: "
            f"{' or '.join(map(shell, words))}"
        )


def reconciled(
    doubts: Mapping[str, Doubt],
    samples: "Mapping[str, pl.Series]",
    told: Numerals,
    marks: tuple[str | None, str | None],
) -> dict[str, Doubt | Clash | None]:
    """The doubts, each with the ways alone that read the numbers of all columns: a file has one notation.

    None where the way that is left is how the file is read anyway. `samples` are the first cells of every column of
    numbers, those in doubt among them; `marks` are those that somebody told. So what a refusal names reads the file,
    and does not lead to the next refusal.
    """
    firsts = {name: doubt.ways[0] for name, doubt in doubts.items()}
    cells = {name: bare(one, firsts[name].mark) if name in firsts else one for name, one in samples.items()}
    reads: dict[str, list[Numerals]] = {}
    for name, sample in cells.items():
        known = {numerals: _known(numerals, sample) for numerals in _NOTATIONS}
        least = min(firsts[name].known, max(known.values())) if name in firsts else _known(told, sample)
        reads[name] = [numerals for numerals in _NOTATIONS if known[numerals] >= least]
    common = [numerals for numerals in _NOTATIONS if all(numerals in fitting for fitting in reads.values())]
    common = [numerals for numerals in common if numerals.fits(*marks)] or common
    found: dict[str, Doubt | Clash | None] = {}
    for name, doubt in doubts.items():
        if common:
            ways = tuple(_ways_of(firsts[name], common, told, samples[name], cells[name]))
            settled = len(ways) == 1 and not ways[0].needs_numeric and not ways[0].changes(told)
            found[name] = None if settled else doubt._replace(ways=ways)
            continue
        other = next((other for other in reads if not set(reads[other]) & set(reads[name])), None)
        found[name] = Clash(doubt, other, str(samples[other][0]), doubts.get(other)) if other else doubt
    return found


def _ways_of(
    first: Written, notations: Sequence[Numerals], told: Numerals, shown: "pl.Series", cells: "pl.Series"
) -> Iterable[Written]:
    """The ways of a column in these notations, one for all that give the same numbers: the one told, if it does."""
    place = next((i for i, cell in enumerate(shown) if cell == first.example), 0)
    found: dict[tuple[float | None, ...], Written] = {}
    for numerals in notations:
        values = tuple(numerals.plain(cells).cast(float, strict=False))
        found.setdefault(values, first._replace(numerals=numerals, value=values[place] or 0.0))
    own = tuple(told.plain(cells).cast(float, strict=False))
    if own in found:
        found[own] = found[own]._replace(numerals=told)
    return found.values()


def _known(numerals: Numerals, cells: "pl.Series") -> int:
    """How many cells are numbers of a notation."""
    return len(cells) - numerals.plain(cells).null_count()


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
