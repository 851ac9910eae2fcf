"""BLAS threads under control: on blocks of rows they wait for each other, on a busy machine for seconds."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within this block NumPy's products run on one thread."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - a small fit has no need of it

    with threadpool_limits(1, user_api="blas"):
        yield
