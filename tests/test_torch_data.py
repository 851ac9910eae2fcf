"""The datasets for PyTorch: every row once, whatever the loader, the workers and the shape of the table."""

import copy
import csv
import math
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from refusals import refused, warned
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset, random_split

import gradline
from gradline.pytorch import RowDataset, RowIterableDataset

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than cores
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),  # Python 3.12 on
]
TARGETS = ["y", "z"]
FEATURES = ("id", "x", "kind=b", "kind=c")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the temporary files of the test lie."""
    place = tmp_path / "spool"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture(scope="session")
def fresh():
    """Workers that are forked from a process that has loaded the modules and read nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gradline.pytorch.data"])
    return context


@pytest.fixture
def table(tmp_path):
    """A function that writes a table of n rows with numbers, a category and missing cells."""

    def write(n):
        random = np.random.default_rng(n)
        path = tmp_path / f"table{n}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "x", "kind", *TARGETS])
            for i in range(n):
                x, y, z = random.normal(size=3).round(3)
                rows.writerow([i, "NA" if i % 7 == 4 else x, "" if i % 11 == 5 else "bca"[i % 3], y, z])
        return path

    return write


def reference(path):
    """The complete rows of such a table, X (n, 4) and Y (n, 2), by hand."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["x"] != "NA" and row["kind"]]
    X = [[float(r["id"]), float(r["x"]), float(r["kind"] == "b"), float(r["kind"] == "c")] for r in rows]
    return np.array(X), np.array([[float(row[name]) for name in TARGETS] for row in rows])


def joined(batches):
    """All batches one below the other, as arrays."""
    xs, ys = zip(*batches, strict=True)
    return torch.cat(xs).numpy(), torch.cat(ys).numpy()


def run(program, *words, **environment):
    """A Python process with this program."""
    command = [sys.executable, "-c", program, *map(str, words)]
    variables = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)


def stream(path, **options):
    return RowIterableDataset(path, TARGETS, missing="drop", **options)


def dataset(path, **options):
    return RowDataset(path, TARGETS, missing="drop", **options)


SIZES = [(4, 1), (5, 100), (23, 5), (24, 3), (200, 7)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rows", "size"), SIZES)
def test_a_stream_is_the_complete_rows_in_order(table, rows, size, dtype):
    X, Y = reference(path := table(rows))
    batches = list(DataLoader(stream(path, batch_size=size, dtype=dtype), batch_size=None))
    assert [len(xb) for xb, _ in batches[:-1]] == [size] * (math.ceil(len(X) / size) - 1)
    assert all(tensor.dtype == dtype and tensor.is_contiguous() for batch in batches for tensor in batch)
    x, y = joined(batches)
    assert np.array_equal(x, X.astype(x.dtype))
    assert np.array_equal(y, Y.astype(y.dtype))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("rows", "size"), SIZES)
def test_workers_stream_the_same_batches_in_the_same_order(table, fresh, rows, size, workers):
    source = stream(table(rows), batch_size=size)
    loader = DataLoader(source, batch_size=None, num_workers=workers, multiprocessing_context=fresh)
    for seen, alone in zip(loader, source, strict=True):
        assert torch.equal(seen.x, alone.x)
        assert torch.equal(seen.y, alone.y)


@pytest.mark.slow
def test_spawned_workers_stream_every_epoch_until_one_is_killed(table):
    X, Y = reference(path := table(3000))
    source = stream(path, batch_size=4, dtype=torch.float64)
    options = {"num_workers": 2, "multiprocessing_context": "spawn", "persistent_workers": True}
    loader = DataLoader(source, batch_size=None, **options)
    others = set(multiprocessing.active_children())
    for _ in range(2):
        x, y = joined(loader)
        assert np.array_equal(x, X)
        assert np.array_equal(y, Y)
    expect_a_kill_is_told(loader, X, others)


def read_and_kill(loader, others, seen):
    """Collect the loader's batches, and kill one of its workers after the third."""
    for x, _ in loader:
        seen.append(x)
        if len(seen) == 3:
            victim = (set(multiprocessing.active_children()) - others).pop()
            os.kill(victim.pid, signal.SIGKILL)


