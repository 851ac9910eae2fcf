"""How commands meet the terminal: options from flags, results to stdout, the rest to stderr, no traceback."""

import contextlib
import functools
import inspect
import json
import os
import shutil
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from gradline.cli.logged import printed
from gradline.cli.options import options_of
from gradline.core.cleanup import finished, undo_all
from gradline.core.errors import FileError, GradlineError, Notice, UsageError
from gradline.core.memory_limit import check
from gradline.core.text import joined, one_line

INTERRUPTED = 130
_PATIENCE = 1.0  # seconds of silence
_UNSEEN = 10.0  # the same where nobody watches: no terminal
_LOOK = 0.1  # seconds between two looks at training that runs


class Settings:
    """What `gradline --debug COMMAND` switches on for the whole process, and whether it has printed results."""

    debug = False
    printed = False


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only --version needs it

        out(f"gradline {version('gradline')}")
        raise typer.Exit


def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of a refusal, and its code.")] = False,
) -> None:
    """Options before the command."""
    del version
    Settings.debug = debug
    if debug:
        os.environ["RUST_BACKTRACE"] = "1"


def command(body: Callable[[Any], None]) -> Callable[..., None]:
    """A command as typer takes it, from a function of its options: flags in, refusals told, exit code set.

    The flags are the fields of the record that `body` takes. What was not given is left to the file that `--config`
    names, and then to the record's default.
    """
    (record,) = (parameter.annotation for parameter in inspect.signature(body).parameters.values())

    @functools.wraps(body)
    def run(**words: Any) -> None:
        try:
            given = {name: value for name, value in words.items() if value not in (None, [])}
            if "config" in given:
                from gradline.cli.config import read  # noqa: PLC0415 - only a file needs it

                given = read(given["config"], record) | given
            body(record(**given))
            sys.stdout.flush()
        except BrokenPipeError:  # the reader (`| head`) has seen enough
            _give_up(sys.stdout)
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            undo_all()
            _give_up(sys.stdout)  # what nobody read yet would be half of it
            say("")  # the line with ^C ends
            say(f"interrupted: {_left()}")
            raise typer.Exit(INTERRUPTED) from None
        except GradlineError as error:
            refuse(error.code, error.cause, error.remedy, words.get("as_json", False))
            raise typer.Exit(error.exit_code) from None
        except (typer.Exit, typer.Abort):
            raise
        except OSError as error:
            _give_up(sys.stdout)  # what waits to be written there would fail again, now and at the end
            cause = f"cannot write the output: {error.strerror or error}"
            refuse(
                "output-unwritable", cause, "make room, or write it elsewhere", words.get("as_json", False)
            )
            raise typer.Exit(1) from None
        except MemoryError as error:
            remedy = "use fewer columns or rows, or a machine with more of it"
            refuse("memory-exhausted", f"no memory is left: {error}", remedy, words.get("as_json", False))
            raise typer.Exit(1) from None
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise  # a panic is what polars raises where code of its own fails
            remedy = "this is a fault of gradline; --debug shows where"
            refuse("internal-error", f"{type(error).__name__}: {error}", remedy, words.get("as_json", False))
            raise typer.Exit(1) from None

    flags: Any = run
    flags.__signature__ = inspect.Signature([option.parameter() for option in options_of(record)])
    return flags


def paragraphs(body: Callable[[Any], None]) -> str:
    """The docstring of a command, a paragraph a line, for a help that breaks lines itself."""
    told = (inspect.getdoc(body) or "").split("\n\n")
    return "\n\n".join(" ".join(part.split("\n")) for part in told)


def _give_up(stream: TextIO) -> None:
    """Let what still goes to standard output, or to standard error, go nowhere."""
    with contextlib.suppress(OSError, ValueError):  # which a stream that is no file raises
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flush() -> None:
    """Print what waits, at the end, when nobody is left to hear that it fails."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _give_up(stream)


def _left() -> str:
    """What an interrupted command has done, of which people must know."""
    if finished:
        return f"{joined(finished)} {'was' if len(finished) == 1 else 'were'} written before"
    return "some results were printed before" if Settings.printed else "nothing was written"


def refuse(code: str, cause: str, remedy: str, as_json: bool) -> None:
    """The refusal in words; under `--json` as one object, with the code that a program looks for."""
    if Settings.debug:
        say(traceback.format_exc().rstrip())
    if as_json:
        say(_json({"error": {"code": code, "cause": cause, "remedy": remedy}}))
        return
    say(f"gradline: {cause}")
    if remedy:
        say(f"  {remedy}")
    if Settings.debug:
        say(f"  code: {code}")


def say(text: str) -> None:
    """A line to stderr, after what stdout holds; where it has several, those after the first are indented.

    So nothing that a file brings along, a name with a line break in it for instance, passes for a line of ours. On a
    terminal they are broken between words.
    """
    sys.stdout.flush()
    first, *rest = text.split("\n")
    lines = map(one_line, [first, *(line if line.startswith("  ") else f"  {line}" for line in rest)])
    _say_raw("\n".join(map(_broken, lines) if sys.stderr.isatty() else lines) + "\n")


def _broken(line: str) -> str:
    """The line as wide as the terminal; what goes on is indented, and no word is broken."""
    margin = " " * (len(line) - len(line.lstrip()) + 2)
    broken = textwrap.wrap(
        line,
        max(shutil.get_terminal_size().columns, 40),
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(broken)


def _say_raw(text: str) -> None:
    """The text to stderr, where somebody still listens; results do not depend on that."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _give_up(sys.stderr)


