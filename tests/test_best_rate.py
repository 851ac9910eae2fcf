"""The rate that `lr="auto"` takes: no other constant one leaves less loss after the epochs asked for."""

import warnings

import numpy as np
import pytest
import sklearn.datasets
import statsmodels.datasets
from mpmath import mp, mpf
from sklearn.exceptions import ConvergenceWarning

import gradline
from gradline import GradientDescent, Moments, Trajectory
from gradline.core.errors import GradlineWarning
from gradline.core.text import number, rate
from gradline.linear_model import GradientDescentRegressor, LinearRegression
from gradline.model.best_after import BestAfter, settling
from gradline.solvers.best_rate import best_rate
from gradline.solvers.heavy_ball import progress
from gradline.solvers.problem import Problem, Scaling, stacked
from gradline.solvers.spectrum import Spectrum

_STATSMODELS = """
    anes96 cancer ccard committee copper cpunish engel fair heart longley modechoice randhie scotland spector stackloss
    star98 statecrime strikes
"""
REAL = {
    **dict.fromkeys(["diabetes", "breast_cancer", "wine", "iris", "digits", "linnerud"], sklearn.datasets),
    **dict.fromkeys(_STATSMODELS.split(), statsmodels.datasets),
}


def real(name):
    """X (n, p) and Y (n, m) of a data set, without columns that do not vary and rows with missing cells."""
    home = REAL[name]
    if home is sklearn.datasets:
        X, Y = getattr(home, f"load_{name}")(return_X_y=True)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = getattr(home, name).load()
        X, Y = data.exog, data.endog
    X, Y = (np.asarray(part, float).reshape(len(part), -1) for part in (X, Y))
    return X[:, np.ptp(X, axis=0) > 0], Y


def heavy_ball(A, Y, lr, momentum, epochs):
    """The mean squared error after a loop from zeros, for rates lr (K,) at once."""
    theta = np.zeros((len(lr), A.shape[1], Y.shape[1]))
    velocity = np.zeros_like(theta)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(epochs):
            velocity = momentum * velocity + 2 / Y.size * A.T @ (A @ theta - Y)
            theta = theta - lr[:, None, None] * velocity
        losses = ((A @ theta - Y) ** 2).mean(axis=(1, 2))
    return np.where(np.isfinite(losses), losses, np.inf)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 25])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_no_rate_of_a_thousand_leaves_less_in_a_loop(momentum, epochs):
    random = np.random.default_rng(epochs)
    X = random.normal(size=(40, 3)) @ random.normal(size=(3, 3)) + random.normal(size=3)
    Y = X @ random.normal(size=(3, 2)) + random.normal(size=(40, 2)) + 3
    model = gradline.fit(X, Y, solver=GradientDescent(epochs=epochs, momentum=momentum))
    A = np.column_stack([np.ones(40), (X - X.mean(axis=0)) / X.std(axis=0)])
    limit = 2 * (1 + momentum) / np.linalg.eigvalsh(2 / Y.size * A.T @ A)[-1]
    rates = np.concatenate([np.linspace(0, limit, 800)[1:], limit * np.geomspace(1e-6, 1, 200)])
    least = heavy_ball(A, Y, rates, momentum, epochs).min()
    (mine,) = heavy_ball(A, Y, np.array([model.settings["lr"]]), momentum, epochs)
    assert model.training.loss == pytest.approx(mine, rel=1e-9)
    assert mine <= least * (1 + 1e-12)
    assert model.settings["lr"] < limit


@pytest.mark.parametrize("seed", range(4))
def test_among_many_valleys_the_lowest_is_found(seed):
    """Directions of wildly unlike curvature and size, whose errors swing: no rate of 24,000 is better."""
    random = np.random.default_rng(seed)
    for _ in range(15):
        r, epochs = random.integers(1, 8), int(random.choice([5, 20, 50, 100, 300]))
        momentum = float(random.choice([0.01, 0.5, 0.9, 0.95, 0.99, 0.999]))
        x, y = 10 ** random.uniform(-random.choice([0.5, 1, 2, 4]), 0, r), 10 ** random.uniform(-3, 3, r)
        problem = Problem.of(Moments.of(np.diag(x), y), None, False, Scaling.none(int(r)))
        curvatures, limit = 2 / r * x**2, problem.spectrum.lr_limit(momentum)

        def left(lr, curvatures=curvatures, momentum=momentum, epochs=epochs, y=y):
            return progress(lr[:, None] * curvatures, momentum, epochs).left ** 2 @ y**2

        even = np.linspace(0, 1, 16_001)[1:-1]
        ends = np.geomspace(1e-6, 1, 4001)[:-1]
        least = left(limit * np.concatenate([even, ends, 1 - ends])).min()
        (mine,) = left(np.array([best_rate(problem, np.zeros((r, 1)), epochs, momentum)]))
        assert mine <= least * (1 + 1e-3) + 1e-9 * y @ y, (r, epochs, momentum)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", REAL)
