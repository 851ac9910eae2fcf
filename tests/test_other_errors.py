"""Clusters of several columns, rows in the order of time, few clusters: definitions, references, laws and refusals."""

import json

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from known import known
from refusals import expect_refusal, refused

import gradline as package
from gradline.model import score_sums
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.wild import WildEstimates
from gradline.model.other_errors import ErrorsAsked, other_errors
from gradline.model.residuals import diagnostics

RANDOM = np.random.default_rng(11)


def panel(n=120, G=9, seed=2, targets=1, years=7):
    """Rows of towns and years, whose errors share what the town and the year add."""
    random = np.random.default_rng(seed)
    town, year = random.integers(0, G, n), random.integers(0, years, n)
    X = random.normal(size=(n, 2)) + random.normal(size=G)[town][:, None]
    shared = random.normal(size=(G, targets))[town] + random.normal(size=(years, targets))[year]
    Y = X @ np.ones((2, targets)) + shared + random.normal(size=(n, targets))
    table = {
        "a": X[:, 0],
        "b": X[:, 1],
        "town": [f"t{i}" for i in town],
        "year": year,
        "when": random.permutation(n),
    }
    return pl.DataFrame(table | {f"y{j}": Y[:, j] for j in range(targets)})


def fitted(table):
    return package.fit(
        table, [name for name in table.columns if name[0] == "y" and name != "year"], features=["a", "b"]
    )


def sandwich(table, labels, j=0):
    """Their covariance by its definition, with the bias first."""
    X = np.column_stack([np.ones(len(table)), table["a"], table["b"]])
    y = table[f"y{j}"].to_numpy()
    H = np.linalg.inv(X.T @ X)
    scores = X * (y - X @ H @ X.T @ y)[:, None]
    n, k = X.shape
    total = np.zeros((k, k))
    for columns, sign in labels:
        _, codes = np.unique(table.select(columns).to_numpy().astype(str), axis=0, return_inverse=True)
        sums = np.stack([scores[codes == c].sum(axis=0) for c in np.unique(codes)])
        G = len(sums)
        total += sign * G / (G - 1) * (n - 1) / (n - k) * H @ sums.T @ sums @ H
    return total


THREE = [
    (["town"], 1), (["year"], 1), (["part"], 1), (["town", "year"], -1), (["town", "part"], -1), (["year", "part"], -1),
    (["town", "year", "part"], 1),
]  # fmt: skip


def test_clusters_by_several_columns_are_sums_and_differences_of_those_by_one():
    table = panel(900, 30, targets=2, years=25).with_columns(part=pl.Series(np.arange(900) % 20))
    model = fitted(table)
    for names, labels in (
        (["town", "year"], [THREE[0], THREE[1], THREE[3]]),
        (["town", "year", "part"], THREE),
    ):
        found = diagnostics(model, table, clusters=names)
        for j in range(2):
            expected = sandwich(table, labels, j)
            assert np.linalg.eigvalsh(expected).min() > 0  # so that nothing is put at zero
            np.testing.assert_allclose(known(found.cluster).covariance[j], expected, rtol=1e-9)
        assert found.clusters == min(table[name].n_unique() for name in names)
        assert known(found.cluster).freedom == known(found.clusters) - 1


def test_two_ways_are_those_of_statsmodels():
    table = panel(900, 30, years=25)
    codes = np.column_stack([table["town"].rank("dense"), table["year"]]).astype(int)
    X = np.column_stack([np.ones(900), table["a"], table["b"]])
    options = {"groups": codes, "use_correction": True, "df_correction": True}
    theirs = sm.OLS(table["y0"].to_numpy(), X).fit(cov_type="cluster", cov_kwds=options)
    ours = known(diagnostics(fitted(table), table, clusters=["town", "year"]).cluster)
    np.testing.assert_allclose(ours.covariance[0], theirs.cov_params(), rtol=1e-9)
    model = package.fit(X[:, 1:], table["y0"].to_numpy())
    beside = diagnostics(model, X[:, 1:], table["y0"].to_numpy(), codes)
    np.testing.assert_allclose(known(beside.cluster).covariance, ours.covariance, rtol=1e-9)


def test_one_column_twice_or_with_a_finer_one_is_that_column_alone():
    table = panel().with_columns(row=pl.Series(range(120)), again=pl.col("town"))
    model = fitted(table)
    alone = known(diagnostics(model, table, clusters="town").cluster).covariance
    for other in ("row", "again"):
        both = known(diagnostics(model, table, clusters=["town", other]).cluster).covariance
        np.testing.assert_allclose(both, alone, rtol=1e-9)


