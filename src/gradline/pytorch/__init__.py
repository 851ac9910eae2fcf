"""gradline on PyTorch: the lesson, the learner's own loop checked, and data and models both ways."""

from typing import TYPE_CHECKING

from gradline.core.lazy import face

if TYPE_CHECKING:
    from gradline.pytorch.data import RowDataset, RowStream
    from gradline.pytorch.diagnosis import diagnose
    from gradline.pytorch.graphs import graph
    from gradline.pytorch.lessons import lesson
    from gradline.pytorch.loop import fit

__all__ = ["RowDataset", "RowStream", "diagnose", "fit", "graph", "lesson"]

_HOMES = {
    "RowDataset": "data",
    "RowStream": "data",
    "diagnose": "diagnosis",
    "fit": "loop",
    "graph": "graphs",
    "lesson": "lessons",
}

__getattr__, __dir__ = face(__name__, __all__, _HOMES)
