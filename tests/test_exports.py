"""Exports: in the real engines each gives what the model predicts, and nothing where the model has no answer."""

import dataclasses
import functools
import importlib.util
import io
import json
import math
import random
from typing import Any

import duckdb
import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch
from databases import ENGINES
from known import known
from packaged import package_file
from refusals import expect_refusal, refused, warned

import gradline
from gradline import exports
from gradline.data.cells import MISSING_WORDS
from gradline.data.design import Category
from gradline.exports.dialects import DIALECTS
from gradline.exports.probe import Probe
from gradline.exports.trial import onnx_trial, sql_trial, torch_trial

HOSTILE = [
    'a"b""',
    "it's ''",
    "`back``tick`",
    "x; DROP TABLE t; --",
    "two\nlines\r\nand -- three",
    "\\! echo\ndelimiter ;;\nend",
    "back\\slash\\",
    "/* open */ */",
    "%s ? :x :'x' $1 {0}",
    "größe 漢字 \u202e",
    "select",
    "t",
    "tab\there",
]
TARGET = "out;\"'`\n--"


@dataclasses.dataclass
class Case:
    """A model, and rows to predict: cells may be None, levels may be new."""

    model: gradline.LinearModel
    rows: dict[str, list[Any]]

    def expected(self, unseen="null"):
        """Predictions (n, m) and the sizes of their terms, NaN where the model has no answer."""
        rows = dict(self.rows)
        for term in self.model.design.terms:
            if isinstance(term, Category):
                other = term.levels[0] if unseen == "base" else None
                seen = {*term.levels, "True", "FALSE"}
                rows[term.column] = [
                    x if x is None or x.strip() in seen else None if x.lower() in MISSING_WORDS else other
                    for x in rows[term.column]
                ]
        batches = list(self.model.predictions(rows, missing="drop"))
        X = np.concatenate([batch.inputs for batch in batches])
        size = np.abs(X) @ np.abs(self.model.weight).T + np.abs(self.model.bias)
        return np.concatenate([batch.values for batch in batches]), size

    def assert_equal(self, values, unseen="null"):
        """To 1e-12 of the size of a prediction's terms, and NaN exactly where there is no answer."""
        expected, size = self.expected(unseen)
        values = np.array(values, float)
        assert values.shape == expected.shape
        assert (np.isnan(values) == np.isnan(expected)).all()
        some = ~np.isnan(expected)
        assert some.any()
        assert (np.abs(values - expected)[some] <= 1e-12 * size[some]).all()


def drawn(model, seed=1):
    """Rows across and beyond the training's ranges; last, each column lacks a cell in a row of its own."""
    draw = random.Random(seed)
    terms = model.design.terms
    words = [*MISSING_WORDS, "NaN"]
    n = 40 + len(terms)
    rows: dict[str, list[Any]] = {}
    for i, term in enumerate(terms):
        if isinstance(term, Category):
            longest = max(term.levels, key=len)
            cells: list[Any] = [*term.levels, longest + "x", longest.swapcase(), *words]
            cells += draw.choices(term.levels, k=n - len(cells))
        else:
            cells = [draw.gauss(50, 30) for _ in range(n)]
        cells[n - 1 - i] = None
        rows[term.column] = cells
    return rows


def with_coefficients(model, draw):
    """The same design with coefficients across the range of float64."""
    weight = np.array([[draw() for _ in model.features] for _ in model.targets])
    return dataclasses.replace(model, weight=weight, bias=np.array([draw() for _ in model.targets]))


@functools.cache
def crops():
    return gradline.fit("example:crops", ["apples", "oranges"])


def no_bias():
    model = gradline.fit("example:crops", "apples", exclude=["oranges"], bias=False)
    return Case(model, drawn(model))


def penguins():
    frame = pl.read_csv(package_file("palmerpenguins", "data/penguins.csv"), null_values="NA")
    model = gradline.fit(frame, ["body_mass_g", "bill_depth_mm"], missing="drop", exclude=["year"])
    return Case(model, frame.select(list(model.design.inputs)).to_dict(as_series=False))


def huge_and_tiny():
    draw = random.Random(3)
    model = with_coefficients(crops(), lambda: draw.gauss(0, 1) * 10.0 ** draw.randint(-250, 250))
    return Case(model, drawn(model))


