"""Runs the course: what a snippet prints goes beside it, each page becomes an executed notebook; and the reference.

`python docs/build.py` writes `snippets/*.out`, how many lines of each listing are known and `tutorials.md`, which are
kept, and `drawings/*.svg`, `notebooks/*.ipynb` and `reference/*.md`, which are made anew for each build. The pages name
snippets and pictures; nothing is typed twice.
"""

import base64
import contextlib
import io
import itertools
import re
import runpy
import tempfile
from collections.abc import Iterable
from pathlib import Path

import jupytext
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode, write
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

import drawings
import reference
import tutorials

DOCS = Path(__file__).parent
SNIPPETS = DOCS / "snippets"
NOTEBOOKS = DOCS / "notebooks"
INCLUDE = re.compile(r'^--8<-- "([^"]+\.py)"$', re.MULTILINE)
DRAWING = re.compile(r'^--8<-- "([^"]+)\.svg"$', re.MULTILINE)
LIVE = re.compile(
    r"^<figure class=.live.*?</figure>\n", re.MULTILINE | re.DOTALL
)
LISTING = re.compile(
    r'^```(?:python|\{ \.python data-known="[\d -]+" \})\n--8<-- "([^"]+)"\n```$',
    re.MULTILINE,
)
IMPORTS = ("import ", "from ")
FOLD = re.compile(
    r"^<details class=.question. markdown>\n<summary>([^\n]*)</summary>\n(.*?)^</details>\n",
    re.MULTILINE | re.DOTALL,
)
FEWEST = 4  # known lines that are worth folding
OUTPUT = re.compile(r'^```text\n--8<-- "[^"]+\.out"\n```\n', re.MULTILINE)
NOTEBOOK_LINK = re.compile(r"^\[[^]]+\]\(notebooks/[^)]+\)\n", re.MULTILINE)
IMAGE = re.compile(r"!\[([^]]*)\]\(([^)]+\.svg)\)")


def course() -> list[Path]:
    """The numbered pages, in order."""
    return sorted(DOCS.glob("[0-9]*.md"))


def known_lines() -> dict[str, str]:
    """Which lines at the head of each of the course's listings stood in one of an earlier page: "2 4-11", from 1.

    The head ends with the first line that is neither known nor an import; an import that is new stays in sight.
    """
    seen: set[str] = {""}
    known = {}
    for page in course():
        here = [SNIPPETS / name for name in LISTING.findall(page.read_text())]
        for snippet in here:
            lines = snippet.read_text().splitlines()
            head = itertools.takewhile(
                lambda i, lines=lines: (
                    lines[i] in seen or lines[i].startswith(IMPORTS)
                ),
                range(1, len(lines)),
            )
            old = [i + 1 for i in head if lines[i] in seen]
            while old and not lines[old[-1] - 1]:
                old.pop()
            if sum(lines[i - 1] != "" for i in old) >= FEWEST:
                known[snippet.name] = ranges(old)
        for snippet in here:
            seen.update(snippet.read_text().splitlines())
    return known


def ranges(numbers: list[int]) -> str:
    """Ascending numbers, neighbours drawn together."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(
        f"{run[0]}-{run[-1]}" if run[1:] else f"{run[0]}" for run in runs
    )


def folded(text: str, known: dict[str, str]) -> str:
    """The page with what is known at the fences of its listings; `assets/listings.js` folds it."""

    def fence(found: re.Match[str]) -> str:
        lines = known.get(found[1])
        opening = f'{{ .python data-known="{lines}" }}' if lines else "python"
        return f'```{opening}\n--8<-- "{found[1]}"\n```'

    return LISTING.sub(fence, text)


def output(snippet: Path) -> str:
    """What a snippet prints when it runs alone, in an empty folder."""
    printed = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        torch.random.fork_rng(),
        contextlib.redirect_stdout(printed),
    ):
        runpy.run_path(str(snippet), run_name="__main__")
    return printed.getvalue()


def notebook(page: Path) -> NotebookNode:
    """The page as a notebook: its snippets as cells, without the outputs that the page shows."""
    text = NOTEBOOK_LINK.sub("", OUTPUT.sub("", folded(page.read_text(), {})))
    text = DRAWING.sub(_pictured, LIVE.sub("", text))
    text = FOLD.sub(_unfolded, text)
    text = INCLUDE.sub(
        lambda found: (SNIPPETS / found[1]).read_text().rstrip(), text
    )
    text = re.sub(r"#q\d+(?=\))| \{ #q\d+ \}$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\((\w[\w-]*)\.md", r"(\1.ipynb", text)
    text = re.sub(r"\((guide/\w+)\.md", r"(../\1.html", text)
    made = jupytext.reads(text, fmt="md")
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for cell in made.cells:
        if cell.cell_type == "markdown":
            _attach_images(cell)
    return made


def _unfolded(found: re.Match[str]) -> str:
    """What is folded, laid open where it has a listing: a cell cannot be part of another."""
    return f"**{found[1]}**\n{found[2]}" if "```" in found[2] else found[0]


def _pictured(found: re.Match[str]) -> str:
    """A picture as an image with its caption."""
    drawn = drawings.drawn(found[1])
    return f"![{drawn.title}]({found[1]}.svg)\n\n*{drawn.caption}*"


def _attach_images(cell: NotebookNode) -> None:
    """Put the drawings into the notebook, which may be read far from this folder."""
    for _, path in IMAGE.findall(cell.source):
        name = Path(path).stem
        ours = name in drawings.DRAWINGS
        drawn = (
            drawings.drawn(name).svg() if ours else (DOCS / path).read_text()
        )
        image = base64.b64encode(drawn.encode()).decode()
        cell.setdefault("attachments", {})[Path(path).name] = {
            "image/svg+xml": image
        }
    cell.source = IMAGE.sub(
        lambda found: f"![{found[1]}](attachment:{Path(found[2]).name})",
        cell.source,
    )


def execute(notebooks: Iterable[NotebookNode]) -> None:
    """Run the notebooks one after another in one kernel, each with an empty namespace."""
    cells = []
    for one in notebooks:
        # A reset looks for garbage: not among what the libraries keep.
        cells += [
            new_code_cell("import gc\ngc.freeze()\n%reset -f"),
            *one.cells,
        ]
    whole = new_notebook(cells=cells)
    ipc = Config({"KernelManager": {"transport": "ipc"}})  # no open port
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        NotebookClient(whole, timeout=120, config=ipc).execute()
    for one in notebooks:
        count = 0
        for cell in one.cells:
            cell.metadata.pop("execution", None)  # times differ in every build
            if cell.cell_type == "code":
                count += 1
                cell.execution_count = count


def main() -> None:
    """Write every output, picture and notebook and the reference."""
    for snippet in sorted(SNIPPETS.glob("*.py")):
        snippet.with_suffix(".out").write_text(output(snippet))
    known = known_lines()
    for page in course():
        page.write_text(folded(page.read_text(), known))
    drawings.write()
    tutorials.write()
    made = {page.stem: notebook(page) for page in sorted(DOCS.glob("*.md"))}
    execute(made.values())
    NOTEBOOKS.mkdir(exist_ok=True)
    for stem, one in made.items():
        write(one, NOTEBOOKS / f"{stem}.ipynb")
    reference.write()


if __name__ == "__main__":
    main()
