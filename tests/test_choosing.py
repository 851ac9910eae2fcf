"""scikit-learn's face of choosing alpha: the same errors, alphas and coefficients as scikit-learn's, from its folds."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

from gradline import Moments
from gradline.linear_model import ElasticNetCV, LassoCV, LassoLarsIC, RidgeCV, enet_path, lasso_path

peers: Any = linear_model  # of no types
ALPHAS = np.geomspace(1e-3, 1e3, 13)
SHAPES = {"tall": (60, 6), "wide": (30, 45)}
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
no_noise = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # at the last digits


def problem(shape: tuple[int, int], targets: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.standard_normal(shape) + 3 * random.standard_normal(shape[1])
    weight = np.where(random.random((shape[1], max(targets, 1))) < 0.4, 1.0, 0.0)
    Y = X @ weight + 2 * random.standard_normal((shape[0], max(targets, 1)))
    return X, Y if targets else Y[:, 0]


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@parametrize_with_checks(
    [RidgeCV(), RidgeCV(cv=3), LassoCV(), ElasticNetCV(), LassoLarsIC(noise_variance=1.0)]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


SPLITTERS = {
    "none": None,
    "number": 4,
    "shuffled": KFold(3, shuffle=True, random_state=1),
    "not all rows": ShuffleSplit(3, random_state=2),
    "in time": TimeSeriesSplit(3),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "pairs": [(np.arange(15), np.arange(15, 30)), (np.arange(10, 30), np.arange(10))],
}


@pytest.mark.numeric
@no_noise
@each_shape
@pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)
def test_lasso_cv_is_scikit_learns(shape, cv):
    X, y = problem(shape)
    settings = {"cv": cv, "alphas": 20, "eps": 0.02}
    ours = LassoCV(**settings, tol=0.0).fit(X, y)
    theirs = peers.LassoCV(**settings, tol=1e-22, max_iter=30_000).fit(X, y)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-4)
    assert 0 <= ours.dual_gap_ <= 1e-10


@pytest.mark.numeric
@no_noise
@pytest.mark.parametrize("settings", [{}, {"fit_intercept": False}, {"positive": True}], ids=str)
def test_elastic_net_cv_chooses_among_ratios(settings):
    X, y = problem((60, 6))
    settings = {**settings, "l1_ratio": [0.2, 0.6, 1.0], "alphas": 15, "cv": 3}
    ours = ElasticNetCV(**settings, tol=0.0).fit(X, y)
    theirs = peers.ElasticNetCV(**settings, tol=1e-22, max_iter=30_000).fit(X, y)
    assert ours.mse_path_.shape == theirs.mse_path_.shape == (3, 15, 3)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    assert (ours.l1_ratio_, ours.alpha_) == (theirs.l1_ratio_, pytest.approx(theirs.alpha_, rel=1e-12))


@pytest.mark.numeric
@no_noise
def test_alphas_may_be_given_and_rows_weighted():
    X, y = problem((60, 6))
    weights = np.random.default_rng(3).uniform(0.5, 2, 60)
    settings = {"alphas": [0.1, 1.0, 0.01], "cv": 3}
    ours = LassoCV(**settings, tol=0.0).fit(X, y, sample_weight=weights)
    theirs = peers.LassoCV(**settings, tol=1e-22).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    thin = LassoCV(**settings).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(thin.mse_path_, LassoCV(**settings).fit(X, y).mse_path_, rtol=1e-9)


@pytest.mark.numeric
@each_shape
@pytest.mark.parametrize("targets", [0, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"fit_intercept": False}, {"scoring": "neg_mean_absolute_error"}], ids=str
)
def test_ridge_cv_by_rows_is_scikit_learns(shape, targets, weighted, settings):
    X, Y = problem(shape, targets)
    weights = np.random.default_rng(3).uniform(0.5, 2, len(X)) if weighted else None
    settings = {**settings, "alphas": ALPHAS, "store_cv_results": True}
    ours = RidgeCV(**settings).fit(X, Y, sample_weight=weights)
    theirs = peers.RidgeCV(**settings).fit(X, Y, sample_weight=weights)
    assert ours.alpha_ == theirs.alpha_
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-8)
    np.testing.assert_allclose(ours.cv_results_, theirs.cv_results_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7, atol=1e-8)


@pytest.mark.numeric
@pytest.mark.parametrize("settings", [{}, {"scoring": "r2"}], ids=str)
def test_ridge_cv_has_an_alpha_for_each_target(settings):
    X, Y = problem((60, 6), 3)
    Y[:, 1] = np.random.default_rng(5).standard_normal(60)
    settings = {**settings, "alphas": ALPHAS, "alpha_per_target": True}
    ours, theirs = RidgeCV(**settings).fit(X, Y), peers.RidgeCV(**settings).fit(X, Y)
    assert (ours.alpha_ == theirs.alpha_).all()
    assert len(np.unique(ours.alpha_)) > 1
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.numeric
@pytest.mark.parametrize("targets", [0, 2])
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", "neg_median_absolute_error"])
@pytest.mark.parametrize("cv", [4, ShuffleSplit(3, random_state=2), TimeSeriesSplit(3)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_cv_by_folds_is_scikit_learns(targets, scoring, cv, weighted):
    if scoring == "neg_median_absolute_error" and targets:
        targets = 0
    X, Y = problem((60, 6), targets)
    weights = np.random.default_rng(3).uniform(0.5, 2, len(X)) if weighted else None
    settings = {"alphas": ALPHAS, "cv": cv, "scoring": scoring}
    ours = RidgeCV(**settings).fit(X, Y, sample_weight=weights)
    theirs = peers.RidgeCV(**settings).fit(X, Y, sample_weight=weights)
    assert ours.alpha_ == theirs.alpha_
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7)


def test_groups_are_split_by_whoever_knows_them():
    X, y = problem((60, 6))
    cv = list(GroupKFold(3).split(X, y, np.repeat(np.arange(6), 10)))
    ours, theirs = (RidgeCV(ALPHAS, cv=cv) if i else peers.RidgeCV(ALPHAS, cv=cv) for i in (1, 0))
    assert ours.fit(X, y).best_score_ == pytest.approx(theirs.fit(X, y).best_score_, rel=1e-9)


@pytest.mark.numeric
@no_noise
@each_shape
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("positive", [False, True])
def test_paths_are_scikit_learns(shape, l1_ratio, positive):
    X, y = problem(shape)
    settings = {"l1_ratio": l1_ratio, "alphas": 25, "eps": 0.01, "positive": positive}
    alphas, coefs, gaps = enet_path(X, y, **settings, tol=0.0)
    told = peers.enet_path(X, y, **settings, tol=1e-13, max_iter=100_000)
    np.testing.assert_allclose(alphas, told[0], rtol=1e-12)
    np.testing.assert_allclose(coefs, told[1], atol=1e-5)
    assert gaps.max() <= 1e-9 * (y @ y) / len(y)
    loose = enet_path(X, y, **settings, tol=1e-3)
    assert loose[2].max() <= 1.01e-3 * (y @ y) / len(y)
    if l1_ratio == 1:
        assert (lasso_path(X, y, alphas=25, eps=0.01, positive=positive, tol=0.0)[1] == coefs).all()


@pytest.mark.numeric
@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "settings", [{}, {"fit_intercept": False}, {"positive": True}, {"noise_variance": 2.0}], ids=str
)
def test_the_criteria_of_the_lasso_are_scikit_learns(criterion, seed, settings):
    X, y = problem((70, 12), seed=seed)
    X[:, 3] += X[:, 4]  # so that some weight leaves on the way
    ours, theirs = (kind(criterion, **settings).fit(X, y) for kind in (LassoLarsIC, peers.LassoLarsIC))
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-8, atol=1e-10)
    # Without negative coefficients scikit-learn's path stops short of its last alpha, as it says itself.
    last = -1 if settings.get("positive") else None
    np.testing.assert_allclose(ours.criterion_[:last], theirs.criterion_[:last], rtol=1e-8)
    assert ours.criterion_[-1] <= theirs.criterion_[-1] * (1 + 1e-12)
    assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-9)
    if last is None:
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    else:
        exact = peers.Lasso(ours.alpha_, positive=True, tol=1e-14) if ours.alpha_ > 1e-6 else None
        exact = (exact or peers.LinearRegression(positive=True)).fit(X, y)
        np.testing.assert_allclose(ours.coef_, exact.coef_, atol=1e-5)


REFUSED = {
    "alphas\\[0\\] == -1": lambda X, y: RidgeCV([-1.0]).fit(X, y),
    "must be > 0": lambda X, y: RidgeCV([0.0]).fit(X, y),
    "store_cv_results=True": lambda X, y: RidgeCV(cv=3, store_cv_results=True).fit(X, y),
    "alpha_per_target=True": lambda X, y: RidgeCV(cv=3, alpha_per_target=True).fit(X, y),
    "not supported for l1_ratio=0": lambda X, y: ElasticNetCV(l1_ratio=0).fit(X, y),
    "MultiTaskLassoCV": lambda X, y: LassoCV().fit(X, np.column_stack([y, y])),
    "either bic or aic": lambda X, y: LassoLarsIC("cp").fit(X, y),
    "give noise_variance": lambda X, y: LassoLarsIC().fit(X[:5], y[:5]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_scikit_learn_refuses_is_refused(words):
    with pytest.raises(ValueError, match=words):
        REFUSED[words](*problem((60, 6)))


@pytest.mark.parametrize("made", [LassoCV(cv=4), RidgeCV(cv=4), RidgeCV(), LassoLarsIC()], ids=str)
def test_all_rows_are_summed_up_once(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = problem((90, 5))
    summed, original = [], Moments.from_rows.__func__  # type: ignore[attr-defined]

    def counted(cls: Any, *given: Any, **options: Any) -> Moments:
        found = original(cls, *given, **options)
        summed.append(found.rows)
        return found

    monkeypatch.setattr(Moments, "from_rows", classmethod(counted))
    made.fit(X, y)
    assert summed.count(len(y)) == 1