def hostile_names():
    draw = random.Random(2)
    levels = [*HOSTILE, "🙂", "'", "\\"]
    n = 6 * len(levels)
    rows: dict[str, list[Any]] = {name: [draw.gauss(50, 30) for _ in range(n)] for name in HOSTILE}
    rows["kind ' \" ` \\"] = [levels[i % len(levels)] for i in range(n)]
    rows[TARGET] = [draw.gauss(0, 1) for _ in range(n)]
    model = gradline.fit(rows, TARGET)
    return Case(model, drawn(model))


def wide():
    """More columns than SQLite and DuckDB would take in one chain of sums."""
    draw = random.Random(4)
    rows: dict[str, list[Any]] = {f"x{i}": [draw.gauss(0, 1) for _ in range(4)] for i in range(1400)}
    with warned("fewer-rows-than-coefficients", "4", "1,401"):
        model = gradline.fit({**rows, "y": [1.0, 2.0, 4.0, 3.0]}, "y")
    rows["x77"][2] = None
    return Case(with_coefficients(model, lambda: draw.gauss(0, 1)), rows)


def truth():
    """A column of true and false, which some engines write in capitals and others as 1 and 0."""
    model = gradline.fit({"b": ["True", "false", "TRUE", "false"], "y": [1.0, 2.0, 4.0, 3.0]}, "y")
    return Case(model, {"b": ["true", "FALSE", None, "maybe", "True", " true "]})


def only_categories():
    rows = {"k": ["a", "b", "c", "b"] * 3, "j": ["u", "u", "v", "w"] * 3, "y": [1.0, 2.0, 4.0, 3.0] * 3}
    with warned("rank-deficient"):
        model = gradline.fit(rows, "y")
    return Case(model, drawn(model))


BUILT = {
    "crops": lambda: Case(crops(), drawn(crops())),
    "no bias": no_bias,
    "penguins": penguins,
    "huge and tiny": huge_and_tiny,
    "hostile names": hostile_names,
    "wide": wide,
    "truth": truth,
    "only categories": only_categories,
}


@functools.cache
def case(name):
    return BUILT[name]()


SLOW = {"wide": pytest.mark.slow}
each_case = pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in BUILT])
each_unseen = pytest.mark.parametrize("unseen", ["null", "base"])


def selected(query, dialect, one, unseen):
    """What the SELECT gives, in the order of the rows, whatever order the engine took."""
    table = {"row ' \" `": [float(i) for i in range(len(next(iter(one.rows.values()))))], **one.rows}
    names = ["row ' \" `"]
    text = exports.sql(one.model, dialect, table="the \"table`'", keep=names, unseen=unseen)
    rows = sorted(query("the \"table`'", table, text))
    assert [row[0] for row in rows] == table[names[0]]
    return [row[1:] for row in rows]


@each_unseen
@each_case
@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_a_select_gives_the_models_predictions(dialect, name, unseen):
    with ENGINES[dialect]() as query:
        case(name).assert_equal(selected(query, dialect, case(name), unseen), unseen)


def assert_coefficients_come_back(query, dialect, ulps):
    """A literal reads back as the float64 that was written; `ulps` is how far SQLite's own reading may be off."""
    draw = random.Random(5)
    values = [math.ldexp(draw.uniform(-1, 1), draw.randint(-900, 900)) for _ in range(200)]
    values += [0.1, 1 / 3, 2.0, -1e16, 123456789012345680.0, 1.7976931348623157e308, 2.2250738585072014e-308]
    written = ", ".join(DIALECTS[dialect].double(value) for value in values)
    [found] = query("data", {"x": [1.0]}, f"SELECT {written} FROM data;\n")
    for value, back in zip(values, found, strict=True):
        assert abs(back - value) <= ulps * math.ulp(value), (value, back)


@pytest.mark.parametrize(("dialect", "ulps"), [("duckdb", 0), ("sqlite", 1)])
def test_coefficients_come_back(dialect, ulps):
    with ENGINES[dialect]() as query:
        assert_coefficients_come_back(query, dialect, ulps)


def assert_arithmetic_is_double(query, dialect):
    """0.1 · 3 is 0.30000000000000004 in float64, and 0.3 in decimal arithmetic."""
    model = dataclasses.replace(no_bias().model, weight=np.array([[0.1, 0.0, 0.0]]))
    one = {"temp": [3.0], "rainfall": [1.0], "humidity": [1.0]}
    assert query("data", one, exports.sql(model, dialect)) == [[0.1 * 3.0]]


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_the_arithmetic_is_float64(dialect):
    with ENGINES[dialect]() as query:
        assert_arithmetic_is_double(query, dialect)


