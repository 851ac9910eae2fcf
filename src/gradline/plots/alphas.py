"""Figures of choosing alpha: what becomes of the coefficients, and of the errors on rows held out."""

import numpy as np
import plotly.graph_objects as go

from gradline.core.text import number
from gradline.model.choice import Choice
from gradline.model.path import Path
from gradline.plots.style import LEGEND, NEUTRAL, decades, figure, label, line, shown, with_legend
from gradline.solvers.problem import Scaling

_BAND = "rgba(0, 114, 178, 0.18)"  # the first colour, through which the curves of the folds are seen
_SPAN = 10  # times the least error, from which on the axis is logarithmic


def alpha_path(path: Path, target: str | None = None, alpha: float | None = None) -> go.Figure:
    """Coefficients at all alphas of a path, by standard deviation of their column, which makes them comparable.

    A curve is weight·s, s the standard deviation (divisor W) of the feature's column, or its root mean square in a
    model without a bias. Parameters: `path` of `gradline.path`; `target` one of its targets, the first for None;
    `alpha` one to mark, None for none. Raises `RequestError` for another target.

    >>> import gradline
    >>> from gradline import plots
    >>> path = gradline.path("example:crops", ["apples", "oranges"])
    >>> [curve.name for curve in plots.alpha_path(path, "apples").data]
    ['temp', 'rainfall', 'humidity']
    """
    t, moments = shown(target, path.moments.targets, "target"), path.moments
    some = path.alphas > 0  # a logarithmic axis has no place for none
    alphas, freedom = path.alphas[some], path.freedom[some, t]
    weights = path.weight[some, t] * Scaling.standard(moments, path.has_bias).scale
    grows = "features come in" if path.penalty.l1_ratio else "the coefficients grow"
    made = figure(
        f"Coefficients against alpha, for {label(moments.targets[t])}",
        "The change of the prediction when a feature grows by one standard deviation. From right to left the penalty "
        f"falls, and {grows}.",
        y="change per standard deviation",
        height=with_legend(moments.p),
    )
    made.update_xaxes(decades("alpha"))
    largest = np.argsort(-np.abs(weights).max(axis=0), kind="stable")[:LEGEND]
    for j, name in enumerate(moments.features):
        text = label(name)
        made.add_scatter(
            x=alphas,
            y=weights[:, j],
            mode="lines",
            line=line(j),
            name=text,
            showlegend=j in largest,
            customdata=freedom,
            hovertemplate=f"{text}<br>alpha %{{x:.3~g}}<br>%{{y:.4~g}}<br>degrees of freedom %{{customdata:.3~g}}"
            "<extra></extra>",
        )
    if alpha:
        _mark(made, alpha, "alpha")
    return made


def alpha_errors(choice: Choice) -> go.Figure:
    """The mean squared error on rows held out at each alpha, with a band of one standard error, and what was chosen.

    The dotted line is the least error plus its standard error: the rule "1se" takes the largest alpha below it. Thin
    curves are the folds. Parameters: `choice` of a model whose alpha was chosen by cross-validation.

    >>> import gradline
    >>> from gradline import plots
    >>> penalty = gradline.CrossValidated(l1_ratio=1.0)
    >>> model = gradline.fit("example:longley", "employed", penalty=penalty, scale="standard")
    >>> [trace.name for trace in plots.alpha_errors(model.choice).data if trace.showlegend is not False]
    ['one standard error', 'mean of 5 folds', 'each fold', 'least + one standard error']
    """
    some = choice.alphas > 0
    alphas, error, stderr = choice.alphas[some], choice.error[some], choice.stderr[some]
    folds, best = choice.errors[some], choice.best
    made = figure(
        "Error on rows held out, against alpha",
        f"Least at alpha {number(float(choice.alphas[best]))}. Alphas whose error lies below the dotted line predict "
        "as well as the best, as far as the folds can tell.",
        y="mean squared error",
        height=460,
    )
    made.update_xaxes(decades("alpha"))
    if (
        error.max() > _SPAN * error.min()
    ):  # what is small would lie flat on the axis, and there the choice is made
        made.update_yaxes(type="log", exponentformat="power")
    low = np.maximum(error - stderr, error / _SPAN)  # which a logarithmic axis has a place for
    ends = np.concatenate([error + stderr, low[::-1]])
    made.add_scatter(
        x=np.concatenate([alphas, alphas[::-1]]), y=ends, mode="lines", line={"width": 0}, fill="toself",
        fillcolor=_BAND, name="one standard error", hoverinfo="skip",
    )  # fmt: skip
    count = folds.shape[1]
    made.add_scatter(
        x=alphas, y=error, mode="lines", line=line(0), customdata=stderr,
        name=f"mean of {count} folds" if count > 1 else "mean",
        hovertemplate="alpha %{x:.3~g}<br>error %{y:.4~g} ± %{customdata:.2~g}<extra></extra>",
    )  # fmt: skip
    for k in range(count if count > 1 else 0):
        made.add_scatter(
            x=alphas, y=folds[:, k], mode="lines", line={"color": NEUTRAL, "width": 0.7}, opacity=0.6,
            name="each fold", showlegend=k == 0, hoverinfo="skip",
        )  # fmt: skip
    level = float(choice.error[best] + choice.stderr[best])
    made.add_scatter(
        x=[alphas[0], alphas[-1]], y=[level, level], mode="lines",
        line={"color": NEUTRAL, "width": 1.5, "dash": "dot"}, name="least + one standard error", hoverinfo="skip",
    )  # fmt: skip
    _mark(made, choice.alpha, "chosen")
    return made


def _mark(made: go.Figure, alpha: float, what: str) -> None:
    """A dashed line at an alpha, and what it is."""
    ends = {"x0": alpha, "x1": alpha, "y0": 0, "y1": 1, "yref": "paper"}
    made.add_shape(type="line", **ends, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    place = float(np.log10(alpha))  # a text's place on such an axis, other than a line's, is in decades
    text = f"{what} {number(alpha)}"
    made.add_annotation(x=place, y=1, yref="paper", yanchor="bottom", text=text, showarrow=False)
