"""Files and numbered records that appear whole or not at all, whoever else writes and whenever one is killed."""

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from gradline.core.cleanup import undoing
from gradline.core.errors import FileError

RECORD = "record.json"
_NUMBER = re.compile("[1-9][0-9]*")
_OWN = 0o755  # of folders: whatever the umask, others do not write there, for `trust` would refuse the store


def place(content: bytes, path: Path, temporary: Path) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it. Raises `FileError`."""
    with _said(path), _scratch(temporary) as scratch:
        _write(scratch, content)
        path.parent.mkdir(_OWN, exist_ok=True)
        os.replace(scratch, path)
        synchronise(path.parent)


def claim(content: bytes, folder: Path, temporary: Path) -> int:
    """Write a record into `folder` under the next free number, and return that. Raises `FileError`.

    The record is made in a folder of its own, which is renamed to the number. That fails where the number is
    taken, for no folder is renamed over one that holds a file, and it needs no links or locks, which some file
    systems lack.
    """
    with _said(folder), _scratch(temporary) as scratch:
        folder.mkdir(_OWN, exist_ok=True)
        scratch.mkdir(_OWN)
        _write(scratch / RECORD, content)
        synchronise(scratch)
        number = max(numbers(folder), default=0) + 1
        while not _renamed(scratch, folder / str(number)):
            number += 1
        synchronise(folder)
    return number


def content_of(path: Path, most: int = -1) -> bytes:
    """The bytes of a file that is one: a link may lead anywhere, a pipe and a device need not end. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as stream:
        if path.is_symlink() or not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        content = stream.read(most)
        if most >= 0 and stream.read(1):
            raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes")
        return content


def numbers(folder: Path) -> list[int]:
    """The numbers that are taken in a folder of records, in order; an empty folder takes none."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        named = [entry for entry in entries if _NUMBER.fullmatch(entry.name)]
        return sorted(int(entry.name) for entry in named if os.path.lexists(Path(entry.path, RECORD)))
    return []


def gaps(taken: Sequence[int]) -> list[str]:
    """The numbers from 1 on that rising ones leave out, as words: "3 is", "3 to 9 are"."""
    found = []
    for before, after in pairwise([0, *taken]):
        if after == before + 2:
            found.append(f"{before + 1} is")
        elif after > before + 2:
            found.append(f"{before + 1} to {after - 1} are")
    return found


def synchronise(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folder, and some file systems flush none
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Remove a temporary file, or the folder of a record that was not finished."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _renamed(scratch: Path, target: Path) -> bool:
    try:
        os.rename(scratch, target)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno == errno.ENOTEMPTY:
            return False
        raise
    return True


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def _scratch(temporary: Path) -> Iterator[Path]:
    """A name of our own among the temporary ones, with nothing left there if the block fails."""
    for folder in (temporary.parent, temporary):
        folder.mkdir(_OWN, exist_ok=True)
    scratch = temporary / os.urandom(8).hex()
    with undoing(partial(remove, scratch)):
        yield scratch


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """What the system refuses, told as cause and remedy."""
    try:
        yield
    except OSError as error:
        raise FileError(
            "file-unwritable",
            f"cannot write {path}: {error.strerror or error}",
            "check that the folder is writable and has room; what was recorded before is as it was",
        ) from error
