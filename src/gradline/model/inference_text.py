"""Inference in words and tables: standard errors, tests, contrasts and terms, and what each figure means."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradline.core.text import wrapped
from gradline.data.selection import UNSAID, WEIGHTS_ARE
from gradline.model.inference.anova import Anova
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import Inference
from gradline.model.inference.joint import Contrast, Wald
from gradline.model.summary import Described, aligned, told_apart

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
_PLAIN = "the errors are independent, normal and of equal size"
BESIDE = {
    "I": "beside those before it",
    "II": "beside all others, those that contain it left out",
    "III": "beside all others, as categories are coded here",
}


@dataclass(frozen=True)
class Errors:
    """Standard errors by another way than the plain one: what it is called, what for, and under what they hold."""

    estimates: Estimates
    name: str
    holds: str


def inference_table(
    model: Described, inference: Inference, level: float = 0.95, errors: Errors | None = None
) -> str:
    """Standard errors, t, p, intervals and variance inflation by target, the fit below, and what each means."""
    known, said = inference.estimates if errors is None else errors.estimates, []
    blocks = []
    if known is not None:
        targets = range(len(model.targets))
        blocks = [
            f"{_tests(model, inference, known, level, j)}\n{_fit(inference, errors, j)}" for j in targets
        ]
        said_of = [f"{name}: {meaning}." for name, meaning in MEANINGS.items()]
        at_level = [text.replace("95 ", f"{100 * level:g} ") for text in said_of]
        blocks.append("\n".join(wrapped(text) for text in at_level if _is_in(text, blocks)))
    if errors is not None:
        said.append(f"The standard errors are {errors.name}.")
    elif inference.reason is not None:
        said.append(f"{'No standard errors' if known is None else 'Left out'}: {inference.reason}.")
    if inference.weights_are in WEIGHTS_ARE:
        told = model.moments.weights_are
        fitted = {None: "rows have none", UNSAID: "the fit was told nothing"}.get(
            told, f"the fit was told {told}"
        )
        otherwise = "" if told == inference.weights_are else f"; {fitted}"
        said.append(f"Row weights are taken as {inference.weights_are}{otherwise}.")
    if known is not None:
        holds = _PLAIN if errors is None else errors.holds
        said.append(f"All this holds if a line suits the data and {holds}.")
    return "\n\n".join([*blocks, "\n".join(map(wrapped, said))])


def _is_in(meaning: str, blocks: Sequence[str]) -> bool:
    """Whether a table shows the figure that a meaning begins with: the first words of its name stand there."""
    first = re.split("[,:]", meaning)[0]
    return any(
        re.search(rf"(^|[ ;])({re.escape(first)})([ ;,]|$)", block.replace("\n", " ")) for block in blocks
    )


def _tests(model: Described, inference: Inference, known: Estimates, level: float, j: int) -> str:
    """The table of target j."""
    figures = (known.value, known.stderr, known.t, known.p_value, known.interval(level))
    value, error, t, p, interval = (pair.stacked[j] for pair in figures)
    first = int(model.has_bias)
    columns = [
        [model.targets[j], *(["bias"] if first else []), *map(told_apart, model.features)],
        ["", *(f"{v:.7g}" for v in value)],
        ["std. error", *(_figure(v, ".4g") for v in error)],
        ["t", *(_figure(v, ".4g") for v in t)],
        ["p", *(_figure(v, ".3g") for v in p)],
        [f"{100 * level:g} % from", *(_figure(v, ".5g") for v in interval[:, 0])],
        ["to", *(_figure(v, ".5g") for v in interval[:, 1])],
        ["VIF", *([""] * first), *(_figure(v, ".4g") for v in inference.vif)],
    ]
    return aligned(columns)


def _figure(value: float, form: str) -> str:
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:{form}}"


def _fit(inference: Inference, errors: Errors | None, j: int) -> str:
    """Residual standard error, adjusted R², F and likelihood of target j, where there are any."""

    def of(values: np.ndarray | None) -> float:
        return math.nan if values is None else float(values[j])

    F, p, freedom = of(inference.F), of(inference.F_p_value), inference.freedom
    if errors is not None:
        together = errors.estimates.slopes_test()
        F, p, freedom = float(together.F[j]), float(together.p_value[j]), together.freedom
    parts = [
        f"residual standard error {of(inference.residual_stderr):.6g} on {inference.freedom:,.6g} degrees of freedom",
        f"adjusted R² {of(inference.adjusted_r2):.6f}",
        f"F {F:.6g} on {inference.slopes} and {freedom:,.6g}, p {p:.3g}",
        f"log-likelihood {of(inference.log_likelihood):.6g}, AIC {of(inference.aic):.6g}, BIC {of(inference.bic):.6g}",
    ]
    shown = [part for part in parts if "nan" not in part]
    return wrapped("; ".join(shown), 0)


def anova_table(anova: Anova) -> str:
    """The terms of each target, what they explain, and what is left."""
    blocks = []
    for j, target in enumerate(anova.targets):
        columns = [
            [target, *(term.label for term in anova.terms), "residual"],
            ["degrees", *(f"{term.degrees:,}" for term in anova.terms), f"{anova.freedom:,.6g}"],
            ["squares", *(f"{term.squares[j]:.6g}" for term in anova.terms), f"{anova.residual[j]:.6g}"],
            ["F", *(_figure(term.F[j], ".5g") for term in anova.terms), ""],
            ["p", *(_figure(term.p_value[j], ".3g") for term in anova.terms), ""],
            ["GVIF", *(_figure(term.gvif, ".4g") for term in anova.terms), ""],
        ]
        blocks.append(aligned(columns))
    meanings = [
        f"squares: by how much the sum of squared residuals grows without the term ({anova.kind}: "
        f"{BESIDE[anova.kind]}).",
        "F: that for each of its degrees, in units of what is left; p: how often chance would make it so large if the "
        "term had no part in the target.",
        "GVIF: how many times the other terms enlarge the square of what its coefficients may vary by.",
    ]
    return "\n\n".join([*blocks, "\n".join(map(wrapped, meanings))])


def wald_lines(found: Wald, targets: Sequence[str]) -> str:
    """What a test of equations together came to, a line for each target."""
    lines = [f"together: {', '.join(found.equations)}"]
    for target, F, p in zip(targets, found.F.tolist(), found.p_value.tolist(), strict=True):
        lines.append(f"{target}: F {F:.6g} on {found.equal} and {found.freedom:,.6g}, p {p:.3g}")
    return "\n".join(map(wrapped, lines))


def contrast_table(found: Contrast, targets: Sequence[str], level: float) -> str:
    """Sums of coefficients with their errors, by target."""
    blocks = []
    interval = found.interval(level)
    for j, target in enumerate(targets):
        columns = [
            [target, *found.sums],
            ["", *(_figure(v, ".7g") for v in found.estimate[j])],
            ["std. error", *(_figure(v, ".4g") for v in found.stderr[j])],
            ["t", *(_figure(v, ".4g") for v in found.t[j])],
            ["p", *(_figure(v, ".3g") for v in found.p_value[j])],
            [f"{100 * level:g} % from", *(_figure(v, ".5g") for v in interval[j, :, 0])],
            ["to", *(_figure(v, ".5g") for v in interval[j, :, 1])],
        ]
        blocks.append(aligned(columns))
    return "\n\n".join(blocks)
