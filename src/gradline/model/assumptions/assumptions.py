"""Assumptions of a model's standard errors held against its rows: what holds, what does not, what that changes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.text import counted, listed, number, wrapped
from gradline.data.design import Number
from gradline.data.schema import Kind
from gradline.data.terms.written_names import quoted
from gradline.model.assumptions import statistics
from gradline.model.assumptions.row_sums import RowSums
from gradline.model.assumptions.statistics import Tested
from gradline.model.model import LinearModel
from gradline.model.residuals import Diagnostics, diagnostics

CHANCE = 0.01  # a p below this is no chance; of five tests of data that hold one in twenty is told so
# What is small is not told even where many rows make it sure:
_ERRORS = 0.15  # of a standard error, by which another way changes it
_BENT = 0.01  # of what is left of the target, which a bend explains
_SKEWED, _TAILS = (
    0.5,
    1.0,
)  # skewness and excess kurtosis, of which so few rows as 30 are enough for normal means
_ALIKE = 0.1  # correlation of neighbours, at which standard errors are a tenth too small
_ALONE = 1e6  # standard errors of a fit without the row: more are a rounding of none, for the others are fitted exactly
_MANY = 200  # rows, whose means are normal for errors as skewed as those of an exponential
_COOK = 1.0  # Cook's distance that moves coefficients as far as their joint interval of half the draws (Cook 1977)


@dataclass(frozen=True)
class Finding:
    """What one assumption came to: its question, whether it holds (None: not known), the sentence and a remedy.

    `figures` are those of the tests as they stand in the sentence, in brackets.
    """

    code: str
    holds: bool | None
    sentence: str
    remedy: str
    tests: tuple[Tested, ...]
    figures: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The sentence without them, for who asks what it means alone."""
        said = self.sentence
        for figures in self.figures:
            said = said.replace(f" ({figures})", "", 1)
        return said

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        told = {"code": self.code, "holds": self.holds, "sentence": self.sentence, "remedy": self.remedy}
        return {**told, "tests": [test.to_dict() for test in self.tests]}


@dataclass(frozen=True)
class Assumptions:
    """The findings for each target, in the order of what hurts most; `str` of them is a page in words."""

    rows: int
    targets: tuple[str, ...]
    findings: tuple[tuple[Finding, ...], ...]

    def __str__(self) -> str:
        return "\n\n".join(
            "\n".join(self._of(*pair)) for pair in zip(self.targets, self.findings, strict=True)
        )

    def _of(self, target: str, findings: tuple[Finding, ...]) -> Iterator[str]:
        wrong = [one for one in findings if one.holds is False]
        verdict = "nothing speaks against" if not wrong else f"{counted(len(wrong), 'thing')} against"
        yield wrapped(
            f"{target}, {counted(self.rows, 'row')}: {verdict} the standard errors as they are shown.", 0
        )
        for one in sorted(findings, key=lambda one: {False: 0, None: 1, True: 2}[one.holds]):
            mark = {False: "✗", None: "–", True: "✓"}[one.holds]
            said = f"{mark} {one.sentence}" + (f" {one.remedy}" if one.holds is False else "")
            yield wrapped(said)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        found = {
            target: [one.to_dict() for one in findings]
            for target, findings in zip(self.targets, self.findings, strict=True)
        }
        return {"rows": self.rows, "assumptions": found}


