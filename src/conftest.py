"""Examples of docstrings run in an empty folder: `pytest --doctest-modules src/gradline/model/fit.py`."""

import pytest


def pytest_configure(config):
    # MLflow's remark on its own interface, which our flavour implements as it must.
    config.addinivalue_line("filterwarnings", "ignore:.*Any type hint is inferred as AnyType:UserWarning")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