def test_a_variance_is_never_negative():
    """Differences may be, with few clusters: of these 40 tables one at least has such a matrix by the definition."""
    found = 0
    for seed in range(40):
        table = panel(n=24, G=3, seed=seed)
        expected = sandwich(table, [THREE[0], THREE[1], THREE[3]])
        found += np.linalg.eigvalsh(expected).min() < 0
        covariance = known(diagnostics(fitted(table), table, clusters=["town", "year"]).cluster).covariance[0]
        assert np.linalg.eigvalsh(covariance).min() >= -1e-12 * np.abs(covariance).max()
    assert found


@pytest.mark.parametrize("kind", ["numbers", "dates", "text"])
def test_rows_are_taken_in_the_order_of_time_wherever_they_stand(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(score_sums, "_GATHERED", 7)
    table = panel(targets=2)
    if kind != "numbers":
        day = pl.date(2020, 1, 1) + pl.duration(days=pl.col("when"))
        table = table.with_columns(when=day if kind == "dates" else day.cast(pl.String))
    ordered = table.sort("when")
    model = fitted(table)
    expected = known(diagnostics(fitted(ordered), ordered, lags=3).HAC).covariance
    as_given = known(diagnostics(model, table, lags=3).HAC).covariance
    assert np.abs(as_given / expected - 1).max() > 1e-3
    data = tmp_path / "t.csv"
    table.write_csv(data)
    for rows in (table, ordered, *([str(data)] if kind != "numbers" else [])):
        found = diagnostics(model, rows, lags=3, time="when")
        np.testing.assert_allclose(known(found.HAC).covariance, expected, rtol=1e-9)
        assert found.notes == ()


def test_times_beside_arrays_and_rows_of_one_time():
    table = panel()
    X, y = table.select("a", "b").to_numpy(), table["y0"].to_numpy()
    model = package.fit(X, y)
    when = table["when"].to_numpy()
    expected = known(diagnostics(fitted(table), table, lags=2, time="when").HAC).covariance
    ours = diagnostics(model, X, y, lags=2, time=when)
    np.testing.assert_allclose(known(ours.HAC).covariance, expected, rtol=1e-9)
    tied = diagnostics(model, X, y, lags=2, time=when // 2)
    assert tied.notes == ("60 rows have the time of another, and follow it as in the table.",)


def wild_by_refitting(table, name, value, multipliers, codes):
    """p of one coefficient by its definition: samples made of restricted residuals, fitted anew."""
    X = np.column_stack([np.ones(len(table)), table["a"], table["b"]])
    y, i = table["y0"].to_numpy(), ["bias", "a", "b"].index(name)
    n, k = X.shape
    H = np.linalg.inv(X.T @ X)

    def t_of(sample):
        beta = H @ X.T @ sample
        scores = X * (sample - X @ beta)[:, None]
        sums = np.stack([scores[codes == c].sum(axis=0) for c in np.unique(codes)])
        G = len(sums)
        covariance = G / (G - 1) * (n - 1) / (n - k) * H @ sums.T @ sums @ H
        return (beta[i] - value) / np.sqrt(covariance[i, i])

    rest = np.delete(X, i, axis=1)
    restricted = np.linalg.lstsq(rest, y - value * X[:, i], rcond=None)[0]
    mean = rest @ restricted + value * X[:, i]
    samples = [t_of(mean + draw[codes] * (y - mean)) for draw in multipliers]
    return (1 + np.sum(np.abs(samples) >= abs(t_of(y)) * (1 - 1e-12))) / (1 + len(samples))


@pytest.mark.parametrize(("G", "kind"), [(9, "Webb"), (20, "Rademacher")])
def test_the_wild_bootstrap_is_that_of_samples_fitted_anew(G, kind):
    table = panel(G=G)
    asked = ErrorsAsked(cluster=("town",), seed=3)
    wild = other_errors(fitted(table), table, asked).estimates
    assert isinstance(wild, WildEstimates)
    assert wild.kind == kind
    wild = WildEstimates(wild.clustered, wild.sums, wild.factor, seed=3, draws=199)
    order = {town: code for code, town in enumerate(dict.fromkeys(table["town"]))}
    codes = np.array([order[town] for town in table["town"]])
    for i, name in enumerate(("bias", "a", "b")):
        expected = wild_by_refitting(table, name, 0.0, wild.multipliers, codes)
        assert wild.p_value.stacked[0, i] == expected
        low, high = wild.interval(0.9).stacked[0, i]
        width = high - low
        for value, held in (
            (low - 0.01 * width, False),
            (low + 0.01 * width, True),
            (high + 0.01 * width, False),
        ):
            assert (wild_by_refitting(table, name, value, wild.multipliers, codes) > 0.1) == held


def test_the_numbers_of_clusters_have_mean_0_and_variance_1():
    for G in (9, 20):
        wild = other_errors(fitted(panel(G=G)), panel(G=G), ErrorsAsked(cluster=("town",))).estimates
        assert isinstance(wild, WildEstimates)
        numbers = wild.multipliers
        assert abs(numbers.mean()) < 6 / np.sqrt(numbers.size)
        assert abs((numbers**2).mean() - 1) < 6 / np.sqrt(numbers.size)


def test_many_clusters_need_no_bootstrap():
    table = panel(n=400, G=60)
    found = other_errors(fitted(table), table, ErrorsAsked(cluster=("town",)))
    assert found.notes == ()
    assert isinstance(found.estimates, Estimates)
    assert found.estimates.freedom == 59


def test_fit_takes_the_same_words_as_show_and_remembers_them(gradline, tmp_path):
    panel().drop("when").write_csv(tmp_path / "t.csv")
    fit = gradline(
        "fit", "t.csv", "-t", "y0", "--cluster", "town", "--cluster", "year", "-o", "m", "--seed", "5"
    )
    assert "Standard errors: those of clusters by town and year, 7 at least" in " ".join(fit.out.split())
    assert "note: town and year taken for standard errors alone, no features" in fit.err
    model = package.load(tmp_path / "m")
    assert model.features == ("a", "b")
    assert model.config["cluster"] == ["town", "year"]
    shown = gradline("show", "m")
    assert "note: the fit was asked for --cluster town --cluster year" in shown.err
    again = gradline("show", "m", "--data", "t.csv")
    assert again.out.startswith(fit.out.rstrip("\n"))
    (tmp_path / "c.toml").write_text(gradline("show", "m", "--config").out)
    assert gradline("fit", "--config", "c.toml").out == fit.out
    assert "0 not as" not in gradline("verify", "m", "t.csv").out
    assert gradline("verify", "m", "t.csv").code == 0
    plain = json.loads(
        gradline("fit", "t.csv", "-t", "y0", "-f", "a", "-f", "b", "--robust", "hc3", "--json").out
    )
    expected = known(diagnostics(model, tmp_path / "t.csv").HC3)
    assert plain["errors"]["weight_stderr"] == expected.weight_stderr.tolist()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--robust", "HC7"), "choice-invalid"),
        (("--robust", "HC3", "--hac", "2"), "errors-twice"),
        (("--hac", "0"), "lags-invalid"),
        (("--time", "when"), "time-without-lags"),
        (("--hac", "2", "--time", "where"), "column-unknown"),
        (("--cluster", "town", "--cluster", "town"), "clusters-twice"),
        (("--robust", "HC3", "--holdout", "0.2"), "errors-with-holdout"),
        (("--cluster", "nowhere"), "column-unknown"),
        (("--cluster", "town", "--cluster", "nowhere"), "column-unknown"),
        (("--robust", "HC3", "--alpha", "1"), "penalised-no-errors"),
    ],
)
def test_fit_refuses_with_a_remedy(gradline, tmp_path, options, code):
    panel().write_csv(tmp_path / "t.csv")
    done = gradline("fit", "t.csv", "-t", "y0", "-f", "a", "-f", "b", *options, "-o", "m", "--json")
    expect_refusal(done.err, code)
    assert not (tmp_path / "m").exists()


def test_standard_input_is_refused_for_it_comes_once(gradline):
    data = panel().write_csv().encode()
    expect_refusal(
        gradline("fit", "-", "-t", "y0", "--robust", "HC3", "--json", stdin=data).err, "errors-read-again"
    )


def test_times_need_a_table_or_an_array():
    table = panel()
    X, y = table.select("a", "b").to_numpy(), table["y0"].to_numpy()
    model = package.fit(X, y)
    with refused("time-needs-table"):
        diagnostics(model, X, y, lags=2, time="when")
    with refused("rows-do-not-match"):
        diagnostics(model, X, y, lags=2, time=np.arange(5))
