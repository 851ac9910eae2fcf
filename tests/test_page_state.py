"""What a page holds of the data, and what it answers about a new row."""

import io
import itertools
import json
import math
import shlex
import sys

import numpy as np
import pytest
from known import known
from page_cases import CASES, Case, Page, close, opened, rows
from refusals import refused

import gradline
from gradline.data.selection import Selection
from gradline.pages.playground_data import (
    MOST_CELLS,
    MOST_FEATURES,
    MOST_POINTS,
    MOST_ROWS,
    Opening,
    evenly,
    state,
)

ALL = pytest.mark.parametrize("name", CASES)


def new_row(page, row, shift):
    """A value for each field: numbers `shift` from those of a sampled row, levels from the last one on."""
    x = dict(zip(page.state["features"], page.state["sample"]["x"][row], strict=True))
    return [
        field["levels"][-1 - row] if field["levels"] else x[field["column"]] + shift
        for field in page.state["fields"]
    ]


@ALL
@pytest.mark.needs("node")
def test_predictions_and_intervals_are_those_of_the_model(name):
    page, point = opened(name), opened(name).start(14)
    weight, bias = np.array(point["weight"]), np.array(point["bias"])
    asked = [
        (new_row(page, row, shift), level)
        for row, shift, level in [(0, 0.0, 0.8), (1, 0.0, 0.95), (1, 900.0, 0.95)]
    ]
    answers = page.ask(
        *({"what": "predict", "point": point, "values": values, "level": level} for values, level in asked)
    )
    for (values, level), got in zip(asked, answers, strict=True):
        frame = {field["column"]: [value] for field, value in zip(page.state["fields"], values, strict=True)}
        expected = page.model.predict(frame, interval=level)[:, 0]
        [inputs] = [batch.inputs[0] for batch in page.model.predictions(frame)]
        assert [answer["target"] for answer in got["answers"]] == list(page.model.targets)
        close([answer["value"] for answer in got["answers"]], inputs @ weight.T + bias)
        close([answer["optimal"] for answer in got["answers"]], expected[0])
        bounds = np.array([[answer["low"], answer["high"]] for answer in got["answers"]], float)
        close(bounds.T, expected[1:])
        statistics = page.moments.statistics
        beyond = (inputs < statistics.minimum[: len(inputs)]) | (inputs > statistics.maximum[: len(inputs)])
        assert got["outside"] == [part for part, out in zip(page.model.features, beyond, strict=True) if out]


FORMULAS = [
    "y ~ log(area) * town + poly(rooms, 2) + I(area^2 / -3 + 1)",
    "y ~ bs(area, df=5):town + C(rooms) - 1",
    'sqrt(y) ~ year(sold) + month(sold):area + abs(days(sold) - 18000) + C(town, base="B")',
    "log(y) ~ C(rooms, poly) * C(town, sum) + bs(days(sold), knots=18000) + scale(area) + sqrt(area) + log2(area)",
]


@pytest.mark.needs("node")
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("holdout", [0.0, 0.25])
def test_terms_of_formulas_are_those_of_the_model(formula, holdout):
    """Of rows of the table, of one beyond all ranges, and of dates; what gives no number has none."""
    random, n = np.random.default_rng(8), 80
    days = random.integers(17500, 18600, n)
    frame = {
        "area": random.gamma(4, 2, n) + 0.5,
        "town": random.choice(["A", "B", "C"], n).tolist(),
        "rooms": random.integers(1, 5, n).astype(float),
        "sold": [str(np.datetime64(int(day), "D")) for day in days],
        "y": random.random(n) + 1,
    }
    opening = Opening(rows=0, holdout=holdout, seed=3)
    page = Page(
        state(Selection(frame, formula=formula), opening),
        gradline.fit(frame, formula=formula, holdout=holdout, seed=3),
        {},
    )
    asked = {"what": "predict", "point": page.state["optimum"], "level": 0.95}
    names = [field["column"] for field in page.state["fields"]]
    rows = [{name: frame[name][i] for name in names} for i in range(5)]
    rows.append({**rows[0], **({"area": 99.0} if "area" in names else {})})
    since = np.datetime64("1970-01-01")
    told = [{**row} for row in rows]
    for row in told:
        if "sold" in row:
            row["sold"] = int((np.datetime64(row["sold"]) - since) / np.timedelta64(1, "D"))
    for row, got in zip(rows, page.ask(*({**asked, "values": [*row.values()]} for row in told)), strict=True):
        expected = page.model.predict({name: [x] for name, x in row.items()}, interval=0.95)[:, 0, 0]
        (answer,) = got["answers"]
        close(np.array([answer["optimal"], answer["low"], answer["high"]]), expected)
        assert got["outside"] == (["area"] if row.get("area") == 99.0 else [])
    wrong = [{"town": "Z", "rooms": 2.5, "area": -1.0, "sold": None}.get(name) for name in names]
    (found,) = page.ask({**asked, "values": wrong})
    assert found is None
    assert state(Selection(frame, formula=formula), opening)["sample"] is None


