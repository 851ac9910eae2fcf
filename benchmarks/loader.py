"""One epoch of PyTorch batches over 2 million rows of 21 columns, beside gradline's own streaming.

`make bench-loader` runs it. Workers start in an unmeasured epoch and stay.
"""

import functools
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import torch
from alternating import compare
from torch.utils.data import DataLoader, TensorDataset

from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.pytorch import RowDataset, RowIterableDataset

ROUNDS = 5
ROWS, FEATURES, BATCH = 2_000_000, 20, 1024

Epoch = Callable[[], Iterable]


def write(folder: Path) -> list[Path]:
    """The same random table as CSV and Parquet."""
    random = np.random.default_rng(0)
    columns = {f"x{j}": random.normal(j, 1, ROWS).round(4) for j in range(FEATURES)}
    frame = pl.DataFrame({**columns, "y": sum(columns.values()) + random.normal(size=ROWS)})
    paths = [folder / "table.csv", folder / "table.parquet"]
    frame.write_csv(paths[0])
    frame.write_parquet(paths[1])
    return paths


def seconds(epoch: Epoch) -> float:
    """The time of one epoch; its rows are counted, so that none is missed."""
    began = time.perf_counter()
    rows = sum(len(batch[0]) for batch in epoch())
    assert rows == ROWS, rows
    return time.perf_counter() - began


def timed(epochs: dict[str, Epoch]) -> dict[str, Callable[[], float]]:
    """The epochs, each as a contestant that returns its seconds."""
    return {name: functools.partial(seconds, epoch) for name, epoch in epochs.items()}


def streams(path: Path) -> dict[str, Epoch]:
    """The same file as gradline's blocks, and as a stream with and without workers that stay."""
    rows, stream = as_rows(Selection(path, "y")).rows, RowIterableDataset(path, "y", batch_size=BATCH)
    staying = {"multiprocessing_context": "spawn", "persistent_workers": True}
    one, two = (DataLoader(stream, batch_size=None, num_workers=k, **staying) for k in (1, 2))
    return {
        "blocks(1024)": lambda: rows.blocks(BATCH),
        "RowStream": lambda: DataLoader(stream, batch_size=None),
        "RowStream, 1 worker": lambda: one,
        "RowStream, 2 workers": lambda: two,
    }


def shuffled(path: Path) -> dict[str, Epoch]:
    """The rows in random order, beside the same rows in memory through torch's own dataset."""
    data = RowDataset(path, "y")
    tensors = TensorDataset(*(torch.clone(tensor) for tensor in data[:]))
    batches = data.batches(BATCH)
    return {
        "TensorDataset, in memory": lambda: DataLoader(tensors, BATCH, shuffle=True),
        "RowDataset": lambda: DataLoader(data, BATCH, shuffle=True),
        "RowDataset, 2 forked workers": lambda: DataLoader(data, BATCH, shuffle=True, num_workers=2),
        "RowDataset.batches": lambda: DataLoader(data, batch_sampler=batches),
    }


def main() -> None:
    """Stream both formats, then shuffle."""
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = write(Path(folder))
        compare("CSV, in order", timed(streams(csv)), ROUNDS)
        compare("Parquet, in order", timed(streams(parquet)), ROUNDS)
        began = time.perf_counter()
        contestants = shuffled(parquet)
        print(f"Parquet spooled for RowDataset: {time.perf_counter() - began:.2f} s\n")
        compare("shuffled", timed(contestants), ROUNDS)


if __name__ == "__main__":
    main()
