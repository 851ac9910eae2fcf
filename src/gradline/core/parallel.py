"""A map over items by as many threads as there are cores, with results in the order of the items."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Part = TypeVar("Part")


def ordered_map(
    items: Iterable[Item], make: Callable[[Item], Part], workers: int | None = None
) -> Iterator[Part]:
    """`make` of each item, in order, by as many threads as there are cores, or `workers`; a single item needs none.

    No more items are taken than are being worked on, so memory stays flat. An error of an item is raised in its turn.
    What is asked for by such a thread is done by itself: else threads would be the square of the cores.
    """
    if getattr(_worker, "works", False):
        yield from map(make, items)
        return
    items = iter(items)
    head = list(islice(items, 2))
    if len(head) < 2:
        yield from map(make, head)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - a small file has no need of it

    workers = workers or cores()
    waiting: deque[Future[Part]] = deque()
    with ThreadPoolExecutor(workers, initializer=_begin) as pool:
        for item in chain(head, items):
            waiting.append(pool.submit(make, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin() -> None:
    _worker.works = True


_worker = threading.local()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
