"""The scikit-learn face passes scikit-learn's own checks and agrees with scikit-learn."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from refusals import refused
from sklearn import base, config_context
from sklearn import linear_model as reference
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import gradline
from gradline.core.errors import GradlineWarning
from gradline.linear_model import (
    ElasticNet,
    GradientDescentRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    QuantileRegressor,
    Ridge,
)

BATCHES = GradientDescentRegressor(batch_size=8, epochs=15)  # what is checked hangs on no more epochs


def expected_failures(estimator):
    """Checks that an estimator cannot pass, each with its reason."""
    if estimator.get_params().get("batch_size"):
        reason = "repeating a row changes which rows share a mini-batch"
    elif isinstance(estimator, LinearRegression) and estimator.positive:
        reason = (
            "it has more features than rows, so that many answers are best, and repeated rows lead to another"
        )
    else:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")}


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@parametrize_with_checks(
    [
        LinearRegression(),
        LinearRegression(fit_intercept=False),
        LinearRegression(positive=True),
        GradientDescentRegressor(),
        BATCHES,
        Ridge(),
        Lasso(),
        ElasticNet(),
        HuberRegressor(),
        QuantileRegressor(alpha=0.01),
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=False,  # which of many best answers is found may be the same for repeated rows
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("estimator", [LinearRegression(), GradientDescentRegressor(epochs=2000)])
def test_agrees_with_sklearn(estimator, targets, fit_intercept):
    random = np.random.default_rng(1)
    X = random.normal(5, 2, (40, 3))
    y = X @ random.normal(size=(3, targets)) + random.normal(size=(40, targets)) + 7
    y, weights = (y[:, 0] if targets == 1 else y), random.integers(0, 4, 40)
    ours = estimator.set_params(fit_intercept=fit_intercept).fit(X, y, sample_weight=weights)
    theirs = reference.LinearRegression(fit_intercept=fit_intercept).fit(X, y, sample_weight=weights)
    assert ours.coef_.shape == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    assert ours.certificate_.status == "certified"


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "settings"),
    [("Ridge", {}), ("Lasso", {}), ("ElasticNet", {}), ("Lasso", {"positive": True})],
    ids=["Ridge", "Lasso", "ElasticNet", "Lasso, positive"],
)
def test_penalised_estimators_minimise_what_scikit_learn_does(
    name, settings, weighted, targets, fit_intercept
):
    random = np.random.default_rng(1)
    X = random.normal(1, 2, (40, 6))
    y = X @ random.normal(size=(6, targets)) + random.normal(size=(40, targets)) + 7
    y, weights = (y[:, 0] if targets == 1 else y), random.integers(0, 4, 40) if weighted else None
    ours, theirs = (
        getattr(module, name)(alpha=0.7, fit_intercept=fit_intercept, tol=1e-14, max_iter=100_000, **settings)
        for module in (gradline.linear_model, reference)
    )
    ours.fit(X, y, sample_weight=weights)
    theirs.fit(X, y, sample_weight=weights)
    assert ours.coef_.shape == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7, atol=1e-9)
    assert ours.certificate_.status == "certified"
    assert ours.get_params().keys() - theirs.get_params().keys() == {"formula"}


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "Lasso", "ElasticNet"])
def test_parameters_and_their_defaults_are_scikit_learns(name):
    ours, theirs = (getattr(module, name)().get_params() for module in (gradline.linear_model, reference))
    assert {key: ours[key] for key in theirs} == theirs


def clone(estimator) -> Any:
    """One not yet fitted, of the same settings."""
    return base.clone(estimator)


ESTIMATORS = [LinearRegression(), GradientDescentRegressor(epochs=20), Ridge(), Lasso(), ElasticNet()]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("targets", [0, 1, 2])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_numbers_come_back_as_they_went_in(estimator, targets, kind):
    """float32 gives float32, PyTorch's tensors give such under scikit-learn's dispatch; the values are the same."""
    random = np.random.default_rng(5)
    X, y = random.normal(2, 1, (30, 3)), random.normal(size=(30, targets) if targets else 30)
    X, y = X.astype(kind), y.astype(kind)
    wide = clone(estimator).fit(X.astype(float), y.astype(float))
    here = clone(estimator).fit(X, y)
    with config_context(array_api_dispatch=True):
        there = clone(estimator).fit(torch.asarray(X), torch.asarray(y))
        mixed = clone(estimator).fit(torch.asarray(X), y)
        weighted = clone(estimator).fit(torch.asarray(X), torch.asarray(y), torch.ones(30))
        predicted = there.predict(torch.asarray(X))
    for name in ("coef_", "intercept_"):
        numbers = getattr(here, name)
        assert numbers.dtype == kind
        np.testing.assert_array_equal(numbers, np.asarray(getattr(wide, name)).astype(kind))
        for tensors in (getattr(there, name), getattr(mixed, name)):
            assert isinstance(tensors, torch.Tensor)
            assert str(tensors.dtype) == f"torch.{kind}"
            np.testing.assert_array_equal(tensors, numbers)
    assert here.predict(X).dtype == kind
    assert isinstance(predicted, torch.Tensor)
    rounding = 20 * np.finfo(kind).eps  # of sums of four numbers below 10
    np.testing.assert_allclose(predicted, here.predict(X), atol=rounding)
    np.testing.assert_allclose(weighted.coef_, here.coef_, atol=rounding)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_shapes_are_scikit_learns(estimator):
    random = np.random.default_rng(5)
    X, Y = random.normal(2, 1, (30, 3)), random.normal(size=(30, 2))
    theirs = getattr(reference, type(estimator).__name__, reference.LinearRegression)()
    for y in (Y[:, 0], Y[:, :1], Y):
        ours, known = clone(estimator).fit(X, y), clone(theirs).fit(X, y)
        assert (ours.coef_.shape, ours.intercept_.shape) == (known.coef_.shape, known.intercept_.shape)
        assert isinstance(ours.intercept_, type(known.intercept_))


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_takes_an_alpha_for_each_target(fit_intercept):
    random = np.random.default_rng(5)
    X, Y, alphas = random.normal(2, 1, (30, 3)), random.normal(size=(30, 2)), [0.1, 30.0]
    ours, theirs = (
        module.Ridge(alpha=alphas, fit_intercept=fit_intercept).fit(X, Y)
        for module in (gradline.linear_model, reference)
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    assert [model.certificate.status for model in ours.models_] == ["certified"] * 2
    with pytest.raises(ValueError, match="3 != 2"):
        ours.set_params(alpha=[1, 2, 3]).fit(X, Y)


def test_ransac_knows_ours_for_a_linear_regression():
    random = np.random.default_rng(5)
    X, y = random.normal(2, 1, (60, 3)), np.append(np.zeros(10), np.arange(50.0))
    ours, theirs = (
        clone(reference.RANSACRegressor(module.LinearRegression(), random_state=0)).fit(X, y).estimator_
        for module in (gradline.linear_model, reference)
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)


def test_deficient_data_give_the_least_norm_answer():
    X = np.array([[1.0, 2.0, 7.0], [2.0, 4.0, 7.0], [3.0, 6.0, 7.0], [5.0, 10.0, 7.0]])
    y = np.array([1.0, 2.0, 2.0, 5.0])
    with pytest.warns(GradlineWarning) as told:
        ours = LinearRegression().fit(X, y)
    assert ["x3 has one value" in str(w.message) or "x2 = 2·x1" in str(w.message) for w in told] == [
        True,
        True,
    ]
    theirs = reference.LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-12)
    assert (ours.rank_, ours.certificate_.status) == (1, "rank_deficient")


@pytest.mark.parametrize("targets", [0, 1, 2])
def test_plain_arrays_are_fitted_as_all_others_are(targets):
    random = np.random.default_rng(3)
    X, y = random.normal(2, 1, (20, 3)), random.normal(size=(20, targets) if targets else 20)
    plain = LinearRegression().fit(X, y)
    for other in (np.asfortranarray(X), X.tolist(), X.astype(np.longdouble)):
        checked = LinearRegression().fit(other, y)
        assert vars(checked)["n_features_in_"] == vars(plain)["n_features_in_"] == 3
        np.testing.assert_array_equal(checked.coef_, plain.coef_)
        np.testing.assert_array_equal(checked.intercept_, plain.intercept_)


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["X", "y"])
def test_what_scikit_learn_refuses_is_refused_in_its_words(where, cell):
    X, y = np.ones((20, 3)), np.ones(20)
    (X if where == "X" else y)[4] = cell
    with pytest.raises(ValueError, match=f"Input {where} contains"):
        LinearRegression().fit(X, y)


@pytest.mark.parametrize(("rows", "columns", "targets"), [(20, 3, 19), (0, 3, 0), (20, 0, 20)])
def test_shapes_that_scikit_learn_refuses_are_refused_in_its_words(rows, columns, targets):
    with pytest.raises(ValueError, match=r"inconsistent numbers|0 (sample|feature)\(s\)"):
        LinearRegression().fit(np.ones((rows, columns)), np.ones(targets))


def homes():
    random = np.random.default_rng(3)
    rows = {
        "area": random.gamma(4, 2, 60) + 1,
        "town": random.choice(["A", "B", "C"], 60),
        "sold": [f"20{10 + i % 9}-0{1 + i % 9}-{10 + i % 19}" for i in range(60)],
    }
    return pd.DataFrame(rows), pd.Series(random.random(60), name="price")


@pytest.mark.parametrize("estimator", [LinearRegression, GradientDescentRegressor])
def test_a_formula_makes_the_columns(estimator):
    """`feature_names_in_` are those of the frame, `coef_` those of the terms; folds know the formula."""
    X, y = homes()
    found = estimator(formula="log(area) * town + days(sold)").fit(X, y)
    assert found.feature_names_in_.tolist() == ["area", "town", "sold"]
    assert found.coef_.shape == (6,) == (len(found.model_.features),)
    assert np.array_equal(found.predict(X), found.model_.predict(X)[:, 0])
    wide = estimator(formula="log(area) - 1", fit_intercept=True).fit(X, np.column_stack([y, y]))
    assert wide.intercept_ == 0.0
    assert wide.predict(X).shape == (60, 2)
    with pytest.raises(ValueError, match="feature names"):
        found.predict(X.rename(columns={"town": "city"}))
    assert np.isfinite(cross_val_score(found, X, y, cv=3)).all()


def test_a_formula_equals_that_of_fit_and_has_no_target():
    X, y = homes()
    found = LinearRegression(formula="log(area) * town").fit(X, y, sample_weight=np.arange(60) % 3)
    model = gradline.fit(X, y, formula="log(area) * town", weights=np.arange(60) % 3)
    assert np.array_equal(found.coef_, model.weight[0])
    assert found.intercept_ == model.bias[0]
    with refused("formula-with-target"):
        LinearRegression(formula="log(price) ~ area").fit(X, y)
    with refused("formula-without-names"):
        LinearRegression(formula="area").fit(X[["area"]].to_numpy(), y)
