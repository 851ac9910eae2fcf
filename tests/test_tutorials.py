"""The tutorials replayed: every number that they print along full-batch training, from their printed starts."""

import functools
import itertools
import re

import numpy as np
import pytest
from commands import command
from crops import EPOCHS_003, LR, PATHS_003, RUNS, SKLEARN_003, X5, Y5
from scipy.optimize import least_squares

import gradline
from gradline.core.torch_draws import randn
from gradline.data.design import DesignSpec, Number
from gradline.data.line import line
from gradline.moments.statistics import RowStatistics

MOMENTS = gradline.Moments.of(X5, Y5)


def observed(what, weight, bias):
    """What a tutorial would print at these coefficients."""
    residual = X5 @ weight.T + bias - Y5
    return {
        "predictions": lambda: residual + Y5,
        "loss": lambda: (residual**2).mean(),
        "weight_gradient": lambda: 2 * residual.T @ X5 / residual.size,
        "bias_gradient": lambda: 2 * residual.sum(axis=0) / residual.size,
        "weight": lambda: weight,
        "bias": lambda: bias,
    }[what]()


@functools.cache
def trained(start, epoch):
    """The coefficients after `epoch` updates from the bytes of (weight, bias), by the solver that really steps."""
    coefficients = np.frombuffer(start).reshape(2, 4)
    init = (coefficients[:, :3], coefficients[:, 3])
    solver = gradline.GradientDescent(lr=LR, epochs=epoch, init=init)
    model = gradline.fit(MOMENTS, solver=solver)
    return model.weight, model.bias


def allowed(run, what, epoch):
    """The centre and radius of what a box around the printed start allows.

    Everything but the loss is affine in the start, so its reach is the sum of the reaches of the eight start
    values; the loss is quadratic, and differences of second order add their own.
    """
    start = np.column_stack([run.weight, run.bias])
    slack = np.broadcast_to([5e-5, 5e-5, 5e-5, run.bias_slack], start.shape)

    def at(shift):
        return np.asarray(observed(what, *trained((start + shift).tobytes(), epoch)))

    units = []
    for i in np.ndindex(start.shape):
        unit = np.zeros_like(start)
        unit[i] = slack[i]
        units.append(unit)
    centre = at(0.0)
    up, down = [at(unit) for unit in units], [at(-unit) for unit in units]
    radius = sum(np.abs(a - b) / 2 for a, b in zip(up, down, strict=True))
    if what == "loss":  # ½·δᵀHδ over the box is at most half the sum of |Hᵢⱼ|·slackᵢ·slackⱼ
        radius += sum(np.abs(a + b - 2 * centre) / 2 for a, b in zip(up, down, strict=True))
        for (i, a), (j, b) in itertools.combinations(enumerate(units), 2):
            radius += np.abs(at(a + b) - up[i] - up[j] + centre)
    return centre, radius


@pytest.mark.parametrize(
    ("tutorial", "printed"),
    [pytest.param(t, p, id=f"{t}-{p.epoch}-{p.what}") for t, run in RUNS.items() for p in run.printed],
)
def test_every_printed_number_lies_in_the_interval_that_its_start_allows(tutorial, printed):
    centre, radius = allowed(RUNS[tutorial], printed.what, printed.epoch)
    values = np.asarray(printed.values)
    # The tutorials computed in float32 and printed four decimals.
    printing = 5e-5 + 8 * np.finfo(np.float32).eps * np.abs(values)
    assert (np.abs(values - centre) <= radius + printing).all()
    assert (radius < 0.01 * np.abs(values).max()).all()  # an interval that excludes something


def moments_003(numbers):
    """80 rows by their mean and spread of x, mean of y, and slope: all that gradient descent sees of them."""
    x, deviation, y, slope = numbers
    n, design = 80.0, DesignSpec((Number("x"),), ("y",))
    statistics = RowStatistics(80, n, np.array([x, y]), np.zeros(2), np.zeros(2), np.ones(2))
    root = np.sqrt(n) * abs(deviation)
    return gradline.Moments(design, statistics, np.array([[root, root * slope], [0.0, 1.0]]))


@functools.cache
def fitted_003(digits):
    """The four numbers that tutorial 003's printed updates determine, in units of their last digit."""
    points = np.array(PATHS_003[digits])

    def path(numbers):
        (b, w), rest = points[0], moments_003(numbers)
        trajectory = gradline.Trajectory(rest, lr=0.1, init=(np.array([[w]]), np.array([b])))
        found = [trajectory.at(epoch) for epoch in EPOCHS_003]
        return np.array([(p.bias[0], p.weight[0, 0]) for p in found])

    unit = 10.0**-digits
    fitted = least_squares(lambda numbers: ((path(numbers) - points) / unit).ravel(), [0.5, 0.3, 2.0, 2.0])
    assert np.abs(path(fitted.x) - points).max() <= unit
    return fitted.x


