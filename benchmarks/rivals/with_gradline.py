"""gradline: the exact answer with its certificate."""

import numpy as np

import gradline


class Gradline:
    """`gradline.fit` as it comes."""

    name = "gradline"

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The certified fit."""
        model = gradline.fit(X, y)
        return np.concatenate([model.bias, model.weight[0]])
