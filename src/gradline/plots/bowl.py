"""Figures of descending: the loss as a bowl over weight and bias, and steps that are too small, right and too large."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradline.core.arguments import is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import number
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments
from gradline.plots.epochs_shown import optimum, walked
from gradline.plots.landscape import Slice, along
from gradline.plots.style import COLORS, figure, label, line, marker, scene_label, shown
from gradline.solvers.trajectory import Trajectory

_GRID = 41
_BEYOND = 1.3  # the bowl reaches so far beyond the path
_CAMERA = {"eye": {"x": 1.4, "y": -1.5, "z": 0.8}, "center": {"x": 0, "y": 0, "z": -0.15}}
# Of the largest stable rate: an error shrinks by 4 % a step, by 60 %, and grows by 12 %.
RATES = (("too small", 0.02), ("right", 0.3), ("too large", 1.06))


def loss_bowl(path: Trajectory, epochs: int) -> go.Figure:
    """The loss as a surface over weight and bias, with the path of training on it: of one feature and one target.

    Parameters and errors as in `loss_curve`; `RequestError` where weight and bias are not all that there is.

    >>> import gradline
    >>> from gradline import plots
    >>> path = gradline.Trajectory(gradline.Moments.of("example:line", "y"), lr=0.1)
    >>> figure = plots.loss_bowl(path, epochs=100)
    >>> figure.layout.scene.xaxis.title.text, figure.layout.scene.yaxis.title.text
    ('weight of x', 'bias')
    """
    moments = path.moments
    if (moments.p, moments.m, path.bias) != (1, 1, True):
        raise RequestError(
            "bowl-of-two-parameters",
            f"a bowl has one weight and one bias, and these are {moments.p} × {moments.m}",
            "draw gradline.plots.loss_surface, or fit with one feature and one target",
        )
    points, best = walked(path, epochs), optimum(path)
    places = np.array([(point.weight[0, 0], point.bias[0]) for point in points])
    centre = np.array([best.weight[0, 0], best.bias[0]])
    reach = np.abs(places - centre)
    near = _near(reach)
    reach = _BEYOND * np.maximum(reach[:near].max(axis=0), 1e-9 + 0.05 * np.abs(centre))
    w, b = (c + r * np.linspace(-1, 1, _GRID) for c, r in zip(centre, reach, strict=True))
    made = figure(
        "The loss over weight and bias",
        f"Each point of the surface is one line through the data. The path is training at lr {number(path.lr)}.",
        height=560,
        showlegend=False,
        scene={
            "xaxis_title_text": f"weight of {scene_label(moments.features[0])}",
            "yaxis_title_text": "bias",
            "zaxis_title_text": "loss",
            "camera": _CAMERA,
        },
    )
    made.add_surface(
        x=w,
        y=b,
        z=_losses(moments, w, b),
        opacity=0.75,
        showscale=False,
        colorscale="Cividis",
        reversescale=True,
        name="loss",
        hovertemplate="weight %{x:.4~g}<br>bias %{y:.4~g}<br>loss %{z:.4~g}<extra></extra>",
    )
    made.add_scatter3d(
        x=places[:near, 0],
        y=places[:near, 1],
        z=[point.loss for point in points[:near]],
        mode="lines+markers",
        line={"color": COLORS[1], "width": 5},
        marker={"color": COLORS[1], "size": 3},
        name="training",
        customdata=[point.epoch for point in points[:near]],
        hovertemplate="epoch %{customdata:,d}<br>weight %{x:.4~g}<br>bias %{y:.4~g}<br>loss %{z:.4~g}<extra></extra>",
    )
    return made


def _near(reach: np.ndarray) -> int:
    """How many points come before the path is three times as far from the optimum as it began."""
    inside = (reach <= 3 * np.maximum(reach[0], reach[0].max() * 0.3)).all(axis=1)
    return len(reach) if inside.all() else max(1, int(np.argmin(inside)))


def _losses(moments: Moments, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """‖A·θ − B‖²/W + least over the grid (bias, weight)."""
    A, B, C = determined_factor(moments, True)
    grid = np.stack(np.broadcast_arrays(b[:, None], w[None, :]))
    residual = np.tensordot(A, grid, axes=(1, 0)) - B[:, 0][:, None, None]
    return ((residual**2).sum(axis=0) + float((C**2).sum())) / moments.weight_sum


def rate_steps(
    moments: Moments, weight: Any, bias: Any, feature: str, target: str | None = None, steps: int = 8
) -> go.Figure:
    """Steps down the loss of one weight at a rate that is too small, at a right one, and at one that is too large.

    The other weights stay. The rates are 0.02, 0.3 and 1.06 of the largest stable one of this weight alone, 2 over the
    curvature. Parameters as in `loss_against`; `steps` shown of each rate. Raises `RequestError` for an unknown name or
    another shape, `UsageError` for steps below 1.

    >>> import gradline
    >>> from gradline import plots
    >>> moments = gradline.Moments.of("example:line", "y")
    >>> [curve.name for curve in plots.rate_steps(moments, [[0.0]], [1.0], "x").data[1:]]
    ['too small, lr 0.0648', 'right, lr 0.972', 'too large, lr 3.43']
    """
    if not is_whole(steps, 1):
        raise UsageError("steps-invalid", f"steps is {steps}", "give a whole number from 1")
    j, t = shown(feature, moments.features, "feature"), shown(target, moments.targets, "target")
    here = along(moments, weight, bias, j, t)
    limit = 2 / here.curvature
    made = figure(
        "The learning rate: too small, right, too large",
        f"{steps} steps of this weight alone, from the same start. Above lr {number(limit)} each step lands higher, on "
        "the other side.",
        f"weight of {label(feature)}",
        "loss",
        height=520,
    )
    paths = [_steps(here, share * limit, steps) for _, share in RATES]
    reach = 1.15 * max(float(np.abs(path - here.lowest).max()) for path in paths) or 1.0
    x = np.linspace(here.lowest - reach, here.lowest + reach, 201)
    hover = "weight %{x:.5~g}<br>loss %{y:.5~g}<extra></extra>"
    made.add_scatter(
        x=x,
        y=here.at(x),
        mode="lines",
        line={**line(0), "color": "#9A9A9A"},
        name="loss",
        hovertemplate=hover,
    )
    for i, ((name, share), path) in enumerate(zip(RATES, paths, strict=True)):
        made.add_scatter(
            x=path,
            y=here.at(path),
            mode="lines+markers",
            line={**line(i), "width": 1.5},
            marker=marker(i),
            name=f"{name}, lr {number(share * limit)}",
            customdata=np.arange(steps + 1),
            hovertemplate="step %{customdata}<br>" + hover,
        )
    return made


def _steps(here: Slice, lr: float, steps: int) -> np.ndarray:
    """The weights (steps + 1,) of w ← w − lr·∂L/∂w along the slice."""
    left = (1 - lr * here.curvature) ** np.arange(steps + 1)
    return here.lowest + (here.weight - here.lowest) * left
