"""Figures: what they draw is what gradline and independent references compute, and names in them stay text."""

import html
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.stats
from refusals import refused
from sklearn.linear_model import Ridge

import gradline
from gradline import plots
from gradline.core.text import number
from gradline.data.line import line as points_of_line
from gradline.data.tables import open_table
from gradline.model.residuals import diagnostics
from gradline.plots.accessors import ModelPlots, MomentsPlots
from gradline.plots.style import COLORS, NEUTRAL, RED, label, line, marker

TARGETS = ["apples", "oranges"]
LR = 1e-5


@pytest.fixture(scope="module")
def table():
    """Forty rows of correlated features and two targets."""
    random = np.random.default_rng(7)
    X = random.normal(size=(40, 3)) @ np.array([[1.0, 0.6, 0], [0, 1, 0.3], [0, 0, 2]]) + [70.0, 5, -3]
    Y = X @ np.array([[0.5, -1.0], [2.0, 0.1], [-0.3, 0.7]]) + random.normal(size=(40, 2))
    return X, Y


@pytest.fixture(scope="module")
def named(table):
    X, Y = table
    return {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "u": Y[:, 0], "v": Y[:, 1]}


@pytest.fixture(scope="module")
def model(named):
    return gradline.fit(named, ["u", "v"])


@pytest.fixture(scope="module")
def crops():
    return gradline.Moments.of("example:crops", TARGETS)


def trace(figure, name):
    """The one trace whose name begins so."""
    found = [trace for trace in figure.data if (trace.name or "").startswith(name)]
    assert len(found) == 1, [trace.name for trace in figure.data]
    return found[0]


def subtitle(figure: Any) -> str:
    """What stands below its title, as one line."""
    return figure.layout.title.subtitle.text.replace("<br>", " ")


def with_one(X):
    return np.column_stack([np.ones(len(X)), X])


def descent(X, Y, lr, epochs, momentum=0.0):
    """θ (epochs + 1, q, m) of the plain loop from zeros, the bias on top."""
    A = with_one(X)
    theta = np.zeros((A.shape[1], Y.shape[1]))
    velocity, path = np.zeros_like(theta), [theta]
    for _ in range(epochs):
        velocity = momentum * velocity + 2 / Y.size * A.T @ (A @ theta - Y)
        theta = theta - lr * velocity
        path.append(theta)
    return np.array(path)


def losses(X, Y, thetas):
    return np.array([((with_one(X) @ theta - Y) ** 2).mean() for theta in thetas])


def crops_rows():
    frame = open_table("example:crops")
    names = ["temp", "rainfall", "humidity", *TARGETS]
    kinds = {name: frame.schema()[name].kind for name in names}
    rows = np.vstack([batch.frame.select(names).to_numpy() for batch in frame.batches(kinds)])
    return rows[:, :3].astype(float), rows[:, 3:].astype(float)


# Fits


def test_sticks_end_at_the_prediction(named):
    one = gradline.fit(named, "u", features=["a"])
    figure = plots.fitted(one, named)
    ends = np.array(trace(figure, "residual").y).reshape(-1, 3)
    np.testing.assert_allclose(ends[:, 1], one.predict(named)[:, 0])
    np.testing.assert_array_equal(ends[:, 0], named["u"])
    assert np.isnan(ends[:, 2]).all()
    fitted = figure.data[-1]
    np.testing.assert_allclose(fitted.y, one.predict({"a": fitted.x})[:, 0])


def test_the_plane_is_the_model_and_sticks_end_on_it(named):
    two = gradline.fit(named, "v", features=["a", "c"])
    figure = plots.fitted(two, named)
    plane = figure.data[0]
    corners = {"a": np.ravel(plane.x), "c": np.ravel(plane.y)}
    np.testing.assert_allclose(np.ravel(plane.z), two.predict(corners)[:, 0])
    ends = np.array(trace(figure, "residual").z).reshape(-1, 3)
    np.testing.assert_allclose(ends[:, 1], two.predict(named)[:, 0])


@pytest.mark.parametrize("bias", [True, False])
def test_added_variable_plots_have_the_coefficient_as_their_slope(table, named, bias):
    model = gradline.fit(named, ["u", "v"], bias=bias)
    X, Y = table
    figure = plots.fitted(model, named, "v")
    assert len(figure.data) == 6
    for j in range(3):
        points, drawn = figure.data[2 * j], figure.data[2 * j + 1]
        others = np.delete(X, j, axis=1)
        others = with_one(others) if bias else others
        for left, column in ((points.x, X[:, j]), (points.y, Y[:, 1])):
            residual = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
            np.testing.assert_allclose(left, residual, atol=1e-10)
        slope = np.dot(points.x, points.y) / np.dot(points.x, points.x)
        assert slope == pytest.approx(model.weight[1, j], rel=1e-10)
        assert np.diff(drawn.y) / np.diff(drawn.x) == pytest.approx(slope)
    one = plots.fitted(model, named, "v", "b")
    np.testing.assert_array_equal(one.data[0].x, figure.data[2].x)


