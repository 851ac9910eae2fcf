"""Sparse matrices of SciPy, told by what they can do, so that nobody who has none loads SciPy."""

from typing import Any

import numpy as np


def is_sparse(data: Any) -> bool:
    """Whether it is one of SciPy's sparse matrices or arrays, of whatever format."""
    return hasattr(data, "tocsr") and hasattr(data, "nnz")


def by_rows(data: Any) -> Any:
    """A copy row by row (CSR) of float64, each cell stored at most once."""
    rows = data.tocsr().astype(np.float64)
    rows = rows.copy() if rows is data else rows
    rows.sum_duplicates()
    return rows