@pytest.mark.needs("node")
def test_a_row_that_breaks_a_relation_has_a_prediction_and_no_interval():
    page = opened("deficient")
    inside = page.state["sample"]["x"][0]
    outside = [*inside[:3], inside[3] + 1, inside[4]]
    asked = [
        {"what": "predict", "point": page.start(1), "values": x, "level": 0.95} for x in (inside, outside)
    ]
    kept, broken = page.ask(*asked)
    assert kept["answers"][0]["low"] < kept["answers"][0]["optimal"] < kept["answers"][0]["high"]
    assert broken["answers"][0]["low"] is broken["answers"][0]["high"] is None
    assert math.isfinite(broken["answers"][0]["value"])


@pytest.mark.needs("node")
@pytest.mark.parametrize("values", [["a", None], ["none such", 1.0], ["a"], ["a", "12"]])
def test_an_incomplete_row_has_no_prediction(values):
    page = Page.of(
        Case({"g": ["a", "b", "a", "b", "a"], "x": [1, 2, 4, 5, 7], "y": [1, 2, 2, 4, 6]}, "y", {})
    )
    asked = {"what": "predict", "point": page.start(1), "level": 0.95}
    complete, unknown = page.ask({**asked, "values": ["b", 1.0]}, {**asked, "values": values})
    assert math.isfinite(complete["answers"][0]["value"])
    assert unknown is None


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", ["crops", "no bias"])
def test_a_new_start_is_drawn_as_linear_layers_are(name):
    page = opened(name)
    starts = page.ask(*({"what": "start", "seed": seed} for seed in [*range(400), 0]))
    assert starts[0] == starts[400] != starts[1]
    weights = np.array([start["weight"] for start in starts[:400]])
    biases = np.array([start["bias"] for start in starts[:400]])
    bound = 1 / math.sqrt(page.moments.p)
    assert weights.shape == (400, page.moments.m, page.moments.p)
    for drawn in (weights, *([biases] if page.model.has_bias else [])):
        assert np.abs(drawn).max() <= bound
        assert abs(drawn.mean()) < 5 * bound / math.sqrt(3 * drawn.size)
        assert math.isclose(drawn.std(), bound / math.sqrt(3), rel_tol=0.1)
    assert page.model.has_bias or not biases.any()


@ALL
def test_it_holds_the_data_in_finite_numbers(name):
    page = opened(name)
    held, p = page.state, page.moments.p
    json.dumps(held, allow_nan=False)
    assert (held["rows"], held["weight_sum"]) == (page.moments.rows, page.moments.weight_sum)
    assert held["dropped"] == page.moments.statistics.dropped
    encoded = [
        f"{field['column']}={level}" for field in held["fields"] for level in (field["levels"] or [])[1:]
    ]
    numbers = [field["column"] for field in held["fields"] if field["levels"] is None]
    assert sorted(encoded + numbers) == sorted(held["features"])
    X, Y, w = rows(page)
    Z = np.column_stack([X, Y])
    close(held["moments"]["mean"], w @ Z / w.sum())
    factor = np.array(held["moments"]["factor"])
    centred = Z - w @ Z / w.sum()
    close(factor.T @ factor, centred.T @ (w[:, None] * centred))
    close(held["moments"]["minimum"], Z[w > 0].min(axis=0))
    close(held["moments"]["maximum"], Z[w > 0].max(axis=0))
    weight, bias = (np.array(held["optimum"][key]) for key in ("weight", "bias"))
    close(held["optimum"]["loss"], (w @ (X @ weight.T + bias - Y) ** 2).sum() / (Y.shape[1] * w.sum()))
    assert ("centred" in held["views"]) == page.model.has_bias
    assert all(len(vector) == p + page.model.has_bias for vector in held["views"]["raw"]["vectors"])


