"""Added-variable plots: a target against one feature, each as what the other features leave of it."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradline.core.errors import RequestError
from gradline.core.linalg.triangular import triangular
from gradline.core.text import counted, number
from gradline.data.design import Number
from gradline.model.model import LinearModel
from gradline.moments.basis import Basis
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.plots.sampling import Sample, sampled
from gradline.plots.style import figure, label, line, marker

_PANELS = 12  # more on one page nobody compares
_POINTS = 6000  # over all panels: a browser draws these at once


class Left(NamedTuple):
    """What the other features leave of a feature (n,) and of a target (n,)."""

    x: np.ndarray
    y: np.ndarray


def left_by_others(model: LinearModel, sample: Sample, j: int, t: int) -> Left:
    """Residuals of feature j and of target t, both regressed on the other features over the training rows."""
    others = [i for i in range(len(model.features)) if i != j]
    moments = _regrouped(model.moments, others, [j, len(model.features) + t])
    p, X = moments.p, sample.X[:, others]
    weight = Rank.of(moments, model.has_bias).least_squares(moments.slopes_factor(model.has_bias).B)
    Z = np.column_stack([sample.X[:, j], sample.Y[:, t]])
    if model.has_bias:
        Z = Z - moments.mean[p:] - moments.statistics.mean_low[p:]
    residual = Z - Basis.of(moments, model.has_bias).around(X) @ weight
    return Left(residual[:, 0], residual[:, 1])


def _regrouped(moments: Moments, features: list[int], targets: list[int]) -> Moments:
    """The moments with other columns of [X Y] as features and as targets."""
    order = [*features, *targets]
    names = [(*moments.features, *moments.targets)[i] for i in order]
    terms = tuple(Number(name) for name in names[: len(features)])
    return replace(
        moments,
        design=replace(moments.design, terms=terms, targets=tuple(names[len(features) :])),
        statistics=moments.statistics.select(order),
        factor=triangular(moments.factor[:, order]),
        products=None,
    )


def added_variables(model: LinearModel, data: Any, t: int, feature: int | None, rows: int) -> go.Figure:
    """The plot of one feature, or of each where `feature` is None; undetermined ones are refused or left out."""
    if not (model.penalty.is_none and model.loss.quadratic):
        raise RequestError(
            "penalised-no-slope",
            "the slope of such a figure is a least-squares coefficient, and the model has another loss, or a penalty",
            "fit with the squared loss and without a penalty",
        )
    determined = [j for j, known in enumerate(model.certificate.determined) if known]
    if feature is not None and feature not in determined:
        raise RequestError(
            "coefficient-undetermined",
            f"the data do not determine the coefficient of {model.features[feature]}",
            "leave out a column that it depends on",
        )
    chosen = determined[:_PANELS] if feature is None else [feature]
    if not chosen:
        raise RequestError(
            "coefficient-undetermined",
            "the data determine no coefficient",
            "leave out the columns that depend on others",
        )
    sample = sampled(model, data, min(rows, _POINTS // len(chosen)))
    columns = min(2, len(chosen))
    made = _panels(model, sample, t, chosen, columns)
    for panel, j in enumerate(chosen):
        _add_panel(made, model, sample, t, j, {"row": panel // columns + 1, "col": panel % columns + 1})
    return made


def _panels(model: LinearModel, sample: Sample, t: int, chosen: list[int], columns: int) -> go.Figure:
    """The empty panels."""
    target, lines = label(model.targets[t]), -(-len(chosen) // columns)
    said = f"What the other features leave of both. The slope is the coefficient. {sample.said()}"
    if len(chosen) == 1:
        title = f"{target} by {label(model.features[chosen[0]])}, given the other features"
    else:
        title = f"{target} by each feature, given the others"
        left_out = len(model.features) - len(chosen)
        said += f" {counted(left_out, 'feature')} not shown: name one to see it." if left_out else ""
    empty = figure(title, said, height=max(450, 130 + 250 * lines), showlegend=False)
    return make_subplots(lines, columns, figure=empty, vertical_spacing=0.3 / lines, horizontal_spacing=0.14)


def _add_panel(
    made: go.Figure, model: LinearModel, sample: Sample, t: int, j: int, place: dict[str, Any]
) -> None:
    left = left_by_others(model, sample, j, t)
    x, y, slope = label(model.features[j]), label(model.targets[t]), model.weight[t, j]
    made.add_scatter(
        x=left.x,
        y=left.y,
        mode="markers",
        marker={**marker(0), "size": 5, "opacity": 0.8},
        customdata=sample.numbers,
        hovertemplate=f"row %{{customdata}}<br>{x}, what is left %{{x:.4~g}}"
        f"<br>{y}, what is left %{{y:.4~g}}<extra></extra>",
        **place,
    )
    ends = np.array([left.x.min(), left.x.max()])
    made.add_scatter(
        x=ends,
        y=slope * ends,
        mode="lines",
        line={**line(1), "dash": "solid"},
        hovertemplate=f"slope {number(slope, 4)}: the coefficient of {x}<extra></extra>",
        **place,
    )
    made.update_xaxes({"title_text": label(model.features[j], 22)}, **place)
    made.update_yaxes({"title_text": label(model.targets[t], 22)}, **place)
