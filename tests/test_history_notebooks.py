"""Notebooks and scripts in versions: found by the session's own means, and kept without their outputs."""

import json
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest
from refusals import refused, warned
from versions import (
    everything,
    executed,
    notebook,
    project_folder,  # noqa: F401 - fixtures
)

from gradline.history import Store, commit


def test_a_notebook_is_kept_as_jupyter_writes_it_without_outputs():
    nbformat.write(executed(), "n.ipynb")
    version = commit("", "n.ipynb")
    kept = Store.find().get(version.files["n.ipynb"])
    expected = executed()
    expected.cells[0].id, expected.cells[1].id = (c["id"] for c in json.loads(kept)["cells"])
    expected.cells[1] |= {"outputs": [], "execution_count": None, "metadata": {"tags": ["keep"]}}
    del expected.metadata["widgets"]
    assert nbformat.reads(kept.decode(), 4) == expected
    assert kept.decode() == nbformat.writes(nbformat.reads(kept.decode(), 4)) + "\n"
    assert b"SECRET-ROW" not in everything(Store.find().folder)
    version = commit("", "n.ipynb", outputs=True)
    assert Store.find().get(version.files["n.ipynb"]) == Path("n.ipynb").read_bytes()


def test_a_notebook_without_outputs_is_kept_byte_by_byte():
    content = json.dumps(notebook(), indent=3).encode()  # as no Jupyter writes it
    Path("n.ipynb").write_bytes(content)
    version = commit("", "n.ipynb")
    assert Store.find().get(version.files["n.ipynb"]) == content


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"worksheets": [], "nbformat": 3}', b'{"cells": [1]}', b"\xff"]
)
def test_what_is_no_notebook_is_refused(content):
    Path("n.ipynb").write_bytes(content)
    with refused("notebook-unreadable", "n.ipynb"):
        commit("", "n.ipynb")


@pytest.fixture
def kernel(monkeypatch):
    """As if this ran in a kernel whose running cell is `x = 1`."""
    shell = types.SimpleNamespace(
        kernel=object(), history_manager=types.SimpleNamespace(input_hist_raw=["", "x = 1"])
    )
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return shell


@pytest.mark.usefixtures("kernel")
def test_the_running_notebook_is_the_one_that_the_session_names(project, monkeypatch):
    nbformat.write(notebook(), "crops.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(project / "crops.ipynb"))
    version = commit("in Jupyter")
    assert version.notebook == "crops.ipynb"
    assert version.files.keys() == {"crops.ipynb"}
    monkeypatch.setenv("JPY_SESSION_NAME", "course/crops.ipynb")  # relative to the server's folder
    assert commit().notebook == "crops.ipynb"
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(
        sys.modules["__main__"], "__vsc_ipynb_file__", str(project / "crops.ipynb"), raising=False
    )
    assert commit("in VS Code").notebook == "crops.ipynb"


@pytest.mark.usefixtures("kernel")
def test_an_unsaved_notebook_is_said(project, monkeypatch):
    nbformat.write(notebook("y = 2"), "crops.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(project / "crops.ipynb"))
    with warned("notebook-unsaved"):
        commit()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "none"),
        ("/x/gone.ipynb", "gone.ipynb"),
        ("/x/console-1", "console-1"),
    ],
)
def test_where_no_notebook_is_found_it_says_what_to_pass(monkeypatch, named, said):
    if named:
        monkeypatch.setenv("JPY_SESSION_NAME", named)
    with refused("notebook-not-found", said) as caught:
        commit()
    assert 'notebook="name.ipynb"' in caught.value.remedy
    nbformat.write(notebook(), "mine.ipynb")
    assert commit(notebook="mine.ipynb").notebook == "mine.ipynb"
    assert commit("", "mine.ipynb", notebook=None).notebook is None


@pytest.mark.usefixtures("kernel")
def test_in_colab_it_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with refused("notebook-not-found", "Colab"):
        commit()


@pytest.mark.slow
def test_a_notebook_commits_itself_in_a_real_kernel(project, monkeypatch):
    from nbclient import NotebookClient
    from traitlets.config import Config

    source = (
        "import gradline\n"
        "model = gradline.fit('example:crops', ['apples', 'oranges'])\n"
        "print('SECRET-ROW', model.predict('example:crops')[0])\n"
        "gradline.commit('from a notebook', model=model)"
    )
    nbformat.write(notebook(source), "crops.ipynb")
    monkeypatch.setenv(
        "JPY_SESSION_NAME", str(project / "crops.ipynb")
    )  # as jupyter_server starts its kernels
    monkeypatch.setenv("PLANTED", "SECRET-VARIABLE")
    run = NotebookClient(notebook(source), config=Config({"KernelManager": {"transport": "ipc"}})).execute()
    assert run.cells[1].outputs[-1].data["text/plain"] == "<v1: from a notebook>"
    version = Store.find().version("latest")
    assert version.notebook == "crops.ipynb"
    assert version.files.keys() == {"crops.ipynb", "model.safetensors"}
    assert Store.find().get(version.files["crops.ipynb"]) == Path("crops.ipynb").read_bytes()
    nbformat.write(run, "crops.ipynb")  # as Jupyter saves it: with its outputs
    commit("", "crops.ipynb", notebook=None)
    assert b"SECRET" not in everything(Store.find().folder).replace(b"print('SECRET-ROW'", b"")


def test_a_script_records_itself(project):
    script = "import gradline\nprint(gradline.commit('by a script').files.keys())\n"
    (project / "train.py").write_text(script)
    done = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "dict_keys(['train.py'])\n"
    version = Store.find().version("latest")
    assert version.notebook is None
    assert Store.find().get(version.files["train.py"]).decode() == script