EXTREMES = {
    "one row": ({"x": [3.0], "y": [2.0]}, "y"),
    "two rows": ({"x": [3.0, 4.0], "y": [2.0, 5.0]}, "y"),
    "fitted exactly": ({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]}, "y"),
    "constant target": ({"x": [1.0, 2.0, 4.0], "y": [5.0, 5.0, 5.0]}, "y"),
    "constant feature": ({"x": [1.0, 2.0, 4.0], "c": [7.0, 7.0, 7.0], "y": [5.0, 3.0, 5.0]}, "y"),
    "more features than rows": (np.arange(12.0).reshape(2, 6) ** 2, np.array([1.0, 2.0])),
}


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", EXTREMES)
def test_data_that_leave_little_to_say_make_a_page_too(name):
    data, targets = EXTREMES[name]
    page = Page.of(Case(data, targets, {}))
    values = page.state["sample"]["x"][0]
    told = {"view": "raw", "lr": page.state["start"]["lr"], "momentum": 0, "start": page.start(1)}
    path, answer, steps = page.ask(
        {"what": "path", **told, "epochs": [10**9]},
        {"what": "predict", "point": page.state["optimum"], "values": values, "level": 0.95},
        {"what": "steps", **told, "epoch": 3, "target": 0},
    )
    expected = page.path("raw", told["lr"], 0, told["start"])
    rounding = 1e-12 * expected.at(0).loss
    assert path["points"][0]["loss"] == pytest.approx(expected.at(10**9).loss, rel=1e-9, abs=rounding)
    frame = {field["column"]: [value] for field, value in zip(page.state["fields"], values, strict=True)}
    close(answer["answers"][0]["value"], page.model.predict(frame)[0, 0])
    assert math.isfinite(steps["loss"])
    has_estimates = page.model.inference.estimates is not None
    assert (
        (answer["answers"][0]["low"] is not None)
        == has_estimates
        == (page.state["interval"]["reason"] is None)
    )


