"""Databases as a test meets them: a table of rows, a SELECT, and the numbers that come back."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import duckdb
from needs import MARIADB, POSTGRES

Table = dict[str, list]
Query = Callable[[str, Table, str], list[list[float]]]  # a table's name and columns, a SELECT of numbers


def kind(cells: list, number: str, text: str) -> str:
    """The type of a column, which the first cell tells."""
    return {bool: "boolean", str: text}.get(type(cells[0]), number)


@contextmanager
def in_python(connect: Callable, quote: str = '"') -> Iterator[Query]:
    """An engine with Python's database interface, in memory: values are bound, never written as SQL."""

    def query(name: str, table: Table, select: str) -> list[list[float]]:
        quoted = [f"{quote}{column.replace(quote, quote * 2)}{quote}" for column in (name, *table)]
        kinds = [kind(cells, "double", "varchar") for cells in table.values()]
        with closing(connect(":memory:")) as base:
            declared = ", ".join(f"{column} {kind}" for column, kind in zip(quoted[1:], kinds, strict=True))
            base.execute(f"CREATE TABLE {quoted[0]} ({declared})")
            rows = [list(row) for row in zip(*table.values(), strict=True)]
            base.executemany(f"INSERT INTO {quoted[0]} VALUES ({', '.join('?' * len(table))})", rows)
            return [
                [float("nan") if x is None else x for x in row] for row in base.execute(select).fetchall()
            ]

    yield query


@contextmanager
def postgres() -> Iterator[Query]:
    """PostgreSQL."""
    with postgres_server() as (_, client):
        yield through(client, '"', "double precision", "text", "CAST('{}' AS float8)", postgres_text)


@contextmanager
def postgres_server() -> Iterator[tuple[str, list]]:
    """PostgreSQL as a process of its own, on a socket in a folder of its own: its URL, and the words of its client."""
    assert POSTGRES
    with own_folder() as folder:
        user = []
        if os.geteuid() == 0:  # which PostgreSQL does not run as
            shutil.chown(folder, "postgres", "postgres")
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = folder / "data"
        settings = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        run([*user, POSTGRES / "initdb", "-D", data, *settings])
        server = [*user, POSTGRES / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        client = [POSTGRES / "psql", "-XqAt", "-h", folder, "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
        client += ["-F", "\t", "-P", "null=nan"]
        with serving(folder, server, client, signal.SIGINT):
            yield f"postgresql:///postgres?host={folder}&user=postgres", client


@contextmanager
def mariadb() -> Iterator[Query]:
    """MariaDB, for the dialect of MySQL, likewise."""
    with own_folder() as folder:
        data, socket = folder / "data", folder / "socket"
        user = ["--user=root"] if os.geteuid() == 0 else []
        login = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", *user, *login])
        server = [MARIADB, "--no-defaults", f"--datadir={data}", f"--socket={socket}", *user]
        server += ["--skip-networking", f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}"]
        client = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "--batch", "-N", "--raw"]
        client += ["--default-character-set=utf8mb4"]
        with serving(folder, server, client, signal.SIGTERM):
            run(client, b"CREATE DATABASE trial CHARACTER SET utf8mb4")
            yield through([*client, "trial"], "`", "double", "text", "CAST('{}' AS double)", mysql_text)


def postgres_text(word: str) -> str:
    """A word of any characters."""
    return f"convert_from('\\x{word.encode().hex()}', 'UTF8')"


def mysql_text(word: str) -> str:
    """A word of any characters."""
    return f"convert(x'{word.encode().hex()}' USING utf8mb4)"


def through(client, quote, number, text, literal, word) -> Query:
    """Queries by an engine's command-line client, in a table that is dropped again."""

    def cell(value: object) -> str:
        if value is None or isinstance(value, bool):
            return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
        return word(value) if isinstance(value, str) else literal.format(repr(value))

    def query(name: str, table: Table, select: str) -> list[list[float]]:
        quoted = [f"{quote}{column.replace(quote, quote * 2)}{quote}" for column in (name, *table)]
        kinds = [kind(cells, number, text) for cells in table.values()]
        declared = ", ".join(f"{column} {kind}" for column, kind in zip(quoted[1:], kinds, strict=True))
        rows = ",\n".join(f"({', '.join(map(cell, row))})" for row in zip(*table.values(), strict=True))
        script = f"CREATE TABLE {quoted[0]} ({declared});\nINSERT INTO {quoted[0]} VALUES {rows};\n"
        printed = run(client, f"{script}{select}DROP TABLE {quoted[0]};\n".encode())
        return [[float(x.replace("NULL", "nan")) for x in line.split("\t")] for line in printed.splitlines()]

    return query


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder with a short name, for sockets, which another user may be given."""
    folder = Path(tempfile.mkdtemp(prefix="gradline-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(folder: Path, server: list, client: list, stop: signal.Signals) -> Iterator[None]:
    """The server, from its first answer until it is told to stop."""
    log = folder / "log"
    with ExitStack() as stack:
        stream = stack.enter_context(log.open("wb"))
        process = stack.enter_context(subprocess.Popen([*map(str, server)], stdout=stream, stderr=stream))
        stack.callback(process.send_signal, stop)
        while subprocess.run([*map(str, client)], input=b"SELECT 1;", capture_output=True).returncode:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield


def run(command: list, script: bytes | None = None) -> str:
    """What a command prints; what it complains of where it fails."""
    done = subprocess.run([*map(str, command)], input=script, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


# One engine for each dialect of gradline.exports.
ENGINES = {
    "duckdb": lambda: in_python(duckdb.connect),
    "sqlite": lambda: in_python(sqlite3.connect),
    "postgres": postgres,
    "mysql": mariadb,
}
