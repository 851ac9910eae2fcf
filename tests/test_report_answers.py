"""The report's answers: each sentence is what the model predicts, doubts are provoked and not, and words are labels."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import browse, chromium  # noqa: F401 - fixtures
from known import known
from packaged import package_file
from refusals import refused

from gradline import fit, report
from gradline.data.inputs import open_table, rows_by
from gradline.pages.digits import rounded, share, short
from gradline.pages.effect_sizes import sizes
from gradline.pages.labels import labels
from gradline.pages.shown_rows import MOST, shown_rows
from gradline.pages.svg import ticks
from gradline.pages.variables import variables

pytestmark = pytest.mark.slow  # whole pages are made
CROPS = ("example:crops", ["apples", "oranges"])


class Answers(HTMLParser):
    """The sentences of effects in order, each its words and its numbers (estimate, low, high), and the doubts."""

    def __init__(self, page):
        super().__init__()
        self.sentences, self.doubts, self.tables = [], [], []
        self._open = []
        self.feed(page.html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._open.append((tag, given))
        names = [name for name, _ in self._open]
        if self._is_in("effects") and tag == "p":
            self.sentences.append(["", []])
        if self._is_in("doubts") and tag == "li":
            self.doubts.append("")
        if tag == "tr":
            self.tables.append([])
        if tag == "data":
            value = json.loads(known(given["data-value"]))
            if self._is_in("effects") and "p" in names:
                self.sentences[-1][1].append(value)
            elif names[-2] == "td":
                self.tables[-1].append(value)

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        names = ["", "", *(name for name, _ in self._open)]
        if self._is_in("effects") and "p" in names and names[-1] == "bdi":
            self.sentences[-1][0] += data
        if self._is_in("doubts") and "li" in names:
            self.doubts[-1] += data
        if names[-1] == "th":
            self.tables[-1].append(data)
        if names[-1] == "bdi" and names[-2] == "th":
            self.tables[-1].append(data)

    def _is_in(self, name):
        return any(name in (given.get("class") or "").split() for _, given in self._open)

    def of(self, words):
        """The numbers of the sentence of these words."""
        (found,) = [numbers for text, numbers in self.sentences if text == words]
        return found

    def row(self, name):
        """The numbers of the rows of tables that are called so."""
        return next(line[1:] for line in self.tables if line and line[0] == name)


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    path = tmp_path_factory.mktemp("penguins") / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    return path


def homes(rows=60, seed=0, noise=1.0):
    """A price that grows by area and baths, more by area in one town than in the other."""
    random = np.random.default_rng(seed)
    area, baths = random.uniform(50, 150, rows), random.integers(1, 4, rows).astype(float)
    town = random.choice(["Aa", "Bonn"], rows)
    price = 100 + 2 * area + 30 * baths + (town == "Bonn") * area + noise * random.normal(size=rows)
    return {"area": area, "baths": baths, "town": town.tolist(), "price": price}


def told(model, data=None, **about):
    return Answers(report(model, data, **about))


def test_a_plain_column_is_told_by_its_coefficient_and_interval_the_largest_first():
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 3)) * [1.0, 3.0, 0.9]
    y = X @ [1.0, 2.0, -4.0] + random.normal(size=50)
    model = fit({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}, "y")
    page, interval = told(model), model.inference.interval().weight
    for i, name in enumerate("abc"):
        assert page.of(f"{name}, one more") == pytest.approx([model.weight[0, i], *interval[0, i]], rel=1e-9)
    size = np.abs(model.weight[0]) * X.std(axis=0) / y.std()
    assert [words[0] for words, _ in page.sentences] == ["abc"[i] for i in np.argsort(-size)]


def test_a_column_that_varies_much_or_little_is_told_in_steps_of_ten():
    random = np.random.default_rng(1)
    rows = {"far": 5e4 * random.normal(size=40), "near": 0.004 * random.normal(size=40)}
    model = fit({**rows, "y": random.normal(size=40)}, "y")
    page = told(model, labels={"far": {"unit": "km"}})
    assert page.of("far, 10,000 km more")[0] == pytest.approx(1e4 * model.weight[0, 0], rel=1e-9)
    assert page.of("near, 0.001 more")[0] == pytest.approx(1e-3 * model.weight[0, 1], rel=1e-9)


def test_effects_in_interactions_are_those_of_a_fit_around_where_they_are_told():
    """The slope within a town is the coefficient of a fit with that base; the step at an area, of one around it."""
    data, words = homes(), "price ~ area * town + baths"
    page = told(fit(data, formula=words))
    for base in ("Aa", "Bonn"):
        other = fit(data, formula=words, base={"town": base})
        i = other.features.index("area")
        expected = [other.weight[0, i], *other.inference.interval().weight[0, i]]
        assert page.of(f"area, one more, where town is {base}") == pytest.approx(expected, rel=1e-6)
    places = [re.search(r"where area is ([\d.]+)", text) for text, _ in page.sentences]
    places = [float(found[1]) for found in places if found]
    assert places
    for place in places:
        other = fit(data, formula=f"price ~ I(area - {place:g}) * town + baths")
        i = other.features.index("town=Bonn")
        expected = [other.weight[0, i], *other.inference.interval().weight[0, i]]
        assert page.of(f"town Bonn rather than Aa, where area is {place:g}") == pytest.approx(
            expected, rel=1e-6
        )


FORMULAS = [
    "price ~ area + town + baths",
    "price ~ poly(area, 2) * town + baths",
    "price ~ C(town, sum) * area * baths",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_size_is_how_far_predictions_move_when_the_column_leaves_its_mean_or_base(formula):
    data = homes()
    model, y = fit(data, formula=formula), np.array(data["price"])
    stream = rows_by(model.design, open_table(data), "drop")
    usual = variables(model, stream)
    for name, size in sizes(model, usual, 0).items():
        still = data | {name: [usual[name].usual] * len(y)}
        assert size == pytest.approx((model.predict(data) - model.predict(still)).std() / y.std(), rel=1e-6)


def test_a_curve_is_told_by_differences_with_the_error_of_their_sum():
    from scipy.stats import t

    random = np.random.default_rng(2)
    x = random.uniform(0, 10, 80)
    y = 3 + x - 0.2 * x**2 + random.normal(size=80)
    page = told(fit({"x": x, "y": y}, formula="y ~ x + I(x^2)"))
    X = np.column_stack([np.ones(80), x, x**2])
    b, (squares,), *_ = np.linalg.lstsq(X, y)
    covariance = np.linalg.inv(X.T @ X) * squares / 77
    assert len(page.sentences) == 2
    for text, (estimate, low, high) in page.sentences:
        start, end = map(float, known(re.fullmatch(r"x from ([\d.]+) to ([\d.]+)", text)).groups())
        apart = np.array([0, end - start, end**2 - start**2])
        reach = t.ppf(0.975, 77) * np.sqrt(apart @ covariance @ apart)
        assert (estimate, low, high) == pytest.approx(
            (apart @ b, apart @ b - reach, apart @ b + reach), rel=1e-6
        )


def test_a_logarithm_is_told_in_shares_of_its_column():
    data = homes()
    model = fit(data, formula="log(price) ~ baths + log(area) + town")
    page, (baths, area, town) = told(model, data), model.weight[0]
    assert page.of("baths, one more")[0] == pytest.approx(np.expm1(baths))
    assert page.of("area, a tenth more")[0] == pytest.approx(1.1**area - 1)
    assert page.of("town Bonn rather than Aa")[0] == pytest.approx(np.expm1(town))


def test_where_training_stopped_sentences_have_no_interval():
    from gradline import GradientDescent

    model = fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=100))
    page = told(model)
    assert [len([n for n in numbers if n is not None]) for _, numbers in page.sentences] == [1] * 6
    assert any(text.startswith("Stopped at epoch 100") for text in page.doubts)


def few(seed):
    data = homes(rows=9, noise=20.0, seed=seed)
    return {name: data[name] for name in ("area", "baths", "price")}


def refitted(X, y):
    """Errors of each row predicted by a fit of all others, and which lie within the 95 % interval of that."""
    from scipy.stats import t

    errors, within = [], []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        b, (squares,), *_ = np.linalg.lstsq(X[rest], y[rest])
        freedom = len(y) - 1 - X.shape[1]
        spread = np.sqrt(squares / freedom * (1 + X[i] @ np.linalg.inv(X[rest].T @ X[rest]) @ X[i]))
        errors.append(y[i] - X[i] @ b)
        within.append(abs(errors[-1]) <= t.ppf(0.975, freedom) * spread)
    return np.array(errors), np.array(within)


def test_left_out_rows_are_predicted_as_by_fits_without_them():
    for seed in range(40):  # of so few rows, where a degree of freedom more or less is seen
        data = few(seed)
        (left_out,) = known(shown_rows(fit(data, "price"), data).left_out)
        X, y = np.column_stack([np.ones(9), data["area"], data["baths"]]), data["price"]
        errors, within = refitted(X, y)
        assert left_out.rmse == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-9)
        assert left_out.r2 == pytest.approx(1 - np.mean(errors**2) / y.var(), rel=1e-9)
        assert left_out.covered == pytest.approx(within.mean())
    data = few(0)
    (left_out,) = known(shown_rows(fit(data, "price"), data).left_out)
    page = told(fit(data, "price"), data)
    assert page.row("each row, by a fit of all others") == pytest.approx([left_out.rmse, left_out.r2])


def test_of_many_rows_figures_show_some_and_those_that_stand_out():
    data = homes(rows=3000, noise=20.0)
    model = fit(data, "price")
    points = shown_rows(model, data).points[0]
    assert len(points.number) <= MOST < 3000
    residual = data["price"] - model.predict(data)[:, 0]
    places = points.number.astype(int) - 1
    assert points.residual == pytest.approx(residual[places], abs=1e-9)
    assert {*np.argsort(-np.abs(residual))[:10]} <= {*places}
    # The others are drawn evenly: of any half of the table about half.
    assert 0.4 < (places[points.is_random] < 1500).mean() < 0.6


def test_robust_errors_stand_beside_the_plain_ones():
    from statsmodels.api import OLS, add_constant

    data = homes(noise=10.0)
    X = add_constant(np.column_stack([data["area"], data["baths"]]))
    page = told(fit(data, "price", features=["area", "baths"]), data)
    for name, error in zip(("bias", "area", "baths"), OLS(data["price"], X).fit().HC3_se, strict=True):
        assert page.row(name)[-1] == pytest.approx(error, rel=1e-9)


def test_held_out_figures_stand_beside_the_others():
    model = fit("example:penguins", "body_mass_g", missing="drop", holdout=0.3, seed=2)
    page = told(model)
    assert model.holdout is not None
    assert page.row(f"{model.holdout.rows} rows held out") == pytest.approx(
        [model.holdout.rmse[0], model.holdout.r2[0]]
    )


def noisy(rows=300, **changed):
    """Two columns that cause y, with errors of equal size; what is changed is made of their table.

    One draw in twenty or so is blamed by chance; this is one of the others.
    """
    random = np.random.default_rng(8)
    x, z, e = random.normal(size=(3, rows))
    table = {"x": x, "z": z, "y": 1 + x + z + e}
    return table | {name: make(table) for name, make in changed.items()}


def jitter(size):
    return size * np.random.default_rng(4).normal(size=300)


DOUBTS = {  # what is told, in data of which that is so
    "alone explains": noisy(copy=lambda t: 2 * t["y"] + jitter(1e-3)),
    "next to nothing more": noisy(late=lambda t: t["y"] + jitter(0.05), square=lambda t: t["z"] ** 2),
    "nearly what other columns say": noisy(twin=lambda t: t["x"] + jitter(0.05)),
    "are few": noisy(rows=20),
    "stand there before": {name: np.r_[column, column[:90]] for name, column in noisy().items()},
    "not of equal size": noisy(y=lambda t: t["x"] * (1 + jitter(2))),
    "A straight line is not enough": noisy(y=lambda t: t["y"] + t["x"] ** 2),
    "left out for missing cells": noisy(z=lambda t: [None] * 30 + t["z"][30:].tolist()),
}


@pytest.mark.parametrize("words", DOUBTS)
def test_a_doubt_is_told_where_there_is_one_and_not_where_there_is_none(words):
    data = DOUBTS[words]
    found = told(fit(data, "y", missing="drop"), data).doubts
    assert any(words in text for text in found), found
    clean = noisy()
    page = report(fit(clean, "y"), clean)
    assert Answers(page).doubts == []
    assert "Nothing was found" in page.html


def test_labels_stand_wherever_readers_look_and_names_where_the_model_is_made_again():
    data = homes()
    model = fit(data, "price")
    about = {
        "price": {"label": "Price", "unit": "k€", "about": "asked for"},
        "baths": {"more": "one more bathroom"},
        "town": {"label": "Place", "levels": {"Bonn": "the old capital"}},
    }
    page = told(model, data, labels=about)
    words = [text for text, _ in page.sentences]
    assert "one more bathroom" in words
    assert "Place the old capital rather than Aa" in words
    html = report(
        model, data, labels=about, title="Ours & yours", author="A. B.", date="2026", notes="x < y"
    ).html
    for text in (
        "Ours &amp; yours",
        "A. B., 2026",
        "x &lt; y",
        "k€",
        "asked for",
        "prediction of Price (k€)",
    ):
        assert text in html, text


def test_labels_that_say_nothing_are_refused():
    with refused("label-of-no-column", "bath", "baths"):
        report(fit(homes(), "price"), labels={"bath": "Bathrooms"})
    for entry in (3, {"lable": "Bathrooms"}, {"levels": "a"}, {"unit": 1}, {"levels": {"a": 1}}):
        with refused("label-invalid", "baths"):
            labels({"baths": entry})


def test_a_label_file_is_read_as_a_mapping_is(tmp_path):
    path = tmp_path / "labels.toml"
    path.write_text('price = "Price"\n[baths]\nmore = "one more bathroom"\nlevels = { a = "A" }\n')
    assert labels(path) == labels(
        {"price": "Price", "baths": {"more": "one more bathroom", "levels": {"a": "A"}}}
    )
    path.write_text("price = \n")
    with refused("labels-unreadable", path):
        labels(path)
    with refused("labels-unreadable", "no.toml"):
        labels(tmp_path / "no.toml")


def test_several_models_are_set_side_by_side_first():
    data = homes(noise=10.0)
    small, large = fit(data, "price", features=["area"]), fit(data, "price")
    page = report([small, large], data)
    answers = Answers(page)
    assert answers.row("coefficients") == [2, 4]
    assert answers.row("AIC") == pytest.approx([float(known(m.inference.aic)[0]) for m in (small, large)])
    assert answers.row("baths")[0] == large.weight[0, 1]  # the first has none
    assert "different rows" not in page.html
    assert "different rows" in report([small, fit(homes(rows=61), "price")]).html
    assert "model 2 predicts price best on rows that it has not seen" in page.html
    assert page.html.index("Side by side") < page.html.index("What matters")
    with refused("models-missing"):
        report([])


def test_figures_have_the_digits_that_their_errors_leave():
    random = np.random.default_rng(5)
    for value, error in zip(
        random.normal(size=400) * 10.0 ** random.integers(-9, 9, 400), random.random(400), strict=True
    ):
        error = abs(value) * 10 ** (3 * error - 2)
        shown = float(rounded(value, error).replace(",", "").replace("−", "-"))
        place = 10.0 ** (np.floor(np.log10(error)) - 1)
        assert abs(shown - value) <= 0.5001 * place  # to the second digit of the error
        assert float(short(value).replace(",", "").replace("−", "-")) == pytest.approx(value, rel=5.1e-3)
    for part in (0.9999, 0.999, 1 - 1e-9, 0.5, 1e-3):
        assert (share(part) == "100 %") == (part == 1.0)


def test_ticks_are_round_within_their_ends_and_no_more_than_asked():
    random = np.random.default_rng(6)
    for low, wide, most in zip(
        random.normal(size=200) * 1e3, 10 ** random.uniform(-4, 6, 200), [2, 3, 4, 6] * 50, strict=True
    ):
        found = ticks(low, low + wide, most)
        assert 1 <= len(found) <= most
        assert all(low - 1e-9 * wide <= value <= low + wide * (1 + 1e-9) for value in found)
        assert np.allclose(np.diff(found), np.diff(found)[:1] if len(found) > 1 else 0)


@pytest.mark.parametrize(
    "formula", ["log(price) ~ area * town + baths", "price ~ poly(area, 2) + town + baths"]
)
def test_what_if_predicts_as_the_model_does(formula, tmp_path, browse):  # noqa: F811
    data = homes(noise=10.0)
    model = fit(data, formula=formula)
    report(model, data).save(tmp_path / "page.html")
    watched = browse()
    page = watched.open(tmp_path / "page.html")
    page.get_by_label("area", exact=True).first.fill("120")
    page.get_by_label("town", exact=True).select_option("Bonn")
    page.get_by_label("baths", exact=True).first.fill("2")
    row = {"area": [120.0], "town": ["Bonn"], "baths": [2.0]}
    expected = model.predict(row, interval=0.95)[:, 0, 0]
    expected = np.exp(expected) if formula.startswith("log") else expected
    shown = [
        float(node.get_attribute("data-value")) for node in page.locator(".predicted [data-value]").all()
    ]
    assert shown == pytest.approx(expected.tolist(), rel=1e-9)
    page.get_by_label("area", exact=True).first.fill("500")
    assert "Outside the range of the rows: area" in page.locator(".predicted").inner_text()
    watched.expect_quiet()


def test_pages_are_small_whatever_the_rows_are():
    random = np.random.default_rng(7)
    many = {f"x{i}": random.normal(size=5000) for i in range(60)} | {"y": random.normal(size=5000)}
    assert len(report(fit(many, "y"), many).html.encode()) < 1_500_000


def test_the_command_writes_pages_markdown_and_paper(tmp_path, gradline):
    (tmp_path / "labels.toml").write_text('apples = "Apples <b>"\n')
    gradline("fit", "example:crops", "-t", "apples", "-o", "one.safetensors")
    gradline("fit", "example:crops", "-t", "apples", "-f", "rainfall", "-o", "two.safetensors")
    words = [
        "one.safetensors",
        "example:crops",
        "--labels",
        "labels.toml",
        "--author",
        "A|B",
        "--date",
        "today",
    ]
    assert gradline("report", *words, "-o", "r.md").code == 0
    text = (tmp_path / "r.md").read_text()
    assert "What matters for Apples \\<b\\>" in text
    assert "A\\|B, 20" in text
    assert re.search(r"1\. rainfall, one more: \*\*\+0\.\d+\*\*", text)
    assert gradline("report", *words, "--to", "markdown", "-o", "r.md").code == 0  # over one of ours
    assert gradline("report", "one.safetensors", "two.safetensors", "example:crops").code == 0
    assert "Side by side" in (tmp_path / "one-report.html").read_text()
    done = gradline("--debug", "report", "one.safetensors", "no", "two.safetensors")
    assert (done.code, "model-not-named-so" in done.err) == (2, True)
    done = gradline("--debug", "report", "one.safetensors", "--to", "word")
    assert (done.code, "report-kind-invalid" in done.err) == (2, True)


@pytest.mark.needs("chromium")
def test_paper_is_printed_by_a_browser_that_is_there(tmp_path, monkeypatch):
    from gradline.pages.printing import expect_browser, pdf

    page = report(fit(*CROPS), "example:crops")
    pdf(page, tmp_path / "r.pdf")
    content = (tmp_path / "r.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") >= 2 or content.count(b"/Type/Page") >= 2
    monkeypatch.setattr("shutil.which", lambda _: "/bin/false")
    with refused("printing-failed", "/bin/false"):
        pdf(page, tmp_path / "s.pdf")
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("gradline.pages.printing._PLACES", ())
    with refused("browser-not-found", "Chromium"):
        expect_browser()
