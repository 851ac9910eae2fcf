"""Shared by all tests: the command line as a user runs it, and what is left out where a tool is not installed."""

import os

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy loads: lets scikit-learn's array checks run
os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy loads: the test processes fill the cores already

import atexit
import gc
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
from browser import browse, chromium  # noqa: F401 - fixtures of the tests of pages
from commands import Outcome, command
from needs import missing

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes load the same: it is compiled once
sys.dont_write_bytecode = False
# Imports make a million objects that stay. To look through them takes half a second, to take them apart three: a
# worker, which has then told all it knows, leaves without.
WORKER = "PYTEST_XDIST_WORKER" in os.environ
gc.set_threshold(100_000)
if WORKER:
    atexit.register(os._exit, 0)
# It comes with nbformat, by jsonschema, and takes two seconds; what it checks, addresses, no notebook's schema has.
sys.modules["rfc3987_syntax"] = None  # pyright: ignore[reportArgumentType]

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)  # a landing is no lottery
hypothesis.settings.load_profile("steady")


@pytest.fixture
def gradline(tmp_path):
    """Run `gradline …` as a process in a fresh folder."""

    def run(*words: object, stdin: bytes | None = None, cwd: Path = tmp_path) -> Outcome:
        return command(*words, folder=cwd, stdin=stdin)

    return run


@pytest.hookimpl(tryfirst=True)  # before -m asks for marks
def pytest_collection_modifyitems(config, items):
    """A test whose tool is not installed is left out; who asks for a browser needs one.

    What `make test-full` adds is not even left out: others of its kind stand for it.
    """
    if "full" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("full")])
        items[:] = [item for item in items if not item.get_closest_marker("full")]
    for item in items:
        if "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.needs("chromium"))
        reason = missing(tuple(name for mark in item.iter_markers("needs") for name in mark.args))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish():
    """What has been loaded so far stays."""
    if WORKER:
        gc.freeze()


def skipped(config):
    """The reports of tests that were left out; a worker of xdist reports none itself."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Under CI=true a skipped test is a failure: nothing is left out without being seen."""
    if os.environ.get("CI") == "true" and skipped(session.config) and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config):
    """What was left out, and why, is the last thing printed."""
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped(config))
    if reasons:
        told = "; ".join(
            f"{count} test{'s' * (count > 1)} of {reason}" for reason, count in reasons.most_common()
        )
        config.pluginmanager.get_plugin("terminalreporter").write_line(
            f"left out: {told} (make tools installs them)"
        )
