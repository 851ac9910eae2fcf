"""The playground in a browser: it shows what Trajectory says, every control works, and nothing of the data runs."""

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from browser import Watched, findings, until
from known import known
from packaged import flights_file, package_file
from refusals import expect_refusal

import gradline as gl
from gradline.core.text import big, number, percent
from gradline.pages import document
from gradline.pages.document import Page, asset, joined_modules, json_text, plotly_scripts
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum

CROPS = ["apples", "oranges"]
FLIGHTS = ["dep_delay", "distance", "air_time", "hour", "carrier", "origin"]
TALL = 7000  # pixels: every figure is in sight, so every figure is drawn
pytestmark = pytest.mark.slow  # a browser draws whole pages
FIGURES = {"fit", "loss", "slice", "surface", "weights", "predictions", "gaps", "rates", "batches"}


def penguins(folder):
    path = folder / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    return path, "body_mass_g", {"missing": "drop", "exclude": ["year"]}


def flights(_):
    return flights_file(), "arr_delay", {"missing": "drop", "features": FLIGHTS}


def twenty(_):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 20)) * np.exp(rng.normal(size=20)) + rng.normal(size=20)
    names = [f"f{i}" for i in range(20)]
    y = X @ rng.normal(size=20) + rng.normal(size=3000)
    return dict(zip([*names, "y"], np.column_stack([X, y]).T, strict=True)), "y", {}


