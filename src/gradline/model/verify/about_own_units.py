"""The means that turn predictions of transformed targets back into their own units, from the rows again."""

import math
from collections.abc import Iterator

import numpy as np

from gradline.data.row_stream import RowStream
from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, all_near

_ROUNDING = 1e-9  # of n numbers added in any order, n·u of their sizes: 10⁷ rows
_ROWS = 1 << 14


def about_own_units(model: LinearModel, rows: RowStream) -> Iterator[Check]:
    """Whether the smearing factors are those of the residuals; nothing where the model has none."""
    if model.smearing is None:
        return
    columns = [rows.design.features.index(name) for name in model.features]
    parts: list[np.ndarray] = []
    weight = 0.0
    for block in rows.blocks(_ROWS):
        w = np.ones(block.rows) if block.w is None else block.w
        predicted = block.X[:, columns] @ model.weight.T + model.bias
        weight += math.fsum(w)
        parts.append(_sums(model, block.Y - predicted, w))
    found, sizes = np.sum(parts, axis=0) / weight
    yield all_near("smearing", model.smearing, found, _ROUNDING * sizes, "what turns predictions back is")


def _sums(model: LinearModel, residual: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Σ w·moments (2, m, 2), as they are and by their sizes."""
    found = np.zeros((2, len(model.targets), 2))
    for j, transform in enumerate(model.design.transforms):
        if transform is not None:
            each = w[:, None] * transform.moments(residual[:, j])
            found[:, j] = [[math.fsum(column) for column in table.T] for table in (each, np.abs(each))]
    return found
