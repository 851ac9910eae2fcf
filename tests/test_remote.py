"""Files of object stores and web servers: read as they are, or refused with the cause, and never half."""

import gzip
import json

import polars as pl
import pytest
from deltalake import write_deltalake
from object_store import FAULTS, object_store
from polars.testing import assert_frame_equal
from refusals import refused
from small_table import ROWS, cells, written

import gradline
from gradline.data import cloud
from gradline.data.remote import unreachable
from gradline.data.tables import open_table


@pytest.fixture(scope="module")
def store():
    with object_store() as objects:
        yield objects


@pytest.fixture
def s3(store, monkeypatch):
    """The store by `s3://`."""
    for name, value in {
        "AWS_ENDPOINT_URL": store.address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cloud, "_OPTIONS", {"max_retries": 1, "retry_timeout_ms": 500, "timeout": "500ms"})
    store.clear()
    return store


def test_an_object_store_is_read(s3):
    s3["b/t.parquet"] = s3["b/parts/1.parquet"] = s3["b/parts/2.parquet"] = written(ROWS.write_parquet)
    s3["b/t.arrow"] = written(ROWS.write_ipc)
    s3["b/t.csv"] = text = ROWS.write_csv().encode() + b"\n\n"
    s3["b/t.csv.gz"] = gzip.compress(text)
    s3["b/odd.csv"] = b'x,w,y\r\n1,"a, ""b"",\nc",2\r\n'
    s3["b/t.json"] = written(ROWS.write_json)
    for name in ("t.parquet", "t.arrow", "t.csv", "t.csv.gz", "t.json"):
        assert_frame_equal(cells(f"s3://b/{name}"), ROWS)
    assert cells("s3://b/odd.csv").rows() == [(1.0, 'a, "b",\nc', 2.0)]
    assert_frame_equal(cells("s3://b/parts/*.parquet"), pl.concat([ROWS, ROWS]))
    s3["b/latin.csv"] = "x,w,y\n1,M\xfcnchen,2\n".encode("latin-1")
    with refused("url-unreadable", "latin.csv"):
        cells("s3://b/latin.csv")
    with refused("url-unsupported", "several text files"):
        cells("s3://b/*.csv")
    with refused("url-unsupported", "object store"):
        cells("s3://b/t.xlsx")
    for name in ("absent.csv", "absent.parquet"):
        with refused("url-unreadable", name):
            cells(f"s3://b/{name}")
    for month in ("01", "02"):
        s3[f"b/sold/year=2024/month={month}/part.parquet"] = written(ROWS.write_parquet)
    found = cells("s3://b/sold/*/*/*.parquet", ["month", "x"])
    assert found["month"].to_list() == [1] * 6 + [2] * 6
    with refused("lake-unreadable", "pattern"):
        cells("s3://b/sold")
    s3["b/parts/_delta_log/00000000000000000000.json"] = b"{}\n"
    with refused("file-of-lake", "s3://b/parts"):
        cells("s3://b/parts/*.parquet")


def test_a_delta_table_of_an_object_store_is_read_as_its_log_says(s3, tmp_path):
    write_deltalake(tmp_path / "t", ROWS)
    write_deltalake(tmp_path / "t", ROWS[:4], mode="overwrite")
    for path in (tmp_path / "t").rglob("*.*"):
        s3[f"b/{path.relative_to(tmp_path)}"] = path.read_bytes()
    assert_frame_equal(cells("s3://b/t"), ROWS[:4])
    with refused("file-of-lake", "s3://b/t"):
        cells("s3://b/t/*.parquet")


MANY = pl.DataFrame({"x": range(30_000), "w": ["a", "b"] * 15_000, "y": [i * i % 97 for i in range(30_000)]})
FILES = {
    "t.parquet": written(MANY.write_parquet),
    "t.arrow": written(MANY.write_ipc),
    "t.csv": written(MANY.write_csv),
    "t.json": written(MANY.write_json),
    "p/1.parquet": written(MANY[:12_000].write_parquet),
    "p/2.parquet": written(MANY[12_000:].write_parquet),
}
SAID = {
    "half": "broke off",
    "busy": "too busy",
    "forbidden": "AWS_ACCESS_KEY_ID",
    "gone": "there is nothing",
    "silent": "no answer came in time",
}