@pytest.mark.slow
@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param("postgres", marks=pytest.mark.needs("postgres")),
        pytest.param("mysql", marks=pytest.mark.needs("mariadb")),
    ],
)
def test_a_select_gives_the_models_predictions_on_a_server(dialect):
    with ENGINES[dialect]() as query:
        for name in BUILT.keys() - {"wide"}:  # no page of either holds a row of that many columns
            for unseen in ("null", "base"):
                case(name).assert_equal(selected(query, dialect, case(name), unseen), unseen)
        assert_coefficients_come_back(query, dialect, ulps=0)
        assert_arithmetic_is_double(query, dialect)
        assert_truth_is_understood(query, dialect)
        if dialect == "mysql":
            assert_no_word_becomes_zero(query, dialect)


WORDS = {"temp": ["75", " -7.5e1 ", "75 F", "x", ""], "rainfall": ["63"] * 5, "humidity": ["4e1"] * 5}


def assert_no_word_becomes_zero(query, dialect):
    """SQLite and MySQL by themselves take a word for 0, and "75 F" for 75; numbers written as text are numbers."""
    model = no_bias().model
    [[plus], [minus], *others] = query("data", WORDS, exports.sql(model, dialect))
    expected = model.predict({"temp": [75, -75], "rainfall": [63, 63], "humidity": [40, 40]})[:, 0]
    assert [plus, minus] == pytest.approx(expected, rel=1e-13)
    assert np.isnan(others).all()


def test_no_word_becomes_zero():
    with ENGINES["sqlite"]() as query:
        assert_no_word_becomes_zero(query, "sqlite")
    with ENGINES["duckdb"]() as query, pytest.raises(duckdb.ConversionException, match="75 F"):
        query("data", WORDS, exports.sql(no_bias().model))


def assert_truth_is_understood(query, dialect):
    """A column of the engine's own truth values, which some engines keep as 1 and 0."""
    model = case("truth").model
    [[yes], [no], [neither]] = query("data", {"b": [True, False, None]}, exports.sql(model, dialect))
    assert [[yes], [no]] == pytest.approx(model.predict({"b": ["true", "false"]}))
    assert math.isnan(neither)


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_truth_values(dialect):
    with ENGINES[dialect]() as query:
        assert_truth_is_understood(query, dialect)


def test_names_of_the_model_stand_in_no_comment():
    """The comment is closed by its line's end alone, and the rest begins with SELECT."""
    for dialect in DIALECTS:
        first, second, third, _ = exports.sql(case("hostile names").model, dialect).split("\n", 3)
        assert first.startswith("-- A linear model for ")
        assert second == "-- A NULL, or a level that training did not see, gives NULL."
        assert third == "SELECT"


@pytest.mark.parametrize(
    ("dialect", "columns", "said"),
    [
        ("duckdb", ["a", "A"], ("names-alike-in-sql", "a", "A", "DuckDB")),
        ("sqlite", ["a", "A"], ("names-alike-in-sql", "SQLite")),
        ("mysql", ["a", "A"], ("names-alike-in-sql", "MySQL")),
        ("postgres", ["a" * 63 + "b", "a" * 63 + "c"], ("names-alike-in-sql", "PostgreSQL")),
        ("duckdb", ["a\0"], ("nul-in-name", "U+0000")),
    ],
)
def test_names_that_a_database_cannot_tell_apart(dialect, columns, said):
    rows = {name: [1.0, 2.0, 4.0, 4.0 + i, 7.0] for i, name in enumerate(columns)} | {"y": [1.0, 3, 2, 5, 4]}
    model = gradline.fit(rows, "y")
    with refused(*said):
        exports.sql(model, dialect)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"dialect": "oracle"}, ("dialect-invalid", "oracle")),
        ({"unseen": "error"}, ("unseen-invalid", "error")),
        ({"keep": ["apples"]}, ("names-alike-in-sql", "apples")),
    ],
)
def test_what_a_select_cannot_be(how, said):
    with refused(*said):
        exports.sql(crops(), **how)


@pytest.mark.parametrize("write", [exports.sql, exports.onnx, exports.state_dict])
def test_a_coefficient_that_is_no_number(write):
    weight = crops().weight.copy()
    weight[1, 2] = math.nan
    with refused("coefficient-not-finite", "humidity", "oranges", "nan"):
        write(dataclasses.replace(crops(), weight=weight))


