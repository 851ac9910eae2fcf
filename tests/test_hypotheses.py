"""Tests of coefficients together: R's answers, laws of covariances, tests, contrasts and terms, and what is refused."""

import io
import json
import re
from functools import cache

import mpmath
import numpy as np
import polars as pl
import pytest
from answers import cases
from known import known
from refusals import expect_refusal, refused

import gradline
from gradline import load
from gradline.model import residuals
from gradline.model.inference.hypotheses import restrictions
from gradline.model.residuals import diagnostics

reference = cases("inference")
ANSWERS = json.loads(reference.ANSWERS.read_text())
CASES = {reference.called(case): case for case in reference.CASES}
EACH = pytest.mark.parametrize("name", CASES)


@cache
def frame(name):
    return pl.read_csv(io.BytesIO(reference.table(name)), null_values="NA")


def fitted(name):
    case = CASES[name]
    rows = frame(case.data)
    options = {"weights": case.weights, "weights_are": case.weights_are} if case.weights else {}
    return gradline.fit(rows, formula=case.formula, missing="drop", **options), rows


def close(ours, theirs, scale=None, rtol=1e-8):
    """As near as R's own rounding leaves its answers: relative 1e-8, and that of the largest where one is given."""
    theirs = np.array(theirs, float)
    np.testing.assert_allclose(
        ours, theirs, rtol=rtol, atol=0 if scale is None else rtol * np.abs(scale).max()
    )


@EACH
def test_the_table_is_as_in_r(name):
    model, _ = fitted(name)
    ours, theirs = model.inference, ANSWERS[name]
    close(model.coefficients.stacked[0], theirs["coefficients"])
    close(known(ours.covariance)[0], theirs["covariance"], theirs["covariance"])
    close(ours.residual_stderr, [theirs["sigma"]])
    close(ours.r2, [theirs["r2"]])
    close(ours.adjusted_r2, [theirs["adjusted"]])
    close([known(ours.F)[0], ours.slopes, ours.freedom], theirs["F"])
    close(ours.interval(0.9).stacked[0], theirs["interval"], theirs["interval"])
    if ours.log_likelihood is not None:  # precision weights add to it, which needs the rows
        close(ours.log_likelihood, [theirs["likelihood"]])
        close(known(ours.aic) + 2, [theirs["AIC"]])  # R counts the variance too
        close(known(ours.bic) + np.log(ours.observations), [theirs["BIC"]])


@EACH
def test_terms_are_tested_as_in_r(name):
    model, _ = fitted(name)
    for kind in ("I", "II", "III"):
        ours, theirs = model.inference.anova(kind), ANSWERS[name][kind]
        first = int(kind == "III")  # car tests the intercept as well
        close([term.squares[0] for term in ours.terms] + [ours.residual[0]], theirs["squares"][first:])
        assert [term.degrees for term in ours.terms] + [ours.freedom] == theirs["degrees"][first:]
        close([term.F[0] for term in ours.terms], theirs["F"][first:-1])
        close([term.p_value[0] for term in ours.terms], theirs["p"][first:-1], 1e-8)
    close([term.gvif for term in ours.terms], ANSWERS[name]["gvif"])


@EACH
def test_equations_are_tested_as_in_r(name):
    model, rows = fitted(name)
    case, theirs = CASES[name], ANSWERS[name]
    found = model.inference.test(case.tested)
    close([found.F[0], found.equal, found.p_value[0]], theirs["wald"])
    robust = diagnostics(model, rows, missing="drop", lags=3 * (case.weights_are != "counts"))
    if robust.HAC is not None:
        close(robust.HAC.covariance[0], theirs["HAC"], theirs["HAC"], 1e-7)
    near = 1e-7 if case.data == "longley" else 1e-8  # R inverts XᵀX for these: see the exact answer below
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        close(getattr(robust, kind).covariance[0], theirs[kind], theirs[kind], near)
    found = known(robust.HC3).test(case.tested)
    close([found.F[0], found.equal, found.p_value[0]], theirs["wald_HC3"], rtol=near)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.cluster])
def test_clusters_are_as_in_r(name):
    model, rows = fitted(name)
    found = diagnostics(model, rows, clusters=CASES[name].cluster, missing="drop").cluster
    close(known(found).covariance[0], ANSWERS[name]["cluster"], ANSWERS[name]["cluster"])


