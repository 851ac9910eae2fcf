"""Tables of several models: text, Markdown, HTML and LaTeX, standard errors in brackets under the coefficients."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gradline.core.coefficients import feature_name
from gradline.core.errors import UsageError
from gradline.core.text import aligned, one_line, wrapped


class Compared(Protocol):
    """What the tables must know; see `Comparison`."""

    @property
    def models(self) -> Mapping[str, Any]: ...
    @property
    def tests(self) -> Sequence[Any]: ...
    @property
    def same_rows(self) -> bool: ...
    @property
    def folds(self) -> Mapping[str, np.ndarray] | None: ...
    @property
    def targets(self) -> tuple[str, ...]: ...
    def criterion(self, name: str) -> Mapping[str, np.ndarray]:
        """Of each model."""
        ...

    def above_best(self, name: str) -> Mapping[str, np.ndarray]:
        """Of each model."""
        ...


_NOTE = (
    "In brackets: the standard error, how far the coefficient would typically move with other rows. AIC and BIC "
    "compare models of the same rows, smaller is better; Δ is how far a model is above the best of these."
)
_FOLDS = (
    "RMSE on folds: the typical error for rows that the fit did not see, five parts of them held out in turn."
)


def rendered(found: Compared, form: str) -> str:
    """The tables and what is to be said of them. Raises `UsageError` for another form."""
    if form not in FORMS:
        raise UsageError("form-invalid", f"the form is {form!r}", f"use {', '.join(FORMS)}")
    write, paragraph = FORMS[form]
    tables = [write(_cells(found, j)) for j in range(len(found.targets))]
    return "\n\n".join([*tables, *(paragraph(text) for text in _said(found))])


def _said(found: Compared) -> list[str]:
    """The tests, and what the figures mean."""
    said = []
    for one in found.tests:
        pair = f"{one.larger} against {one.smaller}"
        if one.test is None:
            said.append(f"{pair}: {one.reason}.")
            continue
        for target, F, p in zip(found.targets, one.test.F, one.test.p_value, strict=True):
            verdict = "explains more than chance would" if p < 0.05 else "explains no more than chance may"
            of = f" ({target})" if len(found.targets) > 1 else ""
            said.append(
                f"{pair}{of}: F {F:.6g} on {one.test.equal} and {one.test.freedom:,.6g}, p {p:.3g}: what it has more "
                f"{verdict}."
            )
    if not found.same_rows:
        said.append("The models are not of the same rows, so their AIC and BIC do not compare.")
    return [*said, _NOTE, *([] if found.folds is None else [_FOLDS])]


def _cells(found: Compared, j: int) -> list[list[str]]:
    """The rows of the table of target j, the first its head."""
    models = found.models
    names = list(dict.fromkeys(name for model in models.values() for name in model.features))
    rows = [[found.targets[j], *models]]
    places = {None: "bias"} | {name: feature_name(name) for name in names}
    for name, shown in places.items():
        value, error = [], []
        for model in models.values():
            known = model.inference.estimates
            if name is None:
                held, at = model.has_bias, 0
            else:
                held = name in model.features
                at = model.has_bias + model.features.index(name) if held else 0
            value.append(f"{model.coefficients.stacked[j, at]:.6g}" if held else "")
            error.append(f"({known.stderr.stacked[j, at]:.4g})" if held and known is not None else "")
        rows += [[shown, *value], ["", *error]]
    return [*rows, *_figures(found, j)]


def _figures(found: Compared, j: int) -> list[list[str]]:
    models = found.models.values()
    training = [model.training for model in models]
    adjusted = [model.inference.adjusted_r2 for model in models]
    rows = [
        ["rows", *(f"{model.moments.rows:,}" for model in models)],
        ["RMSE", *(f"{one.rmse[j]:.6g}" for one in training)],
        ["R²", *(_figure(one.r2[j], ".6f") for one in training)],
        ["adjusted R²", *(_figure(None if one is None else one[j], ".6f") for one in adjusted)],
    ]
    for name in ("aic", "bic"):
        rows.append([name.upper(), *(_figure(one[j], ".6g") for one in found.criterion(name).values())])
        rows.append(
            [f"Δ{name.upper()}", *(_figure(one[j], ".4g") for one in found.above_best(name).values())]
        )
    if found.folds is not None:
        rows.append(["RMSE on folds", *(_figure(one[j], ".6g") for one in found.folds.values())])
    return rows


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:{form}}"


def _text(rows: Sequence[Sequence[str]]) -> str:
    return aligned([list(column) for column in zip(*rows, strict=True)])


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(one_line(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    rule = f"| --- |{' ---: |' * (len(rows[0]) - 1)}"
    return "\n".join([lines[0], rule, *lines[1:]])


def _html(rows: Sequence[Sequence[str]]) -> str:
    def line(row: Sequence[str], tag: str) -> str:
        cells = [
            f'<{tag} align="{"right" if i else "left"}">{html.escape(one_line(cell))}</{tag}>'
            for i, cell in enumerate(row)
        ]
        return f"<tr>{''.join(cells)}</tr>"

    return "\n".join(["<table>", line(rows[0], "th"), *(line(row, "td") for row in rows[1:]), "</table>"])


_MARKS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "²": "$^2$", "Δ": r"$\Delta$", "–": "--",
}  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(_MARKS.get(c, c) for c in one_line(text))


def _latex(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"{' & '.join(map(_escaped, row))} \\\\" for row in rows]
    shape = "l" + "r" * (len(rows[0]) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{shape}}}",
            r"\hline",
            lines[0],
            r"\hline",
            *lines[1:],
            r"\hline",
            r"\end{tabular}",
        ]
    )


FORMS: dict[str, tuple[Callable[[Sequence[Sequence[str]]], str], Callable[[str], str]]] = {
    "text": (_text, wrapped),
    "markdown": (_markdown, one_line),
    "html": (_html, lambda text: f"<p>{html.escape(text)}</p>"),
    "latex": (_latex, _escaped),
}
