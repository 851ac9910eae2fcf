"""What keys in order come to: a binary tree that only the keys decide, so that one more changes a single path."""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeVar

Value = TypeVar("Value")

_LARGE = 32  # keys from which on a node is kept: to load fewer takes no longer than to look for it


class Node:
    """Keys that begin with the same bits, cut in two where they begin to differ; `name` is made of its children's.

    Keys are sha256 in hex and rise, so they are spread evenly, and some log₂ n nodes stand above each. What a node is
    depends on the keys below it alone: one key more or less makes only those above it anew.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.count = len(keys)
        self.children: tuple[Node, ...] = ()
        self.name = keys[0]
        if self.count > 1:
            first, last = int(keys[0], 16), int(keys[-1], 16)
            bit = (first ^ last).bit_length() - 1
            middle = bisect_left(keys, f"{last >> bit << bit:0{len(keys[0])}x}")
            self.children = (Node(keys[:middle]), Node(keys[middle:]))
            self.name = hashlib.sha256("".join(one.name for one in self.children).encode()).hexdigest()

    @property
    def is_large(self) -> bool:
        """Whether its value is worth keeping."""
        return self.count >= _LARGE

    def large(self) -> list[str]:
        """The names of the large nodes from this one down."""
        return [self.name, *(name for one in self.children for name in one.large())] if self.is_large else []

    def value(
        self,
        load: Callable[[str], Value],
        join: Callable[[Value, Value], Value],
        kept: Callable[[str], Value | None],
        keep: Callable[[str, Value], None],
    ) -> Value:
        """What the values of its keys, which `load` knows, join to; `join` may change what it is given.

        Values of large nodes are `kept` under their names, and asked for there first.
        """
        if not self.children:
            return load(self.name)
        found = kept(self.name) if self.is_large else None
        if found is None:
            left, right = (one.value(load, join, kept, keep) for one in self.children)
            found = join(left, right)
            if self.is_large:
                keep(self.name, found)
        return found
