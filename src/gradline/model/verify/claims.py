"""`verify`: what a model says, derived again from the rows by a path of its own, claim by claim."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.text import joined, one_line
from gradline.data.inputs import is_array
from gradline.data.notation import Text
from gradline.data.row_stream import RowStream
from gradline.data.selection import UNSAID
from gradline.model.model import LinearModel, digests, load
from gradline.model.verify import about_config, about_path
from gradline.model.verify.about_answer import Answer, nowhere
from gradline.model.verify.about_columns import about_columns, elided
from gradline.model.verify.about_holdout import about_holdout
from gradline.model.verify.about_losses import LossAnswer
from gradline.model.verify.about_own_units import about_own_units
from gradline.model.verify.about_penalised import PenalisedAnswer, run_unchecked
from gradline.model.verify.about_rows import about_moments, about_rows
from gradline.model.verify.check import Check
from gradline.model.verify.newton_step import located
from gradline.model.verify.own_descent import Descent
from gradline.model.verify.own_loss import OwnLoss, OwnRows, mean_of
from gradline.model.verify.own_penalty import OwnPenalty
from gradline.model.verify.reread import reread
from gradline.model.verify.row_sums import Evidence, Frame, gather

_HELD = 2.0**900  # in the unit of the targets; products with more, as pairs, are no longer numbers


@dataclass(frozen=True)
class Verification:
    """What became of each claim of a model; true where none that was checked is wrong.

    `unchecked` says in words what cannot be derived from the rows.

    >>> import gradline
    >>> model = gradline.fit("example:iphone", "sales", features=["salary"])
    >>> outcome = gradline.verify(model, "example:iphone")
    >>> bool(outcome), outcome.disagreements, outcome.unchecked
    (True, (), ())
    """

    checks: tuple[Check, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no claim was found wrong."""
        return all(check.agrees for check in self.checks)

    def __bool__(self) -> bool:
        return self.agrees

    @property
    def disagreements(self) -> tuple[Check, ...]:
        """The claims that do not hold."""
        return tuple(check for check in self.checks if not check.agrees)

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if not self.agrees:
            names = joined([check.name for check in self.disagreements])
            if {"fingerprint", "moments"} <= {check.name for check in self.disagreements}:
                return "Not verified: these are not the rows that the model was trained on."
            verb = "does" if len(self.disagreements) == 1 else "do"
            return f"Not verified: {names} {verb} not hold."
        if self.unchecked:
            return f"Verified: {len(self.checks)} claims of the model hold. Not checked: {joined(self.unchecked)}."
        return f"Verified: all {len(self.checks)} claims of the model hold."

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain JSON."""
        return {
            "agrees": self.agrees,
            "verdict": self.verdict,
            "checks": [asdict(check) for check in self.checks],
            "unchecked": list(self.unchecked),
        }

    def __str__(self) -> str:
        table = [("", "claimed", "found", ""), *((c.name, c.claimed, c.found, _mark(c)) for c in self.checks)]
        widths = [max(len(row[i]) for row in table) for i in range(3)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2]), row[3]])
            for row in table
        ]
        said = [check.sentence for check in self.disagreements]
        head = "What the model claims, by its names in gradline show --json, and what the rows say:"
        return "\n".join(map(one_line, [head, *(line.rstrip() for line in lines), "", *said, self.verdict]))


def _mark(check: Check) -> str:
    return "agrees" if check.agrees else "DISAGREES"


def verify(
    model: LinearModel | str | Path,
    data: Any,
    targets: Any = None,
    *,
    weights: Any = None,
    read: Text | None = None,
) -> Verification:
    """Whether what a model says follows from the rows: every number of its file that a reader can see.

    Everything is derived again in double-double from rows and coefficients. Nothing in the file counts as true, the
    digits that it claims included: what rounding may explain follows from the rows. No arithmetic is shared with the
    fit or its certificate, but the reading of tables is; of a small CSV file the rows are counted again by Python's
    own reader. Rows with missing cells are left out and counted. Of a file, also whether its tensors are those that
    were saved, by the sha256 in its card. What cannot be derived is listed in `unchecked`, such as the losses of
    mini-batches. A state from which rows were taken away has lost digits, and shows it here.

    Parameters:
    - `model`: a `LinearModel`, or the file of one.
    - `data`, `targets`, `weights`: the rows that it was trained on, in any form that `gradline.fit` takes; a table's
      columns, `weights` included, are found by the names that the model has.
    - `read`: how text files are written; by default as those of the fit.

    Returns a `Verification`, true where no claim is wrong. Raises `DataError` where the rows cannot be read, lack a
    column or hold an unknown level, `FileError` where a file cannot be read.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> gradline.verify(model, "example:crops").agrees
    True
    """
    checks: list[Check] = []
    if not isinstance(model, LinearModel):
        checks += _about_file(model)
        model = load(model)
    rows, held_out, selects = reread(model, data, targets, weights, read or model.read)
    evidence, unchecked = _gathered(model, rows), list[str]()
    checks += [
        *about_rows(model, evidence, data, read or model.read),
        *about_moments(model, evidence),
        *about_config.about_config(model),
    ]
    beyond = not (evidence.squares.hi.max(initial=0.0) < _HELD)
    if np.isfinite(model.weight).all() and np.isfinite(model.bias).all() and not beyond:
        theta = np.vstack([model.bias, model.weight.T]) if model.has_bias else model.weight.T
        at = located(evidence, theta, model.has_bias, model.certificate.rank)
        with np.errstate(all="ignore"):  # what is claimed may be any number
            checks += about_columns(model, evidence, at)
            if not model.loss.quadratic:
                answer = _about_loss(model, rows, PenalisedAnswer(model, evidence, at).scale)
                checks += answer.checks()
                unchecked = [*answer.unchecked()]
            elif model.penalty.is_none:
                descent = Descent.of(model, evidence, at)
                checks += Answer(model, evidence, at).checks()
                checks += about_path.about_training(descent)
                unchecked = [*about_path.unchecked(descent)]
            else:
                checks += PenalisedAnswer(model, evidence, at).checks()
                unchecked = ["whether its bounds could be nearer", *run_unchecked(model)]
            checks += about_own_units(model, rows)
        checks += _about_held_out(model, held_out)
    else:
        checks += nowhere(model)
        none = replace(model, weight=np.zeros_like(model.weight), bias=np.zeros_like(model.bias))
        theta = np.zeros((len(model.features) + model.has_bias, len(model.targets)))
        at = located(_gathered(none, rows), theta, model.has_bias, model.certificate.rank)
        with np.errstate(all="ignore"):
            checks += Answer(model, evidence, at).about_optimum()
            checks += about_columns(model, evidence, at)
        return Verification(tuple(checks), ("what it says of a run beyond all numbers and of rows held out",))
    return Verification(tuple(checks), (*unchecked, *_unchecked(model, data, selects)))


def _about_held_out(model: LinearModel, rows: RowStream | None) -> Iterator[Check]:
    """What it says of the rows held out, of which another loss is that of the fit."""
    if rows is None or model.loss.quadratic:
        return about_holdout(model, None if rows is None else _gathered(model, rows))
    columns = [rows.design.features.index(name) for name in model.features]
    own = OwnRows.of(rows, columns, model.weight, model.bias, model.has_bias)
    return about_holdout(model, _gathered(model, rows), mean_of(OwnLoss.of(model.loss.params()), own))


def _about_loss(model: LinearModel, rows: RowStream, scale: np.ndarray) -> LossAnswer:
    """A model with another loss beside its rows, on the scale of its penalty."""
    columns = [rows.design.features.index(name) for name in model.features]
    own = OwnRows.of(rows, columns, model.weight, model.bias, model.has_bias)
    cells = len(model.weight) * float(own.w.sum())
    omega = OwnPenalty.of(model.penalty.params(), model.features, scale)
    return LossAnswer(model, own.with_penalty(omega, model.weight, scale, cells), scale)


def _unchecked(model: LinearModel, data: Any, selects: bool) -> Iterator[str]:
    """What no row can tell."""
    yield from elided(model)
    if model.moments.queried is not None:
        yield f"which rows {model.moments.queried.engine} added up"
    yield from about_config.unchecked(model, data, selects)
    if model.design.weights_are not in (None, UNSAID):
        yield "what the weights mean"
    if model.certificate.remarks:
        yield "what its remarks say"
    if model.moments.statistics.fingerprint is None:
        yield "the fingerprint, which it does not know"
    if model.moments.units:
        yield "the files that it names"
    plain = tuple(f"x{j + 1}" for j in range(len(model.features)))
    targets = ("y",) if len(model.targets) == 1 else tuple(f"y{j + 1}" for j in range(len(model.targets)))
    if model.solver == "torch":
        yield "what it was trained by"
    if is_array(data) and (model.features != plain or model.targets != targets or model.design.weights):
        yield "what the columns are called"


def _gathered(model: LinearModel, rows: RowStream) -> Evidence:
    """The evidence, in the frame of the ranges that the model claims; in that of the rows where these are others."""
    statistics = model.moments.statistics
    low, high = statistics.minimum, statistics.maximum
    heaviest = statistics.weight_sum / max(statistics.rows, 1)
    weight, bias = (np.where(np.isfinite(part), part, 0.0) for part in (model.weight, model.bias))
    columns = [rows.design.features.index(name) for name in model.features]
    while True:
        found = gather(rows, columns, weight, bias, Frame.of(low, high, heaviest, model.has_bias))
        heavy = found.weight_sum / found.rows
        if (found.low == low).all() and (found.high == high).all() and 0.5 <= heavy / heaviest <= 2:
            return found
        low, high, heaviest = found.low, found.high, heavy


def _about_file(path: str | Path) -> Iterator[Check]:
    """The tensors, where the file has their hash."""
    claimed, found = digests(path)
    if claimed is not None:
        agrees = claimed == found
        sentence = f"The tensors of {path} are {'' if agrees else 'not '}those that were saved."
        yield Check("tensors", claimed[:16], found[:16], agrees, sentence)
