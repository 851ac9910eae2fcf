"""Nothing loads before it is used. That imports go one way `make check` holds, by contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest
from known import known

import gradline

ROOT = Path(__file__).parent.parent

WATCHED = [
    *(
        "backports",
        "duckdb",
        "jinja2",
        "mlflow",
        "narwhals",
        "nbdime",
        "nbformat",
        "numpy",
        "onnx",
    ),
    *(
        "onnxruntime",
        "pandas",
        "plotly",
        "polars",
        "pydantic",
        "ray",
        "rich",
        "safetensors",
        "scipy",
        "sklearn",
    ),
    *("threadpoolctl", "torch"),
]
TABLE = {"numpy", "polars"}
MODEL = {*TABLE, "safetensors"}
VERSION = MODEL - {"polars"}
# scikit-learn, which the lesson checks itself against, and MLflow bring what they like.
LESSON = {*TABLE, "rich", "torch", "sklearn", "scipy", "threadpoolctl", "narwhals", "pandas"}
PUSH = {*MODEL, "backports", "mlflow", "scipy", "pandas", "pydantic"}
CROPS = "example:crops -t apples -t oranges"
IPHONE = "example:iphone -t sales --lr 1e-5 --weight 0.7765,-0.1135,0.7029 --bias 0.4655"
SET = "--set temp=75 --set rainfall=63 --set humidity=44"
SLOW = pytest.mark.slow
# Each command on a small example, and what it loads. Every command has a row.
LOADS = [
    ("--version", set()),
    ("--help", {"rich"}),
    ("fit --help", {"rich"}),
    (f"fit {CROPS}", TABLE),
    (f"fit {CROPS} --lr 1e-5 --epochs 10", TABLE),
    (f"fit {CROPS} --batch-size 5 -o sgd.safetensors", MODEL),
    (f"predict crops.safetensors {SET}", {*MODEL, "narwhals"}),
    ("predict crops.safetensors example:crops", MODEL),
    pytest.param("predict crops.safetensors example:crops --interval 0.95", MODEL, marks=SLOW),
    ("evaluate crops.safetensors example:crops", MODEL),
    (f"plan {CROPS}", TABLE),
    (f"moments make {CROPS} -o state.safetensors", MODEL),
    ("show crops.safetensors", MODEL - {"polars"}),
    ("compare crops.safetensors again.safetensors", MODEL - {"polars"}),
    (f"trajectory {CROPS} --lr 1e-5", TABLE),
    pytest.param("selftest", {"numpy"}, marks=SLOW),
    (f"doctor {CROPS}", TABLE),
    (f"path {CROPS}", TABLE),
    ("verify crops.safetensors example:crops", MODEL),
    ("example line -o line.csv", {"numpy"}),
    pytest.param("lesson --epochs 1", LESSON, marks=SLOW),
    (f"diagnose printed.txt {IPHONE}", TABLE),
    pytest.param("play example:crops -o play.html", TABLE, marks=SLOW),
    pytest.param(
        "report crops.safetensors example:crops -o report.html",
        {*MODEL, "scipy", "jinja2", "narwhals"},
        marks=SLOW,
    ),
    pytest.param("export crops.safetensors --to sql", {*MODEL, "narwhals", "duckdb"}, marks=SLOW),
    pytest.param(
        "export crops.safetensors --to onnx -o crops.onnx",
        {*MODEL, "narwhals", "onnx", "onnxruntime"},
        marks=SLOW,
    ),
    pytest.param(
        "export crops.safetensors --to torch -o crops.pt", {*MODEL, "narwhals", "torch"}, marks=SLOW
    ),
    ("commit crops.safetensors -m three", VERSION),
    ("log", set()),
    ("log --where loss<2", {"polars"}),
    ("diff v1 v2", VERSION),
    ("note v1 exact", set()),
    ("tag v1 exact", set()),
    ("checkout v2 --force", {"numpy"}),
    ("archive v1", set()),
    pytest.param("push v1 --to http://127.0.0.1:9", PUSH, marks=SLOW),  # where no server answers
]
REFUSED = {"push"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A place with a model, two versions, and what a loop printed."""
    place = tmp_path_factory.mktemp("loads")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for solver in (gradline.GradientDescent(lr=1e-5, epochs=10), gradline.Exact()):
            gradline.fit("example:crops", ["apples", "oranges"], solver=solver).save("crops.safetensors")
            gradline.commit("a version", "crops.safetensors", notebook=None)
        gradline.fit("example:crops", ["apples", "oranges"], features=["temp"]).save("again.safetensors")
    (place / "printed.txt").write_text("3390.0071\n2558.1218\n1931.3949\n")
    return place


def loaded(program, folder, watched=WATCHED, code=0):
    """What of the watched libraries a program has loaded at its end, and that it ends with this code."""
    told = f"print('loaded', *[name for name in {watched} if name in sys.modules], file=sys.stderr)"
    whole = f"import sys\ntry:\n    {program}\nfinally:\n    {told}"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, cwd=folder)
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split()[1:])


def test_contracts_have_no_exceptions():
    whole = (ROOT / "pyproject.toml").read_text()
    assert "ignore_imports" not in whole
    assert "exhaustive_ignores" not in whole


def test_the_root_has_few_entries():
    entries = {path.name for path in Path(gradline.__file__).parent.iterdir()} - {"__pycache__"}
    assert len(entries) <= 21, (
        entries
    )  # the folders of the layers, and six files: three are faces of their own


def test_a_fit_draws_no_number(folder):
    """NumPy's random numbers, with all that they load, wait for who draws some."""
    for options in ("", " --lr 1e-5 --epochs 10"):
        words = f"fit {CROPS}{options}".split()
        program = f"import gradline.cli; sys.argv = ['gradline', *{words}]; gradline.cli.main()"
        assert loaded(program, folder, ["numpy.random", "numpy"]) == {"numpy"}


READERS = [f"gradline.data.{name}" for name in ("columnar", "csv", "files", "ndjson", "source", "tables")]


def test_arrays_need_no_table_reader(tmp_path):
    """Neither polars nor a reader of any format loads where arrays are fitted."""
    program = "import gradline; gradline.fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])"
    assert loaded(program, tmp_path, READERS) == set()
    assert loaded(program, tmp_path) == {"numpy"}


def test_what_an_import_loads(tmp_path):
    assert loaded("import gradline", tmp_path) == set()


@pytest.mark.parametrize(("words", "libraries"), LOADS, ids=lambda one: one if isinstance(one, str) else "")
def test_what_a_command_loads(words, libraries, folder):
    program = f"from gradline.cli import main; sys.argv = ['gradline', *{words.split()}]; main()"
    assert loaded(program, folder, code=int(words.split()[0] in REFUSED)) == libraries


def test_every_command_tells_what_it_loads():
    from gradline.cli.commands import app

    rows = [getattr(row, "values", row) for row in LOADS]
    told = {words.split()[0] for words, _ in rows if not words.startswith("-")}
    commands = {command.name or known(command.callback).__name__ for command in app.registered_commands}
    assert told == commands | {group.name for group in app.registered_groups}


def test_the_public_face():
    """`__all__` is sorted as ruff sorts it, each name loads, and nothing else is public."""
    for name in gradline.__all__:
        assert getattr(gradline, name) is not None
    assert set(dir(gradline)) == set(gradline.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gradline.nothing
