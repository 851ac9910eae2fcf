"""Inference and diagnostics: against statsmodels, R and fifty digits, the laws they obey, and what is refused."""

import io
import json
import subprocess
import sys
import tarfile
import warnings
from functools import cache
from typing import Any

import mpmath
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
import torch
from known import known
from packaged import package_file
from refusals import expect_shown, refused
from sklearn import datasets

import gradline as package
from gradline import GradientDescent, LinearModel, Moments
from gradline.core.errors import GradlineWarning
from gradline.model.residuals import diagnostics

KINDS = ["HC0", "HC1", "HC2", "HC3"]


def penguins():
    """333 complete penguins: flipper, bill and two dummies for body mass."""
    frame = pl.read_csv(package_file("palmerpenguins", "data/penguins.csv"), null_values="NA").drop_nulls()
    dummies = [frame["species"] == "Chinstrap", frame["species"] == "Gentoo", frame["sex"] == "male"]
    columns = [frame["flipper_length_mm"], frame["bill_length_mm"], *dummies]
    return np.column_stack([c.to_numpy().astype(float) for c in columns]), frame["body_mass_g"].to_numpy()


def from_statsmodels(name):
    data = getattr(sm.datasets, name).load_pandas()
    return np.asarray(data.exog, float), np.asarray(data.endog, float)


@cache
def mtcars():
    """R's 32 cars: miles per gallon by the ten other columns."""
    packed = package_file("pydataset", "resources.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        table = known(archive.extractfile("resources/rdata/csv/datasets/mtcars.csv")).read()
    columns = pl.read_csv(io.BytesIO(table)).drop("").to_numpy().astype(float)
    return columns[:, 1:], columns[:, 0]


def diabetes():
    data: Any = datasets.load_diabetes(scaled=False)
    return data.data, data.target


DATA = {
    "penguins": penguins,
    "diabetes": diabetes,
    "mtcars": mtcars,
    **{
        name: lambda name=name: from_statsmodels(name)
        for name in ("longley", "engel", "stackloss", "statecrime")
    },
}


def design(X, bias):
    return np.column_stack([np.ones(len(X)), X]) if bias else X


def joined(pair, j=0):
    """The figures of target j, the bias first."""
    return pair.weight[j] if pair.bias is None else np.concatenate([pair.bias[j : j + 1], pair.weight[j]])


def same(ours, theirs, rtol=1e-9):
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=rtol)


def assert_estimates(estimates, reference):
    """Errors, t, p and intervals of one target against a result of statsmodels."""
    same(joined(estimates.stderr), reference.bse)
    same(joined(estimates.t), reference.tvalues)
    same(joined(estimates.p_value), reference.pvalues)
    for level in (0.5, 0.95, 0.999):
        same(joined(estimates.interval(level)), reference.conf_int(1 - level))


