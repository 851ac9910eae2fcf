"""Sums of a table that stays in its database: bounds that hold, answers that are nothing but proved, any names."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import duckdb
import numpy as np
import pytest
from databases import postgres_server
from refusals import refused, warned

import gradline
import gradline.sql
from gradline.data.design import Category, DesignSpec, Number
from gradline.exports.pushdown.answers import asked_at, moments_of, proved_by, read_answer
from gradline.exports.pushdown.connections import _Asked
from gradline.exports.pushdown.queries import PushedTable
from gradline.exports.pushdown.warehouses import WAREHOUSES, warehouse_named

CONNECT = {"duckdb": duckdb.connect, "sqlite": sqlite3.connect}
HOSTILE = ['a"b', "c d", "e.f", "g`h", "i\\j", "k'l", "-- m", "select", "né"]
LEVELS = ["Bonn", "O'Brien", 'quo"te', "back\\slash", "b\\'); --", "Köln"]


def table(n=400, seed=0, offset=0.0, near=1.0):
    """Columns of hostile names, some far from zero, one near to another; a category, and targets."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) + offset * np.array([1, -3, 0.5])
    X[:, 1] = X[:, 0] + near * X[:, 1]
    town = random.integers(0, len(LEVELS), n)
    y = X @ [1.0, 0.25, -2.0] + town + random.normal(size=n)
    found = {name: X[:, j].tolist() for j, name in enumerate(HOSTILE[:3])}
    return found | {
        "town; drop": [LEVELS[i] for i in town],
        "y": y.tolist(),
        "né": (y + 2 * X[:, 0]).tolist(),
    }


def filled(base, columns, name="t"):
    """The connection, with the table in it."""
    quoted = ['"' + column.replace('"', '""') + '"' for column in columns]
    kinds = ["varchar" if any(isinstance(x, str) for x in cells) else "double" for cells in columns.values()]
    declared = ", ".join(f"{column} {kind}" for column, kind in zip(quoted, kinds, strict=True))
    base.execute(f'CREATE TABLE "{name}" ({declared})')
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    base.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})', rows)
    return base


def exact(columns, targets, **options):
    """The answer of exact sums over the same rows, which share no arithmetic with a database's."""
    return gradline.fit(gradline.Moments.of(columns, targets, extended=True, **options))


def assert_bounds_hold(model, truth):
    assert model.certificate.status == "certified"
    assert model.features == truth.features
    off = np.abs(model.weight - truth.weight)
    assert (off <= np.array(model.certificate.weight_error) + np.array(truth.certificate.weight_error)).all()
    level = np.abs(model.bias - truth.bias)
    assert (level <= np.array(model.certificate.bias_error) + np.array(truth.certificate.bias_error)).all()
    assert model.certificate.digits <= truth.certificate.digits


@pytest.mark.parametrize("engine", CONNECT)
@pytest.mark.parametrize(("offset", "near"), [(0.0, 1.0), (1e6, 1.0), (0.0, 1e-3), (1e4, 1e-2)])
def test_the_bounds_of_a_databases_sums_hold(engine, offset, near):
    columns = table(offset=offset, near=near)
    with closing(filled(CONNECT[engine](":memory:"), columns)) as base:
        state = gradline.sql.moments(base, "t", ["y", "né"])
    model = gradline.fit(state)
    assert_bounds_hold(model, exact(columns, ["y", "né"]))
    # Columns of unit norm whose condition is κ leave 16 − log₁₀(κ·n·p) digits and more, of coefficients near 1.
    assert model.certificate.digits > 10 - np.log10(model.certificate.condition_scaled)
    assert any("residuals" in remark for remark in model.certificate.remarks)


def test_a_residual_query_gives_digits_that_sums_alone_do_not_have():
    """Sums of float64 know the answer no better than κ²·n·u; what the residuals correct is known to κ·n·u."""
    columns = table(n=2000, near=1e-4)
    with closing(filled(duckdb.connect(), columns)) as base:
        state = gradline.sql.moments(base, "t", "y", exclude=["né"])
    truth, model = exact(columns, "y", exclude=["né"]), gradline.fit(state)
    alone = asked_at(state)[1:, 0]
    assert_bounds_hold(model, truth)
    assert np.abs(model.weight[0] - truth.weight[0]).max() < np.abs(alone - truth.weight[0]).max() / 100


