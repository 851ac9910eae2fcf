"""gradline on Spark: the moments of a DataFrame, each partition added up where it lies."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.exports.pushdown.spark_frame import moments

__all__ = ["moments"]

_HOMES = {"moments": "gradline.exports.pushdown.spark_frame"}

__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
