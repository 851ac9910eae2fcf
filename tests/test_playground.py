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
from gradline.pages.document import Page, asset, joined_modules, json_text
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum

CROPS = ["apples", "oranges"]
FLIGHTS = ["dep_delay", "distance", "air_time", "hour", "carrier", "origin"]
TALL = 7000  # pixels: every figure is in sight, so every figure is drawn
pytestmark = pytest.mark.slow  # a browser draws whole pages
FIGURES = {"fit", "loss", "slice", "surface", "weights", "nudges", "predictions", "rates", "map"}
AGAIN = {"samples", "slopes"}  # behind a tab of their own, where the points can be drawn again
STEADY = {"rates", "map"}  # what the epoch does not move


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
    "examples": lambda _: (None, None, {}),
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
    """The page of a file when its figures are drawn."""
    page = watched.open(path, fragment)
    until(page, "document.querySelector('.marks > *')")
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
            kept[name].page.click("#tab-more")
        kept[name].page.set_viewport_size({"width": width, "height": height})
        kept[name].page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        steer(kept[name].page, epoch=100)  # an empty link would be no change
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
    for _ in range(2):
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        until(page, "!document.querySelector('.moving')")


def steer(page, **settings):
    """Say settings as a link does, all others as the page begins, and wait until they are shown."""
    words = "&".join(f"{name}={value}" for name, value in settings.items())
    go(page, words)


def go(page, words):
    """Follow a link and wait until the page has heard of it, in the browser's own time, and shows it."""
    page.evaluate(
        """words => new Promise((done) => {
          addEventListener("hashchange", done, { once: true });
          history.replaceState(null, "", "#");
          location.hash = words;
        })""",
        words,
    )
    settled(page)


def headline(page):
    """What is said of where we are, without what a screen reader was told last."""
    return page.inner_text(".tiles") + page.inner_text(".why")


def value(page, selector):
    text = page.get_attribute(selector, "data-value")
    return None if text in (None, "") else float(text)


def drawing(page):
    """For each figure in sight what is drawn: shapes and words."""
    return page.evaluate(
        """() => {
          const names = ["d", "cx", "cy", "x", "y", "x1", "transform", "fill"];
          const looks = (node) => [...names.map((name) => node.getAttribute(name)), node.textContent];
          const plots = [...document.querySelectorAll("section.card .plot")].filter((plot) => plot.offsetParent);
          return Object.fromEntries(plots.map((plot) => [
            plot.closest("section").id.replace("figure-", ""),
            [...plot.querySelectorAll("path, circle, line, text, rect")].map(looks).join("|"),
          ]));
        }"""
    )


@pytest.mark.parametrize("name", ["examples", "crops", "penguins", "iphone", "flights"])
def test_a_page_is_quiet_whole_and_small(tabs, pages, name):
    assert pages(name)[0].stat().st_size < 1e6
    watched = tabs(name, height=TALL)
    page = watched.page
    dark_and_back = ("#theme", "#theme")
    for control in (
        "#step",
        "#new-start",
        "#mistake-stale_loss",
        "#mistake-lr",
        "#lr-first",
        "#lr-here",
        *dark_and_back,
    ):
        page.click(control)
        settled(page)
    drawn = drawing(page)
    assert set(drawn) == FIGURES
    assert all(drawn.values())
    watched.expect_quiet()


