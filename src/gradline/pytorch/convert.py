"""Models and rows to and from PyTorch: `nn.Linear`, datasets and loaders."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)
from torch.utils.data.distributed import DistributedSampler

from gradline.core.coefficients import Coefficients
from gradline.core.errors import DataError
from gradline.data.design import DesignSpec, Number
from gradline.data.inputs import array_rows
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream, regrouped
from gradline.data.selection import Selection
from gradline.model.model import LinearModel

_BATCH = 1024  # rows fetched at once from a dataset that comes without a loader


def to_torch(model: LinearModel, dtype: torch.dtype | None = None) -> nn.Linear:
    """An `nn.Linear` with a model's coefficients, on the CPU; float64 unless `dtype` is another.

    It takes the columns in the order of `features`, categories already as their columns of 0 and 1. It is
    `LinearModel.to_torch`.
    """
    return to_linear(model.coefficients, dtype)


def to_linear(coefficients: Coefficients, dtype: torch.dtype | None = None) -> nn.Linear:
    """An `nn.Linear` with these coefficients; float64 unless told otherwise."""
    weight, bias = coefficients.weight, coefficients.bias
    m, p = weight.shape
    linear = nn.Linear(p, m, bias=bias is not None, dtype=dtype or torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        if bias is not None:
            linear.bias.copy_(torch.tensor(bias))
    return linear


def torch_rows(data: Any, features: Sequence[str] | None, missing: str) -> RowStream:
    """The rows of a `TensorDataset`, a map-style or iterable `Dataset`, or a `DataLoader`, of pairs (x, y).

    A loader is read once per row, in order, whatever its shuffling; one with a sampler of its own is read as
    it comes, anew at every pass. Raises `DataError` where a batch is no pair of x and y.
    """
    loader = _in_order(data)
    dataset, read_in_order = loader.dataset, loader is not data
    if read_in_order and type(dataset) is TensorDataset and loader.collate_fn is default_collate:
        return array_rows(Selection(*_pair(dataset.tensors), features, missing=missing))
    X, Y = _pair(next(iter(loader), None))
    first = array_rows(Selection(X, Y, features, missing=missing))
    return LoaderRows(loader, first.design, missing)


def loop_rows(batches: Any) -> RowStream:
    """The rows that a loop over these batches sees, each flat, whatever its shape: of a loader, or of any iterable."""
    loader = _in_order(batches) if isinstance(batches, DataLoader) else batches
    X, Y = _pair(next(iter(loader), None))
    if X.ndim == 2 and isinstance(batches, DataLoader):
        return torch_rows(batches, None, "error")
    flat = _Flat(loader)
    return LoaderRows(flat, array_rows(Selection(_flat(X), Y)).design, "error")


@dataclass(frozen=True, eq=False)
class _Flat:
    """Batches whose inputs are rows of numbers."""

    loader: Any

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in self.loader:
            X, Y = _pair(batch)
            yield _flat(X), Y


def _flat(X: torch.Tensor) -> torch.Tensor:
    return X.reshape(len(X), math.prod(X.shape[1:]))


@dataclass(frozen=True, eq=False)
class LoaderRows(RowStream):
    """The rows behind a loader, batch by batch, never whole."""

    loader: Any
    design: DesignSpec
    missing: str

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """See `RowStream`."""
        return regrouped(self._batches(), size)

    def _batches(self) -> Iterator[RowBlock]:
        names = [term.column for term in self.design.terms if isinstance(term, Number)]
        for batch in self.loader:
            X, Y = _pair(batch)
            rows = array_rows(Selection(X, Y, names, missing=self.missing))
            yield from rows.blocks(len(rows.X))


def _in_order(data: Any) -> DataLoader:
    if isinstance(data, DataLoader):
        samplers = (
            RandomSampler,
            SequentialSampler,
            DistributedSampler,
        )  # the last: all rows, not those of one rank
        plain = isinstance(data.sampler, samplers) and data.batch_size is not None
        replaced = isinstance(data.sampler, RandomSampler) and data.sampler.replacement
        if isinstance(data.dataset, IterableDataset) or not plain or replaced:
            return data
        return DataLoader(data.dataset, data.batch_size, collate_fn=data.collate_fn)
    if isinstance(data, IterableDataset):
        item = next(iter(data), None)
        ready = item is not None and np.ndim(_pair(item)[0]) == 2  # it yields batches itself
        return DataLoader(data, batch_size=None if ready else _BATCH)
    return DataLoader(data, batch_size=_BATCH)


def _pair(batch: Any) -> tuple[Any, Any]:
    if batch is None:
        raise DataError("no-rows", "the dataset has no rows", "give at least one row")
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
        raise DataError(
            "not-pairs",
            f"the dataset gives {type(batch).__name__} of length {len(batch) if hasattr(batch, '__len__') else '?'}",
            "give pairs (x, y), as a TensorDataset of inputs and targets does",
        )
    return batch[0], batch[1]
