"""A model in plain words: its coefficients, how well it fits, and what its certificate says."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gradline.core.coefficients import feature_name
from gradline.core.text import aligned, counted, listed, rate, wrapped
from gradline.data.design import DesignSpec
from gradline.model.certificate import Certificate, sentences
from gradline.model.choice import Choice
from gradline.model.coefficient_table import Errors, coefficient_tables
from gradline.model.inference.inference import Inference
from gradline.moments.state import Moments
from gradline.solvers.losses import Loss
from gradline.solvers.penalties import Penalty


class Quality(Protocol):
    """How well some rows are predicted; see `Evaluation`."""

    @property
    def rows(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def rmse(self) -> Sequence[float]: ...
    @property
    def r2(self) -> Sequence[float | None]: ...


class Described(Protocol):
    """What a summary must know of a model; see `LinearModel`."""

    @property
    def weight(self) -> np.ndarray: ...
    @property
    def bias(self) -> np.ndarray: ...
    @property
    def has_bias(self) -> bool: ...
    @property
    def design(self) -> DesignSpec: ...
    @property
    def moments(self) -> Moments: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def solver(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def scale(self) -> str: ...
    @property
    def penalty(self) -> Penalty: ...
    @property
    def loss(self) -> Loss: ...
    @property
    def choice(self) -> Choice | None: ...
    @property
    def objective(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def targets(self) -> tuple[str, ...]: ...
    @property
    def training(self) -> Quality: ...
    @property
    def holdout(self) -> Quality | None: ...


def summary(
    model: Described,
    inference: Inference,
    brief: bool = False,
    level: float = 0.95,
    errors: Errors | None = None,
) -> str:
    """Everything that a reader needs, a few short blocks of text.

    Coefficients with standard errors, t, p and intervals at the `level`, of `inference` or of other `errors`; `brief`,
    or where there are none, the coefficients of all targets beside each other.
    """
    known = not brief and (errors is not None or inference.estimates is not None)
    stopped = [refusal.code for refusal in inference.refusals] == [
        "not-at-optimum"
    ]  # as the certificate says
    tables = "" if brief or stopped else coefficient_tables(model.targets, inference, level, errors)
    blocks = [heading(model)]
    if not known:
        blocks.append(coefficients(model))
    blocks.append(tables)
    blocks.append(f"{quality(model, model.training, model.loss.mean)}{_held_out(model)}")
    return "\n\n".join([block for block in [*blocks, told(model.certificate)] if block])


def told(certificate: Certificate) -> str:
    """What the certificate says, in lines."""
    return "\n".join(map(wrapped, sentences(certificate)))


def heading(model: Described) -> str:
    """What was fitted to what, and how."""
    solver = {
        "exact": "exact least squares" if model.penalty.is_none else "the exact answer",
        "cd": "coordinate descent",
        "newton": "Newton's steps",
        "ip": "an interior point method",
        "gd": "gradient descent",
        "sgd": "mini-batch gradient descent",
        "adam": "Adam",
        "adamw": "AdamW",
        "torch": "trained with PyTorch",
    }
    columns = listed([term.label for term in model.design.terms])
    lines = [
        f"{listed(model.targets)} from {columns}",
        f"{counted(model.moments.rows, 'row')}{_dropped(model)}, {solver[model.solver]}{_settings(model)}",
    ]
    if not (model.penalty.is_none and model.loss.quadratic):
        lines.append(f"minimised: {model.objective}")
    if model.choice is not None:
        lines += model.choice.sentences()
    bases = {name: level for term in model.design.terms for name, level in term.bases.items()}
    if bases:
        levels = listed(f"{name} {level}" for name, level in bases.items())
        lines.append(f"base levels, with which the others are compared: {levels}")
    return "\n".join(map(wrapped, lines))


def _dropped(model: Described) -> str:
    dropped = model.moments.statistics.dropped
    return f" ({dropped:,} more dropped for missing cells)" if dropped else ""


def _settings(model: Described) -> str:
    settings = model.settings
    if "lr" not in settings:
        return ""
    parts = [f"lr {rate(settings['lr'])}" + (" on standardised columns" if model.scale == "standard" else "")]
    if "schedule" in settings:
        parts.append(_SCHEDULES[settings["schedule"]].format(**settings))
    if settings.get("decay") == "linear":
        parts.append("falling linearly to zero")
    parts.append(counted(model.certificate.epochs or 0, "epoch"))
    if "batch_size" in settings:
        parts.append(f"batches of {settings['batch_size']:,}")
    if settings.get("dtype", "float64") != "float64":
        parts.append(f"steps in {settings['dtype']}")
    if settings.get("momentum"):
        kind = "Nesterov " if settings.get("nesterov") else ""
        parts.append(f"{kind}momentum {settings['momentum']:g}")
    if "dampening" in settings:
        parts.append(f"dampening {settings['dampening']:g}")
    if "weight_decay" in settings:
        parts.append(f"weight decay {settings['weight_decay']:g}")
    if "clip" in settings:
        parts.append(f"gradients clipped to {settings['clip']:g}")
    if "average" in settings:
        parts.append(f"the mean of the weights after epoch {settings['average']:,}")
    return ", " + ", ".join(parts)


_SCHEDULES = {
    "step": "times {gamma:g} every {step_size:,} epochs",
    "exponential": "times {gamma:g} every epoch",
    "cosine": "falling to {eta_min:g} along a cosine",
    "chebyshev": "the first of Chebyshev's rates",
}  # how the rate goes on, by the name of its schedule


def coefficients(model: Described) -> str:
    """The coefficients of all targets beside each other."""
    names = ["", *(["bias"] if model.has_bias else []), *map(feature_name, model.features)]
    columns = [names]
    for target, bias, weights in zip(model.targets, model.bias, model.weight, strict=True):
        values = [*([bias] if model.has_bias else []), *weights]
        columns.append([target, *(f"{value:.7g}" for value in values)])
    return aligned(columns)


def _held_out(model: Described) -> str:
    if model.holdout is None:
        return ""
    rows = counted(model.holdout.rows, "row")
    return f"\n\nheld out of training, {rows}:\n{quality(model, model.holdout, model.loss.mean)}"


def quality(model: Described, evaluation: Quality, mean: str = "mean squared error") -> str:
    """Loss, a `mean` of the rows, and RMSE and R² by target, each with what it means."""
    columns = [["", "loss", "RMSE", "R²"]]
    for i, target in enumerate(model.targets):
        loss = f"{evaluation.loss:.6g}" if i == 0 else ""
        columns.append([target, loss, f"{evaluation.rmse[i]:.6g}", _r2(evaluation.r2[i])])
    over = " over both targets" if len(model.targets) == 2 else " over all targets"
    meaning = [
        "",
        f"{mean}{over if len(model.targets) > 1 else ''}",
        "typical error, in units of the target",
        f"1 is perfect, 0 no better than {'the mean' if model.has_bias else 'always saying 0'}",
    ]
    lines = aligned(columns).split("\n")
    width = max(map(len, lines))
    return "\n".join(f"{line:{width}}  {word}".rstrip() for line, word in zip(lines, meaning, strict=True))


def _r2(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.6f}" if abs(value) < 10 else f"{value:.3g}"
