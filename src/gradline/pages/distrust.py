"""What to distrust of a model: each doubt in a sentence with what it changes, and what to try, the gravest first."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from gradline.core.errors import GradlineError
from gradline.core.text import counted, joined, number
from gradline.data.design import Number
from gradline.model.assumptions import Finding, assumptions
from gradline.model.certificate import sentences
from gradline.model.doctor.copies import copies, near_copies
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.suspects import LEAK
from gradline.pages.digits import share
from gradline.pages.labels import Labels
from gradline.pages.shown_rows import ShownRows

# What one of more than so many columns leaves, of which all together explain much and leave nearly as much as it alone.
_BESIDE, _MUCH, _NEARLY = 3, 0.8, 1.25
_INFLATION = (
    10.0  # a VIF from which an interval is three times as wide as without the others (Marquardt 1970)
)
_ROWS = 10  # for each coefficient, fewer of which follow chance (Harrell 2015, section 4.4)
_WORSE = 1.2  # times its own error that a model makes on rows it has not seen
_COPIED = 0.02  # of the rows, copies of which make intervals narrower by a hundredth
_DROPPED = 0.05  # of the rows, whose leaving may bend an answer


class Doubt(NamedTuple):
    """One thing to distrust: what is wrong and what that changes, and what to do about it."""

    code: str
    sentence: str
    remedy: str


def findings(model: LinearModel, data: Any) -> tuple[tuple[tuple[Finding, ...], ...], str | None]:
    """The assumptions of each target held against the rows; none, and why, where they cannot be."""
    if model.holdout is not None:
        return (), "rows were held out of training; fit without --holdout to have all of them tested"
    try:
        return assumptions(model, data, missing="drop").findings, None
    except GradlineError as error:
        return (), error.cause


def doubts(
    model: LinearModel, labels: Labels, j: int, found: tuple[Finding, ...], rows: ShownRows | None
) -> list[Doubt]:
    """All that speaks against an answer for target j."""
    return [
        *_training(model),
        *_leaks(model, labels, j),
        *_repeated(rows),
        *(Doubt(one.code, one.plain, one.remedy) for one in found if one.holds is False),
        *_alike(model, labels),
        *_few(model),
        *_worse(model, rows, j),
        *_missing(model),
    ]


def _training(model: LinearModel) -> Iterator[Doubt]:
    if model.verdict.status is Status.CERTIFIED:
        return
    said = sentences(model.certificate)[0]
    remedy = "Fit exactly, or train on." if model.verdict.status in (Status.STOPPED, Status.DIVERGED) else ""
    if model.verdict.status is Status.RANK_DEFICIENT:
        remedy = "Predictions are not touched by that, single effects are: leave out a column."
    yield Doubt("training", said, remedy)


def _leaks(model: LinearModel, labels: Labels, j: int) -> Iterator[Doubt]:
    """A column that explains the target alone, or nearly all of what all explain together."""
    moments, target, r2 = model.moments, labels.of(model.targets[j]), model.training.r2[j]
    p, own = moments.p, moments.squares_around
    across = moments.factor[:, :p].T @ moments.factor[:, p + j]
    names = {term.column for term in model.design.terms if isinstance(term, Number)}
    for i, name in enumerate(moments.features):
        both = own[i] * own[p + j]
        if p < 2 or name not in names or not both > 0:
            continue
        alone = float(across[i] ** 2 / both)
        remedy = f"If it is computed from {target}, or known only after it, leave it out: --exclude {name}."
        if alone > 1 - LEAK:
            said = f"{labels.of(name)} alone explains {share(alone)} of how {target} varies, as a copy of it would."
            yield Doubt("leak", said, remedy)
        elif p > _BESIDE and r2 is not None and r2 > _MUCH and 1 - alone < _NEARLY * (1 - r2):
            said = (
                f"{labels.of(name)} alone explains {share(alone)} of how {target} varies, and the other "
                f"{p - 1:,} columns next to nothing more."
            )
            yield Doubt("leak-perhaps", said, remedy)


def _repeated(rows: ShownRows | None) -> Iterator[Doubt]:
    """Rows that stand there twice or nearly: each counts as new knowledge, and left out is known by its copy."""
    if rows is None or rows.first is None:
        return
    twice, near = copies(rows.first), near_copies(rows.first)
    twice = twice if twice > _COPIED * len(rows.first) else 0
    if not twice and near is None:
        return
    first = f" of the first {len(rows.first):,}" if len(rows.first) < rows.rows else ""
    count, verb = (
        (twice, "stand there before") if twice or near is None else (near.rows, "are nearly copies of others")
    )
    verb = verb.replace("stand", "stands").replace("are", "is") if count == 1 else verb
    yield Doubt(
        "rows-alike",
        f"{counted(count, 'row')}{first} {verb}, so intervals are too narrow and errors on unseen rows too small.",
        "Do not count each row as a new one: give each once, or use --cluster.",
    )


def _alike(model: LinearModel, labels: Labels) -> Iterator[Doubt]:
    """Plain columns that others nearly foretell: of curves and interactions that is by their making."""
    known = model.inference.estimates
    if known is None:
        return
    inflation, start, found = model.inference.vif, 0, []
    for term in model.design.terms:
        stop = start + len(term.names)
        alone = all(
            other is term or not set(other.columns) & set(term.columns) for other in model.design.terms
        )
        if alone and stop == start + 1 and _INFLATION < inflation[start] < math.inf:
            found.append((float(inflation[start]), labels.of(term.label)))
        start = stop
    if found:
        found.sort(reverse=True)
        names = joined(
            [name for _, name in found[:4]] + ([f"{len(found) - 4} more"] if len(found) > 4 else [])
        )
        wide = number(math.sqrt(found[0][0]), 2)
        verb = "say" if len(found) > 1 else "says"
        yield Doubt(
            "collinear",
            f"{names} {verb} nearly what other columns say, so their effects are hard to tell apart: the interval of "
            f"{found[0][1]} is {wide} times as wide as it would be alone.",
            "Leave one of them out, or read them together.",
        )


def _few(model: LinearModel) -> Iterator[Doubt]:
    rows, coefficients = model.moments.rows, model.inference.basis.q
    if rows < _ROWS * coefficients:
        each = number(rows / max(coefficients, 1), 2)
        yield Doubt(
            "few-rows",
            f"{counted(rows, 'row')} for {counted(coefficients, 'coefficient')} are few ({each} each): the answer "
            "follows chance in its rows.",
            "Give more rows, or fewer columns.",
        )


def _worse(model: LinearModel, rows: ShownRows | None, j: int) -> Iterator[Doubt]:
    own, unseen = model.training.rmse[j], None
    if model.holdout is not None:
        unseen = model.holdout.rmse[j]
    elif rows is not None and rows.left_out is not None:
        unseen = rows.left_out[j].rmse
    if unseen is not None and own > 0 and unseen > _WORSE * own:
        yield Doubt(
            "unseen-rows",
            f"The typical error on rows that it has not seen is {share(unseen / own - 1)} larger than on its own.",
            "Expect that of predictions; fewer columns, or --alpha cv, may narrow it.",
        )


def _missing(model: LinearModel) -> Iterator[Doubt]:
    dropped, rows = model.moments.statistics.dropped, model.moments.rows
    if dropped > _DROPPED * (rows + dropped):
        yield Doubt(
            "dropped",
            f"{counted(dropped, 'row')} of {rows + dropped:,} were left out for missing cells; where cells are missing "
            "for a reason that has to do with the target, the answer is bent.",
            "Compare the rows that are left out with the others.",
        )
