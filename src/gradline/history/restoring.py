"""Checkout: the files of a version, back where they were."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gradline.core.errors import FileError, RequestError
from gradline.core.tensor_file import replacing
from gradline.core.text import listed, nearest
from gradline.history.notebook import without_outputs
from gradline.history.store import Store
from gradline.history.version import Version


def checkout(store: Store, version: Version, paths: Sequence[str] = (), force: bool = False) -> list[str]:
    """Write a version's files, byte by byte as they were kept; returns the paths of those that were written.

    Parameters: `paths` as recorded or as seen from the working directory; none means all. A file that is the same
    already is left as it is, and so is a notebook that differs in its outputs alone. `force` overwrites others.

    Nothing is written unless all can be, nothing through a symbolic link, and nothing that Git or the store would obey
    (`names`). Raises `RequestError` for a path that the version has not and, without `force`, where a file there
    differs; `FileError` where a content is missing or a file cannot be written.

    >>> from pathlib import Path, PurePosixPath
    >>> import gradline
    >>> from gradline import history
    >>> gradline.fit("example:crops", ["apples", "oranges"]).save("crops.safetensors")
    >>> version = gradline.commit("least squares", files="crops.safetensors", notebook=None)
    >>> Path("crops.safetensors").unlink()
    >>> history.checkout(history.Store.find(), version)
    ['crops.safetensors']
    """
    chosen = [_recorded(store, version, path) for path in paths] or list(version.files)
    contents = {name: store.get(version.files[name]) for name in dict.fromkeys(chosen)}
    changed = {name: content for name, content in contents.items() if not _is_same(store, name, content)}
    there = [name for name in changed if os.path.lexists(_place(store, name))]
    if there and not force:
        raise RequestError(
            "files-would-be-lost",
            f"{listed(there)} differ{'s' * (len(there) == 1)} from {version.name}",
            f"commit {'it' if len(there) == 1 else 'them'} first, or overwrite with --force (force=True in Python)",
        )
    for name, content in changed.items():
        place = _place(store, name)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                "file-unwritable", f"cannot write {name}: {error.strerror}", "make room for its folder"
            ) from error
        with replacing(place) as stream:
            stream.write(content)
    return list(changed)


def _recorded(store: Store, version: Version, path: str) -> str:
    """The name under which the version has what the user calls `path`."""
    seen = Path(os.path.abspath(path))
    for name in (
        path,
        seen.relative_to(store.project).as_posix() if seen.is_relative_to(store.project) else path,
    ):
        if name in version.files:
            return name
    remedy = nearest(path, list(version.files), "its files are") if version.files else "it has no file"
    raise RequestError("version-lacks-file", f"{version.name} has no file {path}", remedy)


def _place(store: Store, name: str) -> Path:
    """Where a file belongs. Raises `FileError` for a way there through a symbolic link, wherever that leads."""
    path, place = PurePosixPath(name), store.project
    for part in path.parts:
        place /= part
        if place.is_symlink():
            link = place.relative_to(store.project).as_posix()
            raise FileError(
                "path-through-link",
                f"{name} is not restored: {link} is a symbolic link",
                "move the link away first",
            )
    return place


def _is_same(store: Store, name: str, content: bytes) -> bool:
    place = _place(store, name)
    try:
        present = place.read_bytes() if place.is_file() else None
    except OSError:
        return False
    if present is None:  # nothing, a folder, or a pipe that would never end
        return False
    if name.endswith(".ipynb") and present != content:
        try:
            return without_outputs(present, name) == content
        except FileError:
            return False
    return present == content
