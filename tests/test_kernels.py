"""Compiled steps give what their NumPy twins give, whatever the layout; loops are loaded only where they pay."""

import mmap
import subprocess
import sys

import numpy as np
import pytest
from known import known

from gradline import SGD, Moments
from gradline.core.kernels import SIGNATURES, code_cache, elf_loader, policy
from gradline.core.permutation import keys, permutation
from gradline.data.inputs import as_rows
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Selection
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.sgd import DTYPES
from gradline.solvers.sgd_compiled import Course, descend


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
}


def assert_alike(found, twin, dtype):
    """θ and the velocity agree but for the order of sums."""
    tolerance = 5e3 * np.finfo(dtype).eps
    for ours, theirs in ((found.theta, twin.theta), (found.velocity, twin.velocity)):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


def stood(settings, scale, layout, weighted, bias, m, load, dtype="float64", p=5):
    """θ and the velocity after three epochs over 203 rows, stepwise in NumPy or compiled."""
    random = np.random.default_rng(0)
    X, Y = random.normal(2, 1, (203, p)), random.normal(size=(203, m))
    w = random.integers(1, 4, 203) * 1.0 if weighted else None
    rows = ArrayRows(layouts(X)[layout], Y, w, as_rows(Selection(X, Y)).rows.design)
    moments = Moments.from_rows(rows)
    scaling = Scaling.standard(moments, bias) if scale == "standard" else Scaling.none(p)
    seen = Problem.of(moments, rows, bias, scaling)
    solver = SGD(lr=1e-3, epochs=3, seed=1, init="normal", dtype=dtype, **({"decay": "none"} | settings))
    state = solver.start(seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "kernels", lambda _: policy.load() if load else None)
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
    found, twin = (stood(settings, scale, layout, weighted, bias, m, load, dtype) for load in (True, False))
    assert_alike(found, twin, dtype)
    assert found.epoch == twin.epoch == 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33])
def test_mini_batches_of_any_width(p, bias, dtype):
    """Rows are read by whole vectors, then by halves of halves of one."""
    for settings in ({"batch_size": 1}, {"batch_size": 10, "momentum": 0.5}):
        found, twin = (
            stood(settings, "standard", "rows", False, bias, 2, load, dtype, p) for load in (True, False)
        )
        assert_alike(found, twin, dtype)


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 7, "momentum": 0.5}])
@pytest.mark.parametrize("load", [True, False], ids=["compiled", "NumPy"])
def test_steps_are_taken_in_the_type_that_was_asked_for(settings, load):
    """In float32 they leave numbers of float32, about as far from those of float64 as its rounding says."""
    half, whole = (
        stood(settings, "none", "rows", True, True, 2, load, dtype) for dtype in ("float32", "float64")
    )
    assert half.theta.dtype == whole.theta.dtype == np.float64
    assert (half.theta.astype(np.float32) == half.theta).all()
    assert (whole.theta.astype(np.float32) != whole.theta).any()
    apart = np.abs(half.theta - whole.theta).max() / np.abs(whole.theta).max()
    assert 2.0**-26 < apart < 2.0**-18


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [0, 100, 202])
def test_what_runs_away_is_noticed(place, dtype, batch_size):
    """A target of the largest number overflows, wherever its row stands, and every coefficient tells."""
    X, Y = np.ones((203, 5)), np.zeros((203, 1))
    Y[place] = np.finfo(dtype).max
    theta, velocity, course = (
        np.zeros((6, 1), dtype),
        np.zeros((6, 1), dtype),
        Course(1e3, 0.0, np.inf, 0.0, batch_size),
    )
    descend(policy.load(), RowBlock(X, Y, None), Scaling.none(5), keys(0, 0), theta, velocity, course)
    assert not np.isfinite(theta).any()


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
def test_mini_batches_come_in_the_order_of_the_permutation(n):
    """Unit vectors as rows and targets of one: a rate that falls row by row leaves its marks in θ."""
    drawn, theta, velocity = keys(5, n), np.zeros((n, 1)), np.zeros((n, 1))
    piece, course = RowBlock(np.eye(n), np.ones((n, 1)), None), Course(0.5, 0.0, float(n), 0.0, 1)
    descend(policy.load(), piece, Scaling.none(n), drawn, theta, velocity, course)
    expected = np.empty(n)
    expected[permutation(n, drawn)] = 1.0 - np.arange(n) / n
    np.testing.assert_allclose(theta[:, 0], expected, rtol=1e-12)