def test_the_page_holds_no_address_of_ours(pages):
    text = pages("examples")[0].read_text()
    assert set(re.findall(r"\w+://[^\s\"'`]+", text)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_lets_nothing_in_but_by_hash(pages):
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', pages("crops")[0].read_text())
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("script-src", "style-src"):
        assert all(source.startswith("'sha256-") for source in rules[kind].split())
    assert rules["img-src"] == "data: blob:"


# What each control must move, and nothing else.
MOVES = {
    "epoch": (lambda page: page.press("#epoch-slider", "ArrowRight"), FIGURES - STEADY),
    "step": (lambda page: page.click("#step"), FIGURES - STEADY),
    "lr": (lambda page: page.press("#lr-slider", "ArrowRight"), FIGURES),
    "settles first": (lambda page: page.click("#lr-first"), FIGURES),
    "best here": (lambda page: page.click("#lr-here"), FIGURES),
    "momentum": (lambda page: page.press("#momentum", "ArrowRight"), FIGURES),
    "columns": (lambda page: page.check("#view-2"), FIGURES),
    "batch size": (lambda page: page.press("#batch", "ArrowLeft"), FIGURES - STEADY),
    "target": (lambda page: page.check("#target-1"), FIGURES - STEADY - {"loss"}),
    "weight": (lambda page: page.select_option("#parameter", "2"), {"fit", "slice", "weights"}),
    "new start": (lambda page: page.click("#new-start"), FIGURES - STEADY),
    "reset": (lambda page: page.click("#reset"), FIGURES - STEADY),
    "weight by hand": (lambda page: page.press("#hand-weight-slider", "ArrowRight"), FIGURES - STEADY),
    "forgotten reset": (lambda page: page.click("#mistake-forgotten_zero_grad"), FIGURES - STEADY),
    "lr too large": (lambda page: page.click("#mistake-lr"), FIGURES),
}


def test_each_control_moves_the_figures_that_it_should(tabs):
    watched = tabs("crops", height=TALL)
    page = watched.page
    for name, (act, expected) in MOVES.items():
        steer(page, epoch=3)  # where every step is seen; the rest as the page begins
        until(
            page, "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.marks > *'))"
        )
        before = drawing(page)
        act(page)
        settled(page)
        after = drawing(page)
        assert {figure for figure in FIGURES if before[figure] != after[figure]} == expected, name
    watched.expect_quiet()


# In the page: [value, pixel] of every tick of a figure's axis across, or up.
TICKS = """([figure, side]) => {
  const still = document.querySelector(`#figure-${figure} svg > g:not(.marks)`);
  const words = [...still.querySelectorAll(":scope > text")];
  const ends = words.filter((word) => (word.getAttribute("x") === "56") === (side === "y")); // in the left margin
  return ends.map((word) => [Number(word.textContent.replaceAll(",", "")), Number(word.getAttribute(side))])
    .filter(([value]) => Number.isFinite(value));
}"""


def on_axis(page, figure, side, value):
    """Where a value stands, by the words of an even axis."""
    ticks = np.array(page.evaluate(TICKS, [figure, side]), float)[:2]
    if side == "y":
        ticks[:, 1] -= 4  # words stand a little below their line
    (low, first), (high, second) = ticks
    return first + (value - low) / (high - low) * (second - first)


def test_marks_stand_where_the_axes_say(tabs, pages):
    """The dot is at the weights, the ring where the next update puts them: a step at its true length."""
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    x, y = line_rows(pages)
    for lr in (0.07, 0.7, 0.4):
        steer(page, lr=lr, epoch=1)
        path = gl.Trajectory(gl.fit(x, y).moments, lr=lr)
        for mark, epoch in ((-1, 1), (0, 2)):
            circle = page.locator("#figure-surface .marks circle").all()[mark]
            point = path.at(epoch)
            expected = [
                on_axis(page, "surface", "x", point.weight[0, 0]),
                on_axis(page, "surface", "y", point.bias[0]),
            ]
            assert [float(known(circle.get_attribute(side))) for side in ("cx", "cy")] == pytest.approx(
                expected, abs=0.1
            )
    watched.expect_quiet()


def line_rows(pages):
    """x and y of the line that the page of examples opens on."""
    [block] = re.findall(
        r'<script type="application/json" id="tables">(.*?)</script>', pages("examples")[0].read_text()
    )
    sample = json.loads(block)[0]["sample"]
    return np.array(sample["x"]), np.array(sample["y"])


def test_it_opens_on_a_line_in_its_frame_at_a_tenth_of_the_limit(browse, pages):
    watched = browse(width=1366, height=768)
    page = whole(watched, pages("examples")[0])
    assert page.input_value("#epoch") == "0"
    x, y = line_rows(pages)
    limit = gl.Trajectory(gl.fit(x, y).moments, lr=1.0).lr_limit
    assert float(page.input_value("#lr")) == pytest.approx(limit / 10, rel=0.07)
    words = known(page.text_content("#figure-surface svg"))
    assert "weight of x" in words
    assert "bias" in words
    frame = inside(page, "fit")
    line = known(page.locator("#figure-fit .curve path").last.get_attribute("d"))
    for height in (float(part) for part in re.findall(r" ([\d.]+)", line)):
        assert frame["y"] < height < frame["y"] + frame["height"]
    assert page.locator("#figure-fit .squares rect").count() == len(x)
    assert page.inner_text("#best-loss") == number(gl.fit(x, y).certificate.optimal_loss, 4)
    watched.expect_quiet()


SCREENS = [(1366, 768), (1920, 1080)]


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_main_figures_and_the_rate_share_one_screen(tabs, width, height):
    page = tabs("examples", width=width, height=height).page
    settled(page)
    for part in ("#figures", "#numbers", "#rate", "#experiments", "#time"):
        box = known(page.locator(part).bounding_box())
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height


def test_on_a_phone_the_rate_stays_in_reach(tabs):
    page = tabs("examples", width=390, height=844).page
    for place in (0, 900, 1800):
        page.evaluate("top => scrollTo({ top, behavior: 'instant' })", place)
        box = known(page.locator("#lr-slider").bounding_box())
        assert 0 < box["y"] < 844 - box["height"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390


# In the page: where everything but the inside of figures is; of words in a line only where they begin.
BOXES = """() => {
  const nodes = [...document.querySelectorAll("main *, header *")].filter((node) => !node.closest("svg, .handle"));
  return nodes.map((node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    const size = getComputedStyle(node).display === "inline" ? [] : [width, height];
    return [node.id || node.className || node.tagName, x, y, ...size];
  });
}"""
AXES = "() => [...document.querySelectorAll('#figures svg > g:not(.marks)')].map((still) => still.outerHTML)"


@pytest.mark.parametrize(
    ("width", "height", "below"),
    [
        *((*screen, "use") for screen in [*SCREENS, (390, 844)]),
        *((1366, TALL, name) for name in ("steps", "weights", "again", "more")),
        (390, TALL, "again"),
    ],
)
def test_nothing_but_marks_and_words_moves_while_a_rate_is_dragged(tabs, width, height, below):
    page = tabs("examples", width=width, height=height).page
    page.click(f"#tab-{below}")
    steer(page, epoch=20, draws=30)
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    slider = known(page.locator("#lr-slider").bounding_box())
    up = slider["y"] + slider["height"] / 2
    page.mouse.move(slider["x"] + slider["width"] / 2, up)
    page.mouse.down()
    before, losses = (page.evaluate(BOXES), page.evaluate(AXES)), set()
    for i in range(15):
        page.mouse.move(slider["x"] + 8 + (slider["width"] - 16) * i / 14, up)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert (page.evaluate(BOXES), page.evaluate(AXES)) == before
        losses.add(page.inner_text("#loss"))
    assert len(losses) > 10
    page.mouse.up()
    settled(page)
    page.click("#tab-more")
    if width > 390:  # where all are in sight
        assert page.evaluate(AXES) != before[1]  # once it rests, the axes suit the new rate


CUT = """() => [...document.querySelectorAll(".why, #figures .says, .tiles dd, .bound, .answer-text, input[type=text]")]
  .filter(({ scrollHeight, clientHeight, scrollWidth, clientWidth }) =>
    scrollHeight > clientHeight + 1 || scrollWidth > clientWidth + 1)
  .map((node) => node.textContent || node.value)"""


@pytest.mark.parametrize("name", ["examples", "crops"])
def test_no_number_and_no_sentence_is_cut(tabs, name):
    watched = tabs(name, width=1366, height=768)
    page = watched.page
    limit = float(re.findall(r"limit, ([\d.e-]+)", page.inner_text("#rate"))[0])
    states: list[dict[str, float | str]] = [
        {"epoch": 100},
        {"lr": 0.03 * limit, "epoch": 9999},
        {"lr": 1.0001 * limit, "epoch": 12345},
        {"lr": 2 * limit, "epoch": 800},
        {"batch": 3, "epoch": 7},
        {"mistake": "forgotten_zero_grad", "epoch": 77},
        {"mistake": "stale_loss", "epoch": 2},
        {"momentum": 0.9, "epoch": 3},
        {"epoch": 10**9, "lr": 1.23456e-7},
    ]
    for state in states:
        steer(page, **state)
        for width, height in ((360, TALL), (390, TALL), (820, TALL), (1024, 768), (1366, 768), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            assert page.evaluate(CUT) == [], (state, width)
    watched.expect_quiet()


def test_an_epoch_beyond_the_axis_is_called_so(tabs):
    page = tabs("examples", width=1366, height=768).page
    steer(page, epoch=50, lr=1)
    assert page.inner_text("#time .bound") == "beyond the axis"
    steer(page, epoch=5, lr=1)
    assert page.inner_text("#time .bound") == "of 20"


def test_play_stops_where_nothing_more_happens(tabs):
    page = tabs("examples", width=1366, height=768).page
    steer(page, view="standardised", lr=0.5, epoch=0)
    page.click("#play")
    until(page, "document.querySelector('#play').textContent === 'Play'")
    assert page.input_value("#epoch") == "10"
    assert "best weights" in headline(page)
    assert known(value(page, "#gap")) < 1e-9


def inside(page, figure):
    """The box between a figure's axes, in its own pixels."""
    rect = page.locator(f"#inside-{figure} rect")
    return {side: float(known(rect.get_attribute(side))) for side in ("x", "y", "width", "height")}


def surface_at(page, u, v):
    """Click on the map of the loss, at shares of its width and height."""
    frame, box = inside(page, "surface"), known(page.locator("#figure-surface .plot").bounding_box())
    page.mouse.click(box["x"] + frame["x"] + u * frame["width"], box["y"] + frame["y"] + v * frame["height"])
    settled(page)


def test_a_click_on_the_map_starts_there_and_so_do_the_dials(tabs):
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=5)
    surface_at(page, 0.75, 0.25)
    weight, bias = (float(page.input_value(f"#hand-{name}")) for name in ("weight", "bias"))
    assert page.input_value("#epoch") == "0"
    circle = page.locator("#figure-surface .marks circle").last
    assert float(known(circle.get_attribute("cx"))) == pytest.approx(
        on_axis(page, "surface", "x", weight), abs=0.6
    )
    assert float(known(circle.get_attribute("cy"))) == pytest.approx(
        on_axis(page, "surface", "y", bias), abs=0.6
    )
    page.fill("#hand-weight", "1.25")
    page.press("#hand-weight", "Enter")
    settled(page)
    assert page.input_value("#hand-weight") == "1.25"
    assert float(page.input_value("#hand-bias")) == bias
    page.focus("#figure-surface .plot")
    page.keyboard.press("ArrowUp")
    settled(page)
    assert float(page.input_value("#hand-bias")) > bias
    watched.expect_quiet()


def test_points_are_dragged_added_and_put_back(tabs, pages):
    """The page's best loss is that of a fit of the points as they now are."""
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=1)
    x, y = line_rows(pages)
    box = known(page.locator("#figure-fit .plot").bounding_box())
    place = [box["x"] + on_axis(page, "fit", "x", x[0, 0]), box["y"] + on_axis(page, "fit", "y", y[0, 0])]
    page.mouse.move(*place)
    page.mouse.down()
    page.mouse.move(place[0] + 30, place[1] + 20)
    page.mouse.move(place[0] + 30, place[1] + 40)
    page.mouse.up()
    settled(page)
    moved = rows_of_link(page)
    assert len(moved) == len(x)
    assert np.abs(moved[1:] - np.column_stack([x, y])[1:]).max() == 0
    assert moved[0, 1] < y[0, 0]
    expect_fit(page, moved)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    settled(page)
    added = rows_of_link(page)
    assert len(added) == len(x) + 1
    expect_fit(page, added)
    page.focus("#figure-fit .plot")
    for key in ("PageUp", "ArrowUp", "Delete"):
        page.keyboard.press(key)
        settled(page)
    left = rows_of_link(page)
    assert len(left) == len(x)
    expect_fit(page, left)
    page.select_option("#points", "")
    settled(page)
    expect_fit(page, np.column_stack([x, y]))
    watched.expect_quiet()


def handles(page):
    """Where the middles of the line's handles are, from left to right."""
    boxes = [known(handle.bounding_box()) for handle in page.locator("#figure-fit .handle:visible").all()]
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]


