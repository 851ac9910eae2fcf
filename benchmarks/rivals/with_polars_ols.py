"""polars-ols: least squares as an expression on a polars frame."""

from typing import Any

import numpy as np
import polars as pl
import polars_ols  # pyright: ignore[reportMissingImports] # noqa: F401 - registers `least_squares`


class PolarsOLS:
    """`least_squares.ols` on the columns of a frame."""

    name = "polars-ols"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its coefficients, which end with the intercept."""
        names = [f"x{j}" for j in range(X.shape[1])]
        frame = pl.DataFrame(dict(zip(names, X.T, strict=True)) | {"y": y})
        column: Any = pl.col("y")
        found = frame.select(column.least_squares.ols(*names, add_intercept=True, mode="coefficients"))
        *weights, bias = found.item(0, 0).values()
        return np.array([bias, *weights])