TABLES = {
    "crops": lambda _: ("example:crops", CROPS, {}),
    "iphone": lambda _: ("example:iphone", "sales", {}),
    "penguins": penguins,
    "flights": flights,
    "twenty": twenty,
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The page of a table by name, written once, and what it was made of."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}

    def page(name):
        if name not in made:
            given = TABLES[name](folder)
            path = folder / f"{name}.html"
            gl.play(given[0], given[1], **given[2]).save(path)
            made[name] = path, given
        return made[name]

    return page


def whole(watched, path, fragment=""):
    """The page of a file, when Plotly is there, which is run after all else."""
    page = watched.open(path, fragment)
    until(page, "'Plotly' in window")
    settled(page)
    return page


@pytest.fixture(scope="module")
def tabs(chromium, pages):
    """The page of a table in a tab that stays open, as it begins: to open a page anew is what takes the time."""
    kept = {}

    def tab(name, width=1280, height=900):
        if name not in kept:
            kept[name] = Watched(chromium.new_page())
            whole(kept[name], pages(name)[0])
            kept[name].page.click("#more-figures summary")
        kept[name].page.set_viewport_size({"width": width, "height": height})
        kept[name].page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        steer(kept[name].page, epoch=100)  # where each begins; an empty link would be no change
        return kept[name]

    yield tab
    for watched in kept.values():
        watched.page.close()


@pytest.fixture
def tab(tabs):
    """The crops as the page begins."""
    watched = tabs("crops")
    yield watched.page
    watched.expect_quiet()


def settled(page):
    """Two frames: one in which settings are told, one after everything was drawn, and what waits for a drag to end."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    until(page, "!document.querySelector('.waiting')")


def steer(page, **settings):
    """Say settings as a link does, all others as the page begins, and wait until they are shown."""
    words = "&".join(f"{name}={value}" for name, value in settings.items())
    page.evaluate("words => { history.replaceState(null, '', '#'); location.hash = words }", words)
    page.wait_for_timeout(30)  # the browser tells of a new address in its own time
    settled(page)


def headline(page):
    """What is said of where we are, without what a screen reader was told last."""
    return page.inner_text(".where") + page.inner_text(".why")


def value(page, selector):
    text = page.get_attribute(selector, "data-value")
    return None if text in (None, "") else float(text)


def drawing(page):
    """For each figure in sight what is drawn: shapes and words, without the ids that Plotly draws by lot."""
    return page.evaluate(
        """() => {
          const names = ["d", "cx", "cy", "x", "y", "x1", "transform", "fill", "style"];
          const looks = (node) => [...names.map((name) => node.getAttribute(name)), node.textContent];
          const plots = [...document.querySelectorAll("section.card .plot")];
          return Object.fromEntries(plots.map((plot) => [
            plot.closest("section").id.replace("figure-", ""),
            [...plot.querySelectorAll("path, circle, line, text, rect.bg")].map(looks).join("|"),
          ]));
        }"""
    )


@pytest.mark.parametrize("name", ["crops", "penguins", "iphone", "flights"])
def test_a_page_is_quiet_whole_and_small(tabs, pages, name):
    assert pages(name)[0].stat().st_size < 6e6
    watched = tabs(name, height=TALL)
    page = watched.page
    dark_and_back = ("#theme", "#theme")
    for control in ("#step", "#new-start", "#mistake-stale_loss", "#mistake-lr", "#best-lr", *dark_and_back):
        page.click(control)
        settled(page)
    drawn = drawing(page)
    assert set(drawn) == FIGURES
    assert all(drawn.values())
    watched.expect_quiet()


def test_the_page_holds_no_address_of_ours(pages):
    ours = pages("crops")[0].read_text()
    for script in plotly_scripts():
        ours = ours.replace(script, "")
    assert set(re.findall(r"\w+://[^\s\"'`]+", ours)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_lets_nothing_in_but_by_hash(pages):
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', pages("crops")[0].read_text())
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("script-src", "style-src"):
        assert all(source.startswith("'sha256-") for source in rules[kind].split())
    assert rules["img-src"] == "data: blob:"


# What each control must move, and nothing else.
MOVES = {
    "epoch": (lambda page: page.press("#epoch-slider", "ArrowRight"), FIGURES - {"rates"}),
    "step": (lambda page: page.click("#step"), FIGURES - {"rates"}),
    "lr": (lambda page: page.press("#lr-slider", "ArrowRight"), FIGURES),
    "best lr": (lambda page: page.click("#best-lr"), FIGURES),
    "momentum": (lambda page: page.press("#momentum", "ArrowRight"), FIGURES),
    "columns": (lambda page: page.check("#view-2"), FIGURES),
    "batch size": (lambda page: page.press("#batch", "ArrowLeft"), {"surface", "batches"}),
    "target": (lambda page: page.check("#target-1"), FIGURES - {"loss", "gaps", "rates", "batches"}),
    "weight": (lambda page: page.select_option("#parameter", "2"), {"fit", "slice", "weights"}),
    "new start": (lambda page: page.click("#new-start"), FIGURES - {"rates"}),
    "reset": (lambda page: page.click("#reset"), FIGURES - {"rates"}),
    "forgotten reset": (lambda page: page.click("#mistake-forgotten_zero_grad"), FIGURES - {"batches"}),
    "lr too large": (lambda page: page.click("#mistake-lr"), FIGURES),
}


def test_each_control_moves_the_figures_that_it_should(tabs):
    watched = tabs("crops", height=TALL)
    page = watched.page
    for name, (act, expected) in MOVES.items():
        steer(page, epoch=3)  # where every step is seen; the rest as the page begins
        until(
            page,
            "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.marks > *, .main-svg'))",
        )
        before = drawing(page)
        act(page)
        settled(page)
        after = drawing(page)
        assert {figure for figure in FIGURES if before[figure] != after[figure]} == expected, name
    watched.expect_quiet()


def test_marks_stand_where_the_axes_say(tabs):
    """Our marks are drawn without Plotly's help, so its own arithmetic must place them where they are."""
    page = tabs("crops", height=TALL).page
    steer(page, epoch=37)
    x, y = page.evaluate(
        """() => {
          const { xaxis, yaxis } = document.querySelector("#figure-loss .still")._fullLayout;
          const loss = Number(document.getElementById("loss").dataset.value);
          return [xaxis._offset + xaxis.d2p(37), yaxis._offset + yaxis.d2p(loss)];
        }"""
    )
    dot = page.locator("#figure-loss .marks circle")
    assert [float(dot.get_attribute(side)) for side in ("cx", "cy")] == pytest.approx([x, y], abs=0.01)
    expected = page.evaluate(
        """() => {
          const still = document.querySelector("#figure-fit .still");
          const { xaxis, yaxis } = still._fullLayout;
          const { x, y } = still.data[0];
          return x.map((value, i) => [xaxis._offset + xaxis.d2p(value), yaxis._offset + yaxis.d2p(y[i])]);
        }"""
    )
    sticks = page.locator("#figure-fit .marks path").first.get_attribute("d")
    starts = [[float(part) for part in point] for point in re.findall(r"M([\d.]+) ([\d.]+)", sticks)]
    assert np.array(starts) == pytest.approx(np.array(expected), abs=0.06)


LOOK = """() => [
  [...document.querySelectorAll("#figure-loss .curve path")].at(-1).getAttribute("d"),
  document.querySelector("#figure-loss .still")._fullLayout.yaxis.range[1],
]"""
LOOK_WHILE_WAITING = f"""() => new Promise((done) => {{
  const plot = document.querySelector("#figure-loss .plot");
  new MutationObserver(() => done(({LOOK})())).observe(plot, {{ attributeFilter: ["class"] }});
  location.hash = "epoch=3&lr=0.001";
  setTimeout(() => done([null, null]), 5000);
}})"""


def test_axes_wait_for_the_end_of_a_drag_and_curves_do_not(tab):
    steer(tab, epoch=3)
    first, dragged = tab.evaluate(LOOK), tab.evaluate(LOOK_WHILE_WAITING)
    settled(tab)
    rested = tab.evaluate(LOOK)
    assert len({curve for curve, _ in (first, dragged, rested)}) == 3
    assert first[1] == dragged[1] < rested[1]


def shown_coefficients(page):
    rows = page.locator("#coefficients tbody tr")
    cells = [
        [
            float(text)
            for text in row.locator("td").evaluate_all("cells => cells.map((cell) => cell.dataset.value)")
        ]
        for row in rows.all()
    ]
    return np.array(cells)[:, ::2]  # now, beside the optimum


@pytest.mark.parametrize(
    ("name", "view"),
    [("crops", "raw"), ("penguins", "standardised"), ("twenty", "raw")],
)
def test_the_page_says_what_trajectory_says(tabs, pages, name, view):
    watched, table = tabs(name, width=360, height=300), pages(name)[1]
    page = watched.page
    rng = np.random.default_rng([len(name), len(view)])
    moments = gl.fit(table[0], table[1], **table[2]).moments
    scaling = Scaling.standard(moments, True) if view == "standardised" else Scaling.none(moments.p)
    seen = scaling.moments(moments)
    spectrum = Spectrum.of(seen)
    for i in range(10):
        momentum = float(rng.choice([0.0, rng.random()]))
        lr = float(spectrum.lr_limit(momentum) * 10 ** rng.uniform(-3, -0.01))
        epoch = 10**9 if i == 9 else int(10 ** rng.uniform(0, 7))
        steer(page, view=view, lr=lr, momentum=momentum, epoch=epoch)
        point = gl.Trajectory(seen, lr=lr, momentum=momentum).at(epoch)
        weight, bias = scaling.to_raw(point.weight, point.bias)
        assert value(page, "#loss") == pytest.approx(point.loss, rel=1e-9)
        assert value(page, "#gap") == pytest.approx(point.gap, rel=1e-9, abs=1e-9 * point.loss)
        expected = np.vstack([bias, weight.T])
        assert shown_coefficients(page) == pytest.approx(
            expected, rel=1e-9, abs=1e-9 * np.abs(expected).max()
        )
    watched.expect_quiet()


def test_past_the_limit_the_page_says_growth_and_columns(tab):
    spectrum = Spectrum.of(gl.Moments.of("example:crops", CROPS))
    lr = 2 * spectrum.lr_limit()
    steer(tab, lr=lr, epoch=20000)
    said = headline(tab)
    assert f"grows {number(spectrum.growth(lr))}×" in said
    assert all(f"{name} {percent(share)}" in said for name, share in spectrum.shares()[:3])
    assert value(tab, "#loss") is None
    assert "10^" in said


def test_a_learner_finds_out_why_100_epochs_are_not_enough(tab):
    moments = gl.Moments.of("example:crops", CROPS)
    walk = gl.Trajectory(moments, lr=1e-5)
    scaled = Scaling.standard(moments, True).moments(moments)
    best = gl.Trajectory(scaled, lr=Spectrum.of(scaled).best_lr())
    said = headline(tab)
    point, held = walk.at(100), walk.directions(100)[0]
    assert number(point.gap) in said
    assert held.columns in said
    assert f"every {big(known(held.half_life))} epochs" in said
    assert big(walk.epochs_to_weights()) in said
    assert number(walk.lr_limit) in said
    assert f"{big(best.epochs_to_weights())} epochs" in said
    tab.check("#view-2")
    settled(tab)
    assert value(tab, "#lr") is None  # the field shows the rate itself
    assert float(tab.input_value("#lr")) == pytest.approx(Spectrum.of(scaled).best_lr(), rel=1e-5)
    assert known(value(tab, "#gap")) < 1e-6
    raw = gl.Trajectory(moments, lr=Spectrum.of(moments).best_lr())
    assert f"raw) the best rate would need {big(raw.epochs_to_weights())} epochs" in tab.inner_text(
        "#headline"
    )


HOSTILE = [
    '"><img src=x onerror="document.title=\'ran\'">',
    "</script><script>document.title='ran'</script>",
    "<b>bold</b> & <a href='javascript:1'>a</a>",
    "🌧️ rain",
    "گرما",
    "x" * 200,
    "two\nlines\u2028three",
    "%{x} $a_1$",
]


def test_names_are_text_and_nothing_of_them_runs(browse, tmp_path):
    rng = np.random.default_rng(1)
    table = {name: rng.normal(size=30) for name in HOSTILE}
    table["<i onclick=alert(1)>level"] = np.array(["<svg onload=alert(1)>", "</style>"] * 15)
    table["y<script>"] = rng.normal(size=30)
    gl.play(table, "y<script>").save(tmp_path / "hostile.html")
    watched = browse(height=TALL)
    watched.page.on("dialog", lambda dialog: watched.errors.append(dialog.message))
    page = whole(watched, tmp_path / "hostile.html")
    page.click("#more-figures summary")
    for position in range(len(HOSTILE) + 1):
        page.select_option("#parameter", str(position))
        settled(page)
    assert page.title().startswith("y<script> from ")
    assert page.locator("img, b:not([data-value]):not(.dial b), main a, main script, main style").count() == 0
    titles = page.locator("#coefficients tbody th").evaluate_all("heads => heads.map((head) => head.title)")
    assert set(HOSTILE) < set(titles)
    watched.expect_quiet()


def test_a_link_restores_the_state(browse, tab, pages):
    path, page = pages("crops")[0], tab
    page.fill("#epoch", "12345")
    page.press("#epoch", "Enter")
    page.press("#momentum", "ArrowRight")
    page.check("#target-1")
    page.select_option("#parameter", "0")
    page.click("#new-start")
    page.press("#batch", "ArrowLeft")
    page.click("#mistake-stale_loss")
    until(page, "location.hash.includes('stale_loss')")
    fragment = page.evaluate("location.hash")
    again = browse().open(path, fragment)
    settled(again)
    assert again.inner_text(".why") == page.inner_text(".why")
    assert value(again, "#loss") == value(page, "#loss")
    for control in ("#epoch", "#lr", "#momentum", "#batch", "#parameter"):
        assert again.input_value(control) == page.input_value(control)
    assert again.is_checked("#target-1")
    assert again.get_attribute("#mistake-stale_loss", "aria-pressed") == "true"


def test_a_link_that_cannot_be_is_left_aside(tab):
    hopeless = "epoch=-1&lr=0&momentum=2&view=up&target=9&batch=0"
    for fragment in (hopeless, "epoch=x&lr=NaN&seed=&mistake=all", "%", "epoch=1e99"):
        tab.evaluate("words => { location.hash = words }", fragment)
        tab.wait_for_timeout(30)
        settled(tab)
        assert tab.input_value("#epoch") == "100"
        assert float(tab.input_value("#lr")) == 1e-5
        assert tab.is_checked("#view-0")


def test_the_keyboard_alone_reaches_and_moves_everything(tab):
    tab.focus(".skip")
    tab.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached.append(
            tab.evaluate(
                "document.activeElement.id || document.activeElement.dataset.save || document.activeElement.tagName"
            )
        )
    controls = {
        "link",
        "theme",
        "play",
        "step",
        "reset",
        "new-start",
        "epoch-slider",
        "epoch",
        "lr",
        "lr-slider",
        "best-lr",
        "momentum",
        "batch",
        "view-0",
        "mistake-lr",
        "target-0",
        "parameter",
        "png",
        "svg",
        "field-0",
    }
    assert controls <= set(reached)
    tab.focus("#epoch-slider")
    for key, epoch in (
        ("ArrowRight", 102),
        ("ArrowLeft", 100),
        ("PageUp", 1000),
        ("Home", 0),
        ("ArrowRight", 1),
        ("End", 10**9),
    ):
        tab.keyboard.press(key)
        settled(tab)
        assert tab.input_value("#epoch") == str(epoch)
        assert tab.get_attribute("#epoch-slider", "aria-valuetext") == f"epoch {big(epoch)}"
    tab.focus("#view-0")
    tab.keyboard.press("ArrowRight")
    assert tab.is_checked("#view-1")
    tab.focus("#mistake-lr")
    tab.keyboard.press("Space")
    settled(tab)
    assert tab.get_attribute("#mistake-lr", "aria-pressed") == "true"
    assert "above" in headline(tab)


def test_play_runs_and_pauses(tab):
    steer(tab, epoch=0)
    tab.click("#play")
    until(tab, "Number(document.getElementById('epoch').value) > 2")
    tab.click("#play")
    settled(tab)
    epoch = tab.input_value("#epoch")
    tab.wait_for_timeout(150)
    assert tab.input_value("#epoch") == epoch


@pytest.mark.needs("axe")
@pytest.mark.parametrize(("name", "settings"), [("crops", {"lr": 0.001}), ("penguins", {"mistake": "pairs"})])
def test_a_page_fits_every_window_and_every_reader(tabs, name, settings):
    """Nothing is wider than the window, and axe-core has nothing serious to say, in light and dark."""
    page = tabs(name).page
    steer(page, **settings)
    for width, scheme in ((360, "light"), (1920, "light"), (1024, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert findings(page) == []
    page.emulate_media(color_scheme="null")


def test_a_figure_is_saved_with_what_moves_on_it(tab):
    page = tab
    page.set_viewport_size({"width": 1280, "height": TALL})
    settled(page)
    with page.expect_download() as saving:
        page.click("#figure-loss [data-save=svg]")
    tree = ElementTree.parse(saving.value.path())
    circles = [node for node in tree.iter() if node.tag.endswith("circle")]
    assert [float(known(node.get("cx"))) for node in circles] == [
        float(known(page.get_attribute("#figure-loss circle", "cx")))
    ]
    assert any("js-line" in (node.get("class") or "") for node in tree.iter())
    path = page.get_attribute("#figure-loss .curve path", "d")
    assert path in {node.get("d") for node in tree.iter()}
    with page.expect_download() as saving:
        page.click("#figure-slice [data-save=png]")
    assert saving.value.path().read_bytes().startswith(b"\x89PNG\r\n")


def test_the_plane_of_two_features_turns_and_moves(browse, tmp_path):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 2))
    gl.play(X, X @ [1.0, 2.0]).save(tmp_path / "two.html")
    watched = browse()
    page = whole(watched, tmp_path / "two.html")
    seen = [drawing(page)["fit"]]
    for act in (lambda: page.press("#figure-fit .plot", "ArrowLeft"), lambda: page.click("#step")):
        act()
        settled(page)
        seen.append(drawing(page)["fit"])
    assert len(set(seen)) == 3
    watched.expect_quiet()


@pytest.mark.parametrize(
    "options",
    [
        {"bias": False, "rows": 0},
        {"features": ["temp"], "bias": False},
        {"features": ["temp"]},
    ],
)
def test_every_kind_of_model_has_a_page(browse, tmp_path, options):
    gl.play("example:crops", "apples", exclude=[] if "features" in options else ["oranges"], **options).save(
        tmp_path / "page.html"
    )
    watched = browse(height=TALL)
    page = whole(watched, tmp_path / "page.html")
    page.click("#more-figures summary")
    settled(page)
    assert set(drawing(page)) == FIGURES
    watched.expect_quiet()


def test_a_page_shows_itself_in_a_notebook(browse, pages):
    watched = browse()
    page = watched.page
    page.set_content(Page(pages("crops")[0].read_text())._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("#loss[data-value]").wait_for()
    before = frame.locator("#loss").get_attribute("data-value")
    frame.locator("#step").click()
    frame.locator(f"#loss:not([data-value='{before}'])").wait_for()
    page.wait_for_timeout(400)  # until a link would be written
    watched.expect_quiet()


def test_the_command_writes_a_page(gradline, tmp_path):
    done = gradline("play", "example:crops", "--no-rows")
    assert (done.code, done.out, done.err) == (0, "", "saved: crops-play.html\n")
    text = (tmp_path / "crops-play.html").read_text()
    [block] = re.findall(r'<script type="application/json" id="state">(.*?)</script>', text)
    assert json.loads(block)["sample"] is None
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n2,4\n3,7\n")
    listed = gradline("--debug", "play", "mine.csv")
    assert listed.code == 2
    expect_refusal(listed.err, "no-target-chosen", "-t COLUMN")
    refused = gradline("--debug", "play", "mine.csv", "-t", "b", "-o", "mine.csv")
    assert refused.code == 1
    expect_refusal(refused.err, "output-exists", "mine.csv")
    assert gradline("play", "mine.csv", "-t", "b", "-o", "crops-play.html").code == 0


def test_json_in_a_page_ends_no_script():
    value = {"</script>": ["<!--", "]]>", "a&b", "\u2028\u2029", "é"]}
    text = json_text(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            {
                "app.js": 'import { a } from "./b.js";\nconst [c, d] = a;\n',
                "b.js": "export const a = 1;\nfunction d() {}\n",
            },
            "define d",
        ),
        ({"app.js": 'import { a as b } from "./b.js";\n', "b.js": "export const a = 1;\n"}, "renames"),
    ],
)
def test_modules_that_cannot_be_joined_are_refused(tmp_path, monkeypatch, texts, said):
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(document, "ASSETS", tmp_path)
    with pytest.raises(ValueError, match=said):
        joined_modules("app.js")


def test_modules_are_joined_after_what_they_import():
    joined = joined_modules("app.js")
    assert "import {" not in joined
    assert not re.search(r"^export", joined, re.MULTILINE)
    assert (
        joined.index("function dotProduct")
        < joined.index("function problemOf")
        < joined.index("function storeOf")
    )
    assert asset("app.js").splitlines()[-1] in joined
