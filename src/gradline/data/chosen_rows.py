"""The rows of a table for which conditions hold: the others are as if they were not there."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import Notice, RequestError
from gradline.core.text import counted, shell
from gradline.data.cells import PLAIN, Spelling, converted
from gradline.data.columns import column, first_cells
from gradline.data.conditions import OF_NOTHING, Condition, parsed
from gradline.data.dates import moments
from gradline.data.doubts import Doubt
from gradline.data.files import FilesSource
from gradline.data.notation import OF_CELLS, Text
from gradline.data.schema import Column, Kind
from gradline.data.source import Batch, Source

_Test = tuple[Condition, Kind]  # a condition, and the kind as which it reads its column
_TRUTHS = {"true": 1.0, "false": 0.0}  # which many a database has as numbers


def chosen(source: Source, read: Text | None) -> Source:
    """The rows of a table that are to be read, each file's by itself."""
    if read is None or not read.where or not any(text.strip() for text in read.where):
        return source
    if isinstance(source, FilesSource):
        return replace(source, parts=tuple(chosen(part, read) for part in source.parts))
    return ChosenRows(source, tuple(read.where))


@dataclass(frozen=True)
class ChosenRows(Source):
    """The rows of `source` for which all of some conditions hold, in their order: `column = value` and the like.

    Cells are converted only after the rows are chosen, so that what stands in the others disturbs nobody. A missing
    cell is no value: `!=`, `NOT IN`, `NOT LIKE` and `IS NULL` hold of it, and nothing else.
    """

    source: Source
    where: tuple[str, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The table's."""
        return self.source.name

    @property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """The table's."""
        return self.source.spelling

    @property
    def may_tell(self) -> frozenset[str]:
        """What may be told of the table."""
        return self.source.may_tell

    def told(self, read: Text) -> "ChosenRows":
        """See `Source`."""
        return replace(self, source=self.source.told(read))

    def names(self) -> list[str]:
        """The table's."""
        return self.source.names()

    def schema(self) -> dict[str, Column]:
        """The table's columns; those of text are what the first of the chosen rows show them to be."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        found = self.source.schema()
        if self.may_tell == OF_CELLS:  # its types are told
            return found
        words = [name for name, one in found.items() if one.kind == Kind.TEXT and one.levels is None]
        for _, batch in self._chosen(words, self._word_tests) if words else ():
            if batch.frame.height:
                first = {name: first_cells(batch.frame[name], self.spelling) for name in words}
                seen = {name: column(cells, self.spelling) for name, cells in first.items()}
                return found | {name: one for name, one in seen.items() if one.kind != Kind.TEXT}
        return found

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The table's, and how many of its rows are left out."""
        rows, left_out = self._counts
        what = f"{left_out:,} of {counted(rows, 'row')} of {self.name} {'is' if left_out == 1 else 'are'} left out"
        flags = shell(Text(where=self.where).words())
        return (*self.source.notices, Notice("rows-left-out", f"{what}: {flags}"))

    @cached_property
    def _counts(self) -> tuple[int, int]:
        """The rows of the table, and those of them that are left out."""
        counts = [(rows, batch.frame.height) for rows, batch in self._chosen([], self._tests)]
        rows, kept = (sum(part) for part in zip(*counts, strict=True)) if counts else (0, 0)
        return rows, rows - kept

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """See `Source`."""
        spelling = self.spelling.of(self)
        for _, batch in self._chosen(list(columns), self._tests):
            yield Batch.of(batch.frame[list(columns)].get_columns(), columns, batch.place, spelling)

    def _chosen(self, columns: Sequence[str], tests: Sequence[_Test]) -> Iterator[tuple[int, Batch]]:
        """The rows of each batch for which tests hold, their cells as they stand, beside how many rows it has."""
        spelling = self.spelling.of(self)
        needed = dict.fromkeys([*columns, *(test.column for test, _ in tests)], Kind.RAW)
        for batch in self.source.batches(needed):
            rows = batch.frame.height
            for test, kind in tests:
                batch = batch.where(_holds(test, kind, batch, spelling))
            yield rows, batch

    @cached_property
    def _conditions(self) -> list[Condition]:
        return parsed(self.where, self.names())

    @cached_property
    def _word_tests(self) -> list[_Test]:
        """The conditions that ask for words, whatever else is known of their columns."""
        schema = self.source.schema()
        found = [test for test in self._conditions if _asks_for_words(test, schema[test.column])]
        return [(test, Kind.TEXT) for test in found]

    @cached_property
    def _tests(self) -> list[_Test]:
        """The conditions, each with the kind as which it reads its column: those about words come first."""
        first = [test for test, _ in self._word_tests]
        others = [test for test in self._conditions if test not in first]
        return self._word_tests + [(test, _read_as(test, self._schema[test.column])) for test in others]


def _asks_for_words(test: Condition, found: Column) -> bool:
    """Whether its values are compared as words with the cells of a column."""
    kind = found.kind if found.kind.is_numeric or found.kind == Kind.TIME else Kind.TEXT
    is_value = kind != Kind.TEXT and all(_value(value, kind) is not None for value in test.values)
    return test.operator not in ("<", "<=", ">", ">=") and not is_value


def _read_as(test: Condition, found: Column) -> Kind:
    """As what a condition on values compares its column. Raises `RequestError` where one is no more than another."""
    kind = found.kind if found.kind.is_numeric or found.kind == Kind.TIME else Kind.TEXT
    if isinstance(found.doubt, Doubt) and found.doubt.ways[0].mark:  # "81 %" is 81 to a comparison
        kind = Kind.AMOUNT
    if kind != Kind.TEXT and all(_value(value, kind) is not None for value in test.values):
        return kind
    remedies = {Kind.TEXT: "words are compared by = != IN LIKE", Kind.TIME: "write the date as 2024-05-31"}
    raise RequestError(
        "where-on-words",
        f"where asks for {test.column} {test.operator} {test.values[0]}, and {test.column} holds {_WHAT[kind]}",
        remedies.get(kind, "compare it with a number such as 12.5"),
    )


_WHAT = {Kind.TEXT: "words", Kind.TIME: "dates"} | dict.fromkeys(
    (Kind.NUMBER, Kind.AMOUNT, Kind.BOOLEAN), "numbers"
)


def _value(text: str, kind: Kind) -> float | datetime | None:
    """The value that a text stands for beside cells of a kind; None where it is none."""
    if kind == Kind.TIME:
        return moments(pl.Series(PLAIN, [text]), ()).item()
    try:
        return _TRUTHS[text.lower()] if text.lower() in _TRUTHS else float(text)
    except ValueError:
        return None


def _holds(test: Condition, kind: Kind, batch: Batch, spelling: Spelling) -> pl.Series:
    """For which rows a condition holds."""
    raw = batch.frame[test.column]
    if test.operator.endswith("NULL") and raw.dtype == pl.String:
        kind = Kind.TEXT
    cells = converted(raw, kind, batch.place, spelling).alias(PLAIN)
    if test.operator.endswith("NULL"):
        return cells.is_null() if test.operator == "IS NULL" else cells.is_not_null()
    values = list(test.values) if kind == Kind.TEXT else [_value(value, kind) for value in test.values]
    return _COMPARED[test.operator](cells, values).fill_null(test.operator in OF_NOTHING)


def _like(cells: pl.Series, patterns: Sequence[str]) -> pl.Series:
    """Which cells a pattern describes, in which % stands for any characters and _ for one."""
    told = "".join({"%": ".*", "_": "."}.get(mark, re.escape(mark)) for mark in patterns[0])
    return cells.str.contains(rf"(?s)^{told}$")


_COMPARED: dict[str, Callable[[pl.Series, Sequence[Any]], pl.Series]] = {
    "=": lambda cells, values: cells == values[0],
    "!=": lambda cells, values: cells != values[0],
    "<": lambda cells, values: cells < values[0],
    "<=": lambda cells, values: cells <= values[0],
    ">": lambda cells, values: cells > values[0],
    ">=": lambda cells, values: cells >= values[0],
    "IN": lambda cells, values: cells.is_in(values),
    "NOT IN": lambda cells, values: ~cells.is_in(values),
    "LIKE": _like,
    "NOT LIKE": lambda cells, values: ~_like(cells, values),
}
