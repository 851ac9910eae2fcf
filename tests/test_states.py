"""Ledgers: what is read once is not read again, whoever read it, and the total is that of all rows at once."""

import hashlib
import json
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused
from test_reduce import Chaos

import gradline
from gradline.core.errors import GradlineWarning
from gradline.engines.threads import Threads
from gradline.states import units
from gradline.states.store import Folder
from gradline.states.tree import Node

TOWNS = ["Ålesund", "Bonn", "Bonn", "Celle", "Ulm", "Ulm", "Ulm"]


def table(rows, seed=0, towns=TOWNS):
    """Numbers far from zero, a category, weights, and a target that follows them but for noise."""
    drawn = np.random.default_rng(seed)
    x, z = drawn.normal(1e3, 1, rows), np.round(drawn.normal(size=rows), 2)
    town = drawn.choice(towns, rows)
    y = x - 2 * z + np.char.str_len(town) + drawn.normal(size=rows)
    return pl.DataFrame({"x": x, "z": z, "town": town, "w": drawn.integers(1, 4, rows) * 1.0, "y": y})


def split(frame, count, folder, ending, seed=None):
    """The rows in so many files, in another order where a seed draws one."""
    folder.mkdir()
    order = np.arange(frame.height)
    if seed is not None:
        np.random.default_rng(seed).shuffle(order)
    for i, part in enumerate(np.array_split(order, count)):
        write(frame[part], folder / f"{i:03d}.{ending}")
    return str(folder)


def write(frame, path):
    getattr(frame, "write_csv" if path.suffix == ".csv" else "write_parquet")(path)


def saved(moments, folder):
    """The bytes of a state's file, but for the files that it is of."""
    path = folder / "state.safetensors"
    gradline.Moments(
        moments.design, moments.statistics, moments.source, moments.error, moments.products
    ).save(path)
    return path.read_bytes()


def ledger(folder, data, targets: str | None = "y", **options):
    states = gradline.States(folder)
    states.update(data, targets, **options)
    return states


def test_the_same_rows_in_any_files_are_one_state(tmp_path):
    """1, 7 and 60 files, shuffled, CSV and Parquet, with exact products: to the bit that of all rows at once."""
    frame = table(240)
    whole = saved(gradline.Moments.of(frame, "y", weights="w", extended=True), tmp_path)
    for i, (count, ending, seed) in enumerate([(1, "csv", None), (7, "parquet", 1), (60, "csv", 2)]):
        data = split(frame, count, tmp_path / str(i), ending, seed)
        total = ledger(tmp_path / f"ledger{i}", data, weights="w", exact=True).total()
        assert saved(total, tmp_path) == whole


@pytest.mark.parametrize(
    "choice", [{}, {"weights": "w"}, {"features": ["x", "z"]}, {"base": {"town": "Ulm"}}]
)
def test_sums_of_float64_agree_to_what_they_claim(tmp_path, choice):
    frame = table(500, 3)
    data = split(frame, 5, tmp_path / "data", "parquet")
    total = ledger(tmp_path / "ledger", data, **choice).total()
    whole = gradline.Moments.of(frame, "y", **choice)
    assert total.design == whole.design
    assert total.statistics.mark == whole.statistics.mark
    scale = np.linalg.norm(whole.factor, axis=0)
    assert (np.abs(total.factor - whole.factor).max(axis=0) <= (total.error + whole.error) * scale).all()
    np.testing.assert_array_equal(total.statistics.minimum, whole.statistics.minimum)
    np.testing.assert_array_equal(total.statistics.maximum, whole.statistics.maximum)


TINY = st.lists(st.integers(1, 5), min_size=1, max_size=40)


