"""Tables of Delta Lake and Apache Iceberg: the rows that the table's own log names, never its loose files."""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from gradline.core.derived import cached_property
from gradline.core.errors import FileError, GradlineError, Notice
from gradline.core.text import listed, said
from gradline.data.columnar import LazySource
from gradline.data.extras import expect_extra
from gradline.data.hive import is_partition
from gradline.data.notation import FOUND, Text
from gradline.data.remote import unreachable
from gradline.data.source import Inner

_LOG = "_delta_log"
_METADATA = ".metadata.json"
_NAMES = "schema.name-mapping.default"  # of the columns of files that do not number them


def lake(folder: Path, name: str) -> "Lake | None":
    """The table that a folder is; None where it is a folder of files."""
    if (folder / _LOG).is_dir():
        return DeltaTable(str(folder), name)
    if any((folder / "metadata").glob(f"*{_METADATA}")):
        return IcebergTable(str(folder), name)
    return None


def expect_no_lake(path: Path) -> None:
    """Raise `FileError` for a file that belongs to a table, some of whose files may hold rows that are gone."""
    folder = path.absolute().parent
    while is_partition(folder.name) or folder.name == "data":
        if lake(folder, "") is not None:
            break
        folder = folder.parent
    if lake(folder, "") is not None:
        kind = "a Delta" if (folder / _LOG).is_dir() else "an Iceberg"
        raise FileError(
            "file-of-lake",
            f"{path} belongs to {kind} table, and may hold rows that were removed from it",
            f"name the table: {os.path.relpath(folder)}",
        )


@dataclass(frozen=True)
class Lake(Inner):
    """A table whose log says which files hold its rows; the version that is found first is read by every pass."""

    place: str  # a folder or a URL
    name: str
    remedy: str = "read it with the program that wrote it"
    read: Text = FOUND

    def told(self, read: Text) -> "Lake":
        """See `Source`."""
        return replace(self, read=read)

    @cached_property
    def found(self) -> LazySource:  # type: ignore[override]
        """See `Inner`."""
        try:
            source = LazySource(self._scan(), self.name, stored=True).told(self.read)
            source.schema()  # which asks for what polars cannot read of it
            return source
        except GradlineError:
            raise
        except Exception as error:  # each library has its own
            if "://" in self.place and type(error).__name__ != "TableNotFoundError":
                raise unreachable(self.place, error) from error
            cause = f"{self.name} cannot be read: {said(error)}"
            raise FileError("lake-unreadable", cause, self.remedy) from error

    def _scan(self) -> pl.LazyFrame:
        raise NotImplementedError


class DeltaTable(Lake):
    """A table of Delta Lake at its latest version."""

    def _scan(self) -> pl.LazyFrame:
        expect_extra("lakes", f"{self.name}, a Delta table,", "deltalake")
        from deltalake import DeltaTable as Table  # noqa: PLC0415 - only for Delta tables

        return pl.scan_delta(self.place, version=Table(self.place).version())


class IcebergTable(Lake):
    """A table of Apache Iceberg, as the latest of its metadata files tells it, or the one that is named."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Which metadata were taken for the latest, where no catalog and no hint says it."""
        if self._metadata[1]:
            return ()
        latest = Path(self._metadata[0]).name
        return (Notice("iceberg-version", f"{self.name}: read the latest of its metadata files, {latest}"),)

    def _scan(self) -> pl.LazyFrame:
        expect_extra("lakes", f"{self.name}, an Iceberg table,", "pyiceberg", "pyarrow")
        from pyiceberg.catalog.noop import NoopCatalog  # noqa: PLC0415 - these four only for Iceberg tables
        from pyiceberg.io import load_file_io  # noqa: PLC0415
        from pyiceberg.serializers import FromInputFile  # noqa: PLC0415
        from pyiceberg.table import StaticTable  # noqa: PLC0415

        os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # the other is a package of its own
        place, _ = self._metadata
        files = load_file_io(location=place)
        metadata = FromInputFile.table_metadata(files.new_input(place))
        # Not `StaticTable.from_metadata`: a property of the table, py-io-impl, would name any Python to run.
        kept = {name: value for name, value in metadata.properties.items() if name == _NAMES}
        metadata = metadata.model_copy(update={"properties": kept})
        # No snapshot is named: its columns would be those of its day, not as the table calls them now.
        return pl.scan_iceberg(StaticTable((place,), metadata, place, files, NoopCatalog(place)))

    @cached_property
    def _metadata(self) -> tuple[str, bool]:
        """The metadata file, and whether somebody says that it is the one."""
        if self.place.endswith(_METADATA):
            return self.place, True
        folder = Path(self.place).absolute() / "metadata"
        found: Mapping[int, list[str]] = defaultdict(list)
        for path in folder.glob(f"*{_METADATA}"):
            if number := re.match(r"v?(\d+)", path.name):
                found[int(number[1])].append(str(path))
        hint = folder / "version-hint.text"
        latest = int(hint.read_text()) if hint.is_file() else max(found, default=-1)
        paths = found.get(latest, [])
        if len(paths) != 1:
            raise FileError(
                "lake-unreadable",
                f"{self.name} has {len(paths)} metadata files of version {latest}"
                + (f": {listed(Path(path).name for path in paths)}" if paths else ""),
                f"name the one that its catalog names: {self.name}/metadata/….metadata.json",
            )
        return paths[0], hint.is_file()