def assert_inference(inference, reference):
    """Every figure of one target against a result of statsmodels."""
    assert_estimates(inference.estimates, reference)
    pairs = {
        "residual_stderr": np.sqrt(reference.scale),
        "r2": reference.rsquared,
        "adjusted_r2": reference.rsquared_adj,
        "F": reference.fvalue,
        "F_p_value": reference.f_pvalue,
        "log_likelihood": reference.llf,
        "aic": reference.aic,
        "bic": reference.bic,
    }
    for name, value in pairs.items():
        same(getattr(inference, name)[0], value)
    assert inference.freedom == reference.df_resid
    assert inference.reason is None


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", DATA)
def test_every_figure_is_that_of_statsmodels(name, bias):
    X, y = DATA[name]()
    model = package.fit(X, y, bias=bias)
    A = design(X, bias)
    reference = sm.OLS(y, A, hasconst=bias).fit()
    assert_inference(model.inference, reference)
    assert (model.inference.bias_stderr is None) == (not bias)
    if X.shape[1] > 1:
        around = X - X.mean(axis=0) if bias else X
        others = [sm.OLS(x, np.delete(around, j, axis=1), hasconst=False) for j, x in enumerate(around.T)]
        same(model.inference.vif, [1 / (1 - other.fit().rsquared) for other in others])
    bounds = model.predict(X[:4] * 1.1, interval=0.9)
    frame = reference.get_prediction(design(X[:4] * 1.1, bias)).summary_frame(alpha=0.1)
    same(bounds[:, :, 0], frame[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy().T)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", [name for name in DATA if name != "longley"])
def test_robust_errors_and_influence_are_those_of_statsmodels(name, bias):
    X, y = DATA[name]()
    model, groups = package.fit(X, y, bias=bias), np.arange(len(X)) * 7 % 13
    found = diagnostics(model, X, y, clusters=groups)
    reference = sm.OLS(y, design(X, bias), hasconst=bias).fit()
    for kind in KINDS:
        assert_estimates(getattr(found, kind), reference.get_robustcov_results(kind, use_t=True))
    assert_estimates(found.cluster, reference.get_robustcov_results("cluster", groups=groups, use_t=True))
    assert (found.clusters, known(found.cluster).freedom) == (13, 12)
    influence = reference.get_influence()
    same(found.rows.leverage, influence.hat_matrix_diag)
    same(found.rows.cooks_distance[:, 0], influence.cooks_distance[0])
    same(found.rows.internal[:, 0], influence.resid_studentized_internal)
    same(found.rows.external[:, 0], influence.resid_studentized_external)


def fifty_digits(X, y, groups, bias):
    """The definitions, with X and y taken as exact: coefficients, errors by kind, and what each row weighs."""
    mpmath.mp.dps = 50
    A = mpmath.matrix(design(X, bias).tolist())
    Y, (n, q) = mpmath.matrix(y.tolist()), (A.rows, A.cols)
    inverse = (A.T * A) ** -1
    theta = inverse * (A.T * Y)
    residual = Y - A * theta
    rows = [A[i, :] for i in range(n)]
    h = [(a * inverse * a.T)[0] for a in rows]
    variance = sum(r * r for r in residual) / (n - q)
    scores = [residual[i] * rows[i] for i in range(n)]

    def errors(parts, factor=1):
        middle = mpmath.zeros(q)
        for part in parts:
            middle += part.T * part
        covariance = inverse * middle * inverse * factor
        return [mpmath.sqrt(covariance[j, j]) for j in range(q)]

    labels = sorted(set(groups))
    zero = mpmath.zeros(1, q)
    sums = [sum((s for s, g in zip(scores, groups, strict=True) if g == label), zero) for label in labels]
    correction = mpmath.mpf(len(labels)) / (len(labels) - 1) * (n - 1) / (n - q)
    kinds = {
        "classical": [mpmath.sqrt(variance * inverse[j, j]) for j in range(q)],
        "HC0": errors(scores),
        "HC1": errors(scores, mpmath.mpf(n) / (n - q)),
        "HC2": errors([s / mpmath.sqrt(1 - hi) for s, hi in zip(scores, h, strict=True)]),
        "HC3": errors([s / (1 - hi) for s, hi in zip(scores, h, strict=True)]),
        "cluster": errors(sums, correction),
    }
    internal = [r / mpmath.sqrt(variance * (1 - hi)) for r, hi in zip(residual, h, strict=True)]
    influence = {
        "leverage": h,
        "internal": internal,
        "external": [t * mpmath.sqrt((n - q - 1) / (n - q - t * t)) for t in internal],
        "cooks_distance": [t * t / q * hi / (1 - hi) for t, hi in zip(internal, h, strict=True)],
    }
    return list(theta), kinds, influence


def assert_in_fifty_digits(estimates, theta, errors):
    """t and p by the incomplete beta function; an interval ends where the p of its distance is what it leaves out."""

    def p_value(t):
        f = mpmath.mpf(estimates.freedom)
        return mpmath.betainc(f / 2, 0.5, 0, f / (f + t * t), regularized=True)

    t = [value / error for value, error in zip(theta, errors, strict=True)]
    same(joined(estimates.stderr), errors, 1e-12)
    same(joined(estimates.t), t, 1e-12)
    same(joined(estimates.p_value), [p_value(value) for value in t], 1e-9)
    for level in (0.5, 0.95, 0.999):
        for bounds, value, error in zip(joined(estimates.interval(level)), theta, errors, strict=True):
            for sign, bound in zip((-1, 1), bounds, strict=True):
                same(p_value((bound - value) / error), 1 - level)
                assert sign * (bound - value) > 0


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["longley", "stackloss", "mtcars"])
def test_in_fifty_digits(name, bias):
    """On Longley statsmodels itself keeps only eight digits of some of these."""
    X, y = DATA[name]()
    groups = np.arange(len(X)) // 3
    found = diagnostics(package.fit(X, y, bias=bias), X, y, groups)
    theta, kinds, influence = fifty_digits(X, y, groups, bias)
    assert_in_fifty_digits(found.inference.estimates, theta, kinds.pop("classical"))
    for kind, errors in kinds.items():
        assert_in_fifty_digits(getattr(found, kind), theta, errors)
    assert (known(found.HC3).freedom, known(found.cluster).freedom) == (len(X) - len(theta), groups.max())
    for figure, expected in influence.items():
        same(np.ravel(getattr(found.rows, figure)), expected, 1e-11)  # a residual is a difference