def test_features_that_depend_on_others_have_no_added_variable_plot(named):
    data = {**named, "twice a": 2 * named["a"]}
    with pytest.warns(gradline.GradlineWarning):
        model = gradline.fit(data, "u", features=["a", "b", "twice a"])
    assert len(plots.fitted(model, data).data) == 2  # b alone
    with refused("coefficient-undetermined", "twice a"):
        plots.fitted(model, data, feature="twice a")


def test_predictions_against_targets(model, named):
    points = trace(plots.predictions(model, named, "v"), "row")
    np.testing.assert_allclose(points.x, model.predict(named)[:, 1])
    np.testing.assert_array_equal(points.y, named["v"])


def test_the_matrix_product_is_the_prediction(model, named):
    figure = plots.product(model, named, rows=4)
    X, weights, bias, predictions, targets = ([list(c) for c in t.cells["values"]] for t in figure.data)
    names, weights = weights[0], np.array(weights[1:], float)
    assert names == ["a", "b", "c"]
    product = np.array(X, float).T @ weights.T + np.array(bias, float).ravel()
    np.testing.assert_allclose(product, np.array(predictions, float).T, rtol=2e-2)
    rows = [list(named["u"]).index(u) for u in named["u"] if number(u, 4) in targets[0]]
    assert [number(p, 4) for p in model.predict(named)[rows, 0]] == predictions[0]
    said = subtitle(figure)
    assert "X (40, 3) @ weightᵀ (3, 2) + bias (2,) = predictions (40, 2)" in said


# Rows


def test_many_rows_are_sampled_the_same_way_each_time(model, table):
    X, Y = (np.tile(part, (500, 1)) for part in table)  # of two blocks
    first, second = (plots.predictions(model, (X, Y), rows=300) for _ in range(2))
    points = trace(first, "row")
    assert len(points.x) == 300
    assert first == second
    numbers = np.array(points.customdata)[:, 0].astype(int)
    assert (np.diff(numbers) > 0).all()
    np.testing.assert_allclose(points.y, Y[numbers - 1, 0])
    assert "300 of 20,000 rows" in subtitle(first)
    assert np.histogram(numbers, 4, (0, 20_000))[0].min() > 40  # from everywhere


def test_rows_with_missing_cells_are_left_out_and_said(model, named):
    data = {name: [None, *column] for name, column in named.items()}
    figure = plots.predictions(model, data)
    np.testing.assert_array_equal(trace(figure, "row").y, named["u"])
    assert "1 row with missing cells" in subtitle(figure)


def test_other_columns_are_refused(model, named, table):
    with refused("column-lacking", "c"):
        plots.predictions(model, {name: named[name] for name in "abuv"})
    with refused("columns-do-not-match", "2"):
        plots.predictions(model, (table[0][:, :2], table[1]))
    for wrong in (
        lambda: plots.predictions(model, named, "w"),
        lambda: plots.residuals(model, named, "w"),
        lambda: plots.ridge_path(model.moments, "w"),
    ):
        with refused("model-column-unknown", "w"):
            wrong()
    with refused("model-column-unknown", "aa"):
        plots.fitted(model, named, feature="aa")


# Training


@pytest.mark.parametrize(("lr", "momentum"), [(LR, 0.0), (LR, 0.9), (1.2e-4, 0.0)])
def test_the_loss_curve_is_that_of_the_loop_over_a_floor_at_the_optimum(crops, lr, momentum):
    X, Y = crops_rows()
    figure = plots.loss_curve(gradline.Trajectory(crops, lr, momentum), 60)
    np.testing.assert_allclose(
        trace(figure, "loss").y, losses(X, Y, descent(X, Y, lr, 60, momentum)), rtol=1e-9
    )
    best = losses(X, Y, [np.linalg.lstsq(with_one(X), Y, rcond=None)[0]])
    floor = trace(figure, "optimum")
    np.testing.assert_allclose(floor.y, best[0], rtol=1e-9)
    assert (floor.x[0], floor.x[-1]) == (0, 60)


def test_a_path_that_runs_away_is_drawn_as_far_as_numbers_go(crops):
    path = gradline.Trajectory(crops, 1e-3)
    figure = plots.loss_curve(path, 10_000)
    curve = trace(figure, "loss")
    assert np.isfinite(curve.y).all()
    assert curve.y[-1] > 1e250
    said = subtitle(figure)
    assert f"grows {number(path.spectrum.growth(1e-3))}×" in said
    assert number(path.lr_limit) in said
    np.testing.assert_allclose(trace(plots.gap(path, 10_000), "all").y[1:], np.array(curve.customdata)[1:])


