"""Which cases of a sweep every run takes, and which only `make test-full`: each kind with everything, by turns."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest


def by_turns(
    pairs: Iterable[tuple[Any, Any]],
    one: Callable[[Any], Hashable],
    other: Callable[[Any], Hashable],
) -> list[Any]:
    """The pairs as parameters of a test, each marked `full` but one for each pair of kinds.

    `one` and `other` tell the kind of a first and of a second thing. Among the pairs of two kinds the turn decides:
    it goes on with each second kind, and begins one further with each first kind.
    """
    groups: dict[Hashable, dict[Hashable, list[tuple[Any, Any]]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        groups[one(pair[0])][other(pair[1])].append(pair)
    found = []
    for first, kinds in enumerate(groups.values()):
        for turn, same in enumerate(kinds.values(), start=first):
            for place, pair in enumerate(same):
                marks = () if place == turn % len(same) else pytest.mark.full
                found.append(pytest.param(*pair, marks=marks))
    return found