@pytest.mark.parametrize(("rows", "count"), [(5, 10), (10, 10), (1999, 100), (1_000_003, 2000)])
def test_rows_are_drawn_evenly(rows, count):
    drawn = evenly(rows, count)
    assert drawn.tolist() == evenly(rows, count).tolist()
    if rows <= count:
        assert drawn.tolist() == list(range(rows))
    else:
        edges = [i * rows // count for i in range(count + 1)]
        assert len(drawn) == count
        assert all(low <= row < high for row, low, high in zip(drawn, edges, edges[1:], strict=False))
        assert 0.4 < ((drawn - edges[:-1]) / np.diff(edges)).mean() < 0.6


def test_a_sample_is_some_of_the_rows_in_order():
    X = np.arange(50_000.0).reshape(-1, 2)
    page = state(Selection(X, X[:, 0] ** 2, weights=X[:, 1]), Opening(rows=300))
    sample = page["sample"]
    assert not sample["all"]
    chosen = (np.array(sample["x"])[:, 0] / 2).astype(int)
    assert chosen.tolist() == evenly(25_000, 300).tolist()
    assert sample["x"] == X[chosen].tolist()
    assert sample["y"] == (X[chosen, :1] ** 2).tolist()
    assert sample["w"] == X[chosen, 1].tolist()
    assert state(Selection(X, X[:, 0] ** 2), Opening(rows=0))["sample"] is None


def test_a_level_that_no_complete_row_has_is_no_column_of_the_sample():
    frame = {"g": ["a", "c", "b", "a", "c"], "x": [1.0, 2.0, None, 4.0, 5.0], "y": [1.0, 2.0, 3.0, 5.0, 4.0]}
    page = state(Selection(frame, "y", missing="drop"))
    assert page["features"] == ["g=c", "x"]
    assert (page["fields"][0]["levels"], page["fields"][0]["base"]) == (["a", "c"], "a")
    assert page["sample"]["x"] == [[0.0, 1.0], [1.0, 2.0], [0.0, 4.0], [1.0, 5.0]]


def test_the_widest_page_holds_a_megabyte():
    random = np.random.default_rng(16)
    X = random.normal(size=(5000, MOST_FEATURES))
    page = state(Selection(X, X @ random.normal(size=(MOST_FEATURES, 3))))
    assert len(json.dumps(page)) < 1.2e6
    assert len(page["sample"]["x"]) * (MOST_FEATURES + 3) <= MOST_CELLS
    with refused("too-many-features", "65"):
        state(Selection(random.normal(size=(70, 65)), random.normal(size=70)))


@pytest.mark.parametrize("wrong", [-1, MOST_ROWS + 1, 1.5, True])
def test_rows_outside_their_range_are_refused(wrong):
    with refused("row-count-invalid"):
        Opening(rows=wrong)


def test_it_starts_at_a_tenth_of_the_limit_or_as_it_is_told():
    assert opened("crops").state["start"]["lr"] == 1e-5  # the tutorials'
    wide = {"salary": [45e3, 61e3, 38e3, 52e3], "y": [1.0, 3.0, 0.0, 2.0]}
    page = Page.of(Case(wide, "y", {}))
    limit = page.path("raw", 1.0, 0.0, page.start(0)).lr_limit
    assert page.state["start"]["lr"] == pytest.approx(limit / 10, rel=0.07)  # one digit
    assert page.state["start"]["epochs"] == 0
    assert not np.any(page.state["start"]["weight"])
    told = state(Selection(wide, "y"), Opening(lr=3e-11, epochs=7))
    assert (told["start"]["lr"], told["start"]["epochs"]) == (3e-11, 7)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"lr": 0}, "lr-invalid"),
        ({"lr": float("nan")}, "lr-invalid"),
        ({"epochs": -1}, "epochs-invalid"),
        ({"epochs": 10**9 + 1}, "epochs-invalid"),
    ],
)
def test_a_start_that_cannot_be_is_refused(wrong, code):
    with refused(code):
        Opening(**wrong)


def test_rows_held_out_are_those_of_a_fit():
    """The page trains on the rest, and the loss over the rows held out is what `fit` says of the same split."""
    random = np.random.default_rng(19)
    X = random.normal(size=(40, 2))
    y = X @ [1.0, 2.0] + random.normal(size=40)
    model = gradline.fit(X, y, holdout=0.25, seed=3)
    page = state(Selection(X, y), Opening(holdout=0.25, seed=3))
    held = page["held"]
    assert (page["rows"], held["rows"]) == (30, 10)
    close(page["optimum"]["weight"], model.weight)
    both = page["sample"]["x"] + held["sample"]["x"]
    assert sorted(both) == sorted(X.tolist())
    x, target = np.array(held["sample"]["x"]), np.array(held["sample"]["y"])[:, 0]
    mean_square = ((x @ model.weight[0] + model.bias[0] - target) ** 2).mean()
    assert known(model.holdout).loss == pytest.approx(mean_square)
    factor, mean = np.array(held["moments"]["factor"]), np.array(held["moments"]["mean"])
    direction = np.array([*model.weight[0], -1.0])
    by_moments = (factor @ direction) @ (factor @ direction) / 10 + (mean @ direction + model.bias[0]) ** 2
    assert by_moments == pytest.approx(mean_square)


