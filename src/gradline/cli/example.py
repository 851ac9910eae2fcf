"""Learn: `gradline example` writes a table to practise on: one that comes with gradline, or points about a line."""

import io
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import argument, flag, frozen
from gradline.cli.terminal import Stdout, expect_replaceable, say
from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import FileError, RequestError, UsageError
from gradline.core.text import listed

_LINE = "line"


@frozen
class ExampleOptions:
    """Which table, how it is drawn, and where it goes."""

    name: Annotated[
        str, argument("line, or a table that comes with gradline, such as crops; a wrong name lists them.")
    ]
    rows: Annotated[int | None, flag("Points of a line. Default: 100.")] = None
    noise: Annotated[float | None, flag("Standard deviation of a line's points about it. Default: 0.1.")] = (
        None
    )
    seed: Annotated[int | None, flag("Seed of a line's points. Default: 42.")] = None
    validation: Annotated[
        Path | None, flag("A file for the last fifth of a line's points, to validate with.")
    ] = None
    output: Annotated[Path | None, flag("File to write. Default: standard output.", "-o", "--output")] = None


def example(options: ExampleOptions) -> None:
    """Write a table to practise on as CSV. `line` draws points about y = 1 + 2x, as a tutorial on PyTorch does.

    Examples:

      gradline example line -o train.csv --noise 0.1 --rows 100 --seed 42

      gradline example line -o train.csv --validation validation.csv

      gradline example crops -o crops.csv
    """
    settings = {name: getattr(options, name) for name in ("rows", "noise", "seed", "validation")}
    given = [name for name, value in settings.items() if value is not None]
    if options.name == _LINE:
        whole = _line(settings)
    elif given:
        raise UsageError(
            "option-of-line",
            f"--{given[0]} is about line, and {options.name} is a table as it is",
            "leave it out",
        )
    else:
        whole = _table(options.name)
    parts = {options.output: whole}
    if options.validation is not None:
        parts = _split(whole, options.output, options.validation)
    for path, text in parts.items():
        _write(path, text)


def _line(settings: dict[str, Any]) -> str:
    """The points as CSV, each number with all its digits. Raises `UsageError` for a setting outside its range."""
    from gradline.data.line import line  # noqa: PLC0415 - --help needs no numpy

    rows, noise, seed = settings["rows"], settings["noise"], settings["seed"]
    if rows is not None and not is_whole(rows, 1):
        raise UsageError("rows-invalid", f"rows is {rows}", "give a whole number from 1")
    if noise is not None and not (is_real(noise) and noise >= 0):
        raise UsageError("noise-invalid", f"noise is {noise}", "give 0 or more")
    if seed is not None and not (is_whole(seed, 0) and seed < 2**32):
        raise UsageError("seed-invalid", f"seed is {seed}", "give a whole number from 0 to 4294967295")
    asked = {name: settings[name] for name in ("rows", "noise", "seed") if settings[name] is not None}
    points = io.StringIO()
    points.write("x,y\n")
    for x, y in line(**asked).tolist():
        points.write(f"{x!r},{y!r}\n")
    return points.getvalue()


def _table(name: str) -> str:
    from gradline.data.files import EXAMPLES  # noqa: PLC0415 - --help needs no polars

    path = EXAMPLES / f"{name}.csv"
    known = sorted(one.stem for one in EXAMPLES.glob("*.csv"))
    if name not in known:
        raise FileError("example-unknown", f"there is no example {name}", f"the examples are {listed(known)}")
    return path.read_text()


def _split(whole: str, training: Path | None, validation: Path) -> dict[Path | None, str]:
    """The first four fifths of the rows, and the rest: the points are in a random order already."""
    from gradline.data.line import VALIDATION  # noqa: PLC0415 - --help needs no numpy

    if training == validation:
        raise UsageError(
            "output-named-twice", f"-o and --validation both name {validation}", "give each a name of its own"
        )
    header, *rows = whole.splitlines(keepends=True)
    kept = round(len(rows) * (1 - VALIDATION))
    if not 0 < kept < len(rows):
        raise RequestError(
            "rows-too-few-to-split",
            f"{len(rows)} rows leave none for one of the two files",
            "draw 5 rows or more",
        )
    return {training: header + "".join(rows[:kept]), validation: header + "".join(rows[kept:])}


def _write(path: Path | None, text: str) -> None:
    if path is None:
        Stdout().write(text.encode())
        return
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no numpy

    expect_replaceable(path, text.split("\n", 1)[0].encode().lower(), "table of this kind")
    with replacing(path) as stream:
        stream.write(text.encode())
    rows = text.count("\n") - 1
    say(f"saved: {path}, {rows:,} row{'s' * (rows != 1)}")
