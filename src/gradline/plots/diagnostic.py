"""Figures of residuals: against predictions, against Student's t, their size, and leverage with Cook's distance."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from gradline.core.errors import RequestError
from gradline.core.text import counted, number
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.model.residuals import Diagnostics, diagnostics
from gradline.plots.sampling import picked
from gradline.plots.style import NEUTRAL, RED, add_diagonal, figure, label, line, marker, shown

_SHOWN = 2000  # rows in a figure
_EXTREME = 200  # of these, the largest by each of three figures are always among them
_NAMED = 3  # rows that are named
_COOK = (0.5, 1.0)  # Cook's distances by custom (Cook, Weisberg 1982)


class _Points(NamedTuple):
    """What is shown of the rows, for one target."""

    numbers: np.ndarray
    residual: np.ndarray
    leverage: np.ndarray
    internal: np.ndarray
    cook: np.ndarray

    def take(self, which: np.ndarray) -> "_Points":
        return _Points(*(column[which] for column in self))


class _Drawn(NamedTuple):
    """The points, their predictions, and a sentence on the rows that are not among them."""

    points: _Points
    predicted: np.ndarray
    found: Diagnostics
    said: str


def residuals(model: LinearModel, data: Any, target: str | None = None) -> go.Figure:
    """Residuals against predictions: a line suits the data where they scatter evenly around zero.

    Parameters: `data` the training rows, a table or a pair (X, Y); `target` one of the targets, the first for None.
    Of more than 2,000 rows the extreme ones are shown and others at random. Raises `RequestError` where the
    coefficients are no least-squares estimates, `DataError` where the rows are not those of the training.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.residuals(model, "example:crops")
    >>> figure.data[0].y[:3].round(2).tolist()
    [-1.32, -0.81, 0.87]
    """
    t = shown(target, model.targets, "target")
    drawn, name = _drawn(model, data, t), label(model.targets[t])
    made = figure(
        f"Residuals of {name} against its prediction",
        f"A curve says that a line does not suit; a funnel, that the spread changes. {drawn.said}",
        f"prediction of {name}",
        "residual",
    )
    made.add_hline(y=0, line={"color": NEUTRAL, "dash": "dash", "width": 1.5})
    _add_rows(made, drawn, drawn.predicted, drawn.points.residual, np.abs(drawn.points.residual))
    return made


def scale_location(model: LinearModel, data: Any, target: str | None = None) -> go.Figure:
    """√|studentised residual| against predictions: errors are alike where it is level. As `residuals` otherwise.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> plots.scale_location(model, "example:crops").layout.yaxis.title.text
    '√|studentised residual|'
    """
    t = shown(target, model.targets, "target")
    drawn, name = _drawn(model, data, t), label(model.targets[t])
    _expect_studentised(drawn.points.internal, drawn.found, drawn.found.inference.freedom)
    made = figure(
        f"Size of the residuals of {name} against its prediction",
        f"Where it rises, the errors grow with the prediction. {drawn.said}",
        f"prediction of {name}",
        "√|studentised residual|",
    )
    size = np.sqrt(np.abs(drawn.points.internal))
    _add_rows(made, drawn, drawn.predicted, size, size)
    return made


def leverage(model: LinearModel, data: Any, target: str | None = None) -> go.Figure:
    """Studentised residuals against leverage, with the contours where Cook's distance is ½ and 1.

    Cook's distance is internal²·h/((1 − h)·k), as in `model.residuals`: what lies beyond the contours moves
    the coefficients by itself. As `residuals` otherwise.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.leverage(model, "example:crops")
    >>> f"{sum(figure.data[0].x):.3f}"  # the number of coefficients of a target
    '4.000'
    """
    t = shown(target, model.targets, "target")
    drawn = _drawn(model, data, t)
    _expect_studentised(drawn.points.internal, drawn.found, drawn.found.inference.freedom)
    made = figure(
        f"Leverage of the rows, for {label(model.targets[t])}",
        f"A row beyond the contours moves the coefficients by itself. {drawn.said}",
        "leverage",
        "studentised residual",
    )
    points = drawn.points
    _add_rows(made, drawn, points.leverage, points.internal, points.cook)
    h = np.linspace(0, 1, 400)[1:-1]
    h = h[h <= 1.1 * points.leverage.max()]
    highest = 1.2 * np.nanmax(np.abs(points.internal))
    for i, distance in enumerate(_COOK):
        contour = np.sqrt(distance * drawn.found.inference.basis.q * (1 - h) / h)
        near = contour <= highest
        made.add_scatter(
            x=np.concatenate([h[near], [np.nan], h[near]]),
            y=np.concatenate([contour[near], [np.nan], -contour[near]]),
            mode="lines",
            line={"color": RED, "width": 1.5, "dash": line(i + 1)["dash"]},
            name=f"Cook's distance {number(distance)}",
            hoverinfo="skip",
        )
    return made


def quantiles(model: LinearModel, data: Any, target: str | None = None) -> go.Figure:
    """Externally studentised residuals against the quantiles of Student's t that they follow if errors are normal.

    The i-th of n stands at probability (i − ½)/n, on f − 1 degrees of freedom. Parameters and errors as in `residuals`.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> len(plots.quantiles(model, "example:crops", target="apples").data[1].x)
    15
    """
    t = shown(target, model.targets, "target")
    found = _diagnosed(model, data)
    external = np.concatenate([block.external[:, t] for block in found.blocks()])
    freedom = found.inference.freedom - 1
    _expect_studentised(external, found, freedom)
    order = np.argsort(external, kind="stable")
    order = order[np.isfinite(external[order])]
    n = len(order)
    ranks = _ranks_shown(n)
    theory = _student((ranks + 0.5) / n, freedom)
    name = label(model.targets[t])
    made = figure(
        f"Residuals of {name} against Student's t",
        f"Near the line the errors are as a normal distribution has them. {_not_shown(n, len(ranks))}",
        f"quantile of Student's t, {freedom:,.6g} degrees of freedom",
        "externally studentised residual",
    )
    add_diagonal(made, theory[[0, -1]], "as expected")
    made.add_scatter(
        x=theory,
        y=external[order[ranks]],
        mode="markers",
        marker=marker(0),
        name="row",
        customdata=order[ranks] + 1,
        hovertemplate="row %{customdata:,d}<br>expected %{x:.3~g}<br>found %{y:.3~g}<extra></extra>",
    )
    return made


def _student(probabilities: np.ndarray, freedom: float) -> np.ndarray:
    """Quantiles, from the two-sided ones: the middle one is 0."""
    sides = 2 * probabilities - 1
    return np.array([np.sign(s) * quantile(abs(s), freedom) if s else 0.0 for s in sides])


def _ranks_shown(n: int) -> np.ndarray:
    """All ranks, or of many both ends and an even choice of the rest."""
    if n <= _SHOWN:
        return np.arange(n)
    middle = np.linspace(_EXTREME, n - _EXTREME - 1, _SHOWN - 2 * _EXTREME).round().astype(int)
    return np.concatenate([np.arange(_EXTREME), middle, np.arange(n - _EXTREME, n)])


def _diagnosed(model: LinearModel, data: Any) -> Diagnostics:
    parts = data if isinstance(data, tuple) else (data,)
    return diagnostics(model, *parts, missing="drop")


def _drawn(model: LinearModel, data: Any, t: int) -> _Drawn:
    """The rows that are shown: the extreme ones by residual, leverage and Cook's distance, the others at random."""
    found = _diagnosed(model, data)
    random = np.random.default_rng(0)
    held: list[_Points] = []
    keys = np.zeros(0)
    seen = 0
    for block in found.blocks():
        numbers = np.arange(seen + 1, seen + len(block.leverage) + 1)
        columns = (block.residual, block.internal, block.cooks_distance)
        residual, internal, cook = (column[:, t] for column in columns)
        held.append(_Points(numbers, residual, block.leverage, internal, cook))
        points = _Points(*(np.concatenate(parts) for parts in zip(*held, strict=True)))
        keys = np.concatenate([keys, random.random(len(numbers))])
        kept = _kept(points, keys)
        held, keys, seen = [points.take(kept)], keys[kept], seen + len(numbers)
    points = held[0]
    sample = picked(model, data, points.numbers)
    predicted = sample.X @ model.weight[t] + model.bias[t]
    return _Drawn(points, predicted, found, _not_shown(seen, len(points.numbers)))


