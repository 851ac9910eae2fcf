"""Why coefficients moved: parts that sum to the whole, and each put where it belongs, against plain loops over rows."""

import itertools
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from known import known
from packaged import flights_file
from refusals import refused

from gradline import SGD, GradientDescent, Moments, fit
from gradline.history.decomposition import movement

TARGETS = ["apples", "oranges"]
PARTS = ("data", "columns", "training")


def table(rows=60, seed=0, shift=0.0):
    """Columns u, v, x, a text column k and targets y, z, of one line with noise."""
    random = np.random.default_rng(seed)
    u, v, x = random.normal(size=(3, rows)) * [[2.0], [0.5], [10.0]] + [[1.0], [0.0], [-30.0]]
    k = random.choice(["p", "q", "r"], rows)
    noise = random.normal(size=(2, rows))
    y = 3 * u - v + 0.2 * x + (k == "q") * 2 + shift * u + noise[0]
    z = -u + 4 * v + (k == "r") + noise[1]
    return pl.DataFrame({"u": u, "v": v, "x": x, "k": k, "y": y, "z": z})


def solved(frame, features, bias=True, targets=("y",)):
    """Least squares by NumPy on the rows: θ (m, bias + p), the bias first."""
    X = frame.select(features).to_numpy()
    X = np.column_stack([np.ones(len(X)), X]) if bias else X
    return np.linalg.lstsq(X, frame.select(targets).to_numpy(), rcond=None)[0].T


def descended(frame, features, lr, epochs, targets=("y",)):
    """A loop over the rows: θ (m, 1 + p)."""
    X = np.column_stack([np.ones(len(frame)), frame.select(features).to_numpy()])
    Y = frame.select(targets).to_numpy()
    theta = np.zeros((X.shape[1], Y.shape[1]))
    for _ in range(epochs):
        theta -= lr * 2 / Y.size * X.T @ (X @ theta - Y)
    return theta.T


def stacked(pair):
    return np.column_stack([pair.bias, pair.weight])


def assert_sums(found):
    whole = stacked(found.change)
    total = sum(stacked(part) for part in found.parts)
    assert np.linalg.norm(total - whole) <= 1e-12 * np.linalg.norm(whole)
    if whole.any():
        assert sum(part.share for part in found.parts) == pytest.approx(np.ones(len(whole)), rel=1e-12)


FIRST, SECOND = table(), table(90, seed=1, shift=0.5)
DESCENT: dict[str, Any] = {"solver": GradientDescent(lr=5e-4, epochs=40)}
LONGER: dict[str, Any] = {"solver": GradientDescent(lr=5e-4, epochs=400, momentum=0.5)}


def model(frame=FIRST, target: str | list[str] = "y", **options: Any):
    arguments: dict[str, Any] = {"exclude": ["k", "z"], **options}
    return fit(frame, target, **arguments)


MODELS = {
    "exact": lambda: model(),
    "other rows": lambda: model(SECOND),
    "fewer columns": lambda: model(exclude=["k", "z", "v"]),
    "other columns": lambda: model(SECOND, exclude=["k", "z", "u"]),
    "no column in common": lambda: model(SECOND, features=["z"], exclude=[]),
    "levels": lambda: model(exclude=["z"]),
    "no bias": lambda: model(SECOND, bias=False),
    "stopped": lambda: model(**DESCENT),
    "stopped later, other rows": lambda: model(SECOND, **LONGER),
    "left to gradline": lambda: model(SECOND, solver=GradientDescent(epochs=3)),
    "mini-batches": lambda: model(solver=SGD(lr=1e-4, epochs=2, batch_size=8)),
    "a start of its own": lambda: model(solver=GradientDescent(lr=1e-4, epochs=2, init=([[1, 1, 1]], [0]))),
    "two targets": lambda: model(SECOND, ["z", "y"], exclude=["k"], **DESCENT),
    "weighted": lambda: model(FIRST.with_columns(w=pl.col("u").abs()), weights="w"),
    "rank deficient": lambda: model(SECOND.with_columns(uv=pl.col("u") - pl.col("v"))),
    "a constant column": lambda: model(SECOND.with_columns(v=pl.lit(7.0))),
    "no bias, no column in common": lambda: model(features=["z"], exclude=[], bias=False),
    "extended": lambda: fit(Moments.of(SECOND, "y", exclude=["k", "z"], extended=True)),
    "diverged": lambda: model(solver=GradientDescent(lr=0.1, epochs=9), force=True),
    "one row": lambda: model(SECOND[:1]),
}