def test_influence_is_that_of_r():
    """R's lm.influence for the growth of investment on that of GDP and a lagged interest rate."""
    of_r = json.loads(package_file("statsmodels.stats", "tests/results/influence_lsdiag_R.json"))
    macro: Any = sm.datasets.macrodata.load_pandas().data
    growth = {name: 400 * np.diff(np.log(macro[name].to_numpy())) for name in ("realinv", "realgdp")}
    X, y = np.column_stack([growth["realgdp"], macro["realint"].to_numpy()[:-1]]), growth["realinv"]
    found: Any = diagnostics(package.fit(X, y), X, y)
    same(found.rows.leverage, of_r["hat"])
    same(found.rows.cooks_distance[:, 0], of_r["cooks"])
    same(found.rows.internal[:, 0], of_r["std.res"])
    same(found.rows.external[:, 0], of_r["stud.res"])
    same(found.inference.residual_stderr, of_r["std.dev"])
    covariance = np.array(of_r["cov.scaled"]).reshape(3, 3)
    same(joined(found.inference.estimates.stderr), np.sqrt(np.diag(covariance)))


@pytest.mark.parametrize("bias", [True, False])
def test_precision_weights_are_those_of_wls(bias):
    X, y = diabetes()
    w: Any = np.random.default_rng(0).uniform(0.1, 4, len(X))
    model, A = package.fit(X, y, weights=w, bias=bias), design(X, bias)
    reference = sm.WLS(y, A, weights=w, hasconst=bias).fit()
    found = diagnostics(model, X, y, weights=w, weights_are="precision", clusters=np.arange(len(X)) // 5)
    assert_inference(found.inference, reference)
    without = model.infer("precision")
    assert (without.log_likelihood, without.aic) == (None, None)
    assert "sum of their logarithms" in without.to_dict()["reason"]
    for kind in KINDS:
        same(joined(getattr(found, kind).stderr), reference.get_robustcov_results(kind).bse)
    groups = np.arange(len(X)) // 5
    same(joined(known(found.cluster).stderr), reference.get_robustcov_results("cluster", groups=groups).bse)
    root = np.sqrt(w)
    influence = sm.OLS(y * root, A * root[:, None]).fit().get_influence()
    same(found.rows.leverage, influence.hat_matrix_diag)
    same(found.rows.cooks_distance[:, 0], influence.cooks_distance[0])
    same(found.rows.external[:, 0], influence.resid_studentized_external)


def test_sampling_weights_have_robust_errors_only():
    X, y = diabetes()
    w: Any = np.random.default_rng(1).uniform(0.5, 2, len(X))
    model = package.fit(X, y, weights=w)
    inference = model.infer("sampling")
    assert (inference.estimates, inference.F, inference.log_likelihood) == (None, None, None)
    assert "only robust errors hold" in inference.to_dict()["reason"]
    found = diagnostics(model, X, y, weights=w, weights_are="sampling")
    same(
        joined(found.HC1.stderr), sm.WLS(y, design(X, True), weights=w).fit().get_robustcov_results("HC1").bse
    )
    # A sampling weight has no scale: ten times as large says the same.
    tenfold = diagnostics(package.fit(X, y, weights=10 * w), X, y, weights=10 * w, weights_are="sampling")
    same(joined(known(tenfold.HC3).stderr), joined(known(found.HC3).stderr))
    assert np.isnan(found.rows.internal).all()


@pytest.mark.parametrize("bias", [True, False])
def test_counts_equal_repeated_rows(bias):
    random = np.random.default_rng(2)
    X, y, w = random.normal(3, 1, (30, 3)), random.normal(size=30), random.integers(0, 4, 30)
    groups = np.arange(30) // 3
    every = np.repeat(np.arange(30), w)
    counted = diagnostics(
        package.fit(X, y, weights=w, weights_are="counts", bias=bias), X, y, groups, weights=w
    )
    repeated = diagnostics(package.fit(X[every], y[every], bias=bias), X[every], y[every], groups[every])
    ours, theirs = (d.inference.to_dict() | d.inference.tests() for d in (counted, repeated))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, (list, float)):
            same(ours[name], value, 1e-11)
    for kind in [*KINDS, "cluster"]:
        same(joined(getattr(counted, kind).p_value), joined(getattr(repeated, kind).p_value), 1e-9)
    present = np.repeat(np.arange(np.sum(w > 0)), w[w > 0])
    for ours, theirs in zip(counted.rows, repeated.rows, strict=True):
        same(ours[present], theirs)