def outcome(url):
    """The rows, or why there are none."""
    try:
        return cells(url)
    except gradline.GradlineError as error:
        return error


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.csv", "t.json", "p/*.parquet", "listing"])
def test_a_store_with_faults_gives_all_rows_or_none(name, fault, times, s3):
    if (name, fault) == ("t.csv", "short"):
        return  # polars does not count the bytes of a range, and text has no end of its own: nobody can tell
    s3.update({f"b/{key}": content for key, content in FILES.items()})
    s3.faults["listing" if name == "listing" else f"b/{name.replace('*', '2')}"] = fault, times
    found = outcome(f"s3://b/{'p/*.parquet' if name == 'listing' else name}")
    if isinstance(found, pl.DataFrame):
        assert_frame_equal(found, MANY.with_columns(pl.col("x", "y").cast(pl.Float64)))
    else:
        assert found.code in ("url-unreadable", "file-damaged")
        assert fault in (*SAID, "short")
        assert SAID.get(fault, "") in str(found)
        assert "\x1b" not in str(found)
    if times is None and fault in SAID:
        assert isinstance(found, gradline.GradlineError)


@pytest.mark.parametrize("after", range(1, 6))
@pytest.mark.parametrize("keep", [["1"], ["1", "2", "3"], ["1", "3"]], ids=["fewer", "more", "others"])
def test_a_listing_that_changes_is_one_listing_or_none(keep, after, s3):
    """In the midst of the reading; whatever is read is what the store held at one time."""
    parts = {"1": MANY[:12_000], "2": MANY[12_000:], "3": MANY[:7]}
    s3.page = 1
    s3.update({f"b/p/{key}.parquet": written(parts[key].write_parquet) for key in "12"})
    later = {f"b/p/{key}.parquet": written(parts[key].write_parquet) for key in keep}
    s3.later["listing"] = after, later
    found = outcome("s3://b/p/*.parquet")
    if isinstance(found, pl.DataFrame):
        states = [pl.concat(parts[key] for key in state) for state in ("12", keep)]
        assert any(found.equals(state.with_columns(pl.col("x", "y").cast(pl.Float64))) for state in states)


def test_a_delta_table_whose_files_cannot_be_had(s3, tmp_path):
    write_deltalake(tmp_path / "t", MANY)
    files = {f"b/{path.relative_to(tmp_path)}": path.read_bytes() for path in (tmp_path / "t").rglob("*.*")}
    data = next(key for key in files if key.endswith(".parquet"))
    for key in (data, "listing"):
        for fault in ("short", "forbidden", "gone"):
            s3.clear()
            s3.update(files)
            s3.faults[key] = fault, None
            assert isinstance(outcome("s3://b/t"), gradline.GradlineError)


@pytest.mark.parametrize("scheme", ["gs", "az", "abfss"])
def test_stores_of_others_are_read(scheme, store, monkeypatch, tmp_path):
    store.clear()
    monkeypatch.setattr(cloud, "_OPTIONS", {"max_retries": 1, "retry_timeout_ms": 500})
    if scheme == "gs":
        key = {"gcs_base_url": store.address, "disable_oauth": True}
        key |= dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        (tmp_path / "key.json").write_text(json.dumps(key))
        options = {**cloud._OPTIONS, "google_service_account": str(tmp_path / "key.json")}
        monkeypatch.setattr(cloud, "_OPTIONS", options)
    for name, value in {
        "AZURE_STORAGE_ACCOUNT_NAME": "devstoreaccount1",
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": store.address,
        "AZURE_SKIP_SIGNATURE": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = "b" if scheme == "gs" else "devstoreaccount1/b"
    store.update({f"{bucket}/{key}": content for key, content in FILES.items()})
    base = "abfss://b@devstoreaccount1.dfs.core.windows.net" if scheme == "abfss" else f"{scheme}://b"
    expected = MANY.with_columns(pl.col("x", "y").cast(pl.Float64))
    for name in ("t.csv", "t.json", "t.parquet", "t.arrow", "p/*.parquet"):
        assert_frame_equal(cells(f"{base}/{name}"), expected)
    store.faults[f"{bucket}/t.csv"] = "forbidden", None
    with refused("url-unreadable", "t.csv"):
        cells(f"{base}/t.csv")


NOBODY = {
    "s3": ("s3://b/t.csv", "The operation lacked the necessary privileges", "AWS_ACCESS_KEY_ID"),
    "Google": ("gs://b/t.csv", "Your default credentials were not found.", "GOOGLE_APPLICATION_CREDENTIALS"),
    "Azure": ("abfss://c@a.dfs.core.windows.net/t.csv", "Account must be specified", "AZURE_STORAGE_ACCOUNT_KEY"),
    "Hugging Face": ("hf://datasets/a/b/t.csv", "status code: 401 Unauthorized", "HF_TOKEN"),
    "a web server": ("https://h/t.csv", "403 Forbidden", "your rights"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "said", "shown"), NOBODY.values(), ids=NOBODY)
def test_who_signed_nobody_in_is_told_how(url, said, shown):
    with refused("url-unreadable", shown):
        raise unreachable(url, OSError(said))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_what_a_library_raises_of_credentials_is_no_traceback(name, monkeypatch):
    def provider(*_, **__):
        raise LookupError("Your default credentials were not found")

    monkeypatch.setattr(pl, "scan_lines", provider)
    monkeypatch.setattr(pl, "scan_parquet", provider)
    with refused("url-unreadable", "gcloud"):
        open_table(f"gs://b/{name}")


def test_a_dataset_without_a_file_names_the_pattern():
    with refused("url-unsupported", "/*.parquet"):
        open_table("hf://datasets/a/b")


def test_a_web_server_is_read_or_refused(store):
    store.clear()
    store["d/t.csv"], store["d/t.parquet"] = ROWS.write_csv().encode(), written(ROWS.write_parquet)
    store["d/t.xlsx"] = written(ROWS.write_excel)
    for name in ("t.csv", "t.parquet", "t.xlsx"):
        assert_frame_equal(cells(f"{store.address}/d/{name}?raw=1"), ROWS)
    store.faults["d/t.csv"] = "half", None
    with refused("url-unreadable", "broke off"):
        cells(f"{store.address}/d/t.csv")
    with refused("url-unreadable", "there is nothing"):
        cells(f"{store.address}/d/absent.csv")
    with refused("url-unreadable"):
        cells("http://127.0.0.1:1/t.csv")
