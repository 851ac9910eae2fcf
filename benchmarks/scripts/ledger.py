"""A ledger under fire: workers that know nothing of each other and are killed, many parts, many files to plan for.

`python benchmarks/scripts/ledger.py [kills|overhead|merge|plan]…` prints what it measured; all four take minutes.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl

import gradline
from gradline.data.columnar import FrameSource
from gradline.data.selection import Selection
from gradline.engines.threads import Threads
from gradline.states import units
from gradline.states.ledger import States
from gradline.states.part import Part
from gradline.states.recipe import begin
from gradline.states.tree import Node

FILES = 5000
WORKER = """
import gradline, os
from gradline.engines.threads import Threads
from gradline.states.units import Unit
opened, log = Unit.source, os.open("reads", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
Unit.source = lambda *words: (os.write(log, b"."), opened(*words))[1]  # a byte for each file that is read
receipt = gradline.States("ledger").update("data", "y", engine=Threads(1))
print(receipt.read, receipt.found, receipt.number)
"""


def table(rows, columns, seed):
    """Columns of normal numbers, and a target that they explain."""
    draw = np.random.default_rng(seed)
    X = draw.normal(10, 1, (rows, columns))
    frame = pl.DataFrame({f"x{j}": X[:, j] for j in range(columns)})
    return frame.with_columns(y=pl.Series(X @ np.arange(columns) + draw.normal(size=rows)))


def kills(folder):
    """Two workers at once, six of which are killed, then three: how many files were read, and whose total it is."""
    (folder / "data").mkdir()
    whole = table(FILES * 20, 3, 0)
    for i in range(FILES):
        whole[20 * i : 20 * i + 20].write_csv(folder / f"data/{i:05d}.csv")
    parts, killed, ended = folder / "ledger/parts", 0, []
    running = [start(folder), start(folder)]
    for step in range(1, 7):
        while written(parts) < step * FILES // 8:
            time.sleep(0.02)
        running[step % 2].send_signal(signal.SIGKILL)
        running[step % 2].communicate()
        killed += 1
        running[step % 2] = start(folder)
    running.append(start(folder))
    ended = [[int(word) for word in one.communicate()[0].split()] for one in running]
    states = gradline.States(folder / "ledger")
    reads = (folder / "reads").stat().st_size
    alone = gradline.States(folder / "alone")
    alone.update(str(folder / "data"), "y", engine=Threads(1))
    first = timed(alone.total)
    same = digest(states) == digest(alone)
    print(
        f"{killed} kills, {reads} reads of {FILES} files, {sum(told[0] for told in ended)} by the three last"
    )
    print(f"{written(parts)} parts, {len(states.receipts)} receipts")
    print(f"leftovers: {sum(name.startswith('.') for name in os.listdir(parts))}; the same total: {same}")
    print(f"a second update reads {states.update(str(folder / 'data')).read}")
    (folder / "data/00007.csv").touch()
    began = time.process_time()
    print(f"one file touched: {states.update(str(folder / 'data')).read} read,", end=" ")
    print(f"{time.process_time() - began:.2f} s, total {timed(states.total):.2f} s")
    print(f"the first total of {FILES} files: {first:.2f} s")


def start(folder):
    words = [sys.executable, "-c", WORKER]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)


def written(parts):
    return sum(not name.startswith(".") for name in os.listdir(parts)) if parts.is_dir() else 0


def digest(states):
    """The total's tensors, as bytes."""
    return b"".join(tensor.tobytes() for _, tensor in sorted(states.total().tensors().items()))


def timed(work):
    """Processor time of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def overhead(folder):
    """Files of 10 MB through a ledger, and their sums by the same code without one; processor time, alternated."""
    (folder / "files").mkdir()
    for i in range(24):
        table(60_000, 20, i).write_parquet(folder / f"files/{i}.parquet")
    size = sum(path.stat().st_size for path in (folder / "files").iterdir()) / 24e6
    listing = units.files_named(str(folder / "files"))
    source = units.table_of(listing, gradline.Text())
    recipe = begin(source, Selection(source, ["y"]), False).recipe
    cut = [unit for file in listing for unit in units.cut(file)]
    ratios = []
    for trial in range(7):
        plain = timed(lambda: [Part.of(unit.source(recipe.read), recipe) for unit in cut])
        ledger = States(folder / f"ledger{trial}")
        ours = timed(lambda ledger=ledger: ledger.update(str(folder / "files"), "y", engine=Threads(1)))
        ratios.append(ours / plain)
    print(f"{size:.1f} MB a file: ledger over plain sums {np.median(ratios):.3f}", end=" ")
    print(f"({min(ratios):.3f} to {max(ratios):.3f})")


def merge(folder):
    """Ten thousand parts of 100 columns, drawn as whole numbers: the time to merge, and the claim against the truth."""
    k, count = 100, 10_000
    draw = np.random.default_rng(0)
    beta = draw.integers(-5, 6, k - 1)
    names = [*(f"x{j}" for j in range(k - 1)), "y"]
    recipe, parts, exact = None, {}, np.zeros((k + 1, k + 1), object)
    for _ in range(count):
        Z = draw.integers(-1000, 1000, (4, k)) + 5000
        Z[:, -1] = Z[:, :-1] @ beta + draw.integers(-50, 51, 4)
        rows = FrameSource.of(pl.DataFrame(dict(zip(names, Z.T.astype(float), strict=True))))
        assert rows is not None
        recipe = recipe or begin(rows, Selection(rows, ["y"]), False).recipe
        parts[f"{draw.integers(0, 2**63):064x}"[::-1]] = Part.of(rows, recipe).to_bytes()
        whole = np.column_stack([np.ones(4, int), Z])
        exact += (whole.T @ whole).astype(object)
    keys = sorted(parts)
    assert recipe is not None
    load = lambda key: Part.from_bytes(key, parts[key], recipe)  # noqa: E731
    began = time.process_time()
    total = Node(keys).value(load, Part.joined, lambda _: None, lambda *_: None)
    took = time.process_time() - began
    moments = total.moments(total.design()[0])
    n = Fraction(int(exact[0, 0]))
    centred = [
        [Fraction(exact[i, j]) - Fraction(exact[0, i]) * exact[0, j] / n for j in range(1, k + 1)]
        for i in range(1, k + 1)
    ]
    made = moments.factor.T @ moments.factor
    scale = np.sqrt([float(centred[i][i]) for i in range(k)])
    off = max(
        abs(float(Fraction(made[i, j]) - centred[i][j])) / (scale[i] * scale[j])
        for i in range(k)
        for j in range(k)
    )
    print(
        f"{count:,} parts, k = {k}: merged in {took:.1f} s, {sum(map(len, parts.values())) / 1e6:.0f} MB of parts"
    )
    print(f"claimed digits {moments.digits:.1f}; RᵀR is off by {off:.1e} of the norms of the columns")
    del folder


def plan(folder):
    """Two million units: memory of what a planner holds of them."""
    count = 2_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    files = [
        units.File(f"s3://bucket/table/year=2024/part-{i:08d}.parquet", f"{i}-{10**18 + i}-{10**18 + i}", ())
        for i in range(count)
    ]
    keys = sorted(units.Unit(*file[:2], "0" * 64).key("recipe") for file in files)
    node = Node(keys)
    took, after = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count:,} units, {len(node.large()):,} kept nodes: {(after - before) / 1e6:.2f} GB, {took:.0f} s")
    del folder


if __name__ == "__main__":
    for name in sys.argv[1:] or ["kills", "overhead", "merge", "plan"]:
        with tempfile.TemporaryDirectory() as place:
            {"kills": kills, "overhead": overhead, "merge": merge, "plan": plan}[name](Path(place))