def expect_a_kill_is_told(loader, X, others):
    """The loader raises, and what it gave until then lacks no row."""
    seen = []
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        read_and_kill(loader, others, seen)
    assert 3 <= len(seen) < len(X) / 4
    assert np.array_equal(torch.cat(seen).numpy(), X[: 4 * len(seen)])


def test_a_killed_worker_of_a_dataset_raises(table):
    data = dataset(table(3000), dtype=torch.float64)
    loader = DataLoader(data, batch_size=4, num_workers=2, multiprocessing_context="fork")
    expect_a_kill_is_told(loader, data[:].x.numpy(), set(multiprocessing.active_children()))


@pytest.mark.slow
def test_a_forked_worker_is_refused_a_table(table):
    program = (
        "import sys\nfrom torch.utils.data import DataLoader\nfrom gradline.pytorch import RowIterableDataset\n"
        "stream = RowIterableDataset(sys.argv[1], 'y', missing='drop')\n"
        "for batch in DataLoader(stream, batch_size=None, num_workers=2, multiprocessing_context='fork'): pass\n"
    )
    done = run(program, table(20))
    assert done.returncode == 1
    assert 'multiprocessing_context="spawn"' in done.stderr  # what "fork-unsupported" proposes


def test_a_forked_worker_may_stream_arrays():
    source = RowIterableDataset(torch.arange(6.0)[:, None], torch.ones(6), batch_size=4)
    loader = DataLoader(source, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert joined(loader)[0].ravel().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("rows", [4, 23, 200])
def test_a_dataset_gives_its_rows_by_number(table, rows):
    X, Y = reference(path := table(rows))
    data = dataset(path, dtype=torch.float64)
    assert len(data) == len(X)
    for i in (0, len(X) - 1, -1):
        x, y = data[i]
        assert x.tolist() == X[i].tolist()
        assert y.tolist() == Y[i].tolist()
    assert data[:3].x.tolist() == X[:3].tolist()
    assert data[:3].y.tolist() == Y[:3].tolist()
    assert np.array_equal(torch.stack([x for x, _ in data]).numpy(), X)  # iteration ends at an IndexError
    data[0].x.zero_()
    assert data[0].x.tolist() == X[0].tolist()


@pytest.mark.parametrize("start", [None, "fork", pytest.param("fresh", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("rows", "size"), SIZES)
def test_a_shuffling_loader_gives_every_row_of_a_dataset_once(table, fresh, rows, size, start):
    X, Y = reference(path := table(rows))
    context = fresh if start == "fresh" else start
    workers = {"num_workers": 2, "multiprocessing_context": context} if start else {}
    x, y = joined(DataLoader(dataset(path, dtype=torch.float64), batch_size=size, shuffle=True, **workers))
    order = np.argsort(x[:, 0])
    assert np.array_equal(x[order], X)
    assert np.array_equal(y[order], Y)


def test_a_batch_is_its_rows_stacked(table):
    data = dataset(table(50))
    plain: Any = [tuple(data[i]) for i in range(len(data))]
    for ours, stacked in zip(DataLoader(data, 8), DataLoader(plain, 8), strict=True):
        assert torch.equal(ours.x, stacked[0])
        assert torch.equal(ours.y, stacked[1])
        assert ours.x.is_contiguous()
    parts = random_split(data, [0.5, 0.5])
    split = sorted(x[0].item() for part in parts for xb, _ in DataLoader(part, 8) for x in xb)
    twice = [x[0].item() for xb, _ in DataLoader(ConcatDataset([data, data]), 8) for x in xb]
    ids = [x[0].item() for x, _ in plain]
    assert split == ids
    assert twice == ids * 2
    lengths = DataLoader(data, 8, collate_fn=lambda pairs: [len(x) for x, y in pairs])
    assert next(iter(lengths)) == [4] * 8


@pytest.mark.parametrize("workers", [0, 2])
def test_the_batches_of_a_seed_are_those_of_sgd(table, workers):
    path = table(60)
    data = dataset(path, dtype=torch.float64)
    loader = DataLoader(data, batch_sampler=data.batches(8, seed=3), num_workers=workers)
    assert len(loader) == math.ceil(len(data) / 8)
    model = nn.Linear(4, 2, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.5)
    for _ in range(3):
        for xb, yb in loader:
            nn.functional.mse_loss(model(xb), yb).backward()
            optimizer.step()
            optimizer.zero_grad()
    solver = gradline.SGD(lr=1e-4, epochs=3, batch_size=8, momentum=0.5, seed=3)
    trained = gradline.fit(path, TARGETS, solver=solver, missing="drop")
    np.testing.assert_allclose(model.weight.detach(), trained.weight, rtol=1e-12)
    np.testing.assert_allclose(model.bias.detach(), trained.bias, rtol=1e-12)


def test_the_moments_of_the_stream_are_those_of_the_file(table):
    moments = gradline.Moments.of(path := table(3000), TARGETS, missing="drop")
    n, total, products = 0, 0.0, 0.0
    for xb, yb in DataLoader(stream(path, batch_size=64, dtype=torch.float64), batch_size=None):
        rows = torch.cat([xb, yb], dim=1).numpy()
        n, total, products = n + len(rows), total + rows.sum(axis=0), products + rows.T @ rows
    mean = moments.mean[:, None]
    assert n == moments.rows
    np.testing.assert_allclose(total, n * moments.mean, rtol=1e-12)
    expected = moments.factor.T @ moments.factor + n * mean @ mean.T
    scale = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
    np.testing.assert_allclose(products / scale, expected / scale, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [RowIterableDataset, RowDataset])
def test_names_shapes_and_warnings(table, kind):
    path = table(30)
    both, one = kind(path, TARGETS, missing="drop"), kind(path, "y", features=["x"], missing="drop")
    assert (both.features, both.targets) == (FEATURES, tuple(TARGETS))
    assert (one.features, one.targets) == (("x",), ("y",))
    x, y = next(iter(both))
    assert (x.shape[-1], y.shape[-1]) == (4, 2)
    x, y = next(iter(one))
    assert (x.shape[-1], y.shape[-1]) == (1, 1)
    assert nn.Linear(len(both.features), len(both.targets))(next(iter(both)).x).shape[-1] == 2
    without = kind(path, "y", exclude=["z", "kind"], missing="drop")
    assert without.features == ("id", "x")
    with warned("column-left-out", "same") as caught:
        kind({"same": ["a", "a"], "x": [1, 2], "y": [1, 2]}, "y")
    assert caught[0].filename == __file__


def test_other_sources_and_pickling(table, tmp_path):
    path = table(40)
    X, Y = reference(path)
    frame = pl.read_csv(path, null_values="NA")
    frame.write_parquet(tmp_path / "table.parquet")
    frame.write_ipc(tmp_path / "table.arrow")
    frame.write_ndjson(tmp_path / "table.ndjson")
    parts = tmp_path / "parts"
    parts.mkdir()
    for first in range(0, 40, 15):
        frame[first : first + 15].write_csv(parts / f"{first:02}.csv")
    written = [path, *tmp_path.glob("table.*"), parts, parts / "*.csv"]
    for source in [*written, frame, pd.read_csv(path), frame.to_dict(as_series=False)]:
        for data in (stream(source, dtype=torch.float64), dataset(source, dtype=torch.float64)):
            for again in (data, pickle.loads(pickle.dumps(data))):
                x, y = joined(
                    DataLoader(again, batch_size=None if isinstance(data, RowIterableDataset) else 9)
                )
                assert np.array_equal(x, X), source
                assert np.array_equal(y, Y), source


def test_arrays_are_copied():
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
    for xb, yb in RowIterableDataset(X, y, batch_size=4, dtype=torch.float64):
        xb.zero_()
        yb.zero_()
    assert X.sum() == 66
    assert y.sum() == 15


def test_the_file_lives_as_long_as_its_dataset(table, folder):
    path = table(3000)
    data = dataset(path)
    assert [file.stat().st_size for file in folder.iterdir()] == [len(data) * 6 * 4]
    list(DataLoader(data, batch_size=256, num_workers=2, multiprocessing_context="fork"))
    twin, sent = copy.copy(data), pickle.dumps(data)
    assert len(sent) < len(data)  # the way to the rows, not the rows
    del twin
    assert len(list(folder.iterdir())) == 1
    del data
    assert list(folder.iterdir()) == []
    with refused("rows-file-gone"):
        pickle.loads(sent)
    with refused("missing-cells") as caught:
        RowDataset(path, TARGETS)
    assert list(folder.iterdir()) == []
    assert caught.traceback  # which holds the unfinished dataset


@pytest.mark.slow
def test_no_file_outlives_python(table, folder):
    program = (
        "import sys\nfrom gradline.pytorch import RowDataset\n"
        "data = RowDataset(sys.argv[1], 'y', missing='drop')\n"
        "import os, tempfile\n"
        "if os.fork() == 0: sys.exit()  # which must leave the file to its parent\n"
        "os.wait(); print(len(os.listdir(tempfile.gettempdir())))\n"
    )
    done = run(program, table(30), TMPDIR=folder)
    assert done.stdout.strip() == "1"
    assert list(folder.iterdir()) == []


CROPS = {"x": [1.0, 2.0, None], "y": [1.0, 2.0, 3.0]}
HALVES: Any = 2.5
NAME: Any = "float32"
REFUSED = [
    (
        lambda: RowIterableDataset(CROPS, "y", batch_size=0),
        ("batch-size-invalid", 0, 1),
    ),
    (lambda: RowIterableDataset(CROPS, "y", batch_size=HALVES), ("batch-size-invalid", 2.5)),
    (lambda: RowIterableDataset(CROPS, "y", batch_size=True), ("batch-size-invalid", True)),
    (
        lambda: RowIterableDataset(CROPS, "y", dtype=torch.int64),
        ("dtype-invalid", "torch.int64", "torch.float32"),
    ),
    (lambda: RowDataset(CROPS, "y", dtype=NAME), ("dtype-invalid", "'float32'")),
    (lambda: RowDataset(CROPS, "y", missing="maybe"), ("missing-invalid", "maybe")),
    (lambda: RowDataset(CROPS, "v"), ("column-unknown", "v", "x, y")),
    (lambda: RowDataset(CROPS, "y"), ("missing-cells", "x 1", "1 of 3")),
    (lambda: list(RowIterableDataset(CROPS, "y")), ("missing-cells", "x 1", "1 of 3")),
    (lambda: RowDataset("no such file.csv", "y"), ("file-not-found", "no such file.csv")),
    (lambda: RowDataset({"x": [None, 1.0], "y": [1.0, None]}, "y", missing="drop"), ("no-complete-row",)),
    (
        lambda: list(RowIterableDataset([[1.0], [math.nan]], [math.nan, 1.0], missing="drop")),
        ("no-complete-row",),
    ),
    (lambda: RowDataset({"x": [1.0, -1e39], "y": [1, 2]}, "y"), ("beyond-dtype", "x", "1e+39")),
    (
        lambda: list(RowIterableDataset([[1.0]], [1e300])),
        ("beyond-dtype", "y", "1e+300", "dtype=torch.float64"),
    ),
    (lambda: RowDataset([[1.0]], [1.0]).batches(0), ("batch-size-invalid", 0)),
    (lambda: RowDataset([[1.0]], [1.0]).batches(1, seed=-1), ("seed-invalid", -1)),
    (
        lambda: list(DataLoader(RowIterableDataset([[1.0]], [1.0]))),
        ("batched-twice", "batch_size=None"),
    ),
]


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=[" ".join(map(str, said)) for _, said in REFUSED])
def test_refusals(call, said):
    with refused(*said):
        call()


def test_a_row_beyond_the_last_ends_a_dataset():
    with pytest.raises(IndexError):
        RowDataset([[1.0]], [1.0])[1]


def test_a_full_folder_is_said_and_left_empty(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with refused("file-unwritable", "TMPDIR"):
            RowDataset(np.ones((1 << 20, 1)), np.ones(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(folder.iterdir()) == []


def test_a_dataset_of_tensors_is_torchs_own():
    X, Y = torch.rand(20, 3), torch.rand(20, 2)
    ours = RowDataset(X, Y, features=["temp", "rainfall", "humidity"])
    assert ours.features == ("temp", "rainfall", "humidity")
    for a, b in zip(DataLoader(ours, 6), DataLoader(TensorDataset(X, Y), 6), strict=True):
        assert torch.equal(a.x, b[0])
        assert torch.equal(a.y, b[1])
