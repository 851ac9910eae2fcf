"""Figures of two models beside each other: coefficients with intervals, the change by cause, losses."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from gradline.history.decomposition import Movement
from gradline.history.model_diff import Coefficient, Fitted, ModelDifference
from gradline.model.model import LinearModel
from gradline.plots.style import COLORS, NEUTRAL, decades, epoch_axis, figure, label, line, marker

MOST = 30  # coefficients of one target that are drawn, the most important first
_ROW = 30  # pixels of a coefficient
_HATCHES = ("", "/", "x")  # so that colour alone tells nothing apart
_HATCH = "rgba(255, 255, 255, 0.6)"
_FOOT = 100  # pixels for the axis and, where the page is narrow, two lines of a legend


def coefficients(
    found: Movement,
    models: tuple[LinearModel, LinearModel],
    shown: Sequence[Coefficient],
    names: tuple[str, str],
) -> go.Figure:
    """The weights of one target in both models, by standard deviation of their column, with 95 % intervals.

    `shown` are those of the target that moved; an interval is drawn where the model has one for that very coefficient.
    """
    rows = _weights(shown)
    target = shown[0].target
    made = _figure(
        f"Coefficients of {label(target)}",
        "The change of the prediction when a feature grows by one standard deviation. Bars are 95 % intervals, where "
        "training arrived at its answer.",
        rows,
    )
    for i, (model, pair) in enumerate(zip(models, (found.before, found.after), strict=True)):
        places = [found.features.index(row.feature or "") for row in rows]
        values = pair.weight[found.targets.index(target), places]
        margins = [
            _margin(model, target, row.feature, value) for row, value in zip(rows, values, strict=True)
        ]
        has = [(row.before if i == 0 else row.after) is not None for row in rows]
        spread = found.spread[places]
        made.add_scatter(
            x=np.where(has, values * spread, np.nan),
            y=np.arange(len(rows)) + (i - 0.5) * 0.3,
            mode="markers",
            marker={**marker(i), "size": 9},
            error_x={"type": "data", "array": np.array(margins) * spread, "thickness": 2},
            name=label(names[i]),
            text=[
                f"{label(row.feature)}<br>coefficient {value:.6g}"
                for row, value in zip(rows, values, strict=True)
            ],
            hovertemplate="%{text}<br>per standard deviation %{x:.4~g}<extra></extra>",
        )
    return made


def _margin(model: LinearModel, target: str, feature: str | None, value: float) -> float:
    """Half the 95 % interval; 0 where none is known, or the coefficient is told against another level."""
    if model.inference.estimates is None or feature not in model.features:
        return 0.0
    place = (model.targets.index(target), model.features.index(feature))
    low, high = model.inference.interval().weight[place]
    return (high - low) / 2 if model.weight[place] == value and np.isfinite(low) else 0.0


def parts(found: Movement, shown: Sequence[Coefficient]) -> go.Figure:
    """The change of each weight of one target, by standard deviation of its column, as bars of its causes."""
    rows = _weights(shown)
    target = shown[0].target
    made = _figure(
        f"Why the coefficients of {label(target)} moved",
        "Each bar is the change by one cause; the mark is the whole change, their sum.",
        rows,
    )
    made.update_layout(barmode="relative", bargap=0.35)
    j, places = found.targets.index(target), [found.features.index(row.feature or "") for row in rows]
    for i, part in enumerate(found.parts):
        made.add_bar(
            x=part.weight[j, places] * found.spread[places],
            y=np.arange(len(rows)),
            orientation="h",
            name=part.name,
            marker={
                "color": COLORS[i],
                "pattern": {"shape": _HATCHES[i], "fillmode": "overlay", "fgcolor": _HATCH, "size": 6},
            },
            text=[
                f"{label(row.feature)}<br>{value:+.5g}"
                for row, value in zip(rows, part.weight[j, places], strict=True)
            ],
            textposition="none",
            hovertemplate=f"%{{text}} by {part.name}<br>per standard deviation %{{x:.4~g}}<extra></extra>",
        )
    made.add_scatter(
        x=found.change.weight[j, places] * found.spread[places],
        y=np.arange(len(rows)),
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": "#1b1f24", "line": {"color": "#fff", "width": 1.5}},
        name="the whole",
        hoverinfo="skip",
    )
    return made


def _weights(shown: Sequence[Coefficient]) -> list[Coefficient]:
    """Those to draw: the bias is on another scale."""
    return [row for row in shown if row.feature is not None][:MOST]


def _figure(title: str, said: str, rows: Sequence[Coefficient]) -> go.Figure:
    """An empty figure with a line for each coefficient, the first at the top."""
    made = figure(
        title, said, "change per standard deviation", height=60 + _FOOT + _ROW * len(rows), showlegend=True
    )
    made.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    made.update_layout(legend={"yref": "container", "y": 0, "yanchor": "bottom"}, margin={"b": _FOOT})
    ticks = {"tickvals": list(range(len(rows))), "ticktext": [label(row.feature, 24) for row in rows]}
    made.update_yaxes(ticks, range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False)
    return made


def losses(found: ModelDifference, names: tuple[str, str]) -> go.Figure:
    """Both losses by epoch, with the loss at the optimum of each, below which no training comes."""
    last = max(history[-1][0] for history in found.histories if history)
    made = figure("Loss per epoch", "Thin lines: the loss at the optimum of the same data and columns.")
    made.update_xaxes(epoch_axis(last))
    made.update_yaxes(decades("loss, mean squared error"))
    for i, (fitted, history) in enumerate(zip((found.before, found.after), found.histories, strict=True)):
        if history:
            _add_losses(made, i, fitted, history, label(names[i]))
    return made


def _add_losses(made: go.Figure, i: int, fitted: Fitted, history: list[tuple[int, float]], name: str) -> None:
    epochs, values = zip(*history, strict=True)
    hover = f"{name}<br>epoch %{{x:,d}}<br>loss %{{y:.6~g}}<extra></extra>"
    made.add_scatter(x=epochs, y=values, mode="lines", line=line(i), name=name, hovertemplate=hover)
    if fitted.about["optimal_loss"] > 0:
        made.add_scatter(
            x=[epochs[0], 1, epochs[-1]],
            y=[fitted.about["optimal_loss"]] * 3,
            mode="lines",
            line={**line(i), "width": 1},
            name=f"{name}, optimum",
            hovertemplate=f"{name}, at the optimum %{{y:.6~g}}<extra></extra>",
        )
