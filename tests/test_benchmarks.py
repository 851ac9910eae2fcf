"""The benchmarks measure what they say: each rival solves the problem, and each table is made from its JSON."""

import importlib
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))

alternating, contest, figures, loops, memory, rivals, table, tables = map(
    importlib.import_module,
    ["alternating", "contest", "figures", "loops", "memory", "rivals", "table", "tables"],
)
epochs, exact, extended, files, small, start, wide = (
    importlib.import_module(f"works.{name}")
    for name in ["epochs", "exact", "extended", "files", "small", "start", "wide"]
)
SCRIPTS = {"pandas_sklearn": "pandas", "polars_sklearn": "polars", "duckdb_products": "duckdb"}

RESULT = {
    "name": "made-up",
    "date": "2026-01-02T03:04:05+00:00",
    "machine": {"processor": "abacus", "cores": 2, "memory": 3 * 2**30, "system": "Linux"},
    "versions": {"gradline": "1.2.3"},
    "cases": [
        {
            "title": "ten rows",
            "axis": "",
            "size": 0,
            "contestants": {
                "gradline": {
                    "seconds": [0.5, 0.25, 0.75],
                    "digits": 15.04,
                    "excess_loss": None,
                    "memory": 2**20,
                },
                "slow": {"seconds": [1.5, 1.0, 2.0], "digits": None, "excess_loss": None, "memory": None},
                "fast": {"seconds": [0.125] * 3, "digits": 3.0, "excess_loss": None, "memory": 0},
            },
        }
    ],
}


@pytest.mark.parametrize("rival", list(rivals.installed()), ids=lambda rival: rival.name)
def test_each_rival_solves_the_problem(rival):
    X, y = tables.table(200, 3)
    A = np.column_stack([np.ones(200), X])
    found = rival.fit(X, y)
    assert found.shape == (4,)
    # The definition: residuals are orthogonal to the columns.
    size = float(np.linalg.norm(A) * np.linalg.norm(y))
    np.testing.assert_allclose(A.T @ (y - A @ found), 0.0, atol=1e-9 * size)


def test_every_file_of_a_rival_is_enrolled():
    enrolled = {f"with_{package}.py" for package in rivals.RIVALS}
    assert enrolled == {path.name for path in (BENCHMARKS / "rivals").glob("with_*.py")}
    assert {"gradline", "numpy", "scipy", "scikit-learn", "torch"} <= {one.name for one in rivals.installed()}


@pytest.mark.parametrize("error", [1e-3, 1e-9])
def test_digits_are_those_of_the_worst_coefficient(error):
    right = np.array([1.0, -200.0, 3e5])
    wrong = right * [1.0, 1 + error, 1 - error / 10]
    assert contest.correct_digits(wrong, right) == pytest.approx(-np.log10(error), abs=1e-6)
    assert contest.correct_digits(right, right) == pytest.approx(53 * np.log10(2))
    assert contest.correct_digits(-right, right) == 0.0
    assert contest.correct_digits(right[:2], right) is None


def test_the_excess_loss_is_what_the_optimum_has_less():
    X, y = tables.table(300, 3)
    A = np.column_stack([np.ones(300), X])
    best = np.linalg.lstsq(A, y)[0]
    other = best + np.array([0.1, -0.02, 0.3, 0.0])
    losses = [np.mean((y - A @ coefficients) ** 2) for coefficients in (other, best)]
    assert contest.excess_loss(other, best, X) == pytest.approx(losses[0] - losses[1], rel=1e-10)
    assert contest.excess_loss(None, best, X) is None
    assert contest.excess_loss(other, best, None) is None


