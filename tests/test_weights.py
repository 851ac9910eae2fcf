"""What row weights mean: coefficients do not depend on it, inference does, and nothing is told until it is said."""

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from commands import command
from known import known
from refusals import refused, warned

import gradline as package
from gradline import Moments
from gradline.model.residuals import diagnostics

_random = np.random.default_rng(17)
X = _random.normal(2, 1, (40, 2))
Y = X @ [1.0, -2.0] + _random.normal(size=40)
A = sm.add_constant(X)
COUNTS, REAL = _random.integers(0, 5, 40).astype(float), _random.uniform(0.1, 3, 40)
REAL *= 40 / REAL.sum()  # weights that add up to the rows are weights all the same
NEW = [[1.0, 3.0]]


class Meaning(NamedTuple):
    """Weights, and the model of statsmodels that takes them so; `robust` where only robust errors hold."""

    weights: np.ndarray
    reference: Any
    robust: bool = False


MEANINGS = {
    "counts": Meaning(
        COUNTS, sm.OLS(np.repeat(Y, COUNTS.astype(int)), np.repeat(A, COUNTS.astype(int), axis=0)).fit()
    ),
    "precision": Meaning(REAL, sm.WLS(Y, A, weights=REAL).fit()),
    "sampling": Meaning(REAL, sm.WLS(Y, A, weights=REAL).fit(cov_type="HC1", use_t=True), robust=True),
}
EACH = pytest.mark.parametrize("word", MEANINGS)
CLASSICAL = pytest.mark.parametrize(
    "word", [word for word, meaning in MEANINGS.items() if not meaning.robust]
)


def fitted(word, **options):
    return package.fit(X, Y, weights=MEANINGS[word].weights, weights_are=word, **options)


def stderr(estimates):
    return [*known(estimates).bias_stderr, *estimates.weight_stderr[0]]


def table(folder, word):
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y, "w": MEANINGS[word].weights})
    frame.write_csv(folder / "t.csv")


@EACH
def test_coefficients_do_not_depend_on_the_meaning(word):
    weights, reference, _ = MEANINGS[word]
    for other in (*MEANINGS, None):
        if word == "counts" or other != "counts":
            model = package.fit(X, Y, weights=weights, weights_are=other)
            np.testing.assert_allclose([*model.bias, *model.weight[0]], reference.params, rtol=1e-12)


@CLASSICAL
@pytest.mark.parametrize("solver", [None, package.GradientDescent(epochs=3000)], ids=["exact", "gd"])
def test_errors_tests_and_intervals_are_those_of_statsmodels(word, solver, tmp_path):
    _, reference, _ = MEANINGS[word]
    made = fitted(word, solver=solver)
    made.save(tmp_path / "m")
    for model in (made, package.load(tmp_path / "m")):
        inference = model.inference
        assert (inference.weights_are, inference.freedom) == (word, reference.df_resid)
        estimates = known(inference.estimates)
        np.testing.assert_allclose(stderr(estimates), reference.bse, rtol=1e-9)
        p = [*known(estimates.p_value.bias), *estimates.p_value.weight[0]]
        np.testing.assert_allclose(p, reference.pvalues, rtol=1e-7)
        told = reference.get_prediction([[1.0, *NEW[0]]]).summary_frame(alpha=0.05)
        expected = told[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0]
        np.testing.assert_allclose(model.predict(NEW, interval=0.95)[:, 0, 0], expected, rtol=1e-9)


def test_an_interval_takes_account_of_how_precise_the_row_is(tmp_path):
    """Bounds are t·s·√(1/w + h) away (`get_prediction` of statsmodels with weights); without w the row's is one."""
    table, w = pl.DataFrame({"y": Y, "a": X[:, 0], "b": X[:, 1], "w": REAL}), [0.25, 4.0, 0.0, None]
    model = package.fit(table, "y", weights="w", weights_are="precision")
    new = pl.DataFrame({"a": [NEW[0][0]] * 4, "b": [NEW[0][1]] * 4, "w": w})
    found = model.predict(new, interval=0.9)[:, :, 0]
    for i in range(2):
        told = (
            MEANINGS["precision"]
            .reference.get_prediction([[1.0, *NEW[0]]], weights=w[i])
            .summary_frame(alpha=0.1)
        )
        expected = told[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0]
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-9)
    assert np.isnan(found[1:, 2:]).all()
    np.testing.assert_array_equal(
        model.predict(new.drop("w"), interval=0.9)[:, 0], model.predict(NEW, interval=0.9)[:, 0]
    )
    model.save(tmp_path / "m")
    row = [
        "predict",
        "m",
        "--set",
        f"a={NEW[0][0]}",
        "--set",
        f"b={NEW[0][1]}",
        "--interval",
        "0.9",
        "--json",
    ]
    weighted, plain = (
        json.loads(command(*row, *more, folder=tmp_path).out) for more in (["--set", "w=4"], [])
    )
    np.testing.assert_allclose(weighted["predictions"][0], found[:, 1], rtol=1e-12)
    assert "weight 1" in " ".join(plain["notices"])
    assert weighted["notices"] == []


