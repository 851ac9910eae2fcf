"""A ledger: a folder that keeps what was computed of each file, so that only what is new or has changed is read."""

import fnmatch
import hashlib
import json
import operator
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from gradline.core.errors import FileError, GradlineError, ModelFileError, Notice, RequestError, UsageError
from gradline.core.parallel import ordered_map
from gradline.core.text import listed, nearest
from gradline.data.files import raise_all
from gradline.data.notation import FOUND
from gradline.data.selection import Choice, Selection
from gradline.engines import Engine, engine_of
from gradline.moments.parts import all_but_each
from gradline.moments.state import Moments
from gradline.states.part import Part
from gradline.states.receipts import Book, Entry, PartOf, Receipt
from gradline.states.recipe import Recipe, asked_of, begin
from gradline.states.store import Folder
from gradline.states.tree import Node
from gradline.states.units import File, Unit, cut, files_named, table_of

_RECIPE = "recipe.json"
_SHOWN = 16  # files that show what the columns are: the others are held against them when they are read


class Made(NamedTuple):
    """What a worker tells of a unit: its part and whether it read the rows for that, or why it refused them."""

    unit: Unit
    part: PartOf | None
    was_read: bool
    refusal: GradlineError | None = None


@dataclass(frozen=True)
class MakePart:
    """The work on a unit: its part is in the store afterwards, whoever put it there."""

    store: Folder
    recipe: Recipe

    def __call__(self, unit: Unit) -> tuple[Made, ...]:
        """Read the unit unless its part is there; what reading refuses ends no other work."""
        try:
            return (self._made(unit),)
        except GradlineError as error:
            return (Made(unit, None, True, error),)

    def _made(self, unit: Unit) -> Made:
        key = unit.key(self.recipe.digest)
        content = self.store.get(_place(key))
        if content is not None:
            part = Part.from_bytes(str(self.store.root / _place(key)), content, self.recipe)
        else:
            part = Part.of(unit.source(self.recipe.read), self.recipe)
            unit.expect_unchanged()
            self.store.put(_place(key), part.to_bytes())
        told = part.statistics
        coding = hashlib.sha256(json.dumps([*part.levels.items()]).encode()).hexdigest()[:16]
        about = PartOf(key, told.rows, told.dropped, told.mark, coding)
        return Made(unit, about, content is None)


class News(NamedTuple):
    """What an update would do: `files` are to be read, of which `changed` are known already, out of `named`."""

    recipe: Recipe
    notices: tuple[Notice, ...]
    named: int
    files: tuple[File, ...]
    changed: int
    gone: tuple[str, ...]


