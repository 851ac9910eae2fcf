"""Files of other programs that mean no good: nothing in them runs, fills the disk, or reads what lies beside them."""

import json
import random
import struct
import zipfile
from contextlib import closing

import duckdb
import polars as pl
import pytest
from containers import excel, zipped
from deltalake import write_deltalake
from fuzzing_files import FORMATS, ROWS, read, tried
from pyiceberg.catalog.memory import InMemoryCatalog
from refusals import refused

import gradline
from gradline.data import archive
from gradline.data.tables import open_table


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_at_random(kind, tmp_path):
    _, faults = tried(40, tmp_path, seed=19, kind=kind)
    assert not faults, "\n".join(text for text, _ in faults.values())


@pytest.mark.filterwarnings("ignore")  # pyiceberg's, of what it will drop
def test_the_properties_of_an_iceberg_table_run_nothing(tmp_path):
    """pyiceberg makes what `py-io-impl` names with all properties, whose names a command then takes for its words."""
    catalog = InMemoryCatalog("c", warehouse=tmp_path.as_uri())
    catalog.create_namespace("n")
    catalog.create_table("n.t", schema=ROWS.to_arrow().schema).append(ROWS.to_arrow())
    latest = sorted((tmp_path / "n/t/metadata").glob("*.metadata.json"))[-1]
    words = {"touch": "", str(tmp_path / "canary"): "", "py-io-impl": "subprocess.call"}
    latest.write_text(json.dumps(json.loads(latest.read_text()) | {"properties": words}))
    assert len(read(tmp_path / "n/t")["x"]) == ROWS.height
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "other",
    [
        "../secret.parquet",
        "a/../../secret.parquet",
        "{}/secret.parquet",
        "file://{}/secret.parquet",
        "%2E%2E/secret.parquet",
    ],
)
def test_the_log_of_a_delta_table_leads_nowhere_else(other, tmp_path):
    write_deltalake(tmp_path / "t", ROWS)
    ROWS.write_parquet(tmp_path / "secret.parquet")
    (log,) = (tmp_path / "t/_delta_log").glob("*.json")
    (file,) = (tmp_path / "t").glob("*.parquet")
    log.write_text(log.read_text().replace(file.name, other.format(tmp_path)))
    with pytest.raises(gradline.GradlineError):
        read(tmp_path / "t")


def test_a_view_of_a_database_reads_no_other_file(tmp_path):
    (tmp_path / "secret.csv").write_text("x,y\n1,2\n")
    with closing(duckdb.connect(str(tmp_path / "t.duckdb"))) as base:
        base.execute(f"CREATE VIEW t AS SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
    with refused("database-unreadable"):
        read(tmp_path / "t.duckdb")


def test_an_archive_writes_nowhere(tmp_path):
    text = b"x,y\n1,2\n3,4\n"
    for name in ("../x.csv", "/x.csv", "a/../../x.csv", "..\\x.csv", "C:x.csv"):
        before = {path.name for path in (*tmp_path.iterdir(), *tmp_path.parent.iterdir())}
        assert read(zipped(tmp_path / "t.zip", {name: text})) == {"x": [1, 3], "y": [2, 4]}
        after = {path.name for path in (*tmp_path.iterdir(), *tmp_path.parent.iterdir())}
        assert after - before <= {"t.zip"}


def test_an_archive_that_fills_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MODEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("t.csv", "x,y\n" + "1,2\n" * (1 << 20))
    with refused("archive-too-large", "200", "unpack it"):
        open_table(tmp_path / "t.zip")
    draw = random.Random(0)  # as much, of rows that differ
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("t.csv", "x,y\n" + "".join(f"{draw.random()},1\n" for _ in range(60_000)))
    assert open_table(tmp_path / "t.zip").names() == ["x", "y"]


@pytest.mark.parametrize("is_honest", [True, False])
def test_a_workbook_that_fills_the_memory_is_refused(is_honest, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MODEST", 1 << 20)
    excel(tmp_path / "t.xlsx", pl.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}))
    with zipfile.ZipFile(tmp_path / "t.xlsx") as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    row = b'<row r="9"><c r="A9"><v>1</v></c></row>'
    members[sheet] = members[sheet].replace(b"</sheetData>", row * 100_000 + b"</sheetData>")
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in [*(members.keys() - {sheet}), sheet]:
            packed.writestr(name, members[name])
    if not is_honest:  # the size in the archive's index, 24 bytes behind the mark of its last entry, is a lie
        content = bytearray((tmp_path / "t.xlsx").read_bytes())
        at = content.rfind(b"PK\x01\x02") + 24
        content[at : at + 4] = struct.pack("<I", 1000)
        (tmp_path / "t.xlsx").write_bytes(content)
    with refused("archive-too-large" if is_honest else "file-damaged", "t.xlsx"):
        open_table(tmp_path / "t.xlsx")