def test_robust_covariances_have_digits_where_the_columns_hardly_differ():
    """Those of Longley's data in 60 digits, of which R has seven; relative to the standard errors."""
    model, rows = fitted(next(name for name in CASES if name.startswith("longley")))
    with mpmath.workdps(60):
        X = mpmath.matrix([[1, *row] for row in rows.select(list(model.features)).rows()])
        H = (X.T * X) ** -1
        y = mpmath.matrix(rows["employed"].to_list())
        e = y - X * (H * (X.T * y))
        for kind, power in (("HC0", 0), ("HC2", 1), ("HC3", 2)):
            middle = mpmath.matrix(7, 7)
            for i in range(16):
                row = X[i, :]
                middle += row.T * row * (e[i] ** 2 / (1 - (row * H * row.T)[0]) ** power)
            exact = np.array((H * middle * H).tolist(), float)
            ours = getattr(diagnostics(model, rows), kind).covariance[0]
            sizes = np.sqrt(np.diag(exact))
            np.testing.assert_allclose(
                ours / np.outer(sizes, sizes), exact / np.outer(sizes, sizes), atol=1e-11
            )


def made(seed=0, n=40, targets=1):
    random = np.random.default_rng(seed)
    X = random.normal(3, 2, (n, 3))
    return {"a": X[:, 0], "b c": X[:, 1], "log(x)": X[:, 2]} | {
        f"y{j}": X @ random.normal(size=3) + random.normal(size=n) for j in range(targets)
    }


def of(table):
    return gradline.fit(table, [name for name in table if name.startswith("y")])


def test_one_equation_is_its_t_squared_and_its_contrast():
    inference = of(made(targets=2)).inference
    for i, name in enumerate(("a", "`b c`", "log(x)")):
        found, contrast = inference.test(f"{name} = 0"), inference.contrast(name)
        np.testing.assert_allclose(found.F, known(inference.t).weight[:, i] ** 2, rtol=1e-12)
        np.testing.assert_allclose(found.p_value, known(inference.p_value).weight[:, i], rtol=1e-10)
        np.testing.assert_allclose(contrast.t[:, 0], known(inference.t).weight[:, i], rtol=1e-12)
        np.testing.assert_allclose(
            contrast.interval(0.8)[:, 0], inference.interval(0.8).weight[:, i], rtol=1e-12
        )
    errors = np.sqrt(np.einsum("mkk->mk", known(inference.covariance)))
    np.testing.assert_allclose(errors[:, 1:], known(inference.weight_stderr), rtol=1e-14)
    np.testing.assert_allclose(errors[:, 0], known(inference.bias_stderr), rtol=1e-14)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 1, b c = 2", "b c = 2, a = 1"),
        ("a = 1, b c = 2", "2*a - 1 = 1, a + b c = 3, b c/2 = 1"),
        ("a = b c = log(x)", "a - b c, b c - `log(x)`"),
        ("-(a - 2*(b c + 1)) = 0", "a = 2*b c + 2"),
        ("bias = 1e1", "`bias` - 10 = 0"),
    ],
)
def test_equations_that_say_the_same_are_tested_alike(one, other):
    inference = of(made()).inference
    ours, theirs = inference.test(one), inference.test(other)
    assert ours.equal == theirs.equal
    np.testing.assert_allclose(ours.F, theirs.F, rtol=1e-9)


def test_a_matrix_is_as_good_as_words_and_many_slopes_are_F():
    inference = of(made()).inference
    rows = [[0, 1, 0, 0], [0, 0, 1, -2]]
    np.testing.assert_allclose(
        inference.test(rows, [0, 1]).F, inference.test("a, b c - 2*log(x) = 1").F, rtol=1e-12
    )
    np.testing.assert_allclose(inference.test(np.eye(4)[1:]).F, known(inference.F), rtol=1e-11)
    np.testing.assert_allclose(known(inference.estimates).slopes_test().F, known(inference.F), rtol=1e-11)


