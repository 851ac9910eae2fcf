"""From what a user gives (a table, a frame, arrays, tensors) to rows that can be trained on."""

import itertools
import os
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, Notice, RequestError, UsageError
from gradline.core.provided import reader_of
from gradline.core.text import counted, listed
from gradline.data.design import DesignSpec, Number
from gradline.data.notation import Text
from gradline.data.row_stream import ArrayRows, Holdout, RowStream, infinite, refuse_weights
from gradline.data.schema import LARGEST_INTEGER
from gradline.data.selection import Selection

if TYPE_CHECKING:
    from gradline.data.source import Source


class Reading(NamedTuple):
    """Rows ready to be trained on, and what the user should know about them."""

    rows: RowStream
    notices: list[Notice]


def as_rows(selection: Selection, holdout: Holdout | None = None, bias: bool | None = True) -> Reading:
    """The rows behind what a user gives, of which those of `holdout` teach a formula nothing.

    `bias` is whether what they are for has one, which a formula must not contradict; None where that is open.

    Raises `DataError`, `RequestError` or `FileError`, with cause and remedy.
    """
    data, _ = selection.data, selection.meaning  # which is refused where it has no weights
    if selection.missing not in ("error", "drop"):
        raise UsageError("missing-invalid", f"missing is {selection.missing!r}", "use error or drop")
    expect_one_index({"data": data, "targets": selection.targets, "weights": selection.weights})
    for what, names in (("features", selection.features), ("exclude", selection.exclude)):
        if not (names is None or isinstance(names, (list, tuple))):  # others may be empty the second time
            raise UsageError("names-invalid", f"{what} is {names!r}", "give a list of column names")
    if selection.formula is not None:
        _expect_table(selection, bias)
    if is_array(data) and not _are_names(selection.targets):
        if selection.exclude:
            raise RequestError(
                "exclude-without-names",
                "exclude names columns, and an array has none",
                "leave the columns out of X",
            )
        return Reading(array_rows(selection), [])
    read = _reader(data)
    if read is not None:
        if selection.targets is not None or selection.exclude or selection.weights is not None:
            raise RequestError(
                "roles-given-by-dataset",
                f"a {type(data).__name__} gives its features and targets itself",
                "leave out targets, exclude and weights",
            )
        return Reading(read(data, selection.features, selection.missing), [])
    if not (selection.weights is None or isinstance(selection.weights, str)):
        selection = replace(selection, weights=_weight_vector(selection.weights))
    if _are_names(selection.targets):
        return Reading(*_tables().chosen_rows(selection, holdout=holdout))
    Y = target_matrix(selection.targets)
    taken = [str(name) for name in getattr(data, "columns", ())]
    named = dict(zip(_target_names(selection.targets, Y.shape[1], taken), Y.T, strict=True))
    return Reading(*_tables().chosen_rows(selection, named, holdout))


def keeps_bias(selection: Selection, bias: bool) -> bool:
    """Whether the model has a bias: a formula says so. Raises `UsageError` where `bias` takes away what it has."""
    if selection.formula is None:
        return bias
    from gradline.data.terms.algebra import has_bias  # noqa: PLC0415 - most fits have no formula

    found = has_bias(selection.formula)
    if found and not bias:
        raise UsageError(
            "bias-said-twice",
            "the formula has a bias and the options take it away",
            "write - 1 at the end of the formula instead",
        )
    return found


def _expect_table(selection: Selection, bias: bool | None) -> None:
    """Refuse a formula where nothing has the names that it writes, or of another bias."""
    if bias is not None and keeps_bias(selection, bias) is not bias:
        raise RequestError(
            "formula-without-bias",
            "the formula leaves out the bias, and what is asked for has one",
            "leave out - 1 (or + 0) at the end of the formula",
        )
    if is_array(selection.data) or reader_of(selection.data) is not None:
        raise RequestError(
            "formula-without-names",
            "a formula names columns, and the data have none",
            "give a table or a frame with named columns",
        )
    if selection.features is not None:
        raise RequestError(
            "formula-beside-features",
            "both a formula and features are given",
            "write the features in the formula",
        )


def expect_one_index(parts: Mapping[str, Any]) -> None:
    """Refuse frames and series whose labels differ row by row: nothing is aligned silently.

    Raises `DataError` with the first row that differs, and its two labels; others than pandas' have no labels.
    """
    indexes: dict[str, Any] = {
        name: part.index for name, part in parts.items() if hasattr(getattr(part, "index", None), "equals")
    }
    if not indexes:
        return
    (first, ours), *others = indexes.items()
    for name, theirs in others:
        if len(ours) != len(theirs) or ours.equals(theirs):
            continue  # of another length they are refused for that
        # The longest beginning that is equal, in pandas' own sense, which knows missing labels.
        row = bisect(
            range(len(ours)), False, key=lambda last: not ours[: last + 1].equals(theirs[: last + 1])
        )
        same = ", the same labels in another order" if Counter(ours) == Counter(theirs) else ""
        raise DataError(
            "indexes-differ",
            f"{first} and {name} have different indexes{same}: row {row} is {ours[row]!r} in {first} and "
            f"{theirs[row]!r} in {name}",
            f"align them, such as {name}.loc[{first}.index], or give {name}.to_numpy() to go by position",
        )


