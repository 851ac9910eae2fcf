"""Streams of Arrow record batches, in a file or from a library: read batch by batch, kept on disk if they pass once."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import polars as pl
from polars._plr import PyArrowCStreamReader  # what pl.scan_arrow_c_stream reads with, but on this thread

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, GradlineError
from gradline.core.memory_limit import check
from gradline.data import columnar
from gradline.data.cells import TYPED, Spelling
from gradline.data.columnar import FAULTS, place_in, rows_of_batch, typed_batch, unreadable
from gradline.data.notation import Text
from gradline.data.schema import Column, Kind
from gradline.data.source import METER, Batch, Source
from gradline.data.spool import spool

_GOES_ON = b"\xff\xff\xff\xff"  # before each message
_END = _GOES_ON + bytes(4)
_DICTIONARY, _RECORDS = 2, 3  # kinds of messages; 1 is the schema


class _Message(NamedTuple):
    """A message of the IPC format, where it lies in its file, and what its header tells."""

    start: int
    size: int
    kind: int
    number: int  # rows of a record batch; identifier of a dictionary


@dataclass(frozen=True)
class ArrowStreamSource(Source):
    """Rows of a file of record batches in the streaming format, which has no index at its end.

    `declared` and `trusted` are those of `LazySource`. A record batch is decoded at a time, so memory takes what its
    writer chose.
    """

    path: Path
    name: str
    trusted: bool = False
    declared: Mapping[str, Column] = field(default_factory=dict)
    spelling: Spelling = TYPED

    def told(self, read: Text) -> "ArrowStreamSource":
        """See `Source`."""
        return replace(self, spelling=Spelling.told(read, self.spelling.missing))

    def schema(self) -> dict[str, Column]:
        """The columns by their types."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        with self.path.open("rb") as file:
            first = self._messages[0]
            found = self._decoded(file, [first], None).schema
        return {name: self.declared.get(name) or columnar.column_of(dtype) for name, dtype in found.items()}

    @property
    def height(self) -> int:
        """The rows, which the headers of the batches tell."""
        return sum(message.number for message in self._messages if message.kind == _RECORDS)

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in their order; only these columns are decoded."""
        METER.begin(self.path)
        size, first, read = rows_of_batch(len(columns)), 0, 0
        schema, *messages = self._messages
        spelling = self.spelling.of(self)
        dictionaries: dict[int, _Message] = {}
        with self.path.open("rb") as file:
            for message in messages:
                read += message.size
                if message.kind == _DICTIONARY:
                    dictionaries[message.number] = message  # one that adds to another is refused by polars
                    continue
                frame = self._decoded(file, [schema, *dictionaries.values(), message], list(columns))
                METER.reach(self.path, read / self._size)
                for part in frame.iter_slices(size):
                    yield typed_batch(part, columns, place_in(first, self.name), self.trusted, spelling)
                    first += part.height

    def assume_finite(self) -> "ArrowStreamSource":
        """The same table, trusted."""
        return replace(self, trusted=True)

    def _decoded(
        self, file: IO[bytes], messages: Iterable[_Message], columns: list[str] | None
    ) -> pl.DataFrame:
        """A record batch, with the schema and the dictionaries that it needs."""
        parts = []
        for message in messages:
            file.seek(message.start)
            parts.append(file.read(message.size))
        try:
            return pl.read_ipc_stream(io.BytesIO(b"".join([*parts, _END])), columns=columns)
        except FAULTS as error:
            raise unreadable(self.name, error) from error

    @cached_property
    def _size(self) -> int:
        return max(1, self.path.stat().st_size)

    @cached_property
    def _messages(self) -> list[_Message]:
        """All messages. Raises `FileError` where one is cut short, or the mark at the end is lacking."""
        found = []
        try:
            with self.path.open("rb") as file:
                while message := _next_message(file):
                    found.append(message)
        except (IndexError, ValueError, OverflowError) as error:
            raise unreadable(self.name, "a message of it is cut short") from error
        if not found:
            raise unreadable(self.name, "it holds no schema")
        return found


def _next_message(file: IO[bytes]) -> _Message | None:
    """The next message of a stream, passed over, None at the end mark. Raises `ValueError` where it is cut short.

    Arrow's columnar format, "Encapsulated message format": a mark, the length of a flatbuffer, the flatbuffer, and the
    body, whose length the flatbuffer tells.
    """
    start = file.tell()
    length = file.read(4)
    prefix = 4 if length == _GOES_ON else 0  # which old writers leave out
    length = file.read(4) if prefix else length
    if len(length) < 4:
        raise ValueError
    header = file.read(int.from_bytes(length, "little"))
    if not header:
        return None
    table = _Flat(header, _Flat.number(header, 0, 4))
    inner = table.table(2)
    kind, body = table.value(1, 1), table.value(3, 8)
    file.seek(body, os.SEEK_CUR)  # what lies beyond the end of the file lacks the end mark, too
    return _Message(start, file.tell() - start, kind, inner.value(0, 8))


class _Flat(NamedTuple):
    """A table of a flatbuffer: at `at` stands how far before it the list of its fields' places begins."""

    data: bytes
    at: int

    @staticmethod
    def number(data: bytes, at: int, size: int) -> int:
        if at < 0 or at + size > len(data):
            raise ValueError
        return int.from_bytes(data[at : at + size], "little")

    def _place(self, field: int) -> int:
        fields = self.at - int.from_bytes(self.data[self.at : self.at + 4], "little", signed=True)
        entry = 4 + 2 * field
        return self.number(self.data, fields + entry, 2) if entry < self.number(self.data, fields, 2) else 0

    def value(self, field: int, size: int) -> int:
        """A number; 0 where it is left out."""
        place = self._place(field)
        return self.number(self.data, self.at + place, size) if place else 0

    def table(self, field: int) -> "_Flat":
        """A table within."""
        at = self.at + self._place(field)
        return _Flat(self.data, at + self.number(self.data, at, 4))


