"""What the tests of versions share: a folder to work in, files to record, and the bytes of a store."""

import zlib
from pathlib import Path

import nbformat
import pytest

import gradline
from gradline.history import commit, pending

TARGETS = ["apples", "oranges"]


@pytest.fixture(autouse=True, name="project")
def project_folder(tmp_path, monkeypatch):
    """An empty folder to work in, nothing noted before, and pytest as the program that runs."""
    monkeypatch.chdir(tmp_path)
    pending.reset()
    monkeypatch.setattr(pending, "_project", {})
    return tmp_path


@pytest.fixture(scope="module", name="crops")
def crops_model():
    return gradline.fit("example:crops", TARGETS)


def record(name="a.txt", content=b"one", message=""):
    Path(name).write_bytes(content)
    return commit(message, name)


def everything(folder):
    """All bytes in a folder, of compressed files also what they hold, with their names."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            parts.append(path.read_bytes())
            if path.parent.name == "objects":
                parts.append(zlib.decompress(parts[-1]))
    return b"\n".join(parts)


def notebook(source="x = 1", **more):
    cell = nbformat.v4.new_code_cell(source, **more)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Äpfel"), cell])


def executed():
    """A notebook with all that an execution leaves in it."""
    made = notebook(
        execution_count=7,
        outputs=[
            nbformat.v4.new_output("stream", text="SECRET-ROW 71.25"),
            nbformat.v4.new_output("execute_result", {"text/html": "<td>SECRET-ROW</td>"}, execution_count=7),
        ],
        metadata={"execution": {"iopub.status.busy": "2026-01-01"}, "tags": ["keep"]},
    )
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": "SECRET-ROW"}}
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made
