"""Share: pages that open from disk; `play` writes a playground of the data, `report` tells of a model."""

from pathlib import Path
from typing import Annotated

import typer

from gradline.cli.check import DISAGREES
from gradline.cli.options import (
    Bias,
    Exclude,
    Features,
    Memory,
    Missing,
    Model,
    Output,
    Targets,
    Typed,
    Weights,
    WeightsAre,
    Written,
    argument,
    flag,
    frozen,
    read,
    read_as,
    typed,
)
from gradline.cli.terminal import expect_replaceable, expect_targets, say
from gradline.core.memory_limit import limited


@frozen
class PlayOptions(Typed):
    """Which columns the page plays with, how it begins, and where it goes."""

    data: Annotated[str | None, argument("Data as for fit. Default: a page of examples.")] = None
    targets: Targets = ()
    features: Features = ()
    exclude: Exclude = ()
    bias: Bias = True
    weights: Weights | None = None
    weights_are: WeightsAre | None = None
    missing: Missing = "error"
    lr: Annotated[
        float | None, flag("Learning rate that it begins with. Default: a tenth of the largest stable one.")
    ] = None
    epochs: Annotated[int, flag("Epoch that it begins at.", shows_default=True)] = 0
    holdout: Annotated[float, flag("Share of rows kept for validation.", shows_default=True)] = 0.0
    seed: Annotated[int, flag("Of the rows kept for validation.", shows_default=True)] = 0
    rows: Annotated[bool, flag("Put sampled rows into the page. Default: yes.", shows_default=True)] = True
    memory: Memory | None = None
    output: Output | None = None


def play(options: PlayOptions) -> None:
    """Write a playground of gradient descent on your data: one HTML page that opens from disk.

    Examples:

      gradline play

      gradline play example:crops --lr 1e-5 --epochs 100

      gradline play sales.csv -t revenue --holdout 0.2 -o revenue.html
    """
    data = options.data
    path = Path(options.output or ("playground.html" if data is None else f"{_stem(data)}-play.html"))
    from gradline.pages.play import EXAMPLES, play  # noqa: PLC0415 - --help needs no numpy
    from gradline.pages.playground_data import MOST_ROWS  # noqa: PLC0415

    targets = options.targets or list(EXAMPLES.get(data or "", ()))
    if data is not None:
        expect_targets(options.within(data), targets or options.formula, read(options))
    expect_page(path)
    with limited(options.memory):
        page = play(
            data and options.within(data),
            targets or None,
            bias=options.bias,
            rows=MOST_ROWS if options.rows else 0,
            lr=options.lr,
            epochs=options.epochs,
            holdout=options.holdout,
            seed=options.seed,
            features=options.features or None,
            exclude=options.exclude,
            weights=options.weights,
            weights_are=options.weights_are,
            missing=options.missing,
            **typed(options),
        )
    page.save(path)
    say(f"saved: {path}")


@frozen
class ReportOptions(Written):
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
    from gradline.model.model import load  # noqa: PLC0415 - --help needs no numpy
    from gradline.pages.report import made  # noqa: PLC0415

    told = read(options)
    with limited(options.memory):
        rows = options.data and options.within(options.data)
        page, outcome = made(options.model, rows, told and read_as(options, load(options.model)))
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
