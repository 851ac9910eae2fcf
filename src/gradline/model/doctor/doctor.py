"""`doctor`: a check of data before any training, from one pass over the data (two where one kept too few digits)."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from gradline.core.arguments import is_real
from gradline.core.errors import Notice, RequestError, UsageError
from gradline.core.text import shell
from gradline.data.design import Category
from gradline.data.inputs import as_rows, keeps_bias
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.selection import Choice, Selection
from gradline.data.table import words_of
from gradline.model.best_after import BestAfter
from gradline.model.doctor.pace import paces
from gradline.model.doctor.prescription import BatchLimit, Report, Slow
from gradline.model.doctor.survey import BATCHES, Survey
from gradline.model.doctor.symptoms import Patient, findings
from gradline.model.fit import run
from gradline.model.judge import sure_digits
from gradline.model.odd_rows import odd_rows
from gradline.model.request import Request, command
from gradline.model.suspects import suspects
from gradline.moments.newton import is_refinable
from gradline.moments.state import Moments, is_one_block
from gradline.solvers import Exact
from gradline.solvers.heavy_ball import rates
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

_SLOWEST = 3  # directions that are told
_EPOCHS = 100  # what `fit` trains by default


def doctor(
    data: Any,
    targets: Any = None,
    *,
    bias: bool = True,
    lr: float | None = None,
    **choice: Unpack[Choice],
) -> Report:
    """Check data before training: safe learning rates, likely problems, and what to run.

    Parameters:
    - `data`, `targets`, `bias`, and of `choice` `features`, `exclude`, `weights`: as in `gradline.fit`.
    - `missing`: "drop" (default here) examines the complete rows and counts the others; "error" refuses as `fit` does.
    - `lr`: a rate to judge, on the columns as they are; None (default) takes the one with which all
      weights settle first.

    Returns a report, its `findings` each with a code, a cause and a remedy; printed by `gradline doctor`.
    Raises what `gradline.fit` raises for what cannot be used, `UsageError` for an lr that is not positive.

    >>> import gradline
    >>> found = gradline.doctor("example:crops", ["apples", "oranges"])
    >>> found.rows, f"{found.lr_limit:.3g}"
    (15, '0.000112')
    >>> [finding.code for finding in found.findings]
    ['few-rows', 'rows-alike', 'rate-limit', 'slow', 'far-from-zero', 'unlike-scales']
    """
    return examine(Selection(data, targets, **{"missing": "drop", **choice}), bias, lr)


def examine(
    selection: Selection,
    bias: bool = True,
    lr: float | None = None,
    watch: Callable[[RowBlock | ColumnBlock], None] = lambda _: None,
) -> Report:
    """`doctor` with a watcher of the rows read; the command line calls this."""
    if isinstance(selection.data, Moments):
        raise RequestError(
            "rows-needed",
            "moments hold no rows to look at",
            "give the data, or use gradline.Trajectory on the moments",
        )
    if lr is not None and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number, or none to judge the best")
    began = time.perf_counter()
    bias = keeps_bias(selection, bias)
    reading = as_rows(selection, bias=bias)
    survey = Survey(bias)

    def look(block: RowBlock | ColumnBlock) -> None:
        watch(block)
        survey(block.whole)

    whole = Moments.from_rows(reading.rows, watch=look)
    seconds = time.perf_counter() - began
    if whole.rows and not whole.design.drop_unused_levels(whole.has_level).terms:
        raise RequestError(
            "features-all-constant", "every feature has one value in all complete rows", "use other features"
        )
    # The fit refuses what it cannot serve, and takes out levels that no complete row has.
    moments = run(Selection(whole), Request(bias=bias)).moments
    told = [*reading.notices, *suspects(reading.rows.seen_by(moments.design), moments)]
    told += odd_rows(reading.rows, whole.rows, told)
    patient = _patient(moments, whole.features, survey, bias, lr, told)
    return _report(patient, seconds, _commands(selection, patient, bias))


def _patient(
    moments: Moments,
    columns: tuple[str, ...],
    survey: Survey,
    bias: bool,
    lr: float | None,
    notices: list[Notice],
) -> Patient:
    kept, spectrum = [columns.index(name) for name in moments.features], Spectrum.of(moments, bias)
    limits = {
        b: survey.batch_limit(spectrum, moments.m, moments.rows, b, kept) for b in BATCHES if b < moments.rows
    }
    path = Trajectory(moments, spectrum.best_lr() if lr is None else lr, bias=bias)
    return Patient(moments, bias, survey, kept, paces(moments, bias), path, lr is not None, limits, notices)


def _report(patient: Patient, seconds: float, commands: list[str]) -> Report:
    moments, path, survey = patient.moments, patient.path, patient.survey
    columns = moments.p + moments.m
    batches = [
        BatchLimit(b, limit, survey.worst_case(moments.m, moments.rows, b))
        for b, limit in patient.batch_limits.items()
    ]
    return Report(
        targets=list(moments.targets),
        features=list(moments.features),
        rows=moments.rows,
        dropped=moments.statistics.dropped,
        missing=dict(moments.statistics.missing),
        left_out=patient.left_out,
        row_bytes=8 * moments.rows * (columns + survey.is_weighted),
        moment_bytes=8
        * (moments.factor.size + 4 * columns),  # the factor, the means in two parts, the ranges
        route=_route(patient),
        passes=survey.passes(moments.rows),
        has_text=any(isinstance(term, Category) for term in moments.design.terms),
        seconds=seconds,
        paces=list(patient.paces.values()),
        best_after=BestAfter.of(path, _EPOCHS),
        condition_scaled=patient.rank.condition_scaled,
        combinations=patient.rank.combinations(),
        lr=path.lr,
        lr_given=patient.has_lr,
        lr_limit=path.lr_limit,
        growth=path.spectrum.growth(path.lr),
        shares=patient.shares,
        optimal_loss=path.optimal_loss,
        epochs_to_loss=path.epochs_to_loss(),
        epochs_to_weights=path.epochs_to_weights(),
        directions=_slowest(path),
        batches=batches,
        findings=findings(patient),
        commands=commands,
    )


def _route(patient: Patient) -> str:
    moments, bias = patient.moments, patient.bias
    again = patient.survey.passes(moments.rows) > 1
    if not again and is_one_block(moments.rows, moments.p + moments.m):
        return "QR of all rows at once" + (", then refined" if is_refinable(moments, bias) else "")
    route = "cross-products in one pass"
    if again:
        route = "cross-products, and the rows once more, as one pass left fewer than 12 digits"
    short = not patient.rank.deficiency and sure_digits(moments, bias) < Exact.digits
    return route + (", then corrected by a pass or a few" if short else "")


def _slowest(path: Trajectory) -> list[Slow]:
    """The directions whose errors last longest, the slowest first; none where the rate is not stable.

    Near the limit the steepest is among them: each step carries its error to the other side. At the best rate it is
    as slow as the gentlest, but for rounding, and is told after it.
    """
    if path.lr > path.lr_limit:
        return []
    steps = path.lr * path.spectrum.curvatures
    left = rates(steps, path.momentum)
    order = sorted(np.flatnonzero(left < 0), key=lambda i: (float(f"{-left[i]:.6g}"), steps[i]))[:_SLOWEST]
    return [
        Slow(path.spectrum.columns(int(i)), math.log(2) / -float(left[i]), bool(steps[i] > 1)) for i in order
    ]


def _commands(selection: Selection, patient: Patient, bias: bool) -> list[str]:
    """The exact fit, and gradient descent for as many epochs as the fastest rate needs on scaled columns."""
    needed = patient.best.epochs_to_weights
    epochs = max(_EPOCHS, math.ceil(needed)) if math.isfinite(needed) else _EPOCHS
    served = replace(selection, missing="drop" if patient.moments.statistics.dropped else "error")
    if not words_of(selection.data):
        return _calls(served, bias, epochs)
    words = command(replace(served, targets=patient.moments.targets), bias)
    training = ["--lr", "auto", *(["--epochs", str(epochs)] if epochs > _EPOCHS else [])]
    return [shell(words), shell([*words, *training])]


def _calls(selection: Selection, bias: bool, epochs: int) -> list[str]:
    """The same two in Python, for data that have no path."""
    is_column = isinstance(selection.weights, str)
    options = {
        "features": selection.features,
        "exclude": selection.exclude or None,
        "weights": selection.weights if is_column else None,
        "weights_are": selection.weights_are,
        "bias": None if bias else False,
        "missing": None if selection.missing == "error" else selection.missing,
    }
    given = ["data"] if selection.targets is None else ["data", "targets"]
    words = [*given, *(f"{name}={value!r}" for name, value in options.items() if value is not None)]
    if selection.weights is not None and not is_column:
        words.append("weights=weights")
    descent = f"solver=gradline.GradientDescent(lr='auto', epochs={epochs})"
    return [f"gradline.fit({', '.join(words)})", f"gradline.fit({', '.join([*words, descent])})"]