@given(TINY, st.integers(0, 10**6), st.integers(1, 8))
@settings(max_examples=6, deadline=None)
def test_no_worker_decides_a_bit_of_the_total(rows, seed, workers):
    """Engines that shuffle, kill, deliver twice and late; without exact products, where the order would tell."""
    with tempfile.TemporaryDirectory() as name:
        folder, digests = Path(name), set()
        (folder / "data").mkdir()
        frame = table(sum(rows) + 8, seed)
        for i, part in enumerate(np.split(np.arange(frame.height), np.cumsum([8, *rows])[:-1])):
            write(frame[part], folder / f"data/{i:02d}.csv")
        for kind, engine in {"threads": Threads(workers), "chaos": Chaos(seed, workers)}.items():
            states = ledger(folder / kind, str(folder / "data"), features=["x", "z"], engine=engine)
            digests.add(saved(states.total(), folder))
        assert len(digests) == 1


def test_only_what_is_new_or_changed_is_read(tmp_path):
    frame = table(400)
    data = split(frame, 40, tmp_path / "data", "csv")
    states = gradline.States(tmp_path / "ledger")
    first = states.update(data, "y")
    assert (first.number, first.read, first.rows, len(first.added)) == (1, 40, 400, 40)
    again = states.update(data)
    assert (again.number, again.read, again.found) == (0, 0, 0)
    write(table(12, 9), tmp_path / "data/007.csv")
    changed = states.update(data, "y")
    assert (changed.read, changed.rows, changed.rows_before) == (1, 402, 400)
    assert changed.changed == (str(tmp_path / "data/007.csv"),)
    write(table(5, 10), tmp_path / "data/new.csv")
    (tmp_path / "data/000.csv").unlink()
    came = states.update(data)
    assert (came.read, came.rows) == (1, 407)
    assert came.gone == (str(tmp_path / "data/000.csv"),)  # it stays until somebody forgets it
    assert [told["number"] for told in states.receipts] == [1, 2, 3]
    fresh = gradline.States(tmp_path / "fresh")
    fresh.update([path for path in states.files if os.path.exists(path)], "y")
    assert states.forget(came.gone[0]).rows == 397
    assert states.total().statistics.mark == fresh.total().statistics.mark
    assert {*states.store.names("parts")} == {*fresh.store.names("parts")}


def test_what_killed_processes_left_goes_after_a_day(tmp_path):
    data = split(table(30), 3, tmp_path / "data", "csv")
    states = ledger(tmp_path / "ledger", data)
    for name, age in {".young.part": 60, ".old.part": 100_000}.items():
        (tmp_path / "ledger/parts" / name).write_bytes(b"half")
        then = time.time() - age
        os.utime(tmp_path / "ledger/parts" / name, (then, then))
    states.update(data)
    assert [name for name in os.listdir(tmp_path / "ledger/parts") if name.startswith(".")] == [".young.part"]


def test_added_and_forgotten_is_before_to_the_bit(tmp_path):
    data = split(table(300), 70, tmp_path / "data", "csv")
    states = ledger(tmp_path / "ledger", data)
    before = saved(states.total(), tmp_path), states.files
    write(table(20, 4, [*TOWNS, "Xanten"]), tmp_path / "more.csv")
    receipt = states.update(str(tmp_path / "more.csv"))
    assert "town=Xanten" in states.total().features
    gone = states.forget(tmp_path / "more.csv")
    assert (gone.rows, gone.fingerprint) == (receipt.rows_before, receipt.fingerprint_before)
    assert (saved(states.total(), tmp_path), states.files) == before
    keys = sorted(part.key for entry in states.files.values() for part in entry.parts)
    assert {*states.store.names("nodes")} == {*Node(keys).large()}  # none of them holds what was forgotten