@pytest.mark.needs("node")
@pytest.mark.parametrize(("shift", "unit"), [(0.0, 1.0), (50.0, 1.0), (0.0, 0.01), (-3.0, 0.1)])
def test_points_moved_by_hand_make_the_page_of_those_points(shift, unit):
    random = np.random.default_rng(20)
    x = unit * (random.random(12) + shift)
    rows = np.column_stack([x, 1 + 2 * x + random.normal(size=12)])
    first = Page.of(Case({"x": rows[:, 0], "y": rows[:, 1]}, "y", {}))
    moved = np.vstack([rows[:-1] + random.normal(size=(11, 2)), [[shift + 2, 0], [shift - 1, 3]]]) * [unit, 1]
    expected = Page.of(Case({"x": moved[:, 0], "y": moved[:, 1]}, "y", {})).state
    [got] = first.ask({"what": "refit", "rows": moved.tolist()})
    for key in ("rows", "weight_sum"):
        assert got[key] == expected[key]
    for key in ("mean", "minimum", "maximum"):
        close(got["moments"][key], expected["moments"][key])
    close(np.abs(got["moments"]["factor"]), np.abs(expected["moments"]["factor"]))
    close(got["optimum"]["weight"], expected["optimum"]["weight"])
    close(got["optimum"]["bias"], expected["optimum"]["bias"])
    close(got["optimum"]["loss"], expected["optimum"]["loss"])
    for name, view in expected["views"].items():
        mine = got["views"][name]
        for key in ("center", "scale", "singular"):
            close(mine[key], view[key])
        # A direction's sign is free: what it does to its right-hand side is not.
        close(np.array(mine["vectors"]).T @ mine["rhs"], np.array(view["vectors"]).T @ view["rhs"])
    close(got["interval"]["sigma"], expected["interval"]["sigma"])
    assert got["interval"]["freedom"] == expected["interval"]["freedom"]
    values = [shift + 0.4]
    asked = {"what": "predict", "values": values, "level": 0.95}
    [by_hand] = replace_state(first, got).ask({**asked, "point": got["optimum"]})
    [by_python] = replace_state(first, expected).ask({**asked, "point": expected["optimum"]})
    close([by_hand["answers"][0][key] for key in ("low", "optimal", "high")],
          [by_python["answers"][0][key] for key in ("low", "optimal", "high")])  # fmt: skip


def replace_state(page, other):
    return page._replace(state=other)


@pytest.mark.needs("node")
def test_other_points_are_as_many_and_of_their_kind():
    """On the line nothing is left, doubled noise leaves four times as much, and a curve is a parabola."""
    random = np.random.default_rng(26)
    x = random.random(60)
    page = Page.of(Case({"x": x, "y": 1 + 2 * x + random.normal(size=60)}, "y", {}))
    shapes = {name: np.array(rows) for name, rows in page.ask({"what": "shapes"})[0]}
    fits = {name: gradline.fit(rows[:, :1], rows[:, 1]) for name, rows in shapes.items()}
    floors = {name: fit.certificate.optimal_loss for name, fit in fits.items()}
    first, weight = page.state["optimum"]["loss"], page.state["optimum"]["weight"][0][0]
    assert floors["exact"] < 1e-20
    assert floors["noisy"] == pytest.approx(4 * first)
    assert fits["noisy"].weight[0, 0] == pytest.approx(weight)
    assert sorted(shapes["unrelated"][:, 1]) == sorted(row[0] for row in page.state["sample"]["y"])
    assert len(set(shapes["lever"][:, 0])) == 2
    for made in shapes.values():
        assert made.shape == (60, 2)
        assert made[:, 0].min() >= x.min()
        assert made[:, 0].max() == x.max()
    across, up = shapes["curve"].T
    residual = up - np.polyval(np.polyfit(across, up, 2), across)
    assert np.abs(residual).max() < 1e-9
    assert floors["curve"] > 0.01


@pytest.mark.needs("node")
@pytest.mark.parametrize("shift", [0.0, 40.0])
def test_samples_drawn_again_scatter_as_the_standard_error_says(shift):
    """Each line is that of its sample, the first draws stay, and errors are normal and of the residuals' size."""
    random = np.random.default_rng(27)
    x = random.random(25) + shift
    page = Page.of(Case({"x": x, "y": 1 + 2 * x + random.normal(size=25)}, "y", {}))
    one, few, many = page.ask(*({"what": "again", "count": count} for count in (1, 3, 4000)))
    assert one["lines"] == few["lines"][:1] == many["lines"][:1]
    for drawn in (one, few):
        slope, bias = np.polyfit(x - shift, drawn["latest"], 1)
        expected = {"weight": slope, "bias": bias - slope * shift}
        assert drawn["lines"][-1] == pytest.approx(expected, rel=1e-9)
    estimates = known(page.model.inference.estimates)
    stderr = [float(known(estimates.stderr.bias)[0]), float(estimates.stderr.weight[0, 0])]
    assert many["stderr"] == pytest.approx(stderr[1])
    lines = np.array([[line["bias"], line["weight"]] for line in many["lines"]])
    truth = [page.model.bias[0], page.model.weight[0, 0]]
    scores = (lines - truth) / stderr
    assert np.abs(scores.mean(axis=0)).max() < 4 / np.sqrt(4000)
    assert np.abs(scores.std(axis=0) - 1).max() < 4 / np.sqrt(2 * 4000)
    within = [(np.abs(scores) < size).mean(axis=0) for size in (1, 2, 3)]
    np.testing.assert_allclose(within, [[0.683] * 2, [0.954] * 2, [0.997] * 2], atol=0.03)