def drag(page, place, across, up):
    page.mouse.move(*place)
    page.mouse.down()
    page.mouse.move(place[0] + across, place[1] - up)
    page.mouse.up()
    settled(page)


@pytest.mark.parametrize(("part", "moved"), [(0, [40, 20, 0]), (1, [40, 40, 40]), (2, [0, 20, 40])])
def test_the_line_is_tilted_at_its_ends_and_shifted_in_the_middle(tabs, part, moved):
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=4, lr=0.07)
    before = handles(page)
    drag(page, before[part], 25, 40)
    rise = [was[1] - now[1] for was, now in zip(before, handles(page), strict=True)]
    assert rise == pytest.approx(moved, abs=0.5)
    assert page.input_value("#epoch") == "0"
    assert "points=" not in page.evaluate("location.hash")
    page.focus(f"#figure-fit .handle >> nth={part}")
    page.keyboard.press("ArrowDown")
    settled(page)
    rise = [was[1] - now[1] for was, now in zip(before, handles(page), strict=True)]
    assert rise[part] < moved[part] - 2
    watched.expect_quiet()


def test_the_line_is_taken_between_its_handles_too(tabs):
    page = tabs("examples", width=1366, height=768).page
    steer(page, epoch=4, lr=0.07)
    (left, middle, _), weight = handles(page), page.input_value("#hand-weight")
    between = [0.15 * a + 0.85 * b for a, b in zip(left, middle, strict=True)]
    drag(page, between, 0, 30)
    assert page.input_value("#hand-weight") == weight
    assert [middle[1] - handles(page)[1][1]] == pytest.approx([30], abs=0.5)