def test_one_key_more_makes_the_nodes_above_it_anew():
    keys = sorted(hashlib.sha256(bytes([i % 256, i // 256])).hexdigest() for i in range(3000))

    def inner(node):
        return (
            {node.name: node.count}
            if not node.children
            else {node.name: node.count, **inner(node.children[0]), **inner(node.children[1])}
        )

    whole = Node(keys)
    for key in (keys[0], keys[1500], keys[-1]):
        less = Node([one for one in keys if one != key])
        made = inner(whole).keys() - inner(less).keys()
        assert len(made) <= 2 * np.log2(len(keys))
    loaded, made = [], []
    value = whole.value(
        lambda key: [key], lambda a, b: a + b, lambda _: None, lambda name, _: made.append(name)
    )
    assert value == keys
    assert sorted(made) == sorted(whole.large())
    whole.value(
        loaded.append, lambda *_: None, lambda name: name if name != whole.name else None, lambda *_: None
    )
    assert loaded == []  # both halves are kept


def test_what_is_put_first_stays(tmp_path):
    """Also where a file system knows no links."""
    store = Folder(tmp_path)
    assert store.put("parts/a", b"first")
    assert not store.put("parts/a", b"second")
    assert store.get("parts/a") == b"first"
    assert os.listdir(tmp_path / "parts") == ["a"]


def test_what_is_put_first_stays_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    test_what_is_put_first_stays(tmp_path)


def test_the_same_size_and_time_with_other_bytes_is_caught(tmp_path):
    frame = table(30)
    for ending in ("csv", "parquet"):
        path = tmp_path / f"a.{ending}"
        write(frame, path)
        states = ledger(tmp_path / ending, str(path), features=["x", "z"])
        old = path.stat()
        write(frame.with_columns(z=-pl.col("z")) if ending == "parquet" else frame[::-1], path)
        content = path.read_bytes()[: old.st_size].ljust(old.st_size, b"\n")
        if ending == "csv":
            path.write_bytes(content)
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
        assert path.stat().st_mtime_ns == old.st_mtime_ns
        assert states.update(str(path)).read == 1


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    write(table(30), tmp_path / "a.csv")
    states = gradline.States(tmp_path / "ledger")
    reading = units.Unit.source

    def changing(unit, read):
        found = reading(unit, read)
        write(table(31), tmp_path / "a.csv")
        return found

    monkeypatch.setattr(units.Unit, "source", changing)
    with refused("file-changed", "a.csv"):
        states.update(str(tmp_path / "a.csv"), "y")
    assert states.files == {}
    assert states.store.names("parts") == []


def test_levels_meet_where_parts_are_merged(tmp_path):
    """Files that have other levels each: the total is that of all rows, and says that no one design read them."""
    folder = tmp_path / "data"
    folder.mkdir()
    frames = [table(40, i, towns) for i, towns in enumerate([["Ulm", "Bonn"], ["Celle"], ["Aachen", "Ulm"]])]
    for i in range(20):  # beyond those that the recipe looks at
        write(frames[0], folder / f"0{i:02d}.csv")
    for i, frame in enumerate(frames):
        write(frame, folder / f"{i + 1}.csv")
    states = gradline.States(tmp_path / "ledger")
    states.update([str(folder / "000.csv")], "y", exact=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradlineWarning)
        receipt = states.update(str(folder))
    rows = pl.concat([frames[0]] * 20 + frames)
    whole, total = gradline.Moments.of(rows, "y", extended=True), states.total()
    assert total.design == whole.design
    for name, tensor in whole.tensors().items():
        np.testing.assert_array_equal(total.tensors()[name], tensor)
    assert total.statistics.mark is receipt.fingerprint is None
    model = gradline.fit(states)
    outcome = gradline.verify(model, rows)
    assert outcome
    assert any("fingerprint" in said for said in outcome.unchecked)
    assert any("Aachen" in notice.text for notice in model.notices)


def test_columns_that_no_file_alone_tells_are_left_out(tmp_path):
    """A constant, and a text of many levels, of which each file has few."""
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(30):
        names = [f"n{3 * i + j % 3}" for j in range(10)]
        frame = table(10, i, ["Ulm"]).with_columns(name=pl.Series(names))
        write(frame, folder / f"{i:02d}.csv")
    total, notices = ledger(tmp_path / "ledger", str(folder)).settled()
    assert total.features == ("x", "z", "w")
    assert {notice.about for notice in notices} == {"town", "name"}


def test_folders_of_values_are_columns(tmp_path):
    frame = table(60)
    for year in (2023, 2024):
        (tmp_path / f"data/year={year}").mkdir(parents=True)
        write(frame[: 30 if year == 2023 else 60], tmp_path / f"data/year={year}/a.parquet")
    total = ledger(tmp_path / "ledger", str(tmp_path / "data"), exact=True).total()
    whole = gradline.Moments.of(str(tmp_path / "data"), "y", extended=True)
    assert saved(total, tmp_path) == saved(whole, tmp_path)


def test_missing_cells_are_counted_or_refused_and_read_files_are_kept(tmp_path):
    data = split(table(50), 5, tmp_path / "data", "csv")
    path = tmp_path / "data/004.csv"
    path.write_text(path.read_text().replace("Ulm", "", 1))
    states = gradline.States(tmp_path / "ledger")
    with refused("missing-cells", "town 1"):
        states.update(data, "y", engine=Threads(1))
    assert len(states.store.names("parts")) == 4
    other = tmp_path / "data/001.csv"
    other.write_text(other.read_text().replace("Ulm", "", 1))
    with refused("files-unfit", "2 of the 5 files", "001.csv", "004.csv"):
        states.update(data)
    for one in (other, path):
        write(table(10), one)
    assert (states.update(data).read, states.update(data).read) == (2, 0)
    path.write_text(path.read_text().replace("Ulm", "", 1))
    dropping = ledger(tmp_path / "dropping", data, missing="drop").total()
    assert dropping.statistics.dropped == 1
    assert dict(dropping.statistics.missing) == {"town": 1}


def test_a_formula_is_settled_by_the_first_files(tmp_path):
    data = split(table(90), 3, tmp_path / "data", "parquet")
    formula = "log(y) ~ bs(x, df=5) + town * z"
    total = ledger(tmp_path / "ledger", data, None, formula=formula, exact=True).total()
    assert saved(total, tmp_path) == saved(
        gradline.Moments.of(data, formula=formula, extended=True), tmp_path
    )


def test_states_know_their_files(tmp_path):
    data = split(table(80), 4, tmp_path / "data", "csv")
    whole = ledger(tmp_path / "whole", data, exact=True).total()
    part = ledger(tmp_path / "part", f"{data}/00[01].csv", exact=True).total()
    with refused("rows-twice", "000.csv", "001.csv"):
        _ = whole + part
    part.save(tmp_path / "part.safetensors")
    part = gradline.Moments.load(tmp_path / "part.safetensors")
    # Keys are those of one recipe: the two ledgers share it, and so do their states.
    rest = whole - part
    assert {*rest.units.values()} == {f"{data}/002.csv", f"{data}/003.csv"}
    with refused("rows-not-contained", "000.csv"):
        _ = rest - part
    assert saved(rest + part, tmp_path) == saved(whole, tmp_path)
    elsewhere = gradline.Moments.of(table(5, 8), "y", design=whole.design, extended=True)
    with refused("rows-twice"):
        _ = (whole + elsewhere) + part
    assert ((whole + elsewhere) - elsewhere).rows == 80


def test_links_and_copies_are_named(tmp_path):
    write(table(30), tmp_path / "a.csv")
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    (tmp_path / "c.csv").symlink_to(tmp_path / "a.csv")
    write(table(30, 1), tmp_path / "d.csv")
    receipt = gradline.States(tmp_path / "ledger").update(str(tmp_path / "?.csv"), "y")
    (told,) = [notice.text for notice in receipt.notices if notice.code == "file-twice"]
    assert "b.csv holds the same rows as" in told
    assert "c.csv is a link to" in told
    assert "d.csv" not in told


def test_shares_of_machines_are_entered_together(tmp_path):
    data = split(table(90), 30, tmp_path / "data", "csv")
    states = gradline.States(tmp_path / "ledger")
    read = [states.update(data, "y", shard=(i, 3)).read for i in (1, 2, 3)]
    assert sum(read) == 30
    assert max(read) < 30
    assert states.files == {}
    whole = states.update(data)
    assert (whole.read, whole.found, whole.rows) == (0, 30, 90)
    for shard in ((0, 3), (4, 3)):
        with refused("shard-invalid"):
            states.update(data, shard=shard)


def test_folds_are_files(tmp_path):
    data = split(table(120), 12, tmp_path / "data", "csv")
    states = ledger(tmp_path / "ledger", data, exact=True)
    folds = states.folds(4)
    assert [own.rows for _, own in folds] == [30] * 4
    for others, own in folds:
        assert saved(others + own, tmp_path) == saved(states.total(), tmp_path)
    with refused("fold-without-rows", "12"):
        states.folds(13)
    with refused("folds-invalid"):
        states.folds(1)


def test_large_files_are_cut_at_their_row_groups(tmp_path, monkeypatch):
    frame = table(1000)
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=100)
    monkeypatch.setattr(units, "_BYTES", (tmp_path / "a.parquet").stat().st_size // 4)
    states = gradline.States(tmp_path / "ledger")
    receipt = states.update(str(tmp_path / "a.parquet"), "y", exact=True)
    assert receipt.read > 3
    assert saved(states.total(), tmp_path) == saved(gradline.Moments.of(frame, "y", extended=True), tmp_path)


def test_what_a_ledger_refuses(tmp_path):
    write(table(30), tmp_path / "a.csv")
    path, states = str(tmp_path / "a.csv"), gradline.States(tmp_path / "ledger")
    with refused("ledger-empty"):
        states.total()
    with refused("no-target"):
        states.update(path)
    with refused("weights-beside-files"):
        states.update(path, "y", weights=np.ones(30))
    for data in (table(3), [], "sqlite:///x.db", "-"):
        with refused("data-not-files"):
            states.update(data, "y")
    states.update(path, "y")
    with refused("ledger-of-other-request", "targets"):
        states.update(path, "z")
    with refused("ledger-of-other-request", "exact"):
        states.update(path, exact=True)
    with refused("ledger-of-other-request", "missing"):
        states.update(path, missing="drop")
    with refused("file-not-in-ledger", "a.csv"):
        states.forget(tmp_path / "b.csv")
    (part,) = states.store.names("parts")
    content = bytearray((tmp_path / "ledger/parts" / part).read_bytes())
    content[-9] ^= 1
    (tmp_path / "ledger/parts" / part).write_bytes(content)
    with refused("model-file-damaged", part):
        states.total()
    states.store.remove(f"parts/{part}")
    with refused("part-missing", part):
        states.total()
    assert states.update(path).read == 1
    assert states.total().rows == 30
    (tmp_path / "ledger/recipe.json").rename(tmp_path / "kept.json")
    (tmp_path / "ledger/recipe.json").mkdir()
    with refused("ledger-unreadable", "recipe.json"):
        states.total()
    (tmp_path / "ledger/recipe.json").rmdir()
    (tmp_path / "kept.json").rename(tmp_path / "ledger/recipe.json")
    with refused("ledger-unwritable"):
        gradline.States(tmp_path / "a.csv").update(path, "y")
    for name in ("recipe.json", "receipts/00000001.json"):
        text = Path(tmp_path / "ledger" / name).read_text()
        (tmp_path / "ledger" / name).write_text(text[:-1])
        with refused("model-file-damaged", name):
            gradline.States(tmp_path / "ledger").total()
        (tmp_path / "ledger" / name).write_text(text)


def test_nearly_collinear_columns_need_exact_products(tmp_path):
    frame = table(100).with_columns(twin=pl.col("x") * (1 + 1e-12 * pl.col("z")))
    write(frame, tmp_path / "a.parquet")
    states = ledger(tmp_path / "plain", str(tmp_path / "a.parquet"))
    with refused("sums-too-rounded", "exact"):
        states.total()
    exact = ledger(tmp_path / "exact", str(tmp_path / "a.parquet"), exact=True).total()
    assert gradline.fit(exact).certificate.status == "certified"


def test_receipts_are_told_in_words(tmp_path):
    write(table(30), tmp_path / "a.csv")
    states = gradline.States(tmp_path / "ledger")
    first = states.update(str(tmp_path / "a.csv"), "y")
    assert str(first).startswith("1 file added: 1 unit read, 30 rows now (0 before).")
    assert json.loads(json.dumps(first.to_dict()))["fingerprint"] == states.total().statistics.mark
    assert str(states.update(str(tmp_path / "a.csv"))).startswith("Nothing is new: 0 units read")
    assert str(states.forget(tmp_path)).startswith("1 file taken away")
    assert repr(states) == f"States('{tmp_path / 'ledger'}')"
