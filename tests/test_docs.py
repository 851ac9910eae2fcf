"""The documentation is executed: snippets, numbers in the text, pictures, questions, notebooks, and the site itself."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
import reference
from browser import findings, until
from known import known

import gradline

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = Path(gradline.__file__).parent / "examples"
SNIPPETS = sorted((DOCS / "snippets").glob("*.py"))
PAGES = sorted(DOCS.glob("*.md"))
LESSONS = [
    page for page in PAGES if page.stem not in ("performance", "scale", "tutorials")
]  # whose figures are those of benchmarks/results, and of docs/tutorials.py
COURSE = [page for page in PAGES if page.name[0].isdigit()]
LISTING = re.compile(
    r'^```(?:python|\{ \.python data-known="[\d -]+" \})\n--8<-- "([^"]+)"\n```$', re.MULTILINE
)
DRAWING = re.compile(r'^--8<-- "([^"]+)\.svg"$', re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def stem(path):
    return path.stem


@pytest.fixture(scope="module")
def build():
    spec = known(importlib.util.spec_from_file_location("docs_build", DOCS / "build.py"))
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        known(spec.loader).exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS, ids=stem)
def test_a_snippet_prints_what_the_page_shows(build, snippet):
    assert build.output(snippet) == snippet.with_suffix(".out").read_text()


@pytest.mark.parametrize("page", LESSONS, ids=stem)
def test_a_listing_is_followed_by_its_own_output(page):
    blocks = FENCE.findall(page.read_text())
    assert blocks
    for listing, shown in zip(blocks[::2], blocks[1::2], strict=True):
        found = LISTING.fullmatch(listing)
        assert found is not None, listing
        assert (DOCS / "snippets" / found[1]).exists()
        assert shown == f'```text\n--8<-- "{Path(found[1]).stem}.out"\n```'


def test_what_is_folded_stood_on_an_earlier_page(build):
    found = build.known_lines()
    seen = {""}
    for page in COURSE:
        text = page.read_text()
        assert text == build.folded(text, found)
        here = [(DOCS / "snippets" / name).read_text().splitlines() for name in LISTING.findall(text)]
        for name, lines in zip(LISTING.findall(text), here, strict=True):
            runs = [run.partition("-") for run in found.get(name, "").split()]
            old = {i for first, _, last in runs for i in range(int(first), int(last or first) + 1)}
            assert {lines[i - 1] for i in old} <= seen
            head = max(old, default=1)
            assert all(
                i in old or lines[i - 1].startswith(("import ", "from "))
                for i in range(2, head)
                if lines[i - 1]
            )
            beyond = lines[head : head + 1]
            assert len(old) == 0 or beyond == [""] or beyond[0] not in seen
        seen.update(line for lines in here for line in lines)


def test_every_snippet_stands_on_one_page():
    named = [name for page in PAGES for name in LISTING.findall(page.read_text())]
    assert sorted(named) == [snippet.name for snippet in SNIPPETS]
    outputs = {path.stem for path in (DOCS / "snippets").glob("*.out")}
    assert outputs == {snippet.stem for snippet in SNIPPETS}


# What counts or names a thing in the text, rather than reporting a value.
LABELS = re.compile(
    r"3Blue1Brown|^#+ \d+\.?|\| \[\d+ |\b[Pp]ages? \d+(?:, \d+)*(?: and \d+)?|(?:\[\d+(?: [^]]+)?)?\]\([^)]*\)|"
    r"\b[1-5] (?:predict|loss|gradient|update|reset)\b|\bquestion \d+|\b00\d\b|`[^`\s]+\.py`|float\d\d|"
    r"`python [^`]+`|\{ #q\d+ \}|^\| `example:.*|<figcaption>.*|^--8<-- .*",
    re.MULTILINE,
)
NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*(?:\.\d+)?(?:e[+-]?\d+)?")


def numbers(text):
    return {float(re.sub("[,_]", "", found.rstrip(","))) for found in NUMBER.findall(text)}


@pytest.mark.parametrize("page", LESSONS, ids=stem)
def test_every_number_in_the_text_comes_from_a_snippet(page):
    text = page.read_text()
    names = [Path(name).stem for name in LISTING.findall(text)]
    files = [DOCS / "snippets" / f"{name}{ending}" for name in names for ending in (".py", ".out")]
    executed = set().union(*(numbers(path.read_text()) for path in files))
    assert numbers(LABELS.sub(" ", FENCE.sub("", text))) - executed == set()


def questions():
    """Each question by its number, with what follows it."""
    parts = re.split(
        r"^### (\d+)\. (.+) \{ #q\1 \}$", (DOCS / "questions.md").read_text(), flags=re.MULTILINE
    )
    answers = [part.split("\n## ")[0].split("[This page")[0] for part in parts[3::3]]
    return {int(n): (asked, said) for n, asked, said in zip(parts[1::3], parts[2::3], answers, strict=True)}


def test_forty_five_questions_answered_in_three_sentences():
    asked = questions()
    assert list(asked) == list(range(1, 46))
    for question, answer in asked.values():
        words = re.sub(r"</?details.*|<summary>.*", "", FENCE.sub("", answer)).split("Explained on")[0]
        sentences = re.findall(r"\S[.?!](?=\s|$)", re.sub(r"`[^`]+`", "code", words.strip()))
        assert question.endswith((".", "?"))
        assert 1 <= len(sentences) <= 3, question
        shows = re.search(r"example|function that|Create", question)
        assert not shows or LISTING.search(answer), question


def test_each_question_leads_to_the_page_that_answers_it_and_back():
    there = {
        number: re.findall(r"^Explained on \[.*\]\((.+)#q(\d+)\)\.$", text, re.M)
        for number, (_, text) in questions().items()
    }
    back = {int(number): [] for number in range(1, 46)}
    for page in COURSE:
        told = re.search(r"^Of the \[forty-five questions\].*$", page.read_text(), re.MULTILINE)
        for shown, number in re.findall(r"\[(\d+)\]\(questions\.md#q(\d+)\)", told[0] if told else ""):
            assert shown == number
            back[int(number)].append((page.name, number))
    assert there == back
    assert all(len(pages) == 1 for pages in back.values())


# What a reader must find in the paragraph to which a question leads.
ANSWERED = {
    1: "multiplies each input by a \\*\\*weight",
    2: "inputs\\*\\*.*what is known.*targets\\*\\*: what is to be predicted",
    3: "more tons of apples for each.*bias is what the model predicts where all inputs are zero",
    4: "NumPy reads it into an array.*torch.from_numpy",
    5: "tables of their own, because",
    6: r"shape \(2, 3\): a row for each target, a column for each input.*rows.*plays no part",
    7: "torch.randn.*shape.*requires_grad=True",
    8: "matrix product predicts|matrix product then predicts",
    9: "call the model with rows of inputs",
    10: "weights are random and know nothing",
    11: "called a loss because",
    12: "subtract the targets, square each difference, and average",
    13: "function `mse`.*differences.*sum of their squares divided by their number",
    14: "goes back.*adds each slope to the `.grad`.*leaves as they are",
    15: "a matrix like the weights, with a slope in the place of each",
    16: "sign says on which side the loss is lower.*size",
    17: "positive, the weight should go down",
    18: "negative.*should rise",
    19: "against its slope: subtract",
    20: "Gradient descent.*step, repeated",
    21: "only true where it was computed",
    22: "how fast training is.*Too small.*Too large",
    23: "no_grad.*records nothing",
    24: "`backward` \\*adds\\*",
    25: "1 predict, 2 loss, 3 gradient, 4 update, 5 reset",
    26: "epoch\\*\\* is one pass over all rows",
    27: "nearer to the best ones, the first epochs most",
    28: "trained model predicts like an untrained one: call it",
    29: "grow, swing, stand still, or stop too early",
    30: "layers.*losses.*`nn.Module`",
    31: "keeps inputs and targets together",
    32: "is given a dataset and cuts it into batches",
    33: "loop over the loader",
    34: "takes? the order of the rows out",
    35: "every batch makes an update.*memory",
    36: "is the linear model",
    37: "attributes `weight` and `bias`",
    38: "plain functions",
    39: "F.mse_loss.*mean squared error",
    40: r"makes the update: `step\(\)`",
    41: "SGD; stochastic means left to chance",
    42: "must be given the parameters.*learning rate",
    43: r"opt = torch.optim.SGD\(model.parameters\(\), lr=1e-5\)",
    44: "five steps inside two loops",
    45: "columns and units of training, and call the model.*kept out",
}


def test_a_question_leads_to_the_paragraph_that_answers_it():
    assert list(ANSWERED) == list(range(1, 46))
    for number, (_, text) in questions().items():
        place = re.search(r"\]\(([\w-]+\.md)#q\d+\)\.$", text.strip())
        page = (DOCS / known(place)[1]).read_text()
        assert page.count(f'<a id="q{number}"></a>') == 1
        paragraph = page.split(f'<a id="q{number}"></a>')[1].split("\n\n")[0]
        said = re.sub(r"<a id=\S+</a>", "", " ".join(paragraph.split()))
        assert re.search(ANSWERED[number], said), (number, said)


@pytest.mark.parametrize("page", COURSE, ids=stem)
def test_a_page_asks_says_shows_and_asks_again(page):
    text = page.read_text()
    title, question, idea = text.split("\n\n")[:3]
    assert title.startswith("# ")
    assert re.fullmatch(r"\*\*[^*]+\?\*\*", question)
    assert len(re.findall(r"\S[.?!](?=\s|$)", re.sub(r"`[^`]+`", "code", idea))) == 2
    assert DRAWING.search(text) is not None
    checks = re.findall(
        r"<summary>((?:[^<]|</?code>)+)</summary>\n\n(.+?)\n\n</details>",
        text.split("## Check yourself")[1],
        re.DOTALL,
    )
    assert len(checks) == 3
    assert all("?" in asked and answer for asked, answer in checks)


# The glossary: what the course and the commands it shows say, and the page that defines it.
TERMS = {
    "derivative": "01-tensors",
    "tensor": "01-tensors",
    "graph": "01-tensors",
    "gradient": "01-tensors",
    "parameters": "01-tensors",
    "loss": "02-model",
    "linear model": "02-model",
    "weight": "02-model",
    "bias": "02-model",
    "inputs": "02-model",
    "targets": "02-model",
    "mean squared error": "02-model",
    "gradient descent": "03-update",
    "slope": "03-update",
    "learning rate": "03-update",
    "moments": "03-update",
    "epoch": "04-epochs",
    "closed form": "04-epochs",
    "optimum": "04-epochs",
    "half-life": "04-epochs",
    "standardise": "04-epochs",
    "standard deviation": "04-epochs",
    "Hessian": "04-epochs",
    "condition number": "04-epochs",
    "torch.nn.functional": "05-builtins",
    "optimiser": "05-builtins",
    "gap": "05-builtins",
    "RMSE": "05-builtins",
    "R²": "05-builtins",
    "batch": "06-batches",
    "stochastic": "06-batches",
    "leaf": "07-devices",
    "momentum": "08-objects",
    "validation": "08-objects",
    "early stopping": "08-objects",
    "checkpoint": "08-objects",
    "machine learning": "09-learning",
    "broadcasts": "10-mistakes",
    "interval": "12-prediction",
    "residual": "12-prediction",
    "leverage": "12-prediction",
    "coefficients": "12-prediction",
    "levels": "12-prediction",
    "overfitting": "12-prediction",
    "standard error": "13-inference",
    "cluster": "13-inference",
    "Cook's distance": "13-inference",
}


@pytest.mark.parametrize(("term", "home"), TERMS.items(), ids=list(TERMS))
def test_a_term_is_defined_or_linked_where_it_first_occurs(term, home):
    """Its first occurrence in the order of the pages is set in bold and defined, or leads to where that is done."""
    name = re.escape(term)
    pages = {page.stem: FENCE.sub("", page.read_text()) for page in COURSE}
    assert re.search(rf"\*\*`?{name}`?\*\*", pages[home], re.IGNORECASE) is not None
    for stem, text in pages.items():
        linked = re.sub(
            rf"\[[^]]*\b{name}[^]]*\]\({home}\.md[^)]*\)", "LINK", text, count=1, flags=re.IGNORECASE
        )
        plain = re.sub(r"\]\([^)]*\)|^#.*|^\*\*.*\?\*\*$|^--8<--.*", "", linked, flags=re.MULTILINE)
        found = re.search(rf"LINK|(\*\*`?)?(?<![\w-]){name}(?!\w|`?\.\w|-\w)", plain, re.IGNORECASE)
        if found:
            assert found[0] == "LINK" or (stem == home and found[1]), (
                stem,
                plain[found.start() - 60 : found.end()],
            )
            return
    raise AssertionError(f"{term} does not occur")


def test_every_picture_stands_on_one_page(build):
    named = [name for page in PAGES for name in DRAWING.findall(page.read_text())]
    assert sorted(named) == sorted(build.drawings.DRAWINGS)


def test_a_picture_is_sound_and_stays_in_its_frame(build):
    for name in build.drawings.DRAWINGS:
        root = ElementTree.fromstring(build.drawings.figure(name))
        svg = "{http://www.w3.org/2000/svg}"
        shapes = [element.attrib["d"] for element in root.iter(f"{svg}path")]
        places = [float(number) for d in shapes for number in re.findall(r"-?\d+\.\d", d)]
        assert all(-10 <= place <= 490 for place in places), name
        assert [len(title.text or "") > 20 for title in root.iter(f"{svg}title")] == [True]


def test_examples_of_the_exercises_are_as_told():
    told = re.findall(r"^\| `example:(\w+)` \| (\d+) ", (DOCS / "exercises.md").read_text(), re.MULTILINE)
    assert len(told) == 5
    for name, rows in told:
        assert len((EXAMPLES / f"{name}.csv").read_text().splitlines()) - 1 == int(rows)


def test_the_navigation_holds_every_page_in_order():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    groups = {title: page for entry in nav for title, page in entry.items()}
    course = [next(iter(page.values())) for page in groups.pop("Course")]
    assert course == [page.name for page in PAGES if page.name[0].isdigit()]
    assert len(course) == 13
    guide = [next(iter(page.values())) for page in groups.pop("Using gradline")]
    listed = [next(iter(page.values())) for page in groups.pop("Reference")]
    assert listed == [f"reference/{face}.md" for face in reference.FACES]
    written = {page.relative_to(DOCS) for page in DOCS.rglob("*.md")} - {Path(page) for page in listed}
    assert {Path(page) for page in [*course, *guide, *groups.values()]} == written


@pytest.mark.slow
def test_notebooks_print_what_the_pages_show(build):
    made = {page: build.notebook(page) for page in PAGES}
    build.execute(made.values())
    for page, notebook in made.items():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        names = LISTING.findall(page.read_text())
        assert len(cells) == len(names)
        for name, cell in zip(names, cells, strict=True):
            assert cell.source == (DOCS / "snippets" / name).read_text().rstrip()
            printed = "".join(output.text for output in cell.outputs if output.name == "stdout")
            assert printed == (DOCS / "snippets" / name).with_suffix(".out").read_text()
        assert "--8<--" not in json.dumps(notebook)
        pictures = [name for cell in notebook.cells for name in cell.get("attachments", {})]
        assert [name for name in pictures if "growth" not in name] == [
            f"{name}.svg" for name in DRAWING.findall(page.read_text())
        ]


class References(HTMLParser):
    """What a page loads by itself, and where its links lead."""

    def __init__(self):
        super().__init__()
        self.loaded, self.links = [], []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "srcset", "poster", "data") or (name == "href" and tag == "link"):
                self.loaded.append(value or "")
            elif name == "href":
                self.links.append(value or "")


@pytest.fixture(scope="module")
def site(build, tmp_path_factory):
    """The site, built strictly in a copy."""
    copy = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "zensical.toml", copy)
    made = shutil.ignore_patterns("notebooks", "reference", "drawings", "__pycache__")
    shutil.copytree(DOCS, copy / "docs", ignore=made)
    (copy / "docs" / "notebooks").mkdir()
    reference.write(copy / "docs" / "reference")
    build.drawings.write(copy / "docs" / "drawings")
    (copy / "src").symlink_to(ROOT / "src")  # one page shows files of it
    for page in PAGES:
        (copy / "docs" / "notebooks" / f"{page.stem}.ipynb").write_text(json.dumps(build.notebook(page)))
    done = strict(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "build" / "site"


def strict(folder):
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_site_asks_nothing_of_other_machines(site):
    html = sorted(site.rglob("*.html"))
    assert {*(page.stem for page in PAGES), *reference.FACES} <= {page.stem for page in html}
    for page in html:
        found = References()
        found.feed(page.read_text())
        assert found.loaded
        for address in found.loaded:
            assert not urlsplit(address).netloc, f"{page.name} loads {address}"
        for address in found.loaded + found.links:
            path = unquote(urlsplit(address).path)
            if path and not urlsplit(address).netloc and page.name != "404.html":
                assert (page.parent / path).exists(), f"{page.name} refers to {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", sheet.read_text()), sheet


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_search_works_from_disk(site, browse):
    seen = browse()
    page = seen.open(site / "03-update.html")
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    page.keyboard.type("standardise", delay=30)
    found = "[...document.querySelectorAll('*')].map(e => e.shadowRoot).find(Boolean)"
    until(page, f"{found}?.querySelector('ol, ul')?.innerText.includes('4 Epochs')")
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_a_listing_shows_what_is_new_and_copies_whole(site, browse):
    seen = browse()
    page = seen.open(site / "04-epochs.html")
    block = page.locator("[data-known]").first
    assert "np.loadtxt" not in block.inner_text()
    whole = (DOCS / "snippets" / "04_epochs.py").read_text()
    assert block.locator("code").get_attribute("data-copy") == whole
    page.emulate_media(media="print")
    assert "np.loadtxt" in block.inner_text()
    page.emulate_media(media="screen")
    block.get_by_role("button", name="lines from earlier pages").click()
    assert "np.loadtxt" in block.inner_text()
    closed = page.locator("details:not([open])")
    assert closed.count() == 3
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() == 3
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_answers_fold_open_by_key_are_found_printed_and_lead_to_their_paragraph(site, browse):
    seen = browse()
    page = seen.open(site / "questions.html")
    closed = page.locator("details:not([open])")
    assert closed.count() == 45
    page.locator("summary").nth(6).press("Enter")
    assert closed.count() == 44
    assert page.get_by_text("draws normally distributed numbers").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.locator("article a[href='02-model.html#q7']").click()
    place = page.locator("#q7")
    assert "torch.randn" in place.locator("..").inner_text()
    assert 0 < known(place.bounding_box())["y"] < 400
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    page.keyboard.type("let the model copy the answer", delay=30)
    found = "[...document.querySelectorAll('*')].map(e => e.shadowRoot).find(Boolean)"
    until(page, f"{found}?.querySelector('ol, ul')?.innerText.includes('Forty-five questions')")
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.needs("chromium", "axe")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site, browse, scheme):
    seen = browse(color_scheme=scheme)
    for name in ("03-update", "04-epochs", "06-batches", "10-mistakes", "questions", "exercises"):
        page = seen.open(site / f"{name}.html")
        page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        assert findings(page) == []


def number(words, before):
    """The number that follows some words, or stands in bold after them."""
    found = known(re.search(re.escape(before) + r" ([−\d.,e-]+)", words))[1]
    return float(found.rstrip(",").replace("−", "-").replace(",", ""))


# The loss of apples = w · rainfall on the five regions.
RAIN, APPLES = [67, 88, 134, 43, 96], [56, 81, 119, 22, 103]


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_the_parabola_is_descended_by_mouse_keys_and_touch(site, browse):
    seen = browse(width=390, has_touch=True)
    page = seen.open(site / "03-update.html")
    figure = page.locator("[data-live]")
    said = figure.locator(".said")
    w = number(said.inner_text(), "weight")
    for _ in range(30):
        slope = 2 * sum((w * r - a) * r for r, a in zip(RAIN, APPLES, strict=True)) / 5
        assert number(said.inner_text(), "slope") == pytest.approx(slope, rel=6e-3, abs=6)
        figure.get_by_role("button", name="One update").click()
        w -= 1e-5 * slope
        assert number(said.inner_text(), "weight") == pytest.approx(w, abs=6e-3)
    assert "lowest point" in said.inner_text()
    height = figure.bounding_box()["height"]
    slider = figure.get_by_role("slider", name="weight")
    slider.press("ArrowRight")
    assert number(said.inner_text(), "weight") == pytest.approx(w + 0.01, abs=1.1e-2)
    box = known(figure.locator("svg").bounding_box())
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.up()
    w = number(said.inner_text(), "weight")
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    assert number(said.inner_text(), "weight") > w + 0.5
    assert figure.bounding_box()["height"] == height
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_rate_turns_without_moving_anything_else(site, browse, width):
    seen = browse(width=width)
    page = seen.open(site / "04-epochs.html")
    figure = page.locator("[data-live]")
    slider = figure.get_by_role("slider", name="learning rate")
    heights, after = set(), {}
    for standardised in (False, True):
        figure.get_by_role("checkbox").set_checked(standardised)
        for share in (0.02, 0.2, 0.5, 0.97, 1.0, 1.2):
            slider.fill(str(share))
            words = figure.locator(".said").inner_text()
            after[standardised, share] = number(words, "at the start,")
            assert ("Above the limit" in words) == (share > 1)
            heights.add(figure.bounding_box()["height"])
    assert len(heights) == 1
    assert after[False, 1.2] > after[False, 0.02] > after[False, 0.5]
    assert after[True, 0.5] < after[False, 0.5] / 10
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_batches_are_drawn_and_settle_only_where_they_hold_all_rows(site, browse):
    seen = browse()
    page = seen.open(site / "06-batches.html")
    figure = page.locator("[data-live]")
    said = figure.locator(".said")
    left = {}
    for size in ("1", "20"):
        figure.get_by_role("combobox").select_option(size)
        figure.get_by_role("button", name="Start again").click()
        figure.get_by_role("button", name="Draw a batch").click()
        assert figure.locator(".row.drawn").count() == int(size)
        for _ in range(300):
            figure.get_by_role("button", name="One epoch").dispatch_event("click")
        words = said.inner_text()
        left[size] = number(words, "loss of all rows") - number(words, "best possible")
    assert left["20"] == 0 <= left["1"]
    seen.expect_quiet()


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    ["[away](nowhere.md)", "[away](index.md#nowhere)", '--8<-- "nothing.py"'],
    ids=["page", "anchor", "snippet"],
)
def test_a_strict_build_fails(tmp_path, broken):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# A page\n\n{broken}\n")
    config = (ROOT / "zensical.toml").read_text()
    (tmp_path / "zensical.toml").write_text(
        re.sub(r"^nav = \[.*?^\]", "", config, flags=re.MULTILINE | re.DOTALL)
    )
    assert strict(tmp_path).returncode != 0
