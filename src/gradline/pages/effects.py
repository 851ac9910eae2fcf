"""What each column does to a prediction, in the target's units and with intervals: the changes that readers ask for."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gradline.core.errors import DataError
from gradline.core.text import joined, number
from gradline.data.schema import Kind
from gradline.data.terms.grammar import Call, Name
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.pages.digits import rounded
from gradline.pages.effect_sizes import sizes
from gradline.pages.labels import Labels
from gradline.pages.variables import Variable, encoded, shortened

LEVEL = 0.95  # of the intervals, by custom
MOST_CHANGES = 60  # of a category: a column of more levels is told by those that differ most
_WHERE = 4  # levels of another column, for which an effect is told one by one
_TENTH = 1.1  # a column that enters by its logarithm alone is told by a tenth more
_BASES = {"log": math.e, "log2": 2.0, "log10": 10.0}


class Case(NamedTuple):
    """What is asked, in words, and the two values of a column between which the prediction changes."""

    what: str
    start: float | str
    end: float | str


@dataclass(frozen=True)
class Change:
    """One answer: `what` changes, `where` the other columns stand, and by how much the prediction does.

    `is_share` says that the target is a logarithm: the figures are the share by which its column grows.
    """

    what: str
    where: str
    estimate: float
    low: float
    high: float
    is_share: bool = False

    @property
    def is_sure(self) -> bool | None:
        """Whether its sign is sure: its interval leaves out zero. None where there is no interval."""
        return None if math.isnan(self.low) else not self.low <= 0 <= self.high

    @property
    def words(self) -> str:
        """What changes and where."""
        return f"{self.what}, {self.where}" if self.where else self.what

    @property
    def error(self) -> float:
        """A quarter of the interval, about a standard error: what digits are chosen by."""
        return (self.high - self.low) / 4


@dataclass(frozen=True)
class Effect:
    """A column: the `size` of its part of the prediction, see `sizes`, and its changes."""

    column: str
    size: float
    changes: tuple[Change, ...]
    is_curved: bool
    partners: tuple[str, ...]  # columns that it acts together with


def effects(
    model: LinearModel, known: Mapping[str, Variable], labels: Labels, j: int, most: int = 30
) -> list[Effect]:
    """The effects on target j, the largest by `sizes` first; those beyond `most` are left out."""
    told, size = _Told(model, known, labels, j), sizes(model, known, j)
    order = sorted(size, key=lambda name: -size[name] if math.isfinite(size[name]) else math.inf)
    return [told.effect(name, size[name]) for name in order[:most]]


@dataclass(frozen=True, eq=False)
class _Told:
    model: LinearModel
    known: Mapping[str, Variable]
    labels: Labels
    j: int

    def effect(self, column: str, size: float) -> Effect:
        """The changes that are asked about a column."""
        one = self.known[column]
        terms = [term for term in self.model.design.terms if column in term.columns]
        partners = tuple(dict.fromkeys(name for term in terms for name in term.columns if name != column))
        curved = one.levels is None and any(not self._is_linear(term, column) for term in terms)
        changes: list[Change] = []
        if one.is_known and all(self.known[name].is_known for name in partners):
            cases = list(self._cases(one, curved))
            for where, others in self._standings(one, partners):
                changes += self._changes(one, cases, where, others)
        return Effect(column, size, tuple(changes[:MOST_CHANGES]), curved, partners)

    def _is_linear(self, term: object, column: str) -> bool:
        factors = getattr(term, "factors", None)
        if factors is None:
            return True
        own = [factor for factor in factors if column in factor.inputs]
        return len(own) == 1 and isinstance(getattr(own[0], "node", None), Name)

    def _cases(self, one: Variable, curved: bool) -> Iterator[Case]:
        """What is asked of a column: a level against the base, one more, or a way along a curve."""
        label = self.labels.of(one.name)
        if one.levels is not None:
            base = self.labels.level(one.name, one.levels[0])
            for level in one.levels[1:]:
                yield Case(
                    f"{label} {self.labels.level(one.name, level)} rather than {base}", one.levels[0], level
                )
        elif one.is_binary and not curved:
            yield Case(self.labels.more(one.name) or f"{label} 1 rather than 0", 0.0, 1.0)
        elif not curved:
            yield self._more(one)
        elif self._is_logarithm(one.name) and one.middle > 0:
            yield Case(f"{label}, a tenth more", one.middle, one.middle * _TENTH)
        else:
            low, high = one.apart
            middle = shortened(one.middle, one.spread)
            ends = [low, middle, high] if low < middle < high else [one.low, one.high]
            for a, b in pairwise(ends):
                yield Case(f"{label} from {self._value(one, a)} to {self._value(one, b)}", a, b)

    def _more(self, one: Variable) -> Case:
        """One more, or as many tens or tenths more as the column easily varies by."""
        step = 1.0
        if one.spread > 0 and math.isfinite(one.spread) and not 0.3 <= one.spread < 1000:
            step = 10.0 ** math.floor(math.log10(one.spread))
        start = 0.0 if one.kind != Kind.TIME else one.middle
        if step == 1.0 and (more := self.labels.more(one.name)):
            return Case(more, start, start + step)
        unit = self.labels.unit(one.name)
        amount = number(step) + (f" {unit}" if unit else "")
        what = f"{self.labels.of(one.name)}, {'one' if amount == '1' else amount} more"
        return Case(what, start, start + step)

    def _value(self, one: Variable, value: float | str) -> str:
        if one.levels is not None:
            return self.labels.level(one.name, str(value))
        if one.kind == Kind.TIME:
            return str(one.cell(value))
        unit = self.labels.unit(one.name)
        return number(float(value), 4).replace("-", "−", 1) + (f" {unit}" if unit else "")

    def _is_logarithm(self, column: str) -> bool:
        """Whether the column enters by its logarithm alone."""
        terms = [term for term in self.model.design.terms if column in term.columns]
        factors = [f for term in terms for f in getattr(term, "factors", ()) if column in f.inputs]
        nodes = [getattr(factor, "node", None) for factor in factors]
        return len(nodes) == len(terms) and all(
            isinstance(node, Call) and node.function in _BASES and isinstance(node.arguments[0], Name)
            for node in nodes
        )

    def _standings(
        self, effect_of: Variable, partners: Sequence[str]
    ) -> Iterator[tuple[str, dict[str, float | str]]]:
        """Where the first of the columns that it acts together with stands; the others are as usual.

        Levels are compared at the mean of a number, whose slope in each of them is told already.
        """
        if not partners:
            yield "", {}
            return
        one, others = self.known[partners[0]], [self.known[name] for name in partners[1:]]
        values = one.levels[:_WHERE] if one.levels is not None else one.apart
        if effect_of.levels is not None and one.levels is None:
            values = (one.usual,)
        rest = [f"{self.labels.of(each.name)} is {self._value(each, each.usual)}" for each in others]
        for value in values:
            words = [f"{self.labels.of(one.name)} is {self._value(one, value)}", *rest]
            yield f"where {joined(words)}", {one.name: value}

    def _changes(
        self, one: Variable, cases: Sequence[Case], where: str, others: Mapping[str, float | str]
    ) -> Iterator[Change]:
        rows = [{**others, one.name: value} for case in cases for value in (case.start, case.end)]
        try:
            X = encoded(self.model, self.known, rows)
        except DataError:  # a term has no value there, such as a logarithm of a number that no row has
            return
        is_share = logarithm_of(self.model, self.j) is not None
        for case, figures in zip(cases, self._figures(X[1::2] - X[::2]), strict=True):
            yield Change(case.what, where, *figures, is_share=is_share)

    def _figures(self, apart: np.ndarray) -> Iterator[tuple[float, float, float]]:
        """Estimate and interval of each difference between rows X (r, p); NaN where the data do not determine it."""
        weight, known = self.model.weight[self.j], self.model.inference.estimates
        base = logarithm_of(self.model, self.j)
        determined = np.array(self.model.certificate.determined)
        for row in apart:
            value = float(row @ weight) if not (row != 0)[~determined].any() else math.nan
            reach = math.nan
            if known is not None and math.isfinite(value):
                whole = row if known.value.bias is None else np.concatenate([[0.0], row])
                reach = quantile(LEVEL, known.freedom) * float(known.contrast(whole).stderr[self.j, 0])
            ends = (value, value - reach, value + reach)
            yield ends if base is None else tuple(base**end - 1 for end in ends)  # type: ignore[misc]


def logarithm_of(model: LinearModel, j: int) -> float | None:
    """The base of which target j is the logarithm of a column: its changes are shares of that. None of any other."""
    transforms = model.design.transforms
    node = getattr(transforms[j], "node", None) if transforms else None
    if isinstance(node, Call) and node.function in _BASES and isinstance(node.arguments[0], Name):
        return _BASES[node.function]
    return None


def in_words(change: Change, unit: str = "") -> str:
    """The whole of it: "one more bathroom: +14,300 (11,400 to 17,300)"."""
    value, low, high = written(change, unit)
    return f"{change.words}: {value}" + (f" ({low} to {high})" if low else "")


def written(change: Change, unit: str = "") -> tuple[str, str, str]:
    """Estimate and the ends of its interval as a sentence has them: +14,300, 11,400 and 17,300; shares in per cent."""
    scale = 100.0 if change.is_share else 1.0
    end = " %" if change.is_share else f" {unit}" if unit else ""
    if math.isnan(change.estimate):
        return "not determined by these rows", "", ""
    error = scale * change.error
    ends = [rounded(scale * value, error) for value in (change.low, change.high)]
    value = rounded(scale * change.estimate, error, signed=True) + end
    return (value, *ends) if math.isfinite(change.low) else (value, "", "")  # type: ignore[return-value]
