"""A model in plain words: its coefficients, how well it fits, and what its certificate says."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.text import counted, listed, one_line, rate, wrapped
from gradline.data.design import DesignSpec
from gradline.data.selection import UNSAID, WEIGHTS_ARE
from gradline.model.certificate import Certificate, sentences
from gradline.model.choice import Choice
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import Inference
from gradline.moments.state import Moments
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


def summary(model: Described) -> str:
    """Everything that a reader needs, a few short blocks of text."""
    return "\n\n".join([heading(model), coefficients(model), told(model.certificate)])


def told(certificate: Certificate) -> str:
    """What the certificate says, in lines."""
    return "\n".join(map(wrapped, sentences(certificate)))


def heading(model: Described) -> str:
    """What was fitted to what, and how."""
    solver = {
        "exact": "exact least squares" if model.penalty.is_none else "the exact answer",
        "cd": "coordinate descent",
        "gd": "gradient descent",
        "sgd": "mini-batch gradient descent",
        "torch": "trained with PyTorch",
    }
    columns = listed([term.label for term in model.design.terms])
    lines = [
        f"{listed(model.targets)} from {columns}",
        f"{counted(model.moments.rows, 'row')}{_dropped(model)}, {solver[model.solver]}{_settings(model)}",
    ]
    if not model.penalty.is_none:
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
    if settings.get("decay") == "linear":
        parts.append("falling linearly to zero")
    parts.append(counted(model.certificate.epochs or 0, "epoch"))
    if "batch_size" in settings:
        parts.append(f"batches of {settings['batch_size']:,}")
    if settings.get("dtype", "float64") != "float64":
        parts.append(f"steps in {settings['dtype']}")
    if settings["momentum"]:
        parts.append(f"momentum {settings['momentum']:g}")
    return ", " + ", ".join(parts)


def coefficients(model: Described) -> str:
    """The coefficients by target, and the fit below them."""
    names = ["", *(["bias"] if model.has_bias else []), *map(_told_apart, model.features)]
    columns = [names]
    for target, bias, weights in zip(model.targets, model.bias, model.weight, strict=True):
        values = [*([bias] if model.has_bias else []), *weights]
        columns.append([target, *(f"{value:.7g}" for value in values)])
    return f"{aligned(columns)}\n\n{quality(model, model.training)}{_held_out(model)}"


def _told_apart(name: str) -> str:
    """A feature's name; one that is called bias is told from the bias."""
    return '"bias"' if name == "bias" else name


def _held_out(model: Described) -> str:
    if model.holdout is None:
        return ""
    rows = counted(model.holdout.rows, "row")
    return f"\n\nheld out of training, {rows}:\n{quality(model, model.holdout)}"


