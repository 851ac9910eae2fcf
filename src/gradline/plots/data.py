"""Figures of data: the training table, the split into training and validation, rules written and rules learned."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradline.core.text import counted, number
from gradline.model.model import LinearModel
from gradline.plots.sampling import Sample, sampled
from gradline.plots.style import COLORS, GRID, NEUTRAL, figure, label, marker, shown

_CELLS = {"align": "right", "height": 26, "font": {"color": NEUTRAL, "size": 12}}
_NAME = 14  # characters of a name over its column
_TERMS = 4  # of a rule that are written out
_CASE = 3  # columns of a row that are written out


def table(model: LinearModel, data: Any, rows: int = 10) -> go.Figure:
    """The training data: the inputs, one column per variable, and beside them the targets, one row per observation.

    Parameters: `data` a table with the model's columns, or a pair (X, Y); `rows` shown at most, at random. Raises
    `DataError` where the columns are not those of the model.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.table(model, "example:crops", rows=5)
    >>> [str(heading) for heading in figure.data[0].header.values[1]]
    ['input', 'temp']
    """
    sample = sampled(model, data, rows)
    p, m = len(model.features), len(model.targets)
    named = [("input", label(name, _NAME)) for name in model.features]
    named += [("target", label(name, _NAME)) for name in model.targets]
    columns = [[f"{row}" for row in sample.numbers]]
    columns += [
        [number(cell, 5) for cell in column] for column in np.column_stack([sample.X, sample.Y]).T.tolist()
    ]
    fills = ["rgba(0, 0, 0, 0)"] * (p + 1) + [GRID] * m
    made = figure(
        "The training data",
        f"{counted(sample.rows, 'row')}: {counted(p, 'input')} to predict from, {counted(m, 'target')} to predict. "
        f"{sample.said()}",
        height=150 + 27 * (len(sample.X) + 2),
    )
    made.add_table(
        header={"values": [["", "row"], *map(list, named)], "fill_color": fills, **_CELLS},
        cells={"values": columns, "fill_color": fills, **_CELLS},
    )
    return made


def split(
    model: LinearModel,
    training: Any,
    validation: Any,
    target: str | None = None,
    feature: str | None = None,
    rows: int = 2000,
) -> go.Figure:
    """The rows to train on and those held out to validate with, a target against a feature.

    Parameters: `training` and `validation` tables with the model's columns, or pairs (X, Y); `target` and `feature` the
    first for None; `rows` of each at most, at random. Raises `RequestError` for an unknown name, `DataError` where the
    columns are not those of the model.

    >>> import gradline
    >>> from gradline import plots
    >>> X, Y = [[0.1], [0.4], [0.5], [0.9], [0.7]], [1.2, 1.8, 2.0, 2.8, 2.4]
    >>> model = gradline.fit(X[:4], Y[:4])
    >>> figure = plots.split(model, (X[:4], Y[:4]), (X[4:], Y[4:]))
    >>> [points.name for points in figure.data]
    ['training, 4 rows', 'validation, 1 row']
    """
    t, j = shown(target, model.targets, "target"), shown(feature, model.features, "feature")
    x, y = label(model.features[j]), label(model.targets[t])
    parts = [("training", sampled(model, training, rows)), ("validation", sampled(model, validation, rows))]
    whole = sum(sample.rows for _, sample in parts)
    made = figure(
        "The split: training and validation",
        f"The model learns from {parts[0][1].rows:,} of {whole:,} rows. The others say how well it does on rows that "
        "it has not seen.",
        x,
        y,
    )
    for i, (name, sample) in enumerate(parts):
        _add_rows(made, sample, (j, t), f"{name}, {counted(sample.rows, 'row')}", i)
    return made


def _add_rows(made: go.Figure, sample: Sample, at: tuple[int, int], name: str, i: int) -> None:
    made.add_scatter(
        x=sample.X[:, at[0]],
        y=sample.Y[:, at[1]],
        mode="markers",
        marker={**marker(i), "opacity": 0.85},
        name=name,
        customdata=sample.numbers,
        hovertemplate=f"{name.split(',')[0]} row %{{customdata}}<br>%{{x:.5~g}}, %{{y:.5~g}}<extra></extra>",
    )


def rules(model: LinearModel, data: Any, target: str | None = None) -> go.Figure:
    """Classical programming beside machine learning: rules and data give answers; data and answers give rules.

    Parameters: `data` a table with the model's columns, or a pair (X, Y), of which one row is shown; `target` the first
    for None. Raises `RequestError` for an unknown name, `DataError` where the columns are not those of the model. After
    Chollet, Deep Learning with Python, 1.1.

    >>> import gradline
    >>> from gradline import plots
    >>> figure = plots.rules(gradline.fit("example:line", "y"), "example:line")
    >>> [box.text for box in figure.layout.annotations if "Rule" in (box.text or "")][-1]
    '<b>Rules</b><br>y = 1.022 + 1.954 × x'
    """
    t = shown(target, model.targets, "target")
    sample = sampled(model, data, 1)
    y = label(model.targets[t], _NAME)
    case = [
        f"{label(name, _NAME)} {number(x, 4)}" for name, x in zip(model.features, sample.X[0], strict=True)
    ]
    given = f"<b>Data</b><br>{_listed(case, _CASE, '<br>')}"
    answers = f"<b>Answers</b><br>{y} {number(sample.Y[0, t], 4)}"
    made = figure(
        "Rules that are written, rules that are learned",
        "A program is given rules and finds answers. Training is given answers and finds the rules: here the weights.",
        height=540,
        showlegend=False,
    )
    made.update_xaxes(visible=False, range=[0, 10])
    made.update_yaxes(visible=False, range=[0, 10])
    _flow(made, 7.7, ["<b>Rules</b><br>written by a person", given], "Classical<br>programming", answers)
    _flow(made, 2.2, [given, answers], "Machine<br>learning", f"<b>Rules</b><br>{_rule(model, t)}")
    return made


def _rule(model: LinearModel, t: int) -> str:
    """`y = 1.02 + 1.97 × x`, as the model has it."""
    terms = [number(model.bias[t], 4)] if model.has_bias else []
    terms += [
        f"{number(w, 4)} × {label(name, _NAME)}"
        for w, name in zip(model.weight[t], model.features, strict=True)
    ]
    between = " + " if len(model.features) == 1 else "<br>+ "
    return f"{label(model.targets[t], _NAME)} = {_listed(terms, _TERMS, between)}".replace("+ -", "− ")


def _listed(words: list[str], most: int, between: str) -> str:
    return between.join(words if len(words) <= most else [*words[:most], "…"])


def _flow(made: go.Figure, height: float, inputs: list[str], middle: str, output: str) -> None:
    """Two boxes whose arrows go into a third, and one that comes out."""
    places = [(1.8, height + 1.25, inputs[0], NEUTRAL), (1.8, height - 1.25, inputs[1], NEUTRAL)]
    places += [(5.0, height, f"<b>{middle}</b>", COLORS[0]), (8.3, height, output, COLORS[1])]
    for start in (height + 1.25, height - 1.25):
        _arrow(made, (3.4, start), (4.0, height))
    _arrow(made, (6.0, height), (6.7, height))
    for x, y, text, colour in places:
        made.add_annotation(
            x=x,
            y=y,
            text=text,
            showarrow=False,
            bordercolor=colour,
            borderwidth=1.5,
            borderpad=6,
            font={"size": 11.5},
        )


def _arrow(made: go.Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    made.add_annotation(
        x=end[0], y=end[1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y",
        text="", arrowhead=2, arrowwidth=2, arrowcolor=NEUTRAL,
    )  # fmt: skip
