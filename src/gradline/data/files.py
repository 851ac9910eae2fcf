"""From what a user names (a path, a glob, a folder, standard input, an example) to a source of rows."""

import atexit
import glob
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from gradline.core.cleanup import scratch_folder
from gradline.core.errors import DataError, FileError, Notice
from gradline.core.text import counted, listed, nearest
from gradline.data import columnar, csv, ndjson
from gradline.data.notation import FOUND, Text
from gradline.data.schema import Column, Kind, merged
from gradline.data.source import METER, Batch, Source

EXAMPLES = Path(__file__).parent.parent / "examples"

# --8<-- [start:formats] shown in docs/maintaining/adding.md
_TEXT: dict[str, Callable[[Path, str, Text], Source]] = {".csv": csv.opener(","), ".tsv": csv.opener("\t")}
_TYPED: dict[str, Callable[[Path, str], Source]] = {
    ".parquet": columnar.parquet,
    ".arrow": columnar.arrow,
    ".feather": columnar.arrow,
    ".ndjson": ndjson.NdjsonSource,
    ".jsonl": ndjson.NdjsonSource,
    ".json": ndjson.NdjsonSource,
}
_FORMATS = [*_TEXT, *_TYPED]
# --8<-- [end:formats]
_SCRATCH = ExitStack()  # of streams that were read, where a file without a name cannot be read again
atexit.register(_SCRATCH.close)
_END = 1 << 16
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
_MAGIC: dict[bytes, Callable[[Path, str], Source]] = {b"PAR1": columnar.parquet, b"ARROW1": columnar.arrow}


