"""Files that were damaged at random, models, moments, records and tables: each is read, or refused in plain words.

`python tests/fuzzing.py 20000 [seed [kind]]` tries so many, and prints each kind of fault once, with the seed that
makes it again. It runs in one process, through the commands' own handling of errors.
"""

import gzip
import io
import json
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors
import safetensors.numpy
from typer.testing import CliRunner

import gradline as package
from gradline.cli import terminal
from gradline.cli.commands import app
from gradline.core.errors import GradlineError, GradlineWarning
from gradline.core.tensor_file import digest

SECONDS = 5.0  # that one command may take
BYTES = 1 << 29  # that it may add to the peak of the process

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 10**9, 2**53 + 1, 2**63 - 1, 2**64, 10**30, -(10**400), 0.0, -0.0, 0.5, -1.5,
    1e-320, 1e-150, 1e150, 1e308, -1e308, "", "x", "y", "nan", "0", "none", "standard", "exact", "sgd", "gd", "torch",
    "certified", "diverged", "\ud800", "\0", "\x1b[2J", "../x", "~x", "a" * 5000, "zeros", "1" * 500, [], [[]],
    [None],
    [1], [1.5, None], ["x"], ["x", "x"], ["y", "y"],
    {}, {"x": 1}, {"": {}}, {"x": {"y": [1]}}, "2026-01-01T00:00:00+00:00",
]  # fmt: skip
CELLS = [
    "0", "1", "2", "3.5", "-4", "1e3", "007", "01", "1e150", "-1e150", "1e-150", "1e308", "1e309", "1e-400", "9" * 25,
    "9" * 400, "0." + "1" * 400, "9007199254740993", "18446744073709551616", "NaN", "nan", "inf", "-inf", "NA", "",
    " ",
    "null", "None", "true", "FALSE", "a", "b", "é", "ß\u0301", "\u202e", '"', '""', '"a,b"', '"a\nb"', "a\rb", "1 2",
    "1,5", "1.000,5", "1_000", "0x1f", "1e", "+1", "--1", "$5", "5%", "2026-01-31", "12:30", "1e5e5", "\ufeff1",
    "٣", "１",
    "=1+1", "'", "\\", "\t", ";", "\x1b[2J", "\x7f", "x" * 3000,
]  # fmt: skip
NAMES = [
    "x", "z", "y", "x", "", " ", "x ", "X", "~x", "é", "e\u0301", "x=1", "g=a", "bias", "_duplicated_0", "column_1",
    "a,b", 'a"b', "a\nb", "\x1b[2J", "\u202e", "n" * 3000, "0", "1.5", "NA", "weight", "Σ", "'", "--x", "[x]", "*",
    "^.*$",
]  # fmt: skip


@dataclass
class Bench:
    """A folder with what is to be damaged, and the generator of one try."""

    folder: Path
    draw: random.Random

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def hurt_bytes(self, content: bytes) -> bytes:
        """Some bytes are another, are gone, come twice, or the end is missing."""
        held = bytearray(content)
        for _ in range(self.draw.randint(1, 4)):
            at = self.draw.randrange(len(held) + 1)
            length = self.draw.choice([1, 1, 2, 8, 64])
            match self.draw.randrange(5):
                case 0:
                    held[at : at + length] = self.draw.randbytes(length)
                case 1:
                    del held[at : at + length]
                case 2:
                    held[at:at] = held[at : at + length]
                case 3:
                    held[at : at + length] = bytes(length)
                case 4 if self.draw.random() < 0.3:
                    del held[at:]
        return bytes(held)

    def hurt_json(self, value: Any) -> Any:
        """Values somewhere in it are others, gone, or moved."""
        times = self.draw.choice([1, 1, 1, 2, 3])
        for i in range(times):
            last = i == times - 1  # what is too deep cannot be looked into again
            places = list(_places(value))
            if not places:
                return deepcopy(self.draw.choice(VALUES))
            holder, key = self.draw.choice(places)
            match self.draw.randrange(8):
                case 0 if isinstance(holder, dict):
                    del holder[key]
                case 1 if isinstance(holder, dict):
                    holder[self.draw.choice(NAMES)] = deepcopy(holder[key])
                case 1 | 2 if isinstance(holder, list):
                    holder.append(deepcopy(holder[key]))
                case 3 if isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
                    holder[key] = holder[key] * self.draw.choice([-1, 2, 0.5, 1e9, 1e-9])
                case 4:
                    other, place = self.draw.choice(places)
                    holder[key] = json.loads(json.dumps(other[place]))
                case 5 if self.draw.random() < 0.1 and last:
                    deep: Any = 1
                    for _ in range(self.draw.choice([50, 900, 5000])):
                        deep = [deep]
                    holder[key] = deep
                case _:
                    holder[key] = deepcopy(self.draw.choice(VALUES))
        return value


