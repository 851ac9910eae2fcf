"""BLAS threads under control: on blocks of rows they wait for each other, on a busy machine for seconds."""

import functools
from contextlib import AbstractContextManager
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """Within this block NumPy's products run on one thread."""
    return _controller().limit(limits=1, user_api="blas")


@functools.cache
def _controller() -> Any:
    """Found once: looking through all loaded libraries takes a millisecond and more."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - a small fit has no need of it

    return ThreadpoolController()
