"""What is said of few digits names what was measured: near-collinear columns, means far from zero, or the sums."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import gradline
from gradline import Moments

N = 400


def fit(moments, bias=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)
        return gradline.fit(moments, bias=bias)


def columns(kind):
    """Columns whose coefficients have few digits in plain moments, whether a bias is asked for, and the cause."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, N))
    if kind == "near-collinear":
        return np.column_stack([a, a + 1e-12 * b]), True
    return np.column_stack([a, b]) + (1e13 if kind == "far-from-zero" else 0.0), kind != "far-from-zero"


@pytest.mark.parametrize("kind", ["near-collinear", "far-from-zero", "sums-of-few-digits"])
def test_the_cause_that_is_named_is_the_one_there_is(kind):
    X, bias = columns(kind)
    moments = Moments.of(X, X @ [1.0, 2.0] + np.random.default_rng(1).normal(size=N))
    if kind == "sums-of-few-digits":
        moments = replace(moments, error=1e-2)
    model = fit(moments, bias)
    assert model.certificate.status == "uncertified"
    assert [notice.code for notice in model.notices if notice.is_warning] == [kind]
    (notice,) = (notice.text for notice in model.notices if notice.is_warning)
    assert ("collinear" in notice) == (kind == "near-collinear")
    assert (
        "some columns say nearly the same" in model.summary().split("Not certified")[1].split(".")[0]
    ) == (kind[:4] != "sums")


@pytest.mark.parametrize("kind", ["near-collinear", "far-from-zero", "sums-of-few-digits"])
def test_mending_the_cause_mends_the_certificate(kind):
    """That is what makes it the cause."""
    X, bias = columns(kind)
    y = X @ [1.0, 2.0] + np.random.default_rng(1).normal(size=N)
    if kind == "near-collinear":
        X = X[:, :1]
    mended = fit(Moments.of(X, y), bias or kind == "far-from-zero")
    assert mended.certificate.status == "certified"


def test_well_conditioned_columns_are_never_called_near_collinear():
    """At any error of the sums."""
    X, _ = columns("well")
    moments = Moments.of(X, X @ [1.0, 2.0] + np.random.default_rng(1).normal(size=N))
    for error in 10.0 ** np.arange(-16, 1):
        model = fit(replace(moments, error=float(error)))
        assert model.certificate.condition_scaled < 2
        said = model.summary() + " ".join(notice.text for notice in model.notices)
        assert "collinear" not in said