def _places(value: Any):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=True)
    except RecursionError:
        return "[" * 10_000


def tensor_file(bench: Bench, path: str) -> str:
    """A file of tensors, its card or its tensors changed and signed anew, or its bytes."""
    content = (bench.folder / path).read_bytes()
    how = bench.draw.random()
    if how < 0.1:
        return bench.write("bad", bench.hurt_bytes(content))
    with safetensors.safe_open(bench.folder / path, "numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        card = json.loads(file.metadata()["gradline"])
    if how < 0.6:
        card = bench.hurt_json(card)
    if how > 0.5:
        for _ in range(bench.draw.choice([1, 1, 2])):
            _hurt_tensor(bench, tensors)
    if isinstance(card, dict) and bench.draw.random() < 0.9:
        card["tensors"] = digest(tensors)
    return bench.write("bad", safetensors.numpy.save(tensors, metadata={"gradline": _dumps(card)}))


def _hurt_tensor(bench: Bench, tensors: dict[str, np.ndarray]) -> None:
    name = bench.draw.choice([*tensors])
    tensor = tensors[name].copy()
    match bench.draw.randrange(7):
        case 0:
            del tensors[name]
            return
        case 1:
            tensor = tensor.astype(bench.draw.choice([np.float32, np.int64, np.bool_]))
        case 2:
            tensor = tensor.reshape(-1)
        case 3:
            tensor = tensor[..., :-1] if tensor.ndim and tensor.shape[-1] else np.zeros(0)
        case 4:
            tensor = tensor.T
        case _ if tensor.size:
            flat = tensor.reshape(-1)
            for _ in range(bench.draw.choice([1, 1, tensor.size])):
                value = bench.draw.choice([0, -1, 1e150, -1e308, 1e-320, np.nan, np.inf, 2.0**60, 0.1])
                with np.errstate(all="ignore"):
                    flat[bench.draw.randrange(tensor.size)] = np.asarray(value).astype(tensor.dtype)
    tensors[name] = np.ascontiguousarray(tensor)


def model(bench: Bench) -> list[str]:
    """A damaged model, and a command that reads it."""
    bad = tensor_file(bench, bench.draw.choice(["exact", "gd", "sgd", "weighted", "levels"]))
    commands = [
        ["show", bad], ["show", bad, "--json"], ["show", bad, "--config"], ["show", bad, "--weights-are", "counts"],
        ["predict", bad, "t.csv"], ["predict", bad, "t.csv", "--interval", "0.9", "--json"],
        ["predict", bad, "--set", "x=1", "--set", "z=2", "--set", "g=a"], ["evaluate", bad, "t.csv"],
        ["verify", bad, "t.csv"], ["verify", bad, "t.csv", "--json"], ["export", bad, "--to", "sql", "-o", "o.sql"],
        ["fit", "t.csv", "-t", "y", "-f", "x", "-f", "z", "--epochs", "3", "--init", bad], ["diff", bad, "exact"],
        ["diff", "exact", bad, "--json"],
    ]  # fmt: skip
    if bench.draw.random() < 0.03:
        return ["report", bad, "-o", "o.html"]
    return bench.draw.choice(commands)


def moments(bench: Bench) -> Callable[[], object]:
    """Damaged moments, and what is made of them."""
    bad = bench.folder / tensor_file(bench, bench.draw.choice(["moments", "moments 2"]))
    whole = package.Moments.load(bench.folder / "moments")
    uses: list[Callable[[Any], object]] = [
        package.fit, lambda m: m + whole, lambda m: whole + m, lambda m: package.fit(m,
        solver=package.GradientDescent(epochs=3)),
        lambda m: package.Trajectory(m, lr=1e-3).at(10**6), lambda m: package.fit(m).summary(), lambda m: m - whole,
        repr,
    ]  # fmt: skip
    use = bench.draw.choice(uses)
    return lambda: use(package.Moments.load(bad))


def record(bench: Bench) -> list[str]:
    """A damaged record, note or object of a store, and a command that reads it."""
    store = bench.folder / ".gradline"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(bench.folder / "store", store)
    files = sorted(path for path in store.rglob("*") if path.is_file())
    path = bench.draw.choice([p for p in files if p.suffix == ".json"] * 8 + files)
    content = path.read_bytes()
    if path.suffix == ".json" and bench.draw.random() < 0.8:
        path.write_text(_dumps(bench.hurt_json(json.loads(content))))
    else:
        path.write_bytes(bench.hurt_bytes(content))
    commands = [
        ["log"], ["log", "--json"], ["log", "--check", "--all"], ["log", "--sort", "loss"],
        ["log", "--where", "loss < 5"],
        ["show", "v1"], ["show", "v2", "--json"], ["show", "latest"], ["diff", "v1", "v2"],
        ["diff", "v1", "v2", "--json"],
        ["checkout", "v1", "--force"], ["commit", "a.txt"], ["note", "v1", "x"], ["tag", "v2", "x"],
        ["archive", "v1"],
        ["show", "v1", "--config"],
    ]  # fmt: skip
    return bench.draw.choice(commands)


def table(bench: Bench) -> list[str]:
    """A table that nobody should have written, and a command that reads it."""
    draw = bench.draw
    names = ["x", "z", "y", "g"][: draw.choice([3, 3, 4])]
    if draw.random() < 0.3:
        names = [draw.choice(NAMES) if draw.random() < 0.4 else name for name in names]
    rows = draw.choice([0, 1, 2, 5, 20, 20, 60])
    scale = draw.choice([1, 1, 1, 1e150, 1e-150, 1e300, 1e-300, 1e15])
    odd = draw.choice([0, 0, 0, 0.01, 0.05, 0.5])
    kind = draw.choice(["csv", "csv", "csv", "ndjson", "ndjson", "tsv", "parquet", "gz"])
    cells = [
        [draw.choice(CELLS) if draw.random() < odd else _plain(draw, j, scale) for j in range(len(names))]
        for _ in range(rows)
    ]
    name = _table_file(bench, kind, names, cells)
    target = draw.choice(["y", "y", "y", draw.choice([n for n in names if n and "\0" not in n] or ["y"])])
    target = target if not target.startswith("--") else "y"
    asked = draw.choice(
        [
            ["fit", name, "-t", target], ["fit", name, "-t", target, "--missing", "drop"],
            ["fit", name, "-t", target, "--json"],
            ["fit", name, "-t", target, "--epochs", "5"],
            ["fit", name, "-t", target, "--batch-size", "3", "--epochs", "2"],
            ["fit", name, "-t", target, "--scale", "standard", "--holdout", "0.3"],
            ["fit", name, "-t", target, "--weights", "x"],
            ["fit", name, "-t", target, "--no-bias"], ["fit", name], ["doctor", name, "-t", target],
            ["fit", name, "-t", target, "-o", "m2"],
            ["doctor", name, "-t", target, "--json"], ["trajectory", name, "-t", target],
            ["trajectory", name, "-t", target, "--lr", "1e-3"],
            ["predict", "exact", name], ["predict", "levels", name, "--missing", "drop"], ["evaluate", "exact", name],
            ["verify", "exact", name], ["play", name, "-t", target, "-o", "o.html"],
            ["report", "exact", name, "-o", "o.html"],
        ]
    )  # fmt: skip
    return asked


def _plain(draw: random.Random, column: int, scale: float) -> str:
    return draw.choice("abc") if column == 3 else f"{draw.randint(-50, 50) * scale!r}"


def _table_file(bench: Bench, kind: str, names: list[str], cells: list[list[str]]) -> str:
    draw = bench.draw
    if kind == "parquet":
        columns = {name: [row[j] for row in cells] for j, name in enumerate(names)}
        frame = pl.DataFrame({k: _typed(draw, v) for k, v in columns.items()}, strict=False)
        stream = io.BytesIO()
        frame.write_parquet(stream)
        content = stream.getvalue()
        return bench.write("t2.parquet", bench.hurt_bytes(content) if draw.random() < 0.5 else content)
    if kind == "ndjson":
        names = ["\ud800" + n if draw.random() < 0.02 else n for n in names]
        lines = [_dumps({n: _json_cell(draw, c) for n, c in zip(names, row, strict=True)}) for row in cells]
        content = "\n".join(lines).encode()
        return bench.write("t2.ndjson", bench.hurt_bytes(content) if draw.random() < 0.5 else content)
    mark = "\t" if kind == "tsv" else ","
    quoted = ['"' + n.replace('"', '""') + '"' if set(n) & set('",\n\t') else n for n in names]
    lines = [mark.join(quoted)] + [mark.join(row[: draw.choice([len(row)] * 500 + [1])]) for row in cells]
    content = draw.choice(["\n"] * 12 + ["\r\n"] * 4 + ["\r"]).join(lines).encode(errors="surrogatepass")
    content += draw.choice([b"\n", b"", b"\n\n\n", b"\r\n\r\n"])
    content = bench.hurt_bytes(content) if draw.random() < 0.15 else content
    if kind == "gz":
        content = gzip.compress(content, 1)
        return bench.write("t2.csv.gz", bench.hurt_bytes(content) if draw.random() < 0.5 else content)
    return bench.write(draw.choice([f"t2.{kind}", "~x.csv", "t 2.CSV", "t[2].csv"]), content)


def _typed(draw: random.Random, cells: list[str]) -> pl.Series:
    series = pl.Series(cells, dtype=pl.String)
    kinds = [
        pl.Float64, pl.Float32, pl.Int64, pl.UInt64, pl.Int128, pl.Decimal(38, 5), pl.String, pl.Categorical,
        pl.Boolean,
        pl.Date, pl.Datetime, pl.Duration, pl.Time, pl.Binary, pl.Null, pl.List(pl.Float64),
        pl.Struct({"a": pl.Float64}), pl.Int8,
    ]  # fmt: skip
    kind = draw.choice([pl.Float64] * 10 + kinds)
    numbers = series.cast(pl.Float64, strict=False)
    try:
        if isinstance(kind, pl.List):
            return pl.Series([[v] for v in numbers], dtype=kind)
        if isinstance(kind, pl.Struct):
            return pl.Series([{"a": v} for v in numbers], dtype=kind)
        return (numbers if kind not in (pl.String, pl.Categorical, pl.Binary) else series).cast(
            kind, strict=False
        )
    except pl.exceptions.PolarsError:
        return numbers


def _json_cell(draw: random.Random, cell: str) -> Any:
    if draw.random() < 0.03:
        return draw.choice(VALUES)
    try:
        value = float(cell)
        return value if value - value == 0 else cell
    except ValueError:
        return cell


KINDS: dict[str, Callable[[Bench], list[str] | Callable[[], object]]] = {
    "model": model, "moments": moments, "record": record, "table": table,
}  # fmt: skip


def prepare(folder: Path) -> None:
    """The table, models, moments and store that are damaged later; run from that folder."""
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"x": draw.integers(-9, 10, 40) / 2, "z": draw.integers(0, 99, 40) * 1.0})
    frame = frame.with_columns(g=pl.Series(["a", "b", "c", "a"] * 10), w=pl.Series([1.0, 2.0] * 20))
    frame = frame.with_columns(y=frame["x"] * 2 - frame["z"] + draw.integers(-5, 6, 40))
    frame.write_csv("t.csv")
    (folder / "a.txt").write_text("one")
    two: Any = {"features": ["x", "z"]}
    made = {
        "exact": package.fit("t.csv", "y", **two),
        "gd": package.fit("t.csv", "y", solver=package.GradientDescent(lr=1e-5, epochs=20), **two),
        "sgd": package.fit(
            "t.csv", "y", solver=package.SGD(lr=1e-5, epochs=2, batch_size=8), holdout=0.2, **two
        ),
        "weighted": package.fit("t.csv", "y", weights="w", **two),
        "levels": package.fit("t.csv", "y", features=["x", "z", "g"]),
    }
    for name, one in made.items():
        one.save(name)
    package.Moments.of("t.csv", "y", features=["x", "z"]).save("moments")
    package.Moments.of("t.csv", "y", features=["x", "z", "g"]).save("moments 2")
    package.commit("one", ["a.txt", "exact"], notebook=None)
    (folder / "a.txt").write_text("two")
    package.commit("two", ["a.txt", "gd"], notebook=None)
    runner = CliRunner()
    runner.invoke(app, ["tag", "v1", "good"])
    runner.invoke(app, ["note", "v2", "fine"])
    shutil.copytree(".gradline", "store")


