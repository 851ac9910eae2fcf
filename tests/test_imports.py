"""Imports go one way, each heavy library has one home, and nothing loads before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gradline

SOURCE = Path(gradline.__file__).parent

# Each layer may import those before it, and modules of its own row.
LAYERS = [
    {"errors", "wording", "arguments", "lazy", "threads", "shuffling", "kernels", "nist"},
    {"storage", "compiled", "engines"},
    {"data"},
    {"design"},
    {"learning"},
    {"rows"},
    {"reading"},
    {"doubled"},
    {"factor"},
    {"tally"},
    {"refinement", "crossproducts"},
    {"products"},
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
    {"pytorch"},
    {"plots"},
    {"pages"},
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
    "polars": {"data", "design", "rows", "cli"},
    "narwhals": {"data"},
    "safetensors": {"storage"},
    "sklearn": {"linear_model", "pytorch"},  # the lesson checks itself against scikit-learn
    "typer": {"cli"},
    "backports": {"data"},
    "torch": {"pytorch"},
    "numba": {"kernels"},
    "scipy": {"rank", "estimates", "inference"},
    "threadpoolctl": {"threads"},
    "plotly": {"plots", "pages"},
    "jinja2": {"pages"},
}


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        inside = path.relative_to(SOURCE).with_suffix("").parts
        if inside != ("__init__",):
            yield inside[0], path


def imported(path):
    """Top-level names of everything a file imports, and which of gradline's modules."""
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
    allowed = {"errors", "wording", "data", "design", "rows", "reading", "doubled", "model", "verification"}
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


HEAVY = ["torch", "ray", "sklearn", "plotly", "numba", "scipy", "pandas", "pydantic"]


@pytest.mark.parametrize(
    "statement",
    [
        "import gradline",
        "from gradline.cli import main; sys.argv = ['gradline', '--help']; main()",
        "from gradline.cli import main; sys.argv = ['gradline', 'fit', 'example:crops', '-t', 'apples']; main()",
    ],
    ids=["import gradline", "gradline --help", "gradline fit"],
)
def test_what_a_start_loads(statement):
    program = (
        f"import sys\ntry:\n    {statement.replace('; ', chr(10) + '    ')}\nexcept SystemExit: pass\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
        "print('numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *_, heavy, has_numpy = done.stderr.splitlines()
    assert heavy == ""
    assert has_numpy == str("fit" in statement)


def test_the_public_face():
    """`__all__` is sorted as ruff sorts it, each name loads, and nothing else is public."""
    for name in gradline.__all__:
        assert getattr(gradline, name) is not None
    assert set(dir(gradline)) == set(gradline.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gradline.nothing