@dataclass(frozen=True)
class FilesSource(Source):
    """Several files read one after another as one table; columns are matched by name."""

    parts: tuple[Source, ...]
    name: str

    def names(self) -> list[str]:
        """The columns' names in the first file."""
        return self.parts[0].names()

    @property
    def notices(self) -> list[Notice]:
        """Those of the first file that has any; of the others it is said how many are like it."""
        found = [part.notices for part in self.parts if part.notices]
        if len(found) < 2:
            return [*(found[0] if found else []), *self._twice]
        more = f"{found[0][0].text} (and {counted(len(found) - 1, 'file')} more)"
        return [Notice(found[0][0].code, more, found[0][0].is_warning), *self._twice]

    @property
    def _twice(self) -> list[Notice]:
        """A warning of files that are one, or hold the same bytes."""
        known: dict[Any, str] = {}
        for part in self.parts:
            path = getattr(part, "path", None)
            if path is None or not path.is_file() or not path.stat().st_size:
                continue
            marks = (path.stat().st_size, *_ends(path))
            if marks in known:
                text = f"{part.name} is the same as {known[marks]}, so its rows count twice. Name only one of them"
                return [Notice("file-twice", text, is_warning=True)]
            known[marks] = part.name
        return []

    @property
    def is_text(self) -> bool:
        """Whether any of them is."""
        return any(part.is_text for part in self.parts)

    def schema(self) -> dict[str, Column]:
        """The columns of the first file, each as all files know it, in whatever order they come."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        found = [(part.name, part.schema()) for part in self.parts]
        return {
            name: merged({file: columns[name] for file, columns in found if name in columns})
            for name in found[0][1]
        }

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows of each file in turn. Raises `DataError` before any row when one lacks a column."""
        for part, names in self._names:
            lacking = [name for name in columns if name not in names]
            if lacking:
                raise DataError(
                    "column-lacking",
                    f"{part.name} lacks the column {listed(lacking)}, which {self.parts[0].name} has",
                    "name only files with the same columns, or leave the column out with --exclude",
                )
        for part in self.parts:
            yield from part.batches(columns)

    @cached_property
    def _names(self) -> list[tuple[Source, set[str]]]:
        return [(part, set(part.names())) for part in self.parts]


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first and last bytes of a file: two files of one size that share them are one."""
    with path.open("rb") as file:
        first = file.read(_END)
        file.seek(max(0, path.stat().st_size - _END))
        return first, file.read(_END)


def open_files(text: str, read: Text = FOUND) -> Source:
    """The source that a user's words name.

    Parameters: `text` is a path (an existing path is a path, even with a `[` in it), a glob, a folder,
    `-` for standard input, or `example:crops`; `read` is how text files are written. Raises `FileError`
    when nothing is there.
    """
    if not text.strip():
        raise FileError(
            "file-not-found", "the data have an empty name", "name a file, a folder or example:crops"
        )
    if text == "-":
        _let_interrupt()
        return _open_file(_spooled(sys.stdin.buffer), "stdin", read)
    if text.startswith("example:"):
        return _open_example(text)
    path = Path(text)
    if not path.exists():  # a name may begin with a ~ that stands for nobody's folder
        path = Path(os.path.expanduser(text))  # pathlib refuses an unknown user
    if path.is_dir():
        return _open_many(sorted(path.iterdir()), text, "the folder", read)
    if path.is_fifo():
        _let_interrupt()
        with path.open("rb") as stream:
            return _open_file(_spooled(stream), text, read)
    if path.exists():
        return _open_file(path, text, read)
    if glob.has_magic(text):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        if not found:
            raise FileError("file-not-found", f"no file matches {text}", "check the pattern and the folder")
        return _open_many([name for name in found if name.is_file()], text, "the pattern", read)
    raise FileError("file-not-found", f"there is no file {text}", _neighbours(path))


def _open_example(text: str) -> Source:
    known = sorted(path.stem for path in EXAMPLES.glob("*.csv"))
    name = text.removeprefix("example:")
    if name not in known:
        raise FileError("example-unknown", f"there is no example {name}", f"the examples are {listed(known)}")
    return _open_file(EXAMPLES / f"{name}.csv", text, FOUND)


def _open_many(paths: list[Path], text: str, what: str, read: Text) -> Source:
    data = [path for path in paths if _suffix(path) in _FORMATS and not path.name.startswith(".")]
    if not data:
        raise FileError(
            "no-data-files",
            f"{what} {text} holds no data files",
            f"data files end in {listed(_FORMATS)}, perhaps followed by {listed(_COMPRESSED)}",
        )
    parts = tuple(_open_file(path, str(path), read) for path in data)
    return parts[0] if len(parts) == 1 else FilesSource(parts, text)


def _open_file(path: Path, name: str, read: Text) -> Source:
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {name}: {error.strerror}", "check its permissions"
        ) from error
    if head.startswith(b"PK\x03\x04"):
        raise FileError(
            "file-kind-unsupported",
            f"{name} is a zip archive or a spreadsheet",
            "unzip it, or save it as CSV",
        )
    if _suffix(path) == ".json" and head.lstrip().startswith(b"["):
        raise FileError(
            "file-kind-unsupported",
            f"{name} is one JSON array",
            "write one object per line (.ndjson), or a CSV",
        )
    METER.expect(path)
    for magic, opener in _MAGIC.items():
        if head.startswith(magic):
            return opener(path, name)
    typed = _TYPED.get(_suffix(path))
    return typed(path, name) if typed else _TEXT.get(_suffix(path), csv.opener(","))(path, name, read)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def _let_interrupt() -> None:
    """Let Ctrl-C end the waiting for a stream: polars has set a handler of its own, after which the waiting goes on."""
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


def _spooled(stream: IO[bytes]) -> Path:
    """A stream copied to a temporary file, since training may read the rows more than once.

    On Linux that has no name, is read through its number, and is gone with the process, whatever ends that.
    """
    try:
        if Path("/proc/self/fd").is_dir():
            with tempfile.TemporaryFile(prefix="gradline-") as spool:
                shutil.copyfileobj(stream, spool)
                spool.flush()
                return Path(f"/proc/self/fd/{os.dup(spool.fileno())}")  # open as long as the process
        path = _SCRATCH.enter_context(scratch_folder()) / "rows"
        with path.open("wb") as spool:
            shutil.copyfileobj(stream, spool)
        return path
    except OSError as error:
        raise FileError(
            "file-unwritable",
            f"cannot keep what comes in, in the folder {tempfile.gettempdir()}: {error.strerror}",
            "make room there, set TMPDIR to another folder, or give a file",
        ) from error


def _neighbours(path: Path) -> str:
    try:
        names = [other.name for other in path.parent.iterdir() if _suffix(other) in _FORMATS]
    except OSError:
        return f"there is no folder {path.parent} either"
    return nearest(path.name, sorted(names), "the folder holds") if names else "check the name and the folder"
