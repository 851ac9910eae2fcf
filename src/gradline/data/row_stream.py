"""Complete numeric rows that can be read again and again, in blocks of any size."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from gradline.core.errors import DataError, MissingValuesError, RequestError
from gradline.core.text import listed
from gradline.data.design import DesignSpec
from gradline.data.row_block import LazyBlock, RowBlock

if TYPE_CHECKING:  # what reads tables loads polars, and arrays need none
    from gradline.data.source import Source

LIGHTEST, HEAVIEST = (
    1e-152,
    1e140,
)  # weights whose products with columns, and sum over rows, float64 holds in full
LABELS = "(clusters)"  # what the column of labels is called where they are an array
DROP = "leave these rows out with --missing drop (missing='drop' in Python), or fill the cells first"


class RowStream(ABC):
    """Rows that can be read again and again; `design` says what the columns of X and Y are.

    `blocks` is all that they must offer. What some of them can do besides has here the answer of those that cannot,
    so that nobody need ask of what class they are.
    """

    design: DesignSpec

    @abstractmethod
    def blocks(self, size: int) -> Iterator[RowBlock]:
        """The rows in order, in blocks of exactly `size` rows but for the last, which may be empty.

        The blocks do not depend on the file's format, so neither does any number computed from them.
        """

    def lazy_blocks(self, size: int) -> Iterator[LazyBlock]:
        """The same, those of a table before their cells are encoded, so that several cores can do it."""
        return map(_ready, self.blocks(size))

    @property
    def height(self) -> int | None:
        """The rows, complete or not, where that is known before they are read."""
        return None

    @property
    def ends(self) -> Mapping[str, tuple[float, float]]:
        """Of a table the least and the largest value of each column that terms compute with, of dates in days."""
        return {}

    @property
    def table(self) -> "Source | None":
        """The table behind the rows, None where there is none; what decodes it does not survive a fork."""
        return None

    @property
    def in_place(self) -> RowBlock | None:
        """All rows, incomplete ones too, where they lie in memory row by row as float64; None where they do not."""
        return None

    @property
    def csr(self) -> RowBlock | None:
        """The rows with a sparse X as it is stored, taken for complete; None where that would not be faster."""
        return None

    @property
    def on_device(self) -> RowBlock | None:
        """All rows as tensors of a device, where they lie there; None where they do not."""
        return None

    def assume_finite(self) -> "RowStream | None":
        """The same rows without a look at each, so that looking and adding up are one pass: see `expect_finite`.

        None where a row might have to be left out.
        """
        return None

    def seen_by(self, design: DesignSpec) -> "RowStream":
        """The same rows by a design that needs none but their columns."""
        return replace(self, design=design)  # type: ignore[type-var] - each is a dataclass

    def read_by(self, design: DesignSpec) -> "RowStream":
        """The same rows by another design, such as a model's. Raises `DataError` where they lack its columns."""
        return self.seen_by(design)

    def labelled(self, labels: Any) -> "RowStream":
        """The rows with the number of each row's label as the last column of X: of a column's name, or of an array."""
        raise RequestError(
            "clusters-need-table",
            f"clusters are {type(labels).__name__} for {type(self).__name__}",
            "name a column of a table; beside arrays give an array",
        )

    def timed(self, times: Any) -> "RowStream":
        """The rows with each row's time as the last column of X: of a column's name, or of an array."""
        raise RequestError(
            "time-needs-table",
            f"the time is {type(times).__name__} for {type(self).__name__}",
            "name a column of numbers or dates of a table; beside arrays give an array",
        )


def dense(rows: Any) -> np.ndarray:
    """Rows (n, p) as an array of float64, sparse ones too."""
    return np.asarray(rows if isinstance(rows, np.ndarray) else rows.toarray(), np.float64)


def _ready(block: RowBlock) -> LazyBlock:
    """That of a block which is made already."""
    return LazyBlock(len(block.Y), lambda: block, lambda: block)


