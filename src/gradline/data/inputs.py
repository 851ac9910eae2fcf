"""From what a user gives (a table, a frame, arrays, tensors) to rows that can be trained on."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, Notice, RequestError, UsageError
from gradline.data import open_table
from gradline.data.columnar import FrameSource
from gradline.data.design import DesignSpec, Number
from gradline.data.infer_design import infer_design
from gradline.data.row_stream import ArrayRows, RowStream, TableRows, infinite, refuse_negative
from gradline.data.source import LARGEST_INTEGER
from gradline.data.sparse import by_rows, is_sparse

WEIGHTS = "(weights)"  # what an array of weights beside a frame is called


class Reading(NamedTuple):
    """Rows ready to be trained on, and what the user should know about them."""

    rows: RowStream
    notices: list[Notice]


def as_rows(
    data: Any,
    targets: Any = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    weights: Any = None,
    missing: str = "error",
) -> Reading:
    """The rows behind what a user gives.

    Parameters: `data` is a table (see `open_table`) and `targets` the names of its target columns; or
    `data` is X, an array, tensor, sparse matrix (n, p) or a frame, and `targets` is Y, (n,) or (n, m), row for row; or
    `data` alone is a torch `Dataset` or `DataLoader` of pairs (x, y).
    `features` and `exclude` choose columns of a table, or name the columns of an array (x1, x2, … by
    default). `weights` names a column or is an array (n,). `missing` is "error" (refuse and count) or
    "drop". Raises `DataError`, `RequestError` or `FileError`, each with cause and remedy.
    """
    if missing not in ("error", "drop"):
        raise UsageError("missing-invalid", f"missing is {missing!r}", "use error or drop")
    if _is_torch_dataset(data):
        return Reading(_torch_rows(data, targets, features, exclude, weights, missing), [])
    if _are_names(targets):
        names = [targets] if isinstance(targets, str) else list(targets or [])
        source = open_table(data)
    elif is_array(data):
        if exclude:
            raise RequestError(
                "exclude-without-names",
                "exclude names columns, and an array has none",
                "leave the columns out of X",
            )
        return Reading(array_rows(data, targets, features, weights, missing), [])
    else:
        Y = target_matrix(targets)
        names = _target_names(targets, Y.shape[1])
        source = _frame(data, "X").beside(dict(zip(names, Y.T, strict=True)))
    if weights is not None and not isinstance(weights, str):
        frame = (
            source if isinstance(source, FrameSource) else _frame(data, "a table with an array of weights")
        )
        source = frame.beside({WEIGHTS: _weight_vector(weights)})
        weights = WEIGHTS
    design, notices = infer_design(source, names, features, exclude, weights)
    return Reading(TableRows(source, design, missing), notices)


def _is_torch_dataset(data: Any) -> bool:
    """Whether it is a Dataset or a DataLoader, without loading PyTorch to ask."""
    return any(cls.__module__.startswith("torch.utils.data") for cls in type(data).__mro__)


def _torch_rows(
    data: Any,
    targets: Any,
    features: Sequence[str] | None,
    exclude: Sequence[str],
    weights: Any,
    missing: str,
) -> RowStream:
    from gradline.pytorch.convert import torch_rows  # noqa: PLC0415 - a convenience that calls upwards

    if targets is not None or exclude or weights is not None:
        raise RequestError(
            "roles-given-by-dataset",
            f"a {type(data).__name__} gives its features and targets itself",
            "leave out targets, exclude and weights",
        )
    return torch_rows(data, features, missing)


def _frame(data: Any, what: str) -> FrameSource:
    source = None if isinstance(data, str) else FrameSource.of(data)
    if source is None:
        raise DataError(
            "not-an-array",
            f"{type(data).__name__} cannot be {what}",
            "give an array (n, p) or a frame with named columns",
        )
    return source


def array_rows(
    data: Any, targets: Any, features: Sequence[str] | None, weights: Any, missing: str
) -> ArrayRows:
    """Rows of X (n, p) and Y (n,) or (n, m), checked: shapes, row counts, names."""
    X, Y = _features(data), _by_columns(numbers(_native(targets), "Y").astype(np.float64, copy=False))
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
    design = DesignSpec(terms, tuple(_target_names(targets, Y.shape[1])))
    w = None if weights is None else _weight_vector(weights)
    if w is not None and len(w) != len(Y):
        raise DataError(
            "rows-do-not-match",
            f"weights have shape {w.shape} for X of shape {X.shape}",
            "give one weight per row",
        )
    return ArrayRows(X, Y, w, design, missing)


def _features(data: Any) -> Any:
    """X as it is, if that is real numbers; a sparse matrix row by row."""
    if not is_sparse(data):
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
    if hasattr(values, "detach"):  # a torch tensor, on any device, with or without gradient
        values = values.detach().cpu()
        values = values.numpy() if "bfloat16" not in str(values.dtype) else values.double().numpy()
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


def _target_names(targets: Any, count: int) -> list[str]:
    columns = getattr(targets, "columns", None)
    if columns is not None:
        return [str(name) for name in columns]
    name = getattr(targets, "name", None)
    if count == 1:
        return [name if isinstance(name, str) and name else "y"]
    return [f"y{j}" for j in range(1, count + 1)]


def _weight_vector(weights: Any) -> np.ndarray:
    w = matrix(_native(weights), "weights")
    if w.ndim != 1:
        raise DataError(
            "weights-not-one-dimensional",
            f"weights have shape {w.shape}, not (rows,)",
            "give one weight per row",
        )
    refuse_negative(w, lambda row: f"weights[{row}]")
    return w
