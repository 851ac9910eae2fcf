"""BLAS threads under control: where there is little for them to do they wait for each other, and keep cores busy."""

import functools
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_inside = 0  # blocks that are being run, in whatever threads
_limit: Any = None  # what was set by the first of them


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Within this block NumPy's products run on one thread; after the last such block on as many as before the first.

    The number is one for the whole process, so blocks of several threads, which end in any order, share one limit.
    """
    global _inside, _limit
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        yield
        return
    with _lock:
        if _inside == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


@functools.cache
def _controller() -> Any:
    """Found once: looking through all loaded libraries takes a millisecond and more."""
    # It has no types. A small fit has no need of it.
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    return ThreadpoolController()
