"""A model in plain words: its coefficients, how well it fits, and what its certificate says."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np

from gradline.core.text import big, counted, epochs, listed, number, percent
from gradline.data.design import Category
from gradline.model.certificate import Certificate
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import Inference
from gradline.model.model import Evaluation, LinearModel
from gradline.moments.basis import Coefficients
from gradline.solvers.trajectory import Direction

WIDTH = 100  # of a line of prose, on every terminal the same


def summary(model: LinearModel) -> str:
    """Everything that a reader needs, a few short blocks of text."""
    said = "\n".join(
        textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in sentences(model.certificate)
    )
    return "\n\n".join([heading(model), coefficients(model), said])


def heading(model: LinearModel) -> str:
    """What was fitted to what, and how."""
    solver = {
        "exact": "exact least squares",
        "gd": "gradient descent",
        "sgd": "mini-batch gradient descent",
        "torch": "trained with PyTorch",
    }
    columns = listed([term.column for term in model.design.terms])
    lines = [
        f"{listed(model.targets)} from {columns}",
        f"{counted(model.moments.rows, 'row')}{_dropped(model)}, {solver[model.solver]}{_settings(model)}",
    ]
    bases = [f"{t.column} {t.levels[0]}" for t in model.design.terms if isinstance(t, Category)]
    if bases:
        lines.append(f"base levels: {listed(bases)}")
    return "\n".join(lines)


def _dropped(model: LinearModel) -> str:
    dropped = model.moments.statistics.dropped
    return f" ({dropped:,} more dropped for missing cells)" if dropped else ""


def _settings(model: LinearModel) -> str:
    settings = model.settings
    if "lr" not in settings:
        return ""
    parts = [
        f"lr {number(settings['lr'])}" + (" on standardised columns" if model.scale == "standard" else "")
    ]
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


def coefficients(model: LinearModel) -> str:
    """The coefficients by target, and the fit below them."""
    names = ["", *(["bias"] if model.has_bias else []), *map(_one_line, model.features)]
    columns = [names]
    for target, bias, weights in zip(model.targets, model.bias, model.weight, strict=True):
        values = [*([bias] if model.has_bias else []), *weights]
        columns.append([target, *(f"{value:.7g}" for value in values)])
    return f"{aligned(columns)}\n\n{quality(model.targets, model.training, 'loss')}{_held_out(model)}"


def _one_line(name: str) -> str:
    """A feature's name without line breaks; one that is called bias is told from the bias."""
    return '"bias"' if name == "bias" else " ".join(name.split())


def _held_out(model: LinearModel) -> str:
    if model.holdout is None:
        return ""
    rows = counted(model.holdout.rows, "row")
    return f"\n\nheld out, {rows}:\n{quality(model.targets, model.holdout, 'loss')}"


def quality(targets: Sequence[str], evaluation: Evaluation, word: str) -> str:
    """Loss, and RMSE and R² by target."""
    columns = [[word, "RMSE", "R²"]]
    columns[0].insert(0, "")
    for i, target in enumerate(targets):
        r2 = evaluation.r2[i]
        loss = f"{evaluation.loss:.6g}" if i == 0 else ""
        columns.append([target, loss, f"{evaluation.rmse[i]:.6g}", _r2(r2)])
    return aligned(columns)


def _r2(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.6f}" if abs(value) < 10 else f"{value:.3g}"