@EACH
def test_robust_errors_are_those_of_statsmodels(word):
    weights, reference, _ = MEANINGS[word]
    found = diagnostics(fitted(word), X, Y, weights=weights)
    assert found.inference.weights_are == word
    robust = reference if word == "sampling" else reference.get_robustcov_results("HC1")
    np.testing.assert_allclose(stderr(found.HC1), robust.bse, rtol=1e-9)


def test_sampling_weights_need_the_rows_and_say_so():
    model = fitted("sampling")
    assert model.inference.estimates is None
    assert model.inference.weight_stderr is None
    assert model.certificate.weight_error_stderr is None
    with refused("errors-need-rows", "diagnostics"):
        model.predict(NEW, interval=0.95)


@pytest.mark.parametrize(
    "weights", [COUNTS, REAL, np.ones(40), 1e12 * REAL], ids=["0 to 4", "mean 1", "ones", "huge"]
)
def test_until_it_is_said_nothing_is_told_but_the_option(weights, tmp_path):
    made = package.fit(X, Y, weights=weights)
    made.save(tmp_path / "m")
    for model in (made, package.load(tmp_path / "m"), package.fit(Moments.of(X, Y, weights=weights))):
        inference = model.inference
        for name in ("estimates", "residual_stderr", "F", "log_likelihood", "adjusted_r2", "aic", "t"):
            assert getattr(inference, name) is None, name
        assert known(inference.r2)[0] == pytest.approx(model.training.r2[0])
        assert "--weights-are" in known(inference.reason)
        assert model.certificate.weight_error_stderr is None
        with refused("weights-unsaid", "weights_are"):
            model.predict(NEW, interval=0.95)
        with refused("weights-unsaid", "weights_are"):
            diagnostics(model, X, Y, weights=weights)
        assert model.infer("precision").estimates is not None


@EACH
def test_the_command_line_keeps_what_was_said(word, gradline, tmp_path):
    table(tmp_path, word)
    _, reference, robust = MEANINGS[word]
    report = json.loads(
        gradline("fit", "t.csv", "-t", "y", "--weights", "w", "--weights-are", word, "-o", "m", "--json").out
    )
    shown = json.loads(gradline("show", "m", "--json").out)
    for told in (report["inference"], shown["inference"]):
        assert told["weights_are"] == word
        assert (told["weight_stderr"] is None) == robust
        if not robust:
            np.testing.assert_allclose(told["weight_stderr"][0], reference.bse[1:], rtol=1e-9)
    text = gradline("show", "m").out
    assert f"Row weights are taken as {word}." in " ".join(text.split())
    assert f'weights_are = "{word}"' in gradline("show", "m", "--config").out
    predicted = gradline("predict", "m", "--set", "a=1", "--set", "b=3", "--interval", "0.95")
    assert predicted.code == (1 if robust else 0)
    assert gradline("report", "m", "t.csv", "-o", "r.html").code == 0
    assert f"Row weights are taken as {word}" in (tmp_path / "r.html").read_text()
    assert gradline("verify", "m", "t.csv").code == 0
    other = next(one for one in MEANINGS if one != word)
    assert f"taken as {other}; the fit was told {word}." in " ".join(
        gradline("show", "m", "--weights-are", other).out.split()
    )


def test_the_command_line_says_what_is_lacking(gradline, tmp_path):
    table(tmp_path, "precision")
    gradline("fit", "t.csv", "-t", "y", "--weights", "w", "-o", "m")
    assert "--weights-are counts, precision or sampling" in " ".join(gradline("show", "m").out.split())
    said = gradline("predict", "m", "--set", "a=1", "--set", "b=3", "--interval", "0.95")
    assert said.code == 1
    assert "--weights-are" in said.err
    assert "std. error" in gradline("show", "m", "--weights-are", "precision").out
    assert gradline("fit", "t.csv", "-t", "y", "--weights-are", "counts").code == 2
    assert gradline("fit", "t.csv", "-t", "y", "--weights", "w", "--weights-are", "votes").code == 2


@pytest.mark.parametrize(
    "use",
    [
        package.fit,
        Moments.of,
        package.doctor,
        lambda *rows, **word: package.certify(([[0.0, 0]], [0.0]), *rows, **word),
    ],
)
def test_a_meaning_without_weights_or_of_another_word_is_refused(use):
    with refused("weights-are-without-weights", "counts"):
        use(X, Y, weights_are="counts")
    with refused("weights-are-invalid", "'votes'"):
        use(X, Y, weights=COUNTS, weights_are="votes")