@pytest.mark.parametrize("epochs", [0, -1, 1.5, 10**19])
@pytest.mark.parametrize("draw", [plots.loss_curve, plots.weight_curves, plots.gap, plots.loss_surface])
def test_epochs_outside_their_range_are_refused(crops, draw, epochs):
    with refused("epochs-invalid", epochs):
        draw(gradline.Trajectory(crops, LR), epochs)


def test_weight_curves_are_those_of_the_loop_and_end_marks_are_the_optimum(crops):
    X, Y = crops_rows()
    figure = plots.weight_curves(gradline.Trajectory(crops, LR), 50, "oranges")
    path, best = descent(X, Y, LR, 50), np.linalg.lstsq(with_one(X), Y, rcond=None)[0]
    for i, name in enumerate(["bias", "temp", "rainfall", "humidity"]):
        curve, mark = (t for t in figure.data if t.name.startswith(name))
        np.testing.assert_allclose(curve.y, path[:, i, 1], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(mark.y, best[i, 1], rtol=1e-8)


def test_the_gap_by_direction_adds_up_to_the_gap(crops):
    path = gradline.Trajectory(crops, LR)
    whole, *parts = plots.gap(path, 10**8).data
    for i in (0, 300, len(whole.x) - 1):
        epoch = int(whole.x[i])
        assert whole.y[i] == pytest.approx(path.at(epoch).gap, rel=1e-9)
        assert sum(part.y[i] for part in parts) == pytest.approx(whole.y[i], rel=1e-12)
        shares = sorted((part.customdata[i] for part in parts), reverse=True)
        found = [direction.share for direction in path.directions(epoch)]  # without those that are gone
        assert shares == pytest.approx(found + [0.0] * (4 - len(found)), rel=1e-9)
    assert [part.name for part in parts] == [path.spectrum.columns(i) for i in range(4)]


def test_rates_have_a_red_line_where_the_error_begins_to_grow(crops):
    figure = plots.rates(crops)
    raw, best, limit, standard, best_standard, _ = figure.data
    assert limit.line.color == RED
    X, Y = crops_rows()
    largest = 2 * np.linalg.eigvalsh(with_one(X).T @ with_one(X)).max() / Y.size
    np.testing.assert_allclose(limit.x, 2 / largest)
    assert max(raw.x) < limit.x[0]
    assert best.y[0] <= min(raw.y)
    assert max(standard.y) < best.y[0]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    slowest = np.linalg.eigvalsh(2 * with_one(Z).T @ with_one(Z) / Y.size)[0]
    epochs = np.ceil(best_standard.y[0])
    assert (
        (1 - best_standard.x[0] * slowest) ** epochs
        <= 1e-3
        < (1 - best_standard.x[0] * slowest) ** (epochs - 1)
    )


def test_with_momentum_one_no_rate_leads_anywhere(crops):
    with refused("error-never-shrinks"):
        plots.rates(crops, momentum=1)
    with refused("momentum-invalid", "2"):
        plots.rates(crops, momentum=2)


# Landscape


@pytest.mark.parametrize(
    ("start", "feature", "target"), [(0.0, "temp", "apples"), (1.0, "rainfall", "oranges")]
)
def test_loss_against_a_weight_its_tangent_and_the_way_down(crops, start, feature, target):
    X, Y = crops_rows()
    weight, bias = np.full((2, 3), start), np.full(2, start)
    figure: Any = plots.loss_against(crops, weight, bias, feature, target, lr=LR)
    j, t = crops.features.index(feature), TARGETS.index(target)

    def loss(value):
        moved = weight.copy()
        moved[t, j] = value
        return ((X @ moved.T + bias - Y) ** 2).mean()

    curve, tangent, point, lowest, landed = figure.data
    np.testing.assert_allclose(curve.y, [loss(value) for value in curve.x], rtol=1e-9)
    assert point.y[0] == pytest.approx(loss(start))
    gradient = (loss(start + 1) - loss(start - 1)) / 2  # of a parabola, exactly
    assert np.diff(tangent.y)[0] / np.diff(tangent.x)[0] == pytest.approx(gradient)
    assert np.mean(tangent.x) == pytest.approx(start)
    assert lowest.y[0] == pytest.approx(min(loss(lowest.x[0] + step) for step in (-1e-3, 0, 1e-3)))
    (arrow,) = figure.layout.annotations
    assert (arrow.ax, arrow.ay) == pytest.approx((start, loss(start)))
    assert arrow.x == pytest.approx(start - LR * gradient)  # the step as the loop takes it
    assert arrow.y == pytest.approx(loss(arrow.x))
    assert (landed.x[0], landed.y[0]) == (arrow.x, arrow.y)
    assert loss(arrow.x) < loss(start)
    side = "left" if gradient > 0 else "right"
    assert f"the step goes to the {side}" in subtitle(figure)


def test_the_arrow_is_a_tenth_of_the_limit_where_no_rate_is_given(crops):
    at = (crops, np.zeros((2, 3)), np.zeros(2), "temp")
    limit = gradline.Trajectory(crops, LR).lr_limit
    assert plots.loss_against(*at) == plots.loss_against(*at, lr=limit / 10)
    for lr in (0, -1.0, np.nan, "auto"):
        with refused("lr-invalid"):
            plots.loss_against(*at, lr=lr)  # pyright: ignore[reportArgumentType]


def test_steps_of_three_rates_are_those_of_a_loop_over_one_weight(crops):
    X, Y = crops_rows()
    weight, bias = np.full((2, 3), 0.4), np.full(2, -1.0)
    figure = plots.rate_steps(crops, weight, bias, "rainfall", "oranges", steps=5)
    for name in ("too small", "right", "too large"):
        drawn = trace(figure, name)
        limit = Y.size / (X[:, 1] ** 2).sum()  # 2 over the curvature 2·Σx²/(n·m)
        lr = {"too small": 0.02, "right": 0.3, "too large": 1.06}[name] * limit
        moved = weight.copy()
        for step in range(6):
            assert drawn.x[step] == pytest.approx(moved[1, 1])
            residual = X @ moved.T + bias - Y
            assert drawn.y[step] == pytest.approx((residual**2).mean())
            moved[1, 1] -= lr * 2 * (residual[:, 1] @ X[:, 1]) / Y.size
    with refused("steps-invalid", 0):
        plots.rate_steps(crops, weight, bias, "rainfall", steps=0)


def test_the_bowl_is_the_loss_and_the_path_lies_on_it(crops):
    x, y = points_of_line(seed=3).T
    path = gradline.Trajectory(
        gradline.Moments.of(x[:, None], y), lr=0.1, init=(np.array([[3.0]]), np.array([-1.0]))
    )
    surface, track = plots.loss_bowl(path, 60).data
    for i, k in ((0, 0), (40, 3), (20, 20)):
        loss = ((surface.y[i] + surface.x[k] * x - y) ** 2).mean()
        assert surface.z[i][k] == pytest.approx(loss)
    thetas = [np.array([[-1.0], [3.0]])]
    A = with_one(x[:, None])
    for _ in range(60):
        thetas.append(thetas[-1] - 0.1 * 2 / 100 * A.T @ (A @ thetas[-1] - y[:, None]))
    np.testing.assert_allclose(track.x, [theta[1, 0] for theta in thetas])
    np.testing.assert_allclose(track.y, [theta[0, 0] for theta in thetas])
    np.testing.assert_allclose(track.z, [((A @ theta - y[:, None]) ** 2).mean() for theta in thetas])
    for drawn, grid in ((track.x, surface.x), (track.y, surface.y)):
        assert min(grid) < min(drawn) <= max(drawn) < max(grid)
    away = gradline.Trajectory(path.moments, lr=1.0, init=path.init)
    assert len(plots.loss_bowl(away, 60).data[1].x) < 61
    with refused("bowl-of-two-parameters"):
        plots.loss_bowl(gradline.Trajectory(crops, LR), 10)


# Data and what was recorded


def test_the_training_table_has_inputs_beside_targets(model, named):
    drawn: Any = plots.table(model, named, rows=4).data[0]
    assert [heading[1] for heading in drawn.header.values] == ["row", "a", "b", "c", "u", "v"]
    assert [heading[0] for heading in drawn.header.values] == ["", *["input"] * 3, *["target"] * 2]
    for row, *cells in zip(*drawn.cells.values, strict=True):
        for cell, name in zip(cells, "abcuv", strict=True):
            assert cell == number(named[name][int(row) - 1], 5)


def test_the_split_shows_every_row_once():
    points = points_of_line()
    parts = (points[:80, :1], points[:80, 1]), (points[80:, :1], points[80:, 1])
    model = gradline.fit(*parts[0])
    figure = plots.split(model, *parts)
    for drawn, (x, y) in zip(figure.data, parts, strict=True):
        np.testing.assert_array_equal(drawn.x, x[:, 0])
        np.testing.assert_array_equal(drawn.y, y)
    assert "80 of 100 rows" in subtitle(figure)


def test_losses_are_the_history_and_the_least_one_is_marked(named):
    model = gradline.fit(named, "u", solver=gradline.GradientDescent(epochs=40), holdout=0.3)
    training, validation, best = plots.losses(model).data
    np.testing.assert_array_equal(training.y, [record.loss for record in model.history])
    held = [record.holdout or 0.0 for record in model.history]
    np.testing.assert_array_equal(validation.y, held)
    assert (best.x[0], best.y[0]) == (int(np.argmin(held)), min(held))
    alone = gradline.fit(named, "u", solver=gradline.GradientDescent(epochs=40))
    assert len(plots.losses(alone).data) == 1
    with refused("path-not-by-descent"):
        plots.losses(gradline.fit(named, "u"))


def test_rules_name_the_model_and_a_row(model, named):
    said = [box.get("text", "") for box in plots.rules(model, named, "v").to_dict()["layout"]["annotations"]]
    rule = f"v = {number(model.bias[1], 4)}"
    assert sum(rule in text for text in said) == 1
    for i, name in enumerate("abc"):
        assert f"{number(abs(model.weight[1, i]), 4)} × {name}" in said[-1]
    assert sum("<b>Data</b>" in text for text in said) == sum("<b>Answers</b>" in text for text in said) == 2


def test_at_the_optimum_no_arrow_points_anywhere(model):
    figure = model.plot.loss_against("b", "v")
    assert not figure.layout.annotations
    assert "no step lowers the loss" in subtitle(figure)


def test_loss_against_a_column_of_zeros_and_without_a_bias():
    moments = gradline.Moments.of({"zero": [0.0, 0, 0], "x": [1.0, 2, 4], "y": [1.0, 2, 3]}, "y")
    with refused("feature-all-zero", "zero"):
        plots.loss_against(moments, [0, 0], [0], "zero")
    point = trace(plots.loss_against(moments, [0, 1.0], None, "x"), "weight")
    assert point.y[0] == pytest.approx(1 / 3)
    with refused("init-shape"):
        plots.loss_against(moments, [[0, 1.0, 2]], None, "x")


def test_the_surface_is_the_loss_and_lowest_at_the_optimum(table):
    X, Y = table[0], table[1][:, :1]
    moments = gradline.Moments.of(X, Y)
    path = gradline.Trajectory(moments, 1e-4)
    surface, track, *_ = plots.loss_surface(path, 30).data
    best = np.linalg.lstsq(with_one(X), Y, rcond=None)[0]
    _, vectors = np.linalg.eigh(with_one(X).T @ with_one(X))
    stiff, soft = vectors[:, [-1]], vectors[:, [0]]
    loss = np.array(surface.customdata)
    i, k = np.unravel_index(np.argmin(loss), loss.shape)
    assert (surface.x[k], surface.y[i]) == (0, 0)
    assert loss[i, k] == pytest.approx(losses(X, Y, [best])[0])
    for i, k in ((0, 0), (20, 90), (100, 3)):
        moved = best + surface.x[k] * stiff + surface.y[i] * soft
        assert loss[i, k] == pytest.approx(losses(X, Y, [moved])[0])
        assert surface.z[i][k] == pytest.approx(np.log10(loss[i, k]))
    errors = descent(X, Y, 1e-4, 30)[:, :, 0] - best[:, 0]
    for drawn, direction in ((track.x, stiff), (track.y, soft)):
        along = errors @ direction[:, 0]
        np.testing.assert_allclose(drawn, along * np.sign(along[0]), rtol=1e-6, atol=1e-9)


def test_a_path_that_runs_away_leaves_the_surface(crops):
    _, track, *_ = plots.loss_surface(gradline.Trajectory(crops, 1e-3), 100).data
    assert np.abs(track.x).max() <= 3 * abs(track.x[0])


def test_one_direction_makes_no_surface():
    moments = gradline.Moments.of({"x": [1.0, 2], "y": [1.0, 3]}, "y")
    with refused("single-direction"):
        plots.loss_surface(gradline.Trajectory(moments, 0.1, bias=False), 10)


# Coefficients


def test_intervals_are_those_of_the_inference_in_standard_deviations(model, table):
    figure, scale = plots.coefficients(model, 0.9), table[0].std(axis=0)
    low, high = np.moveaxis(model.inference.interval(0.9).weight, -1, 0)
    for t, drawn in enumerate(figure.data):
        np.testing.assert_allclose(drawn.x, model.weight[t] * scale)
        np.testing.assert_allclose(np.array(drawn.x) - drawn.error_x.array, low[t] * scale)
        np.testing.assert_allclose(np.array(drawn.x) + drawn.error_x.array, high[t] * scale)
        assert f"from {number(low[t, 0], 4)} to {number(high[t, 0], 4)}" in drawn.text[0]


def test_what_was_stopped_early_has_no_intervals_and_no_diagnostics():
    stopped = gradline.fit("example:crops", TARGETS, solver=gradline.GradientDescent(lr=LR, epochs=10))
    with refused("not-at-optimum"):
        plots.coefficients(stopped)
    for draw in (plots.residuals, plots.quantiles, plots.scale_location, plots.leverage):
        with refused("not-at-optimum"):
            draw(stopped, "example:crops")


def test_the_ridge_path_is_ridge_and_begins_at_the_optimum(model, table):
    X, Y = table
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    figure = plots.ridge_path(model.moments, "v")
    alphas = np.array(figure.data[0].x)
    weights = np.array([curve.y for curve in figure.data])
    for i in (0, 60, 120, 199):
        alpha = alphas[i] * Y.size / 2
        np.testing.assert_allclose(weights[:, i], Ridge(alpha=alpha).fit(Z, Y[:, 1]).coef_, rtol=1e-8)
    np.testing.assert_allclose(weights[:, 0], model.weight[1] * X.std(axis=0), rtol=1e-3)
    assert np.abs(weights[:, -1]).max() < 1e-2 * np.abs(weights[:, 0]).max()


# Residuals


def test_residuals_and_their_size_against_predictions(model, named):
    rows = diagnostics(model, named).rows
    predicted = model.predict(named)[:, 1]
    drawn = trace(plots.residuals(model, named, "v"), "row")
    np.testing.assert_allclose(drawn.x, predicted)
    np.testing.assert_allclose(drawn.y, named["v"] - predicted, atol=1e-12)
    sizes = trace(plots.scale_location(model, named, "v"), "row")
    np.testing.assert_allclose(np.array(sizes.y) ** 2, np.abs(rows.internal[:, 1]))


def test_rows_on_a_contour_have_its_distance_of_cook(named):
    data = {**named, "a": [90.0, *named["a"][1:]]}  # one row far out
    model = gradline.fit(data, ["u", "v"])
    figure = plots.leverage(model, data, "u")
    points = trace(figure, "row")
    rows = diagnostics(model, data).rows
    np.testing.assert_allclose(points.x, rows.leverage)
    np.testing.assert_allclose(points.y, rows.internal[:, 0])
    q = 4
    h, r = np.array(points.x), np.array(points.y)
    np.testing.assert_allclose(np.array(points.customdata)[:, 5], r**2 * h / (1 - h) / q)
    for distance in (0.5, 1):
        contour = trace(figure, f"Cook's distance {distance}")
        h, r = (np.array(side)[~np.isnan(contour.y)] for side in (contour.x, contour.y))
        assert len(h) > 20
        np.testing.assert_allclose(r**2 * h / (1 - h) / q, distance)
        np.testing.assert_allclose(np.sort(r), np.sort(-r))


def test_quantiles_are_those_of_students_t(model, named):
    drawn = trace(plots.quantiles(model, named, "v"), "row")
    external = diagnostics(model, named).rows.external[:, 1]
    np.testing.assert_allclose(drawn.y, np.sort(external))
    np.testing.assert_array_equal(external[np.array(drawn.customdata) - 1], drawn.y)
    theory = scipy.stats.t.ppf((np.arange(40) + 0.5) / 40, 40 - 4 - 1)
    np.testing.assert_allclose(drawn.x, theory, atol=1e-12)


def test_of_many_rows_the_extreme_ones_are_always_shown():
    random = np.random.default_rng(3)
    X, Y = random.normal(size=(9000, 2)), random.normal(size=9000)
    X[4321] = [30, -30]
    Y[77] = 40
    model = gradline.fit(X, Y)
    rows = diagnostics(model, X, Y).rows
    for draw in (plots.residuals, plots.scale_location, plots.leverage):
        figure = draw(model, (X, Y))
        numbers = np.array(trace(figure, "row").customdata)[:, 0].astype(int)
        assert 1400 < len(numbers) <= 2000
        assert "of 9,000 rows" in subtitle(figure)
        for figures in (rows.leverage, np.abs(rows.residual[:, 0]), rows.cooks_distance[:, 0]):
            assert set(np.argsort(-figures)[:200] + 1) <= set(numbers)
        np.testing.assert_allclose(
            np.array(trace(figure, "row").customdata)[:, 4], rows.leverage[numbers - 1]
        )
    drawn = trace(plots.quantiles(model, (X, Y)), "row")
    assert len(drawn.x) == 2000
    assert {78, *(np.argsort(rows.external[:, 0])[:200] + 1)} <= set(drawn.customdata)
    theory = scipy.stats.t.ppf((np.argsort(np.argsort(rows.external[:, 0])) + 0.5) / 9000, 9000 - 4)
    np.testing.assert_allclose(drawn.x, theory[np.array(drawn.customdata) - 1], atol=1e-12)


def test_residuals_that_are_rounding_are_not_studentised():
    data = {"x": [1.0, 2, 3, 4, 5], "exact": [3.0, 5, 7, 9, 11], "rough": [1.0, 3, 2, 5, 4]}
    model = gradline.fit(data, ["exact", "rough"])
    assert len(trace(plots.residuals(model, data, "exact"), "row").x) == 5
    for draw in (plots.quantiles, plots.scale_location, plots.leverage):
        assert len(trace(draw(model, data, "rough"), "row").x) == 5
        with refused("fitted-exactly", "exact"):
            draw(model, data, "exact")


def test_with_one_degree_of_freedom_no_row_has_a_quantile():
    data = {"x": [1.0, 2, 4], "y": [1.0, 3, 2]}
    with refused("single-freedom-left"):
        plots.quantiles(gradline.fit(data, "y"), data)


# From a model or moments


def test_every_figure_hangs_on_a_model_or_on_moments(model):
    def figures(accessor):
        return {name for name, _ in inspect.getmembers(accessor, inspect.isfunction) if name[0] != "_"}

    assert figures(ModelPlots) | figures(MomentsPlots) == set(plots.__all__) == set(dir(plots))
    assert isinstance(model.plot, ModelPlots)
    assert isinstance(model.moments.plot, MomentsPlots)


@pytest.mark.parametrize("init", ["zeros", "linear"])
@pytest.mark.parametrize("lr", [LR, "auto"])
def test_the_path_of_a_trained_model_is_its_history(lr, init):
    solver = gradline.GradientDescent(lr=lr, epochs=40, momentum=0.5, init=init, seed=3)
    model = gradline.fit("example:crops", TARGETS, solver=solver)
    curve = trace(model.plot.loss_curve(), "loss")
    np.testing.assert_allclose(curve.y, [record.loss for record in model.history], rtol=1e-9)
    last = [trace(model.plot.weight_curves(target="oranges"), name).y[-1] for name in ("temp ", "bias ")]
    assert len(last) == 2
    assert len(trace(model.plot.loss_curve(5), "loss").y) == 6
    assert model.plot.gap().data[0].y[-1] == pytest.approx(model.certificate.gap, rel=1e-6, abs=1e-9)
    assert len(model.plot.loss_surface().data[1].x) == 41


def test_models_without_a_path_say_so(model, named):
    with refused("path-not-by-descent"):
        model.plot.loss_curve()
    batches = gradline.SGD(lr="auto", epochs=2, batch_size=5)
    with refused("path-of-mini-batches"):
        gradline.fit(named, ["u", "v"], solver=batches).plot.gap()
    given = gradline.GradientDescent(lr=LR, epochs=2, init=(np.ones((2, 3)), np.ones(2)))
    with refused("path-start-unknown"):
        gradline.fit("example:crops", TARGETS, solver=given).plot.loss_surface()


def test_accessors_hand_everything_on(model, named):
    plot, moments = model.plot, model.moments
    assert plot.fitted(named, "v", "b", 9) == plots.fitted(model, named, "v", "b", 9)
    assert plot.product(named, 3) == plots.product(model, named, 3)
    assert plot.predictions(named, "v", 7) == plots.predictions(model, named, "v", 7)
    assert plot.coefficients(0.8) == plots.coefficients(model, 0.8)
    for name in ("residuals", "quantiles", "scale_location", "leverage"):
        assert getattr(plot, name)(named, "v") == getattr(plots, name)(model, named, "v")
    assert moments.plot.rates(0.5, False) == plots.rates(moments, 0.5, False)
    assert moments.plot.ridge_path("v") == plots.ridge_path(moments, "v")
    assert plot.table(named, 3) == plots.table(model, named, 3)
    assert plot.rules(named, "v") == plots.rules(model, named, "v")
    assert plot.split(named, named, "v", "b", 9) == plots.split(model, named, named, "v", "b", 9)
    steps = (np.zeros((2, 3)), [0.0, 0.0], "a", "v", 3)
    assert moments.plot.rate_steps(*steps) == plots.rate_steps(moments, *steps)
    at = (model.weight, model.bias, "a", "v")
    assert moments.plot.loss_against(*at) == plots.loss_against(moments, *at) == plot.loss_against("a", "v")


# Looks

HOSTILE = [
    "<b>bold</b>",
    '<a href="javascript:alert(1)">link</a>',
    "%{x} $a$ {y}",
    "line\nbreak\t<br>",
    "שלום &lt;" + "w" * 200,
]


@pytest.fixture(scope="module")
def hostile():
    """A model of hostile names and its table; of one feature, of two, and of all."""
    random = np.random.default_rng(1)
    data = {name: random.normal(size=12) for name in HOSTILE}
    features = HOSTILE[:4]
    return data, [gradline.fit(data, HOSTILE[4:], features=features[:k]) for k in (1, 2, 4)]


def drawn_from(data, models) -> Iterator[Any]:
    """Every kind of figure."""
    model = models[-1]
    path = gradline.Trajectory(model.moments, 0.01)
    yield from (plots.fitted(each, data) for each in models)
    yield plots.fitted(model, data, feature=model.features[0])
    yield from (draw(model, data) for draw in (plots.product, plots.predictions))
    for draw in (plots.residuals, plots.quantiles, plots.scale_location, plots.leverage):
        yield draw(model, data)
    for draw in (plots.loss_curve, plots.weight_curves, plots.gap, plots.loss_surface):
        yield draw(path, 2000)
    yield plots.loss_against(model.moments, model.weight, model.bias, model.features[1])
    yield plots.rate_steps(model.moments, model.weight + 1, model.bias, model.features[1])
    yield plots.split(model, data, data)
    yield from (draw(model, data) for draw in (plots.table, plots.rules))
    one = gradline.fit(
        data, model.targets, features=model.features[:1], solver=gradline.GradientDescent(), holdout=0.2
    )
    yield from (one.plot.losses(), one.plot.loss_bowl())
    chosen = gradline.fit(
        data, model.targets, features=model.features, penalty=gradline.CrossValidated(l1_ratio=1.0, folds=3)
    )
    yield from (chosen.plot.alpha_errors(), chosen.plot.alpha_path())
    yield from (plots.rates(model.moments), plots.coefficients(model), plots.ridge_path(model.moments))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in ("template", "bdata", "scene"):
                yield from strings(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from strings(part)


@pytest.fixture(scope="module")
def drawn(hostile):
    return list(drawn_from(*hostile))


OURS = re.compile(r"</?b>|<br>|<extra></extra>|%\{(x|y|z|customdata|text)(\[\d\])?(:[^}]*)?\}")


def test_names_are_text_in_every_figure(drawn):
    for figure in drawn:
        plain = figure.to_plotly_json()
        said = [*strings(plain["data"]), *strings(plain["layout"])]
        for text in said:
            rest = OURS.sub("", text)
            assert "<" not in rest, text
            assert not set("{$") & set(rest), text
            assert not set("\n\t") & set(text), text
            assert "w" * 120 not in text
        for axis in ("xaxis", "yaxis", "zaxis"):  # of a 3-D figure, which has no entities
            name = figure.layout.scene[axis].title.text or ""
            assert not re.search("<[^\u200b]", name)


def test_a_label_shows_the_name_itself():
    for name in HOSTILE[:3]:
        assert html.unescape(label(name)) == name
    assert label("a\r\nb\u2028c") == "a  b c"
    assert html.unescape(label("שלום")) == "\u2068שלום\u2069"
    assert len(label("w" * 200)) == 40
    assert label("w" * 200).endswith("…")
    assert label("emoji 🍎") == "emoji 🍎"


def test_every_figure_says_what_it_shows_and_names_its_axes(drawn):
    for figure in drawn:
        assert figure.layout.title.text
        assert figure.layout.title.subtitle.text
        flat = {trace.type for trace in figure.data} & {"scatter", "contour"}
        if flat and len(figure.data) < 8:
            for axes in (figure.select_xaxes(), figure.select_yaxes()):
                for axis in axes:
                    assert axis.title.text or axis.ticktext
        for trace_ in figure.data:
            assert trace_.type == "table" or trace_.hovertemplate or trace_.hoverinfo == "skip"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("ground", ["#FFFFFF", "#121212"])
def test_marks_stand_out_in_light_and_in_dark(ground):
    """WCAG 2.2: 3:1 for marks, and for text as much as one grey can have on both grounds."""
    for colour, least in [*((c, 3.0) for c in (*COLORS, RED)), (NEUTRAL, 4.0)]:
        high, low = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= least, colour


def test_thirty_six_curves_differ_and_six_of_them_without_colour():
    styles = [(line(i)["color"], line(i)["dash"]) for i in range(36)]
    assert len(set(styles)) == 36
    for k in range(0, 36, 6):
        assert len({line(i)["dash"] for i in range(k, k + 6)}) == 6
        assert len({marker(i)["symbol"] for i in range(k, k + 6)}) == 6


def test_plotly_is_loaded_with_the_first_figure_only(gradline_process):
    assert gradline_process("import gradline.plots") == "False"
    assert gradline_process("import gradline.plots; gradline.plots.rates") == "True"


@pytest.fixture
def gradline_process():
    """Whether Plotly is loaded after some statements."""
    import subprocess

    def run(statements):
        program = f"import sys; {statements}; print('plotly' in sys.modules)"
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()

    return run