def open_table(data: Any, read: Text | None = None) -> "Source":
    """The source behind a path, a frame, or whatever else `gradline.data.tables` opens."""
    return _tables().open_table(data, read)


def rows_by(
    design: DesignSpec,
    data: Any,
    missing: str = "error",
    unseen: str = "error",
    read: Text | None = None,
    *,
    targets: Any = None,
    weights: Any = None,
) -> RowStream:
    """The rows of a table read by a design that is known, such as a model's; columns are matched by name.

    Beside a frame X `targets` and `weights` may be arrays, which stand for the columns that the design has of them. The
    columns of arrays X and Y are matched by their places. Raises `DataError` where the table lacks a column.
    """
    if is_array(data) or _reader(data) is not None:
        selection = Selection(data, targets, weights=weights, missing=missing)
        return as_rows(selection).rows.read_by(design)
    expect_one_index({"data": data, "targets": targets, "weights": weights})
    beside = {} if _are_names(targets) else _targets_of(design, targets)
    w = None if weights is None or isinstance(weights, str) else _weight_vector(weights)
    return _tables().rows_by(design, data, missing, unseen, read, beside, w)


def _reader(data: Any) -> Any:
    """What reads the data where they give features and targets themselves."""
    return None if isinstance(data, (str, os.PathLike)) else reader_of(data)


def _targets_of(design: DesignSpec, targets: Any) -> dict[str, np.ndarray]:
    """The columns of Y by the names that a design has for them: their own, where it knows these, or by their places."""
    Y, needed = target_matrix(targets), design.target_columns
    own = titles(targets) or ()
    names = own if {*own} == {*needed} else needed
    if len(names) != Y.shape[1]:
        raise DataError(
            "columns-do-not-match",
            f"Y has {counted(Y.shape[1], 'column')}, and the model predicts {listed(design.targets)}",
            f"give {listed(needed)}",
        )
    return dict(zip(names, Y.T, strict=True))


def _tables() -> Any:
    from gradline.data import tables  # noqa: PLC0415 - it loads polars, and arrays need none

    return tables


def array_rows(selection: Selection) -> ArrayRows:
    """Rows of X (n, p) and Y (n,) or (n, m), checked: shapes, row counts, names."""
    targets, features, weights = selection.targets, selection.features, selection.weights
    X, Y = (
        _features(selection.data),
        _by_columns(numbers(_native(targets), "Y").astype(np.float64, copy=False)),
    )
    if X.ndim != 2:
        advice = "a single feature needs reshape(-1, 1)" if X.ndim == 1 else "one row per observation"
        raise DataError("x-not-two-dimensional", f"X has shape {X.shape}, not (rows, features)", advice)
    if X.shape[0] != len(Y):
        raise DataError(
            "rows-do-not-match",
            f"X has shape {X.shape} and Y has shape {np.shape(targets)}: their rows do not match",
            "give one row of Y for each row of X",
        )
    if len(Y) == 0:
        raise DataError("no-rows", f"X has shape {X.shape}: there is no row", "give at least one row")
    names = list(features) if features is not None else [f"x{j}" for j in range(1, X.shape[1] + 1)]
    if len(names) != X.shape[1]:
        raise RequestError(
            "names-do-not-match",
            f"{len(names)} feature names for X of shape {X.shape}",
            "name every column of X once",
        )
    terms = tuple(Number(name) for name in names)
    names_of_targets = tuple(_target_names(targets, Y.shape[1], names))
    design = DesignSpec(terms, names_of_targets, weights_are=selection.meaning)
    w = None if weights is None else _weight_vector(weights)
    if w is not None and len(w) != len(Y):
        raise DataError(
            "rows-do-not-match",
            f"weights have shape {w.shape} for X of shape {X.shape}",
            "give one weight per row",
        )
    return ArrayRows(X, Y, w, design, selection.missing)


def _features(data: Any) -> Any:
    """X as it is, if that is real numbers; a sparse matrix row by row."""
    if isinstance(data, np.ndarray) or not is_sparse(data):
        return numbers(data, "X")
    numbers(data.tocsr().data, "X")
    return by_rows(data)


def _are_names(targets: Any) -> bool:
    if targets is None or isinstance(targets, str):
        return True
    if np.ndim(targets) == 0 and not hasattr(targets, "__len__"):
        raise RequestError(
            "target-not-text",
            f"targets is {targets!r}, which names no column",
            f"write names as text, such as '{targets}'",
        )
    return isinstance(targets, (list, tuple)) and all(isinstance(name, str) for name in targets)


def is_array(data: Any) -> bool:
    """Whether the data are numbers without column names: an array, a tensor, a nested list."""
    if isinstance(data, (list, tuple)):
        return not (data and isinstance(data[0], (Mapping, str, os.PathLike)))
    return isinstance(data, np.ndarray) or hasattr(data, "detach") or is_sparse(data)


