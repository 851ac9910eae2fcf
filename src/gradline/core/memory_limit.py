"""The most memory that this process may take: what a bound leaves for rows, and whether the system says it holds."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from gradline.core.arguments import is_whole
from gradline.core.errors import RequestError, UsageError

STREAMING = 450_000_000  # bytes of a process while rows stream: interpreter, libraries, what is on its way
MATRICES = 25  # and those of so many squares of its columns, in float64
_STATUS = Path("/proc/self/status")  # where Linux counts the memory of a process
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt])(i?)b|b)?\s*", re.IGNORECASE)

# In bytes, and what the system counts against it: the peak, or what is held now where the peak was beyond it before.
_bound: ContextVar[tuple[int, str] | None] = ContextVar("bound", default=None)


@contextmanager
def limited(size: int | str | None) -> Generator[None]:
    """Bound the peak resident memory of the process, as the system counts it, by what is done within the block.

    `size` is in bytes, or in words such as "500MB", "1.5 GiB"; None bounds nothing. Raises `UsageError` for a size
    that is none, or beyond the machine's memory, and `RequestError` where the process needs more: at once if it is
    known to, and at the latest at the end of the block. What was taken is known on Linux only.
    """
    if size is None:
        yield
        return
    size, held = in_bytes(size), _counted("VmRSS")
    if size < held:
        raise RequestError(
            "memory-below-present",
            f"a memory of {_told(size)} is below the {_told(held)} that the process holds already",
            _remedy(held),
        )
    machine = size
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > machine:
        raise UsageError(
            "memory-beyond-machine",
            f"a memory of {_told(size)} is beyond the {_told(machine)} of this machine",
            "give less, or no bound",
        )
    token = _bound.set((size, "VmHWM" if _counted("VmHWM") <= size else "VmRSS"))
    try:
        yield
        check("in all")
    finally:
        _bound.reset(token)


def in_bytes(size: int | str) -> int:
    """The bytes of "500MB", "1.5 GiB", "4096" or 4096: KB, MB, GB, TB are powers of 1,000, KiB … of 1,024."""
    found = _SIZE.fullmatch(str(size))
    if found is None or not (isinstance(size, str) or is_whole(size, 1)):
        raise UsageError(
            "memory-invalid", f"memory is {size!r}", "give a size, such as 500MB, 2GiB or a number of bytes"
        )
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(unit.lower()) if unit else 0))


def room(columns: int) -> int | None:
    """The bytes that rows of so many columns may take; None without a bound.

    It is a function of bound and columns alone, so that the same bound gives the same numbers, wherever and whenever.
    A bound below what streaming may take leaves some for small tables, which take less.
    """
    bound = _bound.get()
    return bound and max(bound[0] - STREAMING - 8 * MATRICES * columns**2, bound[0] // 8)


def check(when: str) -> None:
    """Raise `RequestError` if the process has taken more than its bound; `when` says how far it had come."""
    size, counted = _bound.get() or (None, "")
    if size is not None and (taken := _counted(counted)) > size:
        raise RequestError(
            "memory-exceeded",
            f"the process took {_told(taken)} of memory {when}, above its bound of {_told(size)}",
            _remedy(taken),
        )


def expect(size: int, what: str) -> None:
    """Raise `RequestError`, before they are taken, if so many bytes more would be beyond the bound."""
    bound, _ = _bound.get() or (None, "")
    if bound is not None and (needed := _counted("VmRSS") + size) > bound:
        raise RequestError(
            "memory-exceeded",
            f"{what} take {_told(size)}: {_told(needed)} in all, above the bound of {_told(bound)}",
            _remedy(needed),
        )


def _counted(name: str) -> int:
    """The bytes that the system counts under a name: "VmRSS" now, "VmHWM" at the peak; 0 where nobody tells."""
    text = _STATUS.read_text() if _STATUS.exists() else ""
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _told(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _remedy(taken: int) -> str:
    """A bound that is enough, in full hundreds of megabytes: what streaming takes, and a tenth more than this."""
    enough = -(-max(STREAMING, taken * 11 // 10) // 100_000_000)
    return f"give --memory {enough}00MB or more (memory='{enough}00MB' in Python), or use fewer columns"
