"""One file: what it is, as its first bytes and its name tell, and the source that reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gradline.core.errors import FileError
from gradline.core.text import listed
from gradline.data import columnar, csv, database, ndjson
from gradline.data.arrow_stream import ArrowStreamSource
from gradline.data.held import opened
from gradline.data.json_array import JsonArraySource
from gradline.data.notation import FOUND, Text
from gradline.data.source import METER, Source
from gradline.data.spreadsheet import Workbook


class File(NamedTuple):
    """A file that can be read from its beginning, and what messages call it."""

    path: Path
    name: str
    head: bytes
    ending: str  # of its name, such as .csv, whatever compression follows
    read: Text  # how it is written, where it is text


Opener = Callable[[Path, str], Source]
Told = Callable[[Path, str, Text], Source]

# --8<-- [start:formats] shown in docs/maintaining/adding.md
_TEXT: dict[str, Told] = {  # of which may be told how cells are written, or what stands for a missing one
    ".csv": csv.opener(","),
    ".tsv": csv.opener("\t"),
    ".ndjson": ndjson.NdjsonSource,
    ".jsonl": ndjson.NdjsonSource,
    ".json": ndjson.NdjsonSource,
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), Workbook),
}
_TYPED: dict[str, Opener] = {
    ".parquet": columnar.parquet,
    ".arrow": ArrowStreamSource,
    ".arrows": ArrowStreamSource,
    ".feather": ArrowStreamSource,
}
ENDINGS = (*_TEXT, *_TYPED)
# What the first bytes tell, they tell better than a name.
_MAGIC: dict[bytes, Opener] = {
    b"PAR1": columnar.parquet,
    b"ARROW1": columnar.arrow,
    b"SQLite format 3\x00": database.sqlite_file,
    b"\xff\xff\xff\xff": ArrowStreamSource,
}
# --8<-- [end:formats]
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel's files before 2007
COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
ARCHIVES = (".zip",)
PACKED = (
    *(end for end, opener in _TEXT.items() if opener is Workbook),
    *ARCHIVES,
)  # whole folders of tables


class _Foreign(NamedTuple):
    """What other programs write, and gradline does not read."""

    what: str
    remedy: str


def _statistics(program: str, reader: str) -> _Foreign:
    return _Foreign(
        f"a file of {program}",
        f"convert it: readstat FILE data.csv on the command line, or {reader}(…).to_parquet('data.parquet') in pandas",
    )


_SPSS = _statistics("SPSS", "pandas.read_spss")
_STATA = _statistics("Stata", "pandas.read_stata")
_SAS = _statistics("SAS", "pandas.read_sas")
_PDF = _Foreign("a PDF", "extract its tables: tabula data.pdf -o data.csv, and compare them with the page")
_R = _Foreign(
    "a file of R", "write it as CSV in R: write.csv(readRDS('data.rds'), 'data.csv', row.names = FALSE)"
)
_HDF = _Foreign("an HDF5 file", "convert it: pandas.read_hdf(…).to_parquet('data.parquet')")
_OFFICE = _Foreign("a document or a presentation", "copy its table into a spreadsheet, and save that")
_FOREIGN_MAGIC = {
    b"%PDF": _PDF,
    b"$FL2": _SPSS,
    b"$FL3": _SPSS,
    b"<stata_dta>": _STATA,
    bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08": _SAS,
    b"HEADER RECORD*******LIB": _SAS,
    b"\x89HDF": _HDF,
    b"Obj\x01": _Foreign("an Avro file", "convert it: polars.read_avro(…).write_parquet('data.parquet')"),
    b"ORC": _Foreign("an ORC file", "convert it: pandas.read_orc(…).to_parquet('data.parquet')"),
}
_FOREIGN_ENDINGS = {
    **dict.fromkeys((".sav", ".zsav", ".por"), _SPSS),
    ".dta": _STATA,
    **dict.fromkeys((".sas7bdat", ".xpt"), _SAS),
    ".pdf": _PDF,
    **dict.fromkeys((".rds", ".rda", ".rdata"), _R),
    **dict.fromkeys((".h5", ".hdf5"), _HDF),
    **dict.fromkeys((".doc", ".docx", ".odt", ".ppt", ".pptx"), _OFFICE),
    ".mdb": _Foreign("a database of Access", "export the table as CSV: mdb-export data.mdb TABLE > data.csv"),
    ".accdb": _Foreign(
        "a database of Access", "export the table as CSV: mdb-export data.accdb TABLE > data.csv"
    ),
    ".numbers": _Foreign("a document of Apple Numbers", "export it as Excel or CSV"),
    ".pkl": _Foreign("a pickle, which could run code", "load it in Python, and give gradline the frame"),
}


def open_file(path: Path, name: str, read: Text = FOUND, called: str | None = None) -> Source:
    """The source of one file, which messages call `name`; `called` is its file name where the path has another.

    Raises `FileError` where it cannot be read, or is of a kind that gradline does not read.
    """
    try:
        path, head = opened(path)
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {name}: {error.strerror}", "check its permissions"
        ) from error
    file = File(path, name, head, ending(called or path.name), read)
    source = _by_content(file)
    if source is None:
        foreign = _FOREIGN_ENDINGS.get(file.ending)
        if foreign:
            raise _refused(name, foreign)
        typed = _TYPED.get(file.ending)
        source = typed(path, name) if typed else _TEXT.get(file.ending, csv.opener(","))(path, name, read)
    METER.expect(path)
    return source


def ending(name: str) -> str:
    """The ending of a file's name, without that of a compression."""
    name = name.lower()
    for end in COMPRESSED:
        name = name.removesuffix(end)
    return Path(name).suffix