def test_every_contestant_runs_once_a_round_after_a_first_one():
    calls = []
    found = alternating.alternate({name: lambda name=name: calls.append(name) or name for name in "abc"}, 5)
    assert found == {name: [name] * 5 for name in "abc"}
    rounds = [calls[k : k + 3] for k in range(0, 18, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


def test_a_process_answers_with_what_it_took():
    program = "held = bytearray(10**8); print('done')"
    outcome = contest.process([sys.executable, "-c", program], str.strip)()
    assert outcome.answer == "done"
    assert outcome.memory > 10**8
    assert outcome.seconds > 0


def test_a_process_that_takes_too_long_is_stopped_once_and_told_so():
    began = time.perf_counter()
    slow = contest.process([sys.executable, "-c", "import time; time.sleep(60)"], str.strip, 0.5)
    outcomes = [slow() for _ in range(5)]
    assert set(outcomes) == {contest.Outcome(0.5, None, None, stopped=True)}
    assert time.perf_counter() - began < 10
    found = {"seconds": [0.5] * 3, "digits": None, "excess_loss": None, "memory": None, "stopped": True}
    text = table.details(altered(contestants={**RESULT["cases"][0]["contestants"], "endless": found}))
    assert "| ten rows | endless | > 500 ms | stopped | > 1 |" in text


@pytest.mark.slow
def test_the_environment_reaches_a_process_that_tells_its_own_time():
    words = [sys.executable, str(exact.FIT), "gradline", "1000", "300"]
    outcome = contest.inside(words, GRADLINE_KERNELS="numpy")()
    assert 0 < outcome.seconds < 30
    assert contest.correct_digits(outcome.answer, exact.refined(*tables.table(1000, 300))) > 9
    with pytest.raises(subprocess.CalledProcessError):
        contest.inside(words, GRADLINE_KERNELS="none such")()


def test_small_fits_agree():
    bout = small.prepare(100, 5, 2)
    reference = bout.reference()
    assert min(contest.correct_digits(run().answer, reference) for run in bout.contestants.values()) > 9


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "within"])
@pytest.mark.parametrize("size", [("20", "60"), ("30", "60", "0.2")], ids=["dense", "sparse"])
def test_wide_fits_have_the_least_norm(size, whole):
    bout = wide.prepare(size, whole)
    reference = bout.reference()
    answers = {name: run().answer for name, run in bout.contestants.items()}
    digits = {name: contest.correct_digits(answer, reference) for name, answer in answers.items()}
    assert digits["gradline"] > 9
    assert digits["scikit-learn"] > (1 if size[2:] else 9)  # LSQR stops early


def test_the_kinds_of_moments_are_timed():
    assert all(run().seconds > 0 for run in extended.prepare(3_000, 4).contestants.values())


