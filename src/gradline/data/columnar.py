"""Typed tables: Parquet and Arrow files, lazy frames, and frames in memory from any library."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.selectors import by_name  # a text such as ^.*$ or * would be a pattern

from gradline.core.derived import cached_property
from gradline.core.errors import DataError, FileError
from gradline.core.text import said
from gradline.data.cells import TYPED, Spelling, converted
from gradline.data.held import scannable
from gradline.data.notation import Text
from gradline.data.remote import unreachable
from gradline.data.schema import CLOCKS, DATES, EMPTY, Column, Kind, expect_distinct
from gradline.data.source import METER, Batch, Source

# What polars raises, and what it does where a thread of its own fails, which is no `Exception`.
FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
_ANY = (Exception, pl.exceptions.PanicException)  # and where the log of a lake holds what nobody expects
_CELLS = 1 << 21  # per batch: 16 MB of numbers
_ROWS = 1 << 17  # at most


def rows_of_batch(columns: int) -> int:
    """The rows of a batch, so that tables of thousands of columns come in batches of few rows."""
    return min(_ROWS, max(1, _CELLS // max(1, columns)))


@dataclass(frozen=True)
class LazySource(Source):
    """Rows of a polars LazyFrame: a Parquet or Arrow file, or any query.

    Where it is `trusted` nobody looks whether numbers are finite here: whoever adds them up will notice. `declared`
    are columns of which more is known than their types here tell. A file and a `stored` table say how many rows they
    have, and so many must come. Of some of its rows, `skipped` stand before them, and `above` tells how many lines of a
    sheet do, which is asked where a row is named.
    """

    scan: pl.LazyFrame
    name: str
    path: Path | None = None
    trusted: bool = False
    declared: Mapping[str, Column] = field(default_factory=dict)
    stored: bool = False
    spelling: Spelling = TYPED
    skipped: int = 0
    above: Callable[[], int] = int

    def rows(self, first: int, count: int) -> "LazySource":
        """So many rows of the table from row `first` on, the first one being 0: other row groups are not read."""
        return replace(self, scan=self.scan.slice(first, count), skipped=self.skipped + first)

    def told(self, read: Text) -> "LazySource":
        """See `Source`."""
        return replace(self, spelling=Spelling.told(read, self.spelling.missing))

    def schema(self) -> dict[str, Column]:
        """The columns by their types."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        try:
            found = self.scan.collect_schema()
        except _ANY as error:
            raise self._unreadable(error) from error
        return {name: self.declared.get(name) or column_of(dtype) for name, dtype in found.items()}

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in their order; only these columns are decoded."""
        first, spelling = 0, self.spelling.of(self)
        if self.path is not None:
            METER.begin(self.path)
        # The one place that touches a polars API marked unstable: the version is pinned for it.
        batches = iter(
            self.scan.select(by_name(*columns)).collect_batches(
                chunk_size=rows_of_batch(len(columns)), maintain_order=True
            )
        )
        while True:
            try:
                frame = next(batches, None)
            except _ANY as error:
                raise self._unreadable(error) from error
            if frame is None:
                break
            if self.path is not None and self.height:
                METER.reach(self.path, (first + frame.height) / self.height)
            place = place_in(self.skipped + first, self.name, self.above)
            yield typed_batch(frame, columns, place, self.trusted, spelling)
            first += frame.height
        if (
            self.height is not None and first != self.height
        ):  # a thread that fails ends the rows without a word
            raise self._unreadable(f"{first:,} of its {self.height:,} rows can be read")

    def assume_finite(self) -> "LazySource":
        """The same table, trusted."""
        return replace(self, trusted=True)

    @property
    def height(self) -> int | None:
        """The rows that a file says it has, at its end; a query says nothing before it is run."""
        return self._height

    @cached_property
    def _height(self) -> int | None:
        try:
            counts = self.path is not None or self.stored
            return self.scan.select(pl.len()).collect().item() if counts else None
        except _ANY as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: object) -> FileError:
        return unreadable(self.name, error)


def typed_batch(
    frame: pl.DataFrame,
    columns: Mapping[str, Kind],
    place: Callable[[int], str],
    trusted: bool,
    spelling: Spelling = TYPED,
) -> Batch:
    """Rows of a typed table; where it is trusted, numbers are taken as they lie, unless some mean a gap."""
    if not trusted or spelling.codes:
        return Batch.of(frame.get_columns(), columns, place, spelling)
    found = [
        column
        if column.dtype == pl.Float64 and columns[column.name].is_numeric
        else converted(column, columns[column.name], place, spelling)
        for column in frame
    ]
    return Batch(pl.DataFrame({column.name: column for column in found}), place)


def unreadable(name: str, error: object) -> FileError:
    """The refusal of a typed file that does not hold what its beginning promises, or is out of reach."""
    if "://" in name:
        return unreachable(name, error)
    return FileError(
        "file-damaged",
        f"{name} is damaged or cut short: {said(error)}",
        "copy it again, or write it again whole",
    )


def parquet(path: Path, name: str) -> LazySource:
    """A Parquet file."""
    return LazySource(pl.scan_parquet(scannable(path), glob=False), name, path)


def arrow(path: Path, name: str) -> LazySource:
    """An Arrow IPC file (Feather version 2)."""
    return LazySource(pl.scan_ipc(scannable(path), glob=False), name, path)


@dataclass(frozen=True)
class FrameSource(Source):
    """Rows of a frame in memory: pandas, polars, pyarrow or another that narwhals knows."""

    frame: Any  # a narwhals DataFrame
    name: str
    spelling: Spelling = TYPED  # of text, which holds numbers where a row was typed in

    def told(self, read: Text) -> "FrameSource":
        """See `Source`."""
        return replace(self, spelling=Spelling.told(read, self.spelling.missing))

    @classmethod
    def of(cls, native: Any) -> "FrameSource | None":
        """The frame as a source, or None when it is no frame."""
        import narwhals as nw  # noqa: PLC0415 - a file needs no narwhals

        if isinstance(native, (Mapping, list)):
            native = _from_python(native)
        try:
            if hasattr(native, "__arrow_c_stream__") and not nw.dependencies.is_into_dataframe(native):
                native = pl.DataFrame(native)
            frame = nw.from_native(native, eager_only=True, pass_through=True)
        except Exception as error:  # each library refuses in its own words
            raise DataError(
                "no-table", f"{type(native).__name__} is no table: {error}", "give a frame of named columns"
            ) from error
        if not isinstance(frame, nw.DataFrame):
            return None
        expect_distinct([str(name) for name in frame.columns], "the frame")
        return cls(frame, "the frame")

    def names(self) -> list[str]:
        """The columns' names."""
        return [str(name) for name in self.frame.columns]

    def schema(self) -> dict[str, Column]:
        """The columns by their types; object columns by their values."""
        return dict(self._schema)

    @cached_property
    def _schema(self) -> dict[str, Column]:
        found = {}
        for name in self.frame.columns:
            levels = _declared(self.frame.get_column(name))
            found[str(name)] = Column(Kind.TEXT, levels=levels) if levels else column_of(self._dtype(name))
        return found

    def last_cells(self, columns: Sequence[str]) -> Sequence[str | None]:
        """See `Source`: without the reading of all."""
        natives, last = {str(name): name for name in self.frame.columns}, slice(len(self.frame) - 1, None)
        return [str(self._polars(natives[name], last)[0]).strip() for name in columns]

    def beside(self, columns: Mapping[str, np.ndarray]) -> "FrameSource":
        """The frame with more columns, or others of the same name. Raises `DataError` where the rows do not fit."""
        import narwhals as nw  # noqa: PLC0415 - see `of`

        own = [self._whole(name) for name in self.frame.columns if str(name) not in columns]
        for name, values in columns.items():
            if len(values) != len(self.frame):
                raise DataError(
                    "rows-do-not-match",
                    f"the frame has {len(self.frame):,} rows and {name} has {len(values):,}",
                    "give one value for each row",
                )
        added = [pl.Series(name, values) for name, values in columns.items()]
        whole = pl.DataFrame({series.name: series for series in own + added})
        return replace(self, frame=nw.from_native(whole))

    def _whole(self, name: Any) -> pl.Series:
        """A column with its declared levels."""
        series, levels = self._polars(name, slice(None)), _declared(self.frame.get_column(name))
        return series if levels is None else self.spelling.words(series).cast(pl.Enum(levels))

    def _dtype(self, name: Any) -> pl.DataType:
        sample = self._polars(name, slice(0, 1000))
        return self._polars(name, slice(None)).dtype if sample.dtype == pl.Null else sample.dtype

    def batches(self, columns: Mapping[str, Kind]) -> Iterator[Batch]:
        """The rows in slices, converted one slice at a time."""
        natives = {str(name): name for name in self.frame.columns}
        size, spelling = rows_of_batch(len(columns)), self.spelling.of(self)
        for first in range(0, len(self.frame), size):
            rows = slice(first, first + size)
            series = [self._polars(natives[name], rows).alias(name) for name in columns]
            yield Batch.of(series, columns, place_in(first, self.name), spelling)

    def _polars(self, name: Any, rows: slice) -> pl.Series:
        """Some rows of a column as a polars series."""
        column = self.frame.get_column(name)[rows]
        if column.implementation.is_polars():
            return column.to_native()
        if column.implementation.is_pyarrow():
            return pl.Series(str(name), pl.from_arrow(column.to_native()))
        missing = column.is_null()
        if column.dtype.is_float() or (column.dtype.is_integer() and not missing.any()):
            return pl.Series(str(name), column.to_numpy())
        values = [None if is_missing else value for value, is_missing in zip(column, missing, strict=True)]
        return pl.Series(str(name), values, strict=False)


