"""README's blocks run as they stand. `python tests/test_readme.py` writes the real output into the console blocks."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


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
def test_console_blocks(tmp_path):
    blocks = CONSOLE.findall(README.read_text())
    assert len(blocks) >= 4
    for block in blocks:
        assert run(block, tmp_path) == block


def test_python_blocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert (failed, tried > 10) == (0, True)


def test_the_first_screen_has_what_a_newcomer_needs():
    screen = README.read_text().split("The same in Python")[0]
    for words in (
        "linear regression with gradient descent, on PyTorch",
        "make demo",
        "make test",
        "53.80",
        "66.81",
    ):
        assert words in " ".join(screen.split()).replace("Linear", "linear")


@pytest.mark.parametrize("name", re.findall(r"\]\(([A-Z]+\.md)\)", README.read_text()))
def test_links_lead_somewhere(name):
    assert (README.parent / name).exists()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        text = README.read_text()
        README.write_text(CONSOLE.sub(lambda found: f"```console\n{run(found[1], folder)}```", text))
