"""Share: pages that open from disk; `play` writes a playground of the data, `report` tells of a model."""

from pathlib import Path
from typing import Annotated

import typer

from gradline.cli.check import DISAGREES
from gradline.cli.options import (
    Bias,
    Data,
    Exclude,
    Features,
    Memory,
    Missing,
    Model,
    Output,
    Targets,
    Weights,
    argument,
    flag,
    frozen,
)
from gradline.cli.terminal import expect_data, expect_replaceable, expect_targets, say
from gradline.core.memory_limit import limited

# What the tutorials predict, so that the examples open without further words.
TARGETS = {
    "example:crops": ["apples", "oranges"],
    "example:crops5": ["apples", "oranges"],
    "example:iphone": ["sales"],
    "example:line": ["y"],
}


@frozen
class PlayOptions:
    """Which columns the page plays with, and where it goes."""

    data: Data | None = None
    targets: Targets = ()
    features: Features = ()
    exclude: Exclude = ()
    bias: Bias = True
    weights: Weights | None = None
    missing: Missing = "error"
    rows: Annotated[
        bool, flag("Whether the page holds sampled rows. Default: it does.", shows_default=True)
    ] = True
    memory: Memory | None = None
    output: Output | None = None


def play(options: PlayOptions) -> None:
    """Write a playground of gradient descent on your data: one HTML page that opens from disk.

    Examples:

      gradline play example:crops

      gradline play sales.csv -t revenue -o revenue.html
    """
    data = expect_data(options.data, "play")
    targets = options.targets or TARGETS.get(data, [])
    expect_targets(data, targets)
    path = Path(options.output or f"{_stem(data)}-play.html")
    expect_page(path)
    from gradline.pages.play import play  # noqa: PLC0415 - --help needs no numpy
    from gradline.pages.playground_data import MOST_ROWS  # noqa: PLC0415

    with limited(options.memory):
        page = play(
            data,
            targets,
            features=options.features or None,
            exclude=options.exclude,
            bias=options.bias,
            weights=options.weights,
            missing=options.missing,
            rows=MOST_ROWS if options.rows else 0,
        )
    page.save(path)
    say(f"saved: {path}")


@frozen
class ReportOptions:
    """A model, the rows that it is held against, and where the page goes."""

    model: Model
    data: Annotated[str | None, argument("The rows that it was trained on.")] = None
    memory: Memory | None = None
    output: Output | None = None


def report(options: ReportOptions) -> None:
    """Write a report on a model: one HTML page with its coefficients, its proof and its figures, also for paper.

    With DATA every claim of the model is derived again from the rows; the page says where one does not hold, and the
    exit code is 3.

    Example:

      gradline report crops.safetensors example:crops -o crops.html
    """
    path = Path(options.output or f"{_stem(str(options.model))}-report.html")
    expect_page(path)
    from gradline.pages.report import made  # noqa: PLC0415 - --help needs no numpy

    with limited(options.memory):
        page, outcome = made(options.model, options.data)
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
    expect_replaceable(path, b"<html", "page")