def out(text: str) -> None:
    """A result, to stdout, in printable lines."""
    Settings.printed = True
    print("\n".join(map(one_line, text.split("\n"))))


def out_json(value: Any) -> None:
    """One JSON object, to stdout."""
    Settings.printed = True
    print(_json(value))


def _json(value: Any) -> str:
    """The value as one line of JSON; what cannot be printed as its number, which says the same to a program."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return (
        text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    )


class Stdout:
    """Standard output for bytes, as they are; a terminal gets printable lines of them."""

    def write(self, content: bytes) -> int:
        """Write the whole of it."""
        Settings.printed = True
        if sys.stdout.isatty():
            print("\n".join(map(one_line, content.decode(errors="replace").split("\n"))), end="")
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
        return len(content)


def expect_data(data: str | None, command: str) -> str:
    """The data, or a refusal that says how they are named."""
    if data is None:
        raise UsageError(
            "no-data-named",
            "no data were named",
            f"give a file, a folder or example:crops: gradline {command} DATA -t …",
        )
    return data


def expect_targets(data: Any, targets: Sequence[str] | None, read: Any = None) -> None:
    """Say what could be a target when none is named, also in a formula, and refuse."""
    if targets:
        return
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy

    source = open_table(data, read)
    columns = "\n".join(
        f"  {one_line(name)}  {column.kind}{f' ({column.note})' if column.note else ''}"
        for name, column in source.schema().items()
    )
    raise UsageError(
        "no-target-chosen",
        f"no target is named; {source.name} has these columns:\n{columns}",
        "name one or more with -t COLUMN",
    )


def expect_replaceable(path: Path, mark: bytes, what: str) -> None:
    """Refuse to write over a folder, or over a file that is not empty and has no such mark near its beginning."""
    if path.is_dir():
        raise FileError("path-is-folder", f"cannot write {path}: it is a folder", "add a file name")
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as stream:
            is_ours = mark in stream.read(4096).lower()
        if not is_ours:
            raise FileError(
                "output-exists", f"{path} exists and is no {what}", "choose another name, or remove it first"
            )


def tell_notices(notices: Iterable[Notice]) -> None:
    """Notices and warnings, a line each, to stderr."""
    for notice in notices:
        say(f"{'warning' if notice.is_warning else 'note'}: {notice.text}")


@contextlib.contextmanager
def patience(text: str) -> Generator[None]:
    """A line on stderr once work takes longer than a second, ten where that is no terminal; nothing can be counted."""
    told = threading.Timer(_PATIENCE if sys.stderr.isatty() else _UNSEEN, say, [text])
    told.daemon = True
    told.start()
    try:
        yield
    finally:
        told.cancel()


class Progress:
    """A line on stderr while work takes longer than a second: rows read, epochs done, time left; a look at memory.

    It is both the observer of a solver and the watcher of the rows. On a terminal the line is rewritten five
    times a second; elsewhere a new one is written every ten seconds. The loss of the epochs that `is_logged` is
    printed besides, and with `weights` weight and bias, those of the start too.
    """

    def __init__(self, is_logged: Callable[[int], bool] = lambda _: False, weights: bool = False) -> None:
        self._is_logged, self._weights = is_logged, weights
        self._rows = 0
        self._epochs = 0
        self._began = self._last = time.monotonic()
        self._looked = 0.0
        self._wait = 0.2 if sys.stderr.isatty() else _UNSEEN
        self._open = False

    def on_rows(self, rows: int) -> None:
        """Some rows more were read."""
        from gradline.data.source import METER  # noqa: PLC0415 - --help needs no polars

        self._rows += rows
        check(f"by row {self._rows:,}")
        told = f"{self._rows:,} rows read"
        if METER.total:
            told += f", {_megabytes(METER.read)} of {_megabytes(METER.total)}, {_duration(METER.left)} left"
        self._show(told)

    def on_start(self, epochs: int) -> None:
        """Training begins."""
        self._epochs = epochs
        self._began = time.monotonic()

    def wants(self, epoch: int) -> bool:
        """What is logged, and some ten epochs a second."""
        if self._is_logged(epoch):
            return True
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return False
        self._looked = now
        return True

    def on_step(self, record: Any, weights: Callable[[], tuple[Any, Any]]) -> None:
        """An epoch is done."""
        if self._is_logged(record.epoch) if record.epoch else self._weights:
            self.clear()
            place = f"Epoch [{record.epoch}/{self._epochs}]" if record.epoch else "Before training"
            held = "" if record.holdout is None else f", holdout {record.holdout:.4f}"
            say(f"{place}, loss {record.loss:.4f}{held}{f', {printed(*weights())}' if self._weights else ''}")
        if record.epoch:
            elapsed = time.monotonic() - self._began
            left = elapsed / record.epoch * (self._epochs - record.epoch)
            self._show(
                f"epoch {record.epoch:,} of {self._epochs:,}, loss {record.loss:.6g}, {_duration(left)} left"
            )

    def on_end(self, solution: Any) -> None:  # noqa: ARG002
        """Training is over."""
        self.clear()

    def clear(self) -> None:
        """Take the line away again."""
        if self._open and sys.stderr.isatty():
            _say_raw("\r\033[K")
        self._open = False

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._began < _PATIENCE or now - self._last < self._wait:
            return
        self._last = now
        if sys.stderr.isatty():
            _say_raw(f"\r\033[K{text}")
            self._open = True
        else:
            say(text)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
