"""Share: pages that open from disk; `play` writes a playground of the data, `report` tells of a model."""

from pathlib import Path
from typing import Annotated

import typer

from gradline.cli import flags
from gradline.cli.prove import DISAGREES
from gradline.cli.terminal import expect_targets, guarded, say
from gradline.core.memory_limit import limited

PANEL = "Share"
# What the tutorials predict, so that the examples open without further words.
TARGETS = {
    "example:crops": ["apples", "oranges"],
    "example:crops5": ["apples", "oranges"],
    "example:iphone": ["sales"],
}


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(play))
    app.command(rich_help_panel=PANEL)(guarded(report))


def play(
    data: flags.Data = None,
    target: flags.Targets = None,
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    bias: flags.Bias = None,
    weights: flags.Weights = None,
    missing: flags.Missing = None,
    rows: Annotated[
        bool, typer.Option("--rows/--no-rows", help="Whether the page holds sampled rows. Default: it does.")
    ] = True,
    memory: flags.Memory = None,
    output: flags.Output = None,
) -> None:
    """Write a playground of gradient descent on your data: one HTML page that opens from disk.

    Examples:

      gradline play example:crops

      gradline play sales.csv -t revenue -o revenue.html
    """
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs it not

    if data is None:
        raise UsageError(
            "no-data-named",
            "no data were named",
            "give a file, a folder or example:crops: gradline play DATA -t …",
        )
    target = target or TARGETS.get(data, [])
    expect_targets(data, target)
    path = Path(output or f"{_stem(data)}-play.html")
    expect_page(path)
    from gradline.pages.play import play  # noqa: PLC0415 - --help needs no numpy
    from gradline.pages.playground_data import MOST_ROWS  # noqa: PLC0415

    with limited(memory):
        page = play(
            data,
            target,
            features=feature or None,
            exclude=exclude or [],
            bias=bias is not False,
            weights=weights,
            missing=missing or "error",
            rows=MOST_ROWS if rows else 0,
        )
    page.save(path)
    say(f"saved: {path}")


def report(
    model: flags.Model,
    data: Annotated[
        str | None, typer.Argument(help="The rows that it was trained on.", show_default=False)
    ] = None,
    memory: flags.Memory = None,
    output: flags.Output = None,
) -> None:
    """Write a report on a model: one HTML page with its coefficients, its proof and its figures, also for paper.

    With DATA every claim of the model is derived again from the rows; the page says where one does not hold, and the
    exit code is 3.

    Example:

      gradline report crops.safetensors example:crops -o crops.html
    """
    path = Path(output or f"{_stem(str(model))}-report.html")
    expect_page(path)
    from gradline.pages.report import made  # noqa: PLC0415 - --help needs no numpy

    with limited(memory):
        page, outcome = made(model, data)
    page.save(path)
    say(f"saved: {path}")
    if outcome is not None and not outcome.agrees:
        say(f"warning: {outcome.verdict}")
        raise typer.Exit(DISAGREES)


def _stem(data: str) -> str:
    """A file name after the data's; "data" where they have none, as on standard input."""
    stem = Path(data.split(":")[-1]).name.split(".")[0]
    return stem if stem.replace("-", "").replace("_", "").isalnum() else "data"


def expect_page(path: Path) -> None:
    """Refuse, before any work, to write a page over something that is none, or over a folder."""
    from gradline.core.errors import FileError  # noqa: PLC0415 - --help needs it not

    if path.is_dir():
        raise FileError("path-is-folder", f"cannot write {path}: it is a folder", "add a file name")
    if path.is_file() and path.stat().st_size and b"<html" not in path.open("rb").read(1024).lower():
        raise FileError(
            "output-exists", f"{path} exists and is no page", "choose another name, or remove it first"
        )