def test_a_line_through_zero_only_tilts(tabs):
    """With several features both axes show what the others leave, and the line goes through zero."""
    page = tabs("crops", width=1366, height=768).page
    left, right = handles(page)
    drag(page, right, 0, 20)
    now = handles(page)
    assert right[1] - now[1][1] == pytest.approx(20, abs=0.5)
    assert now[0][1] > left[1]
    page.click("#reset")


def test_other_points_are_chosen_and_put_back(tabs):
    """Where they are of another kind, the rows kept for validation no longer count."""
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=9)
    first = value(page, "#best-loss")
    for shape in ("exact", "noisy", "curve", "unrelated", "lever"):
        page.select_option("#points", shape)
        settled(page)
        assert value(page, "#best-loss") != first
        assert page.inner_text("#held-loss") == "none"
        until(page, f"location.hash.includes('points={shape}')")
    page.select_option("#points", "")
    settled(page)
    assert value(page, "#best-loss") == first
    watched.expect_quiet()


def test_a_run_is_kept_beside_the_next(tabs):
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=7, lr=0.05)
    kept = value(page, "#loss")
    curve = page.locator("#figure-loss .marks .curve path").last.get_attribute("d")
    page.click("#keep")
    steer(page, epoch=7, lr=0.05, kept="0.05,0,raw")
    go(page, "epoch=7&lr=0.0501&kept=0.05,0,raw")
    dotted = page.locator("#figure-loss .marks path[stroke-dasharray='1 3']")
    assert dotted.get_attribute("d") == curve
    assert number(known(kept), 4) in page.inner_text("#figure-loss .says")
    assert page.locator("#figure-surface .marks path[stroke-dasharray='1 3']").count() == 1
    page.click("#keep")
    settled(page)
    assert dotted.count() == 0
    watched.expect_quiet()


def rows_of_link(page):
    until(page, "decodeURIComponent(location.hash).includes('points=')")
    page.wait_for_timeout(350)  # until the link is written anew
    [text] = re.findall(r"points=([^&]*)", page.evaluate("decodeURIComponent(location.hash)"))
    return np.array([[float(cell) for cell in row.split(",")] for row in text.split(";")])


def expect_fit(page, rows):
    best = gl.fit(rows[:, :1], rows[:, 1]).certificate.optimal_loss
    assert value(page, "#best-loss") == pytest.approx(best, rel=1e-9)


def test_the_loss_of_rows_kept_back_is_that_of_these_weights(tabs, pages):
    page = tabs("examples", width=1366, height=768).page
    steer(page, epoch=40)
    [block] = re.findall(
        r'<script type="application/json" id="tables">(.*?)</script>', pages("examples")[0].read_text()
    )
    held = json.loads(block)[0]["held"]["sample"]
    x, y = line_rows(pages)
    point = gl.Trajectory(gl.fit(x, y).moments, lr=float(page.input_value("#lr"))).at(40)
    errors = np.array(held["x"]) @ point.weight.T + point.bias - np.array(held["y"])
    assert value(page, "#held-loss") == pytest.approx((errors**2).mean(), rel=1e-9)


def test_a_batch_size_drives_numbers_curve_and_path(tabs):
    page = tabs("examples", width=1366, height=768).page
    seen = set()
    for batch in (16, 8, 1):
        steer(page, epoch=6, batch=batch)
        curve = page.locator("#figure-loss .marks .curve path").last.get_attribute("d")
        path = page.locator("#figure-surface .marks .curve path").first.get_attribute("d")
        seen.add((page.inner_text("#loss"), curve, path))
        assert ("updates an epoch" in headline(page)) == (batch < 16)
    assert len(seen) == 3


@pytest.mark.parametrize("name", ["examples", "crops"])
def test_five_experiments_ask_and_answer(tabs, name):
    watched = tabs(name, width=1366, height=768)
    page = watched.page
    questions, answers = set(), set()
    for experiment in range(1, 6):
        page.click(f"#experiment-{experiment}")
        questions.add(page.inner_text(".question"))
        assert "Guess" in page.inner_text(".answer-text")
        for act in range(page.locator("#experiments .acts button").count()):
            page.click(f"#act-{act + 1}")
            page.wait_for_timeout(350)
            if page.inner_text("#play") == "Pause":
                page.click("#play")
            settled(page)
            answers.add(page.inner_text(".answer-text"))
            assert page.evaluate(CUT) == []
            beyond = page.locator("#controls").evaluate("side => side.scrollHeight - side.clientHeight")
            assert beyond <= 1, page.inner_text(".answer-text")
    assert len(questions) == 5
    assert len(answers) >= 9
    assert all(question.endswith("?") for question in questions)
    watched.expect_quiet()


def test_the_model_is_used_with_sliders(tabs):
    page = tabs("crops", width=1280, height=900).page
    page.click("#tab-use")
    page.locator("#predict").scroll_into_view_if_needed()
    page.press("#field-0-slider", "ArrowRight")
    row = {
        name: float(page.input_value(f"#field-{i}"))
        for i, name in enumerate(["temp", "rainfall", "humidity"])
    }
    model = gl.fit("example:crops", CROPS)
    optimal, low, high = model.predict({name: [x] for name, x in row.items()}, interval=0.95)[:, 0]
    told = page.locator("#predict .answer").evaluate_all(
        "answers => answers.map((one) => [...one.querySelectorAll('[data-value]')].map((node) => node.dataset.value))"
    )
    shown = np.array(told, float)[:, 1:]
    assert shown == pytest.approx(np.column_stack([optimal, low, high]), rel=1e-9)


def test_samples_are_drawn_again(tabs, pages):
    """What is told of them is the standard error that a fit tells, and the number that was drawn is in the link."""
    watched = tabs("examples", width=1366, height=TALL)
    page = watched.page
    page.click("#tab-again")
    stderr = known(gl.fit(*line_rows(pages)).inference.estimates).stderr.weight[0, 0]
    seen = []
    for act, draws in (("#draw-1", 1), ("#draw-100", 101), ("#draw-100", 201), ("#draw-0", 0)):
        page.click(act)
        settled(page)
        assert page.inner_text("#draws") == str(draws)
        assert number(float(stderr), 3) in page.inner_text("#figure-slopes .says")
        assert page.evaluate("[...document.querySelectorAll('#figure-samples svg > g path')].length") > 0
        seen.append(tuple(drawing(page)[figure] for figure in sorted(AGAIN)))
    assert len(set(seen)) == 4
    page.click("#draw-100")
    until(page, "location.hash.includes('draws=100')")
    steer(page, draws=100, epoch=9)
    first = drawing(page)
    steer(page, draws=100, epoch=90, lr=0.2)
    assert {figure: drawing(page)[figure] for figure in AGAIN} == {figure: first[figure] for figure in AGAIN}
    page.select_option("#points", "exact")
    settled(page)
    assert "every sample gives the same" in page.inner_text("#figure-slopes .says")
    page.select_option("#points", "")
    page.click("#tab-more")
    watched.expect_quiet()


