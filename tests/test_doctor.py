"""The doctor: figures against NumPy on the rows, every code provoked and not, the command line as a user meets it."""

import itertools
import json
import math
import re
import shlex
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from known import known
from packaged import flights_file, package_file
from refusals import expect_refusal, refused

import gradline
from gradline import Moments, Trajectory, doctor
from gradline.data.files import EXAMPLES
from gradline.data.inputs import array_rows, as_rows
from gradline.data.row_block import RowBlock
from gradline.data.selection import Selection
from gradline.model.doctor.findings import CODES, explain
from gradline.model.doctor.survey import BATCHES, Survey
from gradline.model.doctor.symptoms import OF_TRAINING
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.sgd import mean_square_limit
from gradline.solvers.spectrum import Spectrum

CROPS = ("example:crops", ["apples", "oranges"])
CROPS5 = ("example:crops5", ["apples", "oranges"])
IPHONE = ("example:iphone", ["sales"])
TABLES = pytest.mark.parametrize("table", [CROPS, CROPS5, IPHONE], ids=lambda table: table[0])
BIAS = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def arrays(table):
    """X and Y of an example, by polars alone."""
    frame = pl.read_csv(EXAMPLES / f"{table[0].removeprefix('example:')}.csv")
    names = [name for name in frame.columns if name not in table[1] and frame[name].dtype.is_numeric()]
    return frame[names].to_numpy().astype(float), frame[table[1]].to_numpy().astype(float)


def width(text):
    """Of the longest line above the commands, which are as long as the names in them."""
    return max(map(len, text.split("To run:")[0].splitlines()))


def hessian(X, m, bias):
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    return 2.0 / (m * len(X)) * A.T @ A


def views(X, bias):
    """The columns as they are, scaled, centred and both; without a bias the scale is the root mean square."""
    if not bias:
        return [X, X / np.sqrt((X**2).mean(axis=0))]
    spread, mean = X.std(axis=0), X.mean(axis=0)
    return [X, X / spread, X - mean, (X - mean) / spread]


@TABLES
@BIAS
def test_conditions_and_rates_are_those_of_the_hessian(table, bias):
    X, Y = arrays(table)
    report = doctor(*table, bias=bias)
    assert len(report.paces) == len(views(X, bias))
    for pace, view in zip(report.paces, views(X, bias), strict=True):
        values = np.linalg.eigvalsh(hessian(view, Y.shape[1], bias))
        np.testing.assert_allclose(pace.hessian_condition, values[-1] / values[0], rtol=1e-6)
        np.testing.assert_allclose(pace.lr_limit, 2 / values[-1], rtol=1e-9)
        np.testing.assert_allclose(pace.best_lr, 2 / (values[-1] + values[0]), rtol=1e-9)
        slowest = math.log(1000) / -math.log1p(-pace.best_lr * values[0])
        np.testing.assert_allclose(pace.epochs_to_weights, slowest, rtol=1e-5)


@TABLES
def test_epochs_to_loss_are_those_of_the_loop(table):
    """Centred and scaled, run step by step: the first epoch from which the gap stays within 1 % of the optimum."""
    X, Y = arrays(table)
    A = np.column_stack([np.ones(len(X)), views(X, True)[-1]])
    optimum = ((A @ np.linalg.lstsq(A, Y, rcond=None)[0] - Y) ** 2).mean()
    pace = doctor(*table).paces[-1]
    theta, losses = np.zeros((A.shape[1], Y.shape[1])), []
    for _ in range(int(pace.epochs_to_loss) + 1):
        losses.append(((A @ theta - Y) ** 2).mean())
        theta -= pace.best_lr * 2 / Y.size * A.T @ (A @ theta - Y)
    assert losses[-1] <= 1.01 * optimum < losses[-2]


def test_the_crops_as_the_design_tells_them():
    report = doctor(*CROPS5, lr=1e-5)
    conditions = [float(f"{pace.hessian_condition:.3g}") for pace in report.paces]
    assert conditions == [2.19e6, 9610.0, 1020.0, 6.95]
    assert [f"{pace.lr_limit:.3g}" for pace in report.paces][:1] == ["0.000112"]
    text = " ".join(str(report).split())
    for words in (
        "rainfall 44 %, temp 39 %, humidity 17 %",
        "the last to settle, the bias, comes a thousand times nearer to its best in 84.3 million epochs",
        "standard deviations from zero, which slows training",
    ):
        assert words in text
    assert "lr 0.001 is above 1.12e-4" in str(doctor(*CROPS5, lr=1e-3))
    assert "the error grows 16.9× per epoch" in str(doctor(*CROPS5, lr=1e-3))


