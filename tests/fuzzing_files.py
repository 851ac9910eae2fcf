"""Files of other programs, damaged at random: each is read as its own library reads it, or refused in plain words.

`python tests/fuzzing_files.py 5000 [seed [kind]]` tries so many. Each try stands in for a file that was cut, changed on
the way, or written by somebody who means no good.
"""

import csv
import io
import json
import math
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import duckdb
import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
from containers import excel, in_duckdb, in_sqlite, open_document, zipped
from deltalake import DeltaTable, write_deltalake
from fuzzing import BYTES, Bench, FaultError, _dumps, _peak, _site

import gradline
from gradline.core.errors import GradlineError
from gradline.data.schema import Kind
from gradline.data.tables import open_table

SECONDS = 10  # that one file may take
ROWS = pl.DataFrame(
    {
        "x": [i / 4 for i in range(60)],
        "g": ["abc"[i * i % 3] for i in range(60)],
        "n": [i * 7 % 11 if i % 13 else None for i in range(60)],
        "y": [i * i / 8 - 3 for i in range(60)],
    }
)
Columns = dict[str, list[Any]]  # names and cells, as numbers or words, None where one is missing
TYPED = ("parquet", "arrow", "stream", "sqlite", "duckdb", "delta")  # where a word is a word
USED = (Kind.NUMBER, Kind.BOOLEAN, Kind.TEXT)


def read(data: Any) -> Columns:
    """What gradline makes of it: the columns that a model can use."""
    source = open_table(data)
    kinds = {name: column.kind for name, column in source.schema().items() if column.kind in USED}
    if not kinds:
        return {}
    frames = [batch.frame for batch in source.batches(kinds)]
    return pl.concat(frames).to_dict(as_series=False) if frames else {}


def of_frame(frame: Any) -> Columns:
    """The cells of a frame of polars or a table of Arrow."""
    return pl.DataFrame(frame).to_dict(as_series=False)


def of_sqlite(path: Path) -> Columns:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
        cursor = base.execute("SELECT * FROM t")
        return dict(
            zip([one[0] for one in cursor.description], map(list, zip(*cursor, strict=True)), strict=True)
        )


def of_duckdb(path: Path) -> Columns:
    with closing(duckdb.connect(str(path), read_only=True)) as base:
        return of_frame(base.sql("SELECT * FROM t").to_arrow_table())


def objects(texts: Iterable[bytes]) -> list[dict[str, Any]]:
    """What each text holds; of a key that an object has twice the first counts, as for polars."""
    return [json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs))) for text in texts]


def of_objects(rows: list[dict[str, Any]]) -> Columns:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def of_archive(path: Path) -> Columns:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        names, *rows = csv.reader(io.StringIO(archive.read(name).decode(), newline=""))
        return dict(zip(names, map(list, zip(*(row for row in rows if row), strict=True)), strict=True))


def of_book(path: Path) -> Columns:
    return of_frame(fastexcel.read_excel(path).load_sheet("rows"))


def of_array(path: Path) -> Columns:
    return of_objects(cast("list[dict[str, Any]]", objects([path.read_bytes()])[0]))


def written(write: Callable[[Any], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


# One row enrols a format: how to write it, what reads it, and how it is called.
FORMATS: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], Columns]]] = {
    "xlsx": ("t.xlsx", lambda p: excel(p, ROWS), of_book),
    "ods": ("t.ods", lambda p: open_document(p, ROWS), lambda p: of_frame(fastexcel.read_excel(p).load_sheet(0))),
    "array": ("t.json", lambda p: ROWS.write_json(p), of_array),
    "ndjson": ("t.ndjson", lambda p: ROWS.write_ndjson(p), lambda p: of_objects(objects(p.read_bytes().splitlines()))),
    "zip": ("t.zip", lambda p: zipped(p, {"t.csv": written(ROWS.write_csv)}), of_archive),
    "parquet": ("t.parquet", lambda p: ROWS.write_parquet(p), lambda p: of_frame(parquet.read_table(p))),
    "arrow": ("t.arrow", lambda p: ROWS.write_ipc(p), lambda p: of_frame(pl.read_ipc(p.read_bytes()))),
    "stream": ("t.arrows", lambda p: ROWS.write_ipc_stream(p), lambda p: of_frame(pl.read_ipc_stream(p))),
    "sqlite": ("t.db", lambda p: in_sqlite(p, ROWS), of_sqlite),
    "duckdb": ("t.duckdb", lambda p: in_duckdb(p, ROWS), of_duckdb),
    "delta": ("t", lambda p: write_deltalake(p, ROWS), lambda p: of_frame(pa.table(DeltaTable(p).to_pyarrow_table()))),
}  # fmt: skip


def damage(bench: Bench, kind: str, path: Path) -> None:
    """Change the file, or what is packed in it."""
    draw = bench.draw
    if kind == "delta":
        log = next((path / "_delta_log").glob("*.json"))
        lines = log.read_text().splitlines()
        at = draw.randrange(len(lines))
        if draw.random() < 0.6:
            lines[at] = _dumps(bench.hurt_json(json.loads(lines[at])))
        elif draw.random() < 0.5:
            lines.insert(at, draw.choice(lines))
        else:
            victim = draw.choice([log, *path.glob("*.parquet")])
            victim.write_bytes(bench.hurt_bytes(victim.read_bytes()))
            return
        log.write_text("\n".join(lines))
        return
    content = path.read_bytes()
    if kind in ("array", "ndjson") and draw.random() < 0.6:
        values = json.loads(content) if kind == "array" else [*map(json.loads, content.splitlines())]
        values = bench.hurt_json(values)
        rows = values if isinstance(values, list) else [values]
        path.write_text(_dumps(values) if kind == "array" else "\n".join(map(_dumps, rows)))
    elif kind in ("xlsx", "ods", "zip") and draw.random() < 0.7:
        path.write_bytes(repacked(bench, content))
    else:
        path.write_bytes(bench.hurt_bytes(content))


