"""The losses that a training recorded: of the rows that it learned from, and of those held out."""

import plotly.graph_objects as go

from gradline.core.errors import RequestError
from gradline.core.text import number
from gradline.model.model import LinearModel
from gradline.plots.style import decades, epoch_axis, figure, line, marker


def losses(model: LinearModel) -> go.Figure:
    """Loss per epoch as it was recorded, of training and of validation, with the epoch that validates best.

    Where the validation curve turns up while the other falls, the model learns its rows by heart (overfitting). Raises
    `RequestError` where no epochs were recorded, as by the exact solver.

    >>> import gradline
    >>> from gradline import plots
    >>> solver = gradline.GradientDescent(lr=0.1, epochs=50)
    >>> model = gradline.fit("example:line", "y", solver=solver, holdout=0.2)
    >>> [curve.name for curve in plots.losses(model).data]
    ['training', 'validation', 'least, at epoch 50']
    """
    records = list(model.history)
    if not records or "lr" not in model.settings:
        raise RequestError(
            "path-not-by-descent",
            "the model was not trained in epochs, so there are no losses",
            "train it: solver=gradline.GradientDescent(), or --lr and --epochs",
        )
    epochs = [record.epoch for record in records]
    held = [record.holdout for record in records if record.holdout is not None]
    best = epochs[held.index(min(held))] if held else None
    if best is None:
        said = "No rows were held out to validate with: fit with holdout=0.2."
    else:
        said = f"Rows held out have the least loss, {number(min(held), 4)}, at epoch {best:,}."
    made = figure("Loss per epoch, training and validation", said, height=460)
    made.update_xaxes(epoch_axis(epochs[-1]))
    made.update_yaxes(decades("loss, mean squared error"))
    curves = [("training", [record.loss for record in records])] + ([("validation", held)] if held else [])
    for i, (name, values) in enumerate(curves):
        made.add_scatter(
            x=epochs,
            y=values,
            mode="lines",
            line=line(i),
            name=name,
            hovertemplate=f"epoch %{{x:,d}}<br>{name} loss %{{y:.6~g}}<extra></extra>",
        )
    if best is not None:
        made.add_scatter(
            x=[best],
            y=[min(held)],
            mode="markers",
            marker={**marker(1), "size": 11},
            name=f"least, at epoch {best:,}",
            hovertemplate="epoch %{x:,d}<br>least validation loss %{y:.6~g}<extra></extra>",
        )
    return made
