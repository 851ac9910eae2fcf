"""Whole-process time of a small fit, beside the script that people would write instead: `make bench-start`."""

import functools
import subprocess
import sys
import time
from pathlib import Path

from alternating import compare

CROPS = Path(__file__).parent.parent / "examples" / "crops.csv"
SCRIPT = f"""
import pandas as pd
from sklearn.linear_model import LinearRegression
table = pd.read_csv({str(CROPS)!r})
model = LinearRegression().fit(table[["temp", "rainfall", "humidity"]], table[["apples", "oranges"]])
print(model.coef_, model.intercept_, model.score(table[["temp", "rainfall", "humidity"]], table[["apples", "oranges"]]))
"""
CONTESTANTS = {
    "pandas + scikit-learn": ["-c", SCRIPT],
    "gradline fit": ["-m", "gradline", "fit", str(CROPS), "-t", "apples", "-t", "oranges"],
    "python alone": ["-c", "pass"],
}


def seconds(words: list[str]) -> float:
    """The time of one process, from start to end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    compare(
        "crops", {name: functools.partial(seconds, words) for name, words in CONTESTANTS.items()}, rounds=15
    )
