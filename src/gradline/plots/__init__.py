"""Plotly figures of data, models and their training: functions that return a figure and never show it."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.plots.diagnostic import leverage, quantiles, residuals, scale_location
    from gradline.plots.fits import fitted, predictions
    from gradline.plots.landscape import loss_against, loss_surface
    from gradline.plots.matrices import product
    from gradline.plots.training import gap, loss_curve, rates, weight_curves
    from gradline.plots.weights import coefficients, ridge_path

__all__ = [
    "coefficients",
    "fitted",
    "gap",
    "leverage",
    "loss_against",
    "loss_curve",
    "loss_surface",
    "predictions",
    "product",
    "quantiles",
    "rates",
    "residuals",
    "ridge_path",
    "scale_location",
    "weight_curves",
]

_HOMES = {
    "coefficients": "gradline.plots.weights",
    "fitted": "gradline.plots.fits",
    "gap": "gradline.plots.training",
    "leverage": "gradline.plots.diagnostic",
    "loss_against": "gradline.plots.landscape",
    "loss_curve": "gradline.plots.training",
    "loss_surface": "gradline.plots.landscape",
    "predictions": "gradline.plots.fits",
    "product": "gradline.plots.matrices",
    "quantiles": "gradline.plots.diagnostic",
    "rates": "gradline.plots.training",
    "residuals": "gradline.plots.diagnostic",
    "ridge_path": "gradline.plots.weights",
    "scale_location": "gradline.plots.diagnostic",
    "weight_curves": "gradline.plots.training",
}


__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
