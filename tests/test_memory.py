"""Memory: what a bound means, that it holds, that rows kept are those of the file, and that streaming is flat."""

import fcntl
import json
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import polars as pl
import pytest
from known import known
from refusals import expect_refusal, refused

import gradline as package
from gradline import SGD
from gradline.core import memory_limit
from gradline.core.errors import GradlineWarning
from gradline.core.permutation import keys, permutation
from gradline.data.inputs import as_rows
from gradline.data.row_cache import RowBuffer, pieces
from gradline.data.selection import Selection
from gradline.moments.state import PASS_CELLS
from gradline.solvers import mini_batches

SLOW = pytest.mark.slow
LINUX = pytest.mark.needs("proc")
ROWS = PASS_CELLS // 3 + 5000  # of three columns and more: too many to pass by together


def table(rows, seed=0, columns=3):
    """Numbers of few digits, so that a file holds them as they are."""
    random = np.random.default_rng(seed)
    X = random.integers(-999, 1000, (rows, columns)) / 8
    frame = pl.DataFrame(X, schema=[f"x{j}" for j in range(columns)])
    return frame.with_columns(y=pl.Series(X.sum(axis=1) + random.integers(-99, 100, rows) / 8))


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("500MB", 500_000_000),
        ("1.5 GiB", 3 << 29),
        ("2kb", 2000),
        (" 2 KiB ", 2048),
        ("1TB", 10**12),
        ("7B", 7),
        ("4096", 4096),
        (4096, 4096),
        (np.int64(4096), 4096),
    ],
)
def test_sizes(words, size):
    assert memory_limit.in_bytes(words) == size


@pytest.mark.parametrize("words", ["", "MB", "5 apples", "-5MB", "5M", "5iB", "1e9", "nan", 0, -1, 2.5, True])
def test_what_is_no_size_is_refused(words):
    with refused("memory-invalid") as caught, memory_limit.limited(words):
        pass
    assert "500MB" in caught.value.remedy


def test_a_bound_ends_with_its_block():
    free = memory_limit.room(4)
    with memory_limit.limited("4GB"):
        inside = memory_limit.room(4)
        with memory_limit.limited("3GB"):
            assert memory_limit.room(4) == known(inside) - 10**9
        assert memory_limit.room(4) == inside
    assert memory_limit.room(4) == free


@pytest.mark.slow
def test_rows_kept_are_a_function_of_bound_and_columns():
    """Whatever the process holds: the same bound always gives the same numbers."""
    with memory_limit.limited("4GB"):
        before = [SGD().most_rows(columns) for columns in (2, 21, 1000)]
        ballast = np.ones(1 << 25)
        assert [SGD().most_rows(columns) for columns in (2, 21, 1000)] == before
        assert ballast.all()
        for columns, rows in zip((2, 21, 1000), before, strict=True):
            left = 4 * 10**9 - 450 * 10**6 - 25 * 8 * columns**2
            assert 0 < rows * 8 * (columns + 2) <= left < (rows + 1) * 8 * (columns + 2)
            assert SGD(dtype="float32").most_rows(columns) < rows


@LINUX
def test_a_bound_below_what_the_process_holds_is_refused_at_once():
    with refused("memory-below-present", "1 MB"):
        package.fit("no such file", "y", memory="1MB")


@pytest.mark.parametrize("words", ["1000TB", 10**18])
def test_a_bound_beyond_the_machine_is_refused(words):
    with refused("memory-beyond-machine"):
        package.fit("no such file", "y", memory=words)


@pytest.mark.slow
def test_a_process_that_takes_more_stops_and_says_so(monkeypatch, tmp_path):
    """With a count that grows by 100 MB at each look, whatever this machine has."""
    counts = iter(range(10**8, 10**10, 10**8))
    monkeypatch.setattr(memory_limit, "_counted", lambda name: next(counts) if name == "VmHWM" else 0)
    path = tmp_path / "t.csv"
    table(ROWS).write_csv(path)
    with refused("memory-exceeded", "300 MB", "250 MB") as stopped:
        package.fit(path, "y", memory="250MB")
    assert stopped.value.cause == (
        f"the process took 300 MB of memory while {path} was read, above its bound of 250 MB"
    )
    assert "--memory 500MB or more (memory='500MB' in Python)" in stopped.value.remedy


