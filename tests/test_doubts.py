"""What is told of columns that were not read as they stand: all at once, and only what can be followed."""

import re
import shlex

import numpy as np
import pytest
from refusals import refused

import gradline
from gradline.core.errors import DataError

random = np.random.default_rng(0)
X = np.round(random.normal(size=(12, 4)) * [3, 20, 900, 4] + [4, 0, 3000, 9], 2)
X[:, 3] = np.abs(np.round(X[:, 3]))
y = np.round(1000 + X @ [100.0, 2.0, 0.5, 30.0] + random.normal(size=12), 2)


def german(x, digits=2):
    return f"{x:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def brackets(x):
    return f"({german(-x)})" if x < 0 else german(x)


@pytest.fixture
def table(tmp_path):
    """Decimal commas, points between thousands, percent signs, an accountant's brackets, a currency, a unit."""
    rows = [
        f"{german(a)} %;{brackets(b)};{german(c)} €;{german(d, 0)} km;EUR {german(t)}"
        for (a, b, c, d), t in zip(X, y, strict=True)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["share;saldo;cost;way;price", *rows]) + "\n")
    return path


def told(error):
    """The flags that a refusal says to add."""
    return shlex.split(*re.findall(r"add (.*?) \(", error.remedy)[:1])


def followed(words):
    """What these flags mean to `fit`."""
    pairs = list(zip(words[::2], words[1::2], strict=True))
    marks = {flag[2:]: mark for flag, mark in pairs if flag != "--numeric"}
    numeric = [name for flag, name in pairs if flag == "--numeric"]
    return {"read": gradline.Text(**marks), "numeric": numeric}


def test_one_refusal_names_what_reads_every_column(table):
    with refused("number-notation", "price", "share", "saldo", "cost", "way") as caught:
        gradline.fit(table, "price")
    model = gradline.fit(table, "price", **followed(told(caught.value)))
    A = np.column_stack([np.ones(len(X)), X])
    wanted = np.linalg.lstsq(A, y, rcond=None)[0]
    np.testing.assert_allclose([*model.bias, *model.weight[0]], wanted, rtol=1e-9)


def test_columns_that_are_left_out_are_not_named(table):
    with refused("number-notation", "price", "cost") as caught:
        gradline.fit(table, "price", features=["cost"])
    assert "share" not in str(caught.value)
    gradline.fit(table, "price", features=["cost"], **followed(told(caught.value)))


def test_a_target_is_never_to_be_words(table):
    """Words are offered of a feature alone: a target and weights are numbers."""
    with refused("number-notation", "price") as caught:
        gradline.fit(table, "price", features=["cost"])
    assert "--category cost" in caught.value.remedy
    assert "--category price" not in caught.value.remedy
    with refused("number-notation", "price") as caught:
        gradline.fit(table, "price", exclude=["share", "saldo", "cost", "way"])
    assert "--category" not in caught.value.remedy


def test_of_two_ways_words_are_offered_to_a_feature_alone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,y\n"1,250",1\n"2,500",2\n"3,750",4\n')
    for target, offered in (("a", False), ("y", True)):
        with refused("number-notation-ambiguous", "a") as caught:
            gradline.fit(path, target)
        assert ("--category a" in caught.value.remedy) is offered


def test_files_that_differ_offer_words_to_a_feature_alone(tmp_path):
    for name, cell in (("0", "1"), ("1", "red")):
        (tmp_path / f"{name}.csv").write_text(f"a,y\n{cell},1\n{cell},2\n")
    for target, offered in (("a", False), ("y", True)):
        with pytest.raises(DataError) as caught:
            gradline.fit(tmp_path, target)
        assert caught.value.code == "kinds-differ-between-files"
        assert ("--category a" in caught.value.remedy) is offered


def test_cells_are_shown_with_plain_blanks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;y\n1\u00a0250 €;1\n2\u202f500 €;2\n3\u00a0750 €;4\n")
    with refused("number-notation", "1 250 €"):
        gradline.fit(path, "y")