@pytest.mark.slow
@pytest.mark.numeric
@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize("average", [False, True], ids=["in order", "averaged"])
def test_the_parts_sum_to_the_whole_change(average):
    models = {name: make() for name, make in MODELS.items()}
    for (_, before), (_, after) in itertools.permutations(models.items(), 2):
        found = movement(before, after, average=average)
        assert_sums(found)
        names = found.features
        for ended, theta in ((before, found.before), (after, found.after)):
            t = ended.targets.index("y")
            assert [theta.weight[0][names.index(name)] for name in ended.features] == ended.weight[t].tolist()
            assert theta.weight.sum() == pytest.approx(ended.weight[t].sum(), rel=1e-12)
            assert stacked(theta)[0, 0] == ended.bias[t]


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@pytest.mark.parametrize("average", [False, True], ids=["in order", "averaged"])
@pytest.mark.parametrize("name", MODELS)
def test_nothing_moves_from_a_model_to_itself(name, average):
    found = movement(MODELS[name](), MODELS[name](), average=average)
    assert found.are_same_rows
    assert not any(part.size.any() for part in found.parts)


PURE = {
    "rows": ("data", "exact", "other rows"),
    "a column less": ("columns", "exact", "fewer columns"),
    "a text column more": ("columns", "exact", "levels"),
    "epochs": ("training", "stopped", lambda: model(**LONGER)),
    "no training": ("training", "stopped", "exact"),
    "bias": ("columns", "other rows", "no bias"),
    "mini-batches": ("training", "mini-batches", "exact"),
    "weights": ("data", "exact", "weighted"),
}


@pytest.mark.parametrize("average", [False, True], ids=["in order", "averaged"])
@pytest.mark.parametrize("name", PURE)
def test_a_pure_case_is_put_where_it_belongs(name, average):
    part, *ends = PURE[name]
    before, after = (MODELS[end]() if isinstance(end, str) else end() for end in ends)
    for found in (movement(before, after, average=average), movement(after, before, average=average)):
        assert_sums(found)
        assert found.part(part).share.min() >= 0.999
        assert found.are_same_rows == (name not in ("rows", "weights"))


def test_rows_are_told_apart_by_one_cell_and_not_by_the_order_of_columns():
    moved = FIRST.with_columns(u=pl.when(pl.int_range(pl.len()) == 7).then(pl.col("u") + 1e-4).otherwise("u"))
    found = movement(model(), model(moved))
    assert not found.are_same_rows
    assert found.part("data").share[0] == 1.0
    assert movement(model(), model(FIRST.select(*FIRST.columns[::-1]))).are_same_rows


def test_exact_models_have_no_training_left():
    for name in ("other rows", "fewer columns", "levels"):
        assert movement(MODELS["exact"](), MODELS[name]()).part("training").size.tolist() == [0.0]


def test_the_parts_are_differences_of_least_squares_answers():
    before = model(exclude=["k", "z", "x"], **DESCENT)
    after = model(SECOND, exclude=["k", "z", "v"], **LONGER)
    found = movement(before, after)
    assert found.features == ("u", "v", "x")
    u, uv = (solved(FIRST, names)[0] for names in (["u"], ["u", "v"]))
    second_u, second_ux = solved(SECOND, ["u"])[0], solved(SECOND, ["u", "x"])[0]
    taken_away = np.array([*u, 0, 0]) - [*uv, 0]
    added = np.array([second_ux[0], second_ux[1], 0, second_ux[2]]) - [*second_u, 0, 0]
    left = np.array([after.bias[0], after.weight[0, 0], 0, after.weight[0, 1]]) - [
        second_ux[0],
        second_ux[1],
        0,
        second_ux[2],
    ]
    left -= np.array([before.bias[0], *before.weight[0], 0]) - [*uv, 0]
    expected = {"data": [*(second_u - u), 0, 0], "columns": taken_away + added, "training": left}
    for name, values in expected.items():
        np.testing.assert_allclose(stacked(found.part(name))[0], values, rtol=1e-9, atol=1e-9)
    assert found.order == "columns that the second lacks, then data, then columns, then training"


@pytest.mark.parametrize("targets", [["y"], ["y", "z"]], ids=["one target", "two targets, one in common"])
def test_the_average_is_that_over_all_orders_of_plain_loops(targets):
    """Shapley's value over data and training, each of the four corners trained by a loop over its rows."""
    before = model(FIRST, targets, exclude=["k", *({"z"} - {*targets})], **DESCENT)
    after = model(SECOND, exclude=["k", "z"], solver=GradientDescent(lr=2e-4, epochs=300))
    columns = ["u", "v", "x"]
    corner = {
        (rows, training): descended(frame, columns, lr, epochs, kept)[0]
        for rows, frame in (("A", FIRST), ("B", SECOND))
        for training, lr, epochs, kept in (("A", 5e-4, 40, targets), ("B", 2e-4, 300, ["y"]))
    }
    data = (corner["B", "A"] - corner["A", "A"] + corner["B", "B"] - corner["A", "B"]) / 2
    training = (corner["A", "B"] - corner["A", "A"] + corner["B", "B"] - corner["B", "A"]) / 2
    found = movement(before, after, average=True)
    assert (found.order, found.part("columns").share.tolist()) == ("the mean over 2 orders", [0.0])
    np.testing.assert_allclose(stacked(found.part("data"))[0], data, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(stacked(found.part("training"))[0], training, rtol=1e-8, atol=1e-10)


def test_the_average_keeps_data_after_a_column_that_the_second_lacks():
    """Its change comes first; training is run at each of the three places, each corner by a loop over its rows."""
    before, after = (
        model(**DESCENT),
        model(SECOND, exclude=["k", "z", "v"], solver=GradientDescent(lr=2e-4, epochs=300)),
    )

    def corner(frame, names, training):
        theta = descended(frame, names, *{"A": (5e-4, 40), "B": (2e-4, 300)}[training])[0]
        return theta if len(theta) == 4 else np.insert(theta, 2, 0.0)

    walk = [(FIRST, ["u", "v", "x"]), (FIRST, ["u", "x"]), (SECOND, ["u", "x"])]
    a, b = ([corner(*place, training) for place in walk] for training in "AB")
    expected = {
        "columns": (2 * (a[1] - a[0]) + b[1] - b[0]) / 3,
        "data": (a[2] - a[1] + 2 * (b[2] - b[1])) / 3,
        "training": (b[0] - a[0] + b[1] - a[1] + b[2] - a[2]) / 3,
    }
    found = movement(before, after, average=True)
    assert found.order == "the mean over 3 orders"
    for name, values in expected.items():
        np.testing.assert_allclose(stacked(found.part(name))[0], values, rtol=1e-8, atol=1e-10)


def test_the_average_over_data_and_bias_is_symmetric():
    """Both orders are known where the columns are the same, so there and back is the same with the signs changed."""
    one, other = model(), model(SECOND, bias=False)
    there, back = movement(one, other, average=True), movement(other, one, average=True)
    for name in PARTS:
        np.testing.assert_allclose(
            stacked(there.part(name)), -stacked(back.part(name)), rtol=1e-12, atol=1e-15
        )
    corner = {
        (rows, bias): solved(frame, ["u", "v", "x"], bias)[0]
        for rows, frame in (("A", FIRST), ("B", SECOND))
        for bias in (True, False)
    }
    data = (corner["B", True][1:] - corner["A", True][1:] + corner["B", False] - corner["A", False]) / 2
    np.testing.assert_allclose(there.part("data").weight[0], data, rtol=1e-9)


def test_orders_are_counted_once():
    cases = {
        ("exact", "other rows"): 2,
        ("other rows", "no bias"): 2,
        ("exact", "no bias"): 6,
        ("exact", "other columns"): 3,
        ("fewer columns", "other columns"): 4,
        ("exact", "exact"): 1,
    }
    for (one, other), orders in cases.items():
        found = movement(MODELS[one](), MODELS[other](), average=True)
        expected = f"the mean over {orders} orders" if orders > 1 else "data, then columns, then training"
        assert found.order == expected


def test_a_training_that_cannot_run_again_stays_last_and_says_why():
    cases = {
        "mini-batches": "mini-batches follow no closed form",
        "a start of its own": "does not hold the start",
    }
    for name, why in cases.items():
        one, other = MODELS[name](), MODELS["other rows"]()
        found = movement(one, other, average=True)
        assert why in " ".join(found.notes)
        assert "Training is taken last" in found.notes[-1]
        for part, same in zip(found.parts, movement(one, other).parts, strict=True):
            np.testing.assert_allclose(stacked(part), stacked(same), rtol=1e-9, atol=1e-12)
    drawn = fit(FIRST, ["y", "z"], exclude=["k"], solver=GradientDescent(lr=5e-4, epochs=4, init="normal"))
    found = movement(drawn, model(SECOND), average=True)
    assert found.notes[-1] == "Training is taken last: run again, that of the first ends elsewhere."
    fast = model(solver=GradientDescent(lr=9e-4, epochs=40))
    larger = SECOND.with_columns(x=pl.col("x") * 3)
    found = movement(fast, model(larger), average=True)
    assert "that of the first cannot be run on other data, its lr 9e-4 is above" in found.notes[-1]
    assert_sums(found)


def test_size_is_what_predictions_move_where_columns_are_uncorrelated():
    """On a full factorial the columns are uncorrelated, and a size is the root mean square over its rows."""
    grid = np.array(list(itertools.product([0.0, 1, 5], [2.0, 3], [-1.0, 1, 8])))
    frame = pl.DataFrame(grid, schema=["u", "v", "x"])
    before, after = (frame.with_columns(y=pl.Series(np.sin(np.arange(18.0) * step))) for step in (1, 2))
    one, other = fit(before, "y"), fit(after, "y")
    moved = other.predict(frame) - one.predict(frame)
    assert movement(one, other).part("data").size == pytest.approx(np.sqrt((moved**2).mean()))


def test_standard_errors_are_those_of_the_answer_on_the_later_rows():
    one, other = model(exclude=["k", "z", "x"]), model(SECOND, exclude=["k", "z", "v"], **LONGER)
    found = movement(one, other)
    later = model(SECOND, exclude=["k", "z", "v"]).inference
    earlier = one.inference
    kept, gone = (known(told.estimates).stderr.weight[0] for told in (later, earlier))
    assert found.stderr.weight[0] == pytest.approx([kept[0], gone[1], kept[1]], rel=1e-9)
    assert found.stderr.bias == pytest.approx(later.bias_stderr, rel=1e-9)
    assert found.change_stderr.weight == pytest.approx(found.change.weight / found.stderr.weight)
    exactly = pl.DataFrame({"u": [1.0, 2], "y": [3.0, 5]})  # no degree of freedom is left
    assert np.isnan(movement(fit(exactly, "y"), fit(exactly, "y")).change_stderr.weight).all()


LEVELS = {
    "a new first level": (["q", "r"], ["p", "q", "r"]),
    "the first level gone": (["p", "q", "r"], ["q", "r"]),
    "other ends": (["p", "q"], ["q", "r"]),
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels_are_told_against_one_base(name):
    before, after = (
        table(80, seed).filter(pl.col("k").is_in(kept)) for seed, kept in enumerate(LEVELS[name])
    )
    one, other = (model(frame, exclude=["z"]) for frame in (before, after))
    found = movement(one, other)
    assert_sums(found)
    assert any("against the level q" in note for note in found.notes)
    for frame, fitted, theta in ((before, one, found.before), (after, other, found.after)):
        levels = [f"k={level}" for level in sorted(frame["k"].unique()) if level != "q"]
        coded = frame.with_columns(**{name: (pl.col("k") == name[2:]).cast(float) for name in levels})
        expected = dict(
            zip(["bias", "u", "v", "x", *levels], solved(coded, ["u", "v", "x", *levels])[0], strict=True)
        )
        for feature, weight in zip(found.features, theta.weight[0], strict=True):
            assert weight == pytest.approx(expected.get(feature, 0.0), abs=1e-9)
        assert stacked(theta)[0, 0] == pytest.approx(expected["bias"], rel=1e-9)
        assert len(levels) == len(fitted.features) - 3
    stopped = movement(one, model(after, exclude=["z"], **DESCENT))  # `expected` is the answer on these rows
    answer = [expected["bias"], *(expected.get(feature, 0.0) for feature in stopped.features)]
    left = stacked(stopped.after)[0] - answer
    np.testing.assert_allclose(stacked(stopped.part("training"))[0], left, atol=1e-9)
    both = [f"k={level}" for level in sorted({*LEVELS[name][0]} & {*LEVELS[name][1]} - {"q"})]
    answers = []
    for frame in (before, after):
        coded = frame.with_columns(**{name: (pl.col("k") == name[2:]).cast(float) for name in both})
        answers.append(solved(coded, ["u", "v", "x", *both])[0])
    data = dict(zip(["bias", "u", "v", "x", *both], answers[1] - answers[0], strict=True))
    expected = [data["bias"], *(data.get(feature, 0.0) for feature in found.features)]
    np.testing.assert_allclose(stacked(found.part("data"))[0], expected, atol=1e-9)
    with refused("other-base-without-bias") as caught:
        movement(*(model(frame, exclude=["z"], bias=False) for frame in (before, after)))
    assert "with a bias" in caught.value.remedy


def test_notes_name_what_is_odd():
    celsius = SECOND.with_columns(x=pl.col("x") * 100 + 1e5)
    assert any(
        note.startswith("x runs from") and "another unit" in note
        for note in movement(model(), model(celsius)).notes
    )
    assert movement(model(), model(SECOND)).notes == ()
    two = movement(MODELS["exact"](), MODELS["two targets"]())
    assert (two.targets, [note for note in two.notes if "target z" in note] != []) == (("y",), True)


def test_what_has_no_movement_is_refused():
    with refused("no-common-target", "y", "z"):
        movement(model(), model(target="z", exclude=["k", "y"]))
    moments: Any = Moments.of(FIRST, "y", exclude=["k"])
    with refused("not-a-model", "Moments"):
        movement(model(), moments)


def test_the_card_is_plain_json():
    found = (
        movement(MODELS["one row"](), MODELS["no bias"]())
        if False
        else movement(model(), MODELS["no bias"]())
    )
    card = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert card["parts"]["data"]["weight"] == found.part("data").weight.tolist()
    assert card["stderr"]["bias"] == [None]
    assert [card["order"], card["are_same_rows"]] == ["data, then columns, then training", False]


def test_one_hundred_against_ten_thousand_epochs_of_the_crops():
    runs = [fit("example:crops", TARGETS, solver=GradientDescent(lr=1e-5, epochs=n)) for n in (100, 10_000)]
    for average in (False, True):
        found = movement(*runs, average=average)
        assert_sums(found)
        assert (found.part("training").share >= 0.999).all()


@pytest.fixture(scope="module")
def months():
    """New York's flights of January, and of January and February."""
    flights = pl.read_csv(flights_file(), null_values="NA", infer_schema_length=None)
    columns = ["month", "arr_delay", "dep_delay", "distance", "hour", "carrier", "origin"]
    rows = flights.filter(pl.col("month") <= 2).select(columns).drop_nulls()
    return [rows.filter(pl.col("month") <= last).drop("month") for last in (1, 2)]


SLOWLY, LONG = (GradientDescent(lr=0.05, epochs=n) for n in (100, 10_000))
FLIGHTS = {
    "one more month": ("data", {}, {}),
    "a column less": ("columns", {}, {"exclude": ["carrier"]}),
    "epochs": ("training", {"solver": SLOWLY, "scale": "standard"}, {"solver": LONG, "scale": "standard"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("average", [False, True], ids=["in order", "averaged"])
@pytest.mark.parametrize("name", FLIGHTS)
def test_flights_pure(name, average, months):
    part, first, second = FLIGHTS[name]
    frames = months if part == "data" else [months[0]] * 2
    found = movement(
        *(fit(frame, "arr_delay", **o) for frame, o in zip(frames, (first, second), strict=True)),
        average=average,
    )
    assert_sums(found)
    assert found.part(part).share[0] >= 0.999


@pytest.mark.slow
@pytest.mark.parametrize("average", [False, True], ids=["in order", "averaged"])
def test_flights_all_at_once(average, months):
    one = fit(months[0], "arr_delay", solver=SLOWLY, scale="standard")
    other = fit(months[1], "arr_delay", exclude=["hour"], solver=LONG, scale="standard")
    found = movement(one, other, average=average)
    assert_sums(found)
    assert all(part.share[0] > 1e-3 for part in found.parts)
    assert np.isfinite(found.change_stderr.weight).all()
    assert found.notes == ()
