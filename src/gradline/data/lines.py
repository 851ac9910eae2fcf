"""Bytes of a text file, decompressed, in blocks of whole lines that are known to be UTF-8 text, whatever it was."""

import bz2
import codecs
import gzip
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, FileError, GradlineError
from gradline.core.memory_limit import check
from gradline.data.source import METER

BLOCK = 4 << 20  # bytes: large enough for polars' threads, small enough to stay in cache
_LONGEST = 256 << 20  # a single record longer than this is an unclosed quote, not data
_BOM = b"\xef\xbb\xbf"
UTF8, LATIN1 = "utf-8", "cp1252"
_MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32",  # which begins as UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NEWLINE = ord("\n")


class Lines(NamedTuple):
    """Whole lines, each ended by a newline, and the number of the first one (counted from 1)."""

    data: bytes
    first: int


def _open_zstd(file: IO[bytes]) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - needed for .zst files only
    else:
        from backports import zstd  # noqa: PLC0415 - needed for .zst files only
    return zstd.open(file)


_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


def lines(
    path: Path,
    name: str,
    *,
    quoted: bool,
    encoding: str = UTF8,
    tidy: Callable[[bytes, int], bytes] | None = None,
) -> Iterator[Lines]:
    """Blocks of whole lines, without trailing blank ones.

    With `quoted`, a newline between double quotes does not end a record (RFC 4180). `tidy` gets whole lines and the
    number of the first, before anybody looks for quotes in them, and gives as many lines back. Raises `FileError`
    for a truncated or unreadable file, `DataError` for anything that is not text of this encoding.
    """
    stream = pieces(path, name, encoding)
    if tidy is not None:
        stream = (tidy(*block) for block in _whole(stream, name, quoted=False))
    yield from _whole(stream, name, quoted=quoted)


def _whole(pieces: Iterable[bytes], name: str, *, quoted: bool) -> Iterator[Lines]:
    """The pieces cut where lines end."""
    pending, first = b"", 1
    for piece in pieces:
        if first == 1 and not pending:
            piece = piece.removeprefix(_BOM)
        if quoted and b'"' in pending:  # which may stand open
            piece, pending = pending + piece, b""
        cut = _cut(piece, quoted)
        if cut:
            whole = b"".join((pending, memoryview(piece)[:cut]))  # one copy: the bytes are many
            yield checked(whole, first, name)
            first += newlines(whole)
            pending = piece[cut:]
            continue
        pending += piece
        if len(pending) > _LONGEST:
            raise DataError(
                "csv-quote-open",
                f"the record that begins at line {first} of {name} does not end within 256 MiB",
                "look for a double quote there that opens and never closes",
            )
    if pending.strip():
        yield checked(pending.removesuffix(b"\n") + b"\n", first, name)


def without_last(blocks: Iterable[Lines], count: int) -> Iterator[Lines]:
    """The blocks without the last lines that are not blank, so many, and without what follows the first of them."""
    held: list[Lines] = []
    for block in blocks:
        held.append(block)
        # What holds so many lines itself needs none of those before it.
        if _filled(block.data) >= count:
            yield from held[:-1]
            del held[:-1]
    rest = b"".join(block.data for block in held)
    kept = re.findall(rb"[^\n]*\n", rest)
    while count and kept:
        count -= bool(kept.pop().strip())
    if kept:
        yield Lines(b"".join(kept), held[0].first)


def _filled(data: bytes) -> int:
    """How many lines are not blank."""
    return sum(map(bool, map(bytes.strip, data.split(b"\n"))))


def first_of(data: bytes, count: int) -> bytes:
    """The first lines of a block, at most so many."""
    end = -1
    for _ in range(count):
        end = data.find(b"\n", end + 1)
        if end < 0:
            return data
    return data[: end + 1]


