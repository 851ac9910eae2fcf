"""What can be read only once, kept on disk for as long as the process lives, since rows may be read more than once."""

import atexit
import os
import shutil
import tempfile
import weakref
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from gradline.core.cleanup import scratch_folder
from gradline.core.errors import FileError

_SCRATCH = ExitStack()  # where a file without a name cannot be read again
atexit.register(_SCRATCH.close)


class _Nameless(type(Path())):
    """The path of a file without a name, which is gone when nobody holds the path any more."""

    @classmethod
    def of(cls, handle: int) -> "_Nameless":
        """The file behind a handle, which is the path's from now on; paths that are made of this one have none."""
        path = cls(f"/proc/self/fd/{handle}")
        weakref.finalize(path, os.close, handle).atexit = False  # the process's end closes it, too
        return path


@contextmanager
def spool() -> Generator[tuple[IO[bytes], Path]]:
    """A temporary file to write to, and the path by which it is read from then on.

    On Linux it has no name, is read through its number, and is gone with the path or the process, whatever ends that.
    Raises `FileError` where it cannot be written; errors of other files are the caller's to tell.
    """
    try:
        if Path("/proc/self/fd").is_dir():
            with tempfile.TemporaryFile(prefix="gradline-") as stream:
                yield stream, _Nameless.of(os.dup(stream.fileno()))
        else:
            path = _SCRATCH.enter_context(scratch_folder()) / "rows"
            with path.open("wb") as stream:
                yield stream, path
    except OSError as error:
        if isinstance(error, FileError) or error.errno is None:  # what polars says of the file that it copies
            raise
        raise FileError(
            "file-unwritable",
            f"cannot keep what comes in, in the folder {tempfile.gettempdir()}: {error.strerror}",
            "make room there, set TMPDIR to another folder, or give a file",
        ) from error


def spooled(source: IO[bytes]) -> Path:
    """A stream of bytes, copied."""
    with spool() as (stream, path):
        shutil.copyfileobj(source, stream)
    return path