@TABLES
def test_the_rate_to_judge(table):
    X, Y = arrays(table)
    values, vectors = np.linalg.eigh(hessian(X, Y.shape[1], True))
    report = doctor(*table, lr=1e-5)
    np.testing.assert_allclose(
        [share for _, share in report.shares], np.sort(vectors[:, -1] ** 2)[::-1], atol=1e-9
    )
    path = Trajectory(Moments.of(*table), lr=1e-5)
    assert report.epochs_to_loss == path.epochs_to_loss()
    half_lives = [math.log(2) / -math.log1p(-1e-5 * value) for value in values[:3]]
    np.testing.assert_allclose([d.half_life for d in report.directions], half_lives, rtol=1e-5)
    assert doctor(*table).lr == report.paces[0].best_lr


@TABLES
def test_the_slowest_directions_are_told_slowest_first(table):
    """Those with the least |log|1 − lr·λ||, near the limit too, where the steepest overshoots."""
    X, Y = arrays(table)
    values = np.linalg.eigvalsh(hessian(X, Y.shape[1], True))
    for lr in (1e-3 / values[-1], 1.9 / values[-1], None):
        report = doctor(*table, lr=lr)
        steps = report.lr * values
        left = np.abs(np.log(np.abs(1 - steps)))
        slowest = np.sort(math.log(2) / left)[::-1][:3]
        told = [direction.half_life for direction in report.directions]
        np.testing.assert_allclose(told, slowest, rtol=1e-5)
        assert np.all(np.diff(told) <= 1e-5 * np.array(told[1:]))
        overshooting = [d.half_life for d in report.directions if d.overshoots]
        expected = np.sort(math.log(2) / left[steps > 1])[::-1][: len(overshooting)]
        np.testing.assert_allclose(overshooting, expected, rtol=1e-5)
    assert not report.directions[0].overshoots  # of two that are as slow, the gentle one


@TABLES
def test_the_best_rate_is_told_below_its_limit(table):
    report = doctor(*table)
    for pace, told in zip(report.paces, report.to_dict()["paces"], strict=True):
        assert told["best_lr"] < told["lr_limit"]
        [line] = [line for line in str(report).splitlines() if line.startswith(f"{pace.view}  ")]
        cells = re.split(r"  +", line)
        if cells[3] == "just below":  # more digits than anybody types
            assert pace.best_lr > (1 - 1e-8) * pace.lr_limit
            continue
        limit, best = float(cells[2]), float(cells[3])
        assert best < limit
        assert best < pace.lr_limit
        assert (limit, best) == pytest.approx((pace.lr_limit, pace.best_lr), rel=5e-3)


def test_the_best_rate_is_below_the_limit_where_float64_sees_one():
    x = np.arange(10.0)
    spectrum = Spectrum.of(Moments.of(np.column_stack([x, 1e9 * (x % 3)]), x % 2))
    assert spectrum.largest + spectrum.smallest == spectrum.largest
    assert spectrum.best_lr() < spectrum.lr_limit()


def largest_stable(X, m, bias, b):
    """The definition: bisection for the largest lr with lr·[H² + (n − b)/(b(n − 1))·(M − H²)] ≼ 2H."""
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    n, H = len(A), hessian(X, m, bias)
    M = sum((2 / m * np.outer(a, a)) @ (2 / m * np.outer(a, a)) for a in A) / n
    noise = H @ H + (n - b) / (b * (n - 1)) * (M - H @ H)
    root = np.linalg.inv(np.linalg.cholesky(H))  # congruence keeps signs and takes the scale out
    low, high = 0.0, 2 / np.linalg.eigvalsh(H)[-1] * 2
    for _ in range(100):
        lr = (low + high) / 2
        stable = np.linalg.eigvalsh(root @ (2 * H - lr * noise) @ root.T)[0] >= 0
        low, high = (lr, high) if stable else (low, lr)
    return low


