"""The rows of any table as PyTorch datasets: streamed in batches, or spooled once for random access."""

import math
import os
import tempfile
import warnings
import weakref
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, Sampler, get_worker_info

# Torch documents this table, in `default_collate`, as the way to teach it a type; it has no public path.
from torch.utils.data._utils.collate import default_collate_fn_map

from gradline.core.arguments import is_whole
from gradline.core.errors import DataError, FileError, GradlineWarning, RequestError, UsageError
from gradline.core.permutation import keys, permutation
from gradline.data.inputs import as_rows
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.data.selection import Choice, Selection, unweighted

_DTYPES: dict[torch.dtype, type[np.floating]] = {torch.float32: np.float32, torch.float64: np.float64}
_SPOOL_CELLS = 1 << 20  # cells written at a time: 8 MB of float64


class TensorPair(NamedTuple):
    """The tensors of one row, x (p,) and y (m,), or of b rows, x (b, p) and y (b, m)."""

    x: torch.Tensor
    y: torch.Tensor

    def __reduce__(self) -> Any:
        """Workers send plain bytes: torch would open a shared memory file and a socket for every tensor."""
        return _tensor_pair, (self.x.numpy(), self.y.numpy())


def _tensor_pair(x: np.ndarray, y: np.ndarray) -> TensorPair:
    return TensorPair(torch.from_numpy(x), torch.from_numpy(y))


