"""Compiled steps give what their NumPy twins give, whatever the layout, in every build that this processor runs."""

import ctypes.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from refusals import refused, warned

import gradline
from gradline import SGD, Moments
from gradline.core.kernels import build as building
from gradline.core.kernels import library
from gradline.core.permutation import keys, permutation
from gradline.data.inputs import as_rows
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Selection
from gradline.solvers import NONE, Adam, AdamW, ElasticNet, State, mini_batches
from gradline.solvers.course import Run
from gradline.solvers.mini_batches import DTYPES
from gradline.solvers.mini_batches_compiled import descend
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.rules import HeavyBall


def layouts(X):
    """The same numbers in several layouts."""
    return {
        "rows": np.ascontiguousarray(X),
        "columns": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "backwards": np.ascontiguousarray(X[::-1])[::-1],
    }


DESCENTS = {
    "one row": {"batch_size": 1},
    "one row with momentum": {"batch_size": 1, "momentum": 0.9},
    "short last batch": {"batch_size": 32},
    "batches beyond a gathered block": {"batch_size": 150, "momentum": 0.5},
    "one batch": {"batch_size": 203, "momentum": 1.0},
    "decay": {"batch_size": 7, "decay": "linear", "momentum": 0.9},
    "in order": {"batch_size": 7, "shuffle": False},
    "one row with decay": {"batch_size": 1, "decay": "linear"},
    "less than four rows": {"batch_size": 3},
    "nesterov": {"batch_size": 7, "momentum": 0.9, "nesterov": True},
    "dampening": {"batch_size": 1, "momentum": 0.9, "dampening": 0.3},
    "clip": {"batch_size": 1, "clip": 0.5},
    "clip with momentum": {"batch_size": 7, "clip": 1.0, "momentum": 0.9},
    "average": {"batch_size": 1, "average": 1},
    "average from the start": {"batch_size": 32, "momentum": 0.5, "average": 0},
    "adam": {"solver": Adam, "batch_size": 7},
    "amsgrad": {"solver": Adam, "batch_size": 1, "amsgrad": True, "betas": (0.8, 0.99), "clip": 1.0},
    "adamw": {"solver": AdamW, "batch_size": 32, "weight_decay": 0.1},
    "ridge": {"batch_size": 1, "penalty": ElasticNet(2.0)},
    "ridge with all": {
        "batch_size": 7, "penalty": ElasticNet(2.0), "momentum": 0.9, "nesterov": True, "average": 1, "clip": 1.0,
    },
    "ridge with adam": {"solver": Adam, "batch_size": 7, "penalty": ElasticNet(2.0)},
    "lasso": {"batch_size": 1, "penalty": ElasticNet(0.5, 1.0), "decay": "linear"},
    "elastic net with momentum": {"batch_size": 7, "penalty": ElasticNet(0.5, 0.5), "momentum": 0.9},
    "no weight below zero": {"batch_size": 7, "penalty": ElasticNet(positive=True), "average": 1},
}  # fmt: skip


RATE = 1e-3


def assert_alike(found, twin, dtype, penalty=NONE):
    """θ and the velocity agree but for the order of sums.

    With a penalty that has kinks the velocity is what θ has moved by over the rate, and so is what θ may differ by.
    """
    tolerance = 5e3 * np.finfo(dtype).eps
    size = np.abs(twin.theta).max()
    np.testing.assert_allclose(found.theta, twin.theta, rtol=tolerance, atol=tolerance * size)
    moved = 0.0 if penalty.quadratic else size / RATE
    largest = np.abs(twin.memory).max() + moved
    np.testing.assert_allclose(found.memory, twin.memory, rtol=tolerance, atol=tolerance * largest)


