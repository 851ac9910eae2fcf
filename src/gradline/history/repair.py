"""What broken commits and half-made copies left behind in a store, and how it is mended."""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from gradline.core.errors import FileError
from gradline.core.text import counted
from gradline.history.store import NAME, Store
from gradline.history.version import Version
from gradline.history.writing import gaps, remove

YOUNG = 3600.0  # seconds: what is younger may belong to a commit that still runs
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Leftovers:
    """What `mended` found: what it removed, what it lets be for now, and what only a copy can bring back."""

    removed: int
    young: int
    faults: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The same in words, a line each; nothing where all is well."""
        said = []
        if self.removed:
            said.append(f"removed {counted(self.removed, 'file')} that broken commits had left behind")
        if self.young:
            said.append(
                f"{counted(self.young, 'file')} of a commit that still runs or broke: removed after an hour"
            )
        remedy = f"copy {NAME} again from where this store came from"
        return [*said, *(f"{fault}; {remedy}" for fault in self.faults)]


def mended(store: Store, thorough: bool = False) -> Leftovers:
    """Remove what broken commits left behind an hour ago or more, and name what is missing or damaged.

    Parameters: `thorough` also reads every object that a version names, and compares it with its digest.

    An object that no version names first moves to the temporary files; where a version was recorded meanwhile
    that names it, it moves back. So a commit beside this one, which looks after its record whether all is there,
    loses nothing. While a record cannot be read nobody knows what it names, and no object is removed.
    """
    versions, faults = _read(store)
    lone = [] if faults else _lone(store, versions)
    for path in filter(_is_old, lone):
        _set_aside(path, store.temporary)
    waiting = _inside(store.temporary)
    if waiting:
        versions, faults = _read(store)  # after they are known: whoever names one of them is seen now
    removed = [path for path in waiting if _cleared(path, store, _needed(versions), sure=not faults)]
    faults += store.unread_marks() + _lacking(store, versions)
    faults += _spoilt(store, versions) if thorough else []
    young = [path for path in waiting + lone if path.exists() and path.name not in _needed(versions)]
    return Leftovers(len(removed), len(young), tuple(faults))


def _read(store: Store) -> tuple[list[Version], list[str]]:
    """The versions as recorded, and what is wrong with the others; their numbers leave no gap."""
    versions, faults = [], []
    taken = store.numbers()
    for number in taken:
        try:
            versions.append(store.read(number))
        except FileError as error:
            faults.append(error.cause)
    return versions, [f"v{missing} missing" for missing in gaps(taken)] + faults


def _needed(versions: list[Version]) -> set[str]:
    return {digest for version in versions for digest in version.digests.values()}


def _lone(store: Store, versions: list[Version]) -> list[Path]:
    """The objects that no version names; a file of another name is not ours to remove."""
    needed = _needed(versions)
    return [
        path for path in _inside(store.objects) if path.name not in needed and _DIGEST.fullmatch(path.name)
    ]


def _inside(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []


def _is_old(path: Path) -> bool:
    """Whether it was written long ago, here: a copy keeps the time of writing, but not that of its making."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return max(status.st_mtime, status.st_ctime) < time.time() - YOUNG
    return False


def _set_aside(path: Path, folder: Path) -> None:
    with contextlib.suppress(OSError):  # a store may be read-only
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)


def _cleared(path: Path, store: Store, needed: set[str], sure: bool) -> bool:
    """Whether a temporary file was removed; an object that moved here goes back where a version needs it."""
    with contextlib.suppress(OSError):
        if path.name in needed:
            path.replace(store.objects / path.name)
        elif sure if _DIGEST.fullmatch(path.name) else _is_old(path):
            remove(path)
            return True
    return False


def _lacking(store: Store, versions: list[Version]) -> list[str]:
    there = {path.name for path in _inside(store.objects)}
    return [
        f"{version.name} lacks {what} (object {digest[:12]})"
        for version in versions
        for what, digest in version.digests.items()
        if digest not in there
    ]


def _spoilt(store: Store, versions: list[Version]) -> list[str]:
    """What of the objects that are there is not what was kept."""
    found, there = [], {path.name for path in _inside(store.objects)}
    for version in versions:
        for what, digest in version.digests.items():
            if digest in there:
                there.remove(digest)  # read once
                try:
                    store.get(digest)
                except FileError as error:
                    found.append(f"{version.name}, {what}: {error.cause}")
    return found
