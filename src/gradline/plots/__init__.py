"""Plotly figures of data, models and their training: functions that return a figure and never show it."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.plots.alphas import alpha_errors, alpha_path
    from gradline.plots.bowl import loss_bowl, rate_steps
    from gradline.plots.data import rules, split, table
    from gradline.plots.diagnostic import leverage, quantiles, residuals, scale_location
    from gradline.plots.fits import fitted, predictions
    from gradline.plots.landscape import loss_against, loss_surface
    from gradline.plots.matrices import product
    from gradline.plots.recorded import losses
    from gradline.plots.training import gap, loss_curve, rates, weight_curves
    from gradline.plots.weights import coefficients, ridge_path

__all__ = [
    "alpha_errors",
    "alpha_path",
    "coefficients",
    "fitted",
    "gap",
    "leverage",
    "loss_against",
    "loss_bowl",
    "loss_curve",
    "loss_surface",
    "losses",
    "predictions",
    "product",
    "quantiles",
    "rate_steps",
    "rates",
    "residuals",
    "ridge_path",
    "rules",
    "scale_location",
    "split",
    "table",
    "weight_curves",
]

_HOMES = {
    "alpha_errors": "gradline.plots.alphas",
    "alpha_path": "gradline.plots.alphas",
    "coefficients": "gradline.plots.weights",
    "fitted": "gradline.plots.fits",
    "gap": "gradline.plots.training",
    "leverage": "gradline.plots.diagnostic",
    "loss_against": "gradline.plots.landscape",
    "loss_bowl": "gradline.plots.bowl",
    "loss_curve": "gradline.plots.training",
    "loss_surface": "gradline.plots.landscape",
    "losses": "gradline.plots.recorded",
    "predictions": "gradline.plots.fits",
    "product": "gradline.plots.matrices",
    "quantiles": "gradline.plots.diagnostic",
    "rate_steps": "gradline.plots.bowl",
    "rates": "gradline.plots.training",
    "residuals": "gradline.plots.diagnostic",
    "ridge_path": "gradline.plots.weights",
    "rules": "gradline.plots.data",
    "scale_location": "gradline.plots.diagnostic",
    "split": "gradline.plots.data",
    "table": "gradline.plots.data",
    "weight_curves": "gradline.plots.training",
}


__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