@pytest.mark.slow
def test_peak_memory_of_a_call():
    bytes_held = 10**8
    found = memory.peak(lambda: np.ones(bytes_held // 8).sum())
    assert found is None or bytes_held * 0.9 < found < bytes_held * 1.5


@pytest.mark.slow
def test_loops_agree_with_the_closed_form():
    bout = epochs.training(60, 50)
    reference = bout.reference()
    digits = {name: contest.correct_digits(run().answer, reference) for name, run in bout.contestants.items()}
    assert digits.pop("torch, float32") > 3
    assert min(digits.values()) > 9


def test_batches_of_a_loop_take_every_row_once():
    """At a rate so small that the weights hardly move, the steps of one epoch add up to one of all rows."""
    X, y = tables.table(24, 2)
    lr = 1e-9
    whole, parts = (
        loops.torch_loop(X, y, lr * share, 1, size, torch.float64) for share, size in ((3, 24), (1, 8))
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("script", [name for name, package in SCRIPTS.items() if find_spec(package)])
def test_a_script_prints_the_coefficients(script, tmp_path):
    X, y = tables.table(50, 2)
    path = tmp_path / "table.csv"
    np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="x0,x1,y", comments="")
    outcome = contest.process(
        [sys.executable, str(BENCHMARKS / "scripts" / f"{script}.py"), str(path)], files.of_script
    )()
    assert contest.correct_digits(outcome.answer, exact.refined(X, y)) > 9


@pytest.mark.slow
@pytest.mark.parametrize("case", start.cases(quick=True), ids=lambda case: case.title)
def test_whole_processes_fit_the_crops(case):
    bout = case.prepare()
    reference = bout.reference()
    answers = {name: run().answer for name, run in bout.contestants.items() if name != "python alone"}
    assert {answer.shape for answer in answers.values()} == {(2, 4)}
    if reference is not None:
        digits = {name: contest.correct_digits(answer, reference) for name, answer in answers.items()}
        assert digits["gradline"] > 12
        assert min(digits.values()) > 4  # the loop is in float32


def test_the_words_of_gradlines_command(tmp_path):
    X, y = tables.table(50, 2)
    path = tmp_path / "table.csv"
    np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="x0,x1,y", comments="")
    outcome = contest.process(files.gradline_command(path), files.of_gradline)()
    assert contest.correct_digits(outcome.answer, exact.refined(X, y)) > 9


def test_the_tables_say_what_the_rounds_say():
    ours, slow, fast = table.figures(RESULT["cases"][0])
    assert (ours.median, ours.ratio, slow.ratio, fast.ratio) == (0.5, 1.0, 3.0, 0.25)
    assert (slow.low, slow.high) == (1.25, 1.75)
    assert "| ten rows | gradline | 500 ms | 375 ms to 625 ms | 1 | 15.0 | 1 MiB |" in table.details(RESULT)
    assert "| ten rows | 500 ms | fast 0.25 · slow 3 |" in table.summary([RESULT])


def altered(**changes):
    """The made-up result with changes to its case."""
    return {**RESULT, "cases": [{**RESULT["cases"][0], **changes}]}


def test_a_column_that_nobody_fills_is_left_out():
    assert "excess loss" not in table.details(RESULT)
    told = {"seconds": [1.0] * 3, "digits": 1.0, "excess_loss": 0.0012, "memory": None}
    lines = table.details(altered(contestants={"descent": told})).splitlines()
    assert lines[0] == "| work | contestant | median | quartiles | ratio | digits | excess loss |"
    assert lines[2] == "| ten rows | descent | 1 s | 1 s to 1 s | 1 | 1.0 | 1.2e-03 |"


def test_the_summary_has_the_first_case_of_each_work():
    twice = {**RESULT, "cases": [*RESULT["cases"], {**RESULT["cases"][0], "title": "many rows"}]}
    assert "many rows" not in table.summary([twice])
    assert table.summary([twice, altered(title="other rows")]).count(" rows |") == 2
    assert "a point" not in table.summary([altered(title="a point", axis="rows", size=10)])


def test_works_measured_alike_are_told_together():
    other, later = {**RESULT, "name": "other"}, {**RESULT, "name": "later", "date": "2026-02-01"}
    assert table.provenance([RESULT, other, later]).split("\n\n") == [
        "Medians (made-up, other) on 2 cores of abacus, 3 GiB, Linux, 2026-01-02; gradline 1.2.3.",
        "Medians (later) on 2 cores of abacus, 3 GiB, Linux, 2026-02-01; gradline 1.2.3.",
    ]


@pytest.mark.parametrize(
    ("ours", "rival", "is_listed"),
    [(0.5, 0.25, True), (0.5, 0.45, False), (0.015, 0.001, False), (0.5, 1.0, False)],
)
def test_slower_points_of_a_growth_curve_are_listed(ours, rival, is_listed):
    rounds = {"gradline so": ours, "simple": rival, "gradline otherwise": rival, "fast": 1e-6}
    none = {"digits": None, "excess_loss": None, "memory": None}
    contestants = {name: {"seconds": [time] * 3, **none} for name, time in rounds.items()}
    text = table.growth(altered(title="rows 10", axis="rows", size=10, contestants=contestants))
    row = f"| rows 10 | gradline so | {table.seconds(ours)} | simple | {table.seconds(rival)} |"
    assert (row in text) == is_listed
    assert "gradline otherwise" not in text
    assert "growth-rows.svg" in text


def test_every_work_has_its_place_in_the_tables():
    works = {path.stem for path in (BENCHMARKS / "works").glob("*.py")} - {"__init__"}
    assert works <= set(table.ORDER)


def test_equal_ratios_are_equal_distances_in_a_figure():
    """Times that grow as the square of the size make a straight line, twice as steep in decades."""
    cases = [
        {"size": size, "contestants": {"one & all": {"seconds": [size**2 / 100] * 3}}}
        for size in (1, 10, 100)
    ]
    root = ElementTree.fromstring(figures.figure("rows", cases))
    [drawn] = [element.attrib["points"] for element in root if element.tag.endswith("polyline")]
    steps = np.diff([[float(number) for number in pair.split(",")] for pair in drawn.split()], axis=0)
    np.testing.assert_allclose(steps[0], steps[1], atol=0.11)
    assert steps[0, 0] > 0 > steps[0, 1]
    assert "one & all" in [element.text for element in root]


def test_a_table_goes_between_its_markers_and_nowhere_else():
    page = "before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n"
    renewed = table.included(page, r"new \1")
    assert renewed == "before\n<!-- benchmarks -->\nnew \\1\n<!-- /benchmarks -->\nafter\n"
    assert table.included("no marker", "new") == "no marker"


def test_the_page_shows_what_the_results_give():
    text = table.PAGE.read_text()
    assert table.included(text, table.page(table.results())) == text
