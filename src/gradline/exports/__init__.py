"""A model for other programs: a SELECT for a database, an ONNX graph, a PyTorch state_dict."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.exports.graph import onnx
    from gradline.exports.statement import sql
    from gradline.exports.tensors import state_dict

__all__ = ["onnx", "sql", "state_dict"]

_HOMES = {
    "onnx": "gradline.exports.graph",
    "sql": "gradline.exports.statement",
    "state_dict": "gradline.exports.tensors",
}

__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
