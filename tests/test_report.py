"""The report: its numbers are those of `gradline show --json`, names are text, and nothing is cut on paper."""

import json
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from browser import Watched, browse, chromium, findings  # noqa: F401 - two are fixtures
from known import known
from packaged import package_file
from refusals import refused

from gradline import GradientDescent, fit, load, report

pytestmark = pytest.mark.slow  # a browser draws whole pages
CROPS = ("example:crops", ["apples", "oranges"])
HOSTILE = [
    '"><img src=x onerror="ran(1)">',
    "</script><script>ran(2)</script>",
    "</title><svg onload=ran(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "🍎 \u202eright\u202c שלום",
    "l" * 200,
    "two\nlines",
    "<b>&amp;$x^2$</b>",
]


class Reader(HTMLParser):
    """What a page holds: its tags, the text of each element, and its numbers by their place in the JSON."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.numbers, self.shown, self.equations, self.cells, self.commands = (
            [],
            {},
            {},
            [],
            [],
            [],
        )
        self._open, self._text = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self._open.append((tag, given))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append([None, ""])
        if tag == "p" and given.get("class") == "equation":
            self.equations.append("")
        if tag == "code" and any(name == "pre" for name, _ in self._open):
            self.commands.append("")
        if tag == "data":
            value = json.loads(known(given["data-value"]))
            if "data-key" in given:
                assert self.numbers.setdefault(given["data-key"], value) == value
                self.shown[given["data-key"]] = given["value"]
            if any(name == "td" for name, _ in self._open):
                self.cells[-1][-1][0] = value

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        names = [name for name, _ in self._open]
        if "td" in names or "th" in names:
            self.cells[-1][-1][1] += data
        if "code" in names and "pre" in names:
            self.commands[-1] += data
        if any(given.get("class") == "equation" for _, given in self._open):
            self.equations[-1] += data

    def row(self, name, head):
        """The values of the row called `name` in the table with this head, by its column heads."""
        for i, cells in enumerate(self.cells):
            if [text for _, text in cells] == head:
                body = self.cells[i + 1 :]
                line = next(cells for cells in body if cells[0][1] == name)
                return {title: value for title, (value, _) in zip(head, line, strict=True)}
        raise AssertionError(f"no table with {head}")


def looked_up(card, key):
    """The number at a place such as `inference.weight_t.0.2` of `gradline show --json`."""
    for part in key.split("."):
        card = None if card is None else card[int(part)] if isinstance(card, list) else card[part]
    return card


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    path = tmp_path_factory.mktemp("penguins") / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    return path


def wide(features, rows=200, seed=0):
    """A table of so many features with long names, and one target."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, features)) * 10.0 ** random.integers(-6, 7, features)
    names = [f"a_rather_long_column_name_of_feature_{i:02d}" for i in range(features)]
    frame = pl.DataFrame(X, schema=names)
    return frame.with_columns(y=pl.Series(X @ random.normal(size=features) + random.normal(size=rows)))


def read(model, data=None):
    return Reader(report(model, data).html)


