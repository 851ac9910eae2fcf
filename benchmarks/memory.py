"""Peak memory of a call in this process: what it takes for a while beyond data, imports and what is kept for reuse."""

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(function: Callable[[], Any]) -> int | None:
    """Bytes; None where the system does not tell, which Linux does."""
    if not CLEAR.exists():
        return None
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else a later call would find what earlier ones have freed
    CLEAR.write_text("5")  # proc(5): the peak starts anew
    before = _resident("VmRSS")
    function()
    return max(0, _resident("VmHWM") - before)


def _resident(name: str) -> int:
    """VmRSS is the memory of this process now, VmHWM the most it had, in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024
