"""Parts made side by side come in the order of the items, each once, with memory flat and errors in their turn.

BLAS keeps out of their way.
"""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import gradline
from gradline.core.parallel import cores, ordered_map
from gradline.model import fit as fitting


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 50])
def test_every_item_once_and_in_order(count):
    pauses = np.random.default_rng(count).random(count) / 1000

    def square(i):
        time.sleep(pauses[i])
        return i * i

    assert list(ordered_map(iter(range(count)), square)) == [i * i for i in range(count)]


def test_no_more_items_are_taken_than_are_worked_on():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    for handed, _ in enumerate(ordered_map(items(), str), 1):
        assert len(taken) <= handed + cores() + 1


def test_an_error_is_raised_in_its_turn():
    def refuse(i):
        if i in (3, 4):
            raise ValueError(i)
        return i

    parts = ordered_map(range(10), refuse)
    assert [next(parts) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(parts)


def test_many_items_are_made_by_several_threads():
    seen = set()

    def note(_):
        time.sleep(0.002)
        seen.add(threading.get_ident())

    list(ordered_map(range(20), note))
    assert len(seen) == cores()
    assert threading.get_ident() not in seen


@pytest.mark.parametrize(("columns", "alone"), [(3, False), (40, True)])
def test_blas_threads_that_would_only_wait_do_not_run(columns, alone, monkeypatch):
    """Within a fit of so many columns; afterwards there are as many as before."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    counts, trained = [], fitting._trained

    def counted(*arguments):
        counts.append(threads())
        return trained(*arguments)

    monkeypatch.setattr(fitting, "_trained", counted)
    before = threads()
    random = np.random.default_rng(0)
    gradline.fit(random.normal(size=(200, columns - 1)), random.normal(size=200))
    assert counts == [{1} if alone else before]
    assert threads() == before


def threads():
    """How many threads each BLAS has."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
