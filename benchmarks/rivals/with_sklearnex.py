"""scikit-learn-intelex: scikit-learn's `LinearRegression` by the normal equations of oneDAL."""

import numpy as np
from sklearnex.linear_model import LinearRegression  # pyright: ignore[reportMissingImports]


class Intelex:
    """`sklearnex.linear_model.LinearRegression` as it comes."""

    name = "scikit-learn-intelex"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its intercept and coefficients."""
        model = LinearRegression().fit(X, y)
        return np.concatenate([[model.intercept_], model.coef_])
