"""When compiled loops are worth loading: numba takes a second to import, and compiling takes seconds."""

from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

_LOADING = 1.5  # seconds that a process pays for compiled loops in the cache of earlier ones
_COMPILING = 8.0  # and for those that are compiled for the first time
_saved = 0.0
_loaded: ModuleType | None = None


def kernels(saving: float) -> ModuleType | None:
    """`gradline.kernels`, or None while NumPy serves better.

    `saving` is the time in seconds that they would save now. They are loaded once what they could have saved so far
    comes to their cost, so that no process ever pays more than twice what it would have with foresight (the ski rental
    problem: Karlin, Manasse, Rudolph, Sleator 1988).
    """
    global _saved
    if _loaded is None:
        _saved += saving
        if _saved < cost():
            return None
    return load()


@cache
def cost() -> float:
    """The seconds that loading takes here: less once some process has compiled, and could write down what it did."""
    written = Path(__file__).with_name("kernels") / "__pycache__"
    return _LOADING if any(written.glob("*.nbi")) else _COMPILING


def load() -> ModuleType:
    """`gradline.kernels` at once, for a process that will live long."""
    global _loaded
    from gradline import kernels  # noqa: PLC0415 - this is what is put off

    _loaded = kernels
    return kernels


def lent(array: np.ndarray | None, dtype: str = "float64") -> np.ndarray:
    """The array in the one form that compiled loops are compiled for: row by row, to be read only; None is empty."""
    view = np.ascontiguousarray(np.empty(0) if array is None else array, dtype).view()
    view.flags.writeable = False
    return view
