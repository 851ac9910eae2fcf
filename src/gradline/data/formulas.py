"""From a formula to a design: which terms it has over a table, and what they learn from the training rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gradline.core.errors import Notice, RequestError
from gradline.core.text import listed, nearest
from gradline.data.design import Category, DesignSpec, Number, Term
from gradline.data.infer_design import (
    InferredDesign,
    asked,
    categorical,
    expect_known,
    expect_number,
    expect_sure,
    expect_words,
    in_place_of,
    infer_design,
    kinds_of,
    seen_in,
)
from gradline.data.row_stream import Holdout, Split, grouped, held_out_rows
from gradline.data.schema import Column, Kind, joint_kinds
from gradline.data.selection import Selection
from gradline.data.source import Batch, Source
from gradline.data.table_rows import TableRows
from gradline.data.terms.algebra import Formula, columns, expand, has_dot, target_nodes
from gradline.data.terms.arithmetic import Arithmetic
from gradline.data.terms.categories import Levels
from gradline.data.terms.families import Factor, begun
from gradline.data.terms.functions import DATE_PARTS
from gradline.data.terms.grammar import Call, Name, Node, parse, text
from gradline.data.terms.marginality import Marginality
from gradline.data.terms.product import Product
from gradline.data.terms.transforms import TargetTransform, target_transform
from gradline.data.terms.written_names import quoted

_BLOCK = 1 << 14  # training rows that terms learn from at a time, whatever the file's format


def infer_formula(source: Source, selection: Selection, holdout: Holdout | None) -> InferredDesign:
    """The design that a formula describes over a table; terms learn levels, means and knots from training rows alone.

    The formula is `selection.formula`, or the sum of `features` that are written as terms. Raises `RequestError` for
    what it cannot mean, `DataError` where a training row gives a term no value.
    """
    wanted = _asked(source, selection)
    transforms, schema = wanted.transforms, source.schema()
    targets = list(dict.fromkeys(name.name for node in wanted.targets for name in columns(node)))
    weights = [] if selection.weights is None else [selection.weights]
    expect_known(schema, [*targets, *selection.exclude, *weights])
    schema |= asked(schema, replace(selection, targets=targets))
    for name in [*targets, *weights]:
        expect_number(source, name, schema[name])
    notices: list[Notice] = []
    every: Sequence[str] = ()
    if any(map(has_dot, wanted.written)):
        also = [name for name in selection.also if name in schema]
        rest = infer_design(
            source, replace(selection, targets=targets, features=None, formula=None, also=also)
        )
        every = [term.columns[0] for term in rest.design.terms]
        notices += [notice for notice in rest.notices if notice.code == "column-left-out"]
    formula = _joined([expand(part, every) for part in wanted.written])
    notices += formula.notices
    _expect_roles(formula, selection, targets, list(schema))
    factors = _learned(formula, source, schema, replace(selection, targets=targets), holdout)
    terms = list(_terms(formula, factors))
    if not terms:
        raise RequestError(
            "formula-without-term", "the formula has no term beside the bias", "name a column in it"
        )
    used = {name for term in terms for name in term.columns}
    notices = [notice for notice in notices if notice.about not in used]
    for factor in factors.values():
        if isinstance(factor, Levels):
            notices += _categorical(factor, source, schema, selection.category)
    kinds = kinds_of(schema, [*targets, *weights, *(name for term in terms for name in term.columns)])
    design = DesignSpec(tuple(terms), wanted.names, selection.weights, selection.meaning, kinds, transforms)
    return InferredDesign(design, notices)


class _Asked(NamedTuple):
    """The targets, each a column or a transform of one, and the formulas whose terms are wanted."""

    targets: list[Node]
    written: list[str]

    @property
    def names(self) -> tuple[str, ...]:
        """What the targets are called."""
        return tuple(node.name if isinstance(node, Name) else text(node) for node in self.targets)

    @property
    def transforms(self) -> tuple[TargetTransform | None, ...]:
        """Those of the targets; empty where all are columns. Raises `RequestError` for one without a way back."""
        if all(isinstance(node, Name) for node in self.targets):
            return ()
        return tuple(None if isinstance(node, Name) else target_transform(node) for node in self.targets)


def _asked(source: Source, selection: Selection) -> _Asked:
    names = set(source.names())
    given: list[Node] = [Name(name) if name in names else parse(name) for name in selection.targets]
    if selection.formula is None:
        if not given:
            raise RequestError(
                "no-target", "no target is named", "name one or more with -t COLUMN (targets= in Python)"
            )
        features = ["."] if selection.features is None else selection.features
        written = [*features, *(name for name in selection.also if selection.features or name not in names)]
        return _Asked(given, [quoted(name) if name in names else name for name in written])
    written = list(target_nodes(selection.formula))
    own = [name for node in written for name in columns(node)]  # which Y beside a frame X is called after
    if written and given not in ([], written, own):
        raise RequestError(
            "target-said-twice",
            f"the formula predicts {listed(map(text, written))} and the targets are {listed(selection.targets)}",
            "name the targets once, left of ~ in the formula",
        )
    if not (written or given):
        raise RequestError(
            "no-target", "the formula names no target", "write it left of ~, as in 'price ~ area'"
        )
    return _Asked(written or given, [selection.formula])


def _joined(formulas: Sequence[Formula]) -> Formula:
    """The sum of some formulas, in their order within each degree."""
    if len(formulas) == 1:
        return formulas[0]
    terms = {frozenset(map(text, term)): term for formula in formulas for term in formula.terms}
    notices = tuple(notice for formula in formulas for notice in formula.notices)
    return Formula((), tuple(sorted(terms.values(), key=len)), True, notices)


def _expect_roles(
    formula: Formula, selection: Selection, targets: Sequence[str], known: Sequence[str]
) -> None:
    """Refuse columns that are not there, and features that have another role too."""
    for node in (node for term in formula.terms for factor in term for node in columns(factor)):
        if node.name not in known:
            raise RequestError("column-unknown", f"there is no column {node.name}", nearest(node.name, known))
        roles = {"target": targets, "excluded": selection.exclude, "weights": [selection.weights]}
        for role, names in roles.items():
            if node.name in names:
                raise RequestError(
                    "column-in-two-roles", f"{node.name} is a feature and also {role}", "drop one of the two"
                )


def _learned(
    formula: Formula,
    source: Source,
    schema: Mapping[str, Column],
    selection: Selection,
    holdout: Holdout | None,
) -> dict[str, Factor]:
    """The factors of all terms by their texts, each once, after one pass over the training rows where any learns."""
    nodes = {text(factor): factor for term in formula.terms for factor in term}
    begun_ones = {name: begun(node, schema) for name, node in nodes.items()}
    learners = [one for one in begun_ones.values() if not isinstance(one, Arithmetic)]
    reads = joint_kinds(pair for one in begun_ones.values() for pair in one.inputs.items())
    expect_sure(schema, (), reads)
    for name, kind in reads.items():
        is_clock = kind == Kind.TIME and schema[name].kind == Kind.CLOCK
        if is_clock or (kind == Kind.NUMBER and not schema[name].kind.is_numeric):
            _refuse_kind(name, schema[name])
    if learners:
        kinds = kinds_of(
            schema, [*selection.targets, *([selection.weights] if selection.weights else []), *reads]
        )
        for batch, w in _training_rows(reads, kinds, source, selection, holdout):
            for learner in learners:
                learner.see(batch, w)
    return {name: one if isinstance(one, Arithmetic) else one.learned() for name, one in begun_ones.items()}


def _refuse_kind(name: str, column: Column) -> None:
    if column.kind == Kind.TEXT:
        raise RequestError(
            "formula-text-as-number",
            f"{name} is text, and the formula takes it for a number",
            f"name it on its own, as {quoted(name)} or C({quoted(name)}), or take {listed(DATE_PARTS)} of a date",
        )
    raise RequestError(
        "feature-unusable",
        f"the feature {name} {column.note}",
        in_place_of(name, column),
    )


def _training_rows(
    reads: Mapping[str, Kind],
    kinds: tuple[tuple[str, Kind], ...],
    source: Source,
    selection: Selection,
    holdout: Holdout | None,
) -> Iterator[tuple[Batch, np.ndarray | None]]:
    """The complete rows that are not held out, in blocks that do not depend on the file's format.

    With them how often each counts, where weights are counts.
    """
    raw: Any = _Raw(reads)
    weights, meaning = selection.weights, selection.meaning
    design = DesignSpec((raw,), tuple(selection.targets), weights, meaning, kinds)
    pieces = TableRows(source, design, selection.missing).pieces()
    size = Split.STRIPE if holdout else _BLOCK
    for number, group in enumerate(grouped(pieces, size)):
        batch = Batch.joined([piece.batch for piece in group])
        if holdout:
            held = held_out_rows(holdout.share, holdout.seed, number, batch.frame.height)
            batch = batch.where(pl.Series(~held))
        counts = batch.frame[weights].to_numpy() if weights is not None and meaning == "counts" else None
        yield batch, counts


@dataclass(frozen=True)
class _Raw:
    """A term that asks for columns and makes none."""

    inputs: Mapping[str, Kind]
    names = ()


def _terms(formula: Formula, factors: Mapping[str, Factor]) -> Iterator[Term]:
    """The terms in their order, each in as few columns as it adds to those before it."""
    spanned = Marginality(formula.bias)
    for term in formula.terms:
        own = {text(node): factors[text(node)] for node in term}
        numbers = frozenset(name for name, factor in own.items() if not isinstance(factor, Levels))
        for part in spanned.parts(numbers, [name for name in own if name not in numbers]):
            chosen = [
                replace(factor, full=part[name]) if isinstance(factor, Levels) else factor
                for name, factor in own.items()
                if name in numbers or name in part
            ]
            yield _term(chosen)


def _term(factors: Sequence[Factor]) -> Term:
    """A plain column, or a plain category, as fits without a formula have them; else a product."""
    if len(factors) == 1:
        (factor,) = factors
        if isinstance(factor, Arithmetic) and isinstance(factor.node, Name):
            return Number(factor.node.name)
        if isinstance(factor, Levels) and factor.bases and factor.cells == "text":
            (column,) = factor.inputs
            return Category(column, factor.levels)
    return Product(tuple(factors))


def _categorical(
    factor: Levels, source: Source, schema: Mapping[str, Column], categories: Sequence[str]
) -> list[Notice]:
    """What the user should know of a category. Raises `DataError` where its words are numbers in another notation."""
    base = f", base {factor.levels[0]!r}" if factor.bases else f", {factor.options.contrast} contrasts"
    said = Notice("column-categorical", f"{factor.label} is categorical: {len(factor.levels)} levels{base}")
    if factor.cells != "text":
        return [said]
    column, is_asked = schema[factor.label], factor.label in categories or isinstance(factor.node, Call)
    if not is_asked:
        expect_words(source, factor.label, column, factor.levels)
    if factor.bases:
        said = categorical(factor.label, factor.levels, column, is_asked)
    shown = seen_in(source, factor.label, factor.levels, column)
    has_order = factor.options.levels is not None or factor.options.contrast == "poly"
    return [said, *(notice for notice in shown if not (has_order and notice.code == "levels-ordered"))]
