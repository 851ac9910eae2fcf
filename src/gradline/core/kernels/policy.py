"""When compiled loops are worth loading: that takes milliseconds, and compiling them, once, some ten seconds."""

import atexit
import threading
from functools import cache
from types import SimpleNamespace

import numpy as np

from gradline.core.kernels import VECTOR, code_cache

_COMPILING = 12.0  # seconds that the first process of all pays
_saved = 0.0
_loaded: SimpleNamespace | None = None
_lock = threading.Lock()


def kernels(saving: float) -> SimpleNamespace | None:
    """The loops of `gradline.core.kernels`, or None while NumPy serves better.

    `saving` is the time in seconds that they would save now. They are loaded once what they could have saved so far
    comes to their cost, so that no process ever pays more than twice what it would have with foresight (the ski rental
    problem: Karlin, Manasse, Rudolph, Sleator 1988). Processes that could not know of later ones add to one account.
    """
    global _saved
    if _loaded is None:
        _saved += saving
        if _saved < code_cache.LOADING or _saved < cost():  # small jobs need not look what is written
            return None
    return load()


def foresee(saving: float) -> None:
    """Load them before a job that will save so much by itself."""
    if saving >= code_cache.LOADING and saving >= cost():
        load()


@cache
def cost() -> float:
    """The seconds that loading takes here, or compiling, less what processes before this one could have saved."""
    if code_cache.written():
        return code_cache.LOADING
    atexit.register(_remember)
    try:
        return max(code_cache.LOADING, _COMPILING - code_cache.account().stat().st_size / 10)
    except OSError:
        return _COMPILING


def _remember() -> None:
    """Add what this process could have saved to the account, in tenths of seconds."""
    if _loaded is None and _saved >= 0.1:
        try:
            code_cache.account().parent.mkdir(parents=True, exist_ok=True)
            with code_cache.account().open("ab") as account:
                account.write(b"." * int(_saved * 10))
        except OSError:
            return  # nothing can be kept here


def load() -> SimpleNamespace:
    """The loops at once, for a process that will live long."""
    global _loaded
    with _lock:
        _loaded = _loaded or code_cache.loops()
        return _loaded


def lent(array: np.ndarray | None, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """The array as compiled loops take it: row by row, of one type; None is empty."""
    return np.ascontiguousarray(np.empty(0) if array is None else array, dtype)


def room(count: int, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """So many zeros from the beginning of a line of memory on: a register's worth then comes from one line, not two."""
    dtype = np.dtype(dtype)
    whole = VECTOR // dtype.itemsize
    zeros = np.zeros(count + whole, dtype)
    first = -(zeros.__array_interface__["data"][0] // dtype.itemsize) % whole
    return zeros[first : first + count]