def test_on_real_data_no_rate_of_sixty_leaves_1_percent_less(name, momentum):
    """After 10, 100 and 1,000 epochs; all features, several targets where there are, row weights, and no bias."""
    X, Y = real(name)
    w = np.random.default_rng(0).uniform(0.1, 2, len(X))
    pairs = np.column_stack([Y, X[:, 0]]), X[:, 1:] if X.shape[1] > 1 else X
    cases = [(X, Y, None, True), (X, Y, None, False), (X, Y, w, True), (*pairs[::-1], None, True)]
    for case, (inputs, targets, weights, bias) in enumerate(cases):
        moments = Moments.of(inputs, targets, weights=weights)
        scaling = Scaling.standard(moments, bias)
        problem = Problem.of(moments, None, bias, scaling)
        start, view, curvatures = (
            stacked(None, problem.moments, bias),
            problem.moments,
            problem.spectrum.curvatures,
        )
        half = np.geomspace(1e-3, 0.5, 31)
        sixty = problem.spectrum.lr_limit(momentum) * np.concatenate([half, 1 - half[:-2]])
        sizes = ((problem.spectrum.left.T @ (problem.factor.A @ start - problem.factor.B)) ** 2).sum(axis=1)
        for epochs in (10, 100, 1000):
            left = progress(sixty[:, None] * curvatures, momentum, epochs).left
            other = float(sixty[(left**2 @ sizes).argmin()])
            lr = float(best_rate(problem, start, epochs, momentum))
            mine, least = (Trajectory(view, one, momentum, bias=bias).at(epochs).loss for one in (lr, other))
            assert mine <= least * (1 + 1e-3) + 1e-25 * problem.value(start), (case, epochs)


def test_one_epoch_is_the_exact_line_search():
    """Cauchy 1847: lr = g·g/(g·H·g), or the stable limit where that is less."""
    for name, limited in (("stackloss", False), ("diabetes", True)):
        X, Y = real(name)
        Z = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
        g, H = -2 / len(Y) * Z.T @ Y[:, 0], 2 / len(Y) * Z.T @ Z
        lr, limit = g @ g / (g @ H @ g), 2 / np.linalg.eigvalsh(H)[-1]
        assert (lr > limit) == limited
        model = gradline.fit(X, Y, solver=GradientDescent(epochs=1))
        assert model.settings["lr"] == pytest.approx(min(lr, limit * (1 - 1e-6)), rel=1e-12)


@pytest.mark.parametrize("epochs", [2, 100, 10**6, 10**12])
def test_without_momentum_the_slope_vanishes_there(epochs):
    """In 60-digit arithmetic: Σ sᵢ·λᵢ·(1 − lr·λᵢ)^(2N−1) changes its sign within a billionth of the rate."""
    moments = Moments.of("example:crops", ["apples", "oranges"])
    problem = Problem.of(moments, None, True, Scaling.standard(moments, True))
    start = stacked(None, problem.moments, True)
    lr = best_rate(problem, start, epochs)
    A, B, _ = problem.factor
    sizes = ((problem.spectrum.left.T @ (A @ start - B)) ** 2).sum(axis=1)
    with mp.workdps(60):
        below, above = (
            sum(
                mpf(s) * mpf(a) * (1 - mpf(lr) * (1 + sign * mpf("1e-9")) * mpf(a)) ** (2 * epochs - 1)
                for s, a in zip(sizes.tolist(), problem.spectrum.curvatures.tolist(), strict=True)
            )
            for sign in (-1, 1)
        )
        assert above < 0 < below


def test_for_ever_more_epochs_it_is_the_rate_that_finishes_first():
    moments = Moments.of("example:crops", ["apples", "oranges"])
    problem = Problem.of(moments, None, True, Scaling.standard(moments, True))
    start, fastest = stacked(None, problem.moments, True), problem.spectrum.best_lr()
    away = [abs(best_rate(problem, start, epochs) / fastest - 1) for epochs in (10, 10**3, 10**5, 10**15)]
    assert sorted(away, reverse=True) == away
    assert away[-1] < 1e-12


@pytest.mark.parametrize("momentum", [0.0, 1e-300, 1e-9, 0.9, 1 - 1e-12])
@pytest.mark.parametrize("epochs", [1, 30])
def test_where_the_start_has_nothing_to_lose_along_the_largest_direction_the_limit_holds(momentum, epochs):
    problem = Problem.of(Moments.of([[1e3], [-1e3]], [1.0, 1.0]), None, True, Scaling.none(1))
    lr, limit = best_rate(problem, np.zeros((2, 1)), epochs, momentum), problem.spectrum.lr_limit(momentum)
    assert 0.999 * limit < lr < limit


