"""Sums of many states merge as a tree, and what they claim of their rounding holds, in fractions."""

import itertools
import math
from functools import reduce

import numpy as np
import pytest
from references import exact_products, off

from gradline import Moments
from gradline.core.linalg.triangular import rounding
from gradline.moments.merging import Tree


def summed(parts):
    """The builtin sum of states, which is a state where there are some."""
    found = sum(parts)
    assert isinstance(found, Moments)
    return found


def states(rows):
    """A state of each of some rows, of which each is made once."""
    known = {}
    for row in rows:
        key = tuple(row)
        if key not in known:
            known[key] = Moments.of(np.array([row[:-1]]), row[-1:])
        yield known[key]


ORDERS = {
    "sorted": lambda rows, _: rows,
    "in turns": lambda rows, _: rows[np.argsort(np.arange(len(rows)) % 7, kind="stable")],
    "shuffled": lambda rows, random: random.permutation(rows),
}


@pytest.mark.parametrize("n", [1000, pytest.param(4096, marks=pytest.mark.slow)])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("repeated", [True, False])
def test_the_claimed_error_of_a_sum_of_single_rows_holds(n, order, repeated):
    random = np.random.default_rng(n)
    for k in (1, 2, 3, 5) if n == 1000 else (2, 5):
        rows = np.round(random.normal(size=(2 * k + 5 if repeated else n, k)) + 2, 2)
        if k == 1:
            rows = np.column_stack([rows, rows[:, 0] ** 2])
        times = random.integers(1, 2 * n // len(rows) + 1, len(rows)) if repeated else np.ones(n, int)
        whole = ORDERS[order](np.repeat(rows, times, axis=0), random)
        moments = summed(states(whole))
        exact = exact_products(rows, times)
        assert moments.rows == times.sum()
        assert off(moments, exact) <= 2 * moments.error
        depth = math.floor(math.log2(len(whole))) + 1
        assert moments.error <= (depth + 1) * rounding(rows.shape[1]) * 1.001 + 1e-15


def test_a_sum_has_the_same_bits_however_it_is_written_and_looked_at():
    parts = list(states(np.random.default_rng(0).normal(size=(77, 4))))
    first = summed(parts)
    again = reduce(Moments.__add__, parts, Moments.empty(parts[0].design))
    looked_at = parts[0]
    for part in parts[1:]:
        looked_at = looked_at + part
        assert looked_at.factor.shape[1] == 4
    for other in (again, looked_at):
        np.testing.assert_array_equal(first.factor, other.factor)
        assert first.error == other.error


def test_the_counter_keeps_few_parts_and_no_deep_tree(monkeypatch):
    """Of n equal parts as many wait as n has ones in binary; no merge is done twice."""
    merges = itertools.count()
    from gradline.moments import merging

    plain = merging.triangular
    monkeypatch.setattr(merging, "triangular", lambda rows: (next(merges), plain(rows))[1])
    row = next(states(np.ones((1, 2))))
    total = row
    for n in range(2, 70):
        total = total + row
        tree = total.source
        assert isinstance(tree, Tree)
        assert [2**part.depth for part in tree.parts] == [
            2**bit for bit in reversed(range(8)) if n >> bit & 1
        ]
        assert [part.statistics.rows for part in tree.parts] == [2**part.depth for part in tree.parts]
    assert next(merges) == sum(69 >> bit for bit in range(1, 8))


@pytest.mark.parametrize("shape", ["left", "right", "sums of sums", "doubled"])
def test_the_claim_holds_for_any_way_to_add(shape):
    random = np.random.default_rng(3)
    rows = np.round(random.normal(size=(6, 3)) * [1, 100, 0.01] + 2, 2)
    times = np.full(6, 64)
    parts = list(states(np.repeat(rows, times, axis=0)))
    if shape == "left":
        whole = reduce(lambda a, b: a + b, parts)
    elif shape == "right":
        whole = reduce(lambda a, b: b + a, parts)
    elif shape == "sums of sums":
        whole = summed(summed(parts[first : first + 17]) for first in range(0, len(parts), 17))
    else:
        whole = summed(parts[:: len(parts) // 6])  # each row once, doubled six times
        for _ in range(6):
            whole = whole + whole
    assert isinstance(whole, Moments)
    assert whole.rows == len(parts)
    assert off(whole, exact_products(rows, times)) <= 2 * whole.error
    assert whole.error < 20 * rounding(3)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["sorted", "in turns"])
def test_blocks_through_qr_claim_what_holds(order):
    """500,000 rows of few values near to collinear, which go through QR block by block."""
    random = np.random.default_rng(5)
    rows = np.round(random.normal(size=(12, 2)), 2)
    rows = np.column_stack([rows[:, 0], rows[:, 0] + 1e-8 * rows[:, 1], rows[:, 1] + 1])
    times = random.integers(1, 80_000, 12)
    Z = np.repeat(rows, times, axis=0)
    if order == "in turns":
        Z = random.permutation(Z)
    moments = Moments.of(Z[:, :-1], Z[:, -1])
    assert isinstance(moments.source, Tree)
    assert off(moments, exact_products(rows, times)) <= 2 * moments.error
