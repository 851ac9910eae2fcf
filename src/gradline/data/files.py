"""From what a user names (a path, a glob, a folder, standard input, an example) to a source of rows."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, FileError, GradlineError, Notice
from gradline.core.parallel import ordered_map
from gradline.core.text import counted, listed
from gradline.data import csv_files
from gradline.data.cells import Spelling, amounts_differ
from gradline.data.cloud import is_url, open_url
from gradline.data.database import DRIVERS, database
from gradline.data.doubts import Respelled
from gradline.data.formats import open_file
from gradline.data.hive import partitioned, values_of
from gradline.data.lakes import IcebergTable, expect_no_lake, lake
from gradline.data.listing import EXAMPLES, Listing, data_files, listing, neighbours, path_of
from gradline.data.notation import FOUND, Text
from gradline.data.numerals import common_mark, mark_of, must_be_everywhere
from gradline.data.schema import Column, Kind, merged
from gradline.data.source import Batch, FileRows, Source
from gradline.data.spool import spooled
from gradline.data.table import Table

_END = 1 << 16  # bytes that tell files of one size apart


@dataclass(frozen=True)
class FilesSource(Source):
    """Several files read one after another as one table; columns are matched by name."""

    parts: tuple[Source, ...]
    name: str

    def names(self) -> list[str]:
        """The columns' names in the first file."""
        return self.parts[0].names()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Those of the first file that has any; of the others it is said how many are like it."""
        found = [part.notices for part in self.parts if part.notices]
        if len(found) < 2:
            return (*(found[0] if found else ()), *self._twice)
        first = found[0][0]
        more = f"{first.cause} (and {counted(len(found) - 1, 'file')} more)"
        return (replace(first, cause=more), *self._twice)

    @property
    def _twice(self) -> tuple[Notice, ...]:
        """A warning of files that are one, or hold the same bytes."""
        files = [(part, path) for part in self.parts if (path := getattr(part, "path", None)) is not None]
        sizes = Counter(path.stat().st_size for _, path in files)
        known: dict[Any, str] = {}
        for part, path in files:
            size = path.stat().st_size
            if not size or sizes[size] < 2:
                continue
            marks = (size, *_ends(path))
            if marks in known:
                text = f"{part.name} is the same as {known[marks]}, so its rows count twice"
                return (Notice("file-twice", text, True, "name only one of them"),)
            known[marks] = part.name
        return ()

    @property
    def may_tell(self) -> frozenset[str]:
        """What may be told of any of them."""
        return frozenset().union(*(part.may_tell for part in self.parts))

    @property
    def files(self) -> tuple[Source, ...]:
        """See `Source`."""
        return tuple(one for part in self.parts for one in part.files)

    def schema(self) -> dict[str, Column]:
        """The columns of the first file, each as all files know it, in whatever order they come."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        # Of what cannot be read all is told at once, with the rows.
        told = zip(self.parts, self._names, strict=True)
        parts = [part for part, names in told if not isinstance(names, GradlineError)]
        found = [(part.name, columns) for part, columns in zip(parts, csv_files.schemas(parts), strict=True)]
        if not found:
            self._expect_columns({})
        schema = {
            name: merged({file: columns[name] for file, columns in found if name in columns})
            for name in found[0][1]
        }
        for names in respelled({file: list(columns) for file, columns in found}):
            kind = found[0][1][next(iter(names))].kind
            schema |= {name: Column(kind, doubt=Respelled(names)) for name in names}
        return schema

    def common_names(self) -> set[str]:
        """See `Source`."""
        return set.intersection(*(names for names in self._names if not isinstance(names, GradlineError)))

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows of each file in turn. Raises `DataError` before any row when one lacks a column."""
        return (batch for batch, _ in self._read(self.parts, columns))

    def batches_by_file(self, columns: Mapping[str, Kind]) -> Iterator[tuple[Batch, list[FileRows]]]:
        """See `Source`."""
        return self._read(self.files, columns)

    def _read(
        self, parts: Sequence[Source], columns: Mapping[str, Kind]
    ) -> Iterator[tuple[Batch, list[FileRows]]]:
        self._expect_columns(columns)
        for name, kind in columns.items():
            if kind == Kind.AMOUNT:
                self._expect_alike(name)
        yield from csv_files.batches(parts, columns)

    def _lacking(self, part: Source, names: set[str], columns: Sequence[str]) -> DataError:
        """That a file has not all columns, or calls one by another name."""
        told = zip(self.parts, self._names, strict=True)
        having = (one.name for one, own in told if not isinstance(own, GradlineError) and columns[0] in own)
        first = next(having, self.parts[0].name)
        known = {_plain(name): name for name in names}
        if other := known.get(_plain(columns[0])):
            doubt = Respelled({columns[0]: first, other: part.name})
            return DataError(doubt.code, doubt.cause(other), doubt.remedy(other))
        return DataError(
            "column-lacking",
            f"{part.name} lacks the column {listed(columns)}, which {first} has",
            "name only files with the same columns, or leave the column out with --exclude",
        )

    def within(self, table: Table) -> "FilesSource":
        """The same table inside of each file."""
        return FilesSource(tuple(part.within(table) for part in self.parts), self.name)

    @property
    def spelling(self) -> Spelling:  # type: ignore[override]
        """That of the first file."""
        return self.parts[0].spelling

    def told(self, read: Text) -> "FilesSource":
        """See `Source`."""
        return FilesSource(tuple(part.told(read) for part in self.parts), self.name)

    @cached_property
    def _names(self) -> list[set[str] | GradlineError]:
        """The columns of each file, or why they cannot be told; by all cores, since there may be many."""

        def names(part: Source) -> set[str] | GradlineError:
            try:
                return set(part.names())
            except GradlineError as error:
                return error

        return list(ordered_map(self.parts, names))

    def _expect_columns(self, columns: Mapping[str, Kind]) -> None:
        """Raise for all files at once that cannot be read, or lack a column."""
        faults: list[GradlineError] = []
        for part, names in zip(self.parts, self._names, strict=True):
            if isinstance(names, GradlineError):
                faults.append(names)
                continue
            lacking = [name for name in columns if name not in names]
            if lacking:
                faults.append(self._lacking(part, names, lacking))
        raise_all(faults, len(self.parts))

    def _expect_alike(self, column: str) -> None:
        """Refuse amounts in one currency or unit here and another there, or percent signs in some files alone."""
        found: dict[str, str] = {}
        for part in self.parts:
            cells = part.first_cells(column)
            if cells:
                found.setdefault(mark := common_mark(cells), f"{_with(mark, cells)!r} in {part.name}")
        first = next(filter(None, found), "")
        other = next((mark for mark in found if mark != first and (mark or must_be_everywhere(first))), None)
        if other is not None:
            raise amounts_differ(column, first, other, [found[first], found[other]])


def _with(mark: str, cells: Sequence[str]) -> str:
    """The first cell with this mark."""
    return next(cell for cell in cells if mark_of(cell) == mark or not mark)


def respelled(names: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Names of columns that differ in case or blanks alone, of which each file has another: with the first that has it.

    The first of each is the first file's. Names that one file holds both are two columns.
    """
    (first, own), *others = names.items()
    found = []
    for name in own:
        same = {name: first}
        for file, theirs in others:
            if name not in theirs:
                same |= {
                    other: file for other in theirs if _plain(other) == _plain(name) and other not in same
                }
        if len(same) > 1 and not set(same) - {name} & set(own):
            found.append(same)
    return found


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def raise_all(faults: list[GradlineError], count: int) -> None:
    """One error for all files that have a fault; nothing where none has."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        causes = listed((fault.cause for fault in faults), 10)
        raise DataError(
            "files-unfit",
            f"{len(faults):,} of the {counted(count, 'file')} cannot be read with the others: {causes}",
            "mend these files, or name only the others",
        )


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
        return open_file(spooled(sys.stdin.buffer), "stdin", read)
    if text.startswith("example:"):
        return _open_example(text)
    if is_url(text):
        return open_url(text, read)
    if text.partition(":")[0] in DRIVERS and ":" in text and not os.path.exists(text):
        return database(text)
    path = path_of(text)
    if path.is_dir() and (table := lake(path, text)):
        return table
    if (found := listing(text)) is not None:
        return _open_many(found, text, read)
    if path.is_fifo():
        _let_interrupt()
        with path.open("rb") as stream:
            return open_file(spooled(stream), text, read)
    if path.exists():
        if path.name.endswith(".metadata.json"):
            return IcebergTable(str(path.absolute()), text)
        expect_no_lake(path)
        return open_file(path, text, read)
    raise FileError("file-not-found", f"there is no file {text}", neighbours(path))


def _open_example(text: str) -> Source:
    known = sorted(path.stem for path in EXAMPLES.glob("*.csv"))
    name = text.removeprefix("example:")
    if name not in known:
        raise FileError("example-unknown", f"there is no example {name}", f"the examples are {listed(known)}")
    return open_file(EXAMPLES / f"{name}.csv", text)


def _open_many(listing: Listing, text: str, read: Text) -> Source:
    """The data files as one table, with the columns that the folders below the root name."""
    data = data_files(listing, text)
    faults: list[GradlineError] = []
    parts: list[Source] = []
    for found in ordered_map(data, partial(_opened, read=read)):
        (faults if isinstance(found, GradlineError) else parts).append(found)  # type: ignore[arg-type]
    raise_all(faults, len(data))
    parts = partitioned(parts, [values_of(path.relative_to(listing.root)) for path in data], read)
    return parts[0] if len(parts) == 1 else FilesSource(tuple(parts), text)


def _opened(path: Path, read: Text) -> Source | GradlineError:
    try:
        return open_file(path, str(path), read)
    except GradlineError as error:
        return error


def _let_interrupt() -> None:
    """Let Ctrl-C end the waiting for a stream: polars has set a handler of its own, after which the waiting goes on."""
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)
