"""What is measured: calls within this process and whole processes, each with its answer."""

import functools
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from memory import peak

LAUNCH = Path(__file__).parent / "launch.py"
# The unmeasured round leaves byte code, which whatever is installed has.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
UNIT = 2.0**-53
# Seconds before each contestant, in which threads of the one before cease to spin.
REST = 0.3
# Seconds up to which the second of two calls counts: in the first the processor wakes up, and its caches fill.
SHORT = 0.5


class Outcome(NamedTuple):
    """Seconds, what came out, and the peak memory in bytes where the contestant was a process of its own.

    One that was stopped has the seconds after which it was, and no answer.
    """

    seconds: float
    answer: Any
    memory: int | None = None
    stopped: bool = False


Contestant = Callable[[], Outcome]


class Bout(NamedTuple):
    """Contestants at the start, the measure of the others first; `reference` gives the right answer, or None.

    With the inputs X (n, p) the loss of each answer above the optimum is told.
    """

    contestants: dict[str, Contestant]
    reference: Callable[[], np.ndarray | None]
    inputs: Callable[[], np.ndarray] | None = None


class Case(NamedTuple):
    """One piece of work; as a point of a growth curve it names the axis and its place on it."""

    title: str
    prepare: Callable[[], Bout]
    axis: str = ""
    size: int = 0


def call(function: Callable[..., Any], *arguments: Any) -> Contestant:
    """A call within this process."""
    return functools.partial(_called, function, arguments)


def _called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    time.sleep(REST)
    first = _timed(function, arguments)
    return first if first.seconds > SHORT else _timed(function, arguments)


def measured(function: Callable[[], Any]) -> Outcome:
    """Seconds, answer and peak memory of a call, the first when it is long, else the second."""
    outcome = _called(function, ())
    return outcome._replace(memory=peak(function))


def _timed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    began = time.perf_counter()
    answer = function(*arguments)
    return Outcome(time.perf_counter() - began, answer)


def process(
    words: list[str], read: Callable[[str], Any], limit: float | None = None, **environment: str
) -> Contestant:
    """A whole process from its start to its end; `read` finds the answer in what it printed.

    It is stopped after `limit` seconds, and not begun again by later calls.
    """
    run = functools.partial(_ran, words, limit, environment)
    return _until_stopped(lambda: _answered(run(), read))


def inside(words: list[str], limit: float | None = None, **environment: str) -> Contestant:
    """A process of its own that prints the seconds, answer and memory of its work alone, as `scripts/fit_table.py`."""

    def told() -> Outcome:
        found = _ran(words, limit, environment)
        return found if found.stopped else Outcome(**json.loads(found.answer))

    return _until_stopped(told)


def _until_stopped(contestant: Contestant) -> Contestant:
    stopped: list[Outcome] = []

    def run() -> Outcome:
        outcome = stopped[0] if stopped else contestant()
        if outcome.stopped and not stopped:
            stopped.append(outcome)
        return outcome

    return run


def _answered(found: Outcome, read: Callable[[str], Any]) -> Outcome:
    return found if found.stopped else found._replace(answer=read(found.answer))


def _ran(words: list[str], limit: float | None, environment: dict[str, str]) -> Outcome:
    """What a process took, and what it printed as its answer; the processes it started end with it."""
    time.sleep(REST)
    launch = [sys.executable, "-S", "-E", str(LAUNCH), *words]
    settings: Any = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(launch, env=ENVIRONMENT | environment, **settings) as running:
        try:
            told, _ = running.communicate(timeout=limit)
        except subprocess.TimeoutExpired as late:
            os.killpg(running.pid, signal.SIGKILL)
            return Outcome(late.timeout, None, stopped=True)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, words)
    found = json.loads(told)
    return Outcome(found["seconds"], found["printed"], found["memory"])


def correct_digits(answer: Any, reference: np.ndarray | None) -> float | None:
    """The fewest correct digits of any coefficient, at most 15.95; None for what answers no coefficients."""
    if reference is None or np.shape(answer) != reference.shape:
        return None
    error = float(np.max(np.abs(answer - reference) / np.abs(reference)))
    return max(0.0, -math.log10(max(error, UNIT)))


def excess_loss(answer: Any, reference: np.ndarray | None, X: np.ndarray | None) -> float | None:
    """The mean squared error above the optimum's: the mean of (Δbias + X Δweight)².

    The optimum's residuals are orthogonal to the columns of X and of ones, so that no other term is left.
    """
    if X is None or reference is None or np.shape(answer) != reference.shape:
        return None
    difference = answer - reference
    return float(np.mean((difference[0] + X @ difference[1:]) ** 2))
