"""Public names: each says what it is, shows an example that runs, stands in the reference, and is typed for users."""

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pytest
import reference

from gradline.history import pending

ROOT = Path(__file__).parent.parent
PUBLIC = [(face, name) for face in reference.FACES for name in reference.names(importlib.import_module(face))]
# Without an example: no callable, what `push` returns, what needs a server (tests/test_mlflow.py runs it) or Spark.
WITHOUT = {
    "gradline.__version__",
    "gradline.mlflow.Pushed",
    "gradline.mlflow.log_model",
    "gradline.mlflow.push",
    "gradline.spark.moments",  # tests/elsewhere/on_spark.py
}
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # MLflow's
HEAVY = ("gradline.pytorch", "gradline.mlflow")  # load for seconds


def enrolled(face, name):
    marks = [pytest.mark.slow] if face in HEAVY else []
    return pytest.param(face, name, marks=marks, id=f"{face}.{name}")


def thing(face, name):
    return getattr(importlib.import_module(face), name)


@pytest.mark.parametrize(
    ("face", "name"), [enrolled(*names) for names in PUBLIC if ".".join(names) not in WITHOUT]
)
def test_the_example_of_a_public_name_runs(face, name, tmp_path, monkeypatch):
    """As `pytest --doctest-modules` would run it, but in an empty folder, and without loading every module."""
    monkeypatch.chdir(tmp_path)
    for noted in ("_project", "_pending"):  # by other tests of this process
        monkeypatch.setattr(pending, noted, {})
    tests = [test for test in doctest.DocTestFinder().find(thing(face, name), name) if test.examples]
    assert any(test.name == name for test in tests), "no example"
    for test in tests:
        said = []
        doctest.DocTestRunner().run(test, out=said.append)
        assert not said, "".join(said)


def test_every_public_name_says_what_it_is():
    for face, name in PUBLIC:
        found = thing(face, name)
        if not callable(found):
            continue
        documented = {name: found}
        if inspect.isclass(found):
            documented |= {
                f"{name}.{member}": reference.callable_of(value) for member, value in reference.members(found)
            }
        for called, one in documented.items():
            # A dataclass without a docstring gets its signature for one.
            said = one.__doc__ or ""
            assert said, f"{face}.{called} has no docstring"
            assert not said.startswith(f"{name}("), f"{face}.{called} has no docstring"


def test_every_public_name_stands_in_the_reference(tmp_path):
    reference.write(tmp_path)
    for face, name in PUBLIC:
        lines = (tmp_path / f"{face}.md").read_text().splitlines()
        assert f"## {name} {{ #{face}.{name} }}" in lines, f"{face}.{name} is missing"


def test_a_docstring_becomes_markdown():
    docstring = "Parameters:\n- `a`: one,\n  more of it.\n- `b`: two.\n\n>>> 1 + 1\n2\n\nSource."
    assert reference.markdown(docstring) == (
        "Parameters:\n\n- `a`: one,\n  more of it.\n- `b`: two.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nSource."
    )


class Choice(TypedDict, total=False):
    weights: str | None
    missing: str


def test_a_signature_is_read_as_it_is_called():
    def short(a: "int", *more: float, b: str = "x") -> Path: ...

    def long(the_first_of_all: list[Path], the_second: int, *, third: dict[str, int]) -> None: ...

    def typed(data: str, show: Any = print, **choice: Unpack[Choice]): ...

    everything = "f(data: str, show: Any = print, weights: str | None = …, missing: str = …)"
    assert reference.signature("f", typed) == everything
    assert reference.signature("f", short) == 'f(a: int, *more: float, b: str = "x") -> Path'
    assert reference.signature("f", long) == (
        "f(\n    the_first_of_all: list[Path],\n    the_second: int,\n    *,\n    third: dict[str, int],\n) -> None"
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it is published, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_mark_of_types(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("gradline/")}
    assert "gradline/py.typed" in packed
    files = [path for path in (ROOT / "src" / "gradline").rglob("*") if path.is_file()]
    assert packed == {
        path.relative_to(ROOT / "src").as_posix() for path in files if "__pycache__" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.needs("node")  # as pyright does
def test_a_users_script_is_checked_against_the_installed_package(wheel, tmp_path):
    """The wheel in an environment of its own, beside which lies what it depends on."""
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", asked], text=True).strip())
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(str(Path(pytest.__file__).parent.parent))
    script = (ROOT / "tests" / "typing" / "user_script.py").read_text()
    (tmp_path / "script.py").write_text(script)
    settings = {"include": ["script.py"], "reportUnnecessaryTypeIgnoreComment": "error"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(python)]
    found = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout)
    assert found["generalDiagnostics"] == []
    assert found["summary"]["filesAnalyzed"] == 1
    subprocess.run([python, "script.py"], cwd=tmp_path, check=True, timeout=120)


def test_what_contributing_names_is_there():
    """A path of the map or of the page on adding leads somewhere, and a table in capitals stands in its file."""
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "maintaining" / "adding.md"):
        text = page.read_text()
        for path in re.findall(r"`([\w./]+/[\w.]*|[\w./]+\.(?:py|css|toml|md))`", text):
            places = [ROOT / path, ROOT / "src" / "gradline" / path]
            assert any(place.exists() for place in places) or "yours" in path, f"{page.name} names {path}"
        for table, path in re.findall(r"`([A-Z_]+)` (?:in|of) `([\w./]+)`", text):
            file = next(
                place / path for place in (ROOT, ROOT / "src" / "gradline") if (place / path).exists()
            )
            assert re.search(rf"^{table}\b.*=", file.read_text(), re.MULTILINE), f"{path} has no {table}"
