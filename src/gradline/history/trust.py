"""Whose store it is: one that others can write may hold anything, and is opened only where the user says so."""

import os
import stat
from pathlib import Path

from gradline.core.errors import FileError
from gradline.core.text import shell

TRUSTED = "GRADLINE_TRUST"  # the environment's list of stores that are opened nevertheless, parted as PATH is
_PARTS = ("objects", "versions", "annotations", "temporary")


def expect_own(store: Path) -> None:
    """Refuse a store that is somebody else's, that others can write, or that is a link to another folder.

    As Git does with a repository (`safe.directory`). Only the store counts, not the project around it, which in a
    container often belongs to another user. Root's is as good as one's own, for root can do what it likes; root takes
    under sudo that of the user who called it.
    """
    fault = next(filter(None, (_fault(path) for path in (store, *(store / part for part in _PARTS)))), None)
    trusted = [Path(path) for path in os.environ.get(TRUSTED, "").split(os.pathsep) if path]
    if fault is not None and store not in trusted:
        raise FileError(
            "store-not-trusted",
            f"the store {store} is not opened: {fault}",
            f"if you trust what it holds, run: export {TRUSTED}={shell([str(store)])}",
        )


def _fault(path: Path) -> str | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    what = "it" if path.name.startswith(".") else f"its folder {path.name}"
    if stat.S_ISLNK(found.st_mode):
        return f"{what} is a symbolic link to another folder"
    if not hasattr(os, "geteuid"):  # Windows keeps other people out by other means
        return None
    if found.st_uid not in _own_users():
        return f"{what} belongs to another user, {_name_of(found.st_uid)}"
    everyone, group = found.st_mode & stat.S_IWOTH, found.st_mode & stat.S_IWGRP
    if everyone or (group and not _is_private(found.st_gid)):
        return f"{what} can be written by others"
    return None


def _own_users() -> set[int]:
    own = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "") if own == {0} else ""
    return own | {int(caller)} if caller.isdecimal() else own


def _name_of(user: int) -> str:
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"number {user}"


def _is_private(number: int) -> bool:
    """Whether a group is that of the user alone, which many systems let write by default."""
    import grp  # noqa: PLC0415 - not on Windows

    own = _name_of(os.geteuid())
    try:
        group = grp.getgrgid(number)
    except KeyError:
        return False
    return group.gr_name == own and set(group.gr_mem) <= {own}