def test_moments_without_residuals_are_not_certified(tmp_path):
    """Nor are sums of two, nor some of their columns: of them nothing is proved."""
    with closing(filled(duckdb.connect(), table())) as base:
        state = gradline.sql.moments(base, "t", "y", exclude=["né"])
    assert state.statistics.mark is None
    rest = gradline.Moments.of(table(seed=1), "y", design=state.design)
    for moments in (state + state, state + rest, rest + state):
        with warned("sums-not-proved", "DuckDB"):
            certificate = gradline.fit(moments).certificate
        assert (certificate.status, certificate.digits) == ("uncertified", 0.0)
        assert "DuckDB" in certificate.remarks[-1]
    with warned("sums-not-proved", "DuckDB"):
        assert gradline.fit(state, bias=False).certificate.status == "uncertified"
    with warned("sums-not-proved", "DuckDB"):
        assert gradline.fit(state - state.empty(state.design)).certificate.status == "uncertified"
    state.save(tmp_path / "state.safetensors")
    again = gradline.fit(gradline.Moments.load(tmp_path / "state.safetensors"))
    assert again.certificate == gradline.fit(state).certificate


def answers(base, engine, design):
    """The table as pushed down, the two queries' answers."""
    pushed = PushedTable(warehouse_named(engine), ("t",), design)
    asked = _Asked(base, pushed.warehouse)
    first = asked.rows(pushed.moments())
    state = moments_of(pushed, first)
    return pushed, first, asked.rows(pushed.residuals(state, asked_at(state)))


PLAIN = DesignSpec((Number("x"),), ("y",))


def plain(n=60, seed=3):
    random = np.random.default_rng(seed)
    x = random.normal(5, 2, n)
    return {"x": x.tolist(), "y": (3 * x + random.normal(size=n)).tolist()}


@pytest.mark.parametrize(("name", "by"), [("product1_2", 1.01), ("product2_2", 1.01), ("shift1", 1.01)])
def test_sums_and_residuals_that_contradict_each_other_prove_nothing(name, by):
    """The residuals are taken where false sums lead, and lead back."""
    with closing(filled(duckdb.connect(), plain())) as base:
        pushed, (first,), _ = answers(base, "duckdb", PLAIN)
        state = moments_of(pushed, [{**first, name: first[name] * by}])
        residuals = _Asked(base, pushed.warehouse).rows(pushed.residuals(state, asked_at(state)))
    with warned("sums-not-proved", "DuckDB"):
        assert gradline.fit(proved_by(state, residuals)).certificate.digits == 0


def test_residuals_of_other_rows_are_refused():
    with closing(filled(duckdb.connect(), plain())) as base:
        pushed, first, _ = answers(base, "duckdb", PLAIN)
        state = moments_of(pushed, first)
        base.execute("INSERT INTO t VALUES (1.0, 2.0)")
        residuals = _Asked(base, pushed.warehouse).rows(pushed.residuals(state, asked_at(state)))
    with refused("table-has-changed", "61", "60"):
        proved_by(state, residuals)


@pytest.mark.parametrize("engine", CONNECT)
def test_missing_cells_are_counted_or_left_out(engine):
    columns = table(100)
    columns["y"][3] = None
    columns["c d"][3] = None
    columns["town; drop"][7] = None
    if engine == "duckdb":
        columns["e.f"][9] = float("nan")
    kept = [i for i in range(100) if i not in ((3, 7, 9) if engine == "duckdb" else (3, 7))]
    with closing(filled(CONNECT[engine](":memory:"), columns)) as base:
        with refused("missing-cells", "y 1", "c d 1", "town; drop 1", f"{100 - len(kept)} of 100"):
            gradline.sql.moments(base, "t", "y", exclude=["né"])
        state = gradline.sql.moments(base, "t", "y", exclude=["né"], missing="drop")
    whole = {name: [cells[i] for i in kept] for name, cells in columns.items()}
    assert (state.rows, state.statistics.dropped) == (len(kept), 100 - len(kept))
    assert_bounds_hold(gradline.fit(state), exact(whole, "y", exclude=["né"]))


