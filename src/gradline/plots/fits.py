"""Figures of a model over rows: data with the fitted line or plane, and predictions against targets."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradline.core.text import number
from gradline.model.model import LinearModel
from gradline.plots.added import added_variables
from gradline.plots.sampling import Sample, sampled
from gradline.plots.style import (
    COLORS,
    NEUTRAL,
    add_diagonal,
    figure,
    label,
    line,
    marker,
    scene_label,
    shown,
)

_CAMERA = {"eye": {"x": 1.3, "y": -1.6, "z": 0.6}, "center": {"x": 0, "y": 0, "z": -0.15}}


def fitted(
    model: LinearModel, data: Any, target: str | None = None, feature: str | None = None, rows: int = 2000
) -> go.Figure:
    """Data with the fitted line and its residuals as sticks; with two features the plane; with more, one plot for each.

    Parameters: `data` a table with the model's columns, or a pair (X, Y); `target` one of its targets, the first for
    None; `feature` one of several, drawn given the others; `rows` at most, at random: a figure can show no more.
    With several features, y and each feature x are shown as what the other features leave of them (the added-variable
    plot, whose slope is the coefficient: Frisch, Waugh 1933). Raises `RequestError` for an unknown name, `DataError`
    where the columns are not those of the model.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", "apples", features=["rainfall"])
    >>> figure = plots.fitted(model, "example:crops")
    >>> figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    ('rainfall', 'apples')
    """
    t = shown(target, model.targets, "target")
    chosen = None if feature is None else shown(feature, model.features, "feature")
    if len(model.features) == 1:
        return _line(model, sampled(model, data, rows), t)
    if len(model.features) == 2 and chosen is None:
        return _plane(model, sampled(model, data, rows), t)
    return added_variables(model, data, t, chosen, rows)


def _line(model: LinearModel, sample: Sample, t: int) -> go.Figure:
    x, y = label(model.features[0]), label(model.targets[t])
    predictions = _predicted(model, sample.X, t)
    made = figure(
        f"{y} by {x}, with the fitted line",
        f"Each stick is a residual: from the row to its prediction. {sample.said()}",
        x,
        y,
    )
    made.add_scatter(
        x=_sticks(sample.X[:, 0], sample.X[:, 0]),
        y=_sticks(sample.Y[:, t], predictions),
        mode="lines",
        line={"color": NEUTRAL, "width": 1},
        name="residual",
        hoverinfo="skip",
    )
    made.add_scatter(
        x=sample.X[:, 0],
        y=sample.Y[:, t],
        mode="markers",
        marker=marker(0),
        name="row",
        customdata=np.column_stack([sample.numbers, predictions, sample.Y[:, t] - predictions]),
        hovertemplate=f"row %{{customdata[0]}}<br>{x} %{{x:.5~g}}<br>{y} %{{y:.5~g}}"
        "<br>prediction %{customdata[1]:.5~g}<br>residual %{customdata[2]:.3~g}<extra></extra>",
    )
    ends = _ends(sample.X[:, 0])
    made.add_scatter(
        x=ends,
        y=_predicted(model, ends[:, None], t),
        mode="lines",
        line={**line(1), "dash": "solid"},
        name=f"{number(model.bias[t], 4)} + {number(model.weight[t, 0], 4)} × {x}",
        hovertemplate=f"{x} %{{x:.5~g}}<br>prediction %{{y:.5~g}}<extra></extra>",
    )
    return made


def _plane(model: LinearModel, sample: Sample, t: int) -> go.Figure:
    first, second, y = label(model.features[0]), label(model.features[1]), label(model.targets[t])
    predictions = _predicted(model, sample.X, t)
    titles = [scene_label(name) for name in (*model.features, model.targets[t])]
    a, b = np.meshgrid(_ends(sample.X[:, 0]), _ends(sample.X[:, 1]))
    made = figure(
        f"{y} by {first} and {second}, with the fitted plane",
        f"Each stick is a residual: from the row to its prediction. {sample.said()}",
        height=560,
        showlegend=False,
        scene={
            **{f"{axis}axis_title_text": text for axis, text in zip("xyz", titles, strict=True)},
            "camera": _CAMERA,
        },
    )
    made.add_surface(
        x=a,
        y=b,
        z=_predicted(model, np.column_stack([a.ravel(), b.ravel()]), t).reshape(a.shape),
        opacity=0.5,
        showscale=False,
        colorscale=[[0, COLORS[1]], [1, COLORS[1]]],
        name="plane",
        hovertemplate=f"{first} %{{x:.5~g}}<br>{second} %{{y:.5~g}}<br>prediction %{{z:.5~g}}<extra></extra>",
    )
    made.add_scatter3d(
        x=_sticks(sample.X[:, 0], sample.X[:, 0]),
        y=_sticks(sample.X[:, 1], sample.X[:, 1]),
        z=_sticks(sample.Y[:, t], predictions),
        mode="lines",
        line={"color": NEUTRAL, "width": 2},
        name="residual",
        hoverinfo="skip",
    )
    made.add_scatter3d(
        x=sample.X[:, 0],
        y=sample.X[:, 1],
        z=sample.Y[:, t],
        mode="markers",
        marker={"color": COLORS[0], "size": 4},
        name="row",
        customdata=np.column_stack([sample.numbers, predictions]),
        hovertemplate=f"row %{{customdata[0]}}<br>{first} %{{x:.5~g}}<br>{second} %{{y:.5~g}}"
        f"<br>{y} %{{z:.5~g}}<br>prediction %{{customdata[1]:.5~g}}<extra></extra>",
    )
    return made


def predictions(model: LinearModel, data: Any, target: str | None = None, rows: int = 2000) -> go.Figure:
    """Targets against predictions; on the dashed line the two agree. Parameters and errors as in `fitted`.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.predictions(model, "example:crops", target="oranges")
    >>> figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    ('prediction of oranges', 'oranges')
    """
    t = shown(target, model.targets, "target")
    sample = sampled(model, data, rows)
    y, predicted = sample.Y[:, t], _predicted(model, sample.X, t)
    name = label(model.targets[t])
    made = figure(
        f"{name} against its prediction",
        f"On the dashed line the two agree; above it the row is more than predicted. {sample.said()}",
        f"prediction of {name}",
        name,
    )
    ends = _ends(np.concatenate([y, predicted]))
    add_diagonal(made, ends, "prediction = target")
    made.add_scatter(
        x=predicted,
        y=y,
        mode="markers",
        marker={**marker(0), "opacity": 0.8},
        name="row",
        customdata=np.column_stack([sample.numbers, y - predicted]),
        hovertemplate=f"row %{{customdata[0]}}<br>prediction %{{x:.5~g}}<br>{name} %{{y:.5~g}}"
        "<br>residual %{customdata[1]:.3~g}<extra></extra>",
    )
    return made


def _predicted(model: LinearModel, X: np.ndarray, t: int) -> np.ndarray:
    return X @ model.weight[t] + model.bias[t]


def _ends(values: np.ndarray) -> np.ndarray:
    return np.array([values.min(), values.max()])


def _sticks(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """start, end and a gap for each row: one trace draws them all."""
    return np.column_stack([start, end, np.full(len(start), np.nan)]).ravel()
