"""The path of a penalty: each answer is that of a fit at its alpha, its gap is no less than the true one."""

import math
from dataclasses import replace

import numpy as np
import pytest
from refusals import refused
from sklearn import linear_model as peers

import gradline
from gradline.core.errors import RequestError, UsageError
from gradline.solvers.penalties import ElasticNet

SHAPES = {"tall": (60, 7, 2), "square": (20, 20, 1), "wide": (15, 40, 1)}
FAMILIES = {
    "ridge": ElasticNet(),
    "lasso": ElasticNet(l1_ratio=1.0),
    "elastic net": ElasticNet(l1_ratio=0.4),
    "no negative": ElasticNet(l1_ratio=1.0, positive=True),
}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def problem(shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns far from zero, half of which matter."""
    n, p, m = shape
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, p)) + 10 * random.standard_normal(p)
    weight = np.where(random.random((p, m)) < 0.5, random.standard_normal((p, m)), 0.0)
    return X, X @ weight + random.standard_normal((n, m))


def objective(X, Y, weight, bias, penalty) -> float:
    return float(np.mean((X @ weight.T + bias - Y) ** 2)) + penalty.value(weight)


@pytest.mark.numeric
@each_family
@each_shape
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_each_answer_is_that_of_a_fit_at_its_alpha(family, shape, scale):
    X, Y = problem(shape)
    path = gradline.path(X, Y, penalty=family, alphas=12, scale=scale)
    spread = X.std(axis=0)
    for alpha, weight, bias in zip(path.alphas, path.weight, path.bias, strict=True):
        model = gradline.fit(X, Y, penalty=replace(family, alpha=float(alpha)), scale=scale)
        near = 1e-9 * np.abs(model.weight * spread).max() + 1e-12
        assert np.abs((weight - model.weight) * spread).max() <= near
        assert np.abs(bias - model.bias).max() <= near * 100


@pytest.mark.numeric
@each_family
@each_shape
@pytest.mark.parametrize("tol", [0.0, 1e-3])
def test_the_gap_is_no_less_than_the_true_one_and_keeps_its_promise(family, shape, tol):
    X, Y = problem(shape, 1)
    path = gradline.path(X, Y, penalty=family, alphas=10, tol=tol)
    variation = float(np.mean((Y - Y.mean(axis=0)) ** 2))
    for k, alpha in enumerate(path.alphas):
        penalty = replace(family, alpha=float(alpha))
        best = gradline.fit(X, Y, penalty=penalty)
        at = objective(X, Y, path.weight[k], path.bias[k], penalty)
        least = objective(X, Y, best.weight, best.bias, penalty)
        assert at - least <= path.gap[k] + 1e-14 * at
    # Slopes are known to some 10⁻¹⁵, which the largest weights that the penalty lets be multiply by 1,000 and more.
    assert path.gap.max() <= 2 * tol * variation + 1e-11 * variation


def test_a_looser_path_stops_earlier():
    X, Y = problem((40, 60, 1))
    exact, loose = (gradline.path(X, Y, alphas=20, tol=tol) for tol in (0.0, 1e-3))
    assert exact.gap.max() < 1e-10 < loose.gap.max()


@each_shape
def test_the_first_alpha_leaves_no_weight_and_the_next_leaves_some(shape):
    X, Y = problem(shape)
    path = gradline.path(X, Y, penalty=ElasticNet(l1_ratio=0.7))
    assert np.count_nonzero(path.weight[0]) == 0
    assert np.count_nonzero(path.weight[1]) > 0
    lowest = 1e-3 if shape[0] > shape[1] else 1e-2
    assert path.alphas[-1] / path.alphas[0] == pytest.approx(lowest)
    assert len(path.alphas) == 100


def test_ridge_goes_from_where_nothing_is_left_to_where_nothing_is_taken():
    X, Y = problem((60, 7, 1))
    path = gradline.path(X, Y, penalty=ElasticNet())
    free = gradline.fit(X, Y).weight
    assert path.freedom[0, 0] - 1 <= 7 * 0.01
    assert path.freedom[-1, 0] - 1 >= 7 * 0.99
    assert (
        np.abs(path.weight[-1] - free).max()
        <= 0.011 * np.linalg.norm(free * X.std(axis=0)) / X.std(axis=0).min()
    )


def test_degrees_of_freedom_are_the_trace_of_what_takes_targets_to_predictions():
    X, Y = problem((30, 6, 1))
    A, n = X - X.mean(axis=0), 30
    path = gradline.path(X, Y, penalty=ElasticNet(l1_ratio=0.5), alphas=8)
    for alpha, weight, freedom in zip(path.alphas, path.weight[:, 0], path.freedom[:, 0], strict=True):
        used = A[:, weight != 0]
        bend = alpha * 0.5 * n / 2
        hat = used @ np.linalg.solve(used.T @ used + bend * np.eye(used.shape[1]), used.T)
        assert freedom == pytest.approx(1 + np.trace(hat), abs=1e-9)


def test_criteria_are_what_they_are_defined_as():
    X, Y = problem((50, 5, 2))
    path = gradline.path(X, Y, alphas=9)
    n = 50
    for k in range(9):
        ssr = ((X @ path.weight[k].T + path.bias[k] - Y) ** 2).sum(axis=0)
        df = path.freedom[k]
        assert path.aic[k] == pytest.approx(n * np.log(2 * math.pi * ssr / n) + n + 2 * df, rel=1e-10)
        assert path.bic[k] == pytest.approx(
            n * np.log(2 * math.pi * ssr / n) + n + math.log(n) * df, rel=1e-10
        )
        assert path.gcv[k] == pytest.approx(n * ssr / (n - df) ** 2, rel=1e-10)
        noise = [((peers.LinearRegression().fit(X, y).predict(X) - y) ** 2).sum() / (n - 6) for y in Y.T]
        assert path.cp[k] == pytest.approx(ssr / noise - n + 2 * df, rel=1e-8, abs=1e-7)


def test_at_no_penalty_the_criteria_are_those_of_the_fit():
    X, Y = problem((50, 5, 1))
    path = gradline.path(X, Y, alphas=[0.0])
    fitted = gradline.fit(X, Y).inference
    assert path.aic[0] == pytest.approx(fitted.aic)
    assert path.bic[0] == pytest.approx(fitted.bic)


@pytest.mark.parametrize("alphas", [[], [-1.0], [math.nan], 0])
def test_alphas_that_are_none_are_refused(alphas):
    X, Y = problem((20, 3, 1))
    with refused("alphas-invalid", kind=RequestError):
        gradline.path(X, Y, alphas=alphas)


@pytest.mark.parametrize("setting", [{"scale": "auto"}, {"tol": -1.0}], ids=str)
def test_settings_that_are_none_are_refused(setting):
    X, Y = problem((20, 3, 1))
    with pytest.raises(UsageError):
        gradline.path(X, Y, **setting)
