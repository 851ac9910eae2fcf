"""The complete rows of a table, by its design: as blocks of numbers, decoded and encoded on whatever thread."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import numpy as np

from gradline.core.errors import DataError, MissingValuesError, RequestError
from gradline.core.text import listed, nearest, shell
from gradline.data.cells import PLAIN
from gradline.data.conditions import leaving_out
from gradline.data.design import DesignSpec, Number
from gradline.data.levels import sums
from gradline.data.notation import Text
from gradline.data.row_block import ColumnBlock, LazyBlock, RowBlock
from gradline.data.row_stream import DROP, LABELS, RowStream, grouped, numbered, refuse_weights
from gradline.data.schema import Kind
from gradline.data.source import Batch, Source

_MOST_NOTES = 20  # rows below a table
_MOST_WORDS = 1000  # of a batch, that are looked through for those of sums


class TablePiece(NamedTuple):
    """Complete rows of a table, and the rows and cells that were left out on the way, as in `RowBlock`."""

    batch: Batch
    dropped: int
    missing: Mapping[str, int]

    @property
    def rows(self) -> int:
        return self.batch.frame.height

    def take(self, which: slice) -> "TablePiece":
        return TablePiece(self.batch.part(which), 0, {})

    def told(self, dropped: int, missing: Mapping[str, int]) -> "TablePiece":
        return TablePiece(self.batch, dropped, missing)


@dataclass(frozen=True)
class TableRows(RowStream):
    """The complete rows of a table. `missing` is "error" or "drop", `unseen` levels "error", "base" or
    "missing", or with "nan" rows whose X is NaN."""

    source: Source
    design: DesignSpec
    missing: str = "error"
    unseen: str = "error"
    _ends: dict[str, tuple[float, float]] = field(
        default_factory=dict, compare=False
    )  # that passes have seen

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`. Raises `MissingValuesError`, after counting the whole table, unless told to drop."""
        return (parcel.block() for parcel in self.lazy_blocks(size))

    def assume_finite(self) -> "TableRows | None":
        """The same rows, of a typed table taken for finite; None where a row might have to be left out."""
        trusted = self.source.assume_finite() if self.missing == "error" else None
        return None if trusted is None else replace(self, source=trusted)

    def read_by(self, design: DesignSpec) -> "TableRows":
        """See `RowStream`: columns are matched by name."""
        design.match(self.source, targets=True)
        return replace(self, design=design)

    def labelled(self, labels: Any) -> RowStream:
        """See `RowStream`: `labels` names a column of the table, or is an array (n,) beside a frame."""
        if not isinstance(labels, str):
            beside = getattr(self.source, "beside", None)
            if beside is None:
                return super().labelled(labels)  # which refuses
            held = replace(self, source=beside({LABELS: numbered(labels)}))
            return replace(held, design=replace(self.design, terms=(*self.design.terms, Number(LABELS))))
        if labels not in self.source.schema():
            raise RequestError("column-unknown", f"there is no column {labels}", "name a column of the table")
        kind = self.design.columns.get(labels, Kind.TEXT)
        kind = Kind.NUMBER if kind.is_numeric else kind  # what else is known of it the design says
        return self._with(_Labels(labels, kind))

    def timed(self, times: Any) -> RowStream:
        """See `RowStream`: `times` names a column of numbers or dates, or is an array (n,) beside a frame."""
        if not isinstance(times, str):
            return super().timed(times)  # which refuses
        schema = self.source.schema()
        if times not in schema:
            raise RequestError("column-unknown", f"there is no column {times}", nearest(times, list(schema)))
        kind = self.design.columns.get(times, schema[times].kind)
        kind = (
            Kind.NUMBER if kind.is_numeric else Kind.TIME
        )  # dates of a text file are read where they are asked for
        return self._with(_Times(times, kind))

    def _with(self, term: "_Labels | _Times") -> RowStream:
        terms: Any = (*self.design.terms, term)
        return replace(self, design=replace(self.design, terms=terms))

    @property
    def table(self) -> Source:
        """See `RowStream`."""
        return self.source

    @property
    def ends(self) -> dict[str, tuple[float, float]]:
        """See `RowStream`: by a pass over the rows where none was made."""
        if not self.design.computed.keys() <= self._ends.keys():
            for _ in self.pieces():
                pass
        return {name: self._ends.get(name, (math.inf, -math.inf)) for name in self.design.computed}

    def _see(self, batch: Batch) -> None:
        """Keep the ends of the columns that terms compute with."""
        for name, kind in self.design.computed.items():
            cells = batch.frame[name].alias(PLAIN)
            found = [_in_days(end) if kind == Kind.TIME else end for end in (cells.min(), cells.max())]
            least, most = self._ends.get(name, (math.inf, -math.inf))
            self._ends[name] = (min(least, found[0]), max(most, found[1]))  # type: ignore[type-var]

    @property
    def height(self) -> int | None:
        """The rows of the table, complete or not, where that is known before they are read."""
        return self.source.height

    def lazy_blocks(self, size: int) -> Iterator[LazyBlock]:
        """The same before their cells are encoded, so that several cores can do it."""
        for pieces in self.groups(size):
            total = sum(piece.rows for piece in pieces)
            yield LazyBlock(total, partial(self._block, pieces), partial(self.encoded, pieces))

    def groups(self, size: int) -> Iterator[list[TablePiece]]:
        """The complete rows of each block, cells yet to be encoded."""
        return grouped(self.pieces(), size)

    def encoded(self, pieces: Sequence[TablePiece]) -> ColumnBlock:
        """The pieces as they lie, but for cells that are words."""
        parts = chain.from_iterable(piece.batch.chunks() for piece in pieces)
        encoded = [self.design.arrays(part, unseen=self.unseen) for part in parts]
        name = self.design.weights
        w = np.concatenate([piece.batch.frame[name].to_numpy() for piece in pieces]) if name else None
        missing = sum((Counter(piece.missing) for piece in pieces), Counter())
        dropped = sum(piece.dropped for piece in pieces)
        return ColumnBlock(encoded, len(self.design.features), w, dropped, dict(missing))

    def _block(self, pieces: Sequence[TablePiece]) -> RowBlock:
        """The pieces as one block whose X and Y lie row by row."""
        design, total = self.design, sum(piece.rows for piece in pieces)
        X, Y = np.empty((total, len(design.features))), np.empty((total, len(design.targets)))
        w, missing, stop = np.empty(total) if design.weights else None, Counter(), 0
        for piece in pieces:
            rows = slice(stop, stop := stop + piece.rows)
            design.encode(piece.batch, X[rows], unseen=self.unseen)
            for j, response in enumerate(design.responses(piece.batch)):
                Y[rows, j] = response
            if w is not None and design.weights:
                w[rows] = piece.batch.frame[design.weights].to_numpy()
            missing.update(piece.missing)
        return RowBlock(X, Y, w, sum(piece.dropped for piece in pieces), dict(missing))

    def pieces(self) -> Iterator[TablePiece]:
        """The complete rows as they are read, cells yet to be encoded; what it raises see `blocks`."""
        counted, incomplete, rows, without = Counter(), 0, 0, list[int]()
        for batch in self.source.batches(self.design.columns):
            rows += batch.frame.height
            batch = self._present(batch)
            present = batch.frame.height
            absent = {s.name: n for s in batch.frame if (n := s.null_count())}
            if absent and self.missing != "drop":
                without += self._without_numbers(batch, rows)
            batch = batch.where(batch.complete) if absent else batch
            gaps = present - batch.frame.height
            counted.update(absent)
            incomplete += gaps
            if batch.frame.height:
                self._see(batch)
            if gaps and self.missing != "drop":
                continue  # the error below wants the counts of the whole table
            if self.unseen == "missing":
                batch = self._seen(batch, absent)
            yield TablePiece(batch, present - batch.frame.height, absent)
        if rows == 0:
            raise _no_rows(self.source)
        if incomplete and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in counted.items())
            raise MissingValuesError(
                "missing-cells",
                f"{self.source.name} has missing cells: {cells} ({incomplete:,} of {rows:,} rows)",
                self._below(incomplete)
                if without == list(range(rows - incomplete, rows))
                else self._of_sums() or DROP,
            )

    def _of_sums(self) -> str:
        """What to do where incomplete rows have words for sums; empty where none has."""
        used, schema = self.design.columns, self.source.schema()
        texts = [name for name, one in schema.items() if one.kind == Kind.TEXT]
        words: dict[str, dict[str, None]] = {name: {} for name in texts}
        known: set[str] = set()
        for batch in self.source.batches({**used, **dict.fromkeys(texts, Kind.TEXT)}):
            gaps = batch.where(~batch.only(list(used)).complete)
            for name in texts:
                words[name] |= dict.fromkeys(gaps.frame[name].alias(PLAIN).drop_nulls()[:_MOST_WORDS])
                known.update(batch.frame[name].alias(PLAIN).unique().drop_nulls()[:_MOST_WORDS])
        found = {name: totals for name, cells in words.items() if (totals := sums(list(cells), known))}
        ways = [leaving_out(name, totals) for name, totals in found.items()]
        return (
            f"some of them sum up others; to leave these out: {ways[0]}. For the rest: {DROP}" if ways else ""
        )

    def _without_numbers(self, batch: Batch, rows: int) -> list[int]:
        """The first rows that have no number at all, as notes below a table have none; `rows` are those so far."""
        numbers = [name for name, kind in self.design.columns.items() if kind.is_numeric]
        is_bare = np.logical_and.reduce([batch.frame[name].is_null().to_numpy() for name in numbers])
        return (np.flatnonzero(is_bare)[:_MOST_NOTES] + rows - batch.frame.height).tolist()

    def _below(self, count: int) -> str:
        """What to do where just the last so many rows have no number."""
        if "skip_last" not in self.source.may_tell or len(self.source.files) > 1:
            return DROP
        last = count + self.source.spelling.read.skip_last
        which = "the last row has" if count == 1 else f"the last {count:,} rows have"
        return f"{which} no number: if that is a note below the table, add --skip-last {last}; else {DROP}"

    def _seen(self, batch: Batch, absent: dict[str, int]) -> Batch:
        """The rows whose levels training has seen; the others are counted as if their cell were missing."""
        masks = self.design.unseen(batch)
        for column, mask in masks.items():
            absent[column] = absent.get(column, 0) + int(mask.sum())
        return batch.without(masks.values())

    def _present(self, batch: Batch) -> Batch:
        """The rows without those of weight zero, which are absent whatever their other cells hold."""
        name = self.design.weights
        if name is None:
            return batch
        refuse_weights(
            batch.frame[name].alias(PLAIN).fill_null(0.0).to_numpy(),
            lambda row: f"column {name}, {batch.place(row)}",
        )
        return batch.where((batch.frame[name].alias(PLAIN) != 0).fill_null(True))


def _in_days(moment: Any) -> float:
    """A moment as days since 1970-01-01."""
    return (moment - datetime(1970, 1, 1)) / timedelta(days=1)


def _no_rows(source: Source) -> DataError:
    where = source.spelling.read.where
    if not where:
        return DataError("no-rows", f"{source.name} has no rows", "give at least one row")
    told = shell(Text(where=where).words())
    return DataError(
        "no-rows", f"{told} leaves no row of {source.name}", "compare it with the cells as they stand"
    )


@dataclass(frozen=True)
class _OfRows:
    """A term of one number for each row, which is no column of a model."""

    column: str
    kind: Kind
    what: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """No column of a table has this name."""
        return (f"{self.what} {self.column}",)

    @property
    def inputs(self) -> dict[str, Kind]:
        """The column, with its kind."""
        return {self.column: self.kind}

    def unseen(self, batch: Batch) -> dict[str, np.ndarray]:  # noqa: ARG002
        """Every value has a number."""
        return {}


@dataclass(frozen=True)
class _Times(_OfRows):
    """The time of each row: a number, or the microseconds of a date."""

    what = "(time)"

    def encode(self, batch: Batch, out: np.ndarray, *, unseen: str = "error") -> None:  # noqa: ARG002
        """Fill `out` (n, 1)."""
        cells = batch.frame[self.column]
        out[:, 0] = (cells.dt.epoch("us") if self.kind == Kind.TIME else cells).to_numpy()


@dataclass(frozen=True)
class _Labels(_OfRows):
    """The numbers of the values of a column, as they come."""

    what = LABELS
    known: dict[Any, int] = field(default_factory=dict)

    def encode(self, batch: Batch, out: np.ndarray, *, unseen: str = "error") -> None:  # noqa: ARG002
        """Fill `out` (n, 1)."""
        cells = batch.frame[self.column]
        for cell in cells.unique(maintain_order=True):
            self.known.setdefault(cell, len(self.known))
        out[:, 0] = cells.replace_strict(self.known).to_numpy()