def stood(settings, scale, layout, weighted, bias, m, build, dtype="float64", p=5):
    """The state after three epochs over 203 rows, by a build of the compiled loops or, for None, by NumPy."""
    settings, kind = dict(settings), settings.get("solver", SGD)
    penalty = settings.pop("penalty", NONE)
    if settings.pop("solver", SGD) is SGD:
        settings = {"decay": "none", "dtype": dtype} | settings
    random = np.random.default_rng(0)
    X, Y = random.normal(2, 1, (203, p)), random.normal(size=(203, m))
    w = random.integers(1, 4, 203) * 1.0 if weighted else None
    rows = ArrayRows(layouts(X)[layout], Y, w, as_rows(Selection(X, Y)).rows.design)
    moments = Moments.from_rows(rows)
    scaling = Scaling.standard(moments, bias) if scale == "standard" else Scaling.none(p)
    seen = Problem.of(moments, rows, bias, scaling, penalty=penalty)
    solver = kind(lr=RATE, epochs=3, seed=1, init="normal", **settings)
    if kind is not SGD:
        object.__setattr__(solver, "batches", replace(solver.batches, dtype=dtype))
    state = solver.start(seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mini_batches, "kernels", lambda: build and library.build(build))
        for _ in range(3):
            state = solver.step(seen, state)
    return state


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("scale", "layout"), [("none", "rows"), ("standard", "rows"), ("none", "strided")])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("settings", DESCENTS.values(), ids=list(DESCENTS))
def test_mini_batches(settings, dtype, scale, layout, weighted, bias, m):
    twin = stood(settings, scale, layout, weighted, bias, m, None, dtype)
    for build in library.builds():
        found = stood(settings, scale, layout, weighted, bias, m, build, dtype)
        assert_alike(found, twin, dtype, settings.get("penalty", NONE))
        assert found.epoch == twin.epoch == 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33])
def test_mini_batches_of_any_width(p, bias, dtype):
    """Rows are read by whole vectors, then by halves of halves of one."""
    for settings in ({"batch_size": 1}, {"batch_size": 10, "momentum": 0.5}):
        twin = stood(settings, "standard", "rows", False, bias, 2, None, dtype, p)
        for build in library.builds():
            assert_alike(stood(settings, "standard", "rows", False, bias, 2, build, dtype, p), twin, dtype)


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 7, "momentum": 0.5}])
@pytest.mark.parametrize("build", [*library.builds(), None])
def test_steps_are_taken_in_the_type_that_was_asked_for(settings, build):
    """In float32 they leave numbers of float32, about as far from those of float64 as its rounding says."""
    half, whole = (
        stood(settings, "none", "rows", True, True, 2, build, dtype) for dtype in ("float32", "float64")
    )
    assert half.theta.dtype == whole.theta.dtype == np.float64
    assert (half.theta.astype(np.float32) == half.theta).all()
    assert (whole.theta.astype(np.float32) != whole.theta).any()
    apart = np.abs(half.theta - whole.theta).max() / np.abs(whole.theta).max()
    assert 2.0**-26 < apart < 2.0**-18


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [0, 100, 202])
@pytest.mark.parametrize("build", library.builds())
def test_what_runs_away_is_noticed(build, place, dtype, batch_size):
    """A target of the largest number overflows, wherever its row stands, and every coefficient tells."""
    X, Y = np.ones((203, 5)), np.zeros((203, 1))
    Y[place] = np.finfo(dtype).max
    state = State(np.zeros((6, 1), dtype), np.zeros((1, 6, 1), dtype))
    rows, run = RowBlock(X, Y, None), Run(1e3, np.inf, HeavyBall())
    descend(library.build(build), NONE, rows, Scaling.none(5), keys(0, 0), state, run, 0, batch_size)
    assert not np.isfinite(state.theta).any()


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("build", library.builds())
def test_mini_batches_come_in_the_order_of_the_permutation(build, n):
    """Unit vectors as rows and targets of one: a rate that falls row by row leaves its marks in θ."""
    drawn, theta = keys(5, n), np.zeros((n, 1))
    piece, run = RowBlock(np.eye(n), np.ones((n, 1)), None), Run(0.5, float(n), HeavyBall())
    state = State(theta, np.zeros((1, n, 1)))
    descend(library.build(build), NONE, piece, Scaling.none(n), drawn, state, run, 0, 1)
    expected = np.empty(n)
    expected[permutation(n, drawn)] = 1.0 - np.arange(n) / n
    np.testing.assert_allclose(theta[:, 0], expected, rtol=1e-12)