def is_sparse(data: Any) -> bool:
    """Whether it is one of SciPy's sparse matrices or arrays: told by what it can do, so that nobody loads SciPy."""
    return hasattr(data, "tocsr") and hasattr(data, "nnz")


def by_rows(data: Any) -> Any:
    """A copy row by row (CSR) of float64, each cell stored at most once."""
    rows = data.tocsr().astype(np.float64)
    rows = rows.copy() if rows is data else rows
    rows.sum_duplicates()
    return rows


def matrix(values: Any, what: str) -> np.ndarray:
    """An array, tensor or nested list as float64; NaN where a cell is masked or missing.

    Raises `DataError` for infinities, integers beyond 2^53, and whatever is not a real number.
    """
    array = numbers(values, what).astype(np.float64, copy=False)
    if not np.isfinite(array.sum()) and np.isinf(array).any():
        place = tuple(int(i) for i in np.argwhere(np.isinf(array))[0])
        raise infinite(what, place, array[place])
    return array


def numbers(values: Any, what: str) -> np.ndarray:
    """An array, tensor or nested list as an array of real numbers, of the type that it has if that is one.

    Infinities are let through; for the rest as `matrix`.
    """
    if isinstance(values, np.ndarray) and type(values) is np.ndarray and values.dtype == np.float64:
        return values
    tensor: Any = values
    if hasattr(tensor, "detach"):  # of torch, on any device, with or without gradient
        tensor = tensor.detach().cpu()
        values = tensor.numpy() if "bfloat16" not in str(tensor.dtype) else tensor.double().numpy()
    try:
        array = np.ma.getdata(values) if np.ma.isMA(values) else np.asarray(values)
    except ValueError as error:
        raise DataError("array-ragged", f"{what} is ragged: {error}", "give rows of one length") from error
    if _largest_integer(array) > LARGEST_INTEGER:
        raise DataError(
            "integer-beyond-float64",
            f"{what} holds integers beyond 2^53, where float64 no longer holds every integer",
            "leave out identifiers; subtract an offset or rescale a measurement",
        )
    if np.ma.isMA(values):
        array = np.ma.filled(values.astype(float), np.nan)
    if array.dtype.kind not in "biufO":
        raise DataError(
            "array-not-numeric", f"{what} holds {array.dtype}, not real numbers", "turn it into numbers first"
        )
    try:
        return array.astype(np.float64) if array.dtype.kind == "O" else array
    except (TypeError, ValueError) as error:
        raise DataError(
            "array-not-numeric", f"{what} cannot be read as numbers: {error}", "turn it into numbers first"
        ) from error


def _largest_integer(array: np.ndarray) -> int:
    if array.dtype.kind in "iu" and array.itemsize > 4 and array.size:
        return max(abs(int(array.min())), int(array.max()))
    if array.dtype.kind == "O":
        return max((abs(value) for value in array.flat if isinstance(value, int)), default=0)
    return 0


def target_matrix(values: Any) -> np.ndarray:
    """Y as (n, m): a vector (n,) and a matrix (n, 1) are the same target; nothing else is reshaped."""
    return _by_columns(matrix(_native(values), "Y"))


def _native(values: Any) -> Any:
    """The array in a frame or series."""
    return values.to_numpy() if hasattr(values, "__dataframe__") or hasattr(values, "to_numpy") else values


def _by_columns(Y: np.ndarray) -> np.ndarray:
    if Y.ndim not in (1, 2):
        raise DataError(
            "y-not-one-or-two-dimensional",
            f"Y has shape {Y.shape}, not (rows,) or (rows, targets)",
            "reshape it, such as Y[:, :, 0]",
        )
    return Y[:, None] if Y.ndim == 1 else Y


@dataclass(frozen=True, eq=False)
class Titled:
    """An array (n,) or (n, m) with the names of its columns, which a library has taken from a Series or a frame."""

    values: np.ndarray
    columns: Sequence[str]

    def __len__(self) -> int:
        return len(self.values)

    def to_numpy(self) -> np.ndarray:
        """The values alone."""
        return self.values


def titles(targets: Any) -> list[str] | None:
    """The names that a Series or a frame of targets gives, None where it is an array."""
    columns, name = getattr(targets, "columns", None), getattr(targets, "name", None)
    if columns is not None:
        return [str(column) for column in columns]
    return [name] if isinstance(name, str) and name else None


def _target_names(targets: Any, count: int, taken: Sequence[str]) -> list[str]:
    """The names of a Series or a frame; for an array y, or y1, y2 …, or what no feature is called."""
    own = titles(targets)
    if own is not None and len(own) == count:
        return own
    names: list[str] = []
    for name in itertools.chain(("y", "target"), (f"target_{i}" for i in itertools.count(2))):
        names = [name] if count == 1 else [f"{name}{j}" for j in range(1, count + 1)]
        if not {*names} & {*taken}:
            break
    return names


def _weight_vector(weights: Any) -> np.ndarray:
    w = matrix(_native(weights), "weights")
    if w.ndim != 1:
        raise DataError(
            "weights-not-one-dimensional",
            f"weights have shape {w.shape}, not (rows,)",
            "give one weight per row",
        )
    refuse_weights(w, lambda row: f"weights[{row}]")
    return w
