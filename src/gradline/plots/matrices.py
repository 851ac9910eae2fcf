"""The data table with the matrix product: X @ weightᵀ + bias = predictions, with shapes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from gradline.core.text import number
from gradline.model.model import LinearModel
from gradline.plots.sampling import sampled
from gradline.plots.style import GRID, NEUTRAL, figure, label

_MOST = 5  # columns of one matrix; the last but one stands for those between
_NAME = 10  # characters of a name, which must fit its column
_ROW, _COLUMN, _GAP = 30, 90, 32  # pixels; a page scrolls what is wider than itself
_CELLS = {"align": "right", "height": 26, "font": {"color": NEUTRAL, "size": 12}}


class _Matrix(NamedTuple):
    """A matrix to be shown: its name, shape and columns, each with a heading."""

    name: str
    shape: tuple[int, ...]
    headings: Sequence[str]
    columns: Sequence[Sequence[str]]
    sign: str  # what stands before it

    @property
    def pixels(self) -> int:
        """Its width, which also holds its name and shape."""
        return max(150, _COLUMN * len(self.columns))


def product(model: LinearModel, data: Any, rows: int = 5) -> go.Figure:
    """The first step of the loop as a table: X (n, p) @ weightᵀ (p, m) + bias (m,) = predictions (n, m).

    Parameters: `data` a table with the model's columns, or a pair (X, Y); `rows` shown at most, at random. Raises
    `DataError` where the columns are not those of the model.

    >>> import gradline
    >>> from gradline import plots
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> figure = plots.product(model, "example:crops", rows=3)
    >>> len(figure.data[0].cells.values[0])
    3
    """
    sample = sampled(model, data, rows)
    n, p, m = sample.rows, len(model.features), len(model.targets)
    names = _cut([label(name, _NAME) for name in model.features])
    targets = _cut([label(name, _NAME) for name in model.targets])
    predicted = sample.X @ model.weight.T + model.bias
    weights = [_cut(column) for column in _columns(model.weight.T)]
    above = [
        _Matrix("X", (n, p), names, _columns(sample.X), ""),
        _Matrix("weightᵀ", (p, m), ["", *targets], [names, *weights], "@"),
        _Matrix("bias", (m,), targets, _columns(model.bias[None, :]), "+"),
    ]
    below = [
        _Matrix("predictions", (n, m), targets, _columns(predicted), "="),
        _Matrix("targets", (n, m), targets, _columns(sample.Y), ""),
    ]
    heights = [3 + max(len(sample.X), len(names)), 3 + len(sample.X)]
    width = 3 * _GAP + sum(matrix.pixels for matrix in above)
    made = figure(
        "The prediction as a matrix product",
        f"X {_shape(n, p)} @ weightᵀ {_shape(p, m)} + bias {_shape(m)} = predictions {_shape(n, m)}. "
        f"{sample.said()}",
        height=110 + _ROW * sum(heights),
        width=32 + width,
    )
    middle = heights[1] / sum(heights)
    _place(made, above, (middle, 1.0), 1 / sum(heights), 1 / width)
    _place(made, below, (0.0, middle), 1 / sum(heights), 1 / width)
    return made


def _place(
    made: go.Figure, matrices: Sequence[_Matrix], between: tuple[float, float], row: float, pixel: float
) -> None:
    """The matrices side by side, with the signs before them; `row` is the height of a line, `pixel` a width."""
    gap, top = _GAP * pixel, between[1] - row
    start = gap
    for matrix in matrices:
        width = pixel * matrix.pixels
        made.add_table(
            domain={"x": [start, min(1.0, start + width)], "y": [between[0], top]},
            header={"values": matrix.headings, "fill_color": GRID, **_CELLS},
            cells={"values": matrix.columns, "fill_color": "rgba(0, 0, 0, 0)", **_CELLS},
        )
        _say(made, f"<b>{matrix.name}</b> {_shape(*matrix.shape)}", start, top, "left", "bottom")
        _say(made, f"<b>{matrix.sign}</b>", start - gap / 2, top - 2 * row, "center", "middle")
        start += width + gap


def _say(made: go.Figure, text: str, x: float, y: float, xanchor: str, yanchor: str) -> None:
    made.add_annotation(
        text=text,
        x=x,
        y=y,
        xanchor=xanchor,
        yanchor=yanchor,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 13},
    )


def _shape(*sizes: int) -> str:
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(f'{size:,}' for size in sizes)})"


def _columns(values: np.ndarray) -> list[list[str]]:
    """The columns as text, without those in the middle where they are many."""
    return _cut([[number(cell, 4) for cell in column] for column in values.T.tolist()])


def _cut(cells: Sequence[Any]) -> list[Any]:
    """At most `_MOST` of them: the first ones, … and the last."""
    if len(cells) <= _MOST:
        return list(cells)
    dots = "…" if isinstance(cells[0], str) else ["…"] * len(cells[0])
    return [*cells[: _MOST - 2], dots, cells[-1]]