def test_the_nudge_that_matters_most_is_named(tabs, pages):
    """The next step's change of the loss, as Trajectory has it."""
    page = tabs("examples", width=1366, height=TALL).page
    x, y = line_rows(pages)
    for lr, epoch in ((0.07, 3), (0.7, 0)):
        steer(page, lr=lr, epoch=epoch)
        path = gl.Trajectory(gl.fit(x, y).moments, lr=lr)
        change = path.at(epoch + 1).loss - path.at(epoch).loss
        way = "lower" if change < 0 else "raise"
        said = page.inner_text("#figure-nudges .says")
        assert f"next step would {way} the loss by {number(abs(change))}." in said
        assert "the bias's matters most" in said


def test_another_table_is_chosen_on_the_page_and_by_link(browse, pages):
    watched = browse(width=1366, height=768)
    page = whole(watched, pages("examples")[0])
    page.select_option("#table", "1")
    until(page, "document.querySelector('#target-1')")
    settled(page)
    assert page.inner_text("#loss") == number(
        gl.Trajectory(gl.Moments.of("example:crops", CROPS), lr=1e-5).at(0).loss, 4
    )
    until(page, "location.hash.includes('data=1')")
    page.click("#step")
    until(page, "location.hash.includes('epoch=1')")
    assert "data=1" in page.evaluate("location.hash")
    again = whole(browse(), pages("examples")[0], page.evaluate("location.hash"))
    assert again.input_value("#table") == "1"
    watched.expect_quiet()


def test_paper_shows_every_figure(browse, pages):
    watched = browse(width=1000, height=700)
    page = whole(watched, pages("examples")[0])
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # comes before the style of paper
    page.emulate_media(media="print")
    for figure in FIGURES | AGAIN:
        assert page.locator(f"#figure-{figure}").is_visible(), figure
        assert page.locator(f"#figure-{figure} .marks > *").count(), figure
    for panel in ("#steps", "#predict", "#coefficients", "#holding"):
        assert page.locator(panel).is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    settled(page)
    plot, *layers = (part.bounding_box() for part in page.locator("#figure-fit .plot, #figure-fit svg").all())
    assert layers == [plot, plot]
    watched.expect_quiet()


LOOK = """() => [
  [...document.querySelectorAll("#figure-loss .marks .curve path")].at(-1).getAttribute("d"),
  document.querySelector("#figure-loss svg > g:not(.marks)").textContent,
]"""
LOOK_WHILE_WAITING = f"""() => new Promise((done) => {{
  new MutationObserver(() => requestAnimationFrame(() => done(({LOOK})())))
    .observe(document.querySelector("main"), {{ attributeFilter: ["class"] }});
  location.hash = "epoch=3&lr=0.001";
  setTimeout(() => done([null, null]), 5000);
}})"""


def test_axes_wait_for_the_end_of_a_drag_and_curves_do_not(tab):
    steer(tab, epoch=3)
    first, dragged = tab.evaluate(LOOK), tab.evaluate(LOOK_WHILE_WAITING)
    settled(tab)
    rested = tab.evaluate(LOOK)
    assert len({curve for curve, _ in (first, dragged, rested)}) == 3
    assert first[1] == dragged[1] != rested[1]


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
    watched, table = tabs(name, width=1280, height=900), pages(name)[1]
    page = watched.page
    page.click("#tab-weights")
    page.locator("#coefficients").scroll_into_view_if_needed()
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


@pytest.mark.parametrize("view", ["raw", "standardised"])
def test_the_rate_that_finishes_first_is_stable(tab, view):
    """In the raw valley it is within a millionth of the limit."""
    steer(tab, view=view, epoch=1000)
    tab.click("#lr-first")
    settled(tab)
    assert "Diverging" not in headline(tab)
    assert known(value(tab, "#gap")) < 2


@pytest.mark.parametrize("epoch", [1, 30])
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_no_rate_is_better_at_an_epoch_than_the_best_there(tabs, epoch, momentum):
    page = tabs("examples", width=1366, height=768).page
    steer(page, epoch=epoch, momentum=momentum)
    page.click("#lr-here")
    settled(page)
    least, lr = known(value(page, "#loss")), float(page.input_value("#lr"))
    for times in (0.8, 0.97, 1.03, 1.25):
        steer(page, epoch=epoch, momentum=momentum, lr=lr * times)
        assert known(value(page, "#loss")) >= least


def test_rate_and_momentum_are_chosen_on_a_map(tabs, pages):
    """Where the click lands the page says the epochs that Trajectory says, to the digits shown."""
    watched = tabs("examples", height=TALL)
    page = watched.page
    frame, box = inside(page, "map"), known(page.locator("#figure-map .plot").bounding_box())
    page.mouse.click(
        box["x"] + frame["x"] + 0.85 * frame["width"], box["y"] + frame["y"] + 0.4 * frame["height"]
    )
    settled(page)
    lr, momentum = float(page.input_value("#lr")), float(page.input_value("#momentum"))
    assert momentum == pytest.approx(0.6, abs=0.011)
    dot = page.locator("#figure-map .marks circle")
    assert float(known(dot.get_attribute("cy"))) == pytest.approx(
        frame["y"] + (1 - momentum) * frame["height"], abs=0.1
    )
    settles = big(
        gl.Trajectory(gl.fit(*line_rows(pages)).moments, lr=lr, momentum=momentum).epochs_to_weights()
    )
    assert f"{settles} epoch" in page.inner_text("#figure-map .says")
    watched.expect_quiet()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 0}, "no rate is best yet"),
        ({"batch": 3}, "batch size"),
        ({"mistake": "pairs"}, "mistake"),
    ],
)
def test_where_no_best_rate_is_known_it_says_so(tabs, settings, said):
    page = tabs("examples", width=1366, height=768).page
    steer(page, **settings)
    before = page.input_value("#lr")
    page.click("#lr-here")
    settled(page)
    assert said in page.inner_text("#lr-complaint")
    assert page.input_value("#lr") == before


