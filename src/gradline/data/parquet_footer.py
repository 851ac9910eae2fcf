"""What the end of a Parquet file tells without a look at its rows: how many there are, in which groups, how large."""

import hashlib
import struct
from pathlib import Path
from typing import Any, NamedTuple

_MAGIC = b"PAR1"
_TAIL = 8  # bytes: the length of the footer, and the magic

# Where things stand in the structures of parquet.thrift, by their number there.
_NUM_ROWS, _ROW_GROUPS = 3, 4  # FileMetaData
_COLUMNS, _GROUP_ROWS = 1, 3  # RowGroup
_META_DATA = 3  # ColumnChunk
_PATH, _COMPRESSED = 3, 7  # ColumnMetaData


class RowGroup(NamedTuple):
    """So many rows that are stored together, and the bytes of each column as they lie on the disk."""

    rows: int
    sizes: dict[str, int]


class Footer(NamedTuple):
    """The end of a Parquet file, and the sha256 of its bytes, which tell of each column where its bytes are."""

    groups: tuple[RowGroup, ...]
    digest: str

    @property
    def rows(self) -> int:
        """The rows of the file."""
        return sum(group.rows for group in self.groups)


def read_footer(path: Path) -> Footer | None:
    """The footer of a Parquet file; None for a file that is none, is damaged, or has an encrypted end.

    Raises `OSError` where it cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        if size < 2 * _TAIL:
            return None
        stream.seek(size - _TAIL)
        tail = stream.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > size - _TAIL:
            return None
        stream.seek(size - _TAIL - length)
        content = stream.read(length)
    try:
        groups = tuple(map(_group, _Compact(content).structure()[_ROW_GROUPS]))
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, struct.error):
        return None
    return Footer(groups, hashlib.sha256(content).hexdigest())


def _group(group: dict[int, Any]) -> RowGroup:
    sizes: dict[str, int] = {}
    for chunk in group[_COLUMNS]:
        about = chunk[_META_DATA]
        name = about[_PATH][0].decode()  # of a nested column that of the outermost
        sizes[name] = sizes.get(name, 0) + about[_COMPRESSED]
    return RowGroup(group[_GROUP_ROWS], sizes)


class _Compact:
    """Bytes in the compact protocol of Apache Thrift, read from their beginning: structures become {number: value}."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def structure(self) -> dict[int, Any]:
        """The fields of a structure, each after its distance from the one before and its type, up to a zero."""
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return found

    def _value(self, kind: int) -> Any:
        """A value of this type, as the protocol numbers them."""
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 8:
            return self._bytes(self._unsigned())
        if kind == 12:
            return self.structure()
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._unsigned()
            return [self._value(head & 15) for _ in range(count)]
        if kind == 11:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            return [(self._value(kinds >> 4), self._value(kinds & 15)) for _ in range(count)]
        if kind == 7:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind in (1, 2, 3):  # of lists, where truth values have a byte each
            return self._byte()
        raise KeyError(kind)

    def _byte(self) -> int:
        self._place += 1
        return self._content[self._place - 1]

    def _bytes(self, count: int) -> bytes:
        found = self._content[self._place : self._place + count]
        self._place += count
        return found

    def _unsigned(self) -> int:
        """Seven bits a byte, the lowest first; the eighth says that more follow."""
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def _integer(self) -> int:
        """A number whose lowest bit is its sign."""
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
