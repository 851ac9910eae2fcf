"""The rows of the log: conditions in SQL, refusals that say how to write them, and the order."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from refusals import refused
from versions import crops_model, project_folder, record  # noqa: F401 - fixtures

from gradline import history
from gradline.history import commit
from gradline.history.filters import matching
from gradline.history.listing import chosen, rows_of

ROWS = [
    {"loss": 0.5, "solver": "gd", "rows": 15},
    {"loss": 2, "solver": "sgd"},
    {"solver": "exact", "rows": 5},
    {"loss": -1e-3, "solver": "it's", "rows": 15},
    {},
]
NAMES = ["loss", "solver", "rows", "when"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("loss < 2", [0, 3]),
        ("loss<=2 and solver=='sgd'", [1]),
        ("loss <= 2 AND solver = 'sgd'", [1]),
        ("loss < 1 or rows == 5", [0, 2, 3]),
        ("not loss < 2 and loss is not null", [1]),
        ("not loss < 2 or loss is null", [1, 2, 4]),
        ("not (loss < 2 or solver = 'exact') and loss is not null", [1]),
        ("0 < loss and loss < 1", [0]),
        ("loss > -1", [0, 1, 3]),
        ("loss == -0.001", [3]),
        ('solver == "it\'s"', [3]),
        ("solver = 'it''s'", [3]),
        ("solver != 'gd'", [1, 2, 3]),
        ("2 > loss", [0, 3]),
        ("rows == rows", [0, 2, 3]),
        ("loss is null", [2, 4]),
        ("solver in ('gd', 'sgd')", [0, 1]),
        ("solver like '%gd'", [0, 1]),
        ("loss = min(loss)", [3]),
        ("loss < 2 and rows != 15 or solver >= 'sgd'", [1]),
        ("solver = 'a < b < c'", []),
        ("when > 3", []),
        ("1 = 1", [0, 1, 2, 3, 4]),
        ("count(*) > 5", []),
        ("try_cast(solver as double) < 2", []),
    ],
)
def test_a_condition_holds_where_it_says(text, found):
    assert matching(ROWS, text, NAMES) == [ROWS[i] for i in found]


def test_no_version_no_row():
    assert matching([], "loss < 2", NAMES) == []


leaves = st.builds(
    lambda name, op, value: f"{name} {op} {value}",
    st.sampled_from(["a", "b"]), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-2, 2),
)  # fmt: skip
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda x, op, y: f"({x}) {op} ({y})", inner, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda x, op, y: f"{x} {op} {y}", leaves, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda x: f"not ({x})", inner),
    ),
    max_leaves=8,
)


@given(conditions, st.integers(-2, 2), st.integers(-2, 2))
def test_a_condition_means_what_python_means(text, a, b):
    row = {"a": a, "b": b}
    assert matching([row], text, ["a", "b"]) == ([row] if eval(text, {"__builtins__": {}}, row) else [])


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch hacked')", "loss", "1", "loss < open('x')", "loss.real < 2", "loss[0] < 2",
        "[loss for loss in (1,)]", "(lambda: 1)() < 2", "loss < 2 if loss else 3", "loss is 2", "loss := 2",
        "f'{loss}' == '2'", "", "   ", "loss <", "loss < 2; 1", "loss <\n2\n3", "loss, solver", "*",
        "\0", "'" , "(" * 900, "not " * 240 + "loss", "-" * 900 + "1 < loss", "loss < 2" + " " * 2000 + "and 1 < 2",
        "loss < 1j", "loss < b'1'", "loss < ...", "loss < {}", "*loss < 2", "await loss < 2", "loss < 2 as x",
        "(select 1) < 2", "(select count(*) from read_csv('/etc/hostname')) > 0", "solver ~ '((('",
        "solver < 2", "loss < 'a'", "cast(solver as double) < 2",
    ],
)  # fmt: skip
def test_a_condition_is_nothing_else(text, project):
    with refused("condition-unreadable"):
        matching(ROWS, text, NAMES)
    assert list(project.iterdir()) == []


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with refused("field-unknown", "los", "loss"):
        matching(ROWS, "los < 2", NAMES)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("0 < loss < 1", "write 0 < loss and loss < 1"),
        ("solver == 'gd' != 2", "write 0 < loss and loss < 1"),
        ("not loss < 2", "or loss is null"),
        ("rows > 1 and not loss == 2", "or rows is null"),
        ("solver < 2", "'texts'"),
    ],
)
def test_what_sql_reads_otherwise_than_python_is_refused_with_how_to_write_it(text, remedy):
    """Python's chains, and its `not` of what is not there, would silently mean another thing."""
    with refused("condition-unreadable") as caught:
        matching(ROWS, text, NAMES)
    assert remedy in caught.value.remedy


def test_rows_are_sorted_by_any_name_and_those_without_it_come_last():
    def losses(sort):
        return [row.get("loss") for row in chosen(ROWS, None, sort)]

    assert losses("loss") == [-1e-3, 0.5, 2, None, None]
    assert losses("-loss") == [2, 0.5, -1e-3, None, None]
    assert losses(None) == [row.get("loss") for row in ROWS]
    assert [row["solver"] for row in chosen(ROWS[:4], None, "solver")] == sorted(
        r["solver"] for r in ROWS[:4]
    )
    with refused("field-unknown", "los"):
        chosen(ROWS, None, "los")


def test_a_row_says_the_worst_of_several_targets_and_what_was_noted(crops):
    history.log_metrics(loss=99.0, mine=3.0)
    history.log_hyperparams(depth=2)
    (row,) = rows_of(commit("exact", model=crops))
    assert row["rmse"] == max(crops.training.rmse)
    assert row["r2"] == min(crops.training.r2)
    assert row["loss"] == crops.training.loss  # the model's own
    assert (row["mine"], row["depth"], row["solver"], row["version"]) == (3.0, 2, "exact", 1)
    (row,) = rows_of(record())
    assert "loss" not in row
