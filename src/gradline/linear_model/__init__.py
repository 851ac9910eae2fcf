"""scikit-learn's face: estimators that translate to gradline and compute nothing themselves."""

from gradline.linear_model.choosing import ElasticNetCV, LassoCV, RidgeCV
from gradline.linear_model.gradient_descent import GradientDescentRegressor
from gradline.linear_model.least_squares import LinearRegression
from gradline.linear_model.paths import LassoLarsIC, enet_path, lasso_path
from gradline.linear_model.penalised import ElasticNet, Lasso, Ridge
from gradline.linear_model.robust import HuberRegressor, QuantileRegressor
from gradline.linear_model.stochastic import SGDRegressor
from gradline.linear_model.together import (
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)
from gradline.linear_model.translating import StoppedWarning

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GradientDescentRegressor",
    "HuberRegressor",
    "Lasso",
    "LassoCV",
    "LassoLarsIC",
    "LinearRegression",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "StoppedWarning",
    "enet_path",
    "lasso_path",
]
