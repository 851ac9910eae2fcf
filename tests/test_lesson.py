"""The lesson: five ways that agree, mistakes that do what is said of them, the tutorials replayed."""

import ast
import itertools
import json
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from crops import LR, RUNS, X5, Y5
from hypothesis import given, settings
from hypothesis import strategies as st
from known import known
from refusals import refused
from test_tutorials import allowed

import gradline
from gradline.pytorch.lessons.lesson import Lesson, lesson, reported
from gradline.pytorch.lessons.mistakes import MISTAKES
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.sanity import sanity
from gradline.pytorch.lessons.ways import STEPS, WAYS

FULL = [name for name, way in WAYS.items() if not way.loop]


def rows(n=17, p=3, m=2, seed=0):
    """Rows of moderate size, away from zero."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) + random.normal(size=p)
    return X, X @ random.normal(size=(p, m)) + random.normal(size=(n, m)) + 1.0


def last(steps):
    """Weight and bias at the end."""
    *_, step = steps
    return numbers(step.weight), numbers(step.bias)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 12), p=st.integers(1, 3), m=st.integers(1, 3), seed=st.integers(0, 99))
def test_the_full_batch_ways_are_gradient_descent(n, p, m, seed):
    X, Y = rows(n, p, m, seed)
    start = (np.full((m, p), 0.3), np.full(m, -0.1))
    lr = 0.5 * gradline.Trajectory(gradline.Moments.of(X, Y), lr=1.0).lr_limit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)  # few rows
        model = gradline.fit(X, Y, solver=gradline.GradientDescent(lr=lr, epochs=20, init=start))
    for by in FULL:
        for dtype, close in (("float64", 1e-12), ("float32", 1e-5)):
            weight, bias = last(lesson(X, Y, by=by, lr=lr, epochs=20, init=start, dtype=dtype))
            size = max(1.0, np.abs(Y).max())
            np.testing.assert_allclose(weight, model.weight, rtol=close, atol=close * size)
            np.testing.assert_allclose(bias, model.bias, rtol=close, atol=close * size)


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("batch_size", [1, 5, 17])
def test_batches_are_sgd_over_the_same_order(dtype, close, batch_size):
    X, Y = rows()
    steps = list(lesson(X, Y, by="batches", lr=0.01, epochs=4, batch_size=batch_size, dtype=dtype, seed=3))
    start = (np.zeros((2, 3)), np.zeros(2))
    orders = []
    for epoch in range(1, 5):
        order = np.concatenate([step.rows for step in steps if step.epoch == epoch])
        orders.append(tuple(order))
        solver = gradline.SGD(lr=0.01, epochs=1, batch_size=batch_size, shuffle=False, init=start)
        model = gradline.fit(X[order], Y[order], solver=solver)
        start = (model.weight, model.bias)
    assert all(sorted(order) == list(range(17)) for order in orders)
    assert len(set(orders)) == 4
    weight, bias = last(steps)
    np.testing.assert_allclose(weight, start[0], rtol=close, atol=close)
    np.testing.assert_allclose(bias, start[1], rtol=close, atol=close)


@pytest.mark.slow
def test_after_a_thousand_epochs_all_ways_agree_with_scikit_learn():
    """y = 1 + 2x + noise at lr 0.1, as tutorial 003, in six decimals."""
    random = np.random.default_rng(42)
    x = 1.5 * random.random((80, 1))
    y = 1 + 2 * x + 0.1 * random.normal(size=(80, 1))
    for by in FULL:
        one = lesson(x, y, by=by, lr=0.1, epochs=1000, init="normal", dtype="float64")
        *_, step = one
        found = sanity(one, step)
        for part in ("weight", "bias"):
            trained = getattr(found.trained, part)
            np.testing.assert_allclose(trained, getattr(found.sklearn, part), atol=5e-7)
            np.testing.assert_allclose(trained, getattr(found.exact, part), atol=5e-7)


@pytest.mark.parametrize("by", WAYS)
def test_a_step_knows_its_gradient_in_three_ways(by):
    for step in lesson(X5, Y5, by=by, epochs=2, dtype="float64", init="normal"):
        held, formula, differences = step.gradients().values()
        for part in ("weight", "bias"):
            np.testing.assert_allclose(getattr(held, part), getattr(formula, part), rtol=1e-12)
            np.testing.assert_allclose(getattr(differences, part), getattr(formula, part), rtol=1e-8)


@pytest.mark.parametrize("by", WAYS)
def test_a_step_shows_the_five_steps(by):
    steps = list(lesson(X5, Y5, by=by, lr=LR, epochs=2))
    assert [part.name for part in steps[0].parts] == list(STEPS)
    for before, after in itertools.pairwise(steps):
        np.testing.assert_array_equal(numbers(before.weight), numbers(after.weight_before))
    for step in steps:
        assert all(step.said(i) for i in range(1, 6))
        np.testing.assert_allclose(
            numbers(step.weight), numbers(step.weight_before) - LR * numbers(step.weight_gradient), rtol=1e-6
        )
        np.testing.assert_allclose(
            float(step.loss), ((numbers(step.predictions) - Y5[step.rows]) ** 2).mean(), rtol=1e-6
        )


@pytest.mark.slow
def test_the_scripts_print_the_same_numbers_without_gradline(tmp_path):
    made = {}
    for by, dtype in itertools.product(WAYS, ("float32", "float64")):
        one = lesson("example:crops", ["apples", "oranges"], by=by, epochs=30, init="normal", dtype=dtype)
        assert "gradline" not in one.script()
        made[f"{by}_{dtype}.py"] = one
        (tmp_path / f"{by}_{dtype}.py").write_text(one.script())
    program = f"import runpy\nfor name in {list(made)}:\n    print('#', name)\n    runpy.run_path(name)"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for told in done.stdout.split("# ")[1:]:
        one = made[told.splitlines()[0]]
        steps = list(one)
        losses = [f"{loss:.4f}" for loss in reported(one, steps)]
        assert re.findall(r"loss (\S+)", told) == [losses[0], *losses[3::3]]
        for name in ("weight", "bias"):  # the last digit depends on where memory lies
            value = json.loads(re.findall(rf"^{name} (.*)$", told, re.MULTILINE)[0])
            close = 4 * torch.finfo(getattr(torch, one.dtype)).eps
            np.testing.assert_allclose(value, numbers(getattr(steps[-1], name)), rtol=close)


def test_hostile_names_stay_comments():
    names = ["a\nimport os", "b\r# ", '"""']
    tree = ast.parse(lesson(X5, Y5[:, 0], features=names, epochs=1).script())
    imports = [node.names[0].name for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert imports == ["torch"]


# The tutorials, replayed in the ways that they use.


@pytest.mark.slow
@pytest.mark.parametrize("tutorial", RUNS)
def test_a_tutorial_replayed_prints_what_it_printed(tutorial):
    run = RUNS[tutorial]
    one = lesson(X5, Y5, by="autograd", lr=LR, epochs=103, init=(run.weight, run.bias))
    steps = list(one)
    for printed in run.printed:
        step = steps[printed.epoch]  # the state after so many updates is the one before the next
        found = {
            "predictions": step.predictions,
            "loss": step.loss,
            "weight_gradient": step.weight_gradient,
            "bias_gradient": step.bias_gradient,
            "weight": step.weight_before,
            "bias": step.bias_before,
        }[printed.what]
        values = np.asarray(printed.values)
        _, radius = allowed(run, printed.what, printed.epoch)
        rounding = 5e-5 + 40 * np.finfo(np.float32).eps * np.abs(values).max()
        assert (np.abs(numbers(found) - values) <= 2 * radius + rounding).all()


LINEAR_STARTS = {
    "002": ([[0.1304, -0.1898, 0.2187], [0.2360, 0.4139, -0.4540]], [0.3457, 0.3883], 5427.9517),
    "004": ([[-0.1873, 0.3503, -0.3835], [-0.4803, 0.4555, -0.3416]], [-0.1862, 0.0044], 10386.57),
}


@pytest.mark.parametrize("by", ["builtin", "batches"])
@pytest.mark.parametrize("tutorial", LINEAR_STARTS)
def test_the_linear_layers_start_where_they_say(tutorial, by):
    weight, bias, loss = LINEAR_STARTS[tutorial]
    one = lesson("example:crops", ["apples", "oranges"], by=by, lr=LR, epochs=1, init=(weight, bias))
    residual = one.X @ np.transpose(weight) + bias - one.Y
    slopes = 2 * residual.T @ one.X / residual.size, 2 * residual.sum(axis=0) / residual.size
    reach = 5e-5 * sum(np.abs(slope).sum() for slope in slopes)
    assert one.first_loss() == pytest.approx(loss, abs=1.01 * reach + 5e-3)
    assert reach < 0.001 * loss


IPHONE = ([[0.7765, -0.1135, 0.7029]], [0.4655])


def test_001_is_the_shape_mistake():
    """Its three printed losses lie within what its printed start allows of the wrong loss, not of the right one."""
    one = lesson("example:iphone", "sales", by="autograd", lr=1e-5, epochs=3, init=IPHONE, mistake="shape")
    wrong, right = reported(one, list(one)), reported(one.right(), list(one.right()))
    reach = 5e-5 * np.abs(numbers(next(iter(one)).weight_gradient)).sum() + 0.01
    for k, printed in enumerate([3390.0071, 2558.1218, 1931.3949]):
        assert abs(wrong[k] - printed) < reach
        assert abs(right[k] - printed) > 3 * reach
    assert gradline.fit("example:iphone", "sales").training.loss == pytest.approx(9.6427, abs=5e-5)


def test_001_ran_its_last_cell_about_five_times():
    """On 25 pairs training is least squares on the mean of y; the cell makes 2,000 updates at lr 1e-7."""
    data = lesson("example:iphone", "sales")
    mean = gradline.Moments.of(data.X, np.full_like(data.Y, data.Y.mean()))
    three = gradline.Trajectory(mean, 1e-5, init=IPHONE).at(2)
    path = gradline.Trajectory(mean, 1e-7, init=(three.weight, three.bias))
    printed = [f"{path.at(2000 * runs).loss + data.Y.var():.4f}" for runs in range(1, 10)]
    assert printed[0] == "26.5339"
    assert [runs for runs, loss in enumerate(printed, 1) if loss == "16.8275"] == [5, 6, 7]


def test_003_scalar_facts():
    loss = torch.nn.MSELoss(reduction="mean")
    assert float(loss(torch.tensor([0.5, 1.0]), torch.tensor([2.0, 1.3]))) == pytest.approx(1.17)
    random = np.random.default_rng(0)
    x = random.random((80, 1))
    one = lesson(x, 1 + 2 * x, by="autograd", lr=1e-12, epochs=2, init="normal", mistake="zero_grad")
    first, second = one
    np.testing.assert_allclose(numbers(second.bias_gradient), 2 * numbers(first.bias_gradient), rtol=1e-5)


# Mistakes.

CASES = [(name, by) for name, row in MISTAKES.items() for by in row.wrong]
STOPS = {
    "no_grad": "TypeError.*NoneType",
    "in_place": "RuntimeError.*leaf Variable",
    "flat": "RuntimeError.*shapes cannot be multiplied",
    "dtype": "RuntimeError.*same dtype",
    "detach": "RuntimeError.*does not require grad",
    "twice": "RuntimeError.*second time",
    "leaf": "TypeError.*NoneType",
}


@pytest.mark.parametrize(("name", "by"), CASES)
def test_a_mistake_does_what_is_said_of_it(name, by):
    one = lesson(X5, Y5[:, 0], by=by, epochs=6, mistake=name)
    plain = lesson(X5, Y5[:, 0], by=by, epochs=6)
    run = one.compare()
    assert run.lines()
    assert run.cause.endswith(".")
    assert not any(step.error for step in run.right)
    if name in STOPS:
        assert re.search(STOPS[name], known(run.wrong[-1].error))
    else:
        assert len(run.wrong) == len(run.right)
        assert run.wrong[-1].error is None
        assert run.wrong_losses != run.right_losses
    if name not in ("lr", "raw", "scaled_targets", "leak"):  # the mended run is the lesson itself
        assert run.right_losses == reported(plain, list(plain))
    warned = [text for step in run.wrong for text in step.warnings]
    assert any("different to the input size" in text for text in warned) == (
        name == "shape" and by != "autograd"
    )


def test_a_forgotten_zero_grad_is_momentum_one():
    one = lesson(X5, Y5, epochs=40, dtype="float64", mistake="zero_grad", init="normal")
    path = gradline.Trajectory(one.moments, one.lr, 1.0, one.start)
    for step in one:
        np.testing.assert_allclose(numbers(step.weight), path.at(step.epoch).weight, rtol=1e-10)


@pytest.mark.parametrize("by", WAYS)
def test_the_wrong_sign_climbs_at_a_rate_that_descends(by):
    one = lesson(X5, Y5, by=by, epochs=6, mistake="sign")
    losses = reported(one, list(one))
    assert all(a < b for a, b in itertools.pairwise(losses))
    if by != "batches":  # the mirror of a rate: 1 + lr·λ for 1 − lr·λ, by direction
        path = gradline.Trajectory(one.moments, one.lr, init=one.start)
        right = lesson(X5, Y5, by=by, epochs=6)
        assert reported(right, list(right))[-1] == pytest.approx(path.at(6).loss, rel=1e-5)


@pytest.mark.parametrize("by", ["autograd", "builtin", "batches"])
def test_an_early_reset_moves_nothing(by):
    *_, step = lesson(X5, Y5, by=by, epochs=3, mistake="reset_early", init="normal")
    np.testing.assert_array_equal(numbers(step.weight), numbers(step.weight_before))


@pytest.mark.parametrize("by", ["module", "builtin", "batches"])
def test_an_optimiser_of_another_model_moves_nothing_and_gradients_add_up(by):
    steps = list(lesson(X5, Y5, by=by, epochs=3, mistake="other_model", init="normal", dtype="float64"))
    fresh = [step.gradients()["formula"].weight for step in steps]
    np.testing.assert_allclose(numbers(steps[-1].weight_left), np.sum(fresh, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(numbers(steps[-1].weight), numbers(steps[0].weight_before))


@pytest.mark.parametrize("by", ["numpy", "autograd", "module"])
def test_a_frozen_bias_stays_and_the_weights_reach_their_own_optimum(by):
    X, Y = rows(n=30, p=2, m=1)
    one = lesson(X, Y, by=by, lr=0.05, epochs=800, mistake="frozen_bias", init="normal", dtype="float64")
    *_, step = one
    np.testing.assert_array_equal(numbers(step.bias), one.start[1])
    best = np.linalg.lstsq(X, Y - one.start[1], rcond=None)[0].T
    np.testing.assert_allclose(numbers(step.weight), best, rtol=1e-6)


@pytest.mark.parametrize("by", ["autograd", "builtin"])
def test_weight_decay_goes_to_ridge(by):
    X, Y = rows(n=30, p=2, m=1)
    one = lesson(X, Y, by=by, lr=0.05, epochs=400, mistake="decay", dtype="float64")
    path = gradline.Trajectory(one.moments, one.lr, weight_decay=0.1)
    *_, step = one
    np.testing.assert_allclose(numbers(step.weight), path.at(400).weight, rtol=1e-9)


@pytest.mark.parametrize("by", WAYS)
def test_scaled_targets_are_the_same_line_once_scaled_back(by):
    X, Y = rows(n=30, p=2, m=2)
    one = lesson(X, Y, by=by, lr=0.05, epochs=5, mistake="scaled_targets", dtype="float64", batch_size=None)
    *_, step = one
    predictions = X @ numbers(step.weight).T + numbers(step.bias)
    assert step.epoch_loss == pytest.approx(((predictions - Y) ** 2).mean(), rel=1e-12)
    back = predictions * Y.std(axis=0) + Y.mean(axis=0)
    *_, mended = one.right()
    assert mended.epoch_loss == pytest.approx(((back - Y) ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize("by", WAYS)
def test_a_leak_trains_on_the_rows_that_it_validates_with(by):
    X, Y = rows(n=30, p=2, m=1)
    one = lesson(X, Y, by=by, lr=0.05, epochs=4, mistake="leak", dtype="float64")
    for made, count in ((one, 30), (one.right(), 24)):
        steps = list(made)
        assert {int(row) for step in steps for row in step.rows} == set(range(count))
        *_, step = steps
        predictions = X[24:] @ numbers(step.weight).T + numbers(step.bias)
        assert step.epoch_loss == pytest.approx(((predictions - Y[24:]) ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize("by", WAYS)
def test_what_diverges_has_grown_from_its_first_growing_step(by):
    """A loss may fall first and run away later: along a direction that the start hardly touches."""
    X, Y = np.diag([1.0, 8.0]) @ np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[5.0], [8.0001]])
    limit = gradline.Trajectory(gradline.Moments.of(X, Y), lr=1.0).lr_limit
    start = (np.array([[0.0, 1.0]]), np.array([0.0]))
    grows = list(lesson(X, Y, by=by, lr=1.3 * limit, epochs=40, init=start, dtype="float64", shuffle=False))
    falls = list(lesson(X, Y, by=by, lr=0.3 * limit, epochs=40, init=start, dtype="float64", shuffle=False))
    losses = [grows[0].loss_before or 0.0, *(step.epoch_loss or 0.0 for step in grows)]
    first = next(i for i, (a, b) in enumerate(itertools.pairwise(losses)) if b > a)
    assert [step.has_grown for step in grows].index(True) == first
    assert not any(step.has_grown for step in falls)


@pytest.mark.slow
def test_the_shape_mistake_goes_to_the_mean_of_y():
    X, Y = rows(n=9, p=1, m=1)
    one = lesson(X, Y, by="builtin", lr=0.2, epochs=3000, dtype="float64", mistake="shape")
    *_, step = one
    predictions = X @ numbers(step.weight).T + numbers(step.bias)
    np.testing.assert_allclose(predictions, Y.mean(), rtol=1e-6)
    assert step.epoch_loss == pytest.approx(Y.var(), rel=1e-6)


def test_too_large_a_rate_grows_as_predicted():
    one = lesson(X5, Y5, epochs=8, dtype="float64", mistake="lr")
    losses = reported(one, list(one))
    growth = gradline.Trajectory(one.moments, one.lr).spectrum.growth(one.lr)
    assert losses[-1] / losses[-2] == pytest.approx(growth**2, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"by": "magic"}, ("way-invalid", "magic", "numpy, autograd")),
        ({"lr": -1.0}, ("lr-invalid", -1.0)),
        ({"epochs": 0}, ("epochs-invalid", 0)),
        ({"batch_size": 5}, ("batch-size-of-full-batch", 5, "batches")),
        ({"by": "batches", "batch_size": 0}, ("batch-size-invalid", 0)),
        ({"dtype": "float16"}, ("dtype-invalid", "float16", "float32")),
        ({"mistake": "none"}, ("mistake-invalid", "none", "zero_grad")),
        ({"mistake": "dtype", "dtype": "float64"}, ("mistake-needs-float32",)),
        ({"mistake": "last_batch"}, ("mistake-not-in-this-way", "last_batch", "batches")),
        ({"mistake": "shape"}, ("mistake-needs-one-target", "shape", 2)),
        ({"init": "ones"}, ("init-invalid", "ones", "zeros")),
        ({"seed": -1}, ("seed-invalid", -1)),
        ({"device": "tpu"}, ("device-invalid", "tpu", "cpu")),
    ],
)
def test_what_a_lesson_refuses(arguments, said):
    with refused(*said):
        lesson(X5, Y5, **arguments)


@pytest.mark.parametrize("by", ["autograd", "module", "builtin", "batches"])
def test_the_graph_of_a_step(by):
    one: Lesson = lesson(X5, Y5, by=by)
    drawn = one.graph(next(iter(one)))
    for name in ("weight (2, 3)", "bias (2,)", "inputs (5, 3)"):
        assert name in drawn.svg
    error = one.graph(next(iter(one)), "error")
    assert [node.label for node in error.nodes][-1].startswith("error (5, 2)")
    assert len(one.graph(next(iter(one)), "predictions").nodes) < len(error.nodes) < len(drawn.nodes)
    with refused("graph-of-invalid", "yhat", "predictions"):
        one.graph(next(iter(one)), "yhat")
    with refused("graph-by-numpy"):
        lesson(X5, Y5, by="numpy").graph(next(iter(one)))


def test_rows_for_validation_are_left_for_training_or_the_mistake_is_refused():
    with refused("mistake-needs-rows", "leak", 2, 1):
        lesson(X5[:1], Y5[:1], mistake="leak")
