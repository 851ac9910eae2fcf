"""Complete numeric rows in blocks of any size: from a table with its design, or from arrays."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import polars as pl

from gradline.core.errors import DataError, MissingValuesError
from gradline.core.text import listed
from gradline.data import Batch, Source
from gradline.data.columnar import LazySource
from gradline.data.design import DesignSpec
from gradline.data.row_block import ColumnBlock, LazyBlock, RowBlock
from gradline.data.sparse import dense, is_sparse

_DROP = "leave these rows out with --missing drop (missing='drop' in Python), or fill the cells first"


class RowStream(Protocol):
    """Rows that can be read again and again; `design` says what the columns of X and Y are."""

    @property
    def design(self) -> DesignSpec:
        """The terms behind X and the targets behind Y."""
        ...

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """The rows in order, in blocks of exactly `size` rows but for the last, which may be empty.

        The blocks do not depend on the file's format, so neither does any number computed from them.
        """
        ...


def lazy_blocks(rows: RowStream, size: int) -> Iterator[LazyBlock]:
    """The blocks of the rows (see `RowStream`), those of a table before their cells are encoded."""
    if isinstance(rows, TableRows):
        return rows.lazy_blocks(size)
    return map(_ready, rows.blocks(size))


def _ready(block: RowBlock) -> LazyBlock:
    """That of a block which is made already."""
    return LazyBlock(block.rows, lambda: block, lambda: block)


class _Piece(NamedTuple):
    """Complete rows of a table, and the rows and cells that were left out on the way, as in `RowBlock`."""

    batch: Batch
    dropped: int
    missing: Mapping[str, int]

    @property
    def rows(self) -> int:
        return self.batch.frame.height

    def take(self, which: slice) -> "_Piece":
        return _Piece(self.batch.part(which), 0, {})


@dataclass(frozen=True)
class TableRows:
    """The complete rows of a table. `missing` is "error" or "drop", `unseen` levels "error" or "base"."""

    source: Source
    design: DesignSpec
    missing: str = "error"
    unseen: str = "error"

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`. Raises `MissingValuesError`, after counting the whole table, unless told to drop."""
        return (parcel.block() for parcel in self.lazy_blocks(size))

    def assume_finite(self) -> "TableRows | None":
        """The same rows, of a typed table taken for finite; None where a row might have to be left out."""
        if self.missing != "error" or not isinstance(self.source, LazySource):
            return None
        return replace(self, source=replace(self.source, trusted=True))

    @property
    def height(self) -> int | None:
        """The rows of the table, complete or not, where that is known before they are read."""
        return self.source.height if isinstance(self.source, LazySource) else None

    def lazy_blocks(self, size: int) -> Iterator[LazyBlock]:
        """The same before their cells are encoded, so that several cores can do it."""
        for pieces in _grouped(self._pieces(), size):
            total = sum(piece.rows for piece in pieces)
            yield LazyBlock(total, partial(self._block, pieces), partial(self._columns, pieces))

    def _columns(self, pieces: Sequence[_Piece]) -> ColumnBlock:
        """The pieces as they lie, but for cells that are words."""
        parts = chain.from_iterable(piece.batch.chunks() for piece in pieces)
        encoded = [self.design.arrays(part, unseen=self.unseen) for part in parts]
        name = self.design.weights
        w = np.concatenate([piece.batch.frame[name].to_numpy() for piece in pieces]) if name else None
        missing = sum((Counter(piece.missing) for piece in pieces), Counter())
        dropped = sum(piece.dropped for piece in pieces)
        return ColumnBlock(encoded, len(self.design.features), w, dropped, dict(missing))

    def _block(self, pieces: Sequence[_Piece]) -> RowBlock:
        """The pieces as one block whose X and Y lie row by row."""
        design, total = self.design, sum(piece.rows for piece in pieces)
        X, Y = np.empty((total, len(design.features))), np.empty((total, len(design.targets)))
        w, missing, stop = np.empty(total) if design.weights else None, Counter(), 0
        for piece in pieces:
            rows = slice(stop, stop := stop + piece.rows)
            design.encode(piece.batch, X[rows], unseen=self.unseen)
            for j, target in enumerate(design.targets):
                Y[rows, j] = piece.batch.frame[target].to_numpy()
            if w is not None and design.weights:
                w[rows] = piece.batch.frame[design.weights].to_numpy()
            missing.update(piece.missing)
        return RowBlock(X, Y, w, sum(piece.dropped for piece in pieces), dict(missing))

    def _pieces(self) -> Iterator[_Piece]:
        counted, incomplete, rows = Counter(), 0, 0
        for batch in self.source.batches(self.design.columns):
            rows += batch.frame.height
            batch = self._present(batch)
            present = batch.frame.height
            absent = {s.name: n for s in batch.frame if (n := s.null_count())}
            batch = batch.where(complete(batch.frame)) if absent else batch
            dropped = present - batch.frame.height
            counted.update(absent)
            incomplete += dropped
            if dropped and self.missing != "drop":
                continue  # the error below wants the counts of the whole table
            yield _Piece(batch, dropped, absent)
        if rows == 0:
            raise DataError("no-rows", f"{self.source.name} has no rows", "give at least one row")
        if incomplete and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in counted.items())
            raise MissingValuesError(
                "missing-cells",
                f"{self.source.name} has missing cells: {cells} ({incomplete:,} of {rows:,} rows)",
                _DROP,
            )

    def _present(self, batch: Batch) -> Batch:
        """The rows without those of weight zero, which are absent whatever their other cells hold."""
        name = self.design.weights
        if name is None:
            return batch
        refuse_negative(
            batch.frame[name].fill_null(0.0).to_numpy(), lambda row: f"column {name}, {batch.place(row)}"
        )
        return batch.where((batch.frame[name] != 0).fill_null(True))