def aligned(columns: Sequence[Sequence[str]]) -> str:
    """Columns of text side by side: the first to the left, the others to the right."""
    padded = []
    for i, column in enumerate(columns):
        width = max(len(cell) for cell in column)
        padded.append([cell.ljust(width) if i == 0 else cell.rjust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def inference_table(model: LinearModel, inference: Inference) -> str:
    """Standard errors, t, p, 95 % intervals and variance inflation by target, and the fit below; or why not."""
    known, said = inference.estimates, []
    blocks = [] if known is None else [_tests(model, inference, known, j) for j in range(len(model.targets))]
    if inference.reason is not None:
        said.append(f"Left out: {inference.reason}.")
    if model.design.weights or model.moments.weight_sum != model.moments.rows:
        said.append(f"Weights are taken as {inference.weights_are} (--weights-are says otherwise).")
    if known is not None:
        said.append("This holds if a line suits the data and the errors are normal, independent and alike.")
    prose = "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in said)
    return "\n\n".join([*blocks, prose])


def _tests(model: LinearModel, inference: Inference, known: Estimates, j: int) -> str:
    """The table of target j and what is said of its fit."""
    figures = (known.value, known.stderr, known.t, known.p_value, known.interval())
    value, error, t, p, interval = (_stacked(pair, j) for pair in figures)
    first = int(model.has_bias)
    columns = [
        [model.targets[j], *(["bias"] if first else []), *map(_one_line, model.features)],
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
    return textwrap.fill("; ".join(shown), WIDTH)


def sentences(certificate: Certificate) -> list[str]:
    """What the certificate says, a sentence a line."""
    c = certificate
    said = {
        "certified": _certified,
        "stopped": _stopped,
        "rank_deficient": _deficient,
        "uncertified": _uncertified,
        "diverged": _diverged,
    }[c.status](c)
    condition = (
        f"Condition {number(c.condition)} as the columns are, "
        f"{number(c.condition_scaled)} centred and scaled to one norm"
    )
    if c.near_combinations:
        said.append(f"Near-collinear: {_some(c.near_combinations)}.")
    return [*said, f"{condition}."]


def _some(combinations: Sequence[str]) -> str:
    return f"{'; '.join(combinations[:3])}{' …' if len(combinations) > 3 else ''}"


def _certified(c: Certificate) -> list[str]:
    after = f" after {counted(c.epochs, 'epoch')}" if c.epochs else ""
    sure = f"sure to {counted(math.floor(c.digits), 'digit')} in every coefficient"
    if c.digits < 1:
        sure = "though rounding leaves its least certain coefficient without a sure digit"
    return [
        f"Certified{after}: this is the least-squares answer, {sure}.",
        "That says nothing about whether a line suits the data.",
    ]


def _uncertified(c: Certificate) -> list[str]:
    digits = counted(math.floor(c.digits), "digit")
    return [f"Not certified: the columns are so near to collinear that only {digits} can be sure."]


def _deficient(c: Certificate) -> list[str]:
    columns = len(c.weight_error[0])
    chosen = "those of smallest size were taken"
    if c.epochs is not None:
        chosen = "training went to those nearest to its start"
    return [
        f"The data do not determine every coefficient (rank {c.rank} of {columns}): {_some(c.combinations)}.",
        f"Of all coefficients that predict equally well, {chosen}.",
    ]


def _stopped(c: Certificate) -> list[str]:
    at = "" if c.epochs is None else f" at epoch {c.epochs:,}"
    lines = [f"Stopped{at}: the loss is {number(c.gap)} above the optimum, {number(c.optimal_loss, 4)}."]
    shown = [d for i, d in enumerate(c.directions) if d.share >= 1e-3 or i < 2 or d is _slowest(c)][:4]
    if shown:
        lines.append(f"What is left of it: {', '.join(_direction(d, i == 0) for i, d in enumerate(shown))}.")
    if c.epochs_to_weights is None and c.lr_limit is not None:
        lines.append(
            "Mini-batches leave noise: a smaller or a falling rate (lr auto) or larger batches shrink it."
        )
    if c.tenfold_loss is not None and c.epochs:
        lines.append(f"Ten times as many epochs would bring the loss to {number(c.tenfold_loss, 4)}.")
    if c.epochs_to_weights is not None:
        lines.append(
            f"From here {near(c.epochs_to_loss)}; {far(c.epochs_to_weights)}. "
            f"The largest stable lr is {number(c.lr_limit or 0)}."
        )
    return lines


def _direction(d: Direction, first: bool) -> str:
    said = f"{percent(d.share)} {d.columns}"
    if d.half_life is None or math.isinf(d.half_life):
        return said
    return f"{said} (half-life {epochs(d.half_life) if first else big(d.half_life)})"


def near(epochs_to_loss: float | None) -> str:
    """When the loss comes within 1 % of the optimum, as a clause."""
    if epochs_to_loss == 0:
        return "the loss is within 1 % of the optimum"
    if epochs_to_loss is None or math.isinf(epochs_to_loss):
        return "the loss never comes within 1 % of the optimum"
    return f"the loss comes within 1 % of the optimum in {epochs(epochs_to_loss)}"


def far(epochs_to_weights: float | None) -> str:
    """When the slowest error has all but gone, as a clause."""
    if epochs_to_weights is None or math.isinf(epochs_to_weights):
        return "the slowest error never shrinks"
    return f"the slowest error shrinks a thousandfold in {epochs(epochs_to_weights)}"


def _slowest(c: Certificate) -> Direction | None:
    finite = [d for d in c.directions if d.half_life is not None]
    return max(finite, key=lambda d: d.half_life or 0.0, default=None)


def _diverged(c: Certificate) -> list[str]:
    when = f"at epoch {c.diverged_at:,} the loss was no longer a number" if c.diverged_at else "the loss grew"
    limit = "" if c.lr_limit is None else f" The largest stable lr is {number(c.lr_limit)}."
    return [f"Diverged: {when}; the optimum is {number(c.optimal_loss, 4)}.{limit}"]
