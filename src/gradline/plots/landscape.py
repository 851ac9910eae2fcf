"""Figures of the loss as a landscape: against one weight with its slope, and around the optimum with the path."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from gradline.core.arguments import is_real
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import big, number
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments
from gradline.plots.epochs_shown import amplitudes, epochs_shown
from gradline.plots.style import COLORS, figure, label, line, marker, shown
from gradline.solvers.problem import stacked
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

_GRID = 101  # odd, so that the optimum is one of its points
_FLOOR = 1e-12  # of the highest loss: a logarithm needs one where the optimum's loss is 0
_BEYOND = 1.25  # the surface reaches so far beyond the start
_FAR = 3.0  # a path that runs away is followed so far, in units of the start


class Slice(NamedTuple):
    """Loss along one weight, the others as they are: value, slope and curvature at the weight."""

    weight: float
    loss: float
    gradient: float
    curvature: float

    @property
    def lowest(self) -> float:
        """The weight of the lowest loss."""
        return self.weight - self.gradient / self.curvature

    @property
    def bottom(self) -> float:
        """The lowest loss."""
        return self.loss - self.gradient**2 / (2 * self.curvature)

    @property
    def reach(self) -> float:
        """How far the figure goes to either side of the lowest loss."""
        around = math.sqrt(max(self.bottom, 0.0) / (2 * self.curvature))
        return 1.6 * (max(abs(self.weight - self.lowest), around, 1e-9 * abs(self.weight)) or 1.0)

    @property
    def side(self) -> int:
        """Where the gradient points: 1 right, −1 left, 0 where it is nothing but rounding."""
        return 0 if abs(self.weight - self.lowest) < 1e-6 * self.reach else int(np.sign(self.gradient))

    def after(self, lr: float) -> float:
        """The weight after one step at this rate."""
        return self.weight - lr * self.gradient

    def at(self, weights: np.ndarray) -> np.ndarray:
        """The loss at other weights."""
        return self.bottom + self.curvature / 2 * (weights - self.lowest) ** 2


def loss_against(
    moments: Moments,
    weight: Any,
    bias: Any,
    feature: str,
    target: str | None = None,
    lr: float | None = None,
) -> go.Figure:
    """Loss against one weight, the others as given, with the tangent there and the next step as an arrow, to scale.

    Parameters: `weight` (m, p) and `bias` (m,) in raw units, None for a model without one; `feature` and `target` say
    whose weight is moved, the first target for None; `lr` of the step, a tenth of the largest stable rate for None.
    Raises `RequestError` for an unknown name or another shape, `UsageError` for a rate that is not positive.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.loss_against(model.moments, model.weight, model.bias, "temp")
    >>> figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    ('weight of temp', 'loss')
    """
    j, t = shown(feature, moments.features, "feature"), shown(target, moments.targets, "target")
    if lr is not None and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number")
    here = along(moments, weight, bias, j, t)
    rate = Spectrum.of(moments, bias is not None).lr_limit() / 10 if lr is None else float(lr)
    name = label(feature)
    made = figure(
        f"Loss against the weight of {name}" + (f" for {label(moments.targets[t])}" if moments.m > 1 else ""),
        f"The other weights stay as they are. {_advice(here, rate)}",
        f"weight of {name}",
        "loss",
    )
    x = np.linspace(here.lowest - here.reach, here.lowest + here.reach, 201)
    hover = "weight %{x:.5~g}<br>loss %{y:.5~g}<extra></extra>"
    made.add_scatter(x=x, y=here.at(x), mode="lines", line=line(0), name="loss", hovertemplate=hover)
    _add_slope(made, here, rate)
    made.add_scatter(
        x=[here.lowest],
        y=[here.bottom],
        mode="markers",
        marker={**marker(2), "size": 10},
        name=f"lowest, at {number(here.lowest, 4)}",
        hovertemplate=hover,
    )
    if here.side:
        made.add_scatter(
            x=[here.after(rate)],
            y=here.at(np.array([here.after(rate)])),
            mode="markers",
            marker={**marker(1), "symbol": "square-open", "size": 10},
            name=f"after the step, {number(here.after(rate), 4)}",
            hovertemplate=hover,
        )
    return made


def along(moments: Moments, weight: Any, bias: Any, j: int, t: int) -> Slice:
    """loss, ∂L/∂w = 2/(m·W)·aᵀ(A·θ − B) and ∂²L/∂w² = 2/(m·W)·aᵀa, a the column of the feature."""
    has_bias = bias is not None
    theta = stacked((weight, bias if has_bias else np.zeros(moments.m)), moments, has_bias)
    A, B, C = determined_factor(moments, has_bias)
    cells, column = moments.m * moments.weight_sum, A[:, j + has_bias]
    if not column.any():
        raise RequestError(
            "feature-all-zero",
            f"{moments.features[j]} is 0 in every row: no weight changes the loss",
            "choose another feature",
        )
    residual = A @ theta - B
    return Slice(
        weight=float(theta[j + has_bias, t]),
        loss=float((residual**2).sum() + (C**2).sum()) / cells,
        gradient=2.0 / cells * float(column @ residual[:, t]),
        curvature=2.0 / cells * float(column @ column),
    )


def _advice(here: Slice, lr: float) -> str:
    if here.side == 0:
        return "The gradient is 0 to within rounding: no step lowers the loss."
    rises, steps, sign = ("right", "left", "positive") if here.side > 0 else ("left", "right", "negative")
    step = number(abs(lr * here.gradient))
    return (
        f"The gradient is {sign}: the loss rises to the {rises}, so the step goes to the {steps}. The arrow is that "
        f"step at lr {number(lr)}, {step} long."
    )


def _add_slope(made: go.Figure, here: Slice, lr: float) -> None:
    """The point, its tangent, and the arrow from it to where the next step lands."""
    ends = here.weight + 0.35 * here.reach * np.array([-1.0, 1.0])
    made.add_scatter(
        x=ends,
        y=here.loss + here.gradient * (ends - here.weight),
        mode="lines",
        line={**line(1), "width": 3},
        name=f"tangent, slope {number(here.gradient, 4)}",
        hovertemplate="tangent: its slope is the gradient<extra></extra>",
    )
    made.add_scatter(
        x=[here.weight],
        y=[here.loss],
        mode="markers",
        marker={**marker(1), "size": 11},
        name=f"weight {number(here.weight, 4)}",
        hovertemplate="weight %{x:.5~g}<br>loss %{y:.5~g}<extra></extra>",
    )
    if here.side == 0:
        return
    made.add_annotation(
        x=here.after(lr),
        y=float(here.at(np.array([here.after(lr)]))[0]),
        ax=here.weight,
        ay=here.loss,
        axref="x",
        ayref="y",
        arrowhead=2,
        arrowwidth=2.5,
        arrowcolor=COLORS[2],
        text="",
    )


def loss_surface(path: Trajectory, epochs: int) -> go.Figure:
    """The loss around the optimum in the stiffest and the softest direction, with the path on it.

    A point (u, v) is the optimum moved by u along the stiffest and by v along the softest direction of the Hessian; its
    loss is L* + (σ₁²u² + σ_q²v²)/(m·W). The path is seen from above: what it has left in other directions is not shown.
    Parameters and errors as in `loss_curve`; `RequestError` where there is only one direction.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
    >>> path = gradline.Trajectory(moments, lr=1e-4)
    >>> plots.loss_surface(path, epochs=100).data[0].type
    'contour'
    """
    spectrum = path.spectrum
    if len(spectrum.singular) < 2:
        raise RequestError(
            "single-direction", "the loss has only one direction", "draw gradline.plots.loss_against"
        )
    counts = epochs_shown(epochs)
    soft = len(spectrum.singular) - 1
    track = amplitudes(path, counts)[:, [0, soft]] / spectrum.singular[[0, soft]]
    reach = np.where(np.abs(track[0]) > 0, np.abs(track[0]), 1.0)
    track = track[: _near(track, reach)]
    made = figure(
        "Loss around the optimum, with the path",
        "Each ring is a loss, on a logarithmic scale. Along the stiffest direction the loss climbs fastest: it limits "
        "the rate. Along the softest it is almost flat: it takes the epochs.",
        f"stiffest: {label(spectrum.columns(0), 60)}",
        f"softest: {label(spectrum.columns(soft), 60)}",
        height=560,
    )
    _add_rings(made, path, _BEYOND * np.maximum(reach, np.abs(track).max(axis=0)))
    _add_path(made, path, track, counts)
    return made


def _near(track: np.ndarray, reach: np.ndarray) -> int:
    """How many points come before the path leaves the surroundings of the optimum; at least the start."""
    inside = (np.abs(track) <= _FAR * reach).all(axis=1)
    return len(track) if inside.all() else max(1, int(np.argmin(inside)))


def _add_rings(made: go.Figure, path: Trajectory, reach: np.ndarray) -> None:
    """The loss as rings; the grid is denser near the axes, where valleys are narrow."""
    u, v = (side * np.linspace(-1, 1, _GRID) ** 3 for side in reach)
    stiff, soft = path.spectrum.singular[[0, -1]]
    cells = path.moments.m * path.moments.weight_sum
    loss = path.optimal_loss + ((stiff * u[None, :]) ** 2 + (soft * v[:, None]) ** 2) / cells
    height = np.log10(np.maximum(loss, float(loss.max()) * _FLOOR))
    made.add_contour(
        x=u,
        y=v,
        z=height,
        customdata=loss,
        colorscale="Cividis",
        reversescale=True,
        ncontours=16,
        opacity=0.75,
        line={"width": 0.5},
        colorbar={"title": {"text": "loss"}, "thickness": 12, **_ticks(height)},
        hovertemplate="loss %{customdata:.4~g}<extra></extra>",
    )


def _ticks(height: np.ndarray) -> dict[str, Any]:
    """Losses beside the colours: the height is their logarithm."""
    places = np.linspace(float(height.min()), float(height.max()), 6)
    return {"tickvals": places, "ticktext": [number(10**place, 2) for place in places]}


def _add_path(made: go.Figure, path: Trajectory, track: np.ndarray, counts: Sequence[int]) -> None:
    """The path with its start and its end, and the optimum."""
    counts = counts[: len(track)]
    made.add_scatter(
        x=track[:, 0],
        y=track[:, 1],
        mode="lines+markers",
        line={"color": "white", "width": 2},
        marker={"size": 5, "color": COLORS[1], "line": {"color": "white", "width": 1}},
        name=f"path at lr {number(path.lr)}",
        customdata=counts,
        hovertemplate="epoch %{customdata:,d}<extra></extra>",
    )
    ends = [
        (track[0], "circle", "start"),
        (track[-1], "square", f"epoch {big(counts[-1])}"),
        (np.zeros(2), "star", f"optimum, loss {number(path.optimal_loss, 4)}"),
    ]
    for i, (place, symbol, name) in enumerate(ends):
        made.add_scatter(
            x=place[:1],
            y=place[1:],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 13,
                "color": ("white", COLORS[1], "white")[i],
                "line": {"color": "black", "width": 1.5},
            },
            name=name,
            hovertemplate=f"{name}<extra></extra>",
        )
