"""scikit-learn: `LinearRegression`, an SVD of the centred columns."""

import numpy as np
from sklearn.linear_model import LinearRegression


class ScikitLearn:
    """`sklearn.linear_model.LinearRegression` as it comes."""

    name = "scikit-learn"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its intercept and coefficients."""
        model = LinearRegression().fit(X, y)
        return np.concatenate([[model.intercept_], model.coef_])
