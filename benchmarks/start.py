"""Whole-process time of a small fit, beside the script that people would write instead.

Each round runs every contestant once, in turn; printed are medians over the rounds, their spread, and the
ratio of the medians to that of the script. `make bench-start` runs it.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
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


def main() -> None:
    """Alternate, then print the table."""
    for words in CONTESTANTS.values():
        seconds(words)  # once unmeasured: byte code is written, files are in the cache
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name, words in CONTESTANTS.items():
            times[name].append(seconds(words))
    base = statistics.median(times["pandas + scikit-learn"])
    print(f"{'':24}{'median s':>10}{'min':>8}{'max':>8}{'ratio':>8}   ({ROUNDS} rounds)")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:24}{median:10.3f}{min(found):8.3f}{max(found):8.3f}{median / base:8.2f}")


if __name__ == "__main__":
    main()