def test_where_nothing_is_left_at_many_rates_none_at_an_end_is_taken():
    moments = Moments.of("example:crops", ["apples", "oranges"])
    problem = Problem.of(moments, None, True, Scaling.standard(moments, True))
    lr = best_rate(problem, stacked(None, problem.moments, True), 10**9, 0.9)
    assert Trajectory(problem.moments, lr, 0.9).at(10**9).gap == 0
    assert 0.05 < lr / problem.spectrum.lr_limit(0.9) < 0.95


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_starts_that_are_the_optimum_and_no_epochs_take_the_fastest_rate(momentum):
    X, Y = [[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0]
    problem = Problem.of(Moments.of(X, Y), None, True, Scaling.none(1))
    fastest = problem.spectrum.best_lr(momentum)
    optimum = stacked(([[0.0]], [1.0]), problem.moments, True)
    assert best_rate(problem, stacked(None, problem.moments, True), 0, momentum) == fastest
    assert 0 < best_rate(problem, optimum, 10, momentum) <= problem.spectrum.lr_limit(momentum)


def test_a_given_start_is_taken_into_account():
    """From a start that is wrong along one direction alone, one epoch at 1/λ of that direction arrives."""
    moments = Moments.of("example:crops", ["apples", "oranges"])
    exact = gradline.fit(moments)
    spectrum = Spectrum.of(moments)
    for i, curvature in enumerate(spectrum.curvatures):
        theta = np.vstack([exact.bias, exact.weight.T]) + 5 * spectrum.directions[:, [i]]
        lr = best_rate(Problem.of(moments, None, True, Scaling.none(3)), theta, 1)
        assert lr == pytest.approx(min(1 / curvature, spectrum.lr_limit()), rel=1e-4)


X, Y = real("breast_cancer")
FAR = "Stopped at epoch 100: the loss is 0.00363 above the best possible, 0.05276"


def test_training_that_stopped_far_away_warns_in_the_words_of_the_summary():
    with pytest.warns(GradlineWarning) as told:
        model = gradline.fit(X, Y, solver=GradientDescent())
    assert [(getattr(one.message, "code", None), str(one.message)) for one in told] == [
        ("training-stopped", FAR)
    ]
    assert told[0].filename == __file__
    assert FAR in " ".join(model.summary().split())


def test_scikit_learn_users_filter_it_by_its_own_class():
    with pytest.warns(ConvergenceWarning) as told:
        GradientDescentRegressor().fit(X, Y[:, 0])
    assert [(getattr(one.message, "code", None), str(one.message)) for one in told] == [
        ("training-stopped", FAR)
    ]
    assert isinstance(told[0].message, GradlineWarning)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    "fit",
    [
        lambda: gradline.fit(X, Y),
        lambda: LinearRegression().fit(X, Y),
        lambda: gradline.fit("example:crops", ["apples", "oranges"], solver=GradientDescent(epochs=60)),
        lambda: gradline.fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0], solver=GradientDescent(epochs=60)),
        lambda: gradline.fit(*real("diabetes"), solver=gradline.SGD()),
    ],
    ids=["exact", "scikit-learn", "near", "perfect", "mini-batches"],
)
def test_what_arrived_or_came_near_does_not_warn(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit()


def test_a_forced_rate_that_ran_away_warns():
    with pytest.warns(GradlineWarning, match=r"^Diverged: ") as told:
        gradline.fit(X, Y, solver=GradientDescent(lr=1.0), force=True)
    assert [getattr(one.message, "code", None) for one in told] == ["training-diverged"]


@pytest.mark.parametrize("epochs", [1, 30, 1000])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_best_after_some_epochs_says_what_the_rate_that_settles_first_has_by_then(momentum, epochs):
    path = Trajectory(Moments.of("example:crops", ["apples", "oranges"]), 1e-6, momentum)
    best = BestAfter.of(path, epochs)
    for lr, loss in ((best.lr, best.loss), (path.best_lr, best.settling_loss)):
        assert Trajectory(path.moments, lr, momentum).at(epochs).loss == loss
    assert all(
        best.loss <= Trajectory(path.moments, lr, momentum).at(epochs).loss * (1 + 1e-9)
        for lr in np.geomspace(1e-3 * path.lr_limit, path.lr_limit, 60)
    )
    typed = rate(best.lr)
    assert f"the best is {typed}: the loss is then {number(best.loss, 4)}" in str(best)
    assert Trajectory(path.moments, float(typed), momentum).at(epochs).loss <= 1.01 * best.loss
    assert "with the rate that settles first" in str(best)


def test_with_momentum_1_no_rate_settles():
    moments = Moments.of("example:crops", ["apples", "oranges"])
    assert settling(Trajectory(moments, 1e-6, 1.0)) == "At no rate do all weights settle."
