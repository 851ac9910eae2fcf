"""Figures of training: loss and weights per epoch, the gap by direction, and the rates that the data can bear."""

import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from gradline.core.errors import RequestError
from gradline.core.text import epochs as in_epochs
from gradline.core.text import grown, number, percent
from gradline.moments.state import Moments
from gradline.plots.epochs_shown import amplitudes, epochs_shown, optimum, walked
from gradline.plots.style import (
    LEGEND,
    NEUTRAL,
    RED,
    decades,
    epoch_axis,
    figure,
    label,
    line,
    marker,
    shown,
    with_legend,
)
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Point, Trajectory

_DIRECTIONS = 8  # of the gap; more curves nobody follows
_TINY = 1e-12  # of the start: what is below is not drawn


def loss_curve(path: Trajectory, epochs: int) -> go.Figure:
    """Loss per epoch, with the loss at the optimum as the floor that no training goes below.

    Parameters: `path` the training in closed form; `epochs` the last one shown, up to 10¹⁸. Raises `UsageError` for
    epochs outside their range.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> path = gradline.Trajectory(moments, lr=1e-4)
    >>> losses = plots.loss_curve(path, epochs=100).data[0].y
    >>> len(losses), round(losses[0], 2)
    (101, 8310.67)
    """
    points = walked(path, epochs)
    made = figure("Loss per epoch", f"lr {number(path.lr)}{_momentum(path)}. {_outlook(path)}")
    made.update_xaxes(epoch_axis(epochs))
    made.update_yaxes(decades("loss, mean squared error"))
    made.add_scatter(
        x=[point.epoch for point in points],
        y=[point.loss for point in points],
        mode="lines",
        line=line(0),
        name="loss",
        customdata=[point.gap for point in points],
        hovertemplate="epoch %{x:,d}<br>loss %{y:.6~g}<br>above the optimum %{customdata:.3~g}<extra></extra>",
    )
    if path.optimal_loss > 0:
        made.add_scatter(
            x=[points[0].epoch, 1, points[-1].epoch],
            y=[path.optimal_loss] * 3,
            mode="lines",
            line={**line(1), "width": 1.5},
            name=f"optimum, {number(path.optimal_loss, 4)}",
            hovertemplate="loss at the optimum %{y:.6~g}<extra></extra>",
        )
    return made


def _momentum(path: Trajectory) -> str:
    return f" and momentum {number(path.momentum)}" if path.momentum else ""


def _outlook(path: Trajectory) -> str:
    """How it goes on, in one sentence."""
    if path.lr >= path.lr_limit:
        growth = path.spectrum.growth(path.lr, path.momentum)
        return f"The rate is above the limit, {number(path.lr_limit)}: the error grows {grown(growth)} per epoch."
    needed = path.epochs_to_loss()
    if needed == math.inf:
        return "The loss never comes within 1 % of the optimum."
    return f"The loss is within 1 % of the optimum after {in_epochs(needed)}."


def weight_curves(path: Trajectory, epochs: int, target: str | None = None) -> go.Figure:
    """Weights and bias per epoch, each with its value at the optimum at the right edge.

    Parameters: `path` and `epochs` as in `loss_curve`; `target` one of the targets, the first for None. Raises
    `RequestError` for an unknown target.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> path = gradline.Trajectory(moments, lr=1e-4)
    >>> [curve.name for curve in plots.weight_curves(path, 100, "oranges").data[::2]]
    ['temp', 'rainfall', 'humidity', 'bias']
    """
    t = shown(target, path.moments.targets, "target")
    points, best = walked(path, epochs), optimum(path)
    made = figure(
        f"Weights per epoch, for {label(path.moments.targets[t])}",
        "Open marks at the right: where the optimum is.",
        height=with_legend(path.moments.p),
    )
    made.update_xaxes(epoch_axis(epochs))
    made.update_yaxes(title_text="weight")
    names = [label(feature) for feature in path.moments.features] + ["bias"] * path.bias
    for i, text in enumerate(names):
        made.add_scatter(
            x=[point.epoch for point in points],
            y=[_value(point, t, i) for point in points],
            mode="lines",
            line=line(i),
            name=text,
            legendgroup=str(i),
            showlegend=i < LEGEND,
            hovertemplate=f"epoch %{{x:,d}}<br>{text} %{{y:.5~g}}<extra></extra>",
        )
        made.add_scatter(
            x=[epochs],
            y=[_value(best, t, i)],
            mode="markers",
            marker={**marker(i), "symbol": f"{marker(i)['symbol']}-open", "size": 10},
            name=f"{text} at the optimum",
            legendgroup=str(i),
            showlegend=False,
            cliponaxis=False,
            hovertemplate=f"{text} at the optimum %{{y:.5~g}}<extra></extra>",
        )
    return made


def _value(point: Point, t: int, i: int) -> float:
    """The i-th weight for target t; the bias comes after the last."""
    return float(point.weight[t, i] if i < point.weight.shape[1] else point.bias[t])