def is_data(name: str) -> bool:
    """Whether a file of this name is read where a folder or an archive is named."""
    return not name.startswith((".", "_")) and ending(name) in (*ENDINGS, *ARCHIVES)


def _by_content(file: File) -> Source | None:
    """The source of a file whose first bytes say what it is."""
    for magic, opener in _MAGIC.items():
        if file.head.startswith(magic):
            return opener(file.path, file.name)
    for magic, foreign in _FOREIGN_MAGIC.items():
        if file.head.startswith(magic):
            raise _refused(file.name, foreign)
    if file.head.startswith(_OLE):
        return Workbook(file.path, file.name, file.read)
    if file.head[8:12] == b"DUCK":
        return database.duckdb_file(file.path, file.name)
    if file.head.startswith(b"PK\x03\x04"):
        return _zipped(file)
    if file.ending == ".json" and file.head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return JsonArraySource(file.path, file.name, file.read)
    return None


def _refused(name: str, foreign: _Foreign) -> FileError:
    return FileError(
        "file-kind-unsupported", f"{name} is {foreign.what}, which gradline does not read", foreign.remedy
    )


def _zipped(file: File) -> Source:
    """A workbook, or the one data file of an archive, unpacked into a temporary file."""
    from gradline.data.archive import archive  # noqa: PLC0415 - text needs no archive

    with archive(file.path, file.name) as held:
        names = held.members
        is_open = "mimetype" in names and b"opendocument.spreadsheet" in held.begins("mimetype")
        if is_open or any(name.startswith("xl/workbook") for name in names):
            held.expect_modest()
            return Workbook(file.path, file.name, file.read)
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise _refused(file.name, _OFFICE)
        member = _member(file.name, names)
        path = held.unpacked(member)
    return open_file(path, f"{member} of {file.name}", file.read, member)


def _member(name: str, members: list[str]) -> str:
    """The one data file among the members of an archive."""
    files = [one for one in members if not one.endswith("/") and not one.startswith("__MACOSX/")]
    data = [one for one in files if is_data(Path(one).name)]
    found = data or (files if len(files) == 1 else [])
    if len(found) == 1:
        return found[0]
    told = (
        f"{len(found)} data files: {listed(found)}"
        if found
        else f"no data file, but {listed(files) or 'nothing'}"
    )
    raise FileError("archive-ambiguous", f"{name} holds {told}", "unzip it, and name the file or the folder")
