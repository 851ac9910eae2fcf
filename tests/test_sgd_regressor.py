"""SGDRegressor beside scikit-learn's: the same coefficients where its order of rows is known, and a certificate."""

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from refusals import refused
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDRegressor as Theirs
from sklearn.utils.estimator_checks import parametrize_with_checks

import gradline
from gradline.core.kernels import library
from gradline.linear_model import SGDRegressor
from gradline.solvers import row_descent
from gradline.solvers.row_descent import LOSSES, RATES

NEVER: Any = None  # what scikit-learn calls a run that does not stop before its last pass
PENALTIES = ("l2", "l1", "elasticnet", None)
# scikit-learn's running mean is that of the steps, and forgets what l1 took of the weights.
AVERAGED = [
    (penalty, average)
    for penalty, average in itertools.product(PENALTIES, (False, True, 100))
    if not average or penalty in ("l2", None)
]


def rows(n=60, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(1, 1, (n, 4))
    return X, X @ [1, -2, 0.3, 0] + random.normal(size=n) + 2, random.uniform(0.5, 2, n)


def quietly(make, *data, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make.fit(*data, **more)


def assert_alike(ours, theirs):
    """1e-9 is far beyond rounding of some thousand rows: it is the same arithmetic in another order of terms."""
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-9)
    assert ours.intercept_.shape == theirs.intercept_.shape == (1,)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("penalty", "average"), AVERAGED)
@pytest.mark.parametrize("learning_rate", RATES)
@pytest.mark.parametrize("loss", LOSSES)
def test_rows_in_order_lead_where_scikit_learn_goes(loss, penalty, learning_rate, average, weighted):
    X, y, w = rows()
    for fit_intercept in (True, False):
        settings = {
            "loss": loss, "penalty": penalty, "learning_rate": learning_rate, "average": average,
            "fit_intercept": fit_intercept, "alpha": 0.2 if learning_rate == "optimal" else 0.02, "shuffle": False,
            "max_iter": 40,
        }  # fmt: skip
        ours, theirs = (
            quietly(kind(**settings), X, y, sample_weight=w if weighted else None)
            for kind in (SGDRegressor, Theirs)
        )
        assert_alike(ours, theirs)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("penalty", ["l1", None])
@pytest.mark.parametrize("learning_rate", RATES)
def test_early_stopping_scores_the_rows_that_scikit_learn_holds_out(learning_rate, penalty):
    """With l2 scikit-learn scores weights without the factor that shrinks them, which is not repeated here."""
    X, y, w = rows()
    settings = {
        "learning_rate": learning_rate, "penalty": penalty, "alpha": 0.1, "early_stopping": True, "shuffle": False,
        "validation_fraction": 0.3, "n_iter_no_change": 3, "random_state": 5, "max_iter": 200,
    }  # fmt: skip
    assert_alike(*(quietly(kind(**settings), X, y, sample_weight=w) for kind in (SGDRegressor, Theirs)))


@pytest.mark.parametrize("average", [False, 70])
def test_partial_fits_and_warm_starts_go_on_as_in_scikit_learn(average):
    X, y, _ = rows()
    ours, theirs = (
        kind(shuffle=False, average=average, warm_start=True, max_iter=3, tol=NEVER)
        for kind in (SGDRegressor, Theirs)
    )
    for part in (slice(0, 20), slice(20, 60), slice(0, 60)):
        for one in (ours, theirs):
            one.partial_fit(X[part], y[part])
        assert_alike(ours, theirs)
    ours, theirs = (
        kind(shuffle=False, warm_start=True, max_iter=3, tol=NEVER) for kind in (SGDRegressor, Theirs)
    )
    for _ in range(2):
        assert_alike(ours.fit(X, y), theirs.fit(X, y))
    start = {"coef_init": [1.0, -1.0, 0.0, 0.5], "intercept_init": [1.5]}
    assert_alike(
        *(kind(shuffle=False, max_iter=3, tol=NEVER).fit(X, y, **start) for kind in (SGDRegressor, Theirs))
    )


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_the_mean_is_that_of_the_weights_after_each_row(penalty):
    """By its definition, from runs that end one row later each."""
    X, y, _ = rows(n=12)
    settings = {"penalty": penalty, "alpha": 0.3, "shuffle": False, "max_iter": 1, "tol": NEVER}
    ours = SGDRegressor(average=5, **settings).fit(X, y)
    runs = [quietly(SGDRegressor(**settings), X[:k], y[:k]) for k in range(5, 13)]
    np.testing.assert_allclose(ours.coef_, np.mean([one.coef_ for one in runs], axis=0), rtol=1e-12)
    np.testing.assert_allclose(ours.intercept_, np.mean([one.intercept_ for one in runs], axis=0), rtol=1e-12)