def test_terms_add_up_and_kinds_differ_by_interactions_alone():
    table = made(n=60) | {"g": np.array(["p", "q", "r"] * 20), "h": np.array(["u", "v"] * 30)}
    model = gradline.fit(table, formula="y0 ~ a + g * h + `b c`")
    total = ((table["y0"] - table["y0"].mean()) ** 2).sum()
    one, two, three = (model.inference.anova(kind) for kind in ("I", "II", "III"))
    np.testing.assert_allclose(
        sum(term.squares[0] for term in one.terms) + one.residual[0], total, rtol=1e-12
    )
    plain = gradline.fit(table, formula="y0 ~ a + g + h + `b c`").inference
    for two, three in zip(plain.anova("II").terms, plain.anova("III").terms, strict=True):
        np.testing.assert_allclose(two.squares, three.squares, rtol=1e-10)
        by_hand = [name for name in known(plain.estimates).names if name.split("=")[0] == two.label]
        np.testing.assert_allclose(
            two.F, plain.test(", ".join(f"`{name}`" for name in by_hand)).F, rtol=1e-10
        )
    inflation = {term.label: term.gvif for term in plain.anova().terms}
    np.testing.assert_allclose(inflation["a"], plain.vif[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("aa = 0", "hypothesis-name-unknown", "Did you mean a?"),
        ("a * log(x) = 0", "hypothesis-not-linear", "sums of coefficients"),
        ("a^2", "hypothesis-not-linear", "a^2"),
        ("a = ", "hypothesis-not-linear", "a = "),
        ("", "hypothesis-not-linear", "''"),
        ("a/0", "hypothesis-not-linear", "a/0"),
        ("1e999*a", "hypothesis-not-linear", "1e999"),
        ("exec('1')", "hypothesis-not-linear", "exec"),
        ("_1 = 0", "hypothesis-name-unknown", "'_1'"),
        ("`d`", "hypothesis-name-unknown", "'d'"),
        ("a = True", "hypothesis-not-linear", "True"),
        ("2 = 3", "hypothesis-empty", "0 = 1"),
        ("a = 1, a = 2", "hypothesis-contradicts", "contradict"),
        ("(" * 4000 + "a" + ")" * 4000, "hypothesis-not-linear", "no equation"),
        ("a" * 20_000, "hypothesis-too-long", "20,000"),
    ],
)
def test_what_is_no_hypothesis_is_refused(text, code, word):
    with refused(code, word):
        of(made()).inference.test(text)


def test_what_the_data_do_not_determine_is_refused():
    table = made() | {"twin": made()["a"]}
    with pytest.warns(gradline.GradlineWarning):
        inference = of(table).inference
    assert np.isnan(known(inference.covariance)[0, 1]).all()
    np.testing.assert_allclose(
        np.diag(known(inference.covariance)[0])[2], known(inference.weight_stderr)[0, 1] ** 2
    )
    inference.test("b c = 0")
    for ask in (inference.test, inference.contrast):
        with refused("hypothesis-undetermined", "do not determine the coefficients of a"):
            ask("a + b c")
    with refused("coefficient-undetermined", "do not determine the coefficients of a"):
        inference.anova()
    with refused("hypothesis-shape", "(1, 2)"):
        inference.test([1, 2])
    with refused("penalised-no-errors"):
        gradline.fit(made(), "y0", penalty=gradline.ElasticNet(0.1)).inference.test("a = 0")


def test_names_that_hold_other_names_are_told_apart():
    names = ("bias", "x", "x1", "x=1", "x=1:z", "2", "f(x, 3)1")
    for text, row in (("x1", 2), ("x=1 = 0", 3), ("x=1:z", 4), ("`2`", 5), ("f(x, 3)1", 6), ("x = 0", 1)):
        np.testing.assert_array_equal(restrictions(text, names).rows, np.eye(7)[[row]])


@pytest.mark.parametrize("lags", [1, 5, 60])
def test_lags_are_the_sum_of_their_definition_in_blocks_of_any_size(monkeypatch, lags):
    """M = Σ over pairs of rows up to `lags` apart of (1 − |i − j|/(lags + 1))·sᵢsⱼᵀ, on coefficients by H⁻¹."""
    table = made(targets=2)
    model = of(table)
    X = np.column_stack([np.ones(40), *(table[name] for name in model.features)])
    apart = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    near = np.maximum(1 - apart / (lags + 1), 0)
    for cells in (10**6, 1):
        monkeypatch.setattr(residuals, "BLOCK_CELLS", cells)
        found = diagnostics(model, table, lags=lags)
        for j in range(2):
            s = X * (table[f"y{j}"] - X @ model.coefficients.stacked[j])[:, None]
            H = np.linalg.inv(X.T @ X)
            np.testing.assert_allclose(
                known(found.HAC).covariance[j], H @ (s.T @ near @ s) @ H * 40 / 36, rtol=1e-8
            )


