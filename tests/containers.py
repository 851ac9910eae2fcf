"""A table in other programs' files: Excel, OpenDocument, SQLite, DuckDB, a zip archive."""

import sqlite3
from contextlib import closing
from datetime import date
from xml.sax.saxutils import escape
from zipfile import ZipFile

import duckdb
import polars as pl
import polars.selectors as selectors
import xlsxwriter


def excel(path, frame):
    """A workbook with a second sheet, which is empty."""
    with xlsxwriter.Workbook(path) as book:
        frame.write_excel(book, worksheet="rows")
        book.add_worksheet("notes")
    return path


def open_document(path, frame):
    """A minimal OpenDocument spreadsheet of numbers, words, Booleans and dates."""

    def cell(value):
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, date):
            told = f'office:value-type="date" office:date-value="{value}"'
            return f"<table:table-cell {told}><text:p>{value}</text:p></table:table-cell>"
        kind, attribute = {bool: ("boolean", "boolean-value"), str: ("string", "string-value")}.get(
            type(value), ("float", "value")
        )
        shown = escape(str(value).lower() if isinstance(value, bool) else str(value), {'"': "&quot;"})
        told = f'office:value-type="{kind}" office:{attribute}="{shown}"'
        return f"<table:table-cell {told}><text:p>{shown}</text:p></table:table-cell>"

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>"
        for row in [frame.columns, *frame.rows()]
    )
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}><office:body><office:spreadsheet>'
        f'<table:table table:name="rows">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    members = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    return zipped(path, {name: member.encode() for name, member in members.items()})


def in_sqlite(path, frame):
    """The table `t` of a database, whose types say what SQLite has no cells for."""
    kinds = {
        pl.Boolean: "BOOLEAN",
        pl.String: "TEXT",
        pl.Int64: "INTEGER",
        pl.Float64: "REAL",
        pl.Date: "DATE",
    }
    declared = ", ".join(f'"{name}" {kinds[dtype]}' for name, dtype in frame.schema.items())
    with closing(sqlite3.connect(path)) as base:
        base.execute(f"CREATE TABLE t ({declared})")
        dates = frame.with_columns(selectors.date().cast(pl.String))
        base.executemany(f"INSERT INTO t VALUES ({', '.join('?' * frame.width)})", dates.rows())
        base.commit()
    return path


def in_duckdb(path, frame):
    """The same with a column `place` that orders the rows, in DuckDB."""
    with closing(duckdb.connect(str(path))) as base:
        ordered = frame.with_row_index("place")  # which the next line names
        base.execute("CREATE TABLE t AS SELECT * FROM ordered")
        del ordered
    return path


def zipped(path, members):
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