def _kept(points: _Points, keys: np.ndarray) -> np.ndarray:
    """Which rows of these stay; chosen block by block they are those that would be chosen at once."""
    if len(keys) <= _SHOWN:
        return np.arange(len(keys))
    kept = [np.argsort(keys)[: _SHOWN - 3 * _EXTREME]]
    for figures in (np.abs(points.residual), points.leverage, points.cook):
        kept.append(np.argsort(-np.nan_to_num(figures, nan=np.inf))[:_EXTREME])
    return np.unique(np.concatenate(kept))


def _not_shown(rows: int, here: int) -> str:
    return f"{here:,} of {rows:,} rows, the extreme ones among them." if here < rows else ""


def _expect_studentised(internal: np.ndarray, found: Diagnostics, freedom: float) -> None:
    """Refuse where a residual has no spread of its own: the target is fitted exactly, or `freedom` is used up."""
    remedy = "draw gradline.plots.residuals"
    if freedom <= 0:
        cause = "no residual can be studentised: one degree of freedom is left"
        raise RequestError("single-freedom-left", cause, remedy)
    if np.isnan(internal).all():
        first = found.inference.refusals[0]
        raise RequestError(first.code, f"no residual can be studentised: {first.cause}", remedy)


def _add_rows(made: go.Figure, drawn: _Drawn, x: np.ndarray, y: np.ndarray, size: np.ndarray) -> None:
    """The rows as points, those of the largest `size` named."""
    points = drawn.points
    made.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker={**marker(0), "opacity": 0.8},
        name="row",
        customdata=np.column_stack(
            [points.numbers, drawn.predicted, points.residual, points.internal, points.leverage, points.cook]
        ),
        hovertemplate="row %{customdata[0]:,d}<br>prediction %{customdata[1]:.5~g}"
        "<br>residual %{customdata[2]:.3~g}, studentised %{customdata[3]:.3~g}"
        "<br>leverage %{customdata[4]:.3~g}<br>Cook's distance %{customdata[5]:.3~g}<extra></extra>",
    )
    largest = _largest(size)
    made.add_scatter(
        x=x[largest],
        y=y[largest],
        mode="markers+text",
        marker={**marker(1), "size": 9},
        text=[f"row {number:,}" for number in points.numbers[largest]],
        textposition="top center",
        name=f"the {counted(len(largest), 'row')} that stand out most"
        if len(largest) > 1
        else "stands out most",
        hoverinfo="skip",
        cliponaxis=False,
    )


def _largest(size: np.ndarray) -> Sequence[int]:
    known = np.flatnonzero(np.isfinite(size))
    return known[np.argsort(-size[known], kind="stable")][:_NAMED].tolist()
