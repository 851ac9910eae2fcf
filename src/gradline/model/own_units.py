"""Predictions of transformed targets in their own units: the median by inversion, the mean by smearing."""

import numpy as np

from gradline.core.errors import RequestError, UsageError
from gradline.data.design import DesignSpec
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream

WAYS = ("median", "mean")
_ROWS = 1 << 14


def smearing(
    design: DesignSpec, rows: RowStream | RowBlock | None, weight: np.ndarray, bias: np.ndarray
) -> np.ndarray | None:
    """For each target the two means over training rows (m, 2) that `TargetTransform.mean` needs; 0 for plain ones.

    None where no target is transformed, or no rows are at hand. Rows count by their weights.
    """
    if not design.transforms or rows is None:
        return None
    sums, total = np.zeros((len(design.targets), 2)), 0.0
    for block in [rows] if isinstance(rows, RowBlock) else rows.blocks(_ROWS):
        w = np.ones(block.rows) if block.w is None else block.w
        residual = block.Y - (block.X @ weight.T + bias)
        total += w.sum()
        for j, transform in enumerate(design.transforms):
            if transform is not None:
                sums[j] += w @ transform.moments(residual[:, j])
    return sums / total


def in_own_units(design: DesignSpec, values: np.ndarray, way: str, smeared: np.ndarray | None) -> np.ndarray:
    """Predictions (n, m) in the units of the targets' columns. Raises `RequestError` where the mean is not known."""
    if way not in WAYS:
        raise UsageError("own-units-invalid", f"own_units is {way!r}", f"use {' or '.join(WAYS)}")
    found = values.copy()
    for j, transform in enumerate(design.transforms):
        if transform is None:
            continue
        if way == "median":
            found[:, j] = transform.median(values[:, j])
        elif has_mean(design, j, smeared) and smeared is not None:
            found[:, j] = transform.mean(values[:, j], smeared[j])
        else:
            raise RequestError(
                "own-units-mean-unknown",
                f"the mean of {transform.column} cannot be told from predictions of {design.targets[j]}",
                'take the median: own_units="median"',
            )
    return found


def has_mean(design: DesignSpec, j: int, smeared: np.ndarray | None) -> bool:
    """Whether the mean of a target in its own units is known."""
    transform = design.transforms[j] if design.transforms else None
    if transform is None:
        return True
    return transform.has_mean and smeared is not None and bool(np.isfinite(smeared[j]).all())
