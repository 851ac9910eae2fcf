"""Moments of a Spark DataFrame: the same to the bit for every split, and what threads make of the same rows.

Spark has an environment of its own: `make test-spark`.
"""

import hashlib
import os
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

import gradline
import gradline.spark


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def rows(n=3000):
    random = np.random.default_rng(8)
    X = random.normal([0, 1e5, -3], 1.0, (n, 3))
    found = pd.DataFrame(X, columns=["a", "b.c", "d`e"])
    found["town"] = np.array(["Bonn", "Köln", "Ulm"])[random.integers(0, 3, n)]
    found["is new"] = random.random(n) < 0.3
    found["y"] = X @ [1.0, 2.0, -0.5] + found["is new"] + random.normal(size=n)
    return found


def digest(moments, folder):
    path = folder / "state.safetensors"
    moments.save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_split_gives_one_state_and_it_is_that_of_threads(spark, tmp_path):
    table = rows()
    frame = spark.createDataFrame(table)
    found = {
        digest(gradline.spark.moments(split, "y"), tmp_path)
        for split in (frame.repartition(1), frame.repartition(7), frame.repartition(40).sort("a"))
    }
    plain = gradline.Moments.of(table, "y", extended=True)
    assert found == {digest(plain, tmp_path)}
    assert gradline.fit(gradline.spark.moments(frame, "y")).certificate.digits > 15


def test_without_exact_sums_the_bounds_hold(spark):
    table = rows()
    frame = spark.createDataFrame(table).repartition(5)
    model = gradline.fit(gradline.spark.moments(frame, ["y"], exact=False, exclude=["town"]))
    truth = gradline.fit(gradline.Moments.of(table, "y", exclude=["town"], extended=True))
    assert model.certificate.status == "certified"
    assert (np.abs(model.weight - truth.weight) <= model.certificate.weight_error).all()


def test_missing_cells_and_what_no_model_can_use(spark):
    table = rows(200)
    table["day"] = pd.Timestamp("2026-01-01")
    table.loc[5, "a"] = None
    table.loc[[5, 9], "town"] = None
    frame = spark.createDataFrame(table).repartition(3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(gradline.GradlineError) as caught:
            gradline.spark.moments(frame, "y")
    assert caught.value.code == "missing-cells"
    assert "a 1" in str(caught.value)
    assert "town 2 (2 of 200 rows)" in str(caught.value)
    assert [one.message.code for one in told if isinstance(one.message, gradline.GradlineWarning)] == [
        "column-left-out"
    ]
    state = gradline.spark.moments(frame, "y", exclude=["day"], missing="drop")
    assert (state.rows, state.statistics.dropped) == (198, 2)


def test_a_refusal_of_a_worker_is_a_sentence(spark):
    table = rows(100)
    table.loc[3, "a"] = np.inf
    with pytest.raises(gradline.GradlineError) as caught:
        gradline.spark.moments(spark.createDataFrame(table).repartition(4), "y")
    assert caught.value.code == "value-infinite"
