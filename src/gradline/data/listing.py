"""The files of a disk that a user's words name, found without opening one of them: a folder's, a pattern's, or one."""

import glob
import os
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from gradline.core.errors import FileError, RequestError
from gradline.core.text import listed, nearest
from gradline.data.cloud import is_url
from gradline.data.database import DRIVERS
from gradline.data.formats import ARCHIVES, COMPRESSED, ENDINGS, PACKED, ending, is_data
from gradline.data.hive import is_partition, values_of
from gradline.data.lakes import expect_no_lake, lake

EXAMPLES = Path(__file__).parent.parent / "examples"


def files_of(text: str) -> list[tuple[Path, dict[str, str | None]]]:
    """The data files that a user's words name, not one of them opened, each with the values of its folders' names.

    Raises `FileError` where nothing is there, and `RequestError` where it is something else than plain files.
    """
    path = EXAMPLES / f"{text.removeprefix('example:')}.csv" if text.startswith("example:") else path_of(text)
    if path.is_dir() and lake(path, text):
        raise _no_files(text, "a table of a lake, whose files come and go")
    if (found := listing(text)) is not None:
        return [(one, values_of(one.relative_to(found.root))) for one in data_files(found, text)]
    if path.is_file():
        return [(path, {})]
    if text == "-" or is_url(text) or path.exists() or text.partition(":")[0] in DRIVERS:
        raise _no_files(text, "no file of a disk")
    raise FileError("file-not-found", f"there is no file {text}", neighbours(path))


def _no_files(text: str, what: str) -> RequestError:
    return RequestError("data-not-files", f"{text} is {what}", "name files, a folder or a pattern")


def path_of(text: str) -> Path:
    """The path that these words are, whether something stands there or not."""
    path = Path(text)
    if not path.exists():  # a name may begin with a ~ that stands for nobody's folder
        path = Path(os.path.expanduser(text))  # pathlib refuses an unknown user
    return path


class Listing(NamedTuple):
    """Files that a folder or a pattern names, and the folder below which the names of folders are values."""

    paths: list[Path]
    what: str
    root: Path


def listing(text: str) -> Listing | None:
    """The files of a folder or of a pattern; None where the words name one thing, or nothing."""
    path = path_of(text)
    if path.is_dir():
        return Listing(list(_inside(path)), "the folder", path)
    if path.exists() or not glob.has_magic(text):
        return None
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    if not found:
        raise FileError("file-not-found", f"no file matches {text}", "check the pattern and the folder")
    plain = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    return Listing([name for name in found if name.is_file()], "the pattern", plain)


def data_files(found: Listing, text: str) -> list[Path]:
    """Those whose names are names of data."""
    data = [path for path in found.paths if is_data(path.name)]
    if not data:
        raise FileError(
            "no-data-files",
            f"{found.what} {text} holds no data files",
            f"data files end in {listed([*ENDINGS, *ARCHIVES], 20)}, perhaps followed by {listed(COMPRESSED)}",
        )
    packed = [path.name for path in data if ending(path.name) in PACKED]
    if packed and len(packed) < len(data):
        raise FileError(
            "folder-mixed",
            f"{found.what} {text} holds {listed(packed, 3)} beside files of other kinds, which may be the same "
            "rows again",
            "name the ones to read by a pattern, such as 'folder/*.csv'",
        )
    for one in {path.parent: path for path in data}.values():
        expect_no_lake(one)
    return data


def _inside(folder: Path) -> Iterator[Path]:
    """The files of a folder, and of those in it whose names hold a value, in the order of their names."""
    with os.scandir(folder) as entries:  # which know what is a folder, without a look at each
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_folder in found:
        if not is_folder:
            yield folder / name
        elif is_partition(name):
            yield from _inside(folder / name)


def neighbours(path: Path) -> str:
    """A remedy for a file that is not there: those beside it."""
    try:
        names = [other.name for other in path.parent.iterdir() if is_data(other.name)]
    except OSError:
        return f"there is no folder {path.parent} either"
    return nearest(path.name, sorted(names), "the folder holds") if names else "check the name and the folder"