class RowIterableDataset(IterableDataset[TensorPair]):
    """The rows of a table in ready batches (xb (b, p), yb (b, m)), decoded as they stream by.

    The batches come in the table's order, the last one short, and are the same in the same order for any
    `num_workers`: of k workers each yields every k-th batch. A source cannot skip rows, so each worker decodes
    the whole table: on two cores an epoch took 1.5 times as long with one worker as with none, and 2.5 times
    with two. One worker pays where the loop's own steps are slow, given `prefetch_factor=64`, since a decoded
    block holds dozens of batches. Workers must be started afresh, with `multiprocessing_context="spawn"`: a
    forked process cannot use the threads of polars, and is refused.

    Parameters: `data`, `targets`, `features`, `exclude`, `missing` as in `gradline.fit`. `batch_size`: rows
    per batch, 1024, at which decoding and not Python sets the pace. `dtype`: torch.float32, that of
    `nn.Linear`, or torch.float64.

    `features` and `targets` name the columns of xb and yb. Raises `UsageError`, `RequestError`, `DataError` or
    `FileError`; rows with missing cells raise `MissingValuesError` once the first epoch has counted them all.

    >>> from torch.utils.data import DataLoader
    >>> from gradline.pytorch import RowIterableDataset
    >>> stream = RowIterableDataset("example:crops", ["apples", "oranges"], batch_size=10)
    >>> [tuple(yb.shape) for xb, yb in DataLoader(stream, batch_size=None)]
    [(10, 2), (5, 2)]
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        *,
        batch_size: int = 1024,
        dtype: torch.dtype = torch.float32,
        **choice: Unpack[Choice],
    ) -> None:
        _expect_batch_size(batch_size)
        _expect_dtype(dtype)
        self._rows = _rows(Selection(data, targets, **choice))
        self._process = os.getpid()
        self.features, self.targets = self._rows.design.features, self._rows.design.targets
        self.batch_size = int(batch_size)
        self.dtype = dtype

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _process=os.getpid())

    def __iter__(self) -> Iterator[TensorPair]:
        if self._rows.table is not None and os.getpid() != self._process:
            raise RequestError(
                "fork-unsupported",
                "a forked process cannot decode a table: the threads of polars do not survive a fork",
                'give the DataLoader multiprocessing_context="spawn" (a script then needs its '
                'if __name__ == "__main__"), or num_workers=0',
            )
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for block in islice(self._rows.blocks(self.batch_size), first, None, step):
            yield _tensor_pair(*_arrays(block, self._rows, self.dtype))


class RowDataset(Dataset[TensorPair]):
    """The rows of a table by number: `dataset[i]` is (x (p,), y (m,)), `dataset[:3]` is (x (3, p), y (3, m)).

    The rows are decoded once, into a temporary file of n·(p + m) values in the folder that TMPDIR names (a disk,
    where the rows exceed memory). The file is mapped, not loaded. Workers, forked or spawned, read the same
    file; it is removed with the dataset, at the latest when Python ends. A batch is taken from the file as a
    whole, and torch's default collation hands it on without stacking its rows.

    Parameters: `data`, `targets`, `features`, `exclude`, `missing` as in `gradline.fit`. `dtype`:
    torch.float32, that of `nn.Linear`, or torch.float64.

    `features` and `targets` name the columns of x and y. Raises `UsageError`, `RequestError`, `DataError`, or
    `FileError`, also when the folder is full.

    >>> from torch.utils.data import DataLoader
    >>> from gradline.pytorch import RowDataset
    >>> dataset = RowDataset("example:crops", ["apples", "oranges"])
    >>> dataset[0].x, dataset[0].y
    (tensor([73., 67., 43.]), tensor([56., 70.]))
    >>> [tuple(xb.shape) for xb, yb in DataLoader(dataset, batch_size=10, shuffle=True)]
    [(10, 3), (5, 3)]
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        *,
        dtype: torch.dtype = torch.float32,
        **choice: Unpack[Choice],
    ) -> None:
        _expect_dtype(dtype)
        rows = _rows(Selection(data, targets, **choice))
        self.features, self.targets = rows.design.features, rows.design.targets
        self.dtype = dtype
        handle, self._path = tempfile.mkstemp(prefix="gradline-rows-")
        remove = weakref.finalize(self, _remove, self._path, os.getpid())
        try:
            _spool(rows, dtype, handle, self._path)
        except BaseException:
            remove()  # a notebook keeps the traceback, and with it the dataset
            raise
        self._table = self._mapped()

    def _mapped(self) -> np.ndarray:
        """The file as an array [X Y] (n, p + m), read page by page when it is indexed."""
        width = len(self.features) + len(self.targets)
        try:
            return np.asarray(np.memmap(self._path, _DTYPES[self.dtype], "r")).reshape(-1, width)
        except FileNotFoundError as error:
            raise FileError(
                "rows-file-gone",
                f"{self._path}, which held the rows of a RowDataset, is gone",
                "keep the dataset that made it while copies of it are in use",
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """All but the mapping: another process maps the file itself, and leaves its removal to this one."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._table = self._mapped()

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, i: Any) -> TensorPair:
        rows, p = self._table[i], len(self.features)
        return _tensor_pair(rows[..., :p].copy(), rows[..., p:].copy())

    def __getitems__(self, indices: Sequence[int]) -> "_Taken":
        """The rows of a batch, as torch's loaders ask for them."""
        return _Taken(self[indices])

    def batches(self, batch_size: int, seed: int = 0) -> "Batches":
        """The batches of `gradline.SGD(batch_size=batch_size, seed=seed)`, for `DataLoader(batch_sampler=…)`."""
        return Batches(len(self), batch_size, seed)


class Batches(Sampler[list[int]]):
    """Row numbers of n rows in shuffled batches, anew each epoch: a batch sampler for a `DataLoader`.

    Epoch e (from 0) is `permutation(n, keys(seed, e))` of `gradline.core.permutation`, cut into pieces of `batch_size`,
    the last one short: the batches of `gradline.SGD`, for rows of up to 1 GiB. It holds 8 bytes a row, while
    `DataLoader(shuffle=True)` holds a list of Python integers, about 40. Raises `UsageError`.
    """

    def __init__(self, rows: int, batch_size: int, seed: int = 0) -> None:
        _expect_batch_size(batch_size)
        if not is_whole(seed, 0):
            raise UsageError("seed-invalid", f"seed is {seed!r}", "give a whole number from 0")
        self.rows, self.batch_size, self.seed, self.epoch = rows, int(batch_size), int(seed), 0

    def __len__(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = permutation(self.rows, keys(self.seed, self.epoch))
        self.epoch += 1
        for first in range(0, self.rows, self.batch_size):
            yield order[first : first + self.batch_size].tolist()


class _Taken(Sequence[TensorPair]):
    """Rows taken together: a sequence of pairs, as a `collate_fn` expects, that are a batch already."""

    def __init__(self, batch: TensorPair) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return len(self.batch.x)

    def __getitem__(self, i: Any) -> Any:
        return TensorPair(self.batch.x[i], self.batch.y[i])


def _collated(pairs: Sequence[TensorPair], *, collate_fn_map: Any = None) -> TensorPair:  # noqa: ARG001 - torch passes it
    """How torch's default collation makes a batch of pairs."""
    if isinstance(pairs, _Taken):
        return pairs.batch
    if pairs[0].x.ndim == 2:
        raise UsageError(
            "batched-twice",
            "RowIterableDataset yields whole batches, and the DataLoader is to batch them again",
            "write DataLoader(stream, batch_size=None), and give the batch size to RowIterableDataset",
        )
    return TensorPair(*(torch.stack(tensors) for tensors in zip(*pairs, strict=True)))


default_collate_fn_map[TensorPair] = _collated


def _expect_batch_size(batch_size: int) -> None:
    if not is_whole(batch_size, 1):
        raise UsageError("batch-size-invalid", f"batch_size is {batch_size!r}", "give a whole number from 1")


def _expect_dtype(dtype: torch.dtype) -> None:
    if dtype not in _DTYPES:
        raise UsageError("dtype-invalid", f"dtype is {dtype!r}", "use torch.float32 or torch.float64")


def _rows(selection: Selection) -> RowStream:
    """The rows behind the arguments of a dataset; what the user should know becomes warnings."""
    reading = as_rows(unweighted(selection))
    for notice in reading.notices:
        if notice.is_warning:
            warnings.warn(GradlineWarning(notice.code, notice.text), stacklevel=3)
    return reading.rows


def _arrays(block: RowBlock, rows: RowStream, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Copies of a block's X and Y, row-major, in the dataset's precision."""
    if len(block.X) == 0:
        raise DataError("no-complete-row", "no complete row is left", "fill the missing cells")
    return _cast(block.X, rows.design.features, dtype), _cast(block.Y, rows.design.targets, dtype)


def _cast(values: np.ndarray, names: Sequence[str], dtype: torch.dtype) -> np.ndarray:
    try:
        with np.errstate(over="raise"):
            return np.array(values, _DTYPES[dtype], order="C")
    except FloatingPointError as error:
        largest = np.abs(values).max(axis=0)
        column = int(largest.argmax())
        raise DataError(
            "beyond-dtype",
            f"column {names[column]} holds {largest[column]:g}, beyond the range of {dtype}",
            "use dtype=torch.float64, or rescale the column",
        ) from error


def _spool(rows: RowStream, dtype: torch.dtype, handle: int, path: str) -> None:
    """Write all rows to the open file, [x y] after [x y]."""
    width = len(rows.design.features) + len(rows.design.targets)
    with os.fdopen(handle, "wb", buffering=0) as file:
        for block in rows.blocks(max(1, _SPOOL_CELLS // width)):
            values = np.hstack(_arrays(block, rows, dtype)).data.cast("B")
            try:
                while values:  # an unbuffered write may stop short
                    values = values[file.write(values) :]
            except OSError as error:
                raise FileError(
                    "file-unwritable",
                    f"cannot write the rows to {path}: {error.strerror}",
                    "name a folder with room in TMPDIR",
                ) from error


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker ends while its parent still reads
        Path(path).unlink(missing_ok=True)