def test_they_load_once_they_would_have_paid():
    """In a process of its own: small jobs never, many of them at last, and numba not at all once code is written."""
    policy.load()
    program = (
        "import sys\n"
        "from gradline.core.kernels import policy\n"
        "job = policy.cost() / 10\n"
        "print(policy.kernels(job) is None, 'llvmlite' in sys.modules)\n"
        "jobs = 1\n"
        "while policy.kernels(job) is None: jobs += 1\n"
        "print(jobs <= 20, 'llvmlite' in sys.modules, 'numba' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "True", str(not elf_loader.SUPPORTED), "False"]


def code():
    """The object code of all loops."""
    policy.load()
    return next(code_cache._folders()[-1].glob(f"{code_cache._sources()}-*.o")).read_bytes()[
        code_cache._DIGEST :
    ]


@pytest.mark.usefixtures("empty")
def test_without_a_linker_of_its_own_a_system_has_that_of_llvm(monkeypatch):
    ours = code_cache.loops()
    monkeypatch.setattr(elf_loader, "SUPPORTED", False)
    llvms = code_cache.loops()
    w, (X, Y) = np.empty(0), np.random.default_rng(0).normal(size=(2, 40, 1))
    factors = np.arange(1, 4, dtype=np.uint64)
    hashes = [loops.hashed(X, Y, w, factors, 40, 0, 1, 1) for loops in (ours, llvms)]
    assert not isinstance(llvms.memory, mmap.mmap)
    assert hashes[0] == hashes[1]


@pytest.mark.needs("elf")
def test_only_what_is_understood_is_linked():
    """Code of another kind of file, and relocations of another kind, are left to LLVM."""
    whole = code()
    assert set(SIGNATURES) <= set(known(elf_loader.linked(whole)).addresses)
    assert elf_loader.linked(b"MZ" + whole[2:]) is None
    _, start, count = elf_loader._HEADER.unpack_from(whole)
    sections = [
        elf_loader._SECTION.unpack_from(whole, start + i * elf_loader._SECTION.size) for i in range(count)
    ]
    kind = next(section[4] for section in sections if section[1] == elf_loader._RELOCATIONS) + 8
    assert elf_loader.linked(whole[:kind] + b"\2" + whole[kind + 1 :]) is None


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No code is written yet, and none need be compiled: what is written instead are the loops of other tests."""
    written, made = code(), []
    monkeypatch.setattr(policy, "_loaded", None)
    monkeypatch.setattr(code_cache, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(code_cache, "_compiled", lambda: made.append(1) or written)
    policy.cost.cache_clear()
    yield made
    policy.cost.cache_clear()


def test_code_is_written_once(empty, tmp_path):
    assert not code_cache.written()
    code_cache.loops()
    assert code_cache.written()
    code_cache.loops()
    assert len(empty) == 1
    assert [path.suffix for path in tmp_path.iterdir()] == [".o"]


@pytest.mark.parametrize(
    "harm", [lambda code: code[:-9], lambda code: code[:40] + b"x" + code[41:], lambda _: b""]
)
def test_damaged_code_is_compiled_again(empty, tmp_path, harm):
    code_cache.loops()
    (written,) = tmp_path.iterdir()
    written.write_bytes(harm(written.read_bytes()))
    assert set(SIGNATURES) <= set(vars(code_cache.loops()))
    assert len(empty) == 2


@pytest.mark.usefixtures("empty")
def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(code_cache, "_folders", lambda: [tmp_path / "file"])
    assert code_cache.loops().lanes() in (4, 8)


def test_many_processes_pay_for_one_compiling(empty, monkeypatch):
    """What each could have saved adds up, until one of them compiles."""
    monkeypatch.setattr(policy, "_saved", 0.0)
    for _ in range(int(policy.cost() / 3.0) - 1):
        assert policy.kernels(3.0) is None
        policy._remember()
        policy._saved = 0.0
        policy.cost.cache_clear()
    assert policy.cost() <= 3.0
    assert policy.kernels(3.0) is not None
    assert policy.kernels(0.0) is not None
    assert len(empty) == 1
    assert not code_cache.account().exists()
