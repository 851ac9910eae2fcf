"""R of one block of rows around their mean, through QR: by compiled loops or by NumPy."""

import math
from typing import Any

import numpy as np

from gradline.core.kernels.library import Kernels, kernels, room
from gradline.core.linalg.triangular import TOGETHER, UNIT, WIDE, rounding, triangular
from gradline.data.row_block import RowBlock
from gradline.moments.statistics import RowStatistics, centre, refuse_extreme


def factored(block: RowBlock, names: tuple[str, ...]) -> tuple[RowStatistics, np.ndarray]:
    """The statistics of rows, and R (r, k) of the rows around their mean times the roots of their weights.

    r is k, or of n rows that are no more than k it is n − 1. Raises what `centre` raises.
    """
    matrix: Any = block.X  # which may be sparse
    compiled, k = kernels(), len(names)
    if compiled is None or not isinstance(matrix, np.ndarray) or not k < block.rows or k > WIDE:
        return _in_numpy(block, names)
    return _compiled(compiled, block, names) or _in_numpy(block, names)


def error_of_qr(rows: int, columns: int) -> float:
    """What QR may do to the columns of a block, relative to their norms.

    Where few rows repeat, rounding repeats too, and adds up: one unit for each row of those that are reduced together,
    and for each reflection in another direction. Columns of different rows are off by `rounding`, a part of it; the
    worst of 9,000 problems with one row much commoner than a few others came to half of it.
    """
    if rows == 0:
        return 0.0
    together = min(rows, 2 * max(TOGETHER, 4 * columns))
    return max(rounding(columns), together * math.sqrt(columns) * UNIT)


def _compiled(
    compiled: Kernels, block: RowBlock, names: tuple[str, ...]
) -> tuple[RowStatistics, np.ndarray] | None:
    """By `factor` of `factor.c`; None where a cell or a sum of them is not finite, which NumPy tells apart."""
    places, k, rows = block.places, len(names), block.rows
    w = None if block.w is None else np.ascontiguousarray(block.w, np.float64)
    weight_sum = float(rows if w is None else w.sum())
    found, space = np.zeros((4 + k, k)), room(compiled.factor_room(rows, k))
    where = (places.addresses, w, found, space)
    hashes = compiled.factor(*where, rows, block.p, k, *places.steps, weight_sum)
    low, high, mean, rest = found[:4]
    if not np.isfinite(found[:4]).all():
        return None
    refuse_extreme(low, high, w, names)
    statistics = RowStatistics(
        rows, weight_sum, mean, rest, low, high, hashes, block.dropped, dict(block.missing)
    )
    return statistics, found[4:]


def _in_numpy(block: RowBlock, names: tuple[str, ...]) -> tuple[RowStatistics, np.ndarray]:
    """By LAPACK; the twin of `factor.c`."""
    statistics, deviations = centre(block, names)
    if block.w is not None:
        deviations *= np.sqrt(block.w)[:, None]
    if 0 < len(deviations) <= deviations.shape[1]:
        deviations = _without_mean(deviations, block.w)
    return statistics, triangular(deviations)


def _without_mean(deviations: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    """The n rows (n, k) around their mean, times the roots of their weights, as n − 1 rows.

    √w is orthogonal to all columns. The reflection that takes it to the first row leaves nothing but rounding there.
    """
    u = np.ones(len(deviations)) if w is None else np.sqrt(w)
    u[0] += np.linalg.norm(u)
    across = (2.0 / (u @ u)) * (u @ deviations)
    rest = deviations[1:]
    rest -= np.outer(u[1:], across)
    return rest
