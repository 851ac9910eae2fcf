"""Figures of coefficients: with their intervals, and along the ridge path."""

import numpy as np
import plotly.graph_objects as go

from gradline.core.text import number, percent
from gradline.model.model import LinearModel
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.plots.style import LEGEND, NEUTRAL, decades, figure, label, line, marker, shown, with_legend
from gradline.solvers.problem import Scaling

_ROW = 26  # pixels for one feature


def coefficients(model: LinearModel, level: float = 0.95) -> go.Figure:
    """Coefficients with confidence intervals, by standard deviation of their column, which makes them comparable.

    A point is weight·s and its bar interval·s, s the standard deviation (divisor W) of the feature's column, or its
    root mean square in a model without a bias; the hover text has the raw figures. Parameters: `level` of the
    intervals, 0.95 by custom. Raises `RequestError` where there are no intervals, such as for training stopped early,
    `UsageError` for a level outside 0 to 1.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> [points.name for points in plots.coefficients(model).data]
    ['apples', 'oranges']
    """
    interval = model.inference.interval(level).weight
    scale = Scaling.standard(model.moments, model.has_bias).scale
    p, m = len(model.features), len(model.targets)
    names = [label(name) for name in model.features]
    made = figure(
        f"Coefficients with {percent(level)} intervals",
        "The change of the prediction when a feature grows by one standard deviation, the others as they are. "
        "A bar that crosses the line at 0: the sign is not sure.",
        "change per standard deviation",
        height=190 + _ROW * p * m,
        showlegend=m > 1,
    )
    made.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    ticks = {"tickvals": list(range(p)), "ticktext": [label(name, 24) for name in model.features]}
    made.update_yaxes(ticks, range=[p - 0.5, -0.5], showgrid=False, zeroline=False)
    for t, target in enumerate(model.targets):
        low, high = interval[t, :, 0], interval[t, :, 1]
        places = np.arange(p) + (t - (m - 1) / 2) * 0.6 / m
        known = np.isfinite(low)
        made.add_scatter(
            x=model.weight[t] * scale,
            y=places,
            mode="markers",
            marker={**marker(t), "size": 9},
            error_x={"type": "data", "array": np.where(known, high - low, 0.0) / 2 * scale, "thickness": 2},
            name=label(target),
            text=[_raw(*figures) for figures in zip(names, model.weight[t], low, high, strict=True)],
            hovertemplate="%{text}<br>per standard deviation %{x:.4~g}<extra></extra>",
        )
    return made


def _raw(name: str, weight: float, low: float, high: float) -> str:
    known = f"from {number(low, 4)} to {number(high, 4)}"
    interval = known if np.isfinite(low) else "the data do not determine it"
    return f"{name}<br>coefficient {number(weight, 5)}<br>{interval}"


def ridge_path(moments: Moments, target: str | None = None) -> go.Figure:
    """Ridge coefficients on standardised columns against alpha: from the optimum at the left to zero at the right.

    They minimise Σ w·(y − ŷ)²/(m·W) + alpha/2·‖weight‖², the bias free; with one target alpha·n/2 is scikit-learn's.
    With the singular values σ of the standardised columns a direction is shrunk by σ²/(σ² + alpha·m·W/2) (Hoerl,
    Kennard 1970). Parameters: `target` one of the targets, the first for None. Raises `RequestError` for another.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> [curve.name for curve in plots.ridge_path(moments, "apples").data]
    ['temp', 'rainfall', 'humidity']
    """
    t = shown(target, moments.targets, "target")
    alphas, weights = _ridge(moments, t)
    made = figure(
        f"Ridge path, for {label(moments.targets[t])}",
        "Coefficients on standardised columns. At the left the least-squares answer; the larger alpha, the shorter.",
        height=with_legend(moments.p),
    )
    made.update_xaxes(decades("alpha"))
    made.update_yaxes(title_text="per standard deviation")
    largest = np.argsort(-np.abs(weights[0]), kind="stable")[:LEGEND]
    for j, name in enumerate(moments.features):
        text = label(name)
        made.add_scatter(
            x=alphas,
            y=weights[:, j],
            mode="lines",
            line=line(j),
            name=text,
            showlegend=j in largest,
            hovertemplate=f"{text}<br>alpha %{{x:.3~g}}<br>%{{y:.4~g}}<extra></extra>",
        )
    return made


def _ridge(moments: Moments, t: int) -> tuple[np.ndarray, np.ndarray]:
    """alpha (k,) and coefficients (k, p), from where every direction is almost free to where none is."""
    rank = Rank.of(moments, bias=True)
    left, right = rank.left[:, : rank.rank], rank.right[: rank.rank]
    squares = moments.weight_sum * rank.singular[: rank.rank] ** 2
    along = np.sqrt(squares) * (left.T @ moments.slopes_factor(bias=True).B[:, t])
    halved = 2.0 * squares / (moments.m * moments.weight_sum)  # the alpha that halves a direction
    ends = (halved.min() / 1e4, halved.max() * 1e3) if rank.rank else (1e-4, 1e3)
    alphas = np.geomspace(*ends, 200)
    shrunk = along / (squares + alphas[:, None] * (moments.m * moments.weight_sum / 2))
    return alphas, shrunk @ right