@pytest.mark.needs("node")
def test_points_that_determine_no_line_are_none():
    page = Page.of(Case({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]}, "y", {}))
    few, upright = page.ask(
        {"what": "refit", "rows": [[1, 1], [2, 2]]}, {"what": "refit", "rows": [[2, 1], [2, 2], [2, 3]]}
    )
    assert few is upright is None


def test_points_can_be_moved_where_one_number_predicts_one():
    def movable(*given, **arguments):
        return state(Selection(*given, **arguments))["t95"] is not None

    random = np.random.default_rng(21)
    x, y = random.normal(size=(2, 30))
    assert movable({"x": x, "y": y}, "y")
    assert not movable({"x": x, "z": x**2, "y": y}, "y")
    assert not movable({"x": x, "y": y, "z": x}, ["y", "z"])
    assert not movable({"x": x, "y": y, "w": x**2}, "y", weights="w")
    assert not movable({"x": ["a", "b"] * 15, "y": y}, "y")
    many = random.normal(size=(2, MOST_POINTS + 1))
    assert not movable({"x": many[0], "y": many[1]}, "y")


@pytest.mark.parametrize(
    ("weights_are", "has_interval"), [(None, False), ("counts", True), ("sampling", False)]
)
def test_there_is_no_interval_until_it_is_said_what_weights_mean(weights_are, has_interval):
    random = np.random.default_rng(22)
    X, y, w = random.normal(size=(30, 2)), random.normal(size=30), random.integers(1, 4, 30)
    interval = state(Selection(X, y, weights=w, weights_are=weights_are))["interval"]
    assert bool(interval["quantiles"]) == (interval["reason"] is None) == has_interval


def test_the_command_makes_the_same_page(tmp_path):
    path = tmp_path / "a b.csv"
    path.write_text('x,"a ""b""",y,w\n1,2,3,1\n2,5,4,2\n,4,4,2\n4,4,9,1\n')
    page = state(Selection(path, "y", ["x", 'a "b"'], weights="w", missing="drop"), Opening(bias=False))
    words = shlex.split(page["command"])
    assert words[:3] == ["gradline", "play", str(path)]
    flags = list(itertools.pairwise(words))
    for flag in (("-t", "y"), ("-f", 'a "b"'), ("--weights", "w"), ("--missing", "drop")):
        assert flag in flags
    assert words[-1] == "--no-bias"
    told = state(Selection(path, "y", missing="drop"), Opening(lr=1e-3, epochs=9, holdout=0.4, seed=2))
    flags = list(itertools.pairwise(shlex.split(told["command"])))
    for flag in (("--lr", "0.001"), ("--epochs", "9"), ("--holdout", "0.4"), ("--seed", "2")):
        assert flag in flags
    assert (page["rows"], page["dropped"], page["missing"]) == (3, 1, {"x": 1})
    assert (
        shlex.split(state(Selection(path, "y", missing="drop"), Opening(rows=0))["command"])[-1]
        == "--no-rows"
    )
    assert state(Selection({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y"))["command"] is None


def test_standard_input_is_read_once(monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(b"x,y\n1,2\n2,3\n4,4\n"))
    monkeypatch.setattr(sys, "stdin", piped)
    page = state(Selection("-", "y"))
    assert page["sample"]["x"] == [[1.0], [2.0], [4.0]]
    assert page["rows"] == 3
