"""Several models side by side: how well each predicts what they share, and which does best on rows it has not seen."""

from collections.abc import Sequence
from typing import Any

from gradline.core.text import joined, number
from gradline.pages.labels import Labels
from gradline.pages.report_content import Told
from gradline.pages.report_text import Account, Cell, Row, Table, cell

_FIGURES = (
    ("R²", ".4f", "r2.{j}"),
    ("adjusted R²", ".4f", "inference.adjusted_r2.{j}"),
    ("typical error", ".4g", "rmse.{j}"),
)
_LIKELY = (("AIC", ".6g", "inference.aic.{j}"), ("BIC", ".6g", "inference.bic.{j}"))
_HELD = ("typical error, held out", ".4g", "holdout.rmse.{j}")


def compared(every: Sequence[Told], labels: Labels) -> dict[str, Any]:
    """A table for each target that two models or more have, and what they say in words."""
    targets = dict.fromkeys(target for one in every for target in one.account.model.targets)
    shared = [t for t in targets if sum(t in one.account.model.targets for one in every) > 1]
    prints = {one.account.model.moments.statistics.fingerprint for one in every}
    same = len({one.account.model.moments.rows for one in every}) == 1
    said = []
    if not same:
        said.append(
            "The models were trained on different numbers of rows, so their AIC and BIC do not compare."
        )
    elif len(prints) > 1:
        said.append("The columns differ, so that only figures of the target compare.")
    if len(shared) < len(targets):
        apart = joined([labels.of(target) for target in targets if target not in shared])
        said.append(f"Only one of them predicts {apart}.")
    found = [_best(every, target, labels) for target in shared]
    return {
        "sentences": [*(words for words in found if words), *said],
        "tables": [_table(every, target, labels) for target in shared],
    }


def _error(one: Told, target: str) -> float | None:
    """The typical error on rows that the model has not seen: those held out, or each by a fit of all others."""
    model = one.account.model
    j = model.targets.index(target)
    if model.holdout is not None:
        return model.holdout.rmse[j]
    return None if one.rows is None or one.rows.left_out is None else one.rows.left_out[j].rmse


def _best(every: Sequence[Told], target: str, labels: Labels) -> str:
    those = [one for one in every if target in one.account.model.targets]
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
    those = [one for one in every if target in one.account.model.targets]
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