def test_units_and_origin_change_no_test_of_a_slope():
    X, y = diabetes()
    random = np.random.default_rng(3)
    units = 10.0 ** random.integers(-6, 6, X.shape[1])
    moved = (X + 1000 * np.ptp(X, axis=0)) * units
    plain, other = diagnostics(package.fit(X, y), X, y), diagnostics(package.fit(moved, y / 7), moved, y / 7)
    same(known(other.inference.t).weight, known(plain.inference.t).weight, 1e-9)
    same(other.inference.vif, plain.inference.vif, 1e-9)
    same(other.inference.F, plain.inference.F, 1e-9)
    for kind in KINDS:
        same(getattr(other, kind).t.weight, getattr(plain, kind).t.weight, 1e-8)
    same(other.rows.cooks_distance, plain.rows.cooks_distance, 1e-6)


def test_every_target_has_the_inference_of_its_own_fit():
    data: Any = datasets.load_linnerud()
    together: Any = diagnostics(package.fit(data.data, data.target), data.data, data.target)
    for j, y in enumerate(data.target.T):
        alone: Any = diagnostics(package.fit(data.data, y), data.data, y)
        same(joined(together.inference.interval(), j), joined(alone.inference.interval()))
        same(together.inference.log_likelihood[j], alone.inference.log_likelihood[0])
        same(joined(together.HC3.stderr, j), joined(alone.HC3.stderr))
        same(together.rows.external[:, j], alone.rows.external[:, 0])


def test_a_saved_model_has_the_same_inference(tmp_path):
    X, y = diabetes()
    model = package.fit(X, y)
    model.save(tmp_path / "m")
    again = package.load(tmp_path / "m")
    assert again.inference.to_dict() == model.inference.to_dict()
    assert again.inference.tests() == model.inference.tests()
    assert (again.predict(X, interval=0.9) == model.predict(X, interval=0.9)).all()
    # Moments that were added up say the same as the rows at once.
    halves = package.fit(Moments.of(X[:200], y[:200]) + Moments.of(X[200:], y[200:]))
    same(joined(halves.inference.t), joined(model.inference.t))


def test_intervals_cover_as_often_as_they_say():
    """400 targets share ten rows: each is one repetition of the experiment."""
    random, repetitions = np.random.default_rng(4), 400
    X, weight, bias = random.normal(5, 2, (10, 2)), random.normal(size=(repetitions, 2)), 3.0
    Y = X @ weight.T + bias + random.normal(size=(10, repetitions))
    model = package.fit(X, Y)
    new = np.array([[4.0, 9.0]])
    y = (new @ weight.T + bias)[0] + random.normal(size=repetitions)
    for level in (0.5, 0.9):
        slack = 4 * np.sqrt(level * (1 - level) / repetitions)
        interval: Any = model.inference.interval(level)
        _, low, high = model.predict(new, interval=level)
        for truth, bounds in (
            (weight[:, 0], interval.weight[:, 0]),
            (np.full(repetitions, bias), interval.bias),
            (y, np.stack([low[0], high[0]], axis=1)),
        ):
            covered = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
            assert abs(covered.mean() - level) < slack
    # Under the null every p-value is as likely as any other.
    null = known(package.fit(X, random.normal(size=(10, repetitions))).inference.p_value).weight[:, 0]
    assert np.abs(np.sort(null) - np.arange(1, repetitions + 1) / repetitions).max() < 0.1


def test_leverages_sum_to_the_number_of_coefficients():
    X, y = diabetes()
    w = np.random.default_rng(5).uniform(0, 3, len(X))
    model = package.fit(X, y, weights=w)
    counted = diagnostics(model, X, y, weights=w, weights_are="counts")
    np.testing.assert_allclose(w @ counted.rows.leverage, 11, rtol=1e-12)
    exact = diagnostics(model, X, y, weights=w, weights_are="precision")
    np.testing.assert_allclose(exact.rows.leverage.sum(), 11, rtol=1e-12)