def test_answers_come_as_csv_or_json(tmp_path):
    """As clients save them, names in capitals too; of all digits, or they are refused."""
    with closing(filled(duckdb.connect(), plain())) as base:
        pushed, first, second = answers(base, "duckdb", PLAIN)
    loud = [{name.upper(): value for name, value in row.items()} for row in second]
    lines, text = "\n".join(map(json.dumps, loud)), io.StringIO()
    writer = csv.DictWriter(text, list(second[0]))
    writer.writeheader()
    writer.writerows(second)
    expected = proved_by(moments_of(pushed, first), second)
    for content in (json.dumps(loud), lines, text.getvalue(), "\ufeff" + text.getvalue()):
        path = tmp_path / "answer"
        path.write_text(content, "utf-8")
        found = proved_by(moments_of(pushed, first), read_answer(path))
        assert gradline.fit(found).certificate == gradline.fit(expected).certificate
    cut = [{name: f"{float(value):.12g}" for name, value in row.items()} for row in second]
    with refused("answer-cut", "0.333333333333"):
        proved_by(moments_of(pushed, first), cut)
    for content in ("[1, 2", '["a"]', '{"third": 1'):
        path.write_text(content)
        with refused("answer-unreadable", "answer"):
            read_answer(path)
    with refused("answer-unreadable", "absent.csv"):
        read_answer(tmp_path / "absent.csv")
    for other in ([], first, [{**row, "level1": "many"} for row in second]):
        with refused("answer-of-another-query"):
            proved_by(moments_of(pushed, first), other)
    with refused("answer-of-another-query"):
        moments_of(pushed, [*first, *first])
    with refused("answer-of-another-query"):
        proved_by(moments_of(pushed, first), [{**row, "level1": None} for row in second])


# What a reader of each dialect takes for one quoted word; what a backslash means differs.
PLAINLY, BY_BACKSLASH = r"{0}(?:[^{0}]|{0}{0})*{0}", r"{0}(?:[^{0}\\\n]|\\.)*{0}"
QUOTED = {
    "duckdb": [PLAINLY.format('"'), PLAINLY.format("'")],
    "sqlite": [PLAINLY.format('"'), PLAINLY.format("'")],
    "postgres": [PLAINLY.format('"'), "E" + r"'(?:[^'\\]|''|\\\\)*'", PLAINLY.format("'")],
    "snowflake": [PLAINLY.format('"'), BY_BACKSLASH.format("'")],
    "bigquery": [BY_BACKSLASH.format("`"), BY_BACKSLASH.format("'")],
    "databricks": [PLAINLY.format("`"), BY_BACKSLASH.format("'")],
}


@pytest.mark.parametrize("dialect", WAREHOUSES)
def test_no_name_and_no_level_leaves_its_quotes(dialect):
    """Without what is quoted, a query is the one of plain names."""

    def bare(names, levels, schema):
        design = DesignSpec((*map(Number, names[:-2]), Category(names[-2], tuple(levels))), (names[-1],))
        pushed = PushedTable(warehouse_named(dialect), (schema, "t"), design)
        quoted = re.compile("|".join(QUOTED[dialect]), re.DOTALL)
        return quoted.sub("…", pushed.moments())

    plainly = [f"n{i}" for i in range(len(HOSTILE))]
    words = [*LEVELS[:-2], "line\nbreak", "end\\"]
    assert bare(HOSTILE, words, 'sch"`\\ema') == bare(plainly, [f"w{i}" for i in range(len(words))], "main")


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "databricks"])
def test_words_with_backslashes_read_back(dialect):
    """By the rules of these dialects: a backslash and what stands behind it are one character."""
    plain = {"n": "\n", "r": "\r"}
    for word in (*LEVELS, "\\", "\\n", "a\nb\r", "''", "tab\t"):
        quoted = WAREHOUSES[dialect].sql.text(word)
        assert re.fullmatch(BY_BACKSLASH.format("'"), quoted, re.DOTALL)
        assert re.sub(r"\\(.)", lambda m: plain.get(m[1], m[1]), quoted[1:-1]) == word
    with refused("nul-in-name"):
        WAREHOUSES[dialect].sql.text("\0")


def test_what_cannot_be_pushed_down_is_refused():
    base = filled(duckdb.connect(), {**plain(), "same": plain()["x"], "one": [1.0] * 60, "when": [None] * 60})
    with closing(base):
        base.execute('ALTER TABLE t ALTER COLUMN "when" TYPE date USING NULL')
        moments = gradline.sql.moments
        with refused("table-unknown", "absent"):
            moments(base, "absent", "y")
        with refused("column-unknown", "z"):
            moments(base, "t", "z")
        with refused("column-not-numeric", "when"):
            moments(base, "t", "y", features=["when"])
        for column in ("same", "one"):
            with refused("sums-collinear"):
                moments(base, "t", "y", features=["x", column])
        with refused("no-features"):
            moments(base, "t", "y", features=[])
        with refused("dialect-invalid", "oracle"):
            moments(base, "t", "y", dialect="oracle")
        with refused("dialect-invalid", "builtins"):
            moments(object(), "t", "y")
        with refused("database-refused", "DuckDB"):
            _Asked(base, WAREHOUSES["duckdb"]).rows("SELECT absent FROM t")
        base.execute("UPDATE t SET x = 'infinity' WHERE x > 5")
        with refused("value-infinite", "x"):
            moments(base, "t", "y", features=["x"])
        base.execute("UPDATE t SET x = NULL")
        with refused("no-complete-row", "60"):
            moments(base, "t", "y", features=["x"], missing="drop")
    wide = DesignSpec(tuple(Number(f"x{i}") for i in range(60)), ("y",))
    with refused("answer-too-wide", "61 columns", "1,664"):
        PushedTable(warehouse_named("postgres"), ("t",), wide)
    product = gradline.Moments.of(plain(), formula="y ~ exp(x)").design
    with refused("term-not-pushed-down", "exp(x)"):
        PushedTable(warehouse_named("duckdb"), ("t",), product).moments()