DESCENT = {"stopped": GradientDescent(lr=1e-5, epochs=100), "diverged": GradientDescent(lr=1e-3, epochs=5000)}
MODELS = {
    "certified": (CROPS, {}),
    "stopped": (CROPS, {"solver": DESCENT["stopped"]}),
    "diverged": (CROPS, {"solver": DESCENT["diverged"], "force": True}),
    "no bias, no intervals": (("example:crops5", CROPS[1]), {"bias": False, "holdout": 0.4}),
    "categories": (("penguins.csv", "body_mass_g"), {"exclude": ["year"], "missing": "drop"}),
    "rank deficient": (({"a": [1.0, 2, 3.5, 4], "b": [2.0, 4, 7, 8], "y": [1, 2, 2, 4]}, "y"), {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_numbers_are_those_of_show(name, penguins, tmp_path, gradline, monkeypatch):
    monkeypatch.chdir(penguins.parent)
    (data, targets), options = MODELS[name]
    model = fit(data, targets, **options)
    model.save(tmp_path / "m.safetensors")
    card = json.loads(gradline("show", "m.safetensors", "--json").out)
    page = read(tmp_path / "m.safetensors")
    for key, value in page.numbers.items():
        assert value == looked_up(card, key), key
    for part, values in (("weight", card["weight"]), ("bias", [card["bias"]])):
        for j, line in enumerate(values):
            for i, value in enumerate(line):
                key = f"{part}.{j}.{i}" if part == "weight" else f"bias.{i}"
                assert (key in page.numbers) == (part == "weight" or model.has_bias), (key, value)
    told = {"stderr", "t", "p_value", "interval"} if card["inference"]["weight_stderr"] else set()
    assert {key.split(".")[1][7:] for key in page.numbers if key.startswith("inference.weight_")} == told
    assert {"loss", "gap", "digits", "rank"} <= {
        key.removeprefix("certificate.") for key in page.numbers
    } or (name == "diverged")


def test_what_is_shown_is_the_number_rounded():
    page = read(fit(*CROPS))
    assert page.shown
    for key, text in page.shown.items():
        digits = re.sub(r"[^0-9]", "", text.split("e")[0]).lstrip("0")
        if re.fullmatch(r"-?[\d.,]+(e[-+]\d+)?", text) and page.numbers[key]:
            shown = float(text.replace(",", ""))
            assert shown == pytest.approx(
                page.numbers[key], rel=10.0 ** (1 - max(len(digits), 1)), abs=1e-300
            )


def test_the_equation_as_a_reader_reads_it_predicts():
    model = fit(*CROPS)
    region = {"temp": 75.0, "rainfall": 63.0, "humidity": 44.0}
    page = read(model)
    expected = model.predict({name: [value] for name, value in region.items()})[0]
    for text, target, predicted in zip(page.equations, model.targets, expected, strict=True):
        name, right = re.sub(r"\s+", " ", text).split(" = ")
        assert name.strip() == target
        total = 0.0
        for sign, size, feature in re.findall(r"([+−]?) ?([\d.e-]+)(?: · (\w+))?", right.strip()):
            total += (-1 if sign == "−" else 1) * float(size) * (region[feature] if feature else 1.0)
        assert total == pytest.approx(predicted, rel=1e-4)


def test_the_summary_of_columns_is_that_of_the_rows(penguins):
    page = read(fit(penguins, "body_mass_g", exclude=["year"], missing="drop"))
    raw = pl.read_csv(penguins, null_values="NA").drop("year")
    rows = raw.drop_nulls()
    head = ["", "role", "mean", "standard deviation", "least", "largest", "missing"]
    for name in ("bill_length_mm", "flipper_length_mm", "body_mass_g"):
        line, column = page.row(name, head), rows[name]
        assert line["mean"] == pytest.approx(column.mean(), rel=1e-12)
        assert line["standard deviation"] == pytest.approx(column.std(ddof=0), rel=1e-12)
        assert (line["least"], line["largest"]) == (column.min(), column.max())
        assert line["missing"] == raw[name].null_count()
    share = page.row("species=Chinstrap", head)["mean"]
    assert share == pytest.approx((rows["species"] == "Chinstrap").mean(), rel=1e-12)
    assert page.row("sex=male", head)["missing"] == raw["sex"].null_count()
    assert page.numbers["dropped"] == len(raw) - len(rows)


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_base_levels_and_unused_columns_are_named(penguins):
    model = fit(penguins, "body_mass_g", exclude=["year"], missing="drop")
    said = text_of(report(model, penguins).html)
    assert "species: base level Adelie, against it Chinstrap, Gentoo" in said
    assert "sex: base level female, against it male" in said
    assert "the model does not use: year" in said


def test_without_rows_the_page_says_so():
    page = report(fit(*CROPS))
    assert "No rows were given" in page.html
    assert "no rows were given" in text_of(page.html).split("redictions and what is left of them")[1]


def test_a_stopped_model_says_what_is_missing_and_why():
    model = fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=100))
    page = report(model, "example:crops")
    said = text_of(page.html)
    assert f"No standard errors: {model.inference.reason}" in said
    assert "p of F" not in said
    numbers = Reader(page.html).numbers
    for j in range(2):
        for i in range(3):
            assert numbers[f"certificate.weight_error.{j}.{i}"] == model.certificate.weight_error[j][i]
    for i, direction in enumerate(model.certificate.directions):
        assert numbers[f"certificate.directions.{i}.half_life"] == direction.half_life


def test_rows_that_do_not_agree_are_shown_loud(tmp_path, gradline):
    model = fit(*CROPS)
    model.save(tmp_path / "m.safetensors")
    done = gradline("report", "m.safetensors", "example:crops5", "-o", "r.html")
    html = (tmp_path / "r.html").read_text()
    assert done.code == 3
    assert "Not verified" in done.err
    assert 'role="alert"' in html
    assert "The number of rows is 5, but the model claims 15." in html
    assert gradline("report", "m.safetensors", "example:crops", "-o", "r.html").code == 0
    assert 'role="alert"' not in (tmp_path / "r.html").read_text()


FITS = {
    "exact": ["--exclude", "temp"],
    "gd": [
        "--lr",
        "1e-5",
        "--epochs",
        "7",
        "--momentum",
        "0.5",
        "--init",
        "normal",
        "--seed",
        "3",
        "--no-bias",
    ],
    "sgd": ["--batch-size", "4", "--no-shuffle", "--holdout", "0.2", "--scale", "standard", "-f", "humidity"],
}


@pytest.mark.parametrize("name", FITS)
def test_the_commands_of_the_page_make_the_model_again(name, tmp_path, gradline):
    gradline("fit", "example:crops", "-t", "apples", "-t", "oranges", *FITS[name], "-o", "m.safetensors")
    first = load(tmp_path / "m.safetensors")
    (tmp_path / "m.safetensors").rename(tmp_path / "first.safetensors")
    page = read(first, "example:crops")
    fitted, verified, _ = [shlex.split(command)[1:] for command in page.commands]
    assert gradline(*fitted).code == 0
    again = load(tmp_path / fitted[-1])
    assert (again.weight == first.weight).all()
    assert (again.bias == first.bias).all()
    assert again.config == first.config
    assert gradline(*verified).code == 0


def test_what_no_command_can_hold_is_named():
    rows = {"x": [1.0, 2, 4], "y": [1.0, 3, 4]}
    start = GradientDescent(lr=0.01, init=([[1.0]], [0.0]))
    said = text_of(report(fit(rows, "y", solver=start)).html)
    assert "no command holds it: the rows and the start of training." in said
    assert "no command holds it" not in text_of(report(fit(*CROPS)).html)


def test_a_model_of_pytorch_has_no_command_that_makes_it():
    import torch

    model = __import__("gradline").LinearModel.from_torch(torch.nn.Linear(3, 2), *CROPS)
    page = read(model, "example:crops")
    assert [command.split()[1] for command in page.commands] == ["verify", "report"]


def test_without_jinja2_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with refused("extra-not-installed", "jinja2", "gradline[report]"):
        report(fit(*CROPS))


@pytest.fixture(scope="module")
def hostile():
    """Rows, and the model of them, with hostile names and levels."""
    random = np.random.default_rng(1)
    rows = {name: random.normal(size=40).tolist() for name in HOSTILE[:-1]}
    rows["<i>level"] = random.choice(
        ["<script>ran(4)</script>", "</td><img src=x onerror=ran(5)>", "z"], 40
    ).tolist()
    return rows, fit(rows, [HOSTILE[0], HOSTILE[6]])


def test_hostile_names_stay_text(hostile):
    rows, model = hostile
    plain, page = read(fit(*CROPS), "example:crops"), read(model, rows)
    assert set(page.tags) <= {*plain.tags, "ul", "li", "strong"}
    assert page.tags.count("script") == plain.tags.count("script")
    names = {text for cells in page.cells for _, text in cells[:1]}
    assert names >= {*model.features, *model.targets}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, penguins, hostile):
    """Reports on disk by name: few features, many, text columns, one that does not agree, hostile names, no rows."""
    folder = tmp_path_factory.mktemp("reports")
    crops, many = fit(*CROPS), wide(60)
    made = {
        "crops": report(crops, "example:crops"),
        "many": report(fit(many, "y"), many),
        "penguins": report(fit(penguins, "body_mass_g", missing="drop"), penguins),
        "others": report(crops, "example:crops5"),
        "hostile": report(hostile[1], hostile[0]),
        "stopped": report(fit(*CROPS, solver=DESCENT["stopped"])),
    }
    for name, page in made.items():
        page.save(folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def tabs(chromium, pages):  # noqa: F811
    """A report in a tab that stays open."""
    kept = {}

    def tab(name):
        if name not in kept:
            watched = kept[name] = Watched(chromium.new_page(viewport={"width": 360, "height": 900}))
            watched.page.expose_function("ran", lambda number: watched.errors.append(f"ran {number}"))
            watched.open(pages[name])
        return kept[name]

    yield tab
    for watched in kept.values():
        watched.page.close()


PAPER = 686  # CSS pixels of A4's 210 mm less the margins of 14 mm on either side
SHEET = 1001  # of its 297 mm less 16 mm above and below
TOO_WIDE = """() => [...document.querySelectorAll("main *")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map(element => element.outerHTML.slice(0, 200))"""
CLIPPED = """() => [...document.querySelectorAll("main :is(div, section, table, td, th, p, pre, dd)")].filter(element =>
    getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1
).map(element => element.outerHTML.slice(0, 200))"""
HIGHEST = (
    "Math.max(0, ...[...document.querySelectorAll('figure, tr')].map(x => x.getBoundingClientRect().height))"
)
# Texts of a chart that lie over one another, or beyond its edges; half a unit is what fonts round.
CLASHES = """() => [...document.querySelectorAll("svg.chart")].flatMap(chart => {
    const edge = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
    const outside = texts.filter(([, box]) => box.left < edge.left - 1 || box.right > edge.right + 1);
    const over = texts.flatMap(([name, one], i) => texts.slice(i + 1).filter(([, other]) =>
        one.left + 1 < other.right && other.left + 1 < one.right
        && one.top + 3 < other.bottom && other.top + 3 < one.bottom
    ).map(([other]) => `${name} over ${other}`));
    return [...outside.map(([name]) => `${name} outside`), ...over];
})"""


@pytest.mark.parametrize("name", ["many", "penguins", "others", "hostile", "stopped", "crops"])
def test_a_page_asks_for_nothing_and_fits_a_telephone_and_a_sheet(name, tabs):
    page = tabs(name).page
    tabs(name).expect_quiet()
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(CLASHES) == []
    assert (page.locator("figure:has(.reference)").count() == 0) == (name == "stopped")
    assert page.locator("img").count() == 0
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": SHEET})
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(HIGHEST) < SHEET


def test_without_scripts_all_but_the_panel_is_there(pages, browse):  # noqa: F811
    page = browse(java_script_enabled=False).open(pages["penguins"])
    assert page.locator("svg.chart").count() > 5
    assert page.locator("ol.effects > li").first.is_visible()
    assert page.locator(".whatif *").count() == 0


@pytest.mark.needs("axe")
@pytest.mark.parametrize("name", ["others", "hostile", "penguins"])
def test_axe_finds_nothing_serious(name, tabs):
    """On the page around the figures: each is one image by its name to those who hear it."""
    page = tabs(name).page
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1024, "height": 900})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == []
