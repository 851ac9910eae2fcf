"""Complete numeric rows in blocks of any size: from a table with its recipe, or from arrays."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradline.data import Batch, Source, open_table
from gradline.data.columnar import FrameSource
from gradline.data.source import LARGEST_INTEGER
from gradline.design import Number, Recipe, learn
from gradline.errors import DataError, MissingValuesError, Notice, RequestError, UsageError
from gradline.wording import listed

_DROP = "leave these rows out with --missing drop (missing='drop' in Python), or fill the cells first"


class Block(NamedTuple):
    """Complete rows: X (n, p), Y (n, m) and row weights w (n,), or None for weights of one.

    `dropped` rows with missing cells were left out on the way; `missing` counts their cells by column.
    """

    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None
    dropped: int = 0
    missing: Mapping[str, int] = {}

    def take(self, which: np.ndarray | slice) -> "Block":
        """Some of the rows; what was dropped is not told again."""
        return Block(self.X[which], self.Y[which], None if self.w is None else self.w[which])


class Rows(Protocol):
    """Rows that can be read again and again; `recipe` says what the columns of X and Y are."""

    @property
    def recipe(self) -> Recipe:
        """The terms behind X and the targets behind Y."""
        ...

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows in order, in blocks of exactly `size` rows but for the last, which may be empty.

        The blocks do not depend on the file's format, so neither does any number computed from them.
        """
        ...


@dataclass(frozen=True)
class TableRows:
    """The complete rows of a table. `missing` is "error" or "drop"."""

    source: Source
    recipe: Recipe
    missing: str = "error"

    def blocks(self, size: int) -> Iterator[Block]:
        """See `Rows`. Raises `MissingValuesError`, after counting the whole table, unless told to drop."""
        return _regrouped(self._batches(), size)

    def _batches(self) -> Iterator[Block]:
        counted, incomplete, rows = Counter(), 0, 0
        for batch in self.source.batches(self.recipe.columns):
            absent = {s.name: n for s in batch.frame if (n := s.null_count())}
            rows += batch.frame.height
            X = self.recipe.encode(batch)
            Y = np.column_stack([batch.frame[t].fill_null(np.nan).to_numpy() for t in self.recipe.targets])
            w = self._weights(batch)
            keep = _complete(X, Y, w)
            dropped = int(len(keep) - keep.sum())
            counted.update(absent)
            incomplete += dropped
            if dropped and self.missing != "drop":
                continue  # the error below wants the counts of the whole table
            yield _block(X, Y, w, keep, dropped, absent)
        if incomplete and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in counted.items())
            raise MissingValuesError(
                f"{self.source.name} has missing cells: {cells} ({incomplete:,} of {rows:,} rows)", _DROP
            )

    def _weights(self, batch: Batch) -> np.ndarray | None:
        name = self.recipe.weights
        if name is None:
            return None
        w = batch.frame[name].fill_null(np.nan).to_numpy()
        _refuse_negative(w, lambda row: f"column {name}, {batch.place(row)}")
        return w


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Rows of arrays in memory: X (n, p), Y (n, m), w (n,) or None; all float64."""

    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None
    recipe: Recipe
    missing: str = "error"

    def blocks(self, size: int) -> Iterator[Block]:
        """See `Rows`."""
        return _regrouped(self._batches(), size)

    def _batches(self) -> Iterator[Block]:
        keep = _complete(self.X, self.Y, self.w)
        dropped = int(len(keep) - keep.sum())
        absent = self._absent() if dropped else {}
        if dropped and self.missing != "drop":
            cells = listed(f"{name} {count:,}" for name, count in absent.items())
            raise MissingValuesError(
                f"the arrays have missing cells (NaN): {cells} ({dropped:,} of {len(keep):,} rows)", _DROP
            )
        yield _block(self.X, self.Y, self.w, keep, dropped, absent)

    def _absent(self) -> dict[str, int]:
        names = (*self.recipe.features, *self.recipe.targets)
        counts = np.concatenate([np.isnan(self.X).sum(axis=0), np.isnan(self.Y).sum(axis=0)])
        found = {name: int(count) for name, count in zip(names, counts, strict=True) if count}
        if self.w is not None and np.isnan(self.w).any():
            found["weights"] = int(np.isnan(self.w).sum())
        return found


def _complete(X: np.ndarray, Y: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    """Which rows have no NaN; a row of weight zero is absent, so its cells may be missing."""
    keep = np.ones(len(X), bool)
    if not (np.isfinite(X.sum()) and np.isfinite(Y.sum())):  # a finite sum proves that no cell is NaN
        keep &= ~np.isnan(X).any(axis=1)
        keep &= ~np.isnan(Y).any(axis=1)
    if w is not None:
        keep |= w == 0
        keep &= ~np.isnan(w)
    return keep


def _block(
    X: np.ndarray,
    Y: np.ndarray,
    w: np.ndarray | None,
    keep: np.ndarray,
    dropped: int,
    absent: Mapping[str, int],
) -> Block:
    if w is not None:
        keep = keep & (w > 0)
    whole = Block(X, Y, w)
    return (whole if keep.all() else whole.take(keep))._replace(dropped=dropped, missing=absent)


def _refuse_negative(w: np.ndarray, place: Callable[[int], str]) -> None:
    wrong = w < 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{place(row)}: the weight {w[row]:g} is negative", "give weights of zero or more")


def _regrouped(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    """The same rows in blocks of exactly `size`, the last one shorter (and empty only when all are)."""
    held: list[Block] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block.X)
        while count > size:
            whole = _joined(held)
            yield whole.take(slice(0, size))._replace(dropped=whole.dropped, missing=whole.missing)
            held, count = [whole.take(slice(size, None))], count - size
    if held:
        yield _joined(held)


def _joined(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    w = None if blocks[0].w is None else np.concatenate([b.w for b in blocks if b.w is not None])
    missing = sum((Counter(b.missing) for b in blocks), Counter())
    X = np.concatenate([b.X for b in blocks])
    Y = np.concatenate([b.Y for b in blocks])
    return Block(X, Y, w, sum(b.dropped for b in blocks), dict(missing))


@dataclass(frozen=True)
class Split:
    """One side of a hold-out split of the rows.

    Of every `STRIPE` consecutive complete rows the same share is held out, drawn at random by `seed`: the
    split is exact to half a row per stripe, is the same for every file format, and needs no row count.
    """

    rows: Rows
    share: float
    seed: int
    held_out: bool
    STRIPE = 1024

    @property
    def recipe(self) -> Recipe:
        """The recipe of the rows that were split."""
        return self.rows.recipe

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows of this side; see `Rows`."""
        return _regrouped(self._sides(), size)

    def _sides(self) -> Iterator[Block]:
        for number, block in enumerate(self.rows.blocks(self.STRIPE)):
            order = np.random.default_rng([self.seed, number]).permutation(len(block.X))
            held = np.zeros(len(block.X), bool)
            held[order[: round(self.share * len(order))]] = True
            side = block.take(held if self.held_out else ~held)
            yield side if self.held_out else side._replace(dropped=block.dropped, missing=block.missing)


def in_memory(rows: Rows, cells: int) -> Rows:
    """The rows as arrays, if they have at most `cells` cells; otherwise the rows as they came."""
    if isinstance(rows, ArrayRows):
        return rows
    width = len(rows.recipe.features) + len(rows.recipe.targets)
    blocks = rows.blocks(max(1, cells // width))
    first = next(blocks)
    if next(blocks, None) is not None:
        return rows
    return ArrayRows(np.ascontiguousarray(first.X), np.ascontiguousarray(first.Y), first.w, rows.recipe)


class Reading(NamedTuple):
    """Rows ready to be trained on, and what the user should know about them."""

    rows: Rows
    notices: list[Notice]


def read(
    data: Any,
    targets: Any = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    weights: Any = None,
    missing: str = "error",
) -> Reading:
    """The rows behind what a user gives.

    Parameters: `data` is a table (see `open_table`) and `targets` the names of its target columns; or
    `data` is X, an array or tensor (n, p) or a frame, and `targets` is Y, (n,) or (n, m), row for row.
    `features` and `exclude` choose columns of a table, or name the columns of an array (x1, x2, … by
    default). `weights` names a column or is an array (n,). `missing` is "error" (refuse and count) or
    "drop". Raises `DataError`, `RequestError` or `FileError`, each with cause and remedy.
    """
    if missing not in ("error", "drop"):
        raise UsageError(f"missing is {missing!r}", "use error or drop")
    if _are_names(targets):
        names = [targets] if isinstance(targets, str) else list(targets or [])
        return _read_table(open_table(data), names, features, exclude, weights, missing)
    if is_array(data):
        return Reading(_array_rows(data, targets, features, weights, missing), [])
    source = FrameSource.of(data)
    if source is None:
        raise DataError(
            f"{type(data).__name__} is neither an array nor a table",
            "give X as an array (n, p) or as a frame",
        )
    Y = target_matrix(targets)
    names = _target_names(targets, Y.shape[1])
    columns = dict(zip(names, Y.T, strict=True))
    if weights is not None and not isinstance(weights, str):
        columns["(weights)"] = _weight_vector(weights, len(Y))
        weights = "(weights)"
    return _read_table(source.beside(columns), names, features, exclude, weights, missing)


def _read_table(
    source: Source,
    targets: Sequence[str],
    features: Sequence[str] | None,
    exclude: Sequence[str],
    weights: Any,
    missing: str,
) -> Reading:
    if weights is not None and not isinstance(weights, str):
        raise RequestError(
            "weights is no column name", "name the column of weights, or give X and Y as arrays"
        )
    recipe, notices = learn(source, targets, features, exclude, weights)
    return Reading(TableRows(source, recipe, missing), notices)


def _array_rows(
    data: Any, targets: Any, features: Sequence[str] | None, weights: Any, missing: str
) -> ArrayRows:
    X, Y = matrix(data, "X"), target_matrix(targets)
    if X.ndim != 2:
        advice = "a single feature needs reshape(-1, 1)" if X.ndim == 1 else "one row per observation"
        raise DataError(f"X has shape {X.shape}, not (rows, features)", advice)
    if len(X) != len(Y):
        raise DataError(
            f"X has shape {X.shape} and Y has shape {np.shape(targets)}: their rows do not match",
            "give one row of Y for each row of X",
        )
    if len(X) == 0:
        raise DataError(f"X has shape {X.shape}: there is no row", "give at least one row")
    names = list(features) if features is not None else [f"x{j}" for j in range(1, X.shape[1] + 1)]
    if len(names) != X.shape[1]:
        raise RequestError(
            f"{len(names)} feature names for X of shape {X.shape}", "name every column of X once"
        )
    terms = tuple(Number(name) for name in names)
    recipe = Recipe(terms, tuple(_target_names(targets, Y.shape[1])))
    w = None if weights is None else _weight_vector(weights, len(X))
    return ArrayRows(X, Y, w, recipe, missing)


def _are_names(targets: Any) -> bool:
    if targets is None or isinstance(targets, str):
        return True
    return isinstance(targets, (list, tuple)) and all(isinstance(name, str) for name in targets)


def is_array(data: Any) -> bool:
    """Whether the data are numbers without column names: an array, a tensor, a nested list."""
    return isinstance(data, (np.ndarray, list, tuple)) or hasattr(data, "detach")


def matrix(values: Any, what: str) -> np.ndarray:
    """An array, tensor or nested list as float64; NaN where a cell is masked or missing.

    Raises `DataError` for infinities, integers beyond 2^53, and whatever is not a real number.
    """
    if hasattr(values, "detach"):  # a torch tensor, on any device, with or without gradient
        values = values.detach().cpu()
        values = values.numpy() if "bfloat16" not in str(values.dtype) else values.double().numpy()
    try:
        array = np.ma.filled(values.astype(float), np.nan) if np.ma.isMA(values) else np.asarray(values)
    except ValueError as error:
        raise DataError(f"{what} is ragged: {error}", "give rows of one length") from error
    if (
        array.dtype.kind in "iu"
        and array.size
        and max(abs(int(array.min())), int(array.max())) > LARGEST_INTEGER
    ):
        raise DataError(
            f"{what} holds integers beyond 2^53, where float64 no longer holds every integer",
            "leave out identifiers; subtract an offset or rescale a measurement",
        )
    if array.dtype.kind not in "biufO":
        raise DataError(f"{what} holds {array.dtype}, not real numbers", "turn it into numbers first")
    try:
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} cannot be read as numbers: {error}", "turn it into numbers first") from error
    if not np.isfinite(array.sum()) and np.isinf(array).any():
        place = tuple(int(i) for i in np.argwhere(np.isinf(array))[0])
        raise DataError(
            f"{what}{list(place)} is {array[place]}, which no line can follow",
            "mend the value or drop the row",
        )
    return array


def target_matrix(values: Any) -> np.ndarray:
    """Y as (n, m): a vector (n,) and a matrix (n, 1) are the same target; nothing else is reshaped."""
    if hasattr(values, "__dataframe__") or hasattr(values, "to_numpy"):
        values = values.to_numpy()
    Y = matrix(values, "Y")
    if Y.ndim not in (1, 2):
        raise DataError(
            f"Y has shape {Y.shape}, not (rows,) or (rows, targets)", "reshape it, such as Y[:, :, 0]"
        )
    return Y[:, None] if Y.ndim == 1 else Y


def _target_names(targets: Any, count: int) -> list[str]:
    columns = getattr(targets, "columns", None)
    if columns is not None:
        return [str(name) for name in columns]
    name = getattr(targets, "name", None)
    if count == 1:
        return [name if isinstance(name, str) and name else "y"]
    return [f"y{j}" for j in range(1, count + 1)]


def _weight_vector(weights: Any, rows: int) -> np.ndarray:
    w = matrix(weights.to_numpy() if hasattr(weights, "to_numpy") else weights, "weights")
    if w.shape != (rows,):
        raise DataError(f"weights have shape {w.shape} for {rows} rows", "give one weight per row")
    _refuse_negative(w, lambda row: f"weights[{row}]")
    return w