def repacked(bench: Bench, content: bytes) -> bytes:
    """The archive with one member that was damaged, is gone, has another name, or comes twice."""
    draw = bench.draw
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at = draw.randrange(len(members))
    name, inner = members[at]
    match draw.randrange(6):
        case 0:
            del members[at]
        case 1:
            members[at] = (
                draw.choice(["../x.csv", "/tmp/x.csv", "a/../../x.csv", "..\\x.csv", "C:x.csv", "x" * 300]),
                inner,
            )
        case 2:
            members.append((name, inner[::-1]))
        case _:
            members[at] = name, bench.hurt_bytes(inner)
    stream = io.BytesIO()
    how = draw.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w", how) as archive:
        for one in members:
            archive.writestr(*one)
    return stream.getvalue()


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    """An alarm ends what takes longer."""

    def ring(*_: object) -> None:
        raise FaultError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _same(ours: Any, theirs: Any, is_typed: bool) -> bool:
    """Whether two cells are one: a number, or a word that is a number, a truth or missing to gradline."""
    if isinstance(theirs, str):
        word = theirs.strip()
        missing = not is_typed and word.lower() in ("", "na", "n/a", "#n/a", "nan", "null", "none")
        if ours is None or missing:
            return ours is None and missing
        with suppress(ValueError):
            return float(word) == float(ours)
        return {"true": 1.0, "false": 0.0}.get(word.lower(), word) == ours or word.lower() == ours
    if theirs is None or (isinstance(theirs, float) and math.isnan(theirs)):
        return ours is None
    if isinstance(ours, str):  # in a column of words
        with suppress(ValueError):
            return float(ours) == float(theirs)
        return ours == str(theirs).lower()
    return ours is not None and float(theirs) == ours


def one(bench: Bench, kind: str) -> str:
    """Try one damaged file; how it ended. Raises `FaultError`."""
    name, write, own = FORMATS[kind]
    source, path = bench.folder / "whole" / name, bench.folder / "tried" / name
    if not source.exists():
        source.parent.mkdir(exist_ok=True)
        write(source)
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
    damage(bench, kind, path)
    outside = {one.name for one in bench.folder.iterdir()}
    began, peak = time.monotonic(), _peak()
    data = gradline.Table(path, table="t") if kind in ("sqlite", "duckdb") else path
    try:
        with bounded(SECONDS):
            found, ended = read(data), "read"
    except GradlineError as error:
        if not (error.cause and error.remedy) or "\n" in str(error) or "\x1b" in str(error):
            raise FaultError(f"no plain sentence: {error!r}") from error
        found, ended = None, error.code
    except FaultError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise FaultError(_site(error)) from error
    if time.monotonic() - began > SECONDS / 2:
        raise FaultError(f"took {time.monotonic() - began:.1f} s")
    if _peak() - peak > BYTES:
        raise FaultError(f"took {(_peak() - peak) >> 20} MiB")
    if {one.name for one in bench.folder.iterdir()} != outside:
        raise FaultError("wrote a file")
    if found is not None:
        try:
            expected = own(path)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return f"read, and its library says {type(error).__name__}"
        for column, cells in found.items():
            if column not in expected:
                continue
            pairs = zip(cells, expected[column], strict=False)
            pairs = [pair for pair in pairs if not _same(*pair, is_typed=kind in TYPED)][:2]
            if pairs or len(cells) != len(expected[column]):
                raise FaultError(
                    f"other cells in {kind}: {column!r}, {len(cells)} and {len(expected[column])}, {pairs!r}"
                )
    return ended


def tried(
    count: int, folder: Path, seed: int, kind: str = ""
) -> tuple[Counter[str], dict[str, tuple[str, int]]]:
    """So many files; how often each ended how, and each kind of fault with how often it came."""
    ends: Counter[str] = Counter()
    faults: dict[str, tuple[str, int]] = {}
    for i in range(count):
        which = kind or list(FORMATS)[i % len(FORMATS)]
        try:
            ends[f"{which}: {one(Bench(folder, random.Random(f'{seed} {i} {which}')), which)}"] += 1
        except FaultError as fault:
            text = f"{which}: {fault}\n  seed {seed}, {which} {i}"
            key = text[:70].splitlines()[0]
            faults[key] = (faults.get(key, (text, 0))[0], faults.get(key, ("", 0))[1] + 1)
    return ends, faults


if __name__ == "__main__":
    number, first, chosen = [*sys.argv[1:], "0", ""][:3] if len(sys.argv) < 4 else sys.argv[1:4]
    chosen = chosen if chosen in FORMATS else ""
    with tempfile.TemporaryDirectory() as made:
        ended, found = tried(int(number), Path(made), int(first), chosen)
    for end, times in sorted(ended.items()):
        print(times, end)
    for text, times in sorted(found.values(), key=lambda pair: -pair[1]):
        print(f"{times} × {text}")
