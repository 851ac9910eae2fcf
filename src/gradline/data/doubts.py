"""Why a column was not read as it stands, in words, and what may be told so that it is."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gradline.core.text import counted, listed, shell
from gradline.data.numerals import NOTATIONS, Numerals, Written, bare

if TYPE_CHECKING:  # arrays need no polars
    import polars as pl

_NAMES = {" ": "space", "'": "apostrophe"}  # of marks that a shell would not hand on
HOLDS_DATES = "holds dates"


def quoted_cell(cell: str) -> str:
    """A cell in quotes, its blanks that do not break a line as any other."""
    return repr(re.sub("[\u00a0\u202f\u2009]", " ", cell))


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
            return f"the cells of {column}, such as {quoted_cell(self.ways[0].example)}, are numbers with {self.what}"
        example = self.ways[0].example
        values = " or ".join(f"{way.value:.15g}" for way in self.ways)
        return f"the cells of {column} can be read in two ways: {quoted_cell(example)} is {values}"

    def remedy(self, column: str, *, words: bool = True) -> str:
        """What reads the column, and with `words` what takes it for words."""
        return self.reads(column) + (_as_words([["--category", column]]) if words else "")

    def reads(self, column: str) -> str:
        """What reads the column."""
        pairs = zip(self.flags(column), self.ways, strict=True)
        told = [f"{shell(words)}{self._meaning(way, column)}" for words, way in pairs]
        return f"add {' or '.join(told)}"

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
        return _in_python(changes, [column] if way.needs_numeric or self.is_text else [])

    def _changes(self, way: Written) -> dict[str, str]:
        """What must be told; of two ways, also that the file is read as it would be."""
        return way.changes(self.told) or ({} if len(self.ways) == 1 else {"decimal": way.numerals.decimal})


def together(doubts: Mapping[str, Doubt], numbers: Collection[str]) -> tuple[str, str]:
    """Why some columns that are read in one way each were not, and what reads all of them; `numbers` are no words."""
    first, *others = doubts
    count = counted(len(others), "more column")
    also = f", and {count} {'has' if len(others) == 1 else 'have'} numbers with marks: {listed(others, 5)}"
    changes: dict[str, str] = {}
    for doubt in doubts.values():
        changes |= doubt.ways[0].changes(doubt.told)
    named = [name for name, doubt in doubts.items() if doubt.ways[0].needs_numeric or doubt.is_text]
    marks = [word for name, mark in changes.items() for word in (f"--{name}", _NAMES.get(mark, mark))]
    told = shell([*marks, *(word for name in named for word in ("--numeric", name))])
    words = [["--category", name] for name in doubts if name not in numbers]
    remedy = f"add {told}{_in_python(changes, named)}"
    return doubts[first].cause(first) + (also if others else ""), remedy + (
        _as_words(words[:1]) if words else ""
    )


def _in_python(changes: Mapping[str, str], numeric: Sequence[str]) -> str:
    """The same in Python, in brackets."""
    inside = ", ".join(f"{name}={mark!r}" for name, mark in changes.items())
    python = [f"read=gradline.Text({inside})"] if inside else []
    python += [f"numeric={list(numeric)!r}"] if numeric else []
    return f" ({', '.join(python)} in Python)"


def _as_words(ways: Sequence[Sequence[str]]) -> str:
    """What takes a column for words."""
    return f". To use its cells as words: {' or '.join(map(shell, ways))}"


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
        return f"{self.doubt.cause(column)}, and those of {self.other}, such as {quoted_cell(self.example)}, are not"

    def remedy(self, column: str, *, words: bool = True) -> str:
        """What reads one of the two, and with `words` what takes the column for words."""
        own = [["--exclude", self.other, *one] for one in self.doubt.flags(column)]
        others = self.others.flags(self.other) if self.others else [[]]
        told = [*own, *(["--exclude", column, *one] for one in others)]
        told = told if words else own  # a target stays
        category = _as_words([["--category", column, *one] for one in others]) if words else ""
        return f"write both alike, or leave one out: {' or '.join(map(shell, told))}{category}"


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
        known = {numerals: _known(numerals, sample) for numerals in NOTATIONS}
        least = min(firsts[name].known, max(known.values())) if name in firsts else _known(told, sample)
        reads[name] = [numerals for numerals in NOTATIONS if known[numerals] >= least]
    common = [numerals for numerals in NOTATIONS if all(numerals in fitting for fitting in reads.values())]
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


class Disagreement(NamedTuple):
    """Why a column of several files was not read: `kinds` are what it is in the first file of each kind."""

    kinds: Mapping[str, str]
    code = "kinds-differ-between-files"
    beside_marks = None  # nothing is left of it where somebody says what the column is

    def cause(self, column: str) -> str:
        """What is wrong."""
        return f"the column {column} {self.what}"

    @property
    def what(self) -> str:
        """What it is in each of the files."""
        return f"is {' and '.join(f'{what} in {file}' for file, what in self.kinds.items())}"

    def remedy(self, column: str, *, words: bool = True) -> str:
        """What may be told, with `words` also of a column of words."""
        told = shell(["--category", column])
        if HOLDS_DATES.removeprefix("holds ") in self.kinds.values():
            forms = "name the form of its other dates, such as --dates %d.%m.%Y"
            levels = (
                f", mend the files, or take its values as levels: {told}" if words else ", or mend the files"
            )
            return forms + levels
        numeric = shell(["--numeric", column])
        return f"mend the files, or say what it is: {f'{told} or ' if words else ''}{numeric}"


class Respelled(NamedTuple):
    """Why a column of several files was not read: they call it by names that differ in case or blanks alone.

    `names` are those names, each with the first file that has it.
    """

    names: Mapping[str, str]
    code = "names-differ-between-files"

    @property
    def beside_marks(self) -> "Respelled":
        """What is left of it where somebody says what the column is."""
        return self

    def cause(self, column: str) -> str:  # noqa: ARG002
        """What is wrong."""
        told = (f"{shell([name])} in {file}" for name, file in self.names.items())
        return f"a column is called {' and '.join(told)}"

    def remedy(self, column: str, *, words: bool = True) -> str:  # noqa: ARG002
        """What may be done."""
        excluded = shell([word for name in self.names for word in ("--exclude", name)])
        return f"give it one name in all files, or leave it out: {excluded}"
