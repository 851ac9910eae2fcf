"""What is measured: calls within this process and whole processes, each with its answer."""

import functools
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LAUNCH = Path(__file__).parent / "launch.py"
# The unmeasured round leaves byte code, which whatever is installed has.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
UNIT = 2.0**-53
# Seconds before each contestant, in which threads of the one before cease to spin.
REST = 0.3
# Seconds up to which the second of two calls counts: in the first the processor wakes up, and its caches fill.
SHORT = 0.5


class Outcome(NamedTuple):
    """Seconds, what came out, and the peak memory in bytes where the contestant was a whole process."""

    seconds: float
    answer: Any
    memory: int | None = None


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


def _timed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    began = time.perf_counter()
    answer = function(*arguments)
    return Outcome(time.perf_counter() - began, answer)


def process(words: list[str], read: Callable[[str], Any]) -> Contestant:
    """A whole process from its start to its end; `read` finds the answer in what it printed."""
    return functools.partial(_ran, words, read)


def _ran(words: list[str], read: Callable[[str], Any]) -> Outcome:
    time.sleep(REST)
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(LAUNCH), *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    found = json.loads(done.stdout)
    return Outcome(found["seconds"], read(found["printed"]), found["memory"])


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
