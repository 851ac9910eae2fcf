"""Tables of Delta Lake and Iceberg: whatever was done to them, the rows that their own readers find."""

import json
import random

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.types import DoubleType
from refusals import refused
from small_table import ROWS, cells

import gradline
from gradline.data.schema import Kind
from gradline.data.tables import open_table


def expect_the_same(data, expected):
    """gradline finds these rows, in whatever order the files come."""
    expected = pl.DataFrame(expected)
    numbers = expected.with_columns(pl.col(pl.Int64).cast(pl.Float64))
    if not expected.height:
        assert open_table(data).height == 0
        return
    assert_frame_equal(cells(data, expected.columns), numbers, check_row_order=False)
    assert open_table(data).height == expected.height


def new_rows(draw, columns):
    """Some rows of these columns."""
    count = draw.randint(1, 9)
    made = {
        "x": [draw.randint(0, 9) / 2 for _ in range(count)],
        "w": [draw.choice("abc") for _ in range(count)],
    }
    made |= {name: [draw.random() for _ in range(count)] for name in columns if name not in made}
    return pl.DataFrame(made).select(columns)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_a_delta_table(seed, tmp_path):
    draw, path, columns = random.Random(seed), str(tmp_path / "t"), ["x", "w", "y"]
    write_deltalake(path, ROWS, partition_by=["w"] if seed % 2 else None)
    for _ in range(8):
        table = DeltaTable(path)
        match draw.choice(
            [
                "append",
                "append",
                "overwrite",
                "delete",
                "update",
                "compact",
                "check",
                "widen",
                "clean",
                "back",
            ]
        ):
            case "append":
                write_deltalake(path, new_rows(draw, columns), mode="append")
            case "overwrite":
                write_deltalake(path, new_rows(draw, columns), mode="overwrite")
            case "delete":
                table.delete(f"x < {draw.randint(0, 4)} and w = 'a'")
            case "update":
                table.update({"y": "y + 1"}, predicate="x > 2")
            case "compact":
                table.optimize.compact()
            case "check":
                table.create_checkpoint()
            case "widen":
                columns.append(f"z{len(columns)}")
                write_deltalake(path, new_rows(draw, columns), mode="append", schema_mode="merge")
            case "clean":
                table.vacuum(0, dry_run=False, enforce_retention_duration=False)
            case "back" if table.version():  # to what the table was, where its files are still there
                if all((tmp_path / "t" / name).exists() for name in DeltaTable(path, version=0).file_uris()):
                    table.restore(0)
                    columns = ["x", "w", "y"]
        expect_the_same(path, pa.table(DeltaTable(path).to_pyarrow_table()))


@pytest.mark.filterwarnings("ignore")  # pyiceberg's, of what it will drop
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_to_an_iceberg_table(seed, tmp_path):
    draw, columns = random.Random(seed), ["x", "w", "y"]
    catalog = InMemoryCatalog("c", warehouse=tmp_path.as_uri())
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=ROWS.to_arrow().schema)
    if seed % 2:
        with table.update_spec() as spec:
            spec.add_identity("w")
    table.append(ROWS.to_arrow())
    for _ in range(7):
        match draw.choice(["append", "append", "overwrite", "delete", "rename", "widen", "drop"]):
            case "append":
                table.append(new_rows(draw, columns).to_arrow().cast(table.schema().as_arrow()))
            case "overwrite":
                table.overwrite(new_rows(draw, columns).to_arrow().cast(table.schema().as_arrow()))
            case "delete":
                table.delete(f"x < {draw.randint(0, 4)} and w = 'a'")
            case "rename":
                with table.update_schema() as update:
                    update.rename_column(columns[-1], f"r{len(columns)}{columns[-1]}")
                columns[-1] = f"r{len(columns)}{columns[-1]}"
            case "widen":
                with table.update_schema() as update:
                    update.add_column(f"z{len(columns)}", DoubleType())
                columns.append(f"z{len(columns)}")
            case "drop" if len(columns) > 3:
                with table.update_schema() as update:
                    update.delete_column(columns.pop())
        expect_the_same(tmp_path / "n" / "t", table.scan().to_arrow())