def quality(model: Described, evaluation: Quality) -> str:
    """Loss, and RMSE and R² by target, each with what it means."""
    columns = [["", "loss", "RMSE", "R²"]]
    for i, target in enumerate(model.targets):
        loss = f"{evaluation.loss:.6g}" if i == 0 else ""
        columns.append([target, loss, f"{evaluation.rmse[i]:.6g}", _r2(evaluation.r2[i])])
    over = " over both targets" if len(model.targets) == 2 else " over all targets"
    meaning = [
        "",
        f"mean squared error{over if len(model.targets) > 1 else ''}",
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


def aligned(columns: Sequence[Sequence[str]]) -> str:
    """Columns of text side by side: the first to the left, the others to the right."""
    padded = []
    for i, column in enumerate([one_line(cell) for cell in column] for column in columns):
        width = max(len(cell) for cell in column)
        padded.append([cell.ljust(width) if i == 0 else cell.rjust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*padded, strict=True))


MEANINGS = {  # what a figure of the table is, where it is shown
    "std. error": "how far the coefficient would typically move with other rows",
    "t": "the coefficient in standard errors",
    "p": "how often chance would make t so large if the true coefficient were 0",
    "95 % from, to": "bounds that would hold the true coefficient in 95 of 100 such draws",
    "VIF": "how many times the other columns enlarge the std. error's square; 1 is not at all",
    "residual standard error": "the typical distance of a row from the line",
    "degrees of freedom": "rows beyond those that the coefficients use up",
    "adjusted R²": "R² that does not grow with every added column",
    "F": "all columns together compared with none; its p is read like the others",
    "log-likelihood": "the logarithm of how likely the model makes these rows; larger fits better",
    "AIC, BIC": "compare models of the same rows (by log-likelihood); smaller is better",
}


def inference_table(model: Described, inference: Inference) -> str:
    """Standard errors, t, p, 95 % intervals and variance inflation by target, the fit below, and what each means."""
    known, said = inference.estimates, []
    blocks = [] if known is None else [_tests(model, inference, known, j) for j in range(len(model.targets))]
    if blocks:
        shown = [(name, meaning) for name, meaning in MEANINGS.items() if _is_in(name, blocks)]
        blocks.append("\n".join(wrapped(f"{name}: {meaning}.") for name, meaning in shown))
    if inference.reason is not None:
        said.append(f"{'No standard errors' if known is None else 'Left out'}: {inference.reason}.")
    if inference.weights_are in WEIGHTS_ARE:
        told = model.moments.weights_are
        fitted = {None: "rows have none", UNSAID: "the fit was told nothing"}.get(
            told, f"the fit was told {told}"
        )
        otherwise = "" if told == inference.weights_are else f"; {fitted}"
        said.append(f"Row weights are taken as {inference.weights_are}{otherwise}.")
    if known is not None:
        said.append(
            "All this holds if a line suits the data and the errors are independent, normal and of equal size."
        )
    return "\n\n".join([*blocks, "\n".join(map(wrapped, said))])


def _is_in(name: str, blocks: Sequence[str]) -> bool:
    """Whether a table shows the figure: the first words of its name stand there."""
    first = name.split(",")[0]
    return any(
        re.search(rf"(^|[ ;])({re.escape(first)})([ ;,]|$)", block.replace("\n", " ")) for block in blocks
    )


def _tests(model: Described, inference: Inference, known: Estimates, j: int) -> str:
    """The table of target j and what is said of its fit."""
    figures = (known.value, known.stderr, known.t, known.p_value, known.interval())
    value, error, t, p, interval = (_stacked(pair, j) for pair in figures)
    first = int(model.has_bias)
    columns = [
        [model.targets[j], *(["bias"] if first else []), *map(_told_apart, model.features)],
        ["", *(f"{v:.7g}" for v in value)],
        ["std. error", *(_figure(v, ".4g") for v in error)],
        ["t", *(_figure(v, ".4g") for v in t)],
        ["p", *(_figure(v, ".3g") for v in p)],
        ["95 % from", *(_figure(v, ".5g") for v in interval[:, 0])],
        ["to", *(_figure(v, ".5g") for v in interval[:, 1])],
        ["VIF", *([""] * first), *(_figure(v, ".4g") for v in inference.vif)],
    ]
    return f"{aligned(columns)}\n{_fit(inference, j)}"


def _stacked(pair: Coefficients, j: int) -> np.ndarray:
    """The figures of target j, that of the bias first."""
    return pair.weight[j] if pair.bias is None else np.concatenate([pair.bias[j : j + 1], pair.weight[j]])


def _figure(value: float, form: str) -> str:
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:{form}}"


def _fit(inference: Inference, j: int) -> str:
    """Residual standard error, adjusted R², F and likelihood of target j, where there are any."""

    def of(values: np.ndarray | None) -> float:
        return math.nan if values is None else float(values[j])

    parts = [
        f"residual standard error {of(inference.residual_stderr):.6g} on {inference.freedom:,.6g} degrees of freedom",
        f"adjusted R² {of(inference.adjusted_r2):.6f}",
        f"F {of(inference.F):.6g} on {inference.slopes} and {inference.freedom:,.6g}, p {of(inference.F_p_value):.3g}",
        f"log-likelihood {of(inference.log_likelihood):.6g}, AIC {of(inference.aic):.6g}, BIC {of(inference.bic):.6g}",
    ]
    shown = [part for part in parts if "nan" not in part]
    return wrapped("; ".join(shown), 0)