class States:
    """The states of many files, in a folder of their own: what is new or has changed is read, and nothing else.

    The folder holds what is asked for (`recipe.json`), a part of each file (`parts`), and a receipt for whatever came
    or left (`receipts`); it may be copied, and more than one process may write to it at once. A part is written once,
    under a name that hashes the file's address, size and times, so a run that was killed goes on where it stopped.

    - `uri`: the folder, which need not be there yet.

    >>> import gradline
    >>> states = gradline.States("ledger")
    >>> receipt = states.update("example:crops", ["apples", "oranges"])
    >>> receipt.rows, receipt.read
    (15, 1)
    >>> states.update("example:crops").read  # nothing is new
    0
    >>> gradline.fit(states).weight.round(3)
    array([[-0.422,  0.842,  0.685],
           [-0.247,  0.791,  0.922]])
    """

    def __init__(self, uri: str | os.PathLike[str]) -> None:
        self.store = Folder(Path(os.path.abspath(uri)))
        self._book = Book(self.store)

    def __repr__(self) -> str:
        return f"States({str(self.store.root)!r})"

    @property
    def recipe(self) -> Recipe | None:
        """What is asked for of each file; None before the first update."""
        content = self.store.get(_RECIPE)
        if content is None:
            return None
        try:
            return Recipe.from_json(content)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelFileError(
                "model-file-damaged",
                f"{self.store.root / _RECIPE} is damaged: {error}",
                "restore it from a copy, or make the ledger again in another folder",
            ) from error

    @property
    def files(self) -> dict[str, Entry]:
        """The files that are in it, by their absolute paths."""
        return self._book.entries()[0]

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """What came and went, as it was written, the first first."""
        return [*self._book.told()]

    def update(
        self,
        data: Any,
        targets: Any = None,
        *,
        engine: str | Engine = "threads",
        exact: bool = False,
        shard: tuple[int, int] | None = None,
        **choice: Unpack[Choice],
    ) -> Receipt:
        """Read the files that are new or have changed, and enter them.

        Parameters:
        - `data`: files, folders or patterns; the files that were entered before and are not among them stay.
        - `targets` and the others as in `gradline.fit`: told at the first update, and known from then on.
        - `engine`: who reads, by name or as an `Engine`; it decides no bit of the answer.
        - `exact`: keep exact products, as `Moments.of(…, extended=True)`: the total is then the same to the bit in
          whatever files the rows stand, and nearly collinear columns cost no digit. Four times the arithmetic.
        - `shard`: (i, n) reads the i-th of n shares, 1 ≤ i ≤ n, and enters nothing: for machines that share the
          folder and know nothing of each other. An update without it, afterwards, enters what they read.

        Returns the receipt. Raises `FileError` for a file that changes while it is read, `RequestError` where something
        else is asked for than before, and what reading raises, of all files at once; the others are not read again.
        """
        news = self.news(Selection(data, targets, **choice), exact)
        recipe = self._started(news.recipe)
        units = [unit for found in ordered_map(news.files, cut) for unit in found]
        if shard is not None:
            units = _share(units, shard, recipe)
        random.shuffle(
            units
        )  # so that processes which know nothing of each other seldom read the same at once
        work = MakePart(self.store, recipe)
        made = engine_of(engine).reduce(units, work, operator.add) if units else ()
        made = sorted(made, key=lambda one: (one.unit.uri, one.unit.rows or ()))
        raise_all([one.refusal for one in made if one.refusal is not None], len(news.files))
        before, came = self.files, _entries(made) if shard is None else {}
        receipt = self._book.write("update", came, [])
        read = sum(one.was_read for one in made)
        notices = (*news.notices, *_twice(self.files, came))
        self._sweep(before, came)
        self.store.tidy("parts")
        return replace(receipt, read=read, found=len(made) - read, gone=news.gone, notices=notices)

    def news(self, selection: Selection, exact: bool = False) -> News:
        """What an update would read of the files that `selection.data` names; nothing is written."""
        files = files_named(selection.data)
        recipe, notices = self._recipe_for(selection, exact, files)
        known, parts = self.files, {*self.store.names("parts")}
        news = [file for file in files if not _is_known(known.get(file.uri), file, parts)]
        named = {file.uri for file in files}
        gone = tuple(uri for uri in known if uri not in named and _is_below(uri, selection.data))
        changed = sum(file.uri in known for file in news)
        return News(recipe, tuple(notices), len(files), tuple(news), changed, gone)

    def total(self) -> Moments:
        """The moments of all rows, by merging alone; what was merged before is merged no more.

        Raises `RequestError` where nothing is in the ledger, `DigitsError` where sums of float64 keep too few digits.
        """
        return self.settled()[0]

    def settled(self) -> tuple[Moments, list[Notice]]:
        """The total, and what the user should know of its categories."""
        recipe, entries = self._known(), self.files
        whole = self._merged(recipe, entries.values())
        design, notices = whole.design()
        units = {part.key: entry.uri for entry in entries.values() for part in entry.parts}
        return whole.moments(design, units), notices

    def forget(self, uri: str | os.PathLike[str]) -> Receipt:
        """Take files away, by path, folder or pattern: what is left is merged anew, and loses no digit.

        Their parts are removed. Raises `RequestError` where there is no such file in the ledger.
        """
        entries = self.files
        names = [name for name in entries if _is_meant(name, os.fspath(uri))]
        if not names:
            raise RequestError(
                "file-not-in-ledger",
                f"{uri} is not in the ledger {self.store.root}",
                nearest(os.path.abspath(uri), sorted(entries), "it holds"),
            )
        receipt = self._book.write("forget", {}, names)
        self._sweep(entries, dict.fromkeys(names))
        return receipt

    def folds(self, k: int) -> list[tuple[Moments, Moments]]:
        """For cross-validation: the moments of all files but each k-th, and of these, k pairs, by merging alone.

        Files are dealt out by the hash of their address, and each is in one fold as a whole. Raises `UsageError` for
        fewer than two folds, and `RequestError` for fewer files than folds.
        """
        recipe, entries = self._known(), self.files
        if k < 2:
            raise UsageError("folds-invalid", f"folds is {k}", "give a whole number from 2")
        if len(entries) < k:
            raise RequestError(
                "fold-without-rows",
                f"{len(entries)} files cannot be dealt out to {k} folds",
                "ask for fewer folds",
            )
        order = sorted(entries.values(), key=lambda entry: hashlib.sha256(os.fsencode(entry.uri)).digest())
        whole = self._merged(recipe, order)
        design, _ = whole.design()
        parts = [self._merged(recipe, order[fold::k]).like(whole).moments(design) for fold in range(k)]
        return list(zip(all_but_each(parts), parts, strict=True))

    def _known(self) -> Recipe:
        recipe = self.recipe
        if recipe is None or not self.files:
            raise RequestError(
                "ledger-empty",
                f"nothing is in the ledger {self.store.root}",
                "enter files first: gradline moments make DATA -t COLUMN --states DIR",
            )
        return recipe

    def _recipe_for(
        self, selection: Selection, exact: bool, files: Sequence[File]
    ) -> tuple[Recipe, list[Notice]]:
        """The recipe of the ledger, or the one that it would begin with, and notices of that."""
        recipe = self.recipe
        if recipe is not None:
            self._expect_same(recipe, asked_of(selection, exact))
            return recipe, []
        if not selection.targets and selection.formula is None:
            raise RequestError(
                "no-target", "no target is named", "name one or more with -t COLUMN (targets= in Python)"
            )
        step = -(-len(files) // _SHOWN)
        shown = table_of(files[::step], selection.read or FOUND)
        if selection.formula is None:
            selection = replace(selection, data=shown, targets=asked_of(selection, exact)["targets"])
        return begin(shown, selection, exact)

    def _started(self, recipe: Recipe) -> Recipe:
        """The recipe of the ledger, which is this one unless somebody has begun it meanwhile with the same request."""
        if self.store.put(_RECIPE, recipe.to_json()):
            return recipe
        there = self.recipe or recipe
        self._expect_same(there, recipe.asked)
        return there

    def _expect_same(self, recipe: Recipe, asked: Mapping[str, Any]) -> None:
        """Refuse what is asked for where the ledger was begun with something else."""
        odd = [name for name, value in asked.items() if value and recipe.asked.get(name) != value]
        if odd:
            was = ", ".join(f"{name} {recipe.asked.get(name, 'the default')}" for name in odd)
            raise RequestError(
                "ledger-of-other-request",
                f"the ledger {self.store.root} was begun with other options: {was}",
                "leave them out to go on with it, or begin another ledger",
            )

    def _merged(self, recipe: Recipe, entries: Iterable[Entry]) -> Part:
        """The part of all these files."""
        keys = sorted({part.key for entry in entries for part in entry.parts})
        return Node(keys).value(
            lambda key: self._load(recipe, key),
            Part.joined,
            lambda name: self._kept(recipe, name),
            self._keep,
        )

    def _load(self, recipe: Recipe, key: str) -> Part:
        content = self.store.get(_place(key))
        if content is None:
            raise FileError(
                "part-missing",
                f"the ledger {self.store.root} lacks a part that a receipt names, {key}",
                "run the update again, which reads its file again",
            )
        return Part.from_bytes(str(self.store.root / _place(key)), content, recipe)

    def _kept(self, recipe: Recipe, name: str) -> Part | None:
        content = self.store.get(f"nodes/{name}")
        return (
            None
            if content is None
            else Part.from_bytes(str(self.store.root / "nodes" / name), content, recipe)
        )

    def _keep(self, name: str, part: Part) -> None:
        """Keep a node where the folder may be written to: it saves time, and nothing else."""
        try:
            self.store.put(f"nodes/{name}", part.to_bytes())
        except FileError:
            return

    def _sweep(self, before: Mapping[str, Entry], came: Mapping[str, Entry | None]) -> None:
        """Remove parts that were replaced or forgotten, and nodes that none of the present ones lies below."""
        replaced = {part.key for uri in came if uri in before for part in before[uri].parts}
        if not replaced:
            return
        kept = {part.key for entry in self.files.values() for part in entry.parts}
        for key in replaced - kept:
            self.store.remove(_place(key))
        wanted = {*Node(sorted(kept)).large()} if kept else set()
        for name in self.store.names("nodes"):
            if name not in wanted:
                self.store.remove(f"nodes/{name}")


def _place(key: str) -> str:
    return f"parts/{key}"


def _is_known(entry: Entry | None, file: File, parts: set[str]) -> bool:
    """Whether the file is in the ledger as it is, and its parts are there."""
    return entry is not None and entry.stamp == file.stamp and all(part.key in parts for part in entry.parts)


def _share(units: list[Unit], shard: tuple[int, int], recipe: Recipe) -> list[Unit]:
    i, n = shard
    if not 1 <= i <= n:
        raise UsageError("shard-invalid", f"the shard is {i}/{n}", "give i/n with 1 ≤ i ≤ n, such as 1/4")
    return [unit for unit in units if int(unit.key(recipe.digest), 16) % n == i - 1]


def _entries(made: Sequence[Made]) -> dict[str, Entry]:
    """The parts by file."""
    found: dict[str, Entry] = {}
    for unit, part, *_ in made:
        parts = found[unit.uri].parts if unit.uri in found else ()
        found[unit.uri] = Entry(unit.uri, unit.stamp, (*parts, part) if part else parts)
    return found


def _twice(entries: Mapping[str, Entry], came: Iterable[str]) -> list[Notice]:
    """Files that came and hold the same rows as others: links, and copies."""
    known: dict[str, str] = {}
    found: list[str] = []
    news = {*came}
    for uri in sorted(entries, key=lambda uri: uri in news):
        mark = str(entries[uri].marks)
        first = known.setdefault(mark, uri)
        if first != uri and uri in news and entries[uri].rows:
            same = os.path.exists(first) and os.path.exists(uri) and os.path.samefile(first, uri)
            found.append(f"{uri} {'is a link to' if same else 'holds the same rows as'} {first}")
    if not found:
        return []
    remedy = "take one of them away: gradline moments forget DIR FILE"
    return [Notice("file-twice", f"{listed(found, 3)}, so its rows count twice", True, remedy)]


def _is_below(uri: str, data: Any) -> bool:
    """Whether a file is one that the data would name if it were still there."""
    texts = data if isinstance(data, (list, tuple)) else [data]
    return any(_is_meant(uri, os.fspath(text)) for text in texts)


def _is_meant(uri: str, text: str) -> bool:
    """Whether a path, a folder above it or a pattern names the file."""
    path = os.path.abspath(os.path.expanduser(text))
    return uri == path or uri.startswith(path + os.sep) or fnmatch.fnmatchcase(uri, path)
