"""The most memory that this process may take: what a bound leaves for rows, and whether it holds."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from gradline.core.arguments import is_whole
from gradline.core.errors import RequestError, UsageError

STREAMING = 450_000_000  # bytes of a process while rows stream: interpreter, libraries, what is on its way
MATRICES = 25  # and those of so many squares of its columns, in float64
_STATUS = Path("/proc/self/status")  # where Linux counts the memory of a process
_UNITS = {
    **{"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40},
}
_MEGABYTE = 10**6


class _Bound(NamedTuple):
    """A bound in bytes, and the peak that came before it."""

    size: int
    earlier: int


_bound: ContextVar[_Bound | None] = ContextVar("bound", default=None)


@contextmanager
def limited(size: int | str | None) -> Iterator[None]:
    """Bound the peak resident memory of the process, as the system counts it, by what is done within the block.

    `size` is in bytes, or in words such as "500MB", "1.5 GiB"; None bounds nothing. Raises `UsageError` for a size
    that is none, or beyond the machine's memory, and `RequestError` where the process needs more: at once if it is
    known to, and at the latest at the end of the block. What was taken is known on Linux only.
    """
    if size is None:
        yield
        return
    size = in_bytes(size)
    token = _bound.set(_Bound(size, _counted("VmHWM")))
    try:
        _expect_possible(size)
        yield
        check("in all")
    finally:
        _bound.reset(token)


def in_bytes(size: int | str) -> int:
    """The bytes of "500MB", "1.5 GiB", "4096" or 4096: KB, MB, GB, TB are powers of 1,000, KiB … of 1,024."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]?i?b)?\s*", str(size), re.IGNORECASE)
    unit = _UNITS.get((found[2] or "b").lower()) if found else None
    if found is None or unit is None or not (isinstance(size, str) or is_whole(size, 1)):
        raise UsageError(
            "memory-invalid", f"memory is {size!r}", "give a size, such as 500MB, 2GiB or a number of bytes"
        )
    return int(float(found[1]) * unit)


def room(columns: int) -> int | None:
    """The bytes that rows of so many columns may take; None without a bound.

    It is a function of bound and columns alone, so that the same bound gives the same numbers, wherever and whenever.
    A bound below what streaming may take leaves some for small tables, which take less.
    """
    bound = _bound.get()
    if bound is None:
        return None
    return max(bound.size - STREAMING - 8 * MATRICES * columns**2, bound.size // 8)


def check(when: str) -> None:
    """Raise `RequestError` if the process has taken more than its bound; `when` says how far it had come."""
    bound = _bound.get()
    if bound is None:
        return
    taken = _counted("VmHWM" if bound.earlier <= bound.size else "VmRSS")
    if taken > bound.size:
        raise RequestError(
            "memory-exceeded",
            f"the process took {_told(taken)} of memory {when}, above its bound of {_told(bound.size)}",
            _remedy(taken),
        )


def _expect_possible(size: int) -> None:
    """Refuse a bound below what the process holds, or above what the machine has."""
    present, machine = _counted("VmRSS"), _machine()
    if size < present:
        raise RequestError(
            "memory-below-present",
            f"a memory of {_told(size)} is below the {_told(present)} that the process holds already",
            _remedy(present),
        )
    if machine and size > machine:
        raise UsageError(
            "memory-beyond-machine",
            f"a memory of {_told(size)} is beyond the {_told(machine)} of this machine",
            "give less, or no bound",
        )


def _counted(name: str) -> int:
    """The bytes that the system counts under a name: "VmRSS" now, "VmHWM" at the peak; 0 where nobody tells."""
    if not _STATUS.exists():
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _machine() -> int:
    """The bytes of the machine's memory; 0 where nobody tells."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _told(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB"


def _remedy(taken: int) -> str:
    """A bound that is enough, in full hundreds of megabytes: what streaming takes, and a tenth more than this."""
    enough = -(-max(STREAMING, taken * 11 // 10) // (100 * _MEGABYTE))
    return f"give --memory {enough}00MB or more (memory='{enough}00MB' in Python), or use fewer columns"
