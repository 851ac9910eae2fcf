"""Small files kept in memory once they are opened: each of thousands in a folder is opened once, not five times."""

import io
import os
import weakref
from pathlib import Path
from typing import IO, Any

HEAD = 1 << 16  # bytes that are read of every file: enough to tell what it is, and the whole of a small one
_MOST = 1 << 25  # bytes of all files together


class _Held(type(Path())):
    """A path whose file lies in memory."""

    content: bytes
    origin: Path  # which may be a file without a name, that goes with its path

    def open(self, *_: Any, **__: Any) -> IO[bytes]:  # type: ignore[override] - it is only read, as bytes
        """The file from its beginning."""
        return io.BytesIO(self.content)

    def stat(self, **_: Any) -> os.stat_result:
        """What is asked of it: its size."""
        return os.stat_result((0, 0, 0, 0, 0, 0, len(self.content), 0, 0, 0))

    def __reduce__(self) -> tuple[Any, ...]:
        """The path and what its file holds, which may be gone where it is needed."""
        return _restored, (str(self), self.content)


class _Budget:
    """The bytes that are held by this process."""

    used = 0

    @classmethod
    def give_back(cls, count: int) -> None:
        """A file of so many bytes is held no more."""
        cls.used -= count


def opened(path: Path) -> tuple[Path, bytes]:
    """The path, or one whose file is held, and the first bytes. Raises `OSError` where it cannot be read."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if len(head) == HEAD or _Budget.used + len(head) > _MOST:
        return path, head
    held = _restored(str(path), head)
    held.origin = path
    return held, head


def _restored(path: str, content: bytes) -> _Held:
    held = _Held(path)
    held.content = content
    _Budget.used += len(content)
    weakref.finalize(held, _Budget.give_back, len(content)).atexit = False
    return held


def scannable(path: Path) -> Path | bytes:
    """What polars scans: the bytes of a file that is held, else its path."""
    return path.content if isinstance(path, _Held) else path
