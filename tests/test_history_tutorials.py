"""The tutorials end by committing their notebook; the course's pages behind them do, rate by rate, and come back."""

import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
from known import known
from versions import project_folder  # noqa: F401 - a fixture

from gradline.history import Store

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"000, by hand": "04-epochs", "004, with nn.Linear, DataLoader and SGD": "06-batches"}
TRAINING = (
    "import gradline\n"
    "solver = gradline.GradientDescent(lr={lr}, epochs=100)\n"
    'crops = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)\n'
    'gradline.commit("lr {lr}", model=crops)'
)


def written(page, rate):
    """The page as a notebook that trains at a rate and commits itself, saved as Jupyter has it when the cell runs."""
    spec = known(importlib.util.spec_from_file_location("docs_build", DOCS / "build.py"))
    build = importlib.util.module_from_spec(spec)
    known(spec.loader).exec_module(build)
    made = build.notebook(DOCS / f"{page}.md")
    made.cells.append(nbformat.v4.new_code_cell(TRAINING.format(lr=rate)))
    nbformat.write(made, f"{page}.ipynb")
    return made, Path(f"{page}.ipynb").read_bytes()


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_train_commit_change_the_rate_commit(page, project, monkeypatch, gradline):
    """In one kernel, as a learner does it: the rate is changed in the last cell, which is run again."""
    from nbclient import NotebookClient
    from traitlets.config import Config

    monkeypatch.setenv("JPY_SESSION_NAME", str(project / f"{page}.ipynb"))  # as jupyter_server starts kernels
    made, content = written(page, "1e-5")
    run, last = (
        NotebookClient(made, config=Config({"KernelManager": {"transport": "ipc"}})),
        len(made.cells) - 1,
    )
    with run.setup_kernel():
        for number, cell in enumerate(made.cells):
            run.execute_cell(cell, number)
        assert made.cells[last].outputs[-1].data["text/plain"] == "<v1: lr 1e-5>"
        saved = [content]
        again, content = written(page, "1e-4")
        saved.append(content)
        made.cells[last] = again.cells[last]
        run.execute_cell(made.cells[last], last)
        assert made.cells[last].outputs[-1].data["text/plain"] == "<v2: lr 1e-4>"
    assert [version.notebook for version in Store.find().versions()] == [f"{page}.ipynb"] * 2

    log = json.loads(gradline("log", "--json").out)
    (one, two) = (row["models"]["model.safetensors"]["loss"] for row in log["versions"])
    assert one == pytest.approx(152.9035, abs=1e-4)
    assert two < one
    done = gradline("diff", "v1", "v2", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["models"][0]["movement"]["parts"]["training"]["share"] == [1.0, 1.0]
    told = gradline("diff", "v1", "v2").out
    assert "solver = gradline.GradientDescent(lr=1e-4, epochs=100)" in told

    for number, content in enumerate(saved, 1):
        gradline("checkout", f"v{number}", f"{page}.ipynb", "--force")
        assert Path(f"{page}.ipynb").read_bytes() == content
