"""A small fit as a whole process: the crop table from its file to printed coefficients, by each kind of solver."""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from contest import Bout, Case, process

import gradline

BENCHMARKS = Path(__file__).parent.parent
CROPS = BENCHMARKS.parent / "examples" / "crops.csv"
TARGETS = ["apples", "oranges"]
ROWS, PART, LR, EPOCHS = 15, 5, 1e-5, 100  # the tutorials' training

Rivals = dict[str, list[str]]


def cases(quick: bool) -> list[Case]:
    """The exact answer, full batches, mini-batches; no smaller when it has to be quick."""
    del quick
    training = ["--lr", str(LR), "--epochs", str(EPOCHS)]
    parts = ["--batch-size", str(PART), "--decay", "none"]
    exactly = {"pandas + scikit-learn": ["crops_sklearn.py"], "torch: lstsq": ["crops_lstsq.py"]}
    whole, part = ({"torch: the tutorials' loop": ["crops_loop.py", str(size)]} for size in (ROWS, PART))
    return [
        _case("exact", [], exactly, exact),
        _case(f"{EPOCHS} epochs", training, whole, trained),
        # Each shuffles in its own order, so that there is no right answer to a digit.
        _case(f"{EPOCHS} epochs of batches of {PART}", training + parts, part, lambda: None),
    ]


def _case(
    title: str, options: list[str], scripts: Rivals, reference: Callable[[], np.ndarray | None]
) -> Case:
    return Case(f"crops.csv, {title}, whole process", functools.partial(prepare, options, scripts, reference))


def prepare(options: list[str], scripts: Rivals, reference: Callable[[], np.ndarray | None]) -> Bout:
    """gradline's command beside the scripts, and Python alone."""
    words = [sys.executable, "-m", "gradline", "fit", str(CROPS), "-t", "apples", "-t", "oranges", "--json"]
    contestants = {"gradline": process([*words, *options], of_gradline)}
    for name, (script, *arguments) in scripts.items():
        run = [sys.executable, str(BENCHMARKS / "scripts" / script), str(CROPS), *arguments]
        contestants[name] = process(run, of_script)
    contestants["python alone"] = process([sys.executable, "-c", "pass"], lambda _: None)
    return Bout(contestants, reference)


def of_gradline(printed: str) -> np.ndarray:
    """Bias and weights of each target (2, 4) in what `--json` printed."""
    found = json.loads(printed)
    return np.column_stack([found["bias"], found["weight"]])


def of_script(printed: str) -> np.ndarray:
    """The same in what a script printed."""
    return np.array(json.loads(printed))


def exact() -> np.ndarray:
    """Bias and weights of each target (2, 4) at the optimum, to rounding."""
    model = gradline.fit(CROPS, TARGETS, solver=gradline.Exact(digits=15))
    return np.column_stack([model.bias, model.weight])


def trained() -> np.ndarray:
    """The same after the training, in closed form."""
    point = gradline.Trajectory(gradline.Moments.of(CROPS, TARGETS), LR).at(EPOCHS)
    return np.column_stack([point.bias, point.weight])