def test_truth_values_are_one_and_zero():
    random = np.random.default_rng(1)
    truth, noise = random.random(80) < 0.4, random.normal(size=80)
    with closing(duckdb.connect()) as base:
        base.execute("CREATE TABLE t (b boolean, y double)")
        base.executemany(
            "INSERT INTO t VALUES (?, ?)", [[bool(b), 2.0 * b + e] for b, e in zip(truth, noise, strict=True)]
        )
        state = gradline.sql.moments(base, "t", "y")
    rows = {"b": truth, "y": 2.0 * truth + noise}
    assert_bounds_hold(gradline.fit(state), exact(rows, "y"))
    assert state.design == gradline.Moments.of(rows, "y").design


@pytest.mark.slow
@pytest.mark.needs("postgres")
def test_postgresql_adds_up_its_own_rows():
    from adbc_driver_postgresql import dbapi

    columns = table(offset=100.0)
    with postgres_server() as (url, _), closing(dbapi.connect(url)) as base:
        with base.cursor() as cursor:
            quoted = ['"' + name.replace('"', '""') + '"' for name in columns]
            kinds = ["text" if isinstance(cells[0], str) else "float8" for cells in columns.values()]
            declared = ", ".join(f"{name} {kind}" for name, kind in zip(quoted, kinds, strict=True))
            cursor.execute(f"CREATE TABLE sales ({declared})")
            marks = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
            rows = list(zip(*columns.values(), strict=True))
            cursor.executemany(f"INSERT INTO sales VALUES ({marks})", rows)
        state = gradline.sql.moments(base, ("public", "sales"), ["y", "né"])
        assert_bounds_hold(gradline.fit(state), exact(columns, ["y", "né"]))
        assert gradline.sql.moments(base, "sales", ["y", "né"]).rows == 400


def test_a_model_of_them_is_verified_by_rows_that_were_taken_out():
    """Which rows they were is not known; all numbers that follow from them are."""
    columns = table(offset=10.0)
    with closing(filled(duckdb.connect(), columns)) as base:
        model = gradline.fit(gradline.sql.moments(base, "t", "y", exclude=["né"]))
    outcome = gradline.verify(model, columns)
    assert outcome, outcome
    assert {"which rows DuckDB added up", "what its remarks say"} <= {*outcome.unchecked}
    columns["y"][0] += 1e-6
    assert not gradline.verify(model, columns)


def test_two_queries_are_printed_and_their_answers_read(tmp_path, capsys):
    """By the command alone, with a category whose levels are named: the answer of a connection."""
    from gradline.cli.pushdown import PushdownOptions, sql

    columns = table()
    levels = [f"town; drop={level}" for level in sorted(LEVELS, key=str.encode)]
    asked: Any = {"table": "t", "targets": ["y"], "features": HOSTILE[:3], "levels": levels}
    sums, residuals, state = tmp_path / "sums.json", tmp_path / "residuals.json", tmp_path / "state"
    with closing(filled(duckdb.connect(), columns)) as base:

        def answered(path, *results):
            sql(PushdownOptions(**asked, results=results))
            base.execute(capsys.readouterr().out)
            names = [column[0] for column in base.description]
            path.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in base.fetchall()]))
            return str(path)

        first = answered(sums)
        both = (first, answered(residuals, first))
        sql(PushdownOptions(**asked, results=both, output=str(state)))
        assert f"saved: {state}, 400 rows that DuckDB added up" in capsys.readouterr().err
        sql(PushdownOptions(**asked, results=both))
        assert "not saved" in capsys.readouterr().err
    assert_bounds_hold(gradline.fit(gradline.Moments.load(state)), exact(columns, "y", exclude=["né"]))
    wrong: Any
    for wrong in ({"results": (*both, first)}, {"results": both[:1], "output": str(state)}):
        with refused("results-invalid"):
            sql(PushdownOptions(**asked, **wrong))
    with refused("level-not-named", "Bonn"):
        sql(PushdownOptions(**{**asked, "levels": ["Bonn"]}))
    with refused("missing-invalid", "some"):
        sql(PushdownOptions(**asked, missing="some"))