def test_what_came_before_a_bound_is_not_held_against_it(monkeypatch):
    monkeypatch.setattr(memory_limit, "_counted", {"VmHWM": 9 * 10**8, "VmRSS": 10**8}.get)
    with memory_limit.limited("500MB"):
        memory_limit.check("here")
    with memory_limit.limited("500MB"):
        monkeypatch.setattr(memory_limit, "_counted", {"VmHWM": 9 * 10**8, "VmRSS": 6 * 10**8}.get)
        with refused("memory-exceeded", "600 MB", "here"):
            memory_limit.check("here")
        monkeypatch.setattr(memory_limit, "_counted", {"VmHWM": 9 * 10**8, "VmRSS": 10**8}.get)


def parts_of(block):
    return block.X, block.Y, block.w


@pytest.mark.parametrize("size", [1, 7, 60, 61, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_pieces_are_blocks(size, weighted):
    """The same rows, cut at the same places; each is gone when the next one comes."""
    frame = table(61).with_columns(w=pl.Series(np.arange(61.0) % 5 + 1))
    rows = as_rows(Selection(frame, "y", ["x0", "x1"], weights="w" if weighted else None)).rows
    found = [
        [None if part is None else part.copy() for part in parts_of(piece)] for piece in pieces(rows, size)
    ]
    for parts, block in zip(found, rows.blocks(size), strict=True):
        for part, other in zip(parts, parts_of(block), strict=True):
            np.testing.assert_array_equal(part, other)
    places = {piece.X.__array_interface__["data"][0] for piece in pieces(rows, size)}
    assert len(places) == 1


def test_a_store_gives_only_what_it_has():
    block = next(as_rows(Selection(table(10), "y")).rows.blocks(10))
    store = RowBuffer(8)
    assert store.first(1) is None
    assert store.add(block) == 8
    assert store.first(9) is None
    np.testing.assert_array_equal(known(store.first(8)).X, block.X[:8])
    assert store.add(block) == 0


def spoilt(frame):
    """Some cells missing, and a level that only incomplete rows have."""
    places = np.arange(frame.height)
    word = np.where(places % 7 == 3, "rare", np.where(places % 3 == 0, "a", "b"))
    x0 = [None if place % 7 == 3 else value for place, value in zip(places, frame["x0"], strict=True)]
    return frame.with_columns(word=pl.Series(word), x0=pl.Series(x0))


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "options",
    [{}, {"weights": "x2"}, {"holdout": 0.2}, {"missing": "drop"}, {"scale": "standard"}],
    ids=["plain", "weights", "holdout", "missing cells and a level left out", "standard"],
)
def test_rows_kept_are_those_of_the_table(options, ending, tmp_path, monkeypatch):
    """Kept while the moments are made or read again at each epoch, the steps and their numbers are the same."""
    frame = table(ROWS)
    frame = frame.with_columns(x2=frame["x2"].abs()) if "weights" in options else frame
    frame = spoilt(frame) if "missing" in options else frame
    getattr(frame, f"write_{ending}")(tmp_path / f"t.{ending}")
    solver = SGD(lr=1e-5, epochs=2, batch_size=1000, shuffle=False)
    found = package.fit(tmp_path / f"t.{ending}", "y", solver=solver, **options)
    monkeypatch.setattr(mini_batches, "MEMORY_CELLS", 12_000)  # two or three batches
    streamed = package.fit(tmp_path / f"t.{ending}", "y", solver=solver, **options)
    np.testing.assert_array_equal(found.weight, streamed.weight)
    np.testing.assert_array_equal(found.bias, streamed.bias)


@pytest.mark.slow
def test_rows_that_pass_by_twice_are_kept_once(tmp_path):
    """Near-collinear columns are read again for their moments; the steps take every row once an epoch."""
    frame = table(ROWS)
    frame = frame.with_columns(x1=frame["x0"] + frame["x1"] * 2.0**-40)
    frame.write_parquet(tmp_path / "t.parquet")
    solver = SGD(lr=1e-5, epochs=1, batch_size=1000)
    X, y = frame.select("x0", "x1", "x2").to_numpy(), frame["y"].to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        found = package.fit(tmp_path / "t.parquet", "y", solver=solver)
    theta = descended(X, y, 1e-5, 1000, [permutation(len(y), keys(0, 0))])
    np.testing.assert_allclose([*found.bias, *found.weight[0]], theta, rtol=1e-9)


def descended(X, y, lr, batch_size, orders):
    """Mini-batch descent from zero for mean squared error, over rows in these orders, each cut into batches."""
    A, theta = np.column_stack([np.ones(len(X)), X]), np.zeros(X.shape[1] + 1)
    for order in orders:
        for first in range(0, len(order), batch_size):
            a, b = A[order[first : first + batch_size]], y[order[first : first + batch_size]]
            theta = theta - lr * 2 * a.T @ (a @ theta - b) / len(b)
    return theta


@pytest.mark.parametrize("source", ["arrays", "csv"])
def test_a_bound_sets_the_pieces_within_which_rows_are_shuffled(source, tmp_path, monkeypatch):
    """As many rows as the bound leaves room for, in whole batches; the same numbers every time."""
    monkeypatch.setattr(memory_limit, "_counted", {"VmHWM": 0, "VmRSS": 0}.get)
    frame = table(1000)
    X, y = frame.select("x0", "x1", "x2").to_numpy(), frame["y"].to_numpy()
    frame.write_csv(tmp_path / "t.csv")
    data = (X, y) if source == "arrays" else (tmp_path / "t.csv", "y")
    # An eighth of the bound is for rows: 8 bytes for each of four columns, for a weight, and for a place in the order.
    bound, rows = 8 * 308 * 48, 308
    size = rows // 50 * 50
    first = [
        permutation(min(size, 1000 - at), keys(0, 0, i)) + at for i, at in enumerate(range(0, 1000, size))
    ]
    theta = descended(X, y, 1e-5, 50, first)
    solver = SGD(lr=1e-5, epochs=1, batch_size=50)
    found = [package.fit(*data, solver=solver, memory=bound) for _ in range(2)]
    np.testing.assert_allclose([*found[0].bias, *found[0].weight[0]], theta, rtol=1e-9)
    np.testing.assert_array_equal(found[0].weight, found[1].weight)
    whole = package.fit(*data, solver=solver)
    assert not np.allclose(whole.weight, found[0].weight, rtol=1e-9)
    assert found[0].config["memory"] == bound
    assert "memory" not in whole.config


@pytest.mark.parametrize("cells", [1 << 27, 4000], ids=["kept", "read again"])
def test_the_rate_of_mini_batches_is_that_of_the_rows_as_they_are_scaled(cells, tmp_path, monkeypatch):
    """From the definition on columns standardised by hand, however the rows come."""
    monkeypatch.setattr(mini_batches, "MEMORY_CELLS", cells)
    frame = table(50_000)
    frame.write_csv(tmp_path / "t.csv")
    raw = package.fit(tmp_path / "t.csv", "y", solver=SGD(epochs=1))
    X, y = frame.select("x0", "x1", "x2").to_numpy(), frame["y"].to_numpy()
    standard = package.fit((X - X.mean(axis=0)) / X.std(axis=0), y, scale="none", solver=SGD(epochs=1))
    assert raw.settings["lr"] == pytest.approx(standard.settings["lr"], rel=1e-9)


def test_a_configuration_may_hold_the_bound(gradline, tmp_path):
    (tmp_path / "run.toml").write_text('data = "example:crops"\ntargets = ["apples"]\nmemory = "4GB"\n')
    assert gradline("fit", "--config", "run.toml", "-o", "a.safetensors").code == 0
    assert 'memory = "4GB"' in gradline("show", "a.safetensors", "--config").out
    done = gradline("fit", "--config", "run.toml", "--memory", "much", "--json")
    assert done.code == 2
    expect_refusal(done.err, "memory-invalid", "'much'")


def peak(folder, *words, code=0):
    """What a command took at its peak in bytes, and what it said."""
    program = (
        "import os, re, sys\nfrom gradline.cli import main\nsys.argv = ['gradline', *sys.argv[1:]]\n"
        "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])\n"  # each core has blocks on the way
        "try:\n    main()\nfinally:\n"
        "    found = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "    open('peak.json', 'w').write(found[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    assert not (code and done.stdout)  # nothing is told of a table but why it is refused
    return 1024 * json.loads((folder / "peak.json").read_text()), done.stderr.decode()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Two tables, one three times the other, of which the smaller fills what streams; 80 bytes a row in memory.

    Made by the first process that needs them, for all processes of a run.
    """
    common = tmp_path_factory.getbasetemp()
    common = common.parent if "PYTEST_XDIST_WORKER" in os.environ else common
    place = common / "memory"
    with (common / "memory.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            place.mkdir()
            for name, rows in SIZES.items():
                table(rows, columns=9).write_csv(place / f"{name}.csv")
                frame = pl.scan_csv(place / f"{name}.csv")
                frame.sink_parquet(place / f"{name}.parquet", row_group_size=50_000)
                package.fit(place / f"{name}.csv", "y").save(place / f"{name}.safetensors")
            (place / "made").touch()
    return place


@pytest.fixture
def folder(tables, tmp_path):
    """A folder of the test's own with these tables."""
    for path in tables.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


SIZES = {"small": 1_000_000, "large": 3_000_000}
MORE = 80 * (SIZES["large"] - SIZES["small"])  # bytes that keeping the rows, or half of them, would show
STREAMED = {
    "fit": ["fit", "{}", "-t", "y"],
    "evaluate": ["evaluate", "{name}.safetensors", "{}"],
    "predict": ["predict", "{name}.safetensors", "{}", "-o", "predicted.csv"],
    "verify": ["verify", "{name}.safetensors", "{}"],
    "doctor": ["doctor", "{}", "-t", "y"],
    "trajectory": ["trajectory", "{}", "-t", "y"],
    "play": ["play", "{}", "-t", "y", "-o", "play.html"],
}


@LINUX
@SLOW
@pytest.mark.parametrize(
    ("command", "ending"), [*((command, "csv") for command in STREAMED), ("fit", "parquet")]
)
def test_three_times_the_rows_take_the_same_memory(command, ending, folder):
    words = STREAMED[command]
    small, large = (
        peak(folder, *(word.format(f"{name}.{ending}", name=name) for word in words), "--memory", "2GB")[0]
        for name in SIZES
    )
    assert large < small + MORE / 2


@LINUX
@SLOW
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_mini_batches_keep_the_rows_once_or_what_a_bound_leaves(ending, folder):
    batches = ["fit", f"large.{ending}", "-t", "y", "--batch-size", "256", "--epochs", "1"]
    streamed, _ = peak(folder, *batches[:4])
    whole, _ = peak(folder, *batches)
    rows = 80 * SIZES["large"]
    assert rows / 2 < whole - streamed < 1.5 * rows
    bounded, _ = peak(folder, *batches, "--memory", "500MB")  # room for a fifth of the rows
    assert bounded < min(500 * 10**6, whole - rows / 4)


@LINUX
@SLOW
@pytest.mark.parametrize("command", STREAMED)
def test_a_command_that_takes_more_than_its_bound_fails(command, folder):
    words = [word.format("small.csv", name="small") for word in STREAMED[command]]
    took, said = peak(folder, *words, "--memory", "150MB", code=1)
    assert took > 150 * 10**6
    assert re.search("above (its|the) bound of 150 MB", said)  # what it took, or what more would take
    assert "give --memory 500MB or more" in said


@LINUX
@SLOW
def test_a_fit_that_took_too_much_leaves_no_model(folder):
    words = ["fit", "small.csv", "-t", "y", "-o", "never.safetensors", "--memory", "150MB"]
    peak(folder, *words, code=1)
    assert not (folder / "never.safetensors").exists()
