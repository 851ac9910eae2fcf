"""The record of every run: versions kept in a folder beside the project, without anyone's server."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.history.models import coefficients_of, model_of
    from gradline.history.pending import log_dataset, log_hyperparams, log_metrics, reset, set_project
    from gradline.history.recording import commit
    from gradline.history.restoring import checkout
    from gradline.history.store import Store
    from gradline.history.version import Version

__all__ = [
    "Store",
    "Version",
    "checkout",
    "coefficients_of",
    "commit",
    "log_dataset",
    "log_hyperparams",
    "log_metrics",
    "model_of",
    "reset",
    "set_project",
]

_HOMES = {
    "Store": "gradline.history.store",
    "Version": "gradline.history.version",
    "checkout": "gradline.history.restoring",
    "coefficients_of": "gradline.history.models",
    "commit": "gradline.history.recording",
    "log_dataset": "gradline.history.pending",
    "log_hyperparams": "gradline.history.pending",
    "log_metrics": "gradline.history.pending",
    "model_of": "gradline.history.models",
    "reset": "gradline.history.pending",
    "set_project": "gradline.history.pending",
}


__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
