"""The store: a folder of plain files that are only ever added, each whole or not there at all."""

import contextlib
import hashlib
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gradline.core.cleanup import finished, undoing
from gradline.core.errors import FileError, RequestError, UsageError
from gradline.core.text import nearest
from gradline.history.trust import expect_own
from gradline.history.version import RECORDED, Version
from gradline.history.writing import RECORD, claim, content_of, gaps, numbers, place

NAME = ".gradline"
_SMALL = 1 << 28  # bytes: what is unpacked whatever it was packed into
_LARGEST_RECORD = 1 << 28  # bytes: what a record knows of thousands of models
FORMAT = 1  # of a record; raised when an older gradline could no longer read what we write
_NUMBER = re.compile(r"v?([1-9]\d*)")
_LATEST = re.compile(r"latest(?:~(\d+))?")
_TAG = re.compile(r"[^\W\d_][\w.-]*")


@dataclass(frozen=True)
class Store:
    """The versions of one project, in the folder `.gradline` beside it.

    - `objects/DIGEST`: a content, compressed with zlib and named by the sha256 of what it holds;
    - `versions/N/record.json`, `annotations/N/record.json`: what was recorded, and what was said of it later;
    - `temporary/`: what is being written.

    >>> import gradline
    >>> from gradline.history import Store
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> version = gradline.commit("least squares", model=model, notebook=None)
    >>> store = Store.find()
    >>> store.tag(version, "good")
    >>> [(version.name, version.tags) for version in store.versions()]
    [('v1', ('good',))]
    """

    folder: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Store":
        """The nearest store, in `start` (default: the working directory) or above.

        Raises `RequestError` where there is none, `FileError` for one that others can write (`trust`).
        """
        start = start or Path.cwd()
        for folder in (start, *start.parents):
            if (folder / NAME).is_dir():
                expect_own(folder / NAME)
                return cls(folder / NAME)
        raise _empty()

    @classmethod
    def make(cls, start: Path | None = None) -> "Store":
        """The nearest store, or a new one beside the Git repository's root or in `start`."""
        start = start or Path.cwd()
        try:
            return cls.find(start)
        except RequestError:
            above = (folder for folder in (start, *start.parents) if (folder / ".git").exists())
            return cls(next(above, start) / NAME)

    @property
    def project(self) -> Path:
        """The folder that the paths of files are relative to."""
        return self.folder.parent

    @property
    def temporary(self) -> Path:
        """Where files are written before they are renamed into their place."""
        return self.folder / "temporary"

    @property
    def objects(self) -> Path:
        """Where contents lie, each under its digest."""
        return self.folder / "objects"

    def expect_writable(self) -> None:
        """Raise `FileError` where nothing can be recorded, before any work is spent on what should be."""
        lacking = self._lacking()

        def untried() -> None:
            with contextlib.suppress(OSError):
                (self.temporary / "probe").unlink()
            self._remove_folders(lacking)

        with undoing(untried):
            place(b"", self.temporary / "probe", self.temporary)
            untried()

    def put(self, content: bytes) -> str:
        """Keep a content, and return its digest. Raises `FileError` where it cannot be written."""
        digest, packed = hashlib.sha256(content).hexdigest(), zlib.compress(content)
        if len(content) > _most(packed):
            packed = zlib.compress(content, 0)
        path = self.objects / digest
        with contextlib.suppress(OSError):
            if path.stat().st_size == len(packed):  # not one that a broken copy has cut short
                os.utime(path)  # young again, so that `mend` lets it be until a version names it
                return digest
        place(packed, path, self.temporary)
        return digest

    def get(self, digest: str) -> bytes:
        """The content of that digest. Raises `FileError` where it is missing or is not what was kept."""
        remedy = f"copy {NAME}/objects again from where this store came from"
        try:
            packed = content_of(self.objects / digest)
            unpacking = zlib.decompressobj()
            content = unpacking.decompress(packed, _most(packed))
        except OSError as error:
            raise FileError(
                "store-object-unreadable", f"object {digest[:12]} cannot be read: {error.strerror}", remedy
            ) from error
        except zlib.error as error:
            raise FileError(
                "store-object-damaged", f"object {digest[:12]} is damaged: {error}", remedy
            ) from error
        if not unpacking.eof or hashlib.sha256(content).hexdigest() != digest:
            raise FileError(
                "store-object-damaged", f"object {digest[:12]} is damaged: it holds something else", remedy
            )
        return content

    def record(self, version: Version, contents: Mapping[str, bytes]) -> Version:
        """Keep a version and its contents, digest → bytes; returns it with its number. Raises `FileError`.

        Where that fails, or a signal ends the process, what was put and no version names is taken back.
        """
        new = [digest for digest in contents if not (self.objects / digest).exists()]
        with undoing(partial(self._take_back, new, self._lacking())):
            for content in contents.values():
                self.put(content)
            number = self._claim("versions", version.record())
            finished.append(f"v{number}")
            for digest, content in contents.items():
                if not (self.objects / digest).exists():  # another process took it for left behind in between
                    self.put(content)
        return replace(version, number=number)

    def annotate(self, version: Version, kind: str, text: str = "") -> None:
        """Add to a version what `Version.annotated` knows: a note, tag, untag, archive or unarchive."""
        self._claim("annotations", {"when": now(), "version": version.number, "kind": kind, "text": text})

    def tag(self, version: Version, tag: str) -> None:
        """Give a version a name. Raises `UsageError` for no name, `RequestError` for one that is in use."""
        if not _TAG.fullmatch(tag) or is_written_as_version(tag):
            raise UsageError(
                "tag-invalid", f"{tag!r} is no tag", "begin with a letter; then letters, digits, . _ or -"
            )
        for holder in self.versions():
            if tag in holder.tags:
                raise RequestError(
                    "tag-taken",
                    f"{holder.name} has the tag {tag}",
                    f"take it away first: gradline tag {holder.name} {tag} --remove",
                )
        self.annotate(version, "tag", tag)

    def versions(self) -> list[Version]:
        """All that can be read, oldest first, with notes, tags and marks; `leftovers` names the others."""
        found, marks = [], self._marks()
        for number in self.numbers():
            with contextlib.suppress(FileError):
                found.append(self.read(number).annotated(marks[number]))
        return found

    def version(self, name: str) -> Version:
        """The version called v3, 3, by a tag, latest, or latest~1 for the one before. Raises `RequestError`."""
        versions = self.versions()
        number, back = _NUMBER.fullmatch(name), _LATEST.fullmatch(name)
        if back and int(back[1] or 0) < len(versions):
            return versions[-1 - int(back[1] or 0)]
        for version in versions:
            if (number and int(number[1]) == version.number) or name in version.tags:
                return version
        if number and int(number[1]) in self.numbers():
            self.read(int(number[1]))  # says what is wrong with it
        known = [called for version in versions for called in (version.name, *version.tags)]
        if not known:
            raise _empty()
        raise RequestError(
            "version-unknown", f"there is no version {name}", nearest(name, known, "the versions are")
        )

    def numbers(self) -> list[int]:
        """The numbers of all versions, also of those whose records are damaged."""
        return numbers(self.folder / "versions")

    def read(self, number: int) -> Version:
        """The version of that number as it was recorded. Raises `FileError` where the record is damaged."""
        record = self._record("versions", number)
        return Version(number, **{name: record[name] for name in RECORDED})

    def unread_marks(self) -> list[str]:
        """What is wrong with notes, tags and marks that cannot be read; their numbers leave no gap."""
        faults: list[str] = []
        taken = numbers(self.folder / "annotations")
        for number in taken:
            try:
                self._mark(number)
            except FileError as error:
                faults.append(error.cause)
        return [f"annotations/{missing} missing" for missing in gaps(taken)] + faults

    def _mark(self, number: int) -> dict[str, Any]:
        return self._record("annotations", number)

    def _marks(self) -> Mapping[int, list[dict[str, Any]]]:
        """The annotations by the number of their version, oldest first."""
        marks = defaultdict(list)
        for number in numbers(self.folder / "annotations"):
            with contextlib.suppress(FileError):
                mark = self._mark(number)
                marks[mark["version"]].append(mark)
        return marks

    def _record(self, kind: str, number: int) -> dict[str, Any]:
        """A record, typed. Raises `FileError` where it cannot be read, is no such record, or is newer than gradline."""
        from gradline.core.card import fault_of, parsed  # noqa: PLC0415 - msgspec, which nothing else here needs
        from gradline.history.card import MarkRecord, VersionRecord, fault_between  # noqa: PLC0415

        try:
            record = parsed(content_of(self.folder / kind / str(number) / RECORD, _LARGEST_RECORD))
            newer = record["format"] > FORMAT
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(kind, number, getattr(error, "strerror", None) or repr(error)) from error
        if newer:
            raise FileError(
                "store-newer",
                f"{kind}/{number} was written by a newer gradline than this one",
                "upgrade gradline",
            )
        fault = fault_of(record, VersionRecord if kind == "versions" else MarkRecord)
        if fault is None and kind == "versions":
            fault = fault_between(record)
        if fault is not None:
            raise _unreadable(kind, number, fault)
        return record

    def _take_back(self, digests: Sequence[str], folders: Sequence[Path]) -> None:
        """Remove these objects, unless a version names them, and these folders, unless something is in them.

        They move aside first: a commit that records one meanwhile misses it, and puts it again (`repair.mended`).
        """
        for digest in digests:
            with contextlib.suppress(OSError):
                os.rename(self.objects / digest, self.temporary / digest)
        try:
            named = {one for number in self.numbers() for one in self.read(number).digests.values()}
        except FileError:  # nobody knows what that version names
            named = set(digests)
        for digest in digests:
            with contextlib.suppress(OSError):
                if digest in named:
                    os.replace(self.temporary / digest, self.objects / digest)
                else:
                    os.unlink(self.temporary / digest)
        self._remove_folders(folders)

    def _lacking(self) -> list[Path]:
        """The folders of a store that are still to be made, the inner ones first."""
        folders = [self.temporary, self.objects, self.folder / "versions", self.folder]
        return [folder for folder in folders if not folder.exists()]

    def _remove_folders(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _claim(self, kind: str, record: Mapping[str, Any]) -> int:
        whole = {"format": FORMAT, **record}
        content = json.dumps(whole, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
        return claim(content, self.folder / kind, self.temporary)


def _most(packed: bytes) -> int:
    """How many bytes so few may hold: `put` packs nothing more tightly, and a bomb holds a thousand times as many."""
    return max(_SMALL, 100 * len(packed))


def is_written_as_version(text: str) -> bool:
    """Whether the text is written as v3, 3, latest or latest~1 are; tags may be any word."""
    return bool(_NUMBER.fullmatch(text) or _LATEST.fullmatch(text))


def now() -> str:
    """The time of a record: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _unreadable(kind: str, number: int, why: str) -> FileError:
    return FileError(
        "store-record-unreadable",
        f"the record of {kind}/{number} cannot be read: {why}",
        f"copy {NAME}/{kind} again from where this store came from",
    )


def _empty() -> RequestError:
    return RequestError(
        "no-version-recorded", "no version is recorded here", 'commit one: gradline commit FILE… -m "…"'
    )