def gap(path: Trajectory, epochs: int) -> go.Figure:
    """The gap, loss − optimal loss, split by direction over the epochs: what is holding training back.

    Parameters and errors as in `loss_curve`. The directions are those of the Hessian, which shrink each at a rate of
    its own; named by the columns that carry them.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> path = gradline.Trajectory(moments, lr=1e-4)
    >>> [curve.name for curve in plots.gap(path, epochs=100).data]
    ['all', 'rainfall, temp and humidity', 'temp against rainfall', 'humidity against rainfall and temp', 'the bias']
    """
    counts, parts = _parts(path, epochs)
    whole = parts.sum(axis=1)
    shares = parts / np.where(whole > 0, whole, 1.0)[:, None]
    leading = np.argsort(-shares.max(axis=0), kind="stable")[:_DIRECTIONS]
    first = path.directions(counts[-1])[:1]
    said = "".join(f"At the last epoch {percent(d.share)} of it is {label(d.columns, 90)}." for d in first)
    made = figure("The gap to the optimum, by direction", said, height=with_legend(len(leading)))
    made.update_xaxes(epoch_axis(epochs))
    made.update_yaxes(decades("loss above the optimum"), range=_drawn(whole))
    made.add_scatter(
        x=counts,
        y=whole,
        mode="lines",
        line={"color": NEUTRAL, "width": 4},
        opacity=0.5,
        name="all",
        hovertemplate="epoch %{x:,d}<br>gap %{y:.4~g}<extra></extra>",
    )
    for i, direction in enumerate(np.sort(leading)):
        words = label(path.spectrum.columns(direction), 44)
        made.add_scatter(
            x=counts,
            y=parts[:, direction],
            mode="lines",
            line=line(i),
            name=words,
            customdata=shares[:, direction],
            hovertemplate=f"{words}<br>epoch %{{x:,d}}<br>gap %{{y:.4~g}}, %{{customdata:.2~p}} of it<extra></extra>",
        )
    return made


def _parts(path: Trajectory, epochs: int) -> tuple[list[int], np.ndarray]:
    """The epochs, as far as float64 can hold them, and the gap there by direction (epochs, directions)."""
    counts = epochs_shown(epochs)
    with np.errstate(over="ignore"):
        parts = amplitudes(path, counts) ** 2 / (path.moments.m * path.moments.weight_sum)
    held = np.isfinite(parts.sum(axis=1))
    last = len(held) if held.all() else int(np.argmin(held))
    return counts[:last], parts[:last]


def _drawn(whole: np.ndarray) -> list[float]:
    """The range of a logarithmic axis: what is a hundredth of the least gap is not followed further."""
    top = max(float(whole.max()), np.finfo(float).tiny)
    least = float(whole[whole > 0].min(initial=top))
    return [math.log10(max(least / 100, top * _TINY)), math.log10(top) + 0.2]


def rates(moments: Moments, momentum: float = 0.0, bias: bool = True) -> go.Figure:
    """Learning rate against the epochs until the slowest error is a thousandth, with a red line at the limit.

    Both for the columns as they are and for standardised ones, which says what raw columns cost. Parameters: `momentum`
    from 0 to below 1, at which nothing shrinks; `bias` False for a model without one. Raises `RequestError` where no
    rate leads anywhere, `UsageError` for a momentum outside its range.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> [curve.name for curve in plots.rates(moments).data[::3]]
    ['columns as they are', 'standardised columns']
    """
    raw = Spectrum.of(moments, bias)
    if momentum == 1 or not raw.largest:
        raise RequestError(
            "error-never-shrinks", "no error ever shrinks", "use a momentum below 1, on columns that vary"
        )
    said = (
        "Epochs until the slowest error is a thousandth. "
        f"Above the limit, {number(raw.lr_limit(momentum))} on the columns as they are, the error grows."
    )
    made = figure("Learning rate against the epochs needed", said, height=500)
    made.update_xaxes(decades("learning rate"))
    made.update_yaxes(decades("epochs needed"))
    standard = Scaling.standard(moments, bias).moments(moments)
    for i, (view, name) in enumerate(((moments, "columns as they are"), (standard, "standardised columns"))):
        best = Spectrum.of(view, bias).best_lr(momentum)
        _add_rates(made, Trajectory(view, best, momentum, bias=bias), name, i)
    return made


def _add_rates(made: go.Figure, best: Trajectory, name: str, i: int) -> None:
    """The curve of one view of the columns, its best rate and its limit."""
    lrs, limit = _rates_shown(best.lr, best.lr_limit), best.lr_limit
    needed = [replace(best, lr=lr).epochs_to_weights() for lr in lrs]
    least = best.epochs_to_weights()
    hover = f"{name}<br>lr %{{x:.3~g}}<br>%{{y:,.4~r}} epochs<extra></extra>"
    made.add_scatter(x=lrs, y=needed, mode="lines", line=line(i), name=name, hovertemplate=hover)
    made.add_scatter(
        x=[best.lr],
        y=[least],
        mode="markers",
        marker={**marker(i), "size": 9},
        name=f"best, {number(best.lr)}: {in_epochs(least)}",
        hovertemplate=hover,
    )
    made.add_scatter(
        x=[limit, limit],
        y=[least, max(needed)],
        mode="lines",
        line={"color": RED, "width": 2, "dash": line(i)["dash"]},
        name=f"limit, {number(limit)}",
        hovertemplate=f"{name}<br>limit %{{x:.3~g}}: above it the error grows<extra></extra>",
    )


def _rates_shown(best: float, limit: float) -> list[float]:
    """From a thousandth of the best rate to next to the limit, where the epochs needed rise without end."""
    below = np.geomspace(best / 1e3, best, 60)
    above = limit - (limit - best) * np.geomspace(1, 1e-3, 30)
    return [*below.tolist(), *above[1:].tolist()]
