"""Imports go one way, each heavy library has one home, and nothing loads before it is used."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import gradline

SOURCE = Path(gradline.__file__).parent

# Each layer may import those before it, and modules of its own row.
LAYERS = [
    {
        "errors",
        "wording",
        "arguments",
        "lazy",
        "threads",
        "shuffling",
        "sparse",
        "kernels",
        "nist",
        "memory",
        "blocks",
    },
    {"storage", "compiled", "engines"},
    {"data"},
    {"design"},
    {"learning"},
    {"rows"},
    {"reading", "keeping"},
    {"doubled"},
    {"slices"},
    {"factor"},
    {"tally"},
    {"sums"},
    {"refinement", "crossproducts"},
    {"products", "second_pass"},
    {"moments"},
    {"rank", "relations", "heavy_ball"},
    {"small"},
    {"trajectory", "basis"},
    {"objectives", "correction"},
    {"certificate", "estimates", "inference"},
    {"solvers"},
    {"model"},
    {"verification"},
    {"fitting", "judging", "summary", "diagnostics"},
    {"examination"},
    {"selftest"},
    {"linear_model"},
    {"history"},
    {"pytorch"},
    {"plots", "exports"},
    {"pages"},
    {"mlflow"},
    {"cli"},
    {"__main__"},
]
# Conveniences that call upwards by a late import: LinearModel.summary, .to_torch and .from_torch,
# Certificate._repr_html_, the rows of a torch Dataset, and the figures of a model or of moments.
UPWARDS = {
    ("model", "summary"),
    ("model", "pytorch"),
    ("model", "judging"),
    ("certificate", "summary"),
    ("reading", "pytorch"),
    ("model", "plots"),
    ("moments", "plots"),
}
HOMES = {
    "polars": {"data", "design", "rows", "cli", "history"},
    "narwhals": {"data"},
    "safetensors": {"storage"},
    "sklearn": {"linear_model", "pytorch"},  # the lesson checks itself against scikit-learn
    "typer": {"cli"},
    "backports": {"data"},
    "torch": {"pytorch"},
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "scipy": {"rank", "estimates", "inference"},
    "threadpoolctl": {"threads"},
    "plotly": {"plots", "pages"},
    "jinja2": {"pages"},
    "nbdime": {"history"},
    "nbformat": {"history"},
    "onnx": {"exports"},
    "onnxruntime": {"exports"},
    "duckdb": {"exports"},
    "mlflow": {"mlflow"},
}


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        inside = path.relative_to(SOURCE).with_suffix("").parts
        if inside != ("__init__",):
            yield inside[0], path


@functools.cache
def imported(path):
    """Top-level names of everything a file imports, and which of gradline's modules."""
    return list(_imported(path))


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            if node.module == "gradline":
                yield from (f"gradline.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def test_imports_go_one_way():
    level = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    for module, path in modules():
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "gradline" or len(parts) < 2 or parts[1] == "__version__":
                continue
            if (module, parts[1]) in UPWARDS:
                continue
            assert level[parts[1]] <= level[module], f"{path} imports {name} from a later layer"


def test_verification_shares_no_arithmetic_with_what_it_verifies():
    allowed = {
        "errors",
        "wording",
        "blocks",
        "data",
        "design",
        "rows",
        "reading",
        "doubled",
        "model",
        "verification",
    }
    for module, path in modules():
        if module != "verification":
            continue
        used = {name.split(".")[1] for name in imported(path) if name.startswith("gradline.")}
        assert used <= allowed, f"{path} imports {sorted(used - allowed)}"
        assert "model" not in used or path.stem in ("claims", "rereading"), path


def test_heavy_libraries_have_one_home():
    for module, path in modules():
        for name in imported(path):
            top = name.split(".")[0]
            assert module in HOMES.get(top, {module}), f"{path} imports {top}"


WATCHED = sorted({*HOMES, "numpy", "pandas", "pydantic", "ray", "rich"} - {"typer"})
TABLE = {"numpy", "polars"}
MODEL = {*TABLE, "safetensors"}
VERSION = MODEL
# scikit-learn, which the lesson checks itself against, and MLflow bring what they like.
LESSON = {*TABLE, "rich", "torch", "sklearn", "scipy", "threadpoolctl", "narwhals", "pandas"}
PUSH = {*VERSION, "backports", "mlflow", "scipy", "pandas", "pydantic"}
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
    pytest.param("predict crops.safetensors example:crops --interval 0.95", {*MODEL, "scipy"}, marks=SLOW),
    ("evaluate crops.safetensors example:crops", MODEL),
    ("show crops.safetensors", {*MODEL, "scipy"}),
    (f"trajectory {CROPS} --lr 1e-5", TABLE),
    pytest.param("selftest", TABLE, marks=SLOW),
    (f"doctor {CROPS}", TABLE),
    ("verify crops.safetensors example:crops", MODEL),
    pytest.param("lesson --epochs 1", LESSON, marks=SLOW),
    (f"diagnose printed.txt {IPHONE}", TABLE),
    ("play example:crops -o play.html", {*TABLE, "scipy", "plotly"}),
    pytest.param(
        "report crops.safetensors example:crops -o report.html",
        {*MODEL, "scipy", "plotly", "jinja2", "narwhals"},
        marks=SLOW,
    ),
    ("export crops.safetensors --to sql", {*MODEL, "narwhals", "duckdb"}),
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
    (place / "printed.txt").write_text("3390.0071\n2558.1218\n1931.3949\n")
    return place


def loaded(program, folder, code=0):
    """What of the watched libraries a program has loaded at its end, and that it ends with this code."""
    told = f"print('loaded', *[name for name in {WATCHED} if name in sys.modules], file=sys.stderr)"
    whole = f"import sys\ntry:\n    {program}\nfinally:\n    {told}"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, cwd=folder)
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split()[1:])


def test_what_an_import_loads(tmp_path):
    assert loaded("import gradline", tmp_path) == set()


@pytest.mark.parametrize(("words", "libraries"), LOADS, ids=lambda one: one if isinstance(one, str) else "")
def test_what_a_command_loads(words, libraries, folder):
    program = f"from gradline.cli import main; sys.argv = ['gradline', *{words.split()}]; main()"
    assert loaded(program, folder, int(words.split()[0] in REFUSED)) == libraries


def test_every_command_tells_what_it_loads():
    from gradline.cli.commands import app

    rows = [getattr(row, "values", row) for row in LOADS]
    told = {words.split()[0] for words, _ in rows if not words.startswith("-")}
    assert told == {command.name or command.callback.__name__ for command in app.registered_commands}


def test_the_public_face():
    """`__all__` is sorted as ruff sorts it, each name loads, and nothing else is public."""
    for name in gradline.__all__:
        assert getattr(gradline, name) is not None
    assert set(dir(gradline)) == set(gradline.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gradline.nothing
