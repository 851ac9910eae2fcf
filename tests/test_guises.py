"""One table in every guise that gradline reads: one model, bit for bit, and one fingerprint."""

import io
import subprocess
from datetime import date, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from containers import excel, in_duckdb, in_sqlite, open_document, zipped
from databases import postgres_server

import gradline


def table():
    """Numbers, a category, a Boolean, dates and missing cells, of which the last digits differ."""
    random = np.random.default_rng(7)
    rows = 200
    area, rooms = random.normal(120, 30, rows).round(6), random.integers(1, 8, rows)
    town = random.choice(["Ulm", "Ås", "Bern, old", 'say "so"'], rows)
    new = random.random(rows) < 0.3
    price = 3.1 * area + 7 * rooms + np.where(town == "Ulm", 11.0, 0) + 5 * new + random.normal(0, 9, rows)
    frame = pl.DataFrame(
        {
            "area": area,
            "rooms": rooms,
            "town": town,
            "new": new,
            "sold": [date(2024, 1, 1) + timedelta(int(day)) for day in random.integers(0, 300, rows)],
            "price": price.round(6),  # 16 digits, as many as a writer of workbooks keeps
        }
    )
    holes = {name: random.random(rows) < 0.03 for name in ("area", "rooms", "town", "new", "price")}
    return frame.with_columns(
        pl.when(pl.Series(hole)).then(None).otherwise(pl.col(name)).alias(name)
        for name, hole in holes.items()
    )


TABLE = table()


def written(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def save(path, content):
    path.write_bytes(content)
    return path


TEXT = written(TABLE.write_csv)
# One row enrols a guise: how to make it in a folder.
GUISES = {
    "CSV": lambda d: save(d / "t.csv", TEXT),
    "semicolons": lambda d: save(d / "t.csv", written(lambda f: TABLE.write_csv(f, separator=";"))),
    "semicolons and decimal commas": lambda d: save(
        d / "t.csv", written(lambda f: TABLE.write_csv(f, separator=";", decimal_comma=True))
    ),
    "zip": lambda d: zipped(d / "t.zip", {"t.csv": TEXT}),
    "Excel": lambda d: excel(d / "t.xlsx", TABLE),
    "OpenDocument": lambda d: open_document(d / "t.ods", TABLE),
    "JSON array": lambda d: save(d / "t.json", written(TABLE.write_json)),
    "NDJSON": lambda d: save(d / "t.ndjson", written(TABLE.write_ndjson)),
    "Parquet": lambda d: save(d / "t.parquet", written(TABLE.write_parquet)),
    "Parquet, a folder of values": lambda d: folders(d),
    "Arrow": lambda d: save(d / "t.arrow", written(TABLE.write_ipc)),
    "Arrow stream in a file": lambda d: save(d / "t.arrow", written(TABLE.write_ipc_stream)),
    "Arrow stream": lambda _: TABLE.to_arrow().to_reader(max_chunksize=17),
    "pandas": lambda _: TABLE.to_pandas(),
    "pandas nullable": lambda _: TABLE.to_pandas().convert_dtypes(),
    "Parquet of pyarrow, words as dictionaries": lambda d: dictionaries(d / "t.parquet"),
    "polars": lambda _: TABLE,
    "polars lazy": lambda _: TABLE.lazy(),
    "pyarrow": lambda _: TABLE.to_arrow(),
    "SQLite": lambda d: gradline.Table(f"sqlite:///{in_sqlite(d / 't.db', TABLE)}", table="t"),
    "DuckDB": lambda d: gradline.Table(
        in_duckdb(d / "t.duckdb", TABLE), query="SELECT * EXCLUDE (place) FROM t ORDER BY place"
    ),
}


def dictionaries(path):
    """As pyarrow and pandas write categories: each row group has the words that it needs, in the order they come."""
    words = TABLE["town"].to_arrow().cast(pa.string()).dictionary_encode()
    table = TABLE.to_arrow()
    at = table.schema.get_field_index("town")
    parquet.write_table(table.set_column(at, "town", words), path, row_group_size=41)
    return path


def folders(folder):
    """The rows in two files, in their order."""
    for half, rows in enumerate((TABLE[:90], TABLE[90:])):
        (folder / f"half={half}").mkdir()
        rows.write_parquet(folder / f"half={half}" / "part.parquet")
    return folder


def fitted(data):
    """The bits of the model, and what its file says of the rows."""
    features = ["area", "rooms", "town", "new"]
    model = gradline.fit(data, targets="price", features=features, missing="drop")
    moments = {name: tensor.tobytes() for name, tensor in model.moments.tensors().items()}
    return model.features, model.weight.tobytes(), model.bias.tobytes(), moments, model.moments.to_dict()


@pytest.fixture(scope="module")
def expected():
    return fitted(TABLE)


@pytest.mark.parametrize("make", GUISES.values(), ids=GUISES)
def test_one_table_is_one_model(make, expected, tmp_path):
    assert fitted(make(tmp_path)) == expected


@pytest.mark.needs("postgres")
def test_one_table_is_one_model_from_postgresql(expected):
    """With a category that is declared, decimals in place of whole numbers, and a server that dies."""
    with postgres_server() as (url, client):
        declared = "area float8, rooms numeric, town text, new boolean, sold date, price float8"
        script = f"CREATE TABLE t ({declared});\nCOPY t FROM STDIN WITH (FORMAT csv, HEADER);\n".encode()
        subprocess.run([*map(str, client)], input=script + TEXT + b"\\.\n", check=True, capture_output=True)
        assert fitted(gradline.Table(url, table="t")) == expected
        assert fitted(url) == expected  # the only table
        assert fitted(gradline.Table(url, query="SELECT * FROM t")) == expected
        for query in ("CREATE TABLE u (a int)", "DELETE FROM t", "SELECT 1; SELECT 2"):
            with pytest.raises(gradline.GradlineError, match="cannot be read"):
                fitted(gradline.Table(url, query=query))
        odd = "SELECT *, ARRAY[1, 2] AS list, '{}'::json AS note, 'NaN'::numeric AS n FROM t"
        assert (
            fitted(gradline.Table(url, query=odd)) == expected
        )  # columns that are not used may be of any type
        dying = "SELECT *, pg_terminate_backend(pg_backend_pid()) FROM t OFFSET 150"
        with pytest.raises(gradline.GradlineError, match="cannot be read"):
            fitted(gradline.Table(url, query=dying))
        late = "SELECT area, rooms, town, new, CASE WHEN n < 999 THEN price ELSE 1 / (n - 999) END AS price"
        with pytest.raises(gradline.GradlineError, match="division by zero"):
            fitted(gradline.Table(url, query=f"{late} FROM t, generate_series(1, 1000) AS n"))
