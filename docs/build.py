"""Runs the course: what a snippet prints goes beside it, each page becomes an executed notebook; and the reference.

`python docs/build.py` writes `snippets/*.out` and `tutorials.md`, which are kept, and `notebooks/*.ipynb` and
`reference/*.md`, which are made anew for each build. The pages name the snippets; nothing is typed twice.
"""

import base64
import contextlib
import io
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

import reference
import tutorials

DOCS = Path(__file__).parent
SNIPPETS = DOCS / "snippets"
NOTEBOOKS = DOCS / "notebooks"
INCLUDE = re.compile(r'^--8<-- "([^"]+)"$', re.MULTILINE)
OUTPUT = re.compile(r'^```text\n--8<-- "[^"]+\.out"\n```\n', re.MULTILINE)
NOTEBOOK_LINK = re.compile(r"^\[[^]]+\]\(notebooks/[^)]+\)\n", re.MULTILINE)
IMAGE = re.compile(r"!\[([^]]*)\]\(([^)]+\.svg)\)")


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
    text = NOTEBOOK_LINK.sub("", OUTPUT.sub("", page.read_text()))
    text = INCLUDE.sub(
        lambda found: (SNIPPETS / found[1]).read_text().rstrip(), text
    )
    text = re.sub(r"\((\w[\w-]*)\.md", r"(\1.ipynb", text)
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


def _attach_images(cell: NotebookNode) -> None:
    """Put the drawings into the notebook, which may be read far from this folder."""
    for _, path in IMAGE.findall(cell.source):
        image = base64.b64encode((DOCS / path).read_bytes()).decode()
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
    """Write every output, every notebook and the reference."""
    for snippet in sorted(SNIPPETS.glob("*.py")):
        snippet.with_suffix(".out").write_text(output(snippet))
    tutorials.write()
    made = {page.stem: notebook(page) for page in sorted(DOCS.glob("*.md"))}
    execute(made.values())
    NOTEBOOKS.mkdir(exist_ok=True)
    for stem, one in made.items():
        write(one, NOTEBOOKS / f"{stem}.ipynb")
    reference.write()


if __name__ == "__main__":
    main()
