"""A page's state beside what gradline knows of the same data, and node, which runs the page's arithmetic."""

import atexit
import importlib.util
import json
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from known import known

from gradline import LinearModel, Moments, Trajectory
from gradline.data.selection import Selection
from gradline.model.fit import run
from gradline.model.request import Request
from gradline.pages.playground_data import Opening, state
from gradline.solvers.problem import Scaling

DRIVER = Path(__file__).parent / "pages" / "arithmetic.mjs"


class Case(NamedTuple):
    """What a reader gives: data, targets and arguments as in `gradline.fit`."""

    data: Any
    targets: Any
    arguments: dict[str, Any]


def penguins():
    folder = Path(str(known(importlib.util.find_spec("palmerpenguins")).origin)).parent
    return Case(folder / "data" / "penguins.csv", "body_mass_g", {"exclude": ["year"], "missing": "drop"})


def twenty(**arguments):
    """20 features far from zero and on unlike scales, two targets."""
    random = np.random.default_rng(1)
    X = random.normal(3, 1, (120, 20)) * np.geomspace(0.1, 10, 20)
    return Case(X, X @ random.normal(size=(20, 2)) + random.normal(size=(120, 2)), arguments)


def deficient():
    random = np.random.default_rng(2)
    X = random.normal(2, 1, (30, 3))
    return Case(np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(30, 3.0)]), random.normal(size=30), {})


CASES = {
    "crops": lambda: Case("example:crops", ["apples", "oranges"], {}),
    "iphone": lambda: Case("example:iphone", "sales", {}),
    "penguins": penguins,
    "twenty": twenty,
    "weights": lambda: twenty(weights=np.random.default_rng(3).integers(0, 4, 120), weights_are="counts"),
    "no bias": lambda: twenty(bias=False),
    "deficient": deficient,
    "one without bias": lambda: Case(twenty().data[:, :3], twenty().targets[:, 0], {"bias": False}),
}


class Page(NamedTuple):
    """A page's state, and what gradline knows of the same data."""

    state: dict[str, Any]
    model: LinearModel
    scalings: dict[str, Scaling]

    @classmethod
    def of(cls, case: Case) -> "Page":
        chosen = {name: value for name, value in case.arguments.items() if name != "bias"}
        selection, has_bias = Selection(case.data, case.targets, **chosen), case.arguments.get("bias", True)
        model = run(selection, Request(bias=has_bias))
        moments, bias = model.moments, model.has_bias
        scalings = {"raw": Scaling.none(moments.p), "standardised": Scaling.standard(moments, bias)}
        if bias:
            scalings["centred"] = replace(Scaling.standard(moments, True), scale=np.ones(moments.p))
        return cls(state(selection, Opening(has_bias)), model, scalings)

    @property
    def moments(self) -> Moments:
        return self.model.moments

    def start(self, seed: int) -> dict[str, Any]:
        """A random start in raw units."""
        random = np.random.default_rng(seed)
        bias = random.normal(size=self.moments.m) * self.model.has_bias
        return {
            "weight": random.normal(size=(self.moments.m, self.moments.p)).tolist(),
            "bias": bias.tolist(),
        }

    def path(self, view: str, lr: float, momentum: float, start: dict[str, Any]) -> Trajectory:
        """The same path by gradline, on the scale of the view."""
        scaling = self.scalings[view]
        init = scaling.to_view(np.array(start["weight"]), np.array(start["bias"]))
        return Trajectory(scaling.moments(self.moments), lr, momentum, init, self.model.has_bias)

    def ask(self, *requests: dict[str, Any]) -> list[Any]:
        """What the page's arithmetic answers."""
        node = _node()
        assert node.stdin
        assert node.stdout
        node.stdin.write(json.dumps({"state": self.state, "requests": requests}, allow_nan=False) + "\n")
        node.stdin.flush()
        line = node.stdout.readline()
        assert line, "node ended; what it said stands in stderr"
        return json.loads(line)


@cache
def _node() -> subprocess.Popen[str]:
    """One node for all tests of a process: to start one takes longer than to ask it."""
    words = [str(shutil.which("node")), str(DRIVER)]
    node = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    atexit.register(node.communicate)
    return node


@cache
def opened(name: str) -> Page:
    return Page.of(CASES[name]())


def rows(page):
    """X, Y and w of a page whose sample holds all rows."""
    sample = page.state["sample"]
    assert sample["all"]
    w = np.ones(len(sample["x"])) if sample["w"] is None else np.array(sample["w"])
    return np.array(sample["x"]), np.array(sample["y"]), w


def on_view(page, view, point):
    """A point in raw units, in those of the view."""
    pair = page.scalings[view].to_view(np.array(point["weight"]), np.array(point["bias"]))
    return dict(zip(("weight", "bias"), pair, strict=True))


def close(got, expected, tolerance=1e-9):
    """Equal to `tolerance` of the largest."""
    expected = np.asarray(expected, float)
    np.testing.assert_allclose(
        np.asarray(got, float), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=0.0)
    )
