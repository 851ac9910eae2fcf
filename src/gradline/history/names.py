"""The names that files are kept under, and those that no version may put back: Git or the store would obey them."""

import re
from pathlib import PurePosixPath, PureWindowsPath

_CONTROL = (".git", ".gradline")  # folders whose files other programs run or believe
_SHORT = re.compile(r"(git|gradli)~\d+")  # what Windows calls them besides
_UNSEEN = re.compile(
    "[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]"
)  # characters that the Mac's HFS+ passes over


def fault_of(name: str) -> str | None:
    """Why no file of a version may have this name: what it would do; None for a name inside the project.

    A store travels, so the rules of all systems hold on each: a backslash parts a path, case does not matter, dots and
    spaces at the end fall away, and what follows a colon is a stream of the same file.
    """
    if "\0" in name or not PurePosixPath(name).name:
        return "is no name of a file"
    if name.startswith(("/", "\\")) or PureWindowsPath(name).anchor or PureWindowsPath(name).drive:
        return "leads out of the project"
    for part in re.split(r"[/\\]", name):
        plain = _UNSEEN.sub("", part).split(":")[0].rstrip(" .").casefold()
        if not plain and part not in ("", "."):
            return "leads out of the project"
        if plain in _CONTROL or _SHORT.fullmatch(plain):
            return f"leads into {_CONTROL[0] if 'git' in plain else _CONTROL[1]}"
    return None