@dataclass(frozen=True, eq=False)
class ArrayRows(RowStream):
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
    def in_place(self) -> RowBlock | None:
        """See `RowStream`: where X lies row by row as float64."""
        if not isinstance(self.X, np.ndarray) or self.X.dtype != np.float64 or not self.X.flags.c_contiguous:
            return None
        return RowBlock(self.X, self.Y, self.w)

    @property
    def csr(self) -> RowBlock | None:
        """See `RowStream`."""
        if isinstance(self.X, np.ndarray) or self.missing != "error":
            return None
        cells = len(self.Y) * (self.X.shape[1] + self.Y.shape[1])
        if self.X.nnz > _THIN * cells:
            return None
        whole = RowBlock(self.X, self.Y, self.w)
        present = whole if self.w is None else whole.take(np.flatnonzero(self.w != 0))
        return present if present.rows else None

    def assume_finite(self) -> "AssumedFinite | None":
        """The same rows, taken for complete; None where a row might have to be left out."""
        return (
            AssumedFinite(self, self.design)
            if self.missing == "error" and self.w is None and len(self.Y)
            else None
        )

    def read_by(self, design: DesignSpec) -> "ArrayRows":
        """See `RowStream`: columns are matched by their places."""
        have, want = (self.X.shape[1], self.Y.shape[1]), (len(design.features), len(design.targets))
        if have != want:
            raise DataError(
                "columns-do-not-match",
                f"X and Y have {have[0]} and {have[1]} columns, the model has {want[0]} features and "
                f"{want[1]} target{'s' * (want[1] != 1)}",
                "give the columns that it was trained on, in its order",
            )
        return replace(self, design=design)

    def labelled(self, labels: Any) -> RowStream:
        """See `RowStream`: `labels` is an array (n,)."""
        if isinstance(labels, str):
            return super().labelled(labels)  # which refuses
        return self._beside(numbered(labels), "clusters")

    def timed(self, times: Any) -> RowStream:
        """See `RowStream`: `times` is an array (n,) of numbers or of dates."""
        if isinstance(times, str):
            return super().timed(times)  # which refuses
        values = np.asarray(times).reshape(-1)
        if values.dtype.kind == "M":
            values = np.where(np.isnat(values), np.nan, values.astype("M8[us]").astype(float))
        return self._beside(values.astype(float), "times")

    def _beside(self, values: np.ndarray, what: str) -> RowStream:
        if len(values) != len(self.Y):
            raise DataError(
                "rows-do-not-match", f"{len(values):,} {what} for {len(self.Y):,} rows", "give one per row"
            )
        return replace(self, X=np.column_stack([self.X, values]))

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
                present = present.take(keep).told(dropped, absent)
            if incomplete and self.missing != "drop":
                continue  # the error below wants the counts of all rows
            yield present
        if incomplete and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in counted.items())
            raise MissingValuesError(
                "missing-cells",
                f"the arrays have missing cells (NaN): {cells} ({incomplete:,} of {len(self.Y):,} rows)",
                DROP,
            )

    def _complete(self, block: RowBlock, numbers: Sequence[int] | np.ndarray) -> np.ndarray | None:
        """Which rows have no NaN; None for all of them, which a finite sum proves in one fast look."""
        odd = [
            values
            for values in (block.X, block.Y, block.w)
            if values is not None and not np.isfinite(values.sum())
        ]
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
        labels = (LABELS,) * (block.X.shape[1] - len(self.design.features))
        names = (*self.design.features, *labels, *self.design.targets)
        counts = np.concatenate([np.isnan(block.X).sum(axis=0), np.isnan(block.Y).sum(axis=0)])
        found = {name: int(count) for name, count in zip(names, counts, strict=True) if count}
        if block.w is not None and np.isnan(block.w).any():
            found["weights"] = int(np.isnan(block.w).sum())
        return found


_THIN = 1 / 16  # the share of cells up to which products of the stored ones beat those of all
_PIECE = 1 << 18  # cells of an array that are looked at together: they stay in cache


@dataclass(frozen=True, eq=False)
class AssumedFinite(RowStream):
    """Rows of arrays taken for complete, so that looking and adding up are one pass: see `expect_finite`."""

    rows: ArrayRows
    design: DesignSpec

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        return (piece for _, piece in self.rows.pieces(size))


class NotFinite(Exception):  # noqa: N818 - no error: the rows are read again, with a look at each
    """Some cell of unchecked rows is NaN or infinite."""


def expect_finite(*told: np.ndarray | float) -> None:
    """Raise `NotFinite` where cells, their least and largest, or sums over columns say that some cell is not finite."""
    if not all(np.isfinite(one).all() for one in told):
        raise NotFinite


