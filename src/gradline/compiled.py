"""When compiled loops are worth loading: numba takes a second to import, and seconds more on its first day."""

import sys
from types import ModuleType

_COST = 1.5  # seconds that a process pays for the kernels, from the cache of earlier ones
_saved = 0.0


def kernels(saving: float) -> ModuleType | None:
    """`gradline.kernels`, or None while NumPy serves better.

    `saving` is the time in seconds that they would save now. They are loaded once what they could have saved so far
    comes to their cost, so that no process ever pays more than twice what it would have with foresight (the ski rental
    problem: Karlin, Manasse, Rudolph, Sleator 1988).
    """
    global _saved
    if "gradline.kernels" not in sys.modules:
        _saved += saving
        if _saved < _COST:
            return None
    return load()


def load() -> ModuleType:
    """`gradline.kernels` at once, for a process that will live long."""
    from gradline import kernels  # noqa: PLC0415 - this is what is put off

    return kernels
