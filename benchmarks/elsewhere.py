"""Least squares on Parquet by gradline, Spark ML, dask-ml and DuckDB's SQL: processor time, peak memory and digits.

    python benchmarks/elsewhere.py make FOLDER --files 24 --rows 250000 --columns 20
    python benchmarks/elsewhere.py gradline|states|spark-gradline|spark|dask|duckdb|duckdb-gradline FOLDER

Each way is a process of its own, in an environment that has its library. Time and memory are those of all its
processes: of Spark, the Java machine and the workers. Digits are beside the answer of exact sums, which `make` keeps.
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

TICKS = os.sysconf("SC_CLK_TCK")


def make(folder: Path, files: int, rows: int, columns: int) -> None:
    """The files, and the weights that exact sums over them give."""
    import polars as pl

    import gradline

    folder.mkdir(parents=True)
    whole = None
    for file in range(files):
        random = np.random.default_rng(file)
        X = random.normal(size=(rows, columns)) + np.arange(columns)
        y = X @ np.linspace(1, 2, columns) + random.normal(size=rows)
        frame = pl.DataFrame({f"x{j}": X[:, j] for j in range(columns)} | {"y": y})
        frame.write_parquet(folder / f"{file:03}.parquet")
        part = gradline.Moments.of(X, y, extended=True)
        whole = part if whole is None else whole + part
    (folder / "truth.json").write_text(json.dumps(gradline.fit(whole).weight[0].tolist()))


def by_gradline(folder: Path) -> Any:
    """A fit of the files."""
    import gradline

    return gradline.fit(str(folder / "*.parquet"), "y").weight[0]


def by_states(folder: Path) -> Any:
    """The same by exact sums."""
    import gradline

    return gradline.fit(gradline.Moments.of(str(folder / "*.parquet"), "y", extended=True)).weight[0]


def session() -> Any:
    """Spark on two cores."""
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    for name in ("host", "bindAddress"):
        builder = builder.config(f"spark.driver.{name}", "127.0.0.1")
    return builder.config("spark.ui.enabled", "false").getOrCreate()


def by_spark(folder: Path) -> Any:
    """Spark ML's normal equations."""
    from pyspark.ml.feature import VectorAssembler  # pyright: ignore[reportMissingImports]
    from pyspark.ml.regression import LinearRegression  # pyright: ignore[reportMissingImports]

    frame = session().read.parquet(str(folder / "*.parquet"))
    names = [name for name in frame.columns if name != "y"]
    vectors = VectorAssembler(inputCols=names, outputCol="features").transform(frame)
    solver = LinearRegression(labelCol="y", solver="normal")
    return np.array(solver.fit(vectors).coefficients)


def by_spark_and_gradline(folder: Path) -> Any:
    """`gradline.spark`, with exact sums."""
    import gradline
    import gradline.spark

    return gradline.fit(
        gradline.spark.moments(session().read.parquet(str(folder / "*.parquet")), "y")
    ).weight[0]


def by_dask(folder: Path) -> Any:
    """dask-ml, with its default solver."""
    import dask.dataframe as dd  # pyright: ignore[reportMissingImports]
    from dask_ml.linear_model import LinearRegression  # pyright: ignore[reportMissingImports]

    frame = dd.read_parquet(str(folder / "*.parquet"))
    X = frame.drop(columns="y").to_dask_array(lengths=True)
    return LinearRegression().fit(X, frame["y"].to_dask_array(lengths=True)).coef_


def by_duckdb(folder: Path) -> Any:
    """Plain cross-products by one query, and NumPy's solver."""
    import duckdb

    base = duckdb.connect()
    base.execute(f"CREATE VIEW t AS SELECT * FROM '{folder}/*.parquet'")
    names = ["1", *(row[0] for row in base.execute("DESCRIBE t").fetchall())]
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    sums = ", ".join(f"sum({names[i]} * {names[j]})" for i, j in pairs)
    row = base.execute(f"SELECT {sums} FROM t").fetchone()
    G = np.zeros((len(names), len(names)))
    for (i, j), value in zip(pairs, row or (), strict=True):
        G[i, j] = G[j, i] = value
    return np.linalg.solve(G[:-1, :-1], G[:-1, -1])[1:]


def by_duckdb_and_gradline(folder: Path) -> Any:
    """`gradline.sql`: both queries."""
    import duckdb

    import gradline
    import gradline.sql

    base = duckdb.connect()
    base.execute(f"CREATE VIEW t AS SELECT * FROM '{folder}/*.parquet'")
    return gradline.fit(gradline.sql.moments(base, "t", "y")).weight[0]


WAYS = {
    "gradline": by_gradline,
    "states": by_states,
    "spark": by_spark,
    "spark-gradline": by_spark_and_gradline,
    "dask": by_dask,
    "duckdb": by_duckdb,
    "duckdb-gradline": by_duckdb_and_gradline,
}


class Watched(threading.Thread):
    """Looks ten times a second at this process and all below it: their processor time, and memory at the peak."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ticks: dict[int, int] = {}
        self.peak = 0

    def run(self) -> None:
        """Until the process ends."""
        while True:
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        """Once."""
        parents, seen = {}, {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            pid = int(path.parent.name)
            parents[pid], seen[pid] = int(fields[1]), (sum(map(int, fields[11:13])), int(fields[21]))
        own = [pid for pid in parents if pid == os.getpid() or self.is_below(pid, parents)]
        self.ticks |= {pid: seen[pid][0] for pid in own}
        self.peak = max(self.peak, sum(seen[pid][1] for pid in own) * os.sysconf("SC_PAGE_SIZE"))

    def is_below(self, pid: int, parents: dict[int, int]) -> bool:
        """Whether this process is an ancestor."""
        while pid in parents:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False


def main() -> None:
    """Make the files, or fit them one way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("way", choices=["make", *WAYS])
    parser.add_argument("folder", type=Path)
    for name, usual in (("--files", 24), ("--rows", 250_000), ("--columns", 20)):
        parser.add_argument(name, type=int, default=usual)
    asked = parser.parse_args()
    if asked.way == "make":
        make(asked.folder, asked.files, asked.rows, asked.columns)
        return
    truth, watched = np.array(json.loads((asked.folder / "truth.json").read_text())), Watched()
    watched.start()
    began = time.perf_counter()
    found = np.asarray(WAYS[asked.way](asked.folder))
    wall = time.perf_counter() - began
    watched.look()
    off = float(np.abs(found / truth - 1).max()) if found.shape == truth.shape else np.inf
    figures = {
        "way": asked.way,
        "cpu": round(sum(watched.ticks.values()) / TICKS, 2),
        "wall": round(wall, 2),
        "peak MB": round(watched.peak / 1e6),
        "digits": round(float(-np.log10(max(off, 1e-16))), 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
