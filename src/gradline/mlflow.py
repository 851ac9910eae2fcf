"""gradline in MLflow: a flavour that pyfunc and `mlflow models serve` open, and versions pushed as runs."""

import importlib.util
from typing import TYPE_CHECKING, Any

from gradline.core.errors import RequestError
from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.exports.mlflow.flavour import _load_pyfunc, load_model, log_model, save_model
    from gradline.exports.mlflow.pushing import Pushed, push

__all__ = ["Pushed", "_load_pyfunc", "load_model", "log_model", "push", "save_model"]

_HOMES = {
    "Pushed": "gradline.exports.mlflow.pushing",
    "_load_pyfunc": "gradline.exports.mlflow.flavour",  # the name that MLflow calls
    "load_model": "gradline.exports.mlflow.flavour",
    "log_model": "gradline.exports.mlflow.flavour",
    "push": "gradline.exports.mlflow.pushing",
    "save_model": "gradline.exports.mlflow.flavour",
}

_load, __dir__ = lazy_exports(__name__, __all__, _HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES and importlib.util.find_spec("mlflow") is None:
        raise RequestError("extra-not-installed", "MLflow is not installed", "pip install 'gradline[mlflow]'")
    return _load(name)
