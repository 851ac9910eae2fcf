"""The documentation is executed: snippets, numbers in the text, questions, notebooks, and the site itself."""

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

import pytest
import reference
from known import known

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SNIPPETS = sorted((DOCS / "snippets").glob("*.py"))
PAGES = sorted(DOCS.glob("*.md"))
LESSONS = [
    page for page in PAGES if page.stem not in ("performance", "tutorials")
]  # whose figures are those of benchmarks/results, and of docs/tutorials.py
LISTING = re.compile(r'^```python\n--8<-- "([^"]+)"\n```$', re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def stem(path):
    return path.stem


@pytest.fixture(scope="module")
def build():
    spec = known(importlib.util.spec_from_file_location("docs_build", DOCS / "build.py"))
    module = importlib.util.module_from_spec(spec)
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


def test_every_snippet_stands_on_one_page():
    named = [name for page in PAGES for name in LISTING.findall(page.read_text())]
    assert sorted(named) == [snippet.name for snippet in SNIPPETS]
    outputs = {path.stem for path in (DOCS / "snippets").glob("*.out")}
    assert outputs == {snippet.stem for snippet in SNIPPETS}


# What counts or names a thing in the text, rather than reporting a value.
LABELS = re.compile(
    r"^#+ \d+\.?|(?:\[\d+ [^]]+)?\]\([^)]*\)|\b[1-5] (?:predict|loss|gradient|update|reset)\b|\b(?:page|question) \d+|"
    r"\b00\d\b|`[^`\s]+\.py`|float\d\d|`python [^`]+`",
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


def test_forty_five_questions_answered_in_three_sentences():
    parts = re.split(r"^### (\d+)\. (.+)$", (DOCS / "questions.md").read_text(), flags=re.MULTILINE)
    assert [int(number) for number in parts[1::3]] == list(range(1, 46))
    for question, answer in zip(parts[2::3], parts[3::3], strict=True):
        words = FENCE.sub("", answer).split("[This page")[0].split("## ")[0]
        sentences = re.findall(r"\S[.?!](?=\s|$)", re.sub(r"`[^`]+`", "code", words.strip()))
        assert question.endswith((".", "?"))
        assert 1 <= len(sentences) <= 3, question
        asked = re.search(r"example|function that|Create", question)
        assert not asked or LISTING.search(answer), question


def test_the_navigation_holds_every_page_in_order():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    groups = {title: page for entry in nav for title, page in entry.items()}
    course = [next(iter(page.values())) for page in groups.pop("Course")]
    assert course == [page.name for page in PAGES if page.name[0].isdigit()]
    assert len(course) == 13
    listed = [next(iter(page.values())) for page in groups.pop("Reference")]
    assert listed == [f"reference/{face}.md" for face in reference.FACES]
    written = {page.relative_to(DOCS) for page in DOCS.rglob("*.md")} - {Path(page) for page in listed}
    assert {Path(page) for page in [*course, *groups.values()]} == written


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
    made = shutil.ignore_patterns("notebooks", "reference", "__pycache__")
    shutil.copytree(DOCS, copy / "docs", ignore=made)
    (copy / "docs" / "notebooks").mkdir()
    reference.write(copy / "docs" / "reference")
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
