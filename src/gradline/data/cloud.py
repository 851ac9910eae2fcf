"""Files by URL: Parquet and Arrow are read where they lie; all else is copied once into a temporary file."""

from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from gradline.core.errors import FileError, GradlineError
from gradline.data.columnar import FAULTS, LazySource
from gradline.data.formats import ENDINGS, ending, open_file
from gradline.data.lakes import DeltaTable, IcebergTable
from gradline.data.notation import FOUND, Text
from gradline.data.remote import unreachable
from gradline.data.source import Source
from gradline.data.spool import spool

SCHEMES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "hf")
_TEXT = (".csv", ".tsv", ".ndjson", ".jsonl", ".json")
_MAGIC = "*?["
_PIECE = 1 << 20  # bytes of a download at a time
_OPTIONS: dict[str, Any] = {}  # of polars' cloud reader: how often it tries again


def is_url(text: str) -> bool:
    """Whether it names a file of a web server or an object store."""
    return urlsplit(text).scheme in (*SCHEMES, "http", "https") and "://" in text


def open_url(url: str, read: Text = FOUND) -> Source:
    """The source behind a URL: credentials and regions are those of the environment, as for polars.

    Raises `FileError` where there is nothing, or nothing that can be read.
    """
    if urlsplit(url).scheme in ("http", "https"):
        return _downloaded(url, read)
    try:
        return _stored(url, read)
    except GradlineError:
        raise
    except Exception as error:  # who signs people in for polars, each library in its own way
        raise unreachable(url, error) from error


def _stored(url: str, read: Text) -> Source:
    """A file, or files by a pattern, or a table of an object store."""
    path = PurePosixPath(urlsplit(url).path)
    end = ending(path.name)
    if url.endswith(".metadata.json"):
        return IcebergTable(url, url)
    if end == ".parquet":
        _expect_no_delta(url)
        # A pattern meets folders of values, too, whose columns polars would else leave out.
        found = pl.scan_parquet(url, hive_partitioning=_is_pattern(url), storage_options=_OPTIONS or None)
        return LazySource(found, url, stored=True)
    if end in (".arrow", ".feather"):
        return LazySource(pl.scan_ipc(url, storage_options=_OPTIONS or None), url, stored=True)
    if end in _TEXT and not _is_pattern(url):
        return open_file(_lines(url), url, read, path.name.removesuffix(".gz").removesuffix(".zst"))
    if end in _TEXT:
        raise FileError(
            "url-unsupported", f"{url} names several text files", "name one, or copy them into a folder"
        )
    if end in ENDINGS or end == ".zip":
        raise FileError(
            "url-unsupported",
            f"{url} can be read from a disk or by https, not from an object store",
            "copy it first",
        )
    if urlsplit(url).scheme == "hf":
        raise FileError(
            "url-unsupported", f"{url} names no file", "name its files by a pattern, such as …/*.parquet"
        )
    return DeltaTable(url, url, "where it is no Delta table, name its files by a pattern: …/*.parquet")


def _is_pattern(url: str) -> bool:
    return any(mark in url for mark in _MAGIC)


def _lines(url: str) -> Path:
    """A text file of an object store, copied; polars unpacks it on the way."""
    try:
        with spool() as (stream, path):
            pl.scan_lines(url, glob=False, storage_options=_OPTIONS or None).sink_csv(
                stream, include_header=False, quote_style="never"
            )
    except FileError:
        raise
    except FAULTS as error:
        raise unreachable(url, error) from error
    return path


def _expect_no_delta(url: str) -> None:
    """Refuse loose files of a Delta table, as `expect_no_lake` does on a disk."""
    folder = url.rpartition("/")[0]
    while (last := folder.rpartition("/")[2]) and (_is_pattern(last) or "=" in last):
        folder = folder.rpartition("/")[0]
    try:
        log = pl.scan_lines(f"{folder}/_delta_log/*.json", storage_options=_OPTIONS or None)
        is_delta = log.head(1).collect().height > 0
    except FAULTS:  # no such folder, or nobody may look: the files themselves will tell
        return
    if is_delta:
        raise FileError(
            "file-of-lake",
            f"{url} belongs to a Delta table, and may hold rows that were removed from it",
            f"name the table: {folder}",
        )


def _downloaded(url: str, read: Text) -> Source:
    """A file of a web server, copied whole, or refused: fewer bytes than promised are no file."""
    import http.client  # noqa: PLC0415 - these three only for web servers
    import urllib.error  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    request = urllib.request.Request(url, headers={"User-Agent": "gradline", "Accept-Encoding": "identity"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer, spool() as (stream, path):
            promised = answer.headers.get("Content-Length")
            if promised is None and answer.headers.get("Transfer-Encoding") != "chunked":
                raise FileError(
                    "url-unsupported",
                    f"{url} does not say how long it is, so nobody can tell whether it is whole",
                    "download it, and look at its end",
                )
            size = 0
            while piece := answer.read(_PIECE):
                size += len(piece)
                stream.write(piece)
    except FileError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        raise unreachable(url, f"{error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unreachable(url, getattr(error, "reason", None) or error) from error
    if promised is not None and size != int(promised):
        raise unreachable(url, f"{size:,} of its {int(promised):,} bytes came")
    called = PurePosixPath(unquote(urlsplit(answer.url).path)).name
    if ending(called) not in ENDINGS:  # a server may send it under another name
        called = PurePosixPath(unquote(urlsplit(url).path)).name
    return open_file(path, url, read, called)