def assumptions(
    model: LinearModel,
    data: Any,
    targets: Any = None,
    *,
    weights: Any = None,
    missing: str = "error",
) -> Assumptions:
    """Hold a least-squares model against its training rows: five assumptions, each tested and measured.

    Errors of equal size (Breusch–Pagan, White), a straight line (RESET), normal errors (Jarque–Bera), neighbouring rows
    that have nothing to do with each other (Durbin–Watson, Breusch–Godfrey), no row that decides (outlier test, Cook).
    Parameters as in `diagnostics`. Two passes over the rows, in memory that does not grow with them. Raises what that
    raises, and `RequestError` for row weights, for which these tests are not made.

    >>> import gradline
    >>> from gradline.model.assumptions import assumptions
    >>> model = gradline.fit("example:engel", "food")
    >>> [finding.code for finding in assumptions(model, "example:engel").findings[0] if finding.holds is False]
    ['shape', 'spread', 'order', 'rows', 'normal']
    """
    if model.moments.weights_are is not None:
        raise RequestError(
            "assumptions-of-weights",
            "the tests of assumptions are of rows that count alike, and these have weights",
            "fit without weights to see them, or use robust errors: --robust HC3",
        )
    found = diagnostics(model, data, targets, weights=weights, missing=missing)
    inference = found.inference
    moments, p = model.moments, len(model.features)
    scale = np.linalg.norm(moments.factor[:, :p] @ model.weight.T, axis=0) / math.sqrt(moments.weight_sum)
    level = np.zeros(len(scale)) if model.has_bias else moments.mean[:p] @ model.weight.T
    every = [RowSums(float(m), float(s), inference.basis.q) for m, s in zip(level, scale, strict=True)]
    for scored in found.scored():
        rows = found.of_rows(scored)
        for j, sums in enumerate(every):
            sums.add(scored, rows, j)
    findings = tuple(tuple(_findings(model, found, sums, j)) for j, sums in enumerate(every))
    return Assumptions(every[0].rows, model.targets, findings)


def _findings(model: LinearModel, found: Diagnostics, sums: RowSums, j: int) -> Iterator[Finding]:
    sigma, freedom = found.inference.residual_stderr, found.inference.freedom
    if sigma is None or math.isnan(sigma[j]):
        yield Finding(
            "exact", None, "The target is fitted exactly, so there are no errors to look at.", "", ()
        )
        return
    yield _shape(model, sums, freedom, j)
    yield _spread(model, found, sums, j)
    yield _order(sums)
    yield _rows(sums, freedom)
    yield _normal(model, sums, j)


def _shape(model: LinearModel, sums: RowSums, freedom: float, j: int) -> Finding:
    test = statistics.bend(sums, freedom)
    if math.isnan(test.p_value):
        why = "what would bend it is a column already" if not test.degrees else "the rows are too few"
        said = f"Whether a straight line is enough cannot be told: {why}."
        return Finding("shape", None, said, "", (test,))
    told = _told(test)
    more = f"squares and cubes of the predictions explain {_percent(test.size)} of what is left ({told})"
    if test.p_value < CHANCE and test.size > _BENT:
        ways = [
            *_logarithm(model, j),
            *_square(model, j),
            "other columns, or products of those that there are",
        ]
        remedy = f"Try {' or '.join(ways[:2])}."
        return Finding("shape", False, f"A straight line is not enough: {more}.", remedy, (test,), (told,))
    return Finding("shape", True, f"Nothing speaks against a straight line: {more}.", "", (test,), (told,))


def _spread(model: LinearModel, found: Diagnostics, sums: RowSums, j: int) -> Finding:
    tests = [statistics.spread(sums, model.has_bias), statistics.spread_by_prediction(sums)]
    tests = [test for test in tests if not math.isnan(test.p_value)]
    name, robust = ("HC3", found.HC3) if found.HC3 is not None else ("HC1", found.HC1)
    known = found.inference.estimates
    assert known is not None
    with np.errstate(invalid="ignore"):
        changes = (robust.stderr.stacked[j] / known.stderr.stacked[j] - 1)[int(model.has_bias) :]
    largest = int(np.nanargmax(np.abs(changes)))
    change = float(changes[largest])
    size = f"{_percent(abs(change))} {'larger' if change > 0 else 'smaller'}"
    effect = f"under {name} the standard error of {model.features[largest]} would be {size}"
    told = _told(*tests)
    if any(test.p_value < CHANCE for test in tests) and abs(change) > _ERRORS:
        said = f"The errors are not of equal size ({told}): {effect}."
        return Finding("spread", False, said, f"Use --robust {name}.", tuple(tests), (told,))
    said = f"Nothing shows errors of unequal size ({told}); {effect}."
    return Finding("spread", True, said, "", tuple(tests), (told,))


