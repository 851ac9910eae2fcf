"""statsmodels: `OLS`, a pseudo-inverse and what inference needs."""

import numpy as np
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant


class Statsmodels:
    """`statsmodels` OLS as it comes."""

    name = "statsmodels"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its parameters, the constant first."""
        return np.asarray(OLS(y, add_constant(X, has_constant="add")).fit().params)
