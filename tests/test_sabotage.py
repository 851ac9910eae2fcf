"""What finds an answer is broken on purpose, one part after the other: no answer that is wrong is certified."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import gradline
from gradline.core.errors import GradlineWarning
from gradline.data.row_block import RowBlock
from gradline.model import fit as fitting
from gradline.moments import state
from gradline.moments.extended import Products
from gradline.moments.newton import Reached
from gradline.moments.rank import Rank
from gradline.moments.state import Moments
from gradline.solvers import exact, gradient_descent, sgd
from gradline.solvers.problem import Problem, Scaling

FEW, MANY = 60, 60_000  # rows of three columns: refined from the rows, and judged by their moments


def changed(place, name, change):
    """A sabotage: what `place` has under this name gives something else, by `change` of the result."""
    true = getattr(place, name)

    def wrong(*arguments, **named):
        return change(true(*arguments, **named))

    return place, name, wrong


def refined(factor):
    return lambda found: found and replace(found, weight=found.weight * factor)


def raised(found):
    """The bias is one more."""
    return found and replace(found, bias=found.bias + 1)


def theta(factor):
    return lambda found: found._replace(theta=found.theta * factor)


def later(gathered):
    """Rows of another day."""
    small = gathered.small
    return gathered._replace(small=RowBlock(small.X + 0.01 * small.X**2, small.Y, small.w))


def higher(gathered):
    """Targets of another day."""
    small = gathered.small
    return gathered._replace(small=RowBlock(small.X, small.Y + 1, small.w))


def half_as_large(found):
    """The statistics of rows, and a factor half as large again."""
    return found[0], 1.5 * found[1]


def entry(found):
    """The statistics of rows, and a factor with one entry off by a millionth."""
    R = found[1].copy()
    R[0, 1] *= 1 + 1e-6
    return found[0], R


EXACT, GD = gradline.Exact(), gradline.GradientDescent(lr="auto", epochs=20_000)
MINI = gradline.SGD(lr=0.01, epochs=30, batch_size=16)
SABOTAGE = {
    "refined to half as much again": (FEW, EXACT, changed(exact, "refined", refined(1.5))),
    "refined to a little more": (FEW, EXACT, changed(exact, "refined", refined(1 + 1e-9))),
    "refined to ten digits, of many rows": (
        MANY,
        gradline.Exact(digits=15),
        changed(fitting, "refined", refined(1 + 1e-10)),
    ),
    "exact sums, solved wrong": (None, EXACT, changed(Products, "optimum", refined(1.5))),
    "the factor half as large again": (FEW, EXACT, changed(state, "factored", half_as_large)),
    "one entry of the factor": (FEW, EXACT, changed(state, "factored", entry)),
    "a bias of the rows that is one more, for solver and judge": (
        FEW,
        EXACT,
        changed(Reached, "refined", raised),
    ),
    "a bias of exact sums that is one more": (None, EXACT, changed(Products, "optimum", raised)),
    "targets of another day": (FEW, EXACT, changed(fitting, "gather", higher)),
    "rows of another day": (FEW, EXACT, changed(fitting, "gather", later)),
    "the start, of few rows": (FEW, EXACT, changed(exact.Exact, "start", theta(1.001))),
    "the start, of many": (MANY, EXACT, changed(exact.Exact, "start", theta(1 + 1e-7))),
    "the way back from the factor": (MANY, EXACT, changed(Rank, "least_squares", lambda beta: 1.5 * beta)),
    "the way back to raw columns": (
        MANY,
        GD,
        changed(Scaling, "to_raw", lambda pair: (pair[0], pair[1] + 0.01)),
    ),
    "an epoch": (FEW, GD, changed(gradient_descent.GradientDescent, "step", theta(1 + 1e-6))),
    "the gradient": (MANY, GD, changed(Problem, "gradient", lambda g: g + 1e-3)),
    "an epoch of batches": (FEW, MINI, changed(sgd.SGD, "step", theta(1.01))),
}


def table(rows):
    random = np.random.default_rng(1)
    X = random.normal([3, 0, -2], size=(rows, 3))
    return X, X @ [[2.0], [-1.0], [0.5]] + 7 + random.normal(size=(rows, 1))


def fitted(rows, solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        if rows is None:
            return gradline.fit(Moments.of(*table(MANY), extended=True), solver=solver)
        return gradline.fit(*table(rows), solver=solver)


@pytest.mark.parametrize(
    ("rows", "solver"), [(FEW, EXACT), (MANY, EXACT), (None, EXACT), (FEW, GD), (MANY, GD)]
)
def test_what_is_whole_is_certified(rows, solver):
    """Or the table below would show nothing."""
    assert fitted(rows, solver).certificate.status == "certified"


@pytest.mark.parametrize("name", SABOTAGE)
def test_what_is_broken_is_not_certified(monkeypatch, name):
    rows, solver, (place, part, wrong) = SABOTAGE[name]
    monkeypatch.setattr(place, part, wrong)
    certificate = fitted(rows, solver).certificate
    assert certificate.status in ("stopped", "uncertified", "diverged")
    assert certificate.digits < 11