def test_many_blocks_are_one_table(tmp_path):
    """Clusters and rows spread over blocks, read from a file with a column of text for the clusters."""
    random = np.random.default_rng(6)
    n = 150_000
    X, shop = random.normal(size=(n, 3)), random.integers(0, 40, n)
    y = X @ [1.0, 0, -1] + random.normal(size=40)[shop] * X[:, 0] + random.normal(size=n)
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y, "shop": [f"s{k}" for k in shop]})
    frame.write_parquet(tmp_path / "t.parquet")
    model = package.fit(tmp_path / "t.parquet", "y", exclude=["shop"])
    found = diagnostics(model, tmp_path / "t.parquet", clusters="shop")
    reference = sm.OLS(y, design(X, True)).fit()
    clustered = reference.get_robustcov_results("cluster", groups=shop)
    same(joined(known(found.cluster).stderr), clustered.bse)
    same(joined(known(found.HC3).stderr), reference.get_robustcov_results("HC3").bse)
    assert len(list(found.blocks())) > 1
    same(found.rows.leverage, reference.get_influence().hat_matrix_diag)
    by_number = diagnostics(model, frame.with_columns(shop=pl.Series(shop)), clusters="shop")
    same(joined(known(by_number.cluster).stderr), joined(known(found.cluster).stderr))


@pytest.mark.parametrize("clusters", ["kind", "a"])
def test_a_feature_may_name_the_clusters(clusters):
    random = np.random.default_rng(7)
    kind, a = random.integers(0, 3, 60), random.integers(0, 5, 60).astype(float)
    frame = pl.DataFrame({"kind": [f"k{i}" for i in kind], "a": a, "y": random.normal(size=60)})
    found = diagnostics(package.fit(frame, "y"), frame, clusters=clusters)
    A = np.column_stack([np.ones(60), kind == 1, kind == 2, a]).astype(float)
    groups = {"kind": kind, "a": a.astype(int)}[clusters]
    reference = sm.OLS(frame["y"].to_numpy(), A).fit().get_robustcov_results("cluster", groups=groups)
    sizes = reference.bse > 1e-8  # with a dummy per cluster the scores of a cluster sum to zero
    same(joined(known(found.cluster).stderr)[sizes], reference.bse[sizes])


