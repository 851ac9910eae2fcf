"""The complete rows of a table as the looks for odd ones see them: numbers, words and places, file by file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gradline.core.derived import cached_property
from gradline.data.cells import PLAIN
from gradline.data.design import Category, DesignSpec, Number
from gradline.data.levels import names_units, sums_up
from gradline.data.row_block import RowBlock
from gradline.data.schema import Kind
from gradline.data.source import Batch, Source


@dataclass(frozen=True, eq=False)
class SeenRows:
    """The complete rows of a table: the numbers that the model uses, and the words beside them, by their columns.

    `kept` are the numbers (n, k) where the fit has kept its rows, of one file; else they are read, and so are words and
    places, when they are first asked for: by one pass over all files. `is_whole` says that none of the table's rows was
    left out of them.
    """

    source: Source
    design: DesignSpec
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    kept: np.ndarray | None
    is_whole: bool

    @cached_property
    def _read(self) -> "_Read":
        """The rows as cells, without those that the fit leaves out."""
        used, schema = self.design.columns, self.source.schema()
        kinds = {**used, **{name: Kind.TEXT for name in self.words if name not in used}}
        read = list(
            self.source.batches_by_file({name: kind for name, kind in kinds.items() if name in schema})
        )
        numbers, counts = np.array([rows for _, files in read for rows in files]).T
        batch, owners = Batch.joined([batch for batch, _ in read]), np.repeat(numbers, counts)
        weights, keep = self.design.weights, batch.only(list(used)).complete
        if weights is not None:
            keep &= (batch.frame[weights].alias(PLAIN) != 0).fill_null(False)
        return _Read(batch.where(keep), owners[kept := keep.to_numpy()], owners, kept)

    @property
    def batch(self) -> Batch:
        """The rows as cells."""
        return self._read.batch

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers (n, k)."""
        if self.kept is not None:
            return self.kept
        columns = [self.batch.frame[name].to_numpy() for name in self.numbers]
        return np.column_stack(columns) if columns else np.empty((self.batch.frame.height, 0))

    @property
    def parts(self) -> "list[FileRows]":
        """The rows of each file."""
        files = self.source.files
        if len(files) == 1:
            return [self.together]
        ends = np.searchsorted(self._read.owners, np.arange(len(files)), side="right").tolist()
        return [FileRows(self, files[i], i, slice(*rows)) for i, rows in enumerate(pairwise([0, *ends]))]

    @property
    def together(self) -> "FileRows":
        """The rows of all files, as if they stood in one."""
        return FileRows(self, self.source.files[0], 0, slice(0, len(self.values)))


class _Read(NamedTuple):
    """Complete rows with the numbers of their files, and of all rows which are complete."""

    batch: Batch
    owners: np.ndarray
    all_owners: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True, eq=False)
class FileRows:
    """Those of one file."""

    whole: SeenRows
    source: Source
    number: int
    rows: slice

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers (n, k)."""
        return self.whole.values[self.rows]

    @property
    def numbers(self) -> tuple[str, ...]:
        """What the columns of `values` are called."""
        return self.whole.numbers

    @property
    def words(self) -> tuple[str, ...]:
        """The columns with cells that may be words."""
        return self.whole.words

    @property
    def last_words(self) -> Sequence[str | None]:
        """The words of the last row, found without the others where none was left out."""
        if self.whole.is_whole and self.words:
            return self.source.last_cells(self.words)
        last = self.rows.stop - 1
        return [self.whole.batch.frame[name].alias(PLAIN)[last] for name in self.words]

    @cached_property
    def cells(self) -> Batch:
        """The rows as cells."""
        return self.whole.batch.part(self.rows)

    def ends_with(self, count: int) -> bool:
        """Whether its last so many rows are all among these."""
        if self.whole.is_whole:
            return True
        read = self.whole._read
        return bool(read.kept[read.all_owners == self.number][-count:].all())

    def place(self, row: int) -> str:
        """Where a row stands, in the user's words."""
        return self.whole.batch.place(self.rows.start + row)


def seen_rows(source: Source, design: DesignSpec, kept: RowBlock | None) -> SeenRows:
    """The rows that have a value in each column that the model uses, and other cells that may be words."""
    used = design.columns
    numbers = tuple(name for name, kind in used.items() if kind in (Kind.NUMBER, Kind.AMOUNT))
    told = {term.column for term in design.terms if isinstance(term, Category) and not _may_tell(term)}
    everywhere = source.common_names()
    words = tuple(
        name
        for name, column in source.schema().items()
        if name in everywhere
        and name not in told
        and used.get(name, Kind.TEXT) == Kind.TEXT
        and column.may_be_words
    )
    columns = None if kept is None else _columns(design, kept, numbers)
    is_whole = kept is not None and not kept.dropped and design.weights is None
    return SeenRows(source, design, numbers, words, columns, is_whole)


def _may_tell(term: Category) -> bool:
    """Whether a level could be the word for a total, or levels are units; most categories need not be looked at."""
    return any(map(sums_up, term.levels)) or names_units(term.column)


def _columns(design: DesignSpec, kept: RowBlock, names: Sequence[str]) -> np.ndarray | None:
    """The columns (n, k) of the table in rows by a design; None where one went into a term with others."""
    own = {term.column for term in design.terms if isinstance(term, Number)}
    found = {name: kept.X[:, j] for j, name in enumerate(design.features) if name in own}
    if not design.transforms:
        found |= dict(zip(design.targets, kept.Y.T, strict=True))
    if design.weights is not None and kept.w is not None:
        found[design.weights] = kept.w
    return np.column_stack([found[name] for name in names]) if {*names} <= {*found} and names else None
