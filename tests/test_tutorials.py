"""The tutorials replayed: every number that they print along full-batch training, from their printed starts."""

import functools
import itertools

import numpy as np
import pytest
from crops import EPOCHS_003, LR, PATHS_003, RUNS, SKLEARN_003, X5, Y5
from scipy.optimize import least_squares

import gradline
from gradline.data.design import DesignSpec, Number
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


@pytest.mark.parametrize("digits", PATHS_003)
def test_003_without_its_data(digits):
    """Four numbers, the means of x, x², y and xy, fitted to the printed updates reproduce all of them."""
    points = np.array(PATHS_003[digits])

    def moments(numbers):
        x, deviation, y, slope = numbers  # the four means, told as mean and spread of x, mean of y, slope
        n, design = 80.0, DesignSpec((Number("x"),), ("y",))
        statistics = RowStatistics(80, n, np.array([x, y]), np.zeros(2), np.zeros(2), np.ones(2))
        root = np.sqrt(n) * abs(deviation)
        return gradline.Moments(design, statistics, np.array([[root, root * slope], [0.0, 1.0]]))

    def path(numbers):
        (b, w), rest = points[0], moments(numbers)
        trajectory = gradline.Trajectory(rest, lr=0.1, init=(np.array([[w]]), np.array([b])))
        found = [trajectory.at(epoch) for epoch in EPOCHS_003]
        return np.array([(p.bias[0], p.weight[0, 0]) for p in found])

    unit = 10.0**-digits
    fitted = least_squares(lambda numbers: ((path(numbers) - points) / unit).ravel(), [0.5, 0.3, 2.0, 2.0])
    assert np.abs(path(fitted.x) - points).max() <= unit
    if digits == 6:  # scikit-learn's printed answer belongs to this run
        answer = gradline.fit(moments(fitted.x))
        np.testing.assert_allclose((answer.bias[0], answer.weight[0, 0]), SKLEARN_003, atol=2e-6)
