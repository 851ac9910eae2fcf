"""Real data from packages: the same answer from every format, and from an independent solver."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from packaged import flights_file, package_file
from references import exact_from_integers

import gradline
from gradline.core.errors import GradlineWarning


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    """Penguins: target, the columns left out, the CSV file."""
    path = tmp_path_factory.mktemp("penguins") / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    return "body_mass_g", {"exclude": ["year"]}, path


@pytest.fixture(scope="module")
def flights():
    """New York's flights: target, the columns taken, the CSV file."""
    columns = ["dep_delay", "distance", "hour", "carrier", "origin"]
    return "arr_delay", {"features": columns}, flights_file()


def forms(path):
    """One table in every form that gradline reads."""
    frame = pl.read_csv(path, null_values="NA", infer_schema_length=None)
    written = {ending: path.with_suffix(ending) for ending in (".parquet", ".arrow", ".ndjson")}
    frame.write_parquet(written[".parquet"])
    frame.write_ipc(written[".arrow"])
    frame.write_ndjson(written[".ndjson"])
    zipped = path.with_suffix(".csv.gz")
    zipped.write_bytes(gzip.compress(path.read_bytes(), 1))
    return {
        "gzip": zipped,
        **written,
        "pandas": pd.read_csv(path),
        "polars": frame,
        "lazy": frame.lazy(),
        "pyarrow": frame.to_arrow(),
    }


def design(frame, numbers, categories):
    """Columns by hand: ones, numbers, and a 0/1 column for every level but the first."""
    columns = [np.ones(len(frame)), *(frame[name].to_numpy() for name in numbers)]
    for name in categories:
        columns += [(frame[name] == level).to_numpy() for level in sorted(frame[name].unique())[1:]]
    return columns


def from_stdin(path, words):
    """`gradline fit - …` with the file on standard input, as JSON."""
    command = [sys.executable, "-m", "gradline", "fit", "-", *words, "--missing", "drop", "--json"]
    with path.open("rb") as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, check=True)
    return json.loads(done.stdout)


def assert_same_from_every_form(data, words):
    target, columns, path = data
    first = gradline.fit(path, target, missing="drop", **columns)
    for name, table in forms(path).items():
        other = gradline.fit(table, target, missing="drop", **columns)
        assert other.features == first.features, name
        assert (other.weight == first.weight).all(), name
        assert (other.bias == first.bias).all(), name
        assert other.moments.to_dict() == first.moments.to_dict(), name
    piped = from_stdin(path, words)
    assert piped["weight"] == first.weight.tolist()
    return first


@pytest.mark.slow
def test_penguins(penguins):
    model = assert_same_from_every_form(penguins, ["-t", "body_mass_g", "--exclude", "year"])
    frame = pl.read_csv(penguins[2], null_values="NA").drop_nulls()
    assert (model.moments.rows, model.moments.statistics.dropped, model.weight.size + 1) == (333, 11, 9)
    numbers = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    columns = design(frame, numbers, ["species", "island", "sex"])
    theta = np.linalg.lstsq(np.column_stack(columns), frame["body_mass_g"].to_numpy(), rcond=None)[0]
    ordered = [4, 5, 6, 7, 1, 2, 3, 8]  # gradline keeps the order of the file
    np.testing.assert_allclose(model.weight[0], theta[ordered], rtol=1e-11)
    tenths = [np.round(10 * column) if i in (1, 2, 3) else column for i, column in enumerate(columns)]
    exact = exact_from_integers(tenths, frame["body_mass_g"].to_numpy())
    exact[1:4] *= 10
    np.testing.assert_allclose(model.weight[0], exact[ordered], rtol=1e-12)
    np.testing.assert_allclose(model.bias[0], exact[0], rtol=1e-12)
    assert round(model.training.r2[0] or 0, 3) == 0.875


@pytest.mark.slow
def test_flights(flights):
    words = ["-t", "arr_delay", *(word for name in flights[1]["features"] for word in ("-f", name))]
    model = assert_same_from_every_form(flights, words)
    assert (model.moments.rows, model.moments.statistics.dropped, model.weight.size + 1) == (
        327_346,
        9430,
        21,
    )
    frame = pl.read_csv(flights[2], null_values="NA").drop_nulls(["arr_delay", *flights[1]["features"]])
    columns = design(frame, ["dep_delay", "distance", "hour"], ["carrier", "origin"])
    exact = exact_from_integers(columns, frame["arr_delay"].to_numpy())
    np.testing.assert_allclose(model.weight[0], exact[1:], rtol=1e-12)
    np.testing.assert_allclose(model.bias[0], exact[0], rtol=1e-12)
    assert model.certificate.status == "certified"


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [32, 256])
def test_sgd_finds_its_own_rate_on_the_flights(flights, batch_size):
    target, columns, path = flights
    solver = gradline.SGD(lr="auto", epochs=5, batch_size=batch_size)
    model = gradline.fit(path, target, missing="drop", solver=solver, **columns)
    assert model.certificate.gap < 1e-4 * model.certificate.optimal_loss


@pytest.mark.slow
def test_a_level_that_only_incomplete_rows_have_gets_no_coefficient(flights):
    """LGA is a destination of one flight, whose arrival delay is missing: 105 levels become 104."""
    model = gradline.fit(flights[2], "arr_delay", features=["dep_delay", "dest"], missing="drop")
    assert len(model.features) == 1 + 103
    assert any("dest = LGA" in notice.text for notice in model.notices)


@pytest.mark.slow
def test_columns_that_cannot_be_used_are_left_out_with_a_notice(flights):
    with pytest.warns(GradlineWarning) as told:
        model = gradline.fit(flights[2], "arr_delay", exclude=["year"], missing="drop")
    assert "sched_dep_time = 100·hour + minute" in str(told[-1].message)
    left_out = {notice.text.split()[0] for notice in model.notices if "left out" in notice.text}
    assert left_out == {"tailnum", "dest", "time_hour"}
    assert model.certificate.status == "rank_deficient"
