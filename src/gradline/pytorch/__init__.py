"""gradline on PyTorch: the lesson, the learner's own loop checked, and data and models both ways."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports

if TYPE_CHECKING:
    from gradline.pytorch.data import RowDataset, RowIterableDataset
    from gradline.pytorch.diagnosis.verdict import diagnose
    from gradline.pytorch.hardware import devices
    from gradline.pytorch.lessons.graph import graph
    from gradline.pytorch.lessons.lesson import lesson
    from gradline.pytorch.loop import fit

__all__ = ["RowDataset", "RowIterableDataset", "devices", "diagnose", "fit", "graph", "lesson"]

_HOMES = {
    "RowDataset": "gradline.pytorch.data",
    "RowIterableDataset": "gradline.pytorch.data",
    "devices": "gradline.pytorch.hardware",
    "diagnose": "gradline.pytorch.diagnosis.verdict",
    "fit": "gradline.pytorch.loop",
    "graph": "gradline.pytorch.lessons.graph",
    "lesson": "gradline.pytorch.lessons.lesson",
}

__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)
