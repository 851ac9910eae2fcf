"""One JSON array of objects, such as pandas' `to_json(orient="records")` writes: cut into objects as it streams by."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gradline.core.errors import DataError, FileError
from gradline.data import lines
from gradline.data.ndjson import NdjsonSource

_LONGEST = 256 << 20  # bytes of an object: more is a bracket that never closes, no data
_BOM, _SPACE = b"\xef\xbb\xbf", b" \t\r\n"
_MARKS = np.zeros(256, bool)  # the bytes that structure is made of
_MARKS[list(b'"[]{},\r\n')] = True


class _Cut(NamedTuple):
    """What is known of some bytes that begin with an object."""

    text: bytes  # whole objects, one a line
    used: int  # bytes that they came from
    closed: bool  # the array ends there


class JsonArraySource(NdjsonSource):
    """Rows of one JSON array; a key that an object lacks is a missing cell."""

    unit = "object"

    def _blocks(self) -> Iterator[lines.Lines]:
        """The objects, one a line, as many as stand in 4 MB at a time.

        Raises `FileError` where the array does not end, `DataError` for what is no array or goes on behind it.
        """
        pending, first, begun = b"", 1, False
        stream = lines.pieces(self.path, self.name)
        for piece in stream:
            pending += piece
            if not begun:
                start = pending.removeprefix(_BOM).lstrip(_SPACE)
                if not start or _BOM.startswith(start):
                    continue
                begun, pending = True, start[1:]
            cut = _cut(pending)
            if cut.text:
                yield lines.checked(cut.text, first, self.name)
                first += lines.newlines(cut.text)
            pending = pending[cut.used :]
            if cut.closed:
                self._expect_end(pending, stream)
                return
            if len(pending) > _LONGEST:
                break
        raise FileError(
            "file-damaged",
            f"{self.name} ends in the middle of its JSON array, after object {first - 1:,}",
            "copy it again, or write it again whole",
        )

    def _expect_end(self, rest: bytes, stream: Iterator[bytes]) -> None:
        if rest.strip(_SPACE) or any(piece.strip(_SPACE) for piece in stream):
            raise DataError(
                "json-not-one-array",
                f"{self.name} goes on after its JSON array has ended",
                "write one array of objects, or one object per line (.ndjson)",
            )


def _cut(data: bytes) -> _Cut:
    r"""The whole objects at the beginning, each on a line of its own.

    A byte counts as structure where it stands outside of strings: an even number of quotes before it, those behind a
    backslash not counted. Objects end at the commas whose brackets before them are all closed, and the array at the
    first bracket that closes more than was opened.
    """
    plain = data.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in data else data
    codes = np.frombuffer(plain, np.uint8)
    places = np.flatnonzero(_MARKS[codes])
    marks = codes[places]
    outside = np.cumsum(marks == ord('"')) % 2 == 0
    breaks = (marks == ord("\n")) | (marks == ord("\r"))
    opened = ((marks == ord("{")) | (marks == ord("["))) & outside
    shut = ((marks == ord("}")) | (marks == ord("]"))) & outside
    depth = np.cumsum(opened.astype(np.int32) - shut)
    ends = np.flatnonzero((depth < 0) & shut)
    closed = len(ends) > 0
    stop = ends[0] if closed else len(marks)
    commas = np.flatnonzero((marks[:stop] == ord(",")) & outside[:stop] & (depth[:stop] == 0))
    if closed:
        used = int(places[stop]) + 1
    elif len(commas):
        used = int(places[commas[-1]]) + 1
    else:
        return _Cut(b"", 0, False)
    whole = np.frombuffer(data, np.uint8, used).copy()
    within = places[: np.searchsorted(places, used)]
    # A break within a string is no JSON: it stays, and splits the object into two lines that are none.
    whole[within[breaks[: len(within)] & outside[: len(within)]]] = ord(" ")
    whole[places[commas]] = ord("\n")
    if closed:
        whole[-1] = ord("\n")
    text = whole.tobytes()
    return _Cut(b"" if closed and not len(commas) and not text.strip() else text, used, closed)
