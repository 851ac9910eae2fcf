"""gradline on PyTorch: the lesson, the learner's own loop checked, and data and models both ways."""

from typing import TYPE_CHECKING

from gradline.core.lazy import face

if TYPE_CHECKING:
    from gradline.pytorch.data import RowDataset, RowStream
    from gradline.pytorch.diagnosis.verdict import diagnose
    from gradline.pytorch.lessons.graph import graph
    from gradline.pytorch.lessons.lesson import lesson
    from gradline.pytorch.loop import fit

__all__ = ["RowDataset", "RowStream", "diagnose", "fit", "graph", "lesson"]

_HOMES = {
    "RowDataset": "data",
    "RowStream": "data",
    "diagnose": "diagnosis.verdict",
    "fit": "loop",
    "graph": "lessons.graph",
    "lesson": "lessons.lesson",
}

__getattr__, __dir__ = face(__name__, __all__, _HOMES)