@TABLES
@BIAS
def test_the_limits_of_mini_batches(table, bias):
    X, Y = arrays(table)
    report = doctor(*table, bias=bias)
    assert [batch.batch_size for batch in report.batches] == [b for b in BATCHES if b < len(X)]
    A = np.column_stack([np.ones(len(X)), X]) if bias else X
    for b, mean_square, worst_case in report.batches:
        np.testing.assert_allclose(known(mean_square), largest_stable(X, Y.shape[1], bias, b), rtol=1e-5)
        sizes = (
            np.linalg.norm(A[list(batch)], 2) ** 2 * 2 / (Y.shape[1] * b)
            for batch in itertools.combinations(range(len(X)), b)
        )
        assert worst_case <= 2 / max(sizes) * (1 + 1e-12)
    norms = (A**2).sum(axis=1)
    np.testing.assert_allclose(known(report.batches[0].worst_case), Y.shape[1] / norms.max(), rtol=1e-12)


def test_the_limits_of_mini_batches_are_those_of_sgd():
    """With row weights, categories and several blocks of rows."""
    random, n = np.random.default_rng(3), 90_000
    frame = pl.DataFrame(
        {
            "a": random.normal(5, 2, n),
            "b": random.exponential(1, n),
            "c": random.choice(["x", "y", "z"], n),
            "w": random.integers(0, 4, n),
            "y": random.normal(size=n),
        }
    )
    moments = Moments.of(frame, "y", weights="w")
    rows = as_rows(Selection(frame, "y", weights="w")).rows
    problem = Problem.of(moments, rows, True, Scaling.none(moments.p))
    report = doctor(frame, "y", weights="w")
    for b, mean_square, worst_case in report.batches:
        np.testing.assert_allclose(known(mean_square), mean_square_limit(problem, b), rtol=1e-9)
        assert worst_case is None
    assert (report.passes, report.route) == (1, "cross-products in one pass")
    assert report.row_bytes == 8 * moments.rows * 6  # four features, the target, the weights


def test_what_was_seen_twice_counts_once():
    random = np.random.default_rng(0)
    X = np.column_stack([np.arange(700), random.integers(0, 9, 700), random.normal(size=700)]).astype(float)
    Y = random.normal(size=(700, 1))
    spectrum = Spectrum.of(Moments.from_rows(array_rows(Selection(X, Y))), True)
    once, twice = Survey(True), Survey(True)
    for survey, passes in ((once, 1), (twice, 2)):
        for first in [0, 300, 600] * passes:
            survey(RowBlock(X[first : first + 300], Y[first : first + 300], None))
        assert survey.passes(700) == passes
        assert survey.monotone(700).tolist() == [True, False, False]
    for b in BATCHES:
        one, other = (survey.batch_limit(spectrum, 1, 700, b, [0, 1, 2]) for survey in (once, twice))
        assert math.isclose(known(one), known(other), rel_tol=1e-12)
        norms = np.sort(1 + (X**2).sum(axis=1))[::-1][:b]
        for survey in (once, twice):
            assert math.isclose(known(survey.worst_case(1, 700, b)), 1 / norms.mean(), rel_tol=1e-12)


def test_rows_are_read_again_where_digits_ask_for_it():
    random, n = np.random.default_rng(1), 300_000
    a = random.normal(size=n)
    frame = pl.DataFrame(
        {"a": a, "b": a + 1e-7 * random.normal(size=n), "i": range(n), "y": random.normal(size=n)}
    )
    report = doctor(frame, "y")
    assert report.passes == 2
    assert report.route.startswith("cross-products, and the rows once more")
    assert [f.code for f in report.findings if "i looks" in f.cause] == ["identifier-column"]
    assert "twice, for the digits" in str(report)


def test_a_level_that_no_complete_row_has():
    """The columns of the survey are those of the table; a level without a complete row is none of the model's."""
    random, n = np.random.default_rng(5), 200
    frame = pl.DataFrame(
        {
            "kind": ["b"] * 100 + ["c"] * 98 + ["d"] * 2,
            "x": random.normal(2, 1, n),
            "y": [*random.normal(size=198), None, None],
        }
    )
    whole, complete = doctor(frame, "y"), doctor(frame.drop_nulls(), "y")
    assert whole.features == complete.features == ["kind=c", "x"]
    for ours, theirs in zip(whole.batches, complete.batches, strict=True):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-12)