def test_rows_that_are_counted_have_no_order():
    table = made() | {"w": np.arange(40) % 3 + 1.0}
    model = gradline.fit(table, "y0", features=["a"], weights="w", weights_are="counts")
    with refused("lags-of-counts", "repeat the rows"):
        diagnostics(model, table, lags=2)
    with refused("lags-invalid", "lags is -1"):
        diagnostics(of(made()), made(), lags=-1)


def test_a_sum_is_called_what_it_is():
    found = of(made()).inference.contrast("a - 2*b c + 3, log(x) = 1")
    assert found.sums == ("a - 2*b c + 3", "log(x) - 1")


@pytest.fixture
def saved(tmp_path):
    """A model of the penguins, where it lies."""
    path = tmp_path / "penguins.safetensors"
    words = "body_mass_g ~ flipper_length_mm * species + sex"
    gradline.fit("example:penguins", formula=words, missing="drop").save(path)
    return path


ROWS = ("--data", "example:penguins", "--missing", "drop")


def test_show_tells_of_terms_equations_and_sums(gradline, saved):
    asked = ("--anova", "--test", "sex=male = 500", "--contrast", "species=Gentoo - species=Chinstrap")
    told = gradline("show", saved, *asked, "--level", "0.9").out
    for line in (
        r"flipper_length_mm:species  +2 +441243 +2\.5493 +0\.0797",
        r"90 % from, to: bounds that would hold the true coefficient in 90 of 100",
        r"together: sex=male = 500\nbody_mass_g: F 0\.319415 on 1 and 326, p 0\.572",
        r"-species=Chinstrap \+ species=Gentoo\s+-1994\.302 +1337",
    ):
        assert re.search(line, told), line
    plain = json.loads(gradline("show", saved, *asked, "--json").out)["inference"]
    assert plain["tests"][0]["degrees"] == 1
    assert plain["contrasts"][0]["sums"] == ["-species=Chinstrap + species=Gentoo"]
    assert [term["degrees"] for term in plain["anova"]["terms"]] == [1, 2, 1, 2]


def test_show_takes_robust_errors_from_the_rows(gradline, saved):
    model = load(saved)
    found = diagnostics(model, "example:penguins", clusters="island", missing="drop")
    following = diagnostics(model, "example:penguins", missing="drop", lags=4).HAC
    ways = (
        (("--robust", "hc2"), found.HC2),
        (("--cluster", "island"), found.cluster),
        (("--hac", "4"), following),
    )
    for asked, estimates in ways:
        told = json.loads(gradline("show", saved, *ROWS, *asked, "--test", "sex=male", "--json").out)[
            "inference"
        ]
        assert told["weight_stderr"] == known(estimates).weight_stderr.tolist()
        assert told["tests"][0]["F"] == known(estimates).test("sex=male").F.tolist()
    told = gradline("show", saved, *ROWS, "--robust", "HC3").out
    assert "Standard errors: HC3, from the rows;" in told
    assert "errors are independent, whatever size each has" in " ".join(told.split())


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--robust", "HC3"), "rows-for-errors"),
        (("--robust", "HC9", *ROWS), "choice-invalid"),
        (("--hac", "0", *ROWS), "lags-invalid"),
        (("--hac", "2", "--cluster", "island", *ROWS), "errors-twice"),
        (("--robust", "HC3", "--cluster", "island", *ROWS), "errors-twice"),
        (ROWS, "data-unused"),
        (("--robust", "HC3", "--anova", *ROWS), "anova-of-plain-errors"),
        (("--anova-type", "IV"), "anova-kind-invalid"),
        (("--test", "sex = 0"), "hypothesis-name-unknown"),
        (("--level", "95"), "level-invalid"),
        (("--robust", "HC3", "--data", "example:penguins"), "missing-cells"),
    ],
)
def test_show_refuses_with_a_remedy(gradline, saved, options, code):
    expect_refusal(gradline("show", saved, *options, "--json").err, code)


def test_a_row_that_fixes_a_coefficient_by_itself_is_told(gradline, tmp_path):
    (tmp_path / "t.csv").write_text("town,y\nA,1\nA,2\nB,5\nA,4\n")
    gradline("fit", "t.csv", "-t", "y", "-o", "t.safetensors")
    told = gradline("show", "t.safetensors", "--data", "t.csv", "--robust", "HC3", "--json").err
    expect_refusal(told, "leverage-one", "HC1")