def test_moments_know_the_meaning_and_may_be_told_it_later(tmp_path):
    half = {"weights": REAL[:20]}, {"weights": REAL[20:]}

    def part(i, **said):
        return Moments.of(X[20 * i : 20 * i + 20], Y[20 * i : 20 * i + 20], **half[i], **said)

    both = part(0, weights_are="precision") + part(1, weights_are="precision")
    both.save(tmp_path / "s")
    reference = MEANINGS["precision"].reference
    for moments in (both, Moments.load(tmp_path / "s")):
        np.testing.assert_allclose(stderr(package.fit(moments).inference.estimates), reference.bse, rtol=1e-9)
    unsaid = part(0) + part(1, weights_are="precision")
    assert package.fit(unsaid).inference.weights_are == "unsaid"
    later = package.fit(unsaid, weights_are="precision")
    np.testing.assert_allclose(stderr(later.inference.estimates), reference.bse, rtol=1e-9)
    with refused("weights-of-other-meaning", "precision", "sampling"):
        _ = part(0, weights_are="precision") + part(1, weights_are="sampling")
    with refused("weights-of-other-meaning", "counts", "precision"):
        package.fit(both, weights_are="counts")
    with refused("weights-of-other-meaning", "without"):
        package.fit(Moments.of(X, Y), weights_are="counts")


def test_rows_without_weights_weigh_one_beside_others():
    plain, weighted = (
        Moments.of(X[:20], Y[:20]),
        Moments.of(X[20:], Y[20:], weights=COUNTS[20:], weights_are="counts"),
    )
    one = Moments.of(X, Y, weights=np.concatenate([np.ones(20), COUNTS[20:]]), weights_are="counts")
    for both in (plain + weighted, weighted + plain):
        assert both.weights_are == "counts"
        np.testing.assert_allclose(
            known(package.fit(both).inference.weight_stderr),
            known(package.fit(one).inference.weight_stderr),
            rtol=1e-9,
        )
    both: Any = sum([weighted, weighted])
    assert both.weights_are == "counts"
    assert (one - weighted).weights_are == "counts"


def test_counts_that_are_not_whole_are_warned_of():
    with warned("counts-not-whole", "20.5"):
        package.fit(X, Y, weights=[0.5] * 39 + [1.0], weights_are="counts")


def test_without_weights_every_figure_is_there():
    inference = package.fit(X, Y).inference
    assert inference.weights_are is None
    assert inference.reason is None
    np.testing.assert_allclose(known(inference.log_likelihood), sm.OLS(Y, A).fit().llf, rtol=1e-12)


# Frames and series are matched row by row, and their labels must say the same.

FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}, index=[f"r{i}" for i in range(40)])
SERIES = pd.Series(Y, FRAME.index, name="y")


def renamed(series, row, label):
    return series.set_axis([label if i == row else name for i, name in enumerate(series.index)])


@pytest.mark.parametrize("kind", ["targets", "weights", "clusters"])
@pytest.mark.parametrize("data", [FRAME, X], ids=["frame", "array"])
def test_other_labels_are_refused_with_the_first_that_differs(kind, data):
    given: dict[str, Any] = {
        "targets": SERIES,
        "weights": pd.Series(COUNTS, FRAME.index),
        "clusters": pd.Series(range(40), FRAME.index),
    }
    model = package.fit(data, SERIES, weights=given["weights"], weights_are="counts")
    assert diagnostics(model, data, **given).clusters == np.count_nonzero(COUNTS)
    given[kind] = renamed(given[kind], 7, "other")
    with refused("indexes-differ", "row 7", "r7", "other"):
        diagnostics(model, data, **given)
    if kind != "clusters":
        with refused("indexes-differ"):
            package.fit(data, given["targets"], weights=given["weights"], weights_are="counts")


def test_the_same_labels_in_another_order_are_refused():
    with refused("indexes-differ", "another order"):
        package.fit(FRAME, SERIES[::-1])
    with refused("indexes-differ"):
        package.fit(FRAME, SERIES.reset_index(drop=True))
    package.fit(FRAME, SERIES.to_numpy())
    package.fit(FRAME.reset_index(drop=True), SERIES.reset_index(drop=True))


@pytest.mark.parametrize(
    "index", [[1.0, np.nan, 2.0] * 20, pd.array([1, None, 2] * 20, "Int64")], ids=["NaN", "NA"]
)
def test_missing_labels_are_equal_to_each_other(index):
    frame, series = pd.DataFrame({"a": np.arange(60.0)}, index), pd.Series(np.arange(60.0) ** 2, index)
    package.fit(frame, series)
    with refused("indexes-differ", "row 0"):
        package.fit(frame, series.set_axis(pd.Index(range(60))))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
@pytest.mark.parametrize("data", [FRAME, X, pl.from_pandas(FRAME)], ids=["pandas", "array", "polars"])
def test_missing_cluster_labels_are_refused_or_dropped_and_counted(data, missing):
    labels = np.array([f"g{i // 4}" for i in range(40)], object)
    labels[[3, 8]] = missing
    model = package.fit(data, Y)
    with refused("missing-cells", "(clusters) 2", "2 of 40"):
        diagnostics(model, data, Y, labels)
    with refused("not-training-rows", "38", "2", "40"):
        diagnostics(model, data, Y, labels, missing="drop")
    kept = np.flatnonzero([not isinstance(label, str) for label in labels])
    X38, y38 = np.delete(X, kept, axis=0), np.delete(Y, kept)
    fewer = package.fit(X38, y38)
    found = diagnostics(fewer, X, Y, labels, missing="drop")
    again = diagnostics(fewer, X38, y38, np.delete(labels, kept))
    np.testing.assert_allclose(stderr(found.cluster), stderr(again.cluster), rtol=1e-12)
