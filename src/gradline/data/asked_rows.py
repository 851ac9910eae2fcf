"""Rows to predict: X batch by batch, of a table or an array, beside what was asked for of each row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, MissingValuesError, UnseenLevelError
from gradline.core.text import listed
from gradline.data.design import DesignSpec, Number
from gradline.data.inputs import by_rows, is_array, is_sparse, matrix, open_table
from gradline.data.notation import Text
from gradline.data.row_stream import dense
from gradline.data.schema import Kind

if TYPE_CHECKING:
    import polars as pl

_SPARSE_CELLS = 1 << 20  # cells of a sparse matrix that are predicted together


class Rows(NamedTuple):
    """A batch: X (n, p), NaN where cells are missing; columns kept as they stand; the weights (n,) of intervals.

    `unseen` counts by column the rows with a level that training did not see.
    """

    X: np.ndarray
    kept: "pl.DataFrame | None" = None
    w: np.ndarray | None = None
    unseen: Mapping[str, int] = MappingProxyType({})


def rows_to_predict(
    design: DesignSpec,
    data: Any,
    missing: str,
    unseen: str,
    read: Text,
    keep: Sequence[str] = (),
    weights: str | None = None,
) -> Iterator[Rows]:
    """The rows of a table, or of an array, batch by batch; `weights` are those of rows, if the table has the column."""
    if is_array(data):
        for first, X in _matrices(design, data):
            incomplete = np.isnan(X).any(axis=1)
            if missing != "drop" and incomplete.any():
                row = int(np.argmax(incomplete))
                raise _missing(f"row {first + row + 1}", np.array(design.features)[np.isnan(X[row])])
            yield Rows(X)
        return
    source = open_table(data, read)
    design.match(source, targets=False)
    numbers = dict(design.inputs)
    if weights is not None and weights in source.schema():
        numbers.setdefault(weights, Kind.NUMBER)
    # As text a column stands as in the table; one that is computed with is read once more for that.
    beside = [name for name in keep if name not in numbers]
    twice = [name for name in keep if name in numbers]
    again = _in_step(source.batches(dict.fromkeys(twice, Kind.TEXT))) if twice else None
    for whole in source.batches({**dict.fromkeys(beside, Kind.TEXT), **numbers}):
        batch = whole.only(list(design.inputs))
        known = batch.complete
        if missing != "drop" and not known.all():
            row = known.arg_min() or 0
            raise _missing(batch.place(row), [c.name for c in batch.frame if c[row] is None])
        X, strange = _encoded(design, batch, known, unseen)
        kept = None
        if keep:
            texts = [] if again is None else list(again(whole.frame.height))
            kept = whole.frame.with_columns(texts).select(keep)
        w = whole.frame[weights].to_numpy() if weights in numbers else None
        yield Rows(X, kept, w, {column: int(rows.sum()) for column, rows in strange.items()})


def _encoded(
    design: DesignSpec, batch: Any, known: "pl.Series", unseen: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """X (n, p), and by column which complete rows have a level unseen in training, where they are let through."""
    complete_rows, complete = batch.where(known), known.to_numpy()
    strange = {} if unseen == "error" else design.unseen(complete_rows)
    if unseen == "missing" and strange:
        complete_rows = complete_rows.without(strange.values())
        complete = complete.copy()
        complete[complete] = ~np.logical_or.reduce(list(strange.values()))
    encoded = np.empty((complete_rows.frame.height, len(design.features)))
    with offering_base():
        design.encode(complete_rows, encoded, unseen=unseen)
    X = np.full((batch.frame.height, len(design.features)), np.nan)
    X[complete] = encoded
    return X, strange


def _in_step(batches: Iterable[Any]) -> "Callable[[int], pl.DataFrame]":
    """What takes the next so many rows of batches, however long each of them is."""
    import polars as pl  # noqa: PLC0415 - arrays need no reader of tables

    frames, rest = (batch.frame for batch in batches), pl.DataFrame()

    def take(rows: int) -> pl.DataFrame:
        nonlocal rest
        while rest.height < rows:
            rest = pl.concat([rest, next(frames)]) if rest.height else next(frames)
        taken, rest = rest[:rows], rest[rows:]
        return taken

    return take


def checked_matrix(design: DesignSpec, data: Any) -> Any:
    """An array or a sparse matrix as X (n, p). Raises `DataError` where it has other columns than the design."""
    if not all(isinstance(term, Number) for term in design.terms):
        raise DataError(
            "levels-need-names",
            "an array has no names, and the model has categories or terms of a formula",
            "give a frame with named columns",
        )
    data = data if is_sparse(data) else matrix(data, "X")
    if len(data.shape) != 2 or data.shape[1] != len(design.features):
        raise DataError(
            "columns-do-not-match",
            f"X has shape {data.shape}, the model needs (rows, {len(design.features)})",
            f"give the columns {listed(design.features)}",
        )
    return data


def _matrices(design: DesignSpec, data: Any) -> Iterator[tuple[int, np.ndarray]]:
    """X (n, p) and the number of its first row; a sparse one piece by piece."""
    X = checked_matrix(design, data)
    if not is_sparse(X):
        yield 0, X
        return
    rows, size = by_rows(X), max(1, _SPARSE_CELLS // len(design.features))
    for first in range(0, rows.shape[0], size):
        yield first, checked_matrix(design, dense(rows[first : first + size]))


@contextmanager
def offering_base() -> Iterator[None]:
    """Of a level not seen in training, also says how to predict it nevertheless."""
    try:
        yield
    except UnseenLevelError as error:
        remedy = f"{error.remedy}; to take it for the base, add --unseen base (unseen='base' in Python)"
        raise UnseenLevelError(error.code, error.cause, remedy) from None


def _missing(place: str, names: Iterable[str]) -> MissingValuesError:
    return MissingValuesError(
        "missing-in-prediction",
        f"{place}: {listed(names)} is missing, so there is no prediction",
        "fill the cell, or leave such predictions empty with --missing drop (missing='drop' in Python)",
    )