FIELDS = {
    "#lr": ("above 0", ["-1", "0", "", "abc", "1e400", "1,2,3", "Infinity"]),
    "#epoch": ("whole number", ["-5", "2.5", "", "ten", "1e12"]),
    "#hand-weight": ("a number", ["", "x", "1e200"]),
}


@pytest.mark.parametrize("field", FIELDS)
def test_what_a_field_cannot_take_is_said_in_place(tabs, field):
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    (wants, odd), boxes = FIELDS[field], page.evaluate(BOXES)
    kept = page.input_value(field)
    complaint = page.locator(f"{field}-complaint")
    for text in odd:
        page.fill(field, text)
        page.press(field, "Enter")
        settled(page)
        assert wants in complaint.inner_text()
        assert text in complaint.inner_text()
        assert f"{kept} is kept" in complaint.inner_text()
        assert page.get_attribute(field, "aria-invalid") == "true"
        assert (complaint.get_attribute("role"), complaint.is_visible()) == ("alert", True)
        if field == "#lr":
            assert f"lr={kept}" in page.evaluate("location.hash") or "lr=" not in page.evaluate(
                "location.hash"
            )
    now = [box for box in page.evaluate(BOXES) if box[0] not in ("complaint", f"{field[1:]}-complaint")]
    assert now == [box for box in boxes if box[0] not in ("complaint", f"{field[1:]}-complaint")]
    page.press(field, "Escape")
    assert (page.input_value(field), complaint.inner_text()) == (kept, "")
    page.fill(field, "3")
    page.press(field, "Enter")
    settled(page)
    assert page.get_attribute(field, "aria-invalid") is None
    watched.expect_quiet()


@pytest.mark.parametrize(
    ("field", "text", "link"),
    [
        ("#lr", "0,005", "lr=0.005&"),
        ("#lr", "5e-3", "lr=0.005&"),
        ("#hand-weight", "−1,25", ",-1.25&"),
        ("#hand-bias", "1,5e-1", "origin=0.15,"),
        ("#epoch", "12,300", "epoch=12300&"),
    ],
)
def test_what_is_typed_counts_when_the_keys_rest(tabs, field, text, link):
    """Before the field is left, and with a decimal comma too."""
    watched = tabs("examples", width=1366, height=768)
    page = watched.page
    steer(page, epoch=3)
    page.fill(field, text)
    until(page, f"decodeURIComponent(location.hash + '&').includes('{link}')")
    settled(page)
    assert page.evaluate("document.activeElement.id") == field[1:]
    assert page.input_value(field) == text
    page.evaluate("document.activeElement.blur()")
    assert page.inner_text(f"{field}-complaint") == ""
    watched.expect_quiet()


def test_a_comma_that_can_mean_two_things_is_asked_about(tabs):
    page = tabs("examples", width=1366, height=768).page
    steer(page, epoch=3)
    kept = page.input_value("#lr")
    page.fill("#lr", "1,000")
    until(page, "document.querySelector('#lr-complaint').textContent.includes('can be 1 or 1000')")
    page.press("#lr", "Escape")
    assert page.input_value("#lr") == kept


def test_what_is_out_of_sight_is_drawn_from_the_beginning(browse, pages):
    page = whole(browse(width=1366, height=768), pages("examples")[0])
    settled(page)
    assert "in epoch 1" in page.inner_text("#steps")
    assert page.locator("#steps li").count() == 5
    page.click("#step")
    settled(page)
    until(page, "document.querySelector('#steps').textContent.includes('in epoch 2')")


def test_the_first_step_says_which_rows_it_sees_and_how_many_are_shown(browse, pages):
    """All of them, or those of the batch; at most five are shown."""
    page = whole(browse(width=1366, height=768), pages("examples")[0])
    all_rows = len(line_rows(pages)[1])
    for seen, batch in ((all_rows, ""), (4, 4), (9, 9)):
        steer(page, **({"batch": batch} if batch else {"epoch": 1}))
        until(page, f"document.querySelector('#steps').textContent.includes('X ({seen}, 1)')")
        shown = page.locator("#steps li:first-child tbody tr").count()
        assert shown == min(5, seen)
        assert (f"{shown} of the {seen} rows" in page.inner_text("#steps")) == (shown < seen)


