"""Engines: one fixed tree over the units, whoever works on them, in whatever order, and however often."""

import pickle
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused

from gradline.core.errors import DataError
from gradline.engines import ENGINES, Engine, engine_of
from gradline.engines.joining import Joining
from gradline.engines.threads import Threads


@dataclass(frozen=True)
class Chaos(Engine):
    """Workers that take units in any order, are killed, deliver twice, and late."""

    seed: int
    workers: int = 3
    killed: float = 0.2
    twice: float = 0.2

    def results(self, units: Sequence[Any], part: Callable[[Any], Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        draw = random.Random(self.seed)
        todo = [*range(len(units))]
        draw.shuffle(todo)
        late: list[tuple[int, Any]] = []
        while todo or late:
            for place in todo[: self.workers]:
                todo.remove(place)
                value = part(units[place])
                if draw.random() < self.killed:
                    todo.append(place)  # what it made is lost
                    continue
                late += [(place, value)] * (2 if draw.random() < self.twice else 1)
            draw.shuffle(late)
            while late and (not todo or draw.random() < 0.6):
                yield late.pop()


def nested(one: object, other: object) -> object:
    """What was joined with what."""
    return (one, other)


@dataclass(frozen=True)
class Halved:
    """A part that pickles."""

    shift: float

    def __call__(self, unit: int) -> float:
        return 1.0 / (unit + self.shift)


def added(one: float, other: float) -> float:
    return one + other


@given(st.integers(1, 70), st.integers(0, 10**6), st.integers(1, 8))
@settings(max_examples=60)
def test_no_worker_decides_a_bit(count, seed, workers):
    units, part = [*range(count)], Halved(0.3)
    whole = Threads(1).reduce(units, part, added)
    assert Threads(workers).reduce(units, part, added) == whole
    assert Chaos(seed, workers).reduce(units, part, added) == whole


@given(st.integers(1, 300), st.randoms())
def test_the_tree_is_balanced_in_order_and_the_same_for_every_order(count, drawn):
    places = [*range(count)] * 2
    drawn.shuffle(places)
    trees = []
    for order in (range(count), places):
        joining = Joining(count, nested)
        for place in order:
            joining.put(place, place)
        trees.append(joining.whole)

    def leaves(tree: Any) -> list[int]:
        return [tree] if isinstance(tree, int) else leaves(tree[0]) + leaves(tree[1])

    def depth(tree: Any) -> int:
        return 0 if isinstance(tree, int) else 1 + max(map(depth, tree))

    assert trees[0] == trees[1]
    assert leaves(trees[0]) == [*range(count)]
    assert depth(trees[0]) == (count - 1).bit_length()


def test_what_comes_twice_is_joined_once():
    joins = []

    def counted(one: int, other: int) -> int:
        joins.append((one, other))
        return one + other

    joining = Joining(40, counted)
    for place in [*range(40)] * 2:
        joining.put(place, 1)
    assert joining.whole == 40
    assert len(joins) == 39


def test_values_in_order_leave_few_waiting():
    class Counting(Joining[int]):
        most = 0

        def put(self, place: int, value: int) -> None:
            super().put(place, value)
            self.most = max(self.most, len(self._waiting))

    joining = Counting(1000, lambda one, other: one + other)
    for place in range(1000):
        joining.put(place, 1)
    assert joining.whole == 1000
    assert joining.most <= 10


def test_an_engine_that_loses_a_unit_gives_no_answer():
    joining = Joining(3, nested)
    joining.put(0, 0)
    joining.put(2, 2)
    with pytest.raises(ValueError, match="1 of 3"):
        _ = joining.whole


ELSEWHERE = {"ray"}  # in an environment of its own: tests/elsewhere
each_engine = pytest.mark.parametrize("name", [name for name in ENGINES if name not in ELSEWHERE])


@each_engine
def test_of_several_refusals_the_first_is_raised(name):
    def refuse(unit: int) -> int:
        if unit == 2:
            time.sleep(0.05)  # the other is known sooner
        if unit in (2, 3):
            raise DataError("rows-do-not-match", f"unit {unit}")
        return unit

    with refused("rows-do-not-match", "unit 2"):
        engine_of(name).reduce(range(6), refuse, added)


@each_engine
def test_engines_and_parts_travel(name):
    engine = pickle.loads(pickle.dumps(engine_of(name)))
    assert engine.reduce(range(5), pickle.loads(pickle.dumps(Halved(1.0))), added) == pytest.approx(137 / 60)


def test_so_many_threads_work_at_once():
    together = threading.Barrier(3, timeout=10)
    assert Threads(3).reduce(range(3), lambda _: together.wait(), added) == 3


def test_an_unknown_engine_is_refused():
    with refused("engine-unknown", "threads"):
        engine_of("thread")
    assert engine_of(Threads(2)) == Threads(2)