def is_stream(data: object) -> bool:
    """Whether it is something with an Arrow stream that is no frame or series, which narwhals knows."""
    if not hasattr(data, "__arrow_c_stream__"):
        return False
    import narwhals as nw  # noqa: PLC0415 - a file needs no narwhals

    return not (nw.dependencies.is_into_dataframe(data) or nw.dependencies.is_into_series(data))


def frames_of(stream: Any) -> Iterator[pl.DataFrame]:
    """The record batches of anything with an Arrow stream (`__arrow_c_stream__`), one at a time.

    Raises what polars or the stream's library raises: its end is not taken for the end of the rows where it failed.
    What is no table is refused at once.
    """
    return _frames(PyArrowCStreamReader(stream))


def _frames(reader: Any) -> Iterator[pl.DataFrame]:
    while (batch := reader.next_batch(None)) is not None:
        yield pl.DataFrame._from_pydf(batch)


def kept(
    frames: Iterable[pl.DataFrame], name: str, failed: Callable[[BaseException], GradlineError]
) -> ArrowStreamSource:
    """Frames of one schema that come only once, kept in a temporary file; `failed` tells what ended them too early."""
    frames, declared, begun = iter(frames), {}, False
    with spool() as (stream, path):
        while True:
            try:
                frame = next(frames, None)
            except GradlineError:
                raise
            except FAULTS as error:
                raise failed(error) from error
            except Exception as error:  # each library has its own
                raise failed(error) from error
            if frame is None:
                break
            frame, numbers = _plain(frame)
            declared |= numbers
            for part in frame.iter_slices(rows_of_batch(frame.width)):
                check(f"while {name} was read")
                stream.write(_messages_of(part, begun))
                begun = True
        if begun:
            stream.write(_END)
    if not begun:
        raise DataError("file-empty", f"{name} is empty", "give a table with at least one row")
    return ArrowStreamSource(path, name, declared=declared)


def _plain(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Column]]:
    """The frame with PostgreSQL's `numeric`, which comes as text, as text that is known to be numbers."""
    exact = [s.name for s in frame if "numeric" in str(s.dtype) and s.dtype.base_type() is pl.Extension]
    if not exact:
        return frame, {}
    plain = frame.with_columns(frame[name].ext.storage() for name in exact)
    return plain, dict.fromkeys(exact, Column(Kind.NUMBER))


def _messages_of(frame: pl.DataFrame, goes_on: bool) -> bytes:
    """A frame's messages without the end mark, and without the schema where that was written before."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    data = buffer.getvalue().removesuffix(_END)
    if not goes_on:
        return data
    buffer.seek(0)
    schema = _next_message(buffer)
    return data[schema.size if schema else 0 :]