def complete(frame: pl.DataFrame) -> pl.Series:
    """Which rows of a batch have no missing cell."""
    mask = pl.Series(np.ones(frame.height, bool))
    for column in frame:
        if column.null_count():
            mask &= column.is_not_null()
    return mask


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Rows of arrays in memory: X (n, p), which may be sparse, Y (n, m), w (n,) or None; real numbers and NaN.

    They are read piece by piece, as float64, so no type and no layout costs a second copy of the whole.
    """

    X: Any
    Y: np.ndarray
    w: np.ndarray | None
    design: DesignSpec
    missing: str = "error"

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`. Raises `DataError` for an infinity, and for missing cells unless told to drop."""
        return regrouped(self._batches(), size)

    @property
    def cells(self) -> int:
        """How many numbers X and Y hold, zeros that are not stored included."""
        return len(self.Y) * (self.X.shape[1] + self.Y.shape[1])

    @property
    def stored(self) -> RowBlock | None:
        """The rows with a sparse X as it is stored, taken for complete; None where that would not be faster."""
        if not is_sparse(self.X) or self.missing != "error" or self.X.nnz > _THIN * self.cells:
            return None
        whole = RowBlock(self.X, self.Y, self.w)
        present = whole if self.w is None else whole.take(np.flatnonzero(self.w != 0))
        return present if present.rows else None

    @property
    def is_ready(self) -> bool:
        """Whether X lies row by row as float64, and no row will be left out."""
        whole = self.assume_finite() is not None and not is_sparse(self.X)
        return whole and self.X.dtype == np.float64 and self.X.flags.c_contiguous

    def assume_finite(self) -> "AssumedFinite | None":
        """The same rows, taken for complete; None where a row might have to be left out."""
        return AssumedFinite(self) if self.missing == "error" and self.w is None and len(self.Y) else None

    def pieces(self, size: int) -> Iterator[tuple[int, RowBlock]]:
        """All rows from the first on, `size` at a time, with the number of the first of them."""
        for first in range(0, max(1, len(self.Y)), size):
            part = slice(first, first + size)
            yield (
                first,
                RowBlock(dense(self.X[part]), dense(self.Y[part]), None if self.w is None else self.w[part]),
            )

    def _batches(self) -> Iterator[RowBlock]:
        counted, incomplete = Counter(), 0
        for first, piece in self.pieces(max(1, _PIECE // (len(self.design.features) + 1))):
            present, numbers = piece, range(first, first + piece.rows)
            if piece.w is not None:
                counting = np.flatnonzero(piece.w)
                present, numbers = piece.take(counting), first + counting
            keep, absent = self._complete(present, numbers), {}
            if keep is not None:
                absent = self._absent(present)
                counted.update(absent)
                dropped = len(keep) - int(keep.sum())
                incomplete += dropped
                present = present.take(keep)._replace(dropped=dropped, missing=absent)
            if incomplete and self.missing != "drop":
                continue  # the error below wants the counts of all rows
            yield present
        if incomplete and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in counted.items())
            raise MissingValuesError(
                "missing-cells",
                f"the arrays have missing cells (NaN): {cells} ({incomplete:,} of {len(self.Y):,} rows)",
                _DROP,
            )

    def _complete(self, block: RowBlock, numbers: Sequence[int] | np.ndarray) -> np.ndarray | None:
        """Which rows have no NaN; None for all of them, which a finite sum proves in one fast look."""
        odd = [values for values in block[:3] if values is not None and not np.isfinite(values.sum())]
        if not odd:
            return None
        for what, values in (("X", block.X), ("Y", block.Y)):
            if np.isinf(values).any():
                i, j = (int(place) for place in np.argwhere(np.isinf(values))[0])
                place = (int(numbers[i]), j) if what == "X" or values.shape[1] > 1 else (int(numbers[i]),)
                raise infinite(what, place, values[i, j])
        keep = np.ones(len(block.X), bool)
        for values in odd:
            keep &= ~np.isnan(values).reshape(len(values), -1).any(axis=1)
        return keep

    def _absent(self, block: RowBlock) -> dict[str, int]:
        names = (*self.design.features, *self.design.targets)
        counts = np.concatenate([np.isnan(block.X).sum(axis=0), np.isnan(block.Y).sum(axis=0)])
        found = {name: int(count) for name, count in zip(names, counts, strict=True) if count}
        if block.w is not None and np.isnan(block.w).any():
            found["weights"] = int(np.isnan(block.w).sum())
        return found


_THIN = 1 / 16  # the share of cells up to which products of the stored ones beat those of all
_PIECE = 1 << 18  # cells of an array that are looked at together: they stay in cache


@dataclass(frozen=True, eq=False)
class AssumedFinite:
    """Rows of arrays taken for complete, so that looking and adding up are one pass: see `expect_finite`."""

    rows: ArrayRows

    @property
    def design(self) -> DesignSpec:
        """That of the rows."""
        return self.rows.design

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        return (piece for _, piece in self.rows.pieces(size))


class NotFinite(Exception):  # noqa: N818 - no error: the rows are read again, with a look at each
    """Some cell of unchecked rows is NaN or infinite."""


def expect_finite(sums: np.ndarray | float) -> None:
    """Raise `NotFinite` where cells, or sums over columns, say that some cell is not finite."""
    if not np.isfinite(sums).all():
        raise NotFinite


def infinite(what: str, place: tuple[int, ...], value: float) -> DataError:
    """The refusal of an infinity in an array."""
    return DataError(
        "value-infinite",
        f"{what}{list(place)} is {value}, which no line can follow",
        "mend the value or drop the row",
    )


def refuse_negative(w: np.ndarray, place: Callable[[int], str]) -> None:
    """Raise `DataError` for the first negative weight; `place(row)` says where it stands."""
    wrong = w < 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            "weight-negative",
            f"{place(row)}: the weight {w[row]:g} is negative",
            "give weights of zero or more",
        )


