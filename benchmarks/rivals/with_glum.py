"""glum: a generalised linear model with normal errors and no penalty."""

import numpy as np
from glum import GeneralizedLinearRegressor  # pyright: ignore[reportMissingImports]


class Glum:
    """`GeneralizedLinearRegressor` with alpha 0."""

    name = "glum"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its intercept and coefficients."""
        model = GeneralizedLinearRegressor(family="normal", alpha=0).fit(X, y)
        return np.concatenate([[model.intercept_], model.coef_])
