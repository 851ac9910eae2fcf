"""Which columns of a table take part in a model, and how: a design learned from the table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from gradline.core.errors import DataError, Notice, RequestError
from gradline.core.text import listed, nearest, shell
from gradline.data.cells import PLAIN
from gradline.data.columns import column as column_of
from gradline.data.conditions import leaving_out
from gradline.data.design import Category, DesignSpec, Number, Term
from gradline.data.doubts import Doubt, together
from gradline.data.levels import ordered, sums, without_value
from gradline.data.notation import Text
from gradline.data.numerals import Written, is_uneven, written
from gradline.data.one_word import one_word
from gradline.data.schema import DATES, Column, Kind
from gradline.data.selection import Selection
from gradline.data.source import Source
from gradline.data.terms.functions import DATE_PARTS
from gradline.data.terms.written_names import quoted

MOST_LEVELS = 50  # a text column with more levels is an identifier unless the user names it


class InferredDesign(NamedTuple):
    """A design and what the user should know about it."""

    design: DesignSpec
    notices: list[Notice]


def infer_design(source: Source, selection: Selection) -> InferredDesign:
    """Decide which columns of a table take part and how; targets, features, weights are names of its columns.

    Without `features` every usable column takes part that is neither target nor weight nor excluded.
    A text column becomes a `Category` whose levels are those of the whole table, in byte order (of UTF-8).
    With one level, more than `MOST_LEVELS`, or another one in every row it is left out with a notice, unless
    named in `features`. Raises `RequestError` for names that are unknown, used twice or of a kind that cannot
    be used.
    """
    chosen = choose(source, selection)
    schema, named = chosen.schema, chosen.named
    found = _levels(source, {name: None if name in named else MOST_LEVELS for name in chosen.texts})
    terms: list[Term] = []
    notices: list[Notice] = []
    for name in chosen.candidates:
        column = schema[name]
        if column.kind.is_numeric:
            terms.append(Number(name))
            continue
        if column.kind == Kind.TEXT and name not in selection.category:
            expect_words(source, name, column, found[name].levels)
        if name not in named and not source.is_text and column.levels is None and _are_dates(found, name):
            column = DATES
        unfit = by_its_kind(name, column) or found[name].unfit(name, name in named)
        if unfit and selection.missing == "error" and column.kind == Kind.TEXT and found[name].missing:
            # Whoever reads the rows counts the missing cells, which are an error before all else.
            terms.append(Category(name, tuple(found[name].levels)))
        elif unfit:
            notices += [unfit, *_sums_in(name, found)]
        else:
            levels = column.ordered(name, found[name].levels)
            terms.append(Category(name, levels))
            notices += [
                categorical(name, levels, column, name in selection.category),
                *seen_in(source, name, levels, column),
            ]
    if not terms:
        raise RequestError(
            "no-feature-left",
            f"no usable feature is left in {source.name} beside the targets {listed(selection.targets)}",
            f"the columns are {listed(schema)}",
        )
    kinds = kinds_of(schema, [*chosen.others, *(term.label for term in terms)])
    design = DesignSpec(tuple(terms), tuple(selection.targets), selection.weights, selection.meaning, kinds)
    return InferredDesign(design, notices)


class Chosen(NamedTuple):
    """The columns that may take part, before anybody has seen their levels, and the schema as the user tells it.

    `named` are those that the user asked for, whatever their levels are; `others` are targets and weights.
    """

    schema: dict[str, Column]
    candidates: list[str]
    named: set[str]
    others: list[str]

    @property
    def texts(self) -> list[str]:
        """The candidates that are text."""
        return [name for name in self.candidates if self.schema[name].kind == Kind.TEXT]


def choose(source: Source, selection: Selection) -> Chosen:
    """Decide by its schema which columns of a table may take part; what it raises see `infer_design`."""
    targets, features = selection.targets, selection.features
    exclude, weights = selection.exclude, selection.weights
    schema = source.schema()
    expect_known(schema, [*targets, *(features or ()), *exclude, *([] if weights is None else [weights])])
    _expect_roles(selection)
    schema |= asked(schema, selection)
    others = [*targets, *([weights] if weights else [])]
    for name in others:
        if not schema[name].doubt:
            expect_number(source, name, schema[name])
    if features is not None:
        _expect_usable(features, schema)
    based = [name for name, column in schema.items() if column.base is not None]
    expect_known(schema, selection.also)
    taken = {*targets, *exclude, weights}
    others_too = [*selection.also, *selection.category, *based] if features is not None else []
    candidates = list(
        dict.fromkeys([*(features or (name for name in schema if name not in taken)), *others_too])
    )
    expect_sure(schema, others, candidates)
    named = {*(features or ()), *selection.also, *selection.category, *based}
    return Chosen(schema, candidates, named, others)


def kinds_of(schema: Mapping[str, Column], names: Iterable[str]) -> tuple[tuple[str, Kind], ...]:
    """The kinds of those of these columns that are numeric and no plain numbers, as a design has them."""
    kinds = ((name, schema[name].kind) for name in names)
    return tuple((name, kind) for name, kind in kinds if kind.is_numeric and kind != Kind.NUMBER)


def asked(schema: Mapping[str, Column], selection: Selection) -> dict[str, Column]:
    """The columns that the user says are categories, or numbers, or have another base.

    Raises `RequestError` where that cannot be.
    """
    found: dict[str, Column] = {}
    for name in selection.category:
        expect_known(schema, [name])
        if name in (*selection.targets, selection.weights):
            raise RequestError(
                "column-in-two-roles",
                f"{name} is to be a category, and targets and weights are numbers",
                "drop one of the two",
            )
        found[name] = Column(Kind.TEXT, levels=schema[name].levels)
    for name in selection.numeric:
        expect_known(schema, [name])
        column = schema[name]
        if name in found:
            raise RequestError(
                "column-in-two-roles", f"{name} is to be a category and numeric", "drop one of the two"
            )
        if not column.kind.is_feature:
            raise RequestError("feature-unusable", f"{name} {column.note}", "leave it out")
        doubt = column.doubt and column.doubt.beside_marks
        found[name] = (
            column if column.kind.is_numeric and not column.doubt else Column(Kind.AMOUNT, doubt=doubt)
        )
    bases = _bases(selection.base, {**schema, **found})
    return found | {name: replace(found.get(name, schema[name]), base=base) for name, base in bases.items()}


def by_its_kind(name: str, column: Column) -> Notice | None:
    """Why a column is no feature by its kind; None where it may be one."""
    if column.kind.is_feature:
        return None
    levels = f"its values as levels: {shell(['--category', name])}"
    remedies = {
        Kind.TIME: f"to use it as a trend: {shell(['--also', f'days({quoted(name)})'])}; {levels}",
        Kind.CLOCK: f"to use {levels}; {as_minutes(name)}",
    }
    return _left_out(name, column.note, remedies.get(column.kind, ""))


def _left_out(name: str, reason: str, remedy: str = "") -> Notice:
    return Notice("column-left-out", f"{name} is left out: it {reason}", True, remedy, name)


def as_minutes(name: str) -> str:
    """How a column of times or durations becomes numbers."""
    series = f"pandas.to_timedelta(frame[{name!r}])"
    return f"to use it as minutes, make them first: {series}.dt.total_seconds() / 60, or =B2*1440 in a spreadsheet"


def _bases(base: Mapping[str, str] | Sequence[str], schema: Mapping[str, Column]) -> dict[str, str]:
    """The base level of each column for which one is asked: of a mapping, or of texts NAME=LEVEL."""
    if isinstance(base, Mapping):
        found = {str(name): str(level) for name, level in base.items()}
    else:
        found = {}
        for word in base:
            # The longest name that fits, as names may hold a = too.
            name = max(
                (name for name in schema if word.startswith(f"{name}=")), key=len, default=word.split("=")[0]
            )
            found[name] = word[len(name) + 1 :]
    expect_known(schema, list(found))
    for name in found:
        if schema[name].kind != Kind.TEXT:
            raise RequestError(
                "base-of-no-category",
                f"a base is chosen for {name}, which {schema[name].note or 'holds numbers'}",
                f"take it for a category: {shell(['--category', name])}",
            )
    return found


class Levels(NamedTuple):
    """The levels of a text column in byte order, as far as they were read, and its rows with and without a value."""

    levels: list[str]
    rows: int
    missing: int

    def unfit(self, name: str, named: bool) -> Notice | None:
        """Why the column is no feature; None when it is one."""
        missing = f" that has one ({self.missing:,} are missing)" if self.missing else ""
        if len(self.levels) <= 1:
            return _left_out(name, f"has the same value {listed(self.levels)!r} in every row{missing}")
        if named:
            return None
        remedy = f"to use it: {shell(['--also', name])}"
        if len(self.levels) > MOST_LEVELS:
            return _left_out(name, f"is text with more than {MOST_LEVELS} levels", remedy)
        if len(self.levels) == self.rows and self.rows > 2:
            what = f"is text with another value in every row{missing}, as identifiers have"
            return _left_out(name, what, remedy)
        return None


def _are_dates(found: Mapping[str, Levels], name: str) -> bool:
    """Whether the words of a typed source are dates, as those of a text file are known for."""
    levels = found[name].levels if name in found else []
    return bool(levels) and column_of(pl.Series(levels, dtype=pl.String)) == DATES


def _levels(source: Source, limits: Mapping[str, int | None]) -> dict[str, Levels]:
    """The levels of each text column; reading stops for a column once it has more than its limit."""
    found: dict[str, set[str]] = {name: set() for name in limits}
    rows, missing = dict.fromkeys(limits, 0), dict.fromkeys(limits, 0)
    for batch in source.batches(dict.fromkeys(limits, Kind.TEXT)) if limits else ():
        for name, limit in limits.items():
            if limit is None or len(found[name]) <= limit:
                cells = batch.frame[name].alias(PLAIN).drop_nulls()
                found[name].update(cells.unique())
                rows[name] += len(cells)
                missing[name] += batch.frame.height - len(cells)
    return {name: Levels(sorted(found[name], key=str.encode), rows[name], missing[name]) for name in limits}


def categorical(name: str, levels: Sequence[str], column: Column, is_asked: bool) -> Notice:
    """What the user should know of a column that is a category."""
    said = f"{name} is categorical: {len(levels)} levels, base {levels[0]!r}"
    if is_asked:
        return Notice("column-categorical", said)
    remedy = f"to use them as numbers: {shell(['--numeric', name])}"
    if column.is_code:
        said += ". Its numbers have leading zeros, as codes have"
        return Notice("column-categorical", said, remedy=remedy)
    if column.levels is None and _are_plain(written(levels)):
        return Notice("numbers-as-text", f"{said}. Its cells look like numbers", True, remedy)
    return Notice("column-categorical", said)


def _sums_in(name: str, found: Mapping[str, "Levels"]) -> list[Notice]:
    """The words for sums in a column that is left out, as far as all its words were read."""
    levels = found[name].levels if name in found else []
    others = [level for other in found if other != name for level in found[other].levels]
    return told_of_sums(name, sums(levels, others)) if len(levels) <= MOST_LEVELS else []


def told_of_sums(name: str, totals: Sequence[str]) -> list[Notice]:
    """What is said of rows whose words say that they sum up others."""
    if not totals:
        return []
    rows = f"{name} is {listed(map(repr, totals), 3)} in some rows"
    text = f"{rows}, which seem to sum up others: a sum is no observation"
    return [Notice("total-row", text, True, f"to leave them out: {leaving_out(name, totals)}", name)]


def seen_in(source: Source, name: str, levels: Sequence[str], column: Column) -> list[Notice]:
    """What the levels show that is hardly meant: spellings of one word, an order, sums of rows, missing cells."""
    found = told_of_sums(name, sums(levels))
    if absent := without_value(levels):
        words = shell(Text(na=[*absent, *source.missing_words()]).words())
        text = f"{name} is {listed(map(repr, absent), 3)} in some rows, which is a level like others"
        remedy = f"if that stands for a missing cell: {words} --missing drop"
        found.append(Notice("sentinel-value", text, True, remedy, name))
    found += one_word(source, name, levels)
    if column.levels is None and (order := ordered(levels)):
        text = (
            f"{name} has levels with an order, {', '.join(order)}, of which its coefficients take no notice"
        )
        listing = ", ".join(f'"{level}"' for level in order)
        remedy = (
            f"to use it, fit a formula with C({quoted(name)}, poly, levels=[{listing}]), or make them numbers"
        )
        found.append(Notice("levels-ordered", text, remedy=remedy))
    return found


def expect_sure(schema: Mapping[str, Column], numbers: Sequence[str], others: Iterable[str] = ()) -> None:
    """Refuse columns that may be numbers in another notation; `numbers` are those that cannot be words.

    Raises `DataError` that names what reads them, all at once where each of them can be read in one way.
    """
    doubts = {name: doubt for name in [*numbers, *others] if (doubt := schema[name].doubt) is not None}
    if not doubts:
        return
    first, doubt = next(iter(doubts.items()))
    clear = {name: one for name, one in doubts.items() if isinstance(one, Doubt) and len(one.ways) == 1}
    if first in clear:
        raise DataError(doubt.code, *together(clear, numbers))
    raise DataError(doubt.code, doubt.cause(first), doubt.remedy(first, words=first not in numbers))


def expect_words(
    source: Source, name: str, column: Column, levels: Sequence[str], *, is_target: bool = False
) -> None:
    """Refuse text of a typed source whose levels are numbers in another notation, and name what reads them."""
    if source.is_text or column.levels is not None:
        return
    if is_uneven(levels):
        for _ in source.batches({name: Kind.AMOUNT}):
            pass  # until the first cell that is no number like the others, which is refused with both
    ways = source.spelling.ways(levels)
    if ways and not _are_plain(ways):
        doubt = Doubt(tuple(ways), source.spelling.numerals, is_text=True)
        raise DataError(doubt.code, doubt.cause(name), doubt.remedy(name, words=not is_target))


def _are_plain(ways: Sequence[Written]) -> bool:
    """Whether cells are numbers as programs write them."""
    return any(way.numerals.is_plain and not way.needs_numeric for way in ways)


def expect_known(schema: Mapping[str, Column], names: Sequence[str]) -> None:
    """Raise `RequestError` for the first name that is no column."""
    for name in names:
        if name not in schema:
            raise RequestError("column-unknown", f"there is no column {name}", nearest(name, list(schema)))


def _expect_roles(selection: Selection) -> None:
    targets, features = selection.targets, selection.features
    exclude, weights = selection.exclude, selection.weights
    if not targets:
        raise RequestError(
            "no-target", "no target is named", "name one or more with -t COLUMN (targets= in Python)"
        )
    for name in targets:
        if list(targets).count(name) > 1:
            raise RequestError("target-named-twice", f"the target {name} is named twice", "name it once")
        if name in (features or ()):
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and feature", "name it as one of the two"
            )
        if name in exclude:
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and excluded", "drop one of the two"
            )
        if name == weights:
            raise RequestError(
                "column-in-two-roles", f"{name} is both target and weights", "name it as one of the two"
            )
    for name in features or ():
        if name in exclude or name == weights:
            raise RequestError(
                "column-in-two-roles",
                f"{name} is a feature and also {'excluded' if name in exclude else 'weights'}",
                "drop one of the two",
            )


def expect_number(source: Source, name: str, column: Column) -> None:
    """Raise `RequestError` where the column of a target or of weights holds no numbers."""
    if not column.kind.is_feature:
        raise RequestError(
            "target-not-numeric",
            f"{name} {column.note}: targets and weights must be numeric",
            "name a numeric column",
        )
    expect_sure({name: column}, [name])
    if column.kind == Kind.TEXT:
        cells = source.first_cells(name)
        expect_words(source, name, column, cells, is_target=True)
        shown = f"such as {cells[0]!r}" if cells else "every cell is missing"
        remedy = (
            f"if its cells are numbers all the same: {shell(['--numeric', name])}"
            if column.is_code
            else "name a numeric column"
        )
        raise RequestError(
            "target-not-numeric", f"{name} is text ({shown}): targets and weights must be numeric", remedy
        )


def in_place_of(name: str, column: Column) -> str:
    """What to do where a feature is none by its kind."""
    if column.kind == Kind.CLOCK:
        return f"leave it out; {as_minutes(name)}"
    if column.kind != Kind.TIME:
        return "leave it out, or turn it into numbers"
    return f"take {' or '.join(f'{part}({quoted(name)})' for part in DATE_PARTS)} of it, or leave it out"


def _expect_usable(names: Sequence[str], schema: Mapping[str, Column]) -> None:
    for name in names:
        if not schema[name].kind.is_feature:
            raise RequestError(
                "feature-unusable",
                f"the feature {name} {schema[name].note}",
                in_place_of(name, schema[name]),
            )
