"""Engines: parts made of blocks of rows side by side, and merged in the order of the rows."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gradline.threads import one_blas_thread

Item = TypeVar("Item")
Part = TypeVar("Part")


def made(items: Iterable[Item], make: Callable[[Item], Part]) -> Iterator[Part]:
    """`make` of each item, in order; made by as many threads as there are cores, with NumPy's products on one each.

    No more items are taken than are being worked on, so memory stays flat. An error of an item is raised in its turn.
    """
    workers = cores()
    waiting: deque[Future[Part]] = deque()
    with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