class FaultError(Exception):
    """What a file must not do: its message begins with the kind."""


def one(bench: Bench, kind: str) -> str:
    """Try one damaged file; returns how it ended. Raises `FaultError`."""
    asked = KINDS[kind](bench)
    began, peak = time.monotonic(), _peak()
    caught: list[BaseException] = []
    codes: list[str] = []
    tell = terminal.refuse

    def telling(code: str, cause: str, remedy: str, as_json: bool) -> None:
        if code == "internal-error":
            caught.append(sys.exc_info()[1])  # pyright: ignore[reportArgumentType]
        elif not (cause and remedy):
            caught.append(FaultError(f"no cause or no remedy: {code}, {cause!r}, {remedy!r}"))
        codes.append(code)
        tell(code, cause, remedy, as_json)

    terminal.refuse = telling
    said = ended = ""
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", category=RuntimeWarning)  # as on the command line
            if callable(asked):
                try:
                    asked()
                    ended = "read"
                except GradlineError as error:
                    ended = error.code
                except Exception as error:
                    caught.append(error)
            else:
                done = CliRunner().invoke(app, asked)
                said = done.output
                ended = codes[-1] if codes else f"exit {done.exit_code}" if done.exit_code else "read"
                if done.exception is not None and not isinstance(done.exception, SystemExit):
                    caught.append(done.exception)
    finally:
        terminal.refuse = tell
    took, more = time.monotonic() - began, _peak() - peak
    words = " ".join(map(repr, asked)) if isinstance(asked, list) else kind
    if caught:
        raise FaultError(f"{_site(caught[0])}\n  {words}") from caught[0]
    stray = [w for w in warned if not isinstance(w.message, GradlineWarning)]
    if stray:
        place = f"{stray[0].filename.rpartition('gradline/')[2]}:{stray[0].lineno}"
        raise FaultError(f"warning {stray[0].category.__name__} at {place}: {stray[0].message}\n  {words}")
    if took > SECONDS:
        raise FaultError(f"took {took:.1f} s: {words[:40]}")
    if more > BYTES:
        raise FaultError(f"took {more >> 20} MiB: {words[:40]}")
    if (
        re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff]", said.replace("\t", ""))
        and "predict" not in words
    ):
        raise FaultError(f"unprintable output: {words[:40]}")
    return ended