def test_a_weight_outside_its_figure_is_said_to_be_there(tab):
    for lr, is_outside in ((2e-4, True), (1e-5, False)):
        steer(tab, lr=lr, epoch=6)
        settled(tab)
        assert ("outside the figure" in known(tab.text_content("#figure-slice"))) == is_outside


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
    assert all(name in said for name in held.columns.split(" against "))
    assert f"{percent(held.share)} of what is left" in said
    assert f"every {big(known(held.half_life))} epochs" in said
    assert big(walk.epochs_to_weights()) in said
    assert number(walk.lr_limit) in tab.inner_text("#rate")
    assert f"the best rate, after {big(best.epochs_to_weights())}" in said
    tab.check("#view-2")
    settled(tab)
    assert value(tab, "#lr") is None  # the field shows the rate itself
    assert float(tab.input_value("#lr")) == pytest.approx(Spectrum.of(scaled).best_lr(), rel=1e-5)
    assert known(value(tab, "#gap")) < 1e-6
    assert "best weights" in headline(tab)


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
    page.click("#tab-weights")
    for position in range(len(HOSTILE) + 1):
        page.select_option("#parameter", str(position))
        settled(page)
    assert page.title().startswith("y<script> from ")
    assert (
        page.locator(
            "img, b:not([data-value]):not(.dial b, .answer b, #step-loss), main a, main script, main style"
        ).count()
        == 0
    )
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
    page.fill("#hand-weight", "0.125")
    page.press("#hand-weight", "Enter")
    page.fill("#epoch", "7")
    page.press("#epoch", "Enter")
    until(
        page,
        "location.hash.includes('batch') && location.hash.includes('origin') && location.hash.includes('epoch=7')",
    )
    expect_same_page(browse, path, page)
    page.click("#mistake-stale_loss")
    until(page, "location.hash.includes('stale_loss') && !location.hash.includes('batch')")
    again = expect_same_page(browse, path, page)
    assert again.is_checked("#target-1")
    assert again.get_attribute("#mistake-stale_loss", "aria-pressed") == "true"


def expect_same_page(browse, path, page):
    """The page of the same link, which says the same."""
    again = whole(browse(), path, page.evaluate("location.hash"))
    assert again.inner_text(".why") == page.inner_text(".why")
    assert value(again, "#loss") == value(page, "#loss")
    for control in ("#epoch", "#lr", "#momentum", "#batch", "#parameter", "#hand-weight"):
        assert again.input_value(control) == page.input_value(control)
    return again


def test_a_link_that_cannot_be_is_left_aside(tab):
    hopeless = "epoch=-1&lr=0&momentum=2&view=up&target=9&batch=0"
    for fragment in (
        hopeless,
        "epoch=x&lr=NaN&seed=&mistake=all&origin=1,2&points=1,2&kept=0,0,raw&points=constructor",
        "%",
        "epoch=1e99",
    ):
        go(tab, fragment)
        assert tab.input_value("#epoch") == "0"
        assert float(tab.input_value("#lr")) == 1e-5
        assert tab.is_checked("#view-0")


def test_the_keyboard_alone_reaches_and_moves_everything(tab):
    tab.click("#tab-use")
    tab.focus(".skip")
    tab.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(70):
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
        "lr-first",
        "lr-here",
        "momentum",
        "batch",
        "view-0",
        "mistake-lr",
        "target-0",
        "parameter",
        "png",
        "svg",
        "hand-weight",
        "hand-bias-slider",
        "experiment-5",
        "act-1",
        "tab-use",
        "field-0",
        "field-0-slider",
    }
    assert controls <= set(reached)
    tab.focus("#epoch-slider")
    for key, epoch in (
        ("ArrowRight", 102),
        ("ArrowLeft", 100),
        ("PageUp", 1000),
        ("Home", 0),
        ("ArrowRight", 1),
        ("End", 10**8),
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
    path = page.get_attribute("#figure-loss .marks .curve path", "d")
    assert path in {node.get("d") for node in tree.iter()}
    assert "epoch" in {node.text for node in tree.iter()}
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
    page.click("#tab-more")
    settled(page)
    has_one_weight = len(options.get("features", "abc")) == 1 and not options.get("bias", True)
    assert set(drawing(page)) == FIGURES - ({"surface"} if has_one_weight else set())
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
    [block] = re.findall(r'<script type="application/json" id="tables">(.*?)</script>', text)
    [table] = json.loads(block)
    assert table["sample"] is None
    told = gradline("play", "example:crops", "--lr", "2e-5", "--epochs", "50", "--holdout", "0.2")
    assert told.code == 0
    [block] = re.findall(r'id="tables">(.*?)</script>', (tmp_path / "crops-play.html").read_text())
    [table] = json.loads(block)
    assert (table["start"]["lr"], table["start"]["epochs"], table["held"]["rows"]) == (2e-5, 50, 3)
    assert gradline("play").err == "saved: playground.html\n"
    [block] = re.findall(r'id="tables">(.*?)</script>', (tmp_path / "playground.html").read_text())
    assert [len(table["features"]) for table in json.loads(block)] == [1, 3, 3]
    nameless = gradline("--debug", "play", "-t", "b")
    assert nameless.code == 2
    expect_refusal(nameless.err, "data-missing", "example:crops")
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
