"""Many rows of 21 columns from a file: within one process, and as whole processes."""

import functools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from contest import Bout, Case, call, process
from tables import table

import gradline

BENCHMARKS = Path(__file__).parent.parent
CACHE = BENCHMARKS.parent / "build" / "benchmarks"
FEATURES = 20
ENDINGS = {"CSV": "csv", "Parquet": "parquet"}


def cases(quick: bool) -> list[Case]:
    """Both formats, both ways; and one pass beside Vowpal Wabbit's."""
    n = 100_000 if quick else 2_000_000
    ways = {"whole process": whole, "within a process": within}
    found = [
        Case(f"{_table(n)} from {name}, {how}", functools.partial(way, n, ending))
        for how, way in ways.items()
        for name, ending in ENDINGS.items()
    ]
    return [*found, Case(f"{_table(n)} in one pass, whole process", functools.partial(one_pass, n))]


def _table(n: int) -> str:
    return f"{n:,} × {FEATURES + 1}"


def within(n: int, ending: str) -> Bout:
    """Imports done: the certified fit beside polars' own sum of all columns, which is the floor."""
    path = written(n)[ending]
    scan = pl.scan_csv if ending == "csv" else pl.scan_parquet
    contestants = {
        "gradline": call(fitted, path),
        "polars: sum of all columns": call(lambda: scan(path).sum().collect(engine="streaming")),
    }
    return Bout(contestants, functools.partial(fitted, path, 15))


def fitted(path: Path, digits: float = 10) -> np.ndarray:
    """Bias and weights (p + 1,) by gradline, with so many digits sure."""
    model = gradline.fit(path, "y", solver=gradline.Exact(digits=digits))
    return np.concatenate([model.bias, model.weight[0]])


def whole(n: int, ending: str) -> Bout:
    """gradline's command beside the scripts that people write, from start to end, and Python alone."""
    path = written(n)[ending]
    command = gradline_command(path)
    contestants = {
        "gradline": process(command, of_gradline),
        "gradline with NumPy twins": process(command, of_gradline, GRADLINE_KERNELS="numpy"),
    }
    scripts = {
        "pandas + scikit-learn": "pandas_sklearn.py",
        "polars + scikit-learn": "polars_sklearn.py",
        "duckdb: cross-products in SQL": "duckdb_products.py",
    }
    for name, script in scripts.items():
        words = [sys.executable, str(BENCHMARKS / "scripts" / script), str(path)]
        contestants[name] = process(words, of_script)
    contestants["python alone"] = process([sys.executable, "-c", "pass"], lambda _: None)
    return Bout(contestants, functools.partial(fitted, path, 15))


def one_pass(n: int) -> Bout:
    """gradline from CSV, exactly and by mini-batches, beside Vowpal Wabbit from its own text and from its cache.

    Vowpal Wabbit comes as it is: one row a step, each weight's rate falling as it goes. The making of its text is
    not counted, nor that of its cache, which falls into the unmeasured round.
    """
    paths = written(n)
    command, text = gradline_command(paths["csv"]), paths["vw"]
    contestants = {
        "gradline": process(command, of_gradline),
        "gradline, mini-batches": process([*command, "--batch-size", "32", "--epochs", "1"], of_gradline),
        "Vowpal Wabbit": process(*vowpal_wabbit(text, [])),
        "Vowpal Wabbit from its cache": process(
            *vowpal_wabbit(text, ["--cache_file", str(text.with_suffix(".cache"))])
        ),
        "python alone": process([sys.executable, "-c", "pass"], lambda _: None),
    }
    return Bout(
        contestants, functools.partial(fitted, paths["csv"], 15), functools.partial(inputs, paths["csv"])
    )


def inputs(path: Path) -> np.ndarray:
    """X (n, p) of a table."""
    return pl.read_csv(path).select(names()).to_numpy()


def gradline_command(path: Path) -> list[str]:
    """The words of the certified fit."""
    return [sys.executable, "-m", "gradline", "fit", str(path), "-t", "y", "--json"]


def of_gradline(printed: str) -> np.ndarray:
    """The coefficients in what `--json` printed."""
    found = json.loads(printed)
    return np.array([*found["bias"], *found["weight"][0]])


def of_script(printed: str) -> np.ndarray:
    """The coefficients in what a script printed."""
    return np.array(json.loads(printed))


def vowpal_wabbit(path: Path, options: list[str]) -> tuple[list[str], Callable[[str], np.ndarray]]:
    """One pass; and what reads the coefficients in the model that it leaves, the constant last."""
    model = path.with_suffix(".model")
    words = [sys.executable, "-m", "vowpalwabbit", "-d", str(path), "--quiet"]

    def read(_: str) -> np.ndarray:
        *weight, bias = re.findall(r"^\d+:(\S+) ", model.read_text(), re.MULTILINE)
        return np.array([bias, *weight], float)

    return [*words, "--readable_model", str(model), *options], read


def names() -> list[str]:
    """The features' names."""
    return [f"x{j}" for j in range(FEATURES)]


@functools.cache
def written(n: int) -> dict[str, Path]:
    """The same table as CSV, Parquet and Vowpal Wabbit's text, kept from one run to the next."""
    CACHE.mkdir(parents=True, exist_ok=True)
    paths = {ending: CACHE / f"table{n}.{ending}" for ending in ("csv", "parquet", "vw")}
    if all(path.exists() for path in paths.values()):
        return paths
    X, y = table(n, FEATURES)
    frame = pl.DataFrame(dict(zip(names(), X.T, strict=True)) | {"y": y}).select(pl.all().round(4))
    frame.write_csv(paths["csv"])
    frame.write_parquet(paths["parquet"])
    # A feature whose name is a number keeps it as its place in the model.
    cells = [pl.format(f"{j}:{{}}", name) for j, name in enumerate(names())]
    lines = frame.select(pl.concat_str(pl.format("{} |", "y"), *cells, separator=" "))
    lines.write_csv(paths["vw"], include_header=False, quote_style="never")
    return paths
