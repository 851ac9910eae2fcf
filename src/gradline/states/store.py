"""The folder of a ledger: files that appear whole or not at all, whoever else writes and whenever one is killed."""

import contextlib
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gradline.core.cleanup import undoing
from gradline.core.errors import FileError

_OLD = 86_400  # seconds: a day, and a part is written in one of them


@dataclass(frozen=True)
class Folder:
    """Files by name, such as `parts/KEY`, that are put there once; what writes them is known by its name."""

    root: Path

    def get(self, name: str) -> bytes | None:
        """The content of a file; None where there is none. Raises `FileError` where it cannot be read."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FileError(
                "ledger-unreadable",
                f"cannot read {self.root / name}: {error.strerror}",
                "check its permissions",
            ) from error

    def put(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one: under a name of its own first, so that nobody sees a half.

        Returns whether it was not there. Of two that write at once, the first to finish is the one that counts.
        """
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Hidden, and so in no listing; a killed process leaves it behind, and harms nobody.
            scratch = path.parent / f".{os.urandom(8).hex()}.part"
            with undoing(partial(scratch.unlink, missing_ok=True)):
                with scratch.open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                return _named(scratch, path)
        except OSError as error:
            raise FileError(
                "ledger-unwritable",
                f"cannot write {path}: {error.strerror}",
                "check that the folder is writable and has room",
            ) from error

    def names(self, kind: str) -> list[str]:
        """The names of the files of a kind, such as "parts", without it, in order."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return sorted(name for name in os.listdir(self.root / kind) if not name.startswith("."))
        return []

    def tidy(self, kind: str) -> None:
        """Take away what killed processes have left half written, once nobody can be writing it any more."""
        with contextlib.suppress(OSError), os.scandir(self.root / kind) as entries:
            for entry in entries:
                if entry.name.startswith(".") and entry.stat().st_mtime < time.time() - _OLD:
                    self.remove(f"{kind}/{entry.name}")

    def remove(self, name: str) -> None:
        """Take a file away, if it is there and may be."""
        with contextlib.suppress(OSError):
            (self.root / name).unlink()


def _named(scratch: Path, path: Path) -> bool:
    """Give a written file its name unless that is taken; a file system without links may only rename."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        scratch.unlink()
        return False
    except OSError:
        if path.exists():
            scratch.unlink()
            return False
        os.rename(scratch, path)
        return True
    scratch.unlink()
    return True
