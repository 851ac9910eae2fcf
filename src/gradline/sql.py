"""gradline in a database: the moments of a table that stays there, and the residuals that prove the answer."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.exports.pushdown.connections import moments

__all__ = ["moments"]

_HOMES = {"moments": "gradline.exports.pushdown.connections"}

__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
