"""Gradient descent for scikit-learn."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from gradline.linear_model.translating import Translating
from gradline.model.model import LinearModel
from gradline.solvers import SGD, SQUARED, GradientDescent, Loss, Penalty, Solver


class GradientDescentRegressor(Translating):
    """Least squares by gradient descent, full-batch or in mini-batches.

    Parameters: `lr`, `epochs`, `momentum`, `init` as in `gradline.GradientDescent`; with a `batch_size`, and
    then `shuffle`, as in `gradline.SGD`; `scale` as in `gradline.fit`; `random_state` is the seed (None: 0, so
    that results repeat) or a `RandomState` to draw it from. `fit_intercept` as in scikit-learn, `formula` as in
    `LinearRegression`.

    Attributes: `coef_`, `intercept_`, `n_iter_` (epochs done), `rank_`, `certificate_`, `model_`; errors as in
    `LinearRegression`.

    >>> from gradline.linear_model import GradientDescentRegressor
    >>> regression = GradientDescentRegressor(epochs=50).fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0])
    >>> regression.coef_.round(6), regression.n_iter_
    (array([2.]), 50)
    """

    _flat = False

    def __init__(
        self,
        *,
        lr: float | str = "auto",
        epochs: int = 100,
        batch_size: int | None = None,
        momentum: float = 0.0,
        shuffle: bool = True,
        init: Any = "zeros",
        scale: str = "auto",
        random_state: Any = None,
        fit_intercept: bool = True,
        formula: str | None = None,
    ) -> None:
        self.formula = formula
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.shuffle = shuffle
        self.init = init
        self.scale = scale
        self.random_state = random_state
        self.fit_intercept = fit_intercept

    def _solver(self, penalty: Penalty, loss: Loss = SQUARED) -> Solver:  # noqa: ARG002 - it has none
        shared = {"lr": self.lr, "epochs": self.epochs, "momentum": self.momentum, "init": self.init}
        seed = 0 if self.random_state is None else self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = check_random_state(seed).randint(2**31)
        seed = int(seed)
        if self.batch_size is None:
            return GradientDescent(**shared, seed=seed)
        return SGD(**shared, seed=seed, batch_size=self.batch_size, shuffle=self.shuffle)

    def _take(self, model: LinearModel, y: np.ndarray, kind: np.dtype) -> None:
        super()._take(model, y, kind)
        self.n_iter_ = model.history[-1].epoch
