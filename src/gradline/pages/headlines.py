"""What a report says first of a target: its effects in sentences, how well rows are predicted, and in which units."""

import math
from typing import NamedTuple

import numpy as np

from gradline.core.text import counted
from gradline.model.model import LinearModel
from gradline.pages.digits import share, short
from gradline.pages.effects import Change, Effect, written
from gradline.pages.labels import Labels
from gradline.pages.report_text import Account, Cell, Row, Table
from gradline.pages.shown_rows import ShownRows

FIRST = 6  # effects that are told at once; the others are folded
_CHANGES = 3  # of an effect, likewise, but where they differ by where another column stands


class Sentence(NamedTuple):
    """One change: in words, its figures with the ends of its interval, and whether its sign is sure."""

    words: str
    value: Cell
    low: Cell
    high: Cell
    is_sure: bool | None


class Headline(NamedTuple):
    """A column's effect: its name, its bar from 0 to 1, its sentences, and how many more changes there are."""

    column: str
    size: Cell
    bar: float
    sentences: list[Sentence]
    more: int
    reason: str


def headlines(effects: list[Effect], labels: Labels, unit: str) -> list[Headline]:
    """The effects in sentences, each with a bar as long as its size beside the largest."""
    sizes = [effect.size for effect in effects if math.isfinite(effect.size)]
    largest = max(sizes, default=0.0)
    found = []
    for effect in effects:
        shown = _shown(effect)
        bar = effect.size / largest if largest and math.isfinite(effect.size) else 0.0
        found.append(
            Headline(
                labels.of(effect.column),
                Cell(f"{effect.size:.2f}", effect.size) if math.isfinite(effect.size) else Cell("–"),
                bar,
                [_sentence(change, unit) for change in shown],
                len(effect.changes) - len(shown),
                ""
                if effect.changes
                else "where this column lies only the rows can tell: gradline report MODEL DATA",
            )
        )
    return found


def _shown(effect: Effect) -> list[Change]:
    """The changes that are told: those by another column all, of many levels the largest."""
    changes = list(effect.changes)
    if len(changes) <= _CHANGES + 1 or effect.partners:
        return changes[: 4 * _CHANGES]
    largest = sorted(changes, key=lambda one: -abs(one.estimate) if math.isfinite(one.estimate) else 0.0)
    return largest[:_CHANGES]


def _sentence(change: Change, unit: str) -> Sentence:
    value, low, high = written(change, unit)
    return Sentence(
        change.words,
        Cell(value, change.estimate),
        Cell(low, change.low),
        Cell(high, change.high),
        change.is_sure,
    )


def how_well(
    account: Account, rows: ShownRows | None, labels: Labels, j: int, base: float | None
) -> tuple[str, Table]:
    """The first sentence of how well target j is predicted, and in-sample beside out-of-sample figures.

    `base` is that of a target which is a logarithm: its typical error is a share of its column.
    """
    model = account.model
    target, unit = labels.of(model.targets[j]), labels.unit(model.targets[j])
    r2, rmse = model.training.r2[j], model.training.rmse[j]
    table = [
        _fit_row(f"its own {counted(model.training.rows, 'row')}", rmse, r2),
    ]
    if rows is not None and rows.left_out is not None:
        left = rows.left_out[j]
        table.append(_fit_row("each row, by a fit of all others", left.rmse, left.r2))
    if model.holdout is not None:
        held = model.holdout
        table.append(_fit_row(f"{counted(held.rows, 'row')} held out", held.rmse[j], held.r2[j]))
    if model.choice is not None and len(model.targets) == 1:
        error = math.sqrt(float(model.choice.error[model.choice.chosen]))
        table.append(_fit_row(f"rows held out by {model.choice.held_out}", error, None))
    spread = _spread(model, j)
    guess = "always saying the mean" if model.has_bias else "always saying 0"
    table.append(Row(guess, [Cell(short(spread), spread), Cell("0 %")]))
    if r2 is None:
        said = f"{target} does not vary, so nothing can be explained."
    else:
        error = _error(rmse, unit, base, labels.of(model.design.target_columns[j]))
        said = f"The columns explain {share(r2)} of how {target} varies; the typical error is {error}."
        if r2 < 0:
            said = f"By squares {target} is predicted worse than by its mean; the typical error is {error}."
    return said, Table(f"How well {target} is predicted", ["predicting", "typical error", "R²"], table)


def _error(rmse: float, unit: str, base: float | None, column: str) -> str:
    if base is not None:
        return f"{short(rmse)}, about {share(base**rmse - 1)} of {column}"
    return f"{short(rmse)} {unit}" if unit else short(rmse)


def _fit_row(name: str, rmse: float, r2: float | None) -> Row:
    known = r2 is not None and math.isfinite(r2)
    share_of = Cell(share(r2), r2) if known and r2 is not None else Cell("–")
    return Row(name, [Cell(short(rmse), rmse), share_of])


def _spread(model: LinearModel, j: int) -> float:
    """√(Σ w·(y − ȳ)²/Σ w), of a model without a bias √(Σ w·y²/Σ w): the error of no model at all."""
    return float(np.sqrt(model.moments.variation(model.has_bias)[j] / model.moments.weight_sum))


def validation(rows: ShownRows | None, j: int) -> str:
    """Whether intervals of predictions hold what they promise, from rows predicted by all others."""
    if rows is None or rows.left_out is None:
        return ""
    covered = rows.left_out[j].covered
    slack = 3 * math.sqrt(0.05 * 0.95 / max(rows.rows, 1))  # three standard errors of the share
    said = f"Of 95 % intervals around predictions, {share(covered)} hold their row, each row predicted by all others"
    return (
        f"{said}: as promised."
        if abs(covered - 0.95) <= slack
        else f"{said}: they promise more or less than they hold."
    )