def told(program, **environment):
    """What a process of its own says, and the warnings that it gives."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {library.CHOICE: ""} | environment,
    )
    return done.stdout.strip(), done.stderr


FITTED = """
import numpy as np, gradline
X = np.random.default_rng(0).normal(size=(3000, 100))
print(gradline.fit(X, X.sum(axis=1) + X[:, 0] ** 2).weight.tobytes().hex())
"""


def test_a_build_is_chosen_by_name():
    shown = "from gradline.core.kernels import library; print(library.kernels().gram.__name__)"
    assert told(shown, GRADLINE_KERNELS="")[0] == f"gram_{library.builds()[-1]}"
    for build in library.builds():
        assert told(shown, GRADLINE_KERNELS=build)[0] == f"gram_{build}"
    assert told(shown.replace(".gram.__name__", ""), GRADLINE_KERNELS="numpy")[0] == "None"


@pytest.mark.usefixtures("fresh")
def test_a_build_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("GRADLINE_KERNELS", "avx3")
    with refused("kernels-invalid", "avx3", "baseline"):
        library.kernels()


@pytest.fixture
def fresh(monkeypatch):
    """The library is looked for anew, whatever the environment names, and again for the tests that follow."""
    monkeypatch.delenv(library.CHOICE, raising=False)
    yield _forget()
    _forget()


def _forget():
    library._library.cache_clear()
    library.kernels.cache_clear()


OTHERS = {
    "aarch64-linux-gnu": b"\x7fELF",
    "aarch64-macos": b"\xcf\xfa\xed\xfe",
    "x86_64-macos": b"\xcf\xfa\xed\xfe",
}


@pytest.mark.slow
@pytest.mark.needs("zig")
@pytest.mark.parametrize(("target", "magic"), OTHERS.items(), ids=list(OTHERS))
def test_the_library_compiles_for_other_processors_and_systems(target, magic, tmp_path):
    """Every function of every build is in it, by the name that Python looks for."""
    architecture, goal = target.partition("-")[0], tmp_path / "kernels"
    # Zig would first compile libraries for a Mac, which takes a minute; it has Linux's headers only with them.
    alone = ["-nostdlib"] if "macos" in target else []
    building.build(building.zig("-target", target, *alone) or [], architecture, goal)
    content = goal.read_bytes()
    assert content.startswith(magic)
    kinds = building.TARGETS[architecture]
    names = [f"{name}_{kind}" for name in library.Kernels._fields for kind in kinds]
    missing = [name for name in ["sources", "best_target", *names] if f"{name}\0".encode() not in content]
    assert missing == []


@pytest.mark.usefixtures("fresh")
def test_a_library_that_is_gone_is_missed(monkeypatch):
    monkeypatch.setattr(library, "library", lambda: "nowhere.so")
    with warned("kernels-missing", "nowhere.so"):
        assert library.kernels() is None
    assert library.builds() == []


@pytest.mark.usefixtures("fresh")
def test_a_library_of_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(library, "digest", lambda: 1)
    with warned("kernels-missing"):
        assert library.kernels() is None


@pytest.mark.usefixtures("fresh")
def test_a_library_of_something_else_is_not_used(monkeypatch):
    monkeypatch.setattr(library, "library", lambda: ctypes.util.find_library("m"))
    with warned("kernels-missing"):
        assert library.kernels() is None


@pytest.mark.usefixtures("fresh")
def test_who_asks_for_numpy_misses_no_library(monkeypatch):
    monkeypatch.setenv("GRADLINE_KERNELS", "numpy")
    monkeypatch.setattr(library, "library", lambda: "nowhere.so")
    assert library.kernels() is None


def test_a_batch_of_more_rows_than_a_whole_number_of_c_holds():
    X, y = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)
    at_once = gradline.fit(X, y, solver=SGD(lr=1e-6, epochs=3, batch_size=6))
    with warned("batch-above-rows", 6):
        more = gradline.fit(X, y, solver=SGD(lr=1e-6, epochs=3, batch_size=2**64 + 1))
    np.testing.assert_array_equal(at_once.weight, more.weight)


def test_without_the_library_numpy_computes_and_says_so_once():
    """The same numbers to rounding, and one warning for all fits of a process."""
    gone = "from gradline.core.kernels import library as l; l.library = lambda: 'nowhere.so'\n"
    ours, quiet = told(FITTED)
    theirs, said = told(gone + FITTED + FITTED)
    assert quiet == ""
    assert said.count("GradlineWarning") == 1
    first, second = (np.frombuffer(bytes.fromhex(line)) for line in theirs.split())
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, np.frombuffer(bytes.fromhex(ours)), rtol=1e-12)


WIDE = """
import numpy as np, gradline
X = np.random.default_rng(0).normal(size=(1500, 1100))
model = gradline.fit(X, X.sum(axis=1) + X[:, 0] ** 2)
print(model.weight.tobytes().hex(), model.moments.factor.tobytes().hex(), model.certificate)
"""


@pytest.mark.slow
def test_the_same_wide_fit_gives_the_same_bits_however_many_threads_blas_may_have():
    one, two = (told(WIDE, OPENBLAS_NUM_THREADS=count, OMP_NUM_THREADS=count)[0] for count in ("1", "2"))
    assert one == two


SAVED = """
import dataclasses, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np, gradline
X = np.random.default_rng(0).normal(size=(20_000, 60))
Y = X.sum(axis=1) + X[:, 0] ** 2