@pytest.mark.parametrize("average", [False, 30])
@pytest.mark.parametrize(("penalty", "learning_rate"), list(itertools.product(PENALTIES, RATES)))
@pytest.mark.parametrize("loss", LOSSES)
def test_every_build_goes_where_numpy_goes(loss, penalty, learning_rate, average):
    X, y, w = rows()
    alpha = 5.0 if learning_rate == "optimal" else 0.1
    settings = {
        "loss": loss,
        "penalty": penalty,
        "learning_rate": learning_rate,
        "alpha": alpha,
        "average": average,
    }
    settings |= {"max_iter": 3, "tol": NEVER}
    found = []
    for build in (None, *library.builds()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(row_descent, "kernels", lambda build=build: build and library.build(build))
            found.append(SGDRegressor(**settings).fit(X, y, sample_weight=w))
    for other in found[1:]:
        np.testing.assert_allclose(other.coef_, found[0].coef_, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(other.intercept_, found[0].intercept_, rtol=1e-11)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_certificate_is_about_scikit_learns_objective(penalty, weighted):
    """Its gap bounds how far that objective, doubled and over the weights, is above the one at the best answer."""
    X, y, w = rows(n=200)
    w = w if weighted else np.ones(len(y))
    ours = quietly(
        SGDRegressor(penalty=penalty, alpha=0.05, l1_ratio=0.4, max_iter=30, tol=NEVER, eta0=0.05),
        X, y, sample_weight=w if weighted else None,
    )  # fmt: skip
    share = {"l2": 0.0, "l1": 1.0, "elasticnet": 0.4, None: 0.0}[penalty]
    alpha = 0.0 if penalty is None else 2 * 0.05 * len(y) / w.sum()

    def objective(weight, bias):
        net = alpha * (share * np.abs(weight).sum() + (1 - share) / 2 * (weight**2).sum())
        return np.average((y - X @ weight - bias) ** 2, weights=w) + net

    best = gradline.fit(X, y, weights=w, penalty=gradline.ElasticNet(alpha, share))
    above = objective(ours.coef_, ours.intercept_) - objective(best.weight[0], best.bias)
    certificate = ours.certificate_
    assert 0 < above <= certificate.gap * (1 + 1e-9)
    assert certificate.gap < 5 * above
    assert (certificate.status, certificate.epochs) == ("stopped", 30)
    assert certificate.lr_limit is None


def test_the_certificate_counts_every_row_seen():
    X, y, _ = rows()
    ours = SGDRegressor(alpha=0.0).partial_fit(X[:30], y[:30]).partial_fit(X[30:], y[30:])
    residual = y - ours.predict(X)
    assert ours.certificate_.loss == pytest.approx((residual**2).mean(), rel=1e-10)
    with refused("certificate-of-other-loss", "huber"):
        _ = quietly(SGDRegressor(loss="huber"), X, y).certificate_


def test_shuffled_rows_come_near_the_same_answer():
    X, y, _ = rows(n=2000)
    ours: Any = SGDRegressor(random_state=1, eta0=0.01, tol=1e-6).fit(X, y)
    theirs: Any = Theirs(random_state=1, eta0=0.01, tol=1e-6).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=0.1)
    again = SGDRegressor(random_state=1, eta0=0.01, tol=1e-6).fit(X, y)
    np.testing.assert_array_equal(ours.coef_, again.coef_)


def test_types_and_sparse_rows():
    X, y, _ = rows()
    single = quietly(SGDRegressor(), X.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    dense, sparse = (quietly(SGDRegressor(), form, y) for form in (X, scipy.sparse.csr_matrix(X)))
    np.testing.assert_array_equal(dense.coef_, sparse.coef_)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"loss": "log_loss"}, "parameter-invalid"),
        ({"penalty": "l0"}, "parameter-invalid"),
        ({"learning_rate": "pa1"}, "parameter-invalid"),
        ({"alpha": -1.0}, "parameter-invalid"),
        ({"alpha": 0.0, "learning_rate": "optimal"}, "alpha-invalid"),
        ({"penalty": "elasticnet", "l1_ratio": 2.0}, "l1-ratio-invalid"),
        ({"penalty": "elasticnet", "l1_ratio": None}, "l1-ratio-invalid"),
        ({"eta0": 0.0}, "eta0-invalid"),
        ({"epsilon": -0.1}, "parameter-invalid"),
        ({"power_t": math.nan}, "parameter-invalid"),
        ({"tol": -1.0}, "parameter-invalid"),
        ({"max_iter": 0}, "parameter-invalid"),
        ({"n_iter_no_change": 0}, "parameter-invalid"),
        ({"validation_fraction": 1.0}, "validation-fraction-invalid"),
        ({"average": -1}, "average-invalid"),
    ],
)
def test_parameters_outside_their_range_are_refused(settings, code):
    X, y, _ = rows()
    with refused(code):
        SGDRegressor(**settings).fit(X, y)


def test_what_a_run_cannot_do_is_said():
    X, y, _ = rows()
    with refused("early-stopping-of-one-pass"):
        SGDRegressor(early_stopping=True).partial_fit(X, y)
    with refused("init-shape"):
        SGDRegressor().fit(X, y, coef_init=[1.0])
    with pytest.raises(ValueError, match="overflow"):
        SGDRegressor(eta0=1e300, learning_rate="constant").fit(X, y)
    with pytest.warns(ConvergenceWarning, match="2 passes"):
        SGDRegressor(max_iter=2).fit(X, y)


def differently(_):
    """What scikit-learn's own class fails as well."""
    why = "rows are visited one by one: a row twice is two steps, and one of weight 2 a longer one"
    return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [SGDRegressor(), SGDRegressor(penalty="l1", average=True, learning_rate="adaptive")],
    expected_failed_checks=differently,
)
def test_sklearn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)
