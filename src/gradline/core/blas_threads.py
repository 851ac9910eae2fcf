"""BLAS threads under control: where there is little for them to do they wait for each other, and keep cores busy."""

import functools
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """Within this block NumPy's products run on one thread."""
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@functools.cache
def _controller() -> Any:
    """Found once: looking through all loaded libraries takes a millisecond and more."""
    # It has no types. A small fit has no need of it.
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    return ThreadpoolController()