def newlines(data: bytes) -> int:
    """How many there are: `bytes.count` takes four times as long where lines are short."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))


def encoding_of(path: Path, name: str) -> str:
    """What the first bytes of a file say of its encoding: a mark at its beginning, or what they are.

    What is no UTF-8 and has no character of it either is taken for Latin-1, in Windows' reading, where 0x80 is the €.
    """
    first = next(pieces(path, name, None), b"")
    for mark, encoding in _MARKS.items():
        if first.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder(UTF8)().decode(first)
    except UnicodeDecodeError as error:
        return LATIN1 if first[: error.start].isascii() and b"\0" not in first else UTF8
    return UTF8


def pieces(path: Path, name: str, encoding: str | None = UTF8) -> Iterator[bytes]:
    """The decompressed text as UTF-8, or for no encoding the bytes as they are.

    Trailing blank lines are kept back until something follows them, in pieces, each looked at once. Raises `DataError`
    for more of them than any table has.
    """
    blank: list[bytes] = []
    try:
        with path.open("rb") as file, _decompressed(file) as content:
            stream = content if encoding in (None, UTF8) else _Recoded(content, encoding)
            if encoding is not None:  # else only the beginning is looked at
                METER.begin(path)
            size = max(1, path.stat().st_size)
            while piece := stream.read(BLOCK):
                if encoding is not None:
                    METER.reach(path, file.tell() / size)
                check(f"while {name} was read")
                kept = len(piece.rstrip(b"\r\n"))
                if not kept:
                    blank.append(piece)
                    if len(blank) * BLOCK > _LONGEST:
                        raise DataError(
                            "too-many-blank-lines", f"{name} holds 256 MiB of blank lines", "remove them"
                        )
                    continue
                yield from blank
                kept += 2 if piece[kept : kept + 2] == b"\r\n" else 1  # the last line keeps its own end
                blank = [piece[kept:]]
                yield piece[:kept]
    except EOFError as error:
        raise FileError(
            "file-damaged", f"{name} ends in the middle of its compressed data", "copy it again"
        ) from error
    except (OSError, zlib.error, lzma.LZMAError, ValueError) as error:
        if isinstance(error, GradlineError):
            raise
        if isinstance(error, UnicodeError):
            raise _undecodable(name, f"is no {encoding} text: {error}") from error
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            "file-unreadable", f"cannot read {name}: {reason}", "check the file, or copy it again"
        ) from error
    except Exception as error:  # backports.zstd and compression.zstd have each their own ZstdError
        if type(error).__name__ != "ZstdError":
            raise
        raise FileError("file-damaged", f"cannot decompress {name}: {error}", "copy it again") from error


class _Recoded:
    """A stream of another encoding, as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()

    def read(self, size: int) -> bytes:
        """Some bytes, none at the end of the stream."""
        while raw := self._stream.read(size):
            if text := self._decoder.decode(raw):
                return text.encode()
        return self._decoder.decode(b"", final=True).encode()


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    head = file.read(8)
    file.seek(0)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            return opener(file)
    return file


def _cut(data: bytes, quoted: bool) -> int:
    """The length of the longest head of `data` that ends with a whole record; 0 when there is none."""
    end = data.rfind(b"\n")
    while quoted and data.count(b'"', 0, end + 1) % 2:  # this newline lies between quotes
        end = data.rfind(b"\n", 0, data.rfind(b'"', 0, end))
    return end + 1


def checked(data: bytes, first: int, name: str) -> Lines:
    nul = data.find(b"\0")
    if nul >= 0:
        line = first + data.count(b"\n", 0, nul)
        raise DataError(
            "not-text",
            f"{name} is no text: it holds a NUL byte at line {line}",
            "give a text file, or the right format; UTF-16 without a mark at its beginning is full of NUL bytes: add "
            "--encoding utf-16-le or utf-16-be",
        )
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = first + data.count(b"\n", 0, error.start)
            what = f"is not UTF-8 text: byte 0x{data[error.start]:02x} at line {line}"
            raise _undecodable(name, what) from error
    return Lines(data, first)


def _undecodable(name: str, what: str) -> DataError:
    return DataError(
        "text-not-utf8",
        f"{name} {what}",
        "say how its characters are encoded, such as --encoding latin-1 or --encoding utf-16 "
        "(read=gradline.Text(encoding='latin-1') in Python), or save it as UTF-8",
    )