def served(graph, one):
    """What onnxruntime gives by name: (rows, targets)."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    kinds = {entry.name: entry.type for entry in session.get_inputs()}
    assert list(kinds) == list(one.model.design.inputs)
    feeds = {
        name: np.array([x or "" for x in cells], object)[:, None]
        if kinds[name] == "tensor(string)"
        else np.array(cells, float)[:, None]
        for name, cells in one.rows.items()
    }
    outputs: Any = session.run(list(one.model.targets), feeds)
    assert {(output.dtype, output.shape[1]) for output in outputs} == {(np.dtype(float), 1)}
    return np.column_stack(outputs)


@each_unseen
@each_case
def test_a_graph_gives_the_models_predictions(name, unseen):
    graph = exports.onnx(case(name).model, unseen=unseen)
    onnx.checker.check_model(graph, full_check=True)
    one = case(name)
    if name == "truth":  # a graph takes words without spaces around them
        one = Case(one.model, {"b": [x and x.strip() for x in one.rows["b"]]})
    one.assert_equal(served(graph, one), unseen)


def test_a_graph_says_what_it_is():
    session = onnxruntime.InferenceSession(exports.onnx(crops()), providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["targets"]) == ["apples", "oranges"]
    assert told["gradline"] == gradline.__version__
    assert told["certificate"] == crops().certificate.status
    assert float(told["digits"]) == pytest.approx(crops().certificate.digits, abs=0.05)


def test_inner_names_of_a_graph_are_no_columns():
    draw = random.Random(6)
    names = ["sum", "_weight", "__X", "___bias", "product"]
    rows = {name: [draw.gauss(0, 1) for _ in range(20)] for name in names}
    model = gradline.fit(rows, "product")
    one = Case(model, {name: rows[name] for name in names[:-1]})
    one.assert_equal(served(exports.onnx(model), one))


@pytest.mark.parametrize("name", ["crops", "no bias", "huge and tiny"])
def test_a_state_dict_is_loaded_by_a_linear_layer(name):
    model = case(name).model
    state = torch.load(io.BytesIO(exports.state_dict(model)), weights_only=True)
    linear = torch.nn.Linear(3, len(model.targets), bias=model.has_bias, dtype=torch.float64)
    assert linear.load_state_dict(state).missing_keys == []
    X = np.column_stack([np.array(cells, float) for cells in case(name).rows.values()])
    case(name).assert_equal(linear(torch.tensor(X)).detach().numpy())


@each_unseen
@each_case
def test_probe_rows_hold_what_can_go_wrong(name, unseen):
    """Every level, a missing cell or a new level in the last rows, and answers in all the others."""
    model = case(name).model
    probe = Probe.of(model, unseen)
    assert probe.rows >= 64
    for term in model.design.terms:
        if isinstance(term, Category):
            assert {*term.levels} <= {*probe.columns[term.column]}
    assert not np.isnan(probe.expected[:-16]).any()
    assert np.isnan(probe.expected[-16:]).any()


def test_a_trial_tells_the_largest_difference():
    probe = Probe.of(crops())
    text = exports.sql(crops(), "sqlite")
    trial = known(sql_trial(probe, text, "sqlite", "data"))
    assert trial.rows == 64
    assert trial.difference < 1e-15
    assert str(trial).startswith("tried on 64 probe rows in sqlite 3.")
    assert sql_trial(probe, exports.sql(crops(), "mysql"), "mysql", "data") is None


def off(model, change):
    weight = model.weight.copy()
    weight[0, 0] *= 1 + change
    return dataclasses.replace(model, weight=weight)


def test_a_trial_refuses_what_differs():
    """A weight off by 1e-10 is found, and so are an answer where there is none and a missing one."""
    probe, wrong = Probe.of(crops()), off(crops(), 1e-10)
    for attempt in (
        lambda: sql_trial(probe, exports.sql(wrong, "sqlite"), "sqlite", "data"),
        lambda: sql_trial(probe, exports.sql(wrong), "duckdb", "data"),
        lambda: onnx_trial(probe, exports.onnx(wrong)),
        lambda: torch_trial(probe, exports.state_dict(wrong)),
    ):
        with refused("export-differs"):
            attempt()
    filled = np.nan_to_num(probe.expected)
    with refused("export-missing-differs", "0.0", "nan"):
        probe.compare("this", filled)
    with refused("export-missing-differs", "nan"):
        probe.compare("this", np.full_like(filled, np.nan))
    with refused("export-shape-differs"):
        probe.compare("this", filled[:, :1])


def test_a_trial_tells_what_an_engine_refuses():
    with refused("export-refused", "sqlite"):
        sql_trial(Probe.of(crops()), "SELECT nothing FROM data", "sqlite", "data")
    with refused("export-refused", "onnxruntime"):
        onnx_trial(Probe.of(crops()), b"no graph")


def test_without_the_packages(monkeypatch):
    """Writing names the extra; trying says that nothing was tried."""
    probe, graph = Probe.of(crops()), exports.onnx(crops())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with refused("extra-not-installed", "gradline[onnx]"):
        exports.onnx(crops())
    with refused("extra-not-installed", "gradline[torch]"):
        exports.state_dict(crops())
    assert onnx_trial(probe, graph) is None
    assert sql_trial(probe, exports.sql(crops()), "duckdb", "data") is None


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "crops.safetensors"
    crops().save(path)
    return path


def test_the_command_writes_a_select(gradline, saved):
    done = gradline("export", saved, "--to", "sql")
    assert (done.code, done.out) == (0, exports.sql(crops()))
    [line] = done.err.splitlines()
    assert line.startswith("tried on 64 probe rows in duckdb ")


@pytest.mark.slow
def test_the_command_passes_on_its_options(gradline, saved, tmp_path):
    done = gradline("export", saved, "--to", "sql", "--dialect", "sqlite", "--table", "r", "--keep", "id")
    assert (done.code, done.out) == (0, exports.sql(crops(), "sqlite", table="r", keep=["id"]))
    assert done.err.startswith("tried on 64 probe rows in sqlite 3.")
    assert gradline("export", saved, "--to", "sql", "--dialect", "mysql", "-o", "m.sql").err == (
        "not tried: no engine for it is installed; compare some rows with gradline predict\nsaved: m.sql\n"
    )
    assert (tmp_path / "m.sql").read_text() == exports.sql(crops(), "mysql")


@pytest.mark.slow
def test_the_command_writes_files_of_other_kinds(gradline, saved, tmp_path):
    done = gradline("export", saved, "--to", "onnx")
    assert done.err.startswith("tried on 64 probe rows in onnxruntime ")
    assert (tmp_path / "crops.onnx").read_bytes() == exports.onnx(crops())
    done = gradline("export", saved, "--to", "torch", "-o", "w.pt")
    assert done.err.startswith(
        "inputs, in this order: temp, rainfall, humidity\ntried on 64 probe rows in torch "
    )
    assert done.err.endswith("saved: w.pt\n")
    state = torch.load(tmp_path / "w.pt", weights_only=True)
    assert (state["weight"].numpy() == crops().weight).all()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "excel"], 2, ("export-kind-invalid", "--to", "'excel'")),
        (["--to", "torch", "--unseen", "base"], 2, ("option-without-meaning", "--unseen", "--to torch")),
        (["--to", "sql", "-o", "notes.txt"], 1, ("output-exists", "notes.txt")),
        (["--to", "onnx", "-o", "."], 1, ("path-is-folder", ".")),
    ],
)
def test_the_command_refuses(gradline, saved, tmp_path, words, code, said):
    (tmp_path / "notes.txt").write_text("not to be lost")
    done = gradline("--debug", "export", saved, *words)
    assert (done.code, done.out) == (code, "")
    expect_refusal(done.err, *said)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "not to be lost"


@pytest.mark.parametrize("to", ["sql", "onnx", "torch"])
def test_a_failed_trial_leaves_the_file_that_was_there(to, saved, tmp_path, monkeypatch, capfd):
    """An export may be written again; one that differs from the model that it is tried against is not."""
    from gradline.cli.export import ExportOptions
    from gradline.cli.export import export as command

    path = tmp_path / "there"
    command(ExportOptions(model=saved, to=to, output=str(path)))
    before = path.read_bytes()
    command(ExportOptions(model=saved, to=to, output=str(path)))
    assert path.read_bytes() == before
    name = "state_dict" if to == "torch" else to
    write = getattr(exports, name)
    monkeypatch.setattr(exports, name, lambda model, *how, **more: write(off(model, 1e-9), *how, **more))
    with refused("export-differs"):
        command(ExportOptions(model=saved, to=to, output=str(path)))
    assert path.read_bytes() == before
    assert [path] == list(tmp_path.iterdir())
    assert capfd.readouterr().out == ""
