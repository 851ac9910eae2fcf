"""The cases that `reference/` has answers to, and where those are."""

import importlib
import sys
from pathlib import Path
from types import ModuleType


def cases(name: str) -> ModuleType:
    """The module of `reference/` of this name, which is run by itself to write its answers anew."""
    folder = str(Path(__file__).parent / "reference")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)
