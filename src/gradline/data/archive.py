"""A zip archive, which a workbook is, too: what it holds, and its members, unpacked within bounds."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from gradline.core.errors import FileError, GradlineError
from gradline.core.text import said
from gradline.data.spool import spool

# Unpacked bytes up to which nobody asks how few there were before, and how many may come of one: text of measurements
# packs four to twenty times as tight, and the same row again and again a hundred times.
_MODEST, _TIGHTEST = 1 << 30, 200
_DEFLATE = 1032  # bytes that deflation makes of one at most: a match of 258 bytes in two bits
_PIECE = 1 << 20
_FAULTS = (
    BadZipFile, EOFError, NotImplementedError, LZMAError, zlib.error, struct.error, OSError, ValueError, LookupError,
    OverflowError,
)  # fmt: skip


class Archive:
    """An open zip archive; what messages call it is `name`."""

    def __init__(self, content: ZipFile, name: str) -> None:
        self._content, self.name = content, name

    @property
    def members(self) -> list[str]:
        """The names of what it holds."""
        return self._content.namelist()

    def begins(self, member: str) -> bytes:
        """The first bytes of a member."""
        with self._content.open(member) as stream:
            return stream.read(_PIECE)

    def unpacked(self, member: str) -> Path:
        """A member, copied. Raises `FileError` where it is made to fill the disk."""
        self._expect_modest([self._content.getinfo(member)])
        with spool() as (file, path):
            for piece in self._pieces(member):
                file.write(piece)
        return path

    def expect_modest(self) -> None:
        """Refuse it where its members are made to fill the memory of whoever unpacks them all."""
        members = self._content.infolist()
        self._expect_modest(members)
        for member in members:
            # Their sizes may be lies. What reads on to the end of one finds that out, by its checksum.
            most = {ZIP_STORED: 1, ZIP_DEFLATED: _DEFLATE}.get(member.compress_type)
            if most is None or member.compress_size * most > _MODEST:
                for _ in self._pieces(member):
                    pass

    def _pieces(self, member: str | ZipInfo) -> Iterator[bytes]:
        with self._content.open(member) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def _expect_modest(self, members: list[ZipInfo]) -> None:
        size = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members)
        if size > _MODEST and size > _TIGHTEST * packed:
            raise FileError(
                "archive-too-large",
                f"{self.name} unpacks to {size / (1 << 30):,.0f} GiB, more than {_TIGHTEST} times its size, as "
                "archives do that are made to fill a disk",
                "if you trust it, unpack it, and name the file",
            )


@contextmanager
def archive(path: Path, name: str) -> Iterator[Archive]:
    """The archive that is a file. Raises `FileError` where it, or what is done with it within, is damaged."""
    try:
        with path.open("rb") as file, ZipFile(file) as content:
            yield Archive(content, name)
    except GradlineError:
        raise
    except _FAULTS as error:
        cause = f"{name} is a damaged zip archive: {said(error)}"
        raise FileError("file-damaged", cause, "copy it again") from error
    except RuntimeError as error:  # what zipfile says of a password
        raise FileError(
            "file-kind-unsupported", f"{name} cannot be unpacked: {error}", "unzip it, and name the file"
        ) from error