class TestWhatIsLeftOut:
    """Nothing is said where it would mean nothing, and the reason is."""

    def test_training_that_stopped(self):
        stopped = package.fit("example:crops", "apples", solver=GradientDescent(lr=1e-5, epochs=3))
        self.assert_nothing(stopped, "not-at-optimum", "stopped")

    def test_training_that_diverged(self):
        solver = GradientDescent(lr=1e-3, epochs=5)
        diverged = package.fit("example:crops", "apples", solver=solver, force=True)
        self.assert_nothing(diverged, "not-at-optimum", "diverged")

    def test_a_module_that_is_not_at_the_optimum(self):
        X, y = diabetes()
        linear = torch.nn.Linear(X.shape[1], 1).double()
        self.assert_nothing(LinearModel.from_torch(linear, X, y), "not-at-optimum", "stopped")
        exact = package.fit(X, y)
        adopted = LinearModel.from_torch(exact.to_torch(), X, y)
        same(joined(adopted.inference.t), joined(exact.inference.t))

    def test_no_degree_of_freedom(self):
        X, y = diabetes()
        model = package.fit(X[:3, :2], y[:3])
        self.assert_nothing(model, "no-freedom-left", 3)

    @pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
    def test_an_exact_fit(self, scale):
        X, y = diabetes()
        line = (X @ np.arange(1.0, 11) + 0.1) * scale
        self.assert_nothing(package.fit(X, line), "fitted-exactly", "y")
        both = package.fit(X, np.column_stack([line, y])).inference
        assert both.refusals[0].code == "fitted-exactly"
        expect_shown(both.to_dict()["reason"], ("y1",))
        assert np.isnan(known(both.estimates).weight_stderr[0]).all()
        alone = known(package.fit(X, y).inference.estimates)
        same(known(both.estimates).weight_stderr[1], alone.weight_stderr[0])

    def test_a_target_that_does_not_vary(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GradlineWarning)
            model = package.fit(diabetes()[0], np.full(442, 0.1))
        self.assert_nothing(model, "fitted-exactly", "y")
        assert model.inference.r2 is None

    def assert_nothing(self, model, code, *shown):
        inference = model.inference
        assert inference.refusals[0].code == code
        for name in (
            "estimates",
            "weight_stderr",
            "t",
            "p_value",
            "F",
            "F_p_value",
            "residual_stderr",
            "aic",
            "bic",
        ):
            assert getattr(inference, name) is None
        with refused(code, *shown):
            inference.interval()
        with refused(code, *shown):
            model.predict(np.zeros((1, len(model.features))), interval=0.95)
        with refused(code, *shown):
            diagnostics(model, np.zeros((1, len(model.features))), [0.0])
        assert inference.to_dict()["reason"] == inference.reason
        expect_shown(inference.reason, shown)

    def test_coefficients_that_the_data_do_not_determine(self):
        X, y = diabetes()
        twice = np.column_stack([X[:, 0], X, np.full(len(X), 3.0)])  # age twice, and a constant
        with pytest.warns(GradlineWarning):
            model = package.fit(twice, y)
        inference, plain = model.inference, package.fit(X, y).inference
        assert [refusal.code for refusal in inference.refusals] == ["coefficient-undetermined"]
        assert "bias, x1, x2, x12" in inference.to_dict()["reason"]
        stderr = known(inference.weight_stderr)[0]
        assert np.isnan(stderr).tolist() == [True, True, *[False] * 9, True]
        assert np.isnan(known(inference.bias_stderr)).all()
        same(stderr[2:11], known(plain.weight_stderr)[0][1:])
        same(inference.F, plain.F)
        same(inference.bic, plain.bic)
        same(inference.vif[2:11], plain.vif[1:])
        assert np.isinf(inference.vif[:2]).all()
        assert np.isnan(inference.vif[11])
        rows = twice[:3].copy()
        same(model.predict(rows, interval=0.9), package.fit(X, y).predict(X[:3], interval=0.9))
        rows[1, 0] += 1e-5  # the two ages now differ, and nobody knows what that does
        rows[2, 11] = 4.0
        assert np.isnan(model.predict(rows, interval=0.9)[1, :, 0]).tolist() == [False, True, True]
        robust = known(diagnostics(model, twice, y).HC3)
        plainly = known(diagnostics(package.fit(X, y), X, y).HC3)
        same(robust.weight_stderr[0][2:11], plainly.weight_stderr[0][1:])
        assert np.isnan(robust.weight_stderr[0][:2]).all()

    def test_a_row_that_fixes_a_coefficient_alone(self):
        X, y = diabetes()
        X = np.column_stack([X[:, :2], np.arange(len(X)) == 5])
        found = diagnostics(package.fit(X, y), X, y)
        assert (found.HC2, found.HC3) == (None, None)
        reference = sm.OLS(y, design(X, True)).fit()
        same(joined(found.HC1.stderr)[:3], reference.get_robustcov_results("HC1").bse[:3])
        assert np.isnan(found.rows.cooks_distance[5, 0])
        assert np.isnan(found.rows.cooks_distance).sum() == 1

    def test_requests_that_cannot_be_served(self):
        X, y = diabetes()
        model = package.fit(X, y)
        with refused("weights-are-invalid", "'frequency'"):
            model.infer("frequency")
        for level in (0, 1, 1.5):
            with refused("level-invalid"):
                model.inference.interval(level)
        with refused("not-training-rows", "400", "442"):
            diagnostics(model, X[:400], y[:400])
        with refused("not-training-rows", "442"):
            diagnostics(model, X, y[::-1])
        with refused("rows-do-not-match", "3", "442"):
            diagnostics(model, X, y, clusters=[1, 2, 3])
        with refused("single-cluster"):
            diagnostics(model, X, y, clusters=np.zeros(442))
        with refused("clusters-need-table"):
            diagnostics(model, X, y, clusters="shop")
        with refused("columns-do-not-match", "2", "10"):
            diagnostics(model, X[:, :2], y)
        with refused("column-unknown", "shop"):
            diagnostics(package.fit("example:crops", "apples"), "example:crops", clusters="shop")