def _from_python(rows: Any) -> pl.DataFrame:
    """A mapping of columns, or a list of rows as mappings, as a frame."""
    try:
        if isinstance(rows, list):
            return pl.DataFrame(
                [{str(name): value for name, value in row.items()} for row in rows], strict=False
            )
        return pl.DataFrame({str(name): values for name, values in rows.items()})
    except (pl.exceptions.PolarsError, AttributeError, TypeError, ValueError) as error:
        raise DataError(
            "no-table", f"the rows make no table: {error}", "give columns of one type and one length"
        ) from error


def _declared(column: Any) -> tuple[str, ...] | None:
    """The levels of a category as pandas, Arrow's dictionary or polars' Enum declare them, None of other columns."""
    native = column.to_native()
    if column.implementation.is_polars():
        return column_of(native.dtype).levels
    if column.implementation.is_pyarrow():
        values = getattr(native.type, "value_type", None) and native.combine_chunks()
        found = getattr(values, "dictionary", None)
        return None if found is None else _spelled(found.to_pylist())
    found = getattr(getattr(native, "dtype", None), "categories", None)
    return None if found is None else _spelled(found.tolist())


def _spelled(levels: Iterable[Any]) -> tuple[str, ...]:
    """Levels as their cells are read, which may be numbers and truth values."""
    texts = (str(level).lower() if isinstance(level, bool) else str(level).strip() for level in levels)
    return tuple(dict.fromkeys(texts))


def column_of(dtype: pl.DataType) -> Column:
    """What a column of this type is to a model."""
    if dtype.is_numeric():
        return Column(Kind.NUMBER)
    if dtype == pl.Boolean:
        return Column(Kind.BOOLEAN)
    if isinstance(dtype, pl.Enum):
        return Column(Kind.TEXT, levels=_spelled(dtype.categories))
    if dtype in (pl.String, pl.Categorical):
        return Column(Kind.TEXT)
    if dtype == pl.Null:
        return EMPTY
    if dtype in (pl.Date, pl.Datetime):
        return DATES
    if dtype == pl.Time:
        return CLOCKS
    return Column(Kind.OTHER, f"holds {dtype}, which must be turned into numbers first")


def place_in(first: int, name: str, above: Callable[[], int] = int) -> Callable[[int], str]:
    """How the rows from `first` on are called, below so many others."""
    return lambda row: f"row {above() + first + row + 1:,} of {name}"
