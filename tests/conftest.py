"""Shared by all tests: the command line as a user runs it, and no silent skips in CI."""

import os

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy loads: lets scikit-learn's array checks run
os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy loads: the test processes fill the cores already

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from browser import browse, chromium  # noqa: F401 - fixtures of the tests of pages

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)  # a landing is no lottery
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def gradline(tmp_path):
    """Run `gradline …` as a process in a fresh folder."""

    def run(*words: object, stdin: bytes | None = None, cwd: Path = tmp_path) -> Outcome:
        command = [sys.executable, "-m", "gradline", *map(str, words)]
        environment = {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, input=stdin, capture_output=True, cwd=cwd, env=environment, timeout=120
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(autouse=True)
def _compiled_loops_where_a_test_asks(monkeypatch):
    """No test changes its last bits because those before it have filled the account."""
    from gradline.core.kernels import policy

    monkeypatch.setattr(policy, "_saved", -math.inf)
    monkeypatch.setattr(policy, "_loaded", None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Under CI=true a skipped test is a failure: nothing is left out without being seen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