def _site(error: BaseException) -> str:
    """The error and the innermost line of gradline that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/gradline/" in f.filename]
    at = f"{frames[-1].filename.rpartition('gradline/')[2]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {at}: {str(error)[:150]}"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tried(
    count: int, folder: Path, seed: int = 0, kind: str = ""
) -> tuple[Counter[str], dict[str, tuple[str, int]]]:
    """So many files; how often each ended how, and each kind of fault with how often it came."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with warnings.catch_warnings(action="ignore"):
            prepare(folder)
        ended: Counter[str] = Counter()
        faults: dict[str, tuple[str, int]] = {}
        for i in range(count):
            which = kind or list(KINDS)[i % len(KINDS)]
            try:
                ended[one(Bench(folder, random.Random(f"{seed} {i} {which}")), which)] += 1
            except FaultError as fault:
                text = f"{fault}\n  seed {seed}, {which} {i}"
                key = re.sub(r"[0-9.]+ (s|MiB)|: .*", "", str(fault).splitlines()[0])
                faults[key] = (faults.get(key, (text, 0))[0], faults.get(key, ("", 0))[1] + 1)
        return ended, faults
    finally:
        os.chdir(before)


if __name__ == "__main__":
    number, first, chosen = [*sys.argv[1:], "0", ""][:3] if len(sys.argv) < 4 else sys.argv[1:4]
    chosen = chosen if chosen in KINDS else ""
    with tempfile.TemporaryDirectory() as made:
        ends, found = tried(int(number), Path(made), int(first), chosen)
    print(ends.most_common())
    for text, times in sorted(found.values(), key=lambda pair: -pair[1]):
        print(f"{times} × {text}")
    print(f"{number} files, {len(found)} kinds of fault")