def test_a_row_with_a_missing_cell_has_no_bounds():
    model = package.fit("example:crops", "apples", features=["temp", "rainfall"])
    rows = {"temp": [70.0, None], "rainfall": [60.0, 60.0]}
    bounds = model.predict(rows, missing="drop", interval=0.9)
    assert np.isnan(bounds[:, :, 0]).tolist() == [[False, True]] * 3
    assert model.predict({"temp": [], "rainfall": []}, interval=0.9).shape == (3, 0, 1)


def test_weights_of_a_table_are_found_in_it():
    random = np.random.default_rng(8)
    frame = pl.DataFrame(
        {"a": random.normal(size=40), "y": random.normal(size=40), "w": random.integers(0, 3, 40)}
    )
    model = package.fit(frame, "y", weights="w", weights_are="counts")
    beside = package.fit(frame.drop("w"), "y", weights=frame["w"].to_numpy(), weights_are="counts")
    found = diagnostics(model, frame)
    again = diagnostics(beside, frame.drop("w"), weights=frame["w"].to_numpy())
    assert joined(known(found.HC2).t).tolist() == joined(known(again.HC2).t).tolist()
    X, y = frame[["a"]].to_numpy(), frame["y"].to_numpy()
    half = package.fit(frame, "y", weights="w", weights_are="counts", holdout=0.5)
    with refused("not-training-rows", "holdout"):
        diagnostics(half, frame)
    arrays = diagnostics(model, X, y, weights=frame["w"].to_numpy())
    assert joined(known(found.HC2).t).tolist() == joined(known(arrays.HC2).t).tolist()


@pytest.mark.slow
def test_on_the_command_line(gradline, tmp_path):
    random = np.random.default_rng(9)
    a, w = random.normal(size=30), random.integers(1, 4, 30)
    pl.DataFrame({"a": a, "y": 2 * a + random.normal(size=30), "w": w}).write_csv(tmp_path / "t.csv")
    fitted = gradline(
        "fit", "t.csv", "-t", "y", "--weights", "w", "--weights-are", "counts", "-o", "m", "--json"
    )
    model = package.load(tmp_path / "m")
    report = json.loads(fitted.out)["inference"]
    assert report["weight_stderr"] == known(model.inference.weight_stderr).tolist()
    shown = gradline("show", "m").out
    table = [line.split() for line in shown.splitlines()]
    slope = next(cells for cells in table if cells[:1] == ["a"] and len(cells) == 7)
    assert slope[2] == f"{known(model.inference.estimates).weight_stderr[0, 0]:.4g}"
    assert slope[4] == f"{known(model.inference.p_value).weight[0, 0]:.3g}"
    assert "Row weights are taken as counts." in shown
    exact = json.loads(gradline("show", "m", "--weights-are", "precision", "--json").out)["inference"]
    assert exact["weight_p_value"] == known(model.infer("precision").p_value).weight.tolist()
    assert exact["log_likelihood"] is None
    assert gradline("show", "m", "--weights-are", "votes").code == 2
    one = gradline("predict", "m", "--set", "a=0.5", "--interval", "0.9").out.split()
    expected = model.predict({"a": [0.5]}, interval=0.9)[:, 0, 0]
    assert one == ["predicted", "from", "to", "y", *(f"{value:.6g}" for value in expected)]
    gradline("predict", "m", "t.csv", "--interval", "0.9", "-o", "p.csv")
    table = pl.read_csv(tmp_path / "p.csv")
    assert table.columns == ["y", "y_lower", "y_upper"]
    np.testing.assert_array_equal(
        table.to_numpy().T, model.predict(tmp_path / "t.csv", interval=0.9)[:, :, 0]
    )
    gradline("fit", "t.csv", "-t", "y", "--lr", "0.01", "--epochs", "2", "-o", "early")
    assert "No standard errors: training stopped before the best weights" in gradline("show", "early").out
    refused = gradline("predict", "early", "t.csv", "--interval", "0.9", "-o", "q.csv")
    assert (refused.code, (tmp_path / "q.csv").exists()) == (1, False)
    assert "there is no interval: training stopped" in refused.err


def test_a_fit_loads_no_distribution():
    words = "['gradline', 'fit', 'example:crops', '-t', 'apples', '--json']"
    program = (
        f"import sys\nfrom gradline.cli import main\nsys.argv = {words}\ntry: main()\nexcept SystemExit: pass\n"
        "sys.exit('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, '"inference"' in done.stdout) == (0, True)
