"""Receipts: what came into a ledger and what left it, numbered; read from the first on they say what is in it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradline.core.errors import ModelFileError, Notice
from gradline.core.text import counted, listed
from gradline.states.store import Folder

_FOLDER = "receipts"


class PartOf(NamedTuple):
    """What a receipt says of a part: its key, its rows, those left out, their fingerprint, and by which levels."""

    key: str
    rows: int
    dropped: int
    fingerprint: str | None
    coding: str


class Entry(NamedTuple):
    """A file that is in a ledger: its address, its stamp, and its parts."""

    uri: str
    stamp: str
    parts: tuple[PartOf, ...]

    @property
    def rows(self) -> int:
        """The complete rows of the file."""
        return sum(part.rows for part in self.parts)

    @property
    def marks(self) -> list[tuple[Any, ...]]:
        """What two files with the same rows share."""
        return sorted(part[1:] for part in self.parts)


@dataclass(frozen=True)
class Receipt:
    """What an update, or a removal, did to a ledger; `number` is 0 where it left it as it was.

    - `added`, `changed`, `removed`: addresses of files.
    - `read`: how many units were read, and `found`: how many were there, by an earlier run that was cut short.
    - `rows_before`, `rows`: the complete rows of all files, before and after.
    - `fingerprint_before`, `fingerprint`: theirs, in hex; None where files were read by different levels.
    - `gone`: files of the ledger that the data named do not hold any more; they stay in it.
    - `notices`: what the user should know, such as files that are copies of each other.

    >>> import gradline
    >>> receipt = gradline.States("ledger").update("example:crops", ["apples", "oranges"])
    >>> print(receipt)
    1 file added: 1 unit read, 15 rows now (0 before).
    Fingerprint of the rows: c566ed5adbc9b7cd.
    """

    number: int
    action: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    read: int = 0
    found: int = 0
    rows_before: int = 0
    rows: int = 0
    fingerprint_before: str | None = None
    fingerprint: str | None = None
    gone: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The receipt as plain JSON."""
        told = {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }
        return told | {"notices": [notice.text for notice in self.notices]}

    def __str__(self) -> str:
        if not self.number:
            what = "Nothing is new"
        else:
            told = [
                f"{counted(len(names), 'file')} {word}"
                for word, names in (
                    ("added", self.added),
                    ("changed", self.changed),
                    ("taken away", self.removed),
                )
                if names
            ]
            what = listed(told)
        before, mark = f"{self.rows_before:,}", self.fingerprint or "unknown"
        return (
            f"{what}: {counted(self.read, 'unit')} read, {counted(self.rows, 'row')} now ({before} before).\n"
            f"Fingerprint of the rows: {mark}."
        )


class Book:
    """The receipts of a ledger, and the entries that they leave."""

    def __init__(self, store: Folder) -> None:
        self._store = store

    def numbers(self) -> list[int]:
        """The numbers of the receipts, in order."""
        return [int(name.removesuffix(".json")) for name in self._store.names(_FOLDER)]

    def told(self) -> Iterator[dict[str, Any]]:
        """The receipts as they were written, in order."""
        for number in self.numbers():
            name = _name(number)
            try:
                yield json.loads(self._store.get(name) or b"")
            except ValueError as error:
                raise ModelFileError(
                    "model-file-damaged",
                    f"{self._store.root / name} is damaged: {error}",
                    "restore it from a copy, or make the ledger again in another folder",
                ) from error

    def entries(self) -> tuple[dict[str, Entry], int]:
        """The files that are in the ledger by address, and the number of the last receipt."""
        found: dict[str, Entry] = {}
        number = 0
        for told in self.told():
            number = told["number"]
            for uri in told["removed"]:
                found.pop(uri, None)
            for uri, stamp, parts in told["entries"]:
                found[uri] = Entry(uri, stamp, tuple(PartOf(*part) for part in parts))
        return found, number

    def write(self, action: str, came: Mapping[str, Entry], removed: Sequence[str]) -> Receipt:
        """Write the next receipt, of what is new beside those there are; of two at once each gets its number."""
        while True:
            before, number = self.entries()
            news = {uri: entry for uri, entry in came.items() if before.get(uri) != entry}
            gone = tuple(uri for uri in removed if uri in before)
            after = {uri: entry for uri, entry in {**before, **news}.items() if uri not in gone}
            receipt = Receipt(
                number + 1 if news or gone else 0,
                action,
                tuple(uri for uri in news if uri not in before),
                tuple(uri for uri in news if uri in before),
                gone,
                rows_before=rows_of(before.values()),
                rows=rows_of(after.values()),
                fingerprint_before=mark_of(before.values()),
                fingerprint=mark_of(after.values()),
            )
            if not receipt.number:
                return receipt
            told = receipt.to_dict() | {"entries": [[*entry] for entry in news.values()]}
            if self._store.put(_name(receipt.number), json.dumps(told).encode(errors="surrogateescape")):
                return receipt


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"


def rows_of(entries: Any) -> int:
    """The complete rows of all files."""
    return sum(entry.rows for entry in entries)


def mark_of(entries: Any) -> str | None:
    """The fingerprint of the rows of all files in hex; None where not all were read by the same levels."""
    parts = [part for entry in entries for part in entry.parts if part.rows]
    if len({part.coding for part in parts}) > 1 or not all(part.fingerprint for part in parts):
        return None
    return f"{sum(int(part.fingerprint, 16) for part in parts) % 2**64:016x}"
