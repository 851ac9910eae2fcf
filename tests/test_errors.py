"""Codes of refusals, warnings and notices: one for each fault, told the same way everywhere, and provoked by a test."""

import ast
import copy
import functools
import pickle
import re
from collections import defaultdict
from pathlib import Path

import pytest
from torch._utils import ExceptionWrapper

from gradline.core import errors
from gradline.core.errors import DataError, FileError, GradlineError, GradlineWarning, Notice

ROOT = Path(__file__).parent.parent
ERRORS = {
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, GradlineError)
}
CARRIERS = {  # what carries a code besides the errors, and under which class its codes are told
    "Notice": "Notice",
    "GradlineWarning": "Notice",
    "Refusal": "RequestError",
    "CellFault": "DataError",
}
NOT_PROVOKED = {
    "data-refused-by-torch",  # no data that pass gradline's own checks are known to fail there
    "fork-unsupported",  # in a worker, of which torch hands on the text alone: tests/test_torch_data.py
    "ndjson-unreadable",  # what polars refuses though each line is an object
}


@functools.cache
def constructions():
    """(place, class, first argument) of everything that carries a code."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", name, node.args[0])
        for path in sorted((ROOT / "src/gradline").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ((name := ast.unparse(node.func).rpartition(".")[2]) in ERRORS or name in CARRIERS)
    ]


def literals():
    return [
        (place, CARRIERS.get(name, name), code.value)
        for place, name, code in constructions()
        if isinstance(code, ast.Constant)
    ]


def test_every_construction_names_its_code():
    """As a literal that a search finds, or as the code of what it passes on."""
    for place, name, code in constructions():
        if isinstance(code, ast.Constant):
            assert isinstance(code.value, str), (place, name)
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", code.value), (place, name)
        else:
            assert isinstance(code, ast.Attribute), (place, name)
            assert code.attr == "code", (place, name)


def test_a_code_belongs_to_one_class():
    classes = defaultdict(set)
    for _, name, code in literals():
        classes[code].add(name)
    assert {code: names for code, names in classes.items() if len(names) > 1} == {}


def test_every_code_is_provoked():
    """A test names it; what none does stands in a list, and leaves it once one does."""
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    named = {
        node.value
        for path in tests
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {code for _, _, code in literals()} - named == NOT_PROVOKED


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_survives_pickling_and_copying(name):
    error = getattr(errors, name)("column-unknown", "there is no column z", "name another")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert (twin.code, twin.cause, twin.remedy) == (
            "column-unknown",
            "there is no column z",
            "name another",
        )
        assert str(twin) == "there is no column z. Name another."


def test_a_refusal_from_a_worker_of_torch_keeps_its_class():
    error = DataError("no-rows", "there is no row")
    with pytest.raises(DataError) as caught:
        ExceptionWrapper((DataError, error, None), "in DataLoader worker process 0").reraise()
    assert (caught.value.code, caught.value.remedy) == ("refused-in-a-worker", "")
    assert "in DataLoader worker process 0" in caught.value.cause


def test_a_refusal_of_a_file_is_no_number_of_the_system():
    error = FileError("file-not-found", "there is no file z")
    assert (error.errno, error.strerror, error.filename, str(error)) == (
        None,
        None,
        None,
        "there is no file z.",
    )


def test_a_warning_says_its_text_and_keeps_its_code():
    warning = GradlineWarning("single-row", "there is one row")
    twin = pickle.loads(pickle.dumps(warning))
    assert (str(twin), twin.code, twin.text) == ("there is one row", "single-row", "there is one row")
    assert Notice("single-row", "there is one row") == Notice(
        "single-row", "there is one row", is_warning=False
    )


def test_refusals_are_what_python_calls_them():
    assert issubclass(DataError, ValueError)
    for name, parent in {
        "RequestError": ValueError,
        "UsageError": ValueError,
        "FileError": OSError,
        "DigitsError": ArithmeticError,
    }.items():
        assert issubclass(getattr(errors, name), parent)