@pytest.mark.parametrize("digits", PATHS_003)
def test_003_without_its_data(digits):
    """Four numbers, the means of x, x², y and xy, fitted to the printed updates reproduce all of them."""
    fitted = fitted_003(digits)
    if digits == 6:  # scikit-learn's printed answer belongs to this run
        answer = gradline.fit(moments_003(fitted))
        np.testing.assert_allclose((answer.bias[0], answer.weight[0, 0]), SKLEARN_003, atol=2e-6)


@pytest.mark.parametrize("digits", PATHS_003)
def test_003_has_data_as_example_line_draws_them(digits):
    """x uniform on [0, 1), y = 1 + 2x + 0.1·ε, 80 rows: its four numbers lie within four standard errors of that."""
    x, deviation, y, slope = fitted_003(digits)
    root = np.sqrt(80)
    assert abs(x - 1 / 2) < 4 * np.sqrt(1 / 12) / root
    assert abs(deviation**2 - 1 / 12) < 4 * np.sqrt(1 / 180) / root  # the variance of (x − 1/2)² is 1/180
    assert abs(slope - 2) < 4 * 0.1 / (root * deviation)
    assert abs(y - 1 - 2 * x) < 4 * 0.1 / root


@pytest.mark.parametrize("digits", PATHS_003)
def test_003_prints_its_26_points_on_rows_of_the_rule(tmp_path, digits):
    """`gradline fit` from the printed start, on 80 rows of `example line` moved to the four numbers of its data."""
    mean, deviation, mean_y, slope = fitted_003(digits)
    x, y = line()[:80].T
    noise = y - np.polyval(np.polyfit(x, y, 1), x)  # orthogonal to 1 and x, as no four numbers see it
    x = mean + (x - x.mean()) / x.std() * abs(deviation)
    rows = np.column_stack([x, mean_y + slope * (x - mean) + noise])
    np.savetxt(tmp_path / "train.csv", rows, "%.17g", ",", header="x,y", comments="")
    points = np.array(PATHS_003[digits])
    start = f"[[{points[0, 1]}]], [{points[0, 0]}]"
    words = ["train.csv", "-t", "y", "--lr", "0.1", "--epochs", "1000", "--init", start]
    done = command("fit", *words, "--log-every", "1-15, every 100", "--log", "weights", folder=tmp_path)
    assert done.code == 0, done.err
    found = np.array(re.findall(r"b = (\S+), w = (\S+)", done.err), float)
    epochs = [int(epoch) for epoch in re.findall(r"Epoch \[(\d+)/1000\]", done.err)]
    assert [0, *epochs] == EPOCHS_003
    assert len(found) == 26
    assert np.abs(found - points).max() <= 10.0**-digits


def test_003_on_its_gpu_fits_together():
    """Its first gradient and where 1,000 updates led belong to one draw of the rule, from the start of seed 42."""
    (b, w), gradient, end = (
        np.ravel(randn(42, [1, 1], "cuda")),
        np.array([-3.3892, -1.9051]),
        (0.9719, 2.0522),
    )
    far = np.array([b, w]) - end  # gradient = 2·[[1, x̄], [x̄, mean of x²]]·far, as the run has settled
    x = (gradient[0] / 2 - far[0]) / far[1]
    square = (gradient[1] / 2 - x * far[0]) / far[1]
    root = np.sqrt(80)
    assert abs(x - 1 / 2) < 4 * np.sqrt(1 / 12) / root
    assert abs(square - x**2 - 1 / 12) < 4 * np.sqrt(1 / 180) / root
    moments = moments_003([x, np.sqrt(square - x**2), end[0] + end[1] * x, end[1]])
    solver = gradline.GradientDescent(lr=0.1, epochs=1000, init="torch-cuda", seed=42)
    model = gradline.fit(moments, solver=solver)
    np.testing.assert_allclose((model.bias[0], model.weight[0, 0]), end, atol=1e-4)
    assert abs(0.010697497986257076 - 0.01 * 78 / 80) < 4 * 0.01 * np.sqrt(2 / 80)  # the loss that it prints


def test_example_line_is_the_books_table():
    """Godoy's "Deep Learning with PyTorch Step-by-Step", which 003 follows, seeds these draws and prints the answer."""
    assert gradline_fit(line()[:80]) == pytest.approx((1.0235, 1.9690), abs=5e-5)


def gradline_fit(rows):
    """Bias and weight of y on x."""
    model = gradline.fit(rows[:, :1], rows[:, 1])
    return model.bias[0], model.weight[0, 0]