def saved(_):
    model = dataclasses.replace(gradline.fit(X, Y), seconds=0.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        return path.read_bytes()

with ThreadPoolExecutor(8) as pool:
    [found] = set(pool.map(saved, range(8)))
print(found.hex())
"""


@pytest.mark.slow
def test_eight_threads_and_processes_without_asserts_or_a_home_write_the_same_file():
    alone, quiet = told(SAVED)
    assert quiet == ""
    assert told(SAVED, PYTHONOPTIMIZE="1", HOME="/nonexistent", OPENBLAS_NUM_THREADS="2")[0] == alone
    with ThreadPoolExecutor(8) as pool:
        assert {said for said, _ in pool.map(lambda _: told(SAVED), range(8))} == {alone}


def test_the_same_fit_gives_the_same_bits_whatever_was_done_before():
    alone, _ = told(FITTED)
    after, _ = told("import numpy as np, gradline; gradline.fit(np.eye(9), np.ones(9))\n" + FITTED)
    assert alone == after


THREADED = """
import threading, time
import numpy as np, threadpoolctl
from gradline.core.blas_threads import one_blas_thread

def threads():
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

def block(before, inside):
    time.sleep(before)
    with one_blas_thread():
        seen.append(threads())
        time.sleep(inside)

seen, first = [], threads()
blocks = [threading.Thread(target=block, args=times) for times in [(0, 0.1), (0.05, 0.2), (0.15, 0.01)]]
for each in blocks: each.start()
for each in blocks: each.join()
print(first == threads(), seen)
"""


def test_blocks_of_one_blas_thread_that_overlap_leave_as_many_as_they_found():
    """The first ends while the second runs, and so on: each restoring what it saw would leave one for good."""
    done, _ = told(THREADED, OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2")
    assert done == "True [[1], [1], [1]]"
