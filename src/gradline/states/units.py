"""Units of work: a file, or some row groups of a large one, and the key that no other content of it shares."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.errors import FileError, RequestError
from gradline.data.chosen_rows import chosen
from gradline.data.files import FilesSource
from gradline.data.formats import open_file
from gradline.data.hive import partitioned
from gradline.data.listing import files_of
from gradline.data.notation import Text
from gradline.data.parquet_footer import Footer, read_footer
from gradline.data.source import Source

FORMAT = 1  # of a part; raised when the same rows would make another one
_BYTES = 1 << 30  # of a unit, all columns: some ten seconds of one core, a minute where storage is slow
_END = 1 << 16  # bytes at either end of a file that go into its key

Values = tuple[tuple[str, str | None], ...]


class File(NamedTuple):
    """A file as a listing tells of it: its absolute path, its stamp, and the values in the names of its folders.

    The stamp holds the size and two times: that of the last change, which anybody can set, and that of the last
    change of content or name, which nobody can.
    """

    uri: str
    stamp: str
    values: Values


@dataclass(frozen=True)
class Unit:
    """A file, or `rows` of it, (first, count); `content` tells files of one stamp apart."""

    uri: str
    stamp: str
    content: str
    values: Values = ()
    rows: tuple[int, int] | None = None

    def key(self, recipe: str) -> str:
        """The name of what a recipe makes of it: the sha256 of all that decides it."""
        told = [FORMAT, recipe, self.uri, self.stamp, self.content, self.values, self.rows]
        return hashlib.sha256(json.dumps(told).encode(errors="surrogateescape")).hexdigest()

    def source(self, read: Text) -> Source:
        """Its rows, as `gradline.data.tables` opens those of a file."""
        source: Any = open_file(Path(self.uri), self.uri, read)
        if self.rows is not None:
            source = source.rows(*self.rows)
        (source,) = partitioned([source], [dict(self.values)], read)
        return chosen(source.told(read), read)

    def expect_unchanged(self) -> None:
        """Raise `FileError` where the file is another by now than the one that the key is of."""
        if _stamp(self.uri) != self.stamp:
            raise FileError(
                "file-changed",
                f"{self.uri} has changed while it was read",
                "run it again once the file is written",
            )


def files_named(data: Any) -> list[File]:
    """The files that paths, folders and patterns name, in the order of their names, none of them opened, each once.

    Raises `RequestError` for data that are no files, and `FileError` where nothing is there.
    """
    found: dict[str, Values] = {}
    for text in _texts(data):
        for path, values in files_of(text):
            found.setdefault(os.path.abspath(path), tuple(values.items()))
    return [File(uri, _stamp(uri), values) for uri, values in sorted(found.items())]


def table_of(files: Sequence[File], read: Text) -> Source:
    """The rows of some files as one table."""
    parts: list[Source] = [open_file(Path(file.uri), file.uri, read) for file in files]
    parts = partitioned(parts, [dict(file.values) for file in files], read)
    whole = parts[0] if len(parts) == 1 else FilesSource(tuple(parts), f"the {len(parts)} files")
    return chosen(whole.told(read), read)


def _texts(data: Any) -> Iterable[str]:
    parts: Sequence[Any] = data if isinstance(data, (list, tuple)) else [data]
    if not parts or not all(isinstance(part, (str, os.PathLike)) for part in parts):
        raise RequestError(
            "data-not-files",
            f"{type(data).__name__} is no file, and what a ledger holds is known by its file",
            "give files, a folder or a pattern",
        )
    return [os.fspath(part) for part in parts]


def cut(file: File) -> list[Unit]:
    """The units of a file, after a look at its end: one, or of a large Parquet file some row groups each."""
    content = _content(Path(file.uri))
    rows = [None] if content.footer is None else _ranges(content.footer)
    return [Unit(file.uri, file.stamp, content.digest, file.values, part) for part in rows]


def _ranges(footer: Footer) -> list[tuple[int, int] | None]:
    """Rows (first, count) of about `_BYTES` each; None, once, for all of them."""
    found: list[tuple[int, int] | None] = []
    first = count = size = 0
    for group in footer.groups:
        own = sum(group.sizes.values())
        if count and size + own > _BYTES:
            found.append((first, count))
            first, count, size = first + count, 0, 0
        count, size = count + group.rows, size + own
    return [*found, (first, count)] if found else [None]


class _Content(NamedTuple):
    digest: str
    footer: Footer | None


def _content(path: Path) -> _Content:
    """A hash of a file's ends, and of the footer of a Parquet file, which says where each column's bytes are."""
    try:
        footer = read_footer(path)
        if footer is not None:
            return _Content(footer.digest, footer)
        with path.open("rb") as stream:
            hashed = hashlib.sha256(stream.read(_END))
            stream.seek(max(_END, stream.seek(0, 2) - _END))
            hashed.update(stream.read(_END))
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror}", "check its permissions"
        ) from error
    return _Content(hashed.hexdigest(), None)


def _stamp(uri: str) -> str:
    try:
        found = os.stat(uri)
    except OSError as error:
        raise FileError("file-not-found", f"{uri} is gone: {error.strerror}", "check the folder") from error
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"
