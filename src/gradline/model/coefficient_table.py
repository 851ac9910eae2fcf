"""The table of coefficients with their standard errors, t, p and intervals, and the fit below it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradline.core.text import WIDTH, aligned, counted, one_line, raised, wrapped
from gradline.data.selection import UNSAID, WEIGHTS_ARE
from gradline.model.inference.estimates import CoefficientRow, Estimates
from gradline.model.inference.inference import Inference

if TYPE_CHECKING:  # few tables are of a bootstrap
    from gradline.model.inference.wild import WildEstimates

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
PLAIN = "the errors are independent, normal and of equal size"


@dataclass(frozen=True)
class Errors:
    """Standard errors by another way than the plain one: what it is called, what for, and under what they hold.

    `notes` are sentences about how they were found.
    """

    estimates: "Estimates | WildEstimates"
    name: str
    holds: str
    notes: tuple[str, ...] = ()


def coefficient_tables(
    targets: Sequence[str], inference: Inference, level: float = 0.95, errors: Errors | None = None
) -> str:
    """The table of each target with the fit below, and then what its standard errors are and what AIC counts.

    Where there are none, why there are none, and what to do.
    """
    known = inference.estimates if errors is None else errors.estimates
    if known is None:
        return without_errors(inference)
    tables = zip(targets, known.rows(level), strict=True)
    blocks = [
        f"{table(target, rows, level)}\n{_fit(inference, errors, j)}"
        for j, (target, rows) in enumerate(tables)
    ]
    meanings = [f"{name}: {meaning}." for name, meaning in MEANINGS.items() if _stands_in(name, blocks)]
    at_level = [text.replace("95 ", f"{100 * level:g} ") for text in meanings]
    notes = [*_notes(inference, errors), *at_level]
    return "\n\n".join([*blocks, "\n".join(map(wrapped, notes))])


def without_errors(inference: Inference) -> str:
    """Why there are no standard errors, and what to do; nothing where nobody knows why."""
    remedies = [raised(refusal.remedy) for refusal in inference.refusals[:1]]
    said = f"{'. '.join([f'No standard errors: {inference.reason}', *remedies])}."
    return "\n".join(map(wrapped, [said, *_about_weights(inference)] if inference.reason else []))


def _stands_in(name: str, blocks: Sequence[str]) -> bool:
    """Whether a table shows this figure: the first words of its name stand there."""
    first = re.escape(re.split("[,:]", name)[0]).replace("95", r"\S+")
    return any(re.search(rf"(^|[ ;]){first}([ ;,]|$)", block.replace("\n", " ")) for block in blocks)


def table(target: str, rows: Sequence[CoefficientRow], level: float) -> str:
    """Rows beneath the target's name; a name too long for the width of a line stands on one of its own."""
    columns = [
        ["", *(figure(row.value, ".7g") for row in rows)],
        ["std. error", *(figure(row.stderr, ".4g") for row in rows)],
        ["t", *(figure(row.t, ".4g") for row in rows)],
        ["p", *(figure(row.p_value, ".3g") for row in rows)],
        [f"{100 * level:g} % from", *(figure(row.low, ".5g") for row in rows)],
        ["to", *(figure(row.high, ".5g") for row in rows)],
    ]
    return beside([target, *(row.name for row in rows)], columns)


def beside(names: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """Names, and columns of figures beside them; a name that leaves these no room stands on a line of its own."""
    names = [one_line(name) for name in names]
    width = sum(max(map(len, column)) + 2 for column in columns)
    room = max(WIDTH - width, *(len(name) for name in names if len(name) <= WIDTH - width), 0)
    short = [name if len(name) <= room else "" for name in names]
    lines = aligned([short, *columns]).split("\n")
    shown = zip(names, short, lines, strict=True)
    return "\n".join(line if name == cut else f"{name}\n{line}" for name, cut, line in shown)


def figure(value: float, form: str) -> str:
    """A figure of a table; a dash where there is none."""
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
    return wrapped("; ".join(part for part in parts if "nan" not in part), 0)


def _notes(inference: Inference, errors: Errors | None) -> list[str]:
    """What the standard errors are, how many observations they are of, and what AIC counts."""
    said = [_about_errors(errors)]
    observations = (
        "" if math.isnan(inference.observations) else f"{inference.observations:,.6g} observations. "
    )
    if inference.log_likelihood is not None:
        count = counted(inference.basis.q, "coefficient")
        said.append(f"{observations}AIC and BIC count the {count}; R counts the variance too (its AIC + 2).")
    elif observations:
        said.append(observations.rstrip())
    if inference.reason is not None and errors is None:
        said.append(f"Left out: {inference.reason}.")
    return [*said, *_about_weights(inference)]


def _about_weights(inference: Inference) -> list[str]:
    """As what the weights of rows are taken, and as what the fit took them."""
    if inference.weights_are not in WEIGHTS_ARE:
        return []
    told = inference.moments.weights_are
    fitted = {None: "rows have none", UNSAID: "the fit was told nothing"}.get(
        told, f"the fit was told {told}"
    )
    otherwise = "" if told == inference.weights_are else f"; {fitted}"
    return [f"Row weights are taken as {inference.weights_are}{otherwise}."]


def _about_errors(errors: Errors | None) -> str:
    if errors is None:
        return f"Standard errors: plain; they hold if a line suits the data and {PLAIN}."
    held = f"Standard errors: {errors.name}; they hold if a line suits the data and {errors.holds}."
    return " ".join([held, *errors.notes])