def numbered(labels: Any) -> np.ndarray:
    """The number of each row's label (n,), NaN for None, NaN and whatever else is not equal to itself."""
    values = np.asarray(labels).reshape(-1)
    if values.dtype.kind in "biuUS":
        return np.unique(values, return_inverse=True)[1].astype(float)
    known: dict[Any, int] = {}
    cells = values.tolist()
    return np.array([math.nan if _is_missing(x) else known.setdefault(x, len(known)) for x in cells], float)


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas' NA, of which nobody knows whether it is equal to anything
        return True


def infinite(what: str, place: tuple[int, ...], value: float) -> DataError:
    """The refusal of an infinity in an array."""
    return DataError(
        "value-infinite",
        f"{what}{list(place)} is {value}, which no line can follow",
        "mend the value or drop the row",
    )


def refuse_weights(w: np.ndarray, place: Callable[[int], str]) -> None:
    """Raise `DataError` for the first weight that is negative or beyond float64; `place(row)` says where it stands."""
    wrong = ((w < LIGHTEST) & (w != 0)) | (w > HEAVIEST)
    if wrong.any():
        row = int(np.argmax(wrong))
        if w[row] > 0:
            raise DataError(
                "weight-beyond-float64",
                f"{place(row)}: the weight {w[row]:g} is not between {LIGHTEST:g} and {HEAVIEST:g}, and float64 does "
                "not hold its products with columns",
                "divide or multiply all weights by one number, or give 0 to leave the row out",
            )
        raise DataError(
            "weight-negative",
            f"{place(row)}: the weight {w[row]:g} is negative",
            "give weights of zero or more",
        )


class Cuttable(Protocol):
    """Some rows that can be cut, and that tell what was left out on the way to them."""

    @property
    def rows(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def missing(self) -> Mapping[str, int]: ...
    def take(self, which: slice) -> Self: ...
    def told(self, dropped: int, missing: Mapping[str, int]) -> Self: ...


Part = TypeVar("Part", bound=Cuttable)


def regrouped(blocks: Iterable[RowBlock], size: int) -> Iterator[RowBlock]:
    """The same rows in blocks of exactly `size`, the last one shorter (and empty only when all are)."""
    return map(_joined, grouped(blocks, size))


def grouped(pieces: Iterable[Part], size: int) -> Iterator[list[Part]]:
    """The pieces in groups of exactly `size` rows, cut where need be; the last group has the rest."""
    held: list[Part] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.rows
        while count > size:
            last = held.pop()
            kept = last.rows - (count - size)
            told = last.take(slice(0, kept)).told(last.dropped, last.missing)
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
class SeenLevels(RowStream):
    """The rows of a stream without those of which some level has no coefficient, whose X is NaN; they are dropped.

    So rows held out teach nothing: a level that no training row has has no coefficient, and its rows no prediction.
    """

    rows: RowStream
    design: DesignSpec = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "design", self.rows.design)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        return regrouped(map(_seen, self.rows.blocks(size)), size)


def _seen(block: RowBlock) -> RowBlock:
    seen = np.flatnonzero(~np.isnan(block.X).any(axis=1))
    return block.take(seen).told(block.dropped + block.rows - len(seen), block.missing)


@dataclass(frozen=True)
class Split(RowStream):
    """One side of a hold-out split of the rows.

    Of every `STRIPE` consecutive complete rows the same share is held out, drawn at random by `seed`: the
    split is exact to half a row per stripe, is the same for every file format, and needs no row count.
    """

    rows: RowStream
    share: float
    seed: int
    held_out: bool
    design: DesignSpec = field(init=False)
    STRIPE = 1024

    def __post_init__(self) -> None:
        object.__setattr__(self, "design", self.rows.design)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """The rows of this side; see `RowStream`."""
        return regrouped(self._sides(), size)

    def _sides(self) -> Iterator[RowBlock]:
        for number, block in enumerate(self.rows.blocks(self.STRIPE)):
            held = held_out_rows(self.share, self.seed, number, block.rows)
            side = block.take(held if self.held_out else ~held)
            yield side if self.held_out else side.told(block.dropped, block.missing)


def held_out_rows(share: float, seed: int, stripe: int, rows: int) -> np.ndarray:
    """Which of the rows of a stripe, by its number, are held out: see `Split`."""
    order = np.random.default_rng([seed, stripe]).permutation(rows)
    held = np.zeros(rows, bool)
    held[order[: round(share * rows)]] = True
    return held


class Holdout(NamedTuple):
    """The rows that will be held out, from which no term learns: their share, and the seed that draws them."""

    share: float
    seed: int