def test_delta_is_read_as_its_log_says(tmp_path):
    path = str(tmp_path / "t")
    write_deltalake(path, ROWS)
    write_deltalake(path, ROWS.with_columns(y=ROWS["y"] * 10), mode="append")
    DeltaTable(path).delete("x = 2.5")
    DeltaTable(path).optimize.compact()
    expected = pl.DataFrame(pa.table(DeltaTable(path).to_pyarrow_table()))
    assert_frame_equal(cells(path), expected)
    assert expected.height == 10
    source = open_table(path)
    assert source.height == 10
    write_deltalake(path, ROWS, mode="overwrite")
    assert (
        source.height == sum(b.frame.height for b in source.batches({"x": Kind.NUMBER})) == 10
    )  # the version found
    assert_frame_equal(cells(path), ROWS)
    with refused("file-of-lake", "a Delta table"):
        cells(str(tmp_path / "t" / "*.parquet"))
    with refused("file-of-lake", "a Delta table"):
        cells(next((tmp_path / "t").glob("*.parquet")))


def test_rows_that_a_delta_table_marks_as_deleted_are_not_read(tmp_path):
    """A deletion vector by hand, as the Delta protocol describes it: row 1 of one file is gone."""
    ROWS.write_parquet(tmp_path / "p.parquet")
    log = tmp_path / "_delta_log"
    log.mkdir()
    kinds = {"x": "double", "w": "string", "y": "double"}
    columns = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in kinds.items()]
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    # Magic number, one bitmap, its key, then a portable Roaring bitmap of the one row 1, in Base85 (Z85).
    bitmap = bytes.fromhex("d1d339640100000000000000000000003a3000000100000000000000100000000100")
    vector = {
        "storageType": "i",
        "pathOrInlineDv": z85(bitmap + bytes(-len(bitmap) % 4)),
        "sizeInBytes": len(bitmap),
    }
    size = (tmp_path / "p.parquet").stat().st_size
    added = {
        "path": "p.parquet",
        "partitionValues": {},
        "size": size,
        "modificationTime": 1,
        "dataChange": True,
    }
    about = {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": columns}),
        "partitionColumns": [],
        "configuration": {"delta.enableDeletionVectors": "true"},
        "createdTime": 1,
    }
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {"metaData": about},
        {"add": {**added, "stats": '{"numRecords": 6}', "deletionVector": {**vector, "cardinality": 1}}},
    ]
    (log / "00000000000000000000.json").write_text("\n".join(map(json.dumps, actions)))
    assert_frame_equal(cells(tmp_path), ROWS.filter(pl.col("x") != 2.5))


def z85(data):
    """ZeroMQ's Base85 of bytes whose number four divides."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    text = ""
    for i in range(0, len(data), 4):
        value = int.from_bytes(data[i : i + 4], "big")
        text += "".join(letters[value // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return text


@pytest.mark.filterwarnings("ignore")  # pyiceberg's, of what it will drop
def test_iceberg_is_read_as_its_metadata_say(tmp_path):
    catalog = InMemoryCatalog("c", warehouse=tmp_path.as_uri())
    catalog.create_namespace("n")
    rows = ROWS.to_arrow()
    table = catalog.create_table("n.t", schema=rows.schema)
    table.append(rows)
    table.append(rows)
    table.delete("x = 2.5")
    folder = tmp_path / "n" / "t"
    expected = pl.DataFrame(table.scan().to_arrow())
    assert expected.height == 10
    assert_frame_equal(cells(folder), expected)
    model = gradline.fit(folder, targets="y")
    assert any(notice.code == "iceberg-version" for notice in model.notices)
    earlier = sorted((folder / "metadata").glob("00001*.metadata.json"))[0]
    assert cells(earlier).height == 6
    with refused("file-of-lake", "an Iceberg table"):
        cells(folder / "data")
    table.overwrite(rows)
    assert_frame_equal(cells(folder), pl.DataFrame(table.scan().to_arrow()))
    latest = sorted((folder / "metadata").glob("*.metadata.json"))[-1]
    latest.with_name(latest.name[:6] + "other.metadata.json").write_bytes(latest.read_bytes())
    with refused("lake-unreadable", "2 metadata files", "other.metadata.json"):
        cells(folder)