def _order(sums: RowSums) -> Finding:
    test, d = statistics.neighbours(sums)
    told = f"correlation {number(test.size, 2)}, Durbin–Watson {d:.3g}, {_told(test)}"
    if not (test.p_value < CHANCE and abs(test.size) > _ALIKE):
        said = f"Errors of neighbouring rows have nothing to do with each other, as far as these rows tell ({told})."
        return Finding("order", True, said, "", (test,), (told,))
    likeness, effect = ("alike", "too small") if test.size > 0 else ("opposite", "too large")
    said = f"Errors of neighbouring rows are {likeness} ({told})."
    remedy = (
        f"If the order of rows is that of time or place, standard errors are {effect}: add what neighbours share as a "
        "column, or use --cluster."
    )
    return Finding("order", False, said, remedy, (test,), (told,))


def _rows(sums: RowSums, freedom: float) -> Finding:
    test, row = statistics.outlier(sums, freedom)
    distance, mover = sums.influence
    how_far = f"{number(test.value, 3)} standard errors off"
    if test.value > _ALONE:
        how_far = "the only one that is off the others' line"
    alone = f"p {test.p_value:.2g} among {sums.rows:,} rows"
    chance, moving = f"{how_far} ({alone})", f"Cook's distance {number(distance, 2)}"
    figures = (alone, moving)
    far, moves = test.p_value < CHANCE, distance > _COOK
    remedy = "Look at it: mend a slip of the pen; keep what is true, and tell both answers."
    if far and moves and row == mover:
        said = f"Row {row + 1:,} is {chance} and moves the coefficients by itself ({moving})."
    elif far:
        said = f"Row {row + 1:,} is {chance}."
    elif moves:
        said = f"Row {mover + 1:,} moves the coefficients by itself ({moving})."
    else:
        said = f"No row stands out: the farthest, row {row + 1:,}, is {chance}, and the largest is {moving}."
        return Finding("rows", True, said, "", (test,), figures)
    if far and moves and row != mover:
        said += f" Row {mover + 1:,} moves the coefficients by itself ({moving})."
    return Finding("rows", False, said, remedy, (test,), figures)


def _normal(model: LinearModel, sums: RowSums, j: int) -> Finding:
    test, excess = statistics.normality(sums)
    told = f"skewness {number(test.size, 2)}, excess kurtosis {number(excess, 2)}, {_told(test)}"
    if not (test.p_value < CHANCE and (abs(test.size) > _SKEWED or abs(excess) > _TAILS)):
        return Finding(
            "normal", True, f"Nothing shows errors that are not normal ({told}).", "", (test,), (told,)
        )
    remedy = (
        "With so many rows the coefficients' intervals hold all the same; those of predictions do not."
        if sums.rows >= _MANY
        else f"With so few rows intervals are rough{''.join(f': try {way}' for way in _logarithm(model, j))}."
    )
    return Finding("normal", False, f"The errors are not normal ({told}).", remedy, (test,), (told,))


def _logarithm(model: LinearModel, j: int) -> list[str]:
    """That of the target as a way out, where it has one and is none."""
    least = model.moments.statistics.minimum[model.moments.p + j]
    if model.design.transforms or not least > 0:
        return []
    return [f"the logarithm of the target, log({quoted(model.targets[j])})"]


def _square(model: LinearModel, j: int) -> list[str]:
    """That of the column of numbers that moves predictions most, where there is one with more than two values."""
    names, statistics = model.features, model.moments.statistics
    numbers = {term.column for term in model.design.terms if isinstance(term, Number)}
    reach = {
        name: abs(model.weight[j, i]) * (statistics.maximum[i] - statistics.minimum[i])
        for i, name in enumerate(names)
        if name in numbers and model.design.inputs[name] != Kind.BOOLEAN
    }
    return [f"the square of a column, such as {quoted(max(reach, key=reach.__getitem__))}^2"] if reach else []


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)} %"


def _told(*tests: Tested) -> str:
    return listed(f"{test.name} p {test.p_value:.2g}" for test in tests)
