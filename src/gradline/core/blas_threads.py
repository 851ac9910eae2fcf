"""BLAS threads under control: where there is little for them to do they wait for each other, and keep cores busy."""

import functools
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

_FEW = 32  # columns up to which OpenBLAS itself is content with one thread
_MANY = 1024  # and up to which one is faster


def one_blas_thread() -> AbstractContextManager[Any]:
    """Within this block NumPy's products run on one thread."""
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


def few_blas_threads(columns: int) -> AbstractContextManager[Any]:
    """The same where matrices of so many rows and columns gain nothing by more.

    OpenBLAS's threads wait for work without sleep, for some 20 ms after the last: a core that the next pass over rows
    is left without.
    """
    return one_blas_thread() if _FEW < columns <= _MANY else nullcontext()


@functools.cache
def _controller() -> Any:
    """Found once: looking through all loaded libraries takes a millisecond and more."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - a small fit has no need of it

    return ThreadpoolController()