Part = TypeVar("Part", RowBlock, _Piece)


def regrouped(blocks: Iterable[RowBlock], size: int) -> Iterator[RowBlock]:
    """The same rows in blocks of exactly `size`, the last one shorter (and empty only when all are)."""
    return map(_joined, _grouped(blocks, size))


def _grouped(pieces: Iterable[Part], size: int) -> Iterator[list[Part]]:
    """The pieces in groups of exactly `size` rows, cut where need be; the last group has the rest."""
    held: list[Part] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.rows
        while count > size:
            last = held.pop()
            kept = last.rows - (count - size)
            told = last.take(slice(0, kept))._replace(dropped=last.dropped, missing=last.missing)
            yield [*held, told]
            held, count = [last.take(slice(kept, None))], count - size
    if held:
        yield held


def _joined(blocks: Sequence[RowBlock]) -> RowBlock:
    if len(blocks) == 1:
        return blocks[0]
    w = None if blocks[0].w is None else np.concatenate([b.w for b in blocks if b.w is not None])
    missing = sum((Counter(b.missing) for b in blocks), Counter())
    X = np.concatenate([b.X for b in blocks])
    Y = np.concatenate([b.Y for b in blocks])
    return RowBlock(X, Y, w, sum(b.dropped for b in blocks), dict(missing))


@dataclass(frozen=True)
class Split:
    """One side of a hold-out split of the rows.

    Of every `STRIPE` consecutive complete rows the same share is held out, drawn at random by `seed`: the
    split is exact to half a row per stripe, is the same for every file format, and needs no row count.
    """

    rows: RowStream
    share: float
    seed: int
    held_out: bool
    STRIPE = 1024

    @property
    def design(self) -> DesignSpec:
        """The design of the rows that were split."""
        return self.rows.design

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """The rows of this side; see `RowStream`."""
        return regrouped(self._sides(), size)

    def _sides(self) -> Iterator[RowBlock]:
        for number, block in enumerate(self.rows.blocks(self.STRIPE)):
            order = np.random.default_rng([self.seed, number]).permutation(len(block.X))
            held = np.zeros(len(block.X), bool)
            held[order[: round(self.share * len(order))]] = True
            side = block.take(held if self.held_out else ~held)
            yield side if self.held_out else side._replace(dropped=block.dropped, missing=block.missing)
