"""States on the command line: `moments make | merge | subtract | forget | show`, `plan`, and `fit` from a state."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from commands import command
from refusals import expect_refusal
from test_states import saved, split, table, write

import gradline
from gradline.data.parquet_footer import read_footer
from gradline.engines.threads import Threads


@pytest.fixture
def data(tmp_path):
    return split(table(90), 9, tmp_path / "data", "csv")


def told(folder, *words):
    """What a command prints as JSON."""
    done = command(*words, "--json", folder=folder)
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.usefixtures("data")
def test_a_state_from_day_to_day(tmp_path):
    first = told(
        tmp_path, "moments", "make", "data", "-t", "y", "--exact", "--states", "ledger", "-o", "a.safetensors"
    )
    assert (first["read"], first["rows"]) == (9, 90)
    write(table(10, 5), tmp_path / "data/more.csv")
    assert told(tmp_path, "plan", "data", "--states", "ledger")["new"] == 1
    again = told(tmp_path, "moments", "make", "data", "--states", "ledger")
    assert (again["read"], again["rows"], again["rows_before"]) == (1, 100, 90)
    shown = told(tmp_path, "moments", "show", "ledger")
    assert (shown["rows"], len(shown["files"]), shown["exact"]) == (100, 10, True)
    assert shown["fingerprint"] == again["fingerprint"]
    log = told(tmp_path, "moments", "show", "ledger", "--log")["receipts"]
    assert [one["rows"] for one in log] == [90, 100]
    gone = told(tmp_path, "moments", "forget", "ledger", "data/more.csv")["receipts"]
    assert [one["rows"] for one in gone] == [90]
    total = gradline.States(tmp_path / "ledger").total()
    assert saved(total, tmp_path) == saved(gradline.Moments.load(tmp_path / "a.safetensors"), tmp_path)


def test_fits_from_states_are_those_of_the_rows(tmp_path, data):
    whole = gradline.Moments.of(data, "y", extended=True)
    weight = gradline.fit(whole).weight.tolist()
    from_data = told(tmp_path, "fit", "data", "-t", "y", "--states", "ledger")
    from_ledger = told(tmp_path, "fit", "ledger")
    told(tmp_path, "moments", "make", "data", "-t", "y", "--exact", "-o", "a.safetensors")
    from_file = told(tmp_path, "fit", "a.safetensors")
    assert from_file["weight"] == weight
    assert from_ledger["weight"] == from_data["weight"]
    np.testing.assert_allclose(from_ledger["weight"], weight, rtol=1e-9)
    done = command("fit", "ledger", "-t", "y", "--json", folder=tmp_path)
    expect_refusal(done.err, "moments-have-columns")


@pytest.mark.usefixtures("data")
def test_states_are_merged_and_subtracted(tmp_path):
    for name, files in {"a": "data/00[0-3].csv", "b": "data/00[4-8].csv"}.items():
        told(tmp_path, "moments", "make", files, "-t", "y", "--exact", "-o", f"{name}.safetensors")
    both = told(tmp_path, "moments", "merge", "a.safetensors", "b.safetensors", "-o", "both.safetensors")
    assert both["rows"] == 90
    left = told(
        tmp_path, "moments", "subtract", "both.safetensors", "b.safetensors", "-o", "left.safetensors"
    )
    assert (left["rows_before"], left["rows"]) == (90, 40)
    assert left["digits"] == pytest.approx(left["digits_before"])
    states = [gradline.Moments.load(tmp_path / f"{name}.safetensors") for name in ("left", "a")]
    for name in ("factor", "products_digits", "mean", "mean_low"):  # ranges stay those of all rows
        np.testing.assert_array_equal(states[0].tensors()[name], states[1].tensors()[name])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["moments", "merge", "a.safetensors", "a.safetensors", "-o", "b.safetensors"], "rows-twice"),
        (
            ["moments", "subtract", "a.safetensors", "c.safetensors", "-o", "b.safetensors"],
            "rows-not-contained",
        ),
        (["moments", "make", "data", "-t", "y"], "state-not-kept"),
        (
            ["moments", "make", "data", "-t", "y", "-o", "b.safetensors", "--shard", "1/2"],
            "shard-without-ledger",
        ),
        (["moments", "make", "data", "-t", "y", "--states", "l", "--shard", "half"], "shard-invalid"),
        (["moments", "merge", "a.safetensors"], "output-not-named"),
        (["moments", "merge", "-o", "b.safetensors"], "no-states-named"),
        (["moments", "forget", "data"], "no-files-named"),
        (["moments", "show", "a.safetensors", "--log"], "log-of-no-ledger"),
        (["moments", "show", "data"], "no-ledger"),
        (["moments", "make", "data", "-t", "y", "--states", "l", "--engine", "rey"], "engine-unknown"),
        (["plan", "data"], "no-target"),
    ],
)
def test_what_commands_refuse(tmp_path, data, words, code):
    for name, files in {"a": "00[0-3].csv", "c": "00[4-8].csv"}.items():
        states = gradline.States(tmp_path / name)
        states.update(f"{data}/{files}", "y")
        states.total().save(tmp_path / f"{name}.safetensors")
    done = command(*words, "--json", folder=tmp_path)
    assert done.code in (1, 2)
    expect_refusal(done.err, code)
    assert not (tmp_path / "b.safetensors").exists()


def test_a_plan_of_parquet_knows_rows_and_columns(tmp_path):
    frame = table(1000).with_columns(pl.lit("words that no fit uses").alias("note"))
    (tmp_path / "data").mkdir()
    for i in range(4):
        frame[: 250 * (i + 1)].write_parquet(tmp_path / f"data/{i}.parquet", row_group_size=100)
    asked = {"features": ["x", "z"], "exact": True}
    made = gradline.plan(str(tmp_path / "data"), "y", rate=1000, **asked)
    assert (made.files, made.new, made.rows, made.is_estimate) == (4, 4, 2500, False)
    assert 2500 * 8 < made.used < made.bytes  # x and y are random, z has few values
    assert made.seconds == made.used / 1000
    states = gradline.States(tmp_path / "ledger")
    states.update(str(tmp_path / "data"), "y", **asked)
    (part,) = {
        (tmp_path / "ledger/parts" / name).stat().st_size // 1000 for name in states.store.names("parts")
    }
    assert abs(made.state // 1000 - part) <= 1
    write(frame[:10], tmp_path / "data/1.parquet")
    write(frame[:20], tmp_path / "data/9.parquet")
    (tmp_path / "data/0.parquet").unlink()
    made = gradline.plan(str(tmp_path / "data"), states=states)
    assert (made.files, made.new, made.changed, made.known, made.gone) == (4, 1, 1, 2, 1)
    assert made.rows == 30
    lines = str(made).splitlines()
    assert lines[0] == "Files: 4 (1 new, 1 changed, 2 known, 1 gone)."
    assert lines[2] == "Pass 1: sums over the rows."


def test_a_plan_of_text_estimates_rows(tmp_path, data):
    made = gradline.plan(data, "y")
    assert made.is_estimate
    assert made.rows == pytest.approx(90, rel=0.1)
    assert made.passes == ("the levels of town", "sums over the rows")
    assert gradline.plan(data, "y", states=tmp_path / "ledger").passes == (
        "sums over the rows and the levels of town",
    )
    assert gradline.plan(data, formula="y ~ bs(x)").passes[0] == "what the formula learns from all rows"
    assert not (tmp_path / "ledger").exists()


def test_footers_are_those_that_arrow_reads(tmp_path):
    import pyarrow.parquet as arrow

    frame = table(500).with_columns(pl.struct("x", "z").alias("both"))
    for groups in (50, 500):
        path = tmp_path / "a.parquet"
        frame.write_parquet(path, row_group_size=groups)
        ours, theirs = read_footer(path), arrow.ParquetFile(path).metadata
        assert ours is not None
        assert ours.rows == theirs.num_rows
        assert len(ours.groups) == theirs.num_row_groups
        for i, group in enumerate(ours.groups):
            found = theirs.row_group(i)
            sizes = {}
            for j in range(found.num_columns):
                chunk = found.column(j)
                name = chunk.path_in_schema.split(".")[0]
                sizes[name] = sizes.get(name, 0) + chunk.total_compressed_size
            assert (group.rows, group.sizes) == (found.num_rows, sizes)
    content = path.read_bytes()
    for wrong in (content[:-1], content[:-4], b"", b"PAR1", content[:-40] + b"\xff" * 32 + content[-8:]):
        path.write_bytes(wrong)
        assert read_footer(path) is None


WORKER = """
import gradline
from gradline.engines.threads import Threads
receipt = gradline.States("ledger").update("data", "y", engine=Threads(1))
print(receipt.read, receipt.found)
"""


def start(folder):
    words = [sys.executable, "-c", WORKER]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_that_know_nothing_of_each_other_and_are_killed(tmp_path):
    """Two at once, one of them killed without a word: the others read little twice, and the total is the same."""
    split(table(1200), 150, tmp_path / "data", "csv")
    parts = tmp_path / "ledger/parts"
    killed, other = start(tmp_path), start(tmp_path)
    deadline = time.monotonic() + 60
    while (len(os.listdir(parts)) if parts.is_dir() else 0) < 40 and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (parts / ".dead.part").write_bytes(b"half of one")  # as a kill between writing and renaming leaves it
    last = start(tmp_path)
    counts = [[int(word) for word in one.communicate(timeout=60)[0].split()] for one in (other, last)]
    assert sum(counts[0]) == 150
    states = gradline.States(tmp_path / "ledger")
    assert sum(entry.rows for entry in states.files.values()) == 1200
    assert states.update(str(tmp_path / "data")).read == 0
    alone = gradline.States(tmp_path / "alone")
    alone.update(str(tmp_path / "data"), "y")
    assert saved(states.total(), tmp_path) == saved(alone.total(), tmp_path)
    assert [told["number"] for told in states.receipts] == [1]


def test_a_kill_at_any_write_leaves_a_ledger_that_goes_on(tmp_path, monkeypatch):
    """Each write in turn is the last: nothing is half there, and the next run ends as if nothing had happened."""
    data = split(table(60), 3, tmp_path / "data", "csv")
    whole = gradline.States(tmp_path / "whole")
    whole.update(data, "y")
    put = type(whole.store).put

    class KilledError(BaseException):
        pass

    for last in range(5):
        folder, writes = tmp_path / f"ledger{last}", []

        def put_or_die(store, name, content, writes=writes, last=last):
            if len(writes) == last:
                raise KilledError
            writes.append(name)
            return put(store, name, content)

        monkeypatch.setattr(type(whole.store), "put", put_or_die)
        with pytest.raises(KilledError):
            gradline.States(folder).update(data, "y", engine=Threads(1))
        monkeypatch.setattr(type(whole.store), "put", put)
        receipt = gradline.States(folder).update(data, "y")
        assert receipt.read == 3 - sum(name.startswith("parts") for name in writes)
        assert saved(gradline.States(folder).total(), tmp_path) == saved(whole.total(), tmp_path)
