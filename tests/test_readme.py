"""The blocks of README and guide run as they stand. `python tests/test_readme.py` writes the real output into them."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs" / "guide").glob("*.md"))]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
SCREEN = 50  # lines


def stem(path):
    return path.stem


def commands(block):
    """The commands of a console block."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def run(block, folder):
    """The block as a terminal would show it; `gradline` is the one of this Python."""
    shown = []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "COLUMNS": "100", "PATH": path}
    for command in commands(block):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        shown.append(f"$ {command}\n{done.stdout.rstrip()}\n")
    return "\n".join(shown)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_console_blocks(tmp_path, page):
    for block in CONSOLE.findall(page.read_text()):
        assert run(block, tmp_path) == block


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_python_blocks(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert (failed, tried) == (0, page.read_text().count(">>> "))


def test_the_readme_fits_two_screens_and_has_what_a_newcomer_needs():
    text = README.read_text()
    assert len(text.splitlines()) <= 2 * SCREEN
    assert CONSOLE.search(text) is not None
    assert "![" in text
    first = " ".join("\n".join(text.splitlines()[:SCREEN]).split()).lower()
    for words in (
        "linear regression with gradient descent, on pytorch",
        "make demo",
        "make test",
        "python 3.11",
        "loss",
    ):
        assert words in first


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|\.\./reference/)([^)#]+)", page.read_text())
    assert page != README or links
    for link in links:
        assert (page.parent / link).exists(), link


if __name__ == "__main__":
    import tempfile

    for page in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            text = page.read_text()
            page.write_text(CONSOLE.sub(lambda found: f"```console\n{run(found[1], folder)}```", text))
