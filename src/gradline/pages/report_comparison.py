"""Several models side by side: how well each predicts what they share, and which does best on rows it has not seen."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradline.core.coefficients import feature_name
from gradline.core.text import joined, number
from gradline.pages.digits import rounded
from gradline.pages.labels import Labels
from gradline.pages.report_content import Told
from gradline.pages.report_text import Account, Cell, Row, Table, cell

_FIGURES = (
    ("R²", ".4f", "r2.{j}"),
    ("adjusted R²", ".4f", "inference.adjusted_r2.{j}"),
    ("typical error", ".4g", "rmse.{j}"),
)
_LIKELY = (("AIC", ".6g", "inference.aic.{j}"), ("BIC", ".6g", "inference.bic.{j}"))
_MOST = 40  # coefficients side by side
_OTHER_ROWS = "The models were trained on different rows, so their AIC and BIC do not compare."
_HELD = ("typical error, held out", ".4g", "holdout.rmse.{j}")


def compared(every: Sequence[Told], labels: Labels) -> dict[str, Any]:
    """A table for each target that two models or more have, and what they say in words."""
    targets = dict.fromkeys(target for one in every for target in one.account.model.targets)
    shared = [t for t in targets if sum(t in one.account.model.targets for one in every) > 1]
    said = [] if all(_same_rows(every, target) for target in shared) else [_OTHER_ROWS]
    if len(shared) < len(targets):
        apart = joined([labels.of(target) for target in targets if target not in shared])
        said.append(f"Only one of them predicts {apart}.")
    found = [_best(every, target, labels) for target in shared]
    return {
        "sentences": [*(words for words in found if words), *said],
        "tables": [
            table for t in shared for table in (_table(every, t, labels), _coefficients(every, t, labels))
        ],
    }


def _same_rows(every: Sequence[Told], target: str) -> bool:
    """Whether all models have seen as many rows, with the same mean and spread of the target."""
    seen = set()
    for one in _those(every, target):
        moments = one.account.model.moments
        place = moments.p + moments.targets.index(target)
        spread = float(np.linalg.norm(moments.factor[:, place]))
        seen.add((moments.rows, f"{moments.statistics.mean[place]:.9e}", f"{spread:.9e}"))
    return len(seen) == 1


def _those(every: Sequence[Told], target: str) -> list[Told]:
    return [one for one in every if target in one.account.model.targets]


def _coefficients(every: Sequence[Told], target: str, labels: Labels) -> Table:
    """Each coefficient of each model with its standard error, to the digits that this leaves."""
    those = _those(every, target)
    found = [_by_name(one, target) for one in those]
    names = dict.fromkeys(name for one in found for name in one)
    rows = [Row(name, [one.get(name, Cell("")) for one in found]) for name in [*names][:_MOST]]
    left_out = f"; {len(names) - _MOST:,} more are in their tables" if len(names) > _MOST else ""
    caption = f"Coefficients of {labels.of(target)} ± standard errors{left_out}"
    return Table(caption, ["", *(one.content["name"] for one in those)], rows)


def _by_name(one: Told, target: str) -> dict[str, Cell]:
    model, known = one.account.model, one.account.inference.estimates
    j = model.targets.index(target)
    names = [*(["bias"] if model.has_bias else []), *map(feature_name, model.features)]
    values = model.coefficients.stacked[j].tolist()
    errors = [math.nan] * len(values) if known is None else known.stderr.stacked[j].tolist()
    return {
        name: Cell(rounded(value, error) + (f" ± {rounded(error, error)}" if error > 0 else ""), value)
        for name, value, error in zip(names, values, errors, strict=True)
    }


def _error(one: Told, target: str) -> float | None:
    """The typical error on rows that the model has not seen: those held out, or each by a fit of all others."""
    model = one.account.model
    j = model.targets.index(target)
    if model.holdout is not None:
        return model.holdout.rmse[j]
    return None if one.rows is None or one.rows.left_out is None else one.rows.left_out[j].rmse


def _best(every: Sequence[Told], target: str, labels: Labels) -> str:
    those = _those(every, target)
    errors = [_error(one, target) for one in those]
    known = [
        (error, one.content["name"]) for error, one in zip(errors, those, strict=True) if error is not None
    ]
    if len(known) < len(those):
        return ""
    ranked = sorted(known)
    (least, name), (next_error, other) = ranked[0], ranked[1]
    unit = labels.unit(target)
    end = f" {unit}" if unit else ""
    return (
        f"{name} predicts {labels.of(target)} best on rows that it has not seen: its typical error there is "
        f"{number(least, 4)}{end}, that of {other} {number(next_error, 4)}{end}."
    )


def _table(every: Sequence[Told], target: str, labels: Labels) -> Table:
    those = _those(every, target)
    rows = [
        Row("rows", [cell(one.account.model.moments.rows, ",d") for one in those]),
        Row("coefficients", [cell(one.account.inference.basis.q, "d") for one in those]),
    ]
    rows += [_row(name, form, key, those, target) for name, form, key in _FIGURES]
    rows.append(
        Row("typical error, each row by a fit of all others", [_left_out(one, target) for one in those])
    )
    rows += [_row(name, form, key, those, target) for name, form, key in (_HELD, *_LIKELY)]
    shown = [row for row in rows if any(one.value is not None for one in row.cells)]
    return Table(labels.of(target), ["", *(one.content["name"] for one in those)], shown)


def _row(name: str, form: str, key: str, those: Sequence[Told], target: str) -> Row:
    return Row(name, [_number(one.account, key, form, target) for one in those])


def _number(account: Account, key: str, form: str, target: str) -> Cell:
    return account.number(key.format(j=account.model.targets.index(target)), form)._replace(key=None)


def _left_out(one: Told, target: str) -> Cell:
    if one.rows is None or one.rows.left_out is None:
        return Cell("–")
    return cell(one.rows.left_out[one.account.model.targets.index(target)].rmse, ".4g")