RANDOM = np.random.default_rng(7)
N = 200
GOOD = {"a": RANDOM.normal(size=N), "b": RANDOM.normal(size=N)}
GOOD["y"] = GOOD["a"] - GOOD["b"] + RANDOM.normal(size=N)
TEXT = [f"k{i % 60}" for i in range(N)]


def codes(change, **options):
    """The codes of what is found in good data with some columns changed or added."""
    return [finding.code for finding in doctor(pl.DataFrame(GOOD | change), "y", **options).findings]


# By code: what provokes it, and what comes near and does not.
PROVOKED = {
    "missing": ({"a": [None, *GOOD["a"][1:]]}, {"spare": [None] * N}, {}),
    "rate-limit": ({"a": 100 * GOOD["a"]}, {"a": 2 * GOOD["a"]}, {}),
    "batch-limit": ({"a": GOOD["a"] ** 3}, {"a": np.sign(GOOD["a"])}, {"lr": 0.1}),
    "collinear": ({"c": GOOD["a"] + GOOD["b"]}, {"c": GOOD["a"] + RANDOM.normal(size=N)}, {}),
    "slow": ({"a": 1e4 + GOOD["a"]}, {"a": 3 + GOOD["a"]}, {}),
    "far-from-zero": ({"a": 100 + GOOD["a"]}, {"a": 1 + GOOD["a"]}, {}),
    "unlike-scales": ({"a": 50 * GOOD["a"]}, {"a": 2 * GOOD["a"]}, {}),
    "near-collinear": (
        {"c": GOOD["a"] + 0.01 * RANDOM.normal(size=N)},
        {"c": GOOD["a"] + 0.2 * RANDOM.normal(size=N)},
        {},
    ),
    "few-rows": (
        {f"c{i}": RANDOM.normal(size=N) for i in range(18)},
        {f"c{i}": RANDOM.normal(size=N) for i in range(17)},
        {},
    ),
    "identifier-column": ({"c": range(5, N + 5)}, {"c": np.arange(N) + 0.5}, {}),
    "year": ({"c": [1990 + i % 30 for i in range(N)]}, {"c": [1990.5 + i % 30 for i in range(N)]}, {}),
    "constant": ({"c": [0.1] * N}, {"c": [0.1] * (N - 1) + [0.2]}, {}),
    "outlying": ({"c": [9999.0, *GOOD["a"][1:]]}, {"c": ["x"] + ["z"] * (N - 1)}, {}),
    "numbers-as-text": ({"c": ["1.5", "2.5"] * (N // 2)}, {"c": ["x", "z"] * (N // 2)}, {}),
    "sentinel-value": ({"c": [-999.0, *GOOD["a"][1:]]}, {"c": [-999.0 + 100 * i for i in range(N)]}, {}),
    "copy-of-target": ({"c": [2 * y + 1 for y in GOOD["y"]]}, {"c": [y * y for y in GOOD["y"]]}, {}),
    "total-row": (
        {name: [*values[:-1], sum(values[:-1])] for name, values in GOOD.items()},
        {name: [*values[:-2], sum(values[:-2]), values[-1]] for name, values in GOOD.items()},
        {},
    ),
    "unit-jump": (
        {"c": [(50.0 + i * 7 % 11) * (1 if i < N // 2 else 2.2046) for i in range(N)]},
        {"c": [50.0 + i for i in range(N)]},
        {},
    ),
    "rows-twice": (
        {name: [*values[:-3], *values[:3]] for name, values in GOOD.items()},
        {"a": [*GOOD["a"][:-3], *GOOD["a"][:3]]},
        {},
    ),
    "rows-alike": (
        {
            name: [*values[:20], *(values[:20] + 1e-3 * RANDOM.random(20)), *values[40:]]
            for name, values in GOOD.items()
        },
        {name: np.r_[values[:100], 1e-6 * values[100:]] for name, values in GOOD.items()},
        {},
    ),
    "levels-alike": ({"c": ["yes", "Yes "] * (N // 2)}, {"c": ["yes", "no"] * (N // 2)}, {}),
    "levels-similar": (
        {"c": (["Africa"] * 9 + ["Afirca"]) * (N // 10)},
        {"c": ["Africa", "Afirca"] * (N // 2)},
        {},
    ),
    "units-differ": (
        {"c unit": (["USD"] * 9 + ["EUR"]) * (N // 10)},
        {"c united": (["USD"] * 9 + ["EUR"]) * (N // 10)},
        {},
    ),
    "levels-ordered": (
        {"c": (["low", "high", "medium", "low"] * N)[:N]},
        {"c": (["low", "hot", "medium", "low"] * N)[:N]},
        {},
    ),
    "left-out": ({"c": TEXT}, {"c": ["x", "z"] * (N // 2)}, {}),
}


@pytest.mark.parametrize("code", sorted(set(CODES) - {"file-twice"}))
def test_every_code_is_provoked_and_is_not(code):
    provoking, near, options = PROVOKED[code]
    assert code in codes(provoking, **options)
    assert code not in codes(near, **options)


def test_a_file_that_is_there_twice(tmp_path):
    for name, seed in (("1.csv", 1), ("2.csv", 2), ("2 (1).csv", 2)):
        draws = np.random.default_rng(seed).normal(size=(30, 2))
        pl.DataFrame(draws, schema=["x", "y"]).write_csv(tmp_path / name)
    report = doctor(tmp_path, "y")
    assert {"file-twice", "rows-twice"} <= {finding.code for finding in report.findings}
    (tmp_path / "2 (1).csv").unlink()
    assert "file-twice" not in {finding.code for finding in doctor(tmp_path, "y").findings}


DAYS = [f"20{10 + i % 9}-0{1 + i % 9}-{10 + i % 19}" for i in range(N)]
IDS = RANDOM.permutation(9 * N)[:N].astype(float)
NOTICED = {
    "a code in a polynomial": (
        "sentinel-value",
        {"c": [999.0, *IDS[1:] / 50]},
        {"c": IDS / 50},
        "y ~ a + poly(c, 2)",
    ),
    "a code in a spline": (
        "sentinel-value",
        {"c": [9999.0, *IDS[1:] / 50]},
        {"c": [99.0, *IDS[1:]]},
        "y ~ bs(c, df=4)",
    ),
    "a date": ("sentinel-value", {"c": ["1900-01-01", *DAYS[1:]]}, {"c": DAYS}, "y ~ a + days(c)"),
    "a date long ago": (
        "sentinel-value",
        {"c": [*DAYS[1:], "1970-01-01"]},
        {"c": [*DAYS[1:], "1970-01-02"]},
        "y ~ year(c):a",
    ),
    "a code in a target": ("sentinel-value", {"c": [99999.0, *IDS[1:] + 1]}, {"c": IDS + 1}, "log(c) ~ a"),
    "spellings in a product": (
        "levels-alike",
        {"c": ["yes", "Yes "] * 100},
        {"c": ["yes", "no"] * 100},
        "y ~ a * c",
    ),
    "an order": (
        "levels-ordered",
        {"c": ["low", "high", "mid", "low"] * 50},
        {"c": ["low", "hot", "mid", "low"] * 50},
        "y ~ a * C(c)",
    ),
    "identifiers": ("identifier-column", {"customerId": IDS}, {"customerId": [IDS[1], *IDS[1:]]}, "y ~ ."),
    "sizes": ("identifier-column", {"guest_id": IDS}, {"guests": IDS}, "y ~ ."),
}


@pytest.mark.parametrize("name", NOTICED)
def test_fit_and_doctor_notice_the_same_in_formulas(name):
    code, wrong, right, formula = NOTICED[name]
    for change, wanted in ((wrong, True), (right, False)):
        data = pl.DataFrame(GOOD | change)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = [notice for notice in gradline.fit(data, formula=formula).notices if notice.code == code]
        found = [finding for finding in doctor(data, formula=formula).findings if finding.code == code]
        assert len(told) == len(found) == wanted
        assert [(one.cause, one.remedy) for one in told] == [(one.cause, one.remedy) for one in found]


def test_an_order_that_a_formula_knows_is_not_told():
    data = pl.DataFrame(GOOD | {"c": ["low", "high", "mid", "low"] * 50})
    formula = 'y ~ a + C(c, poly, levels=["low", "mid", "high"])'
    assert doctor(data, formula=formula).findings == []
    (told,) = [n.remedy for n in gradline.fit(data, "y").notices if n.code == "levels-ordered"]
    assert 'C(c, poly, levels=["low", "mid", "high"])' in told


def test_no_example_is_found_fault_with():
    """But for what is so: near copies of crops, and three rows of Engel's that stand there before."""
    said = {"few-rows", "missing", "year", "near-collinear", *OF_TRAINING}
    targets = {
        "crops": "apples",
        "crops5": "apples",
        "iphone": "sales",
        "longley": "employed",
        "engel": "food",
    }
    targets |= {"geyser": "waiting", "stackloss": "loss", "penguins": "body_mass_g", "line": "y"}
    found = {
        name: {one.code for one in doctor(f"example:{name}", target).findings} - said
        for name, target in targets.items()
    }
    assert {name: codes for name, codes in found.items() if codes} == {
        "crops": {"rows-alike"},
        "engel": {"rows-twice"},
    }


def test_good_data_have_no_findings():
    assert codes({}) == []
    assert "Nothing found" in str(doctor(pl.DataFrame(GOOD), "y"))


def test_findings_come_in_the_order_of_the_table():
    """With a rate to judge; without one, what concerns training comes last."""
    change = {"a": [None, *(1e4 + GOOD["a"][1:])], "c": [3] * N, "d": TEXT, "e": range(N)}
    found = codes(change, lr=1e-12)
    assert len(found) > 5
    assert found == sorted(found, key=list(CODES).index)
    found = codes(change)
    assert found == sorted(found, key=lambda code: (code in OF_TRAINING, list(CODES).index(code)))
    assert found[-1] in OF_TRAINING


def test_row_numbers_in_any_order_or_with_gaps():
    shuffled = RANDOM.permutation(N)
    assert "identifier-column" in codes({"c": shuffled})
    assert "identifier-column" in codes({"c": -np.arange(N)})
    assert "identifier-column" in codes({"c": np.arange(N), "a": [None, *GOOD["a"][1:]]})
    assert "identifier-column" not in codes({"c": np.minimum(shuffled, N - 2)})
    assert "identifier-column" not in codes({"c": RANDOM.integers(0, N, N)})
    assert "identifier-column" not in codes({"c": np.arange(N) // 2})
    few = pl.DataFrame(GOOD | {"c": range(N)})[:9]
    assert "identifier-column" not in [finding.code for finding in doctor(few, "y").findings]
    assert "year" not in codes({"c": [2013] * N})


def test_whole_numbers_that_only_vary_like_row_numbers():
    """Symmetric about zero, with the variance (n² − 1)/12, and far from 1 to n in any order."""
    half = [57] * 96 + [2, 47, 98, 98]
    values = np.array([sign * value for value in half for sign in (1, -1)])
    assert (values.mean(), values.var()) == (0, (N**2 - 1) / 12)
    assert "identifier-column" not in codes({"c": values})


def test_few_rows_for_a_rank_and_not_for_columns():
    """Twenty copies of one column are one coefficient."""
    assert "few-rows" not in codes({f"c{i}": GOOD["a"] for i in range(20)})


def test_fewer_rows_than_coefficients():
    report = doctor(pl.DataFrame(GOOD)[:3], "y")
    assert "every target is met exactly" in str(report)
    one = doctor(pl.DataFrame(GOOD)[:1], "y")
    assert (one.rows, one.batches) == (1, [])
    assert "few-rows" in [finding.code for finding in one.findings]


def test_columns_of_zeros_without_a_bias():
    report = doctor(np.zeros((20, 2)), np.ones(20), bias=False)
    assert report.shares == []
    assert str(report)


def test_odd_names():
    odd = "d is left out: it x"
    frame = pl.DataFrame(
        {"bias": 3 + GOOD["a"], odd: TEXT, "e is categorical: 2\n": ["1.5", "2.5"] * (N // 2)}
    )
    report = doctor(frame.with_columns(y=pl.Series(GOOD["y"])), "y")
    assert report.left_out == {odd: "is text with more than 50 levels"}
    assert [name for name, _ in report.shares].count("bias") == 2
    assert math.isclose(sum(share for _, share in report.shares), 1.0)
    assert {"left-out", "numbers-as-text"} <= {finding.code for finding in report.findings}
    assert len(str(report).splitlines()) > 10


def test_missing_cells_are_counted_or_refused():
    frame = pl.DataFrame(GOOD | {"a": [None, None, *GOOD["a"][2:]]})
    report = doctor(frame, "y")
    assert (report.rows, report.dropped, report.missing) == (N - 2, 2, {"a": 2})
    assert all("missing='drop'" in command for command in report.commands)
    with refused("missing-cells", "a 2"):
        doctor(frame, "y", missing="error")


def test_refusals_in_python():
    rates: tuple[Any, ...] = (0, -1.0, math.nan, "fast")
    for lr in rates:
        with refused("lr-invalid"):
            doctor(*CROPS, lr=lr)
    with refused("rows-needed"):
        doctor(Moments.of(*CROPS))


def test_the_calls_can_be_made():
    import gradline as package

    data, targets, weights = pl.DataFrame(GOOD | {"a": [None, *GOOD["a"][1:]]}), "y", np.ones(N)
    report = doctor(data, targets, exclude=["b"], bias=False, weights=weights)
    names = {"gradline": package, "data": data, "targets": targets, "weights": weights}
    models = [eval(command, names) for command in report.commands]
    assert [model.solver for model in models] == ["exact", "gd"]
    assert all((model.features, model.has_bias) == (("a",), False) for model in models)
    assert models[1].certificate.epochs_to_loss == 0


def test_a_torch_dataset_brings_its_targets():
    import torch
    from torch.utils.data import TensorDataset

    X, Y = (torch.tensor(part) for part in arrays(CROPS))
    report = doctor(TensorDataset(X, Y))
    assert report.commands[0] == "gradline.fit(data)"
    np.testing.assert_allclose(
        [pace.lr_limit for pace in report.paces], [pace.lr_limit for pace in doctor(*CROPS).paces], rtol=1e-12
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["example:crops", "-t", "apples", "-t", "oranges"],
        ["example:iphone", "-t", "sales", "--no-bias"],
        ["my table.csv", "-t", "y", "--exclude", "b", "--weights", "w"],
    ],
    ids=["crops", "iphone", "table"],
)
def test_the_commands_can_be_run_and_arrive(gradline, tmp_path, words):
    frame = pl.DataFrame(
        GOOD | {"a": [None, *(500 + GOOD["a"][1:])], "c": GOOD["a"] + GOOD["b"] / 9, "w": [1, 2] * (N // 2)}
    )
    frame.write_csv(tmp_path / "my table.csv")
    report = json.loads(gradline("doctor", *words, "--json").out)
    assert len(report["commands"]) == 2
    fitted = []
    for command in report["commands"]:
        program, *rest = shlex.split(command)
        assert program == "gradline"
        done = gradline(*rest, "--json")
        assert done.code == 0, done.err
        fitted.append(json.loads(done.out))
        assert fitted[-1]["features"] == report["features"]
    assert fitted[-1]["certificate"]["epochs_to_loss"] == 0
    assert fitted[-1]["epochs"] >= report["paces"][-1]["epochs_to_weights"]


@pytest.mark.slow
def test_json_is_one_object_and_the_text_fits(gradline):
    done = gradline("doctor", *CROPS[:1], "-t", "apples", "-t", "oranges", "--lr", "1e-5", "--json")
    card = json.loads(done.out)
    report = doctor(*CROPS, lr=1e-5)
    assert card.keys() == report.to_dict().keys()
    assert card | {"seconds": 0, "commands": 0} == json.loads(json.dumps(report.to_dict())) | {
        "seconds": 0,
        "commands": 0,
    }
    text = gradline("doctor", *CROPS[:1], "-t", "apples", "-t", "oranges", "--lr", "1e-5")
    assert (text.code, text.err) == (0, "")
    assert width(text.out) <= 100


def test_json_has_no_infinity(gradline, tmp_path):
    frame = pl.DataFrame(
        {"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}
    )  # an optimum of loss zero is never near
    frame.write_csv(tmp_path / "t.csv")
    card = json.loads(gradline("doctor", "t.csv", "-t", "y", "--json").out)
    assert card["paces"][0]["epochs_to_loss"] is None


def test_every_code_is_explained():
    for code, about in CODES.items():
        said = explain(code)
        assert all(part in said for part in (code, *about))


def test_an_explanation_fits_the_terminal(gradline):
    done = gradline("doctor", "--explain", "far-from-zero")
    assert done.code == 0
    assert done.out.split() == explain("far-from-zero").split()
    assert max(map(len, done.out.splitlines())) <= 100


def test_an_unknown_code_lists_all(gradline):
    done = gradline("doctor", "--explain", "nonsense", "--json")
    assert (done.code, done.out) == (2, "")
    expect_refusal(done.err, "finding-unknown", "'nonsense'", *CODES)


TABLE = "a,b,y\n1,2,3\n2,1,5\n4,4,4\n5,1,2\n7,3,1\n"
REFUSED = {
    "no such column": (TABLE, ["-t", "z"]),
    "no target": (TABLE, []),
    "excluded target": (TABLE, ["-t", "y", "--exclude", "y"]),
    "text in a number": (TABLE.replace("5,1,2", "5,oops,2"), ["-t", "y"]),
    "infinity": (TABLE.replace("5,1,2", "5,inf,2"), ["-t", "y"]),
    "too large": (TABLE.replace("5,1,2", "5,1e200,2"), ["-t", "y"]),
    "ragged": (TABLE.replace("5,1,2", "5,1,2,9"), ["-t", "y"]),
    "no rows": ("a,b,y\n", ["-t", "y"]),
    "negative weight": (TABLE.replace("5,1,2", "5,-1,2"), ["-t", "y", "--weights", "b"]),
    "weights of zero": ("a,b,y\n1,0,3\n2,0,5\n3,0,1\n", ["-t", "y", "--weights", "b"]),
    "no complete row": ("a,b,y\n1,,3\n2,3,\n4,,1\n", ["-t", "y", "--missing", "drop"]),
    "missing cells": (TABLE.replace("5,1,2", "5,,2"), ["-t", "y", "--missing", "error"]),
    "one level left": ("a,y\nu,1\nu,2\nv,\nu,3\n", ["-t", "y", "--missing", "drop"]),
    "unknown missing": (TABLE, ["-t", "y", "--missing", "guess"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_as_fit_does(case, gradline, tmp_path):
    content, words = REFUSED[case]
    (tmp_path / "t.csv").write_text(content)
    ours, theirs = (gradline(command, "t.csv", *words) for command in ("doctor", "fit"))
    assert theirs.code in (1, 2)
    assert (ours.code, ours.err) == (theirs.code, theirs.err)
    assert ours.out == "" or " can be read in " in ours.out


def test_no_data_is_a_usage_error(gradline):
    done = gradline("doctor", "--json")
    assert (done.code, done.out) == (2, "")
    expect_refusal(done.err, "no-data-named")


def test_penguins(tmp_path):
    path = tmp_path / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    report = doctor(path, "body_mass_g")
    assert (report.rows, report.dropped, report.missing["sex"]) == (333, 11, 11)
    assert {"missing", "rate-limit", "slow", "far-from-zero", "year"} <= {f.code for f in report.findings}
    assert report.shares[0][0] == "year"
    assert width(str(report)) <= 100


@pytest.mark.slow
def test_flights():
    report = doctor(flights_file(), "arr_delay")
    assert (report.rows, report.dropped) == (327_346, 9430)
    assert report.combinations == ["year is constant", "sched_dep_time = 100·hour + minute"]
    assert set(report.left_out) == {"tailnum", "dest", "time_hour"}
    found = {finding.code: finding.cause for finding in report.findings}
    assert {"missing", "rate-limit", "collinear", "slow", "constant", "left-out", "outlying"} <= set(found)
    assert "dep_delay 1,301" in found["outlying"]
    assert not {"identifier-column", "year", "few-rows"} & set(found)
    limits = [batch.mean_square or 0.0 for batch in report.batches]
    assert limits == sorted(limits)
    assert limits[-1] < report.lr_limit
    assert width(str(report)) <= 100
