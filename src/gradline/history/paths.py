"""The ways from one model to another, through least-squares problems in between, and what each step changes."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from gradline.history.alignment import Ground, view
from gradline.history.replay import UnrepeatableError, replayed
from gradline.model.model import LinearModel
from gradline.moments.state import Moments
from gradline.solvers import Exact
from gradline.solvers.problem import Problem, Scaling, unstacked

PARTS = ("data", "columns", "training")
SAME = 1e-11  # of a column's size: rows whose moments differ by less are the same rows
ARRIVED = 1e-6  # of a model's size: a run that ends farther off is not its training
_CALLED = {"A": "the first", "B": "the second"}


class Stage(NamedTuple):
    """A problem on the way: the rows of model A or B, some of its columns, with a bias or without."""

    rows: str
    features: frozenset[str]
    bias: bool


class Waypoint(NamedTuple):
    """Where a way stands, whose training is used there ("A" or "B"), and which part led to it."""

    part: str
    stage: Stage
    training: str


class Attribution(NamedTuple):
    """The change θ_B − θ_A (m, 1 + p) by part, the order they were taken in, and what a reader should know."""

    parts: dict[str, np.ndarray]
    order: str
    notes: tuple[str, ...]


class Route:
    """All ways from A to B; `found` are their coefficients as θ. A problem is solved, a training run again, once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ends = {"A": ground.a, "B": ground.b}
        self._columns = {name: frozenset(end.moments.features) for name, end in self._ends.items()}
        self.found = {
            name: ground.theta(end.moments, end.weight, end.bias) for name, end in self._ends.items()
        }
        self._answers = dict[Stage, np.ndarray]()
        self._trained = dict[tuple[Stage, str], np.ndarray]()
        for name, end in self._ends.items():
            if _is_answer(end.model):  # its coefficients have more digits than its moments
                self._answers.setdefault(self._own(name), self.found[name])

    @cached_property
    def are_same_rows(self) -> bool:
        """Whether A and B have the same rows with the same weights, as far as common columns can tell."""
        common = self._columns["A"] & self._columns["B"]
        a, b = (view(end.moments, common, end.moments.targets) for end in self._ends.values())
        if (a.rows, a.weight_sum) != (b.rows, b.weight_sum):
            return False
        order = [(b.features + b.targets).index(name) for name in a.features + a.targets]
        statistics, other = a.statistics, b.statistics.select(order)
        if (statistics.minimum != other.minimum).any() or (statistics.maximum != other.maximum).any():
            return False
        largest = np.maximum(np.abs(statistics.minimum), np.abs(statistics.maximum))
        norms = np.linalg.norm(a.factor, axis=0)
        products = a.factor.T @ a.factor - b.factor[:, order].T @ b.factor[:, order]
        close = (np.abs(statistics.minus(other)) <= SAME * largest).all()
        return bool(close and (np.abs(products) <= SAME * np.outer(norms, norms)).all())

    def split(self, average: bool) -> Attribution:
        """The change by part, in the standing order or averaged over all that can be computed."""
        value, notes = self._left_over, []
        walks = list(self._walks(average))
        if average:
            try:
                for step in chain.from_iterable(walks):
                    self._replay(step)
                value = self._replay
            except UnrepeatableError as reason:
                notes.append(f"Training is taken last: {reason}.")
        parts = {name: np.zeros_like(self.found["A"]) for name in PARTS}
        for here, there in (steps for walk in walks for steps in pairwise(walk)):
            (answer, left), (next_answer, next_left) = value(here), value(there)
            parts[there.part] += ((next_answer - answer) + (next_left - left)) / len(walks)
        return Attribution(parts, self._order(len(walks)), tuple(notes))

    def _order(self, walks: int) -> str:
        if walks > 1:
            return f"the mean over {walks} orders"
        lacking = ["columns that the second lacks"] if self._columns["A"] - self._columns["B"] else []
        return ", then ".join([*lacking, *PARTS])

    def _walks(self, average: bool) -> Iterator[list[Waypoint]]:
        """Every route with training changed at every place; without `average` the first route, training last."""
        routes = self._routes()
        for route in routes if average else routes[:1]:
            for i in range(len(route)) if average else [len(route) - 1]:
                before = [Waypoint(part, stage, "A") for part, stage in route[: i + 1]]
                after = [Waypoint(part, stage, "B") for part, stage in route[i + 1 :]]
                yield [*before, Waypoint("training", route[i][1], "B"), *after]

    def _routes(self) -> list[list[tuple[str, Stage]]]:
        """The orders of data and columns, as far as moments know: no answer is known on columns that they lack."""
        a, b = self._columns["A"], self._columns["B"]
        bias = self._ends["A"].model.has_bias
        first, last = self._own("A"), self._own("B")
        fewer, moved = self._stage("A", a & b, bias), self._stage("B", a & b, bias)
        routes = [[("", first), ("columns", fewer), ("data", moved), ("columns", last)]]
        if a == b and not self.are_same_rows and first.bias != last.bias:
            routes.append([("", first), ("columns", first._replace(bias=last.bias)), ("data", last)])
        return [
            [route[0], *(there for here, there in pairwise(route) if here[1] != there[1])] for route in routes
        ]

    def _stage(self, rows: str, features: frozenset[str], bias: bool) -> Stage:
        """The stage, with A's rows in place of the same rows in B."""
        same = self.are_same_rows and features <= self._columns["A"]
        return Stage("A" if same else rows, features, bias)

    def _own(self, name: str) -> Stage:
        return self._stage(name, self._columns[name], self._ends[name].model.has_bias)

    def _moments(self, stage: Stage) -> Moments:
        moments = self._ends[stage.rows].moments
        return view(moments, stage.features, moments.targets)

    def _answer(self, stage: Stage) -> np.ndarray:
        """θ of the least-squares answer, the smallest where there are many."""
        if stage not in self._answers:
            moments = self._moments(stage)
            problem = Problem.of(moments, None, stage.bias, Scaling.none(moments.p))
            solved = unstacked(Exact().start(problem).theta, stage.bias)
            self._answers[stage] = self._ground.theta(moments, *solved)
        return self._answers[stage]

    def _left_over(self, step: Waypoint) -> tuple[np.ndarray, np.ndarray]:
        """The answer of a stage, and what training left to the answer of its own model."""
        return self._answer(step.stage), self.found[step.training] - self._answer(self._own(step.training))

    def _replay(self, step: Waypoint) -> tuple[np.ndarray, np.ndarray]:
        """Where a training ends on the problem of a stage, and no more."""
        key = (step.stage, step.training)
        if key not in self._trained:
            self._trained[key] = self._run(step.stage, step.training)
        return self._trained[key], np.zeros(1)

    def _run(self, stage: Stage, training: str) -> np.ndarray:
        model, found = self._ends[training].model, self.found[training]
        if _is_answer(model):
            return self._answer(stage)
        moments = self._moments(stage)
        try:
            theta = self._ground.theta(moments, *replayed(model, moments, stage.bias))
        except UnrepeatableError as reason:
            raise UnrepeatableError(
                f"that of {_CALLED[training]} cannot be run on other data, {reason}"
            ) from None
        if stage != self._own(training):
            return theta
        if (self._ground.size(theta - found) > ARRIVED * self._ground.size(found)).any():
            raise UnrepeatableError(f"run again, that of {_CALLED[training]} ends elsewhere")
        return found


def _is_answer(model: LinearModel) -> bool:
    """Whether it is the least-squares answer, to which it went at once."""
    return model.solver == "exact" and model.penalty.is_none
