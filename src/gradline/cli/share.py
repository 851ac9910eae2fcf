"""Share: pages that open from disk; `play` writes a playground of the data, `report` tells of a model."""

from collections.abc import Sequence
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
from gradline.core.errors import UsageError
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


_ABOUT = "What stands at the top"
_KINDS = {"html": ".html", "markdown": ".md", "pdf": ".pdf"}


@frozen
class ReportOptions(Written):
    """Models, the rows that they are held against, and where the page goes."""

    names: Annotated[
        Sequence[str],
        argument("Files of models, and last the rows that they were trained on.", "MODEL… [DATA]"),
    ]
    title: Annotated[str | None, flag("Default: what the targets depend on.", panel=_ABOUT)] = None
    author: Annotated[str | None, flag("Who wrote it.", panel=_ABOUT)] = None
    date: Annotated[str | None, flag("As it should stand there, or today.", panel=_ABOUT)] = None
    notes: Annotated[str | None, flag("A paragraph below the title.", panel=_ABOUT)] = None
    labels: Annotated[
        Path | None,
        flag("TOML file of what columns are called: label, unit, more, about, levels.", panel=_ABOUT),
    ] = None
    to: Annotated[
        str | None,
        flag("html, markdown or pdf (by a Chromium that is there). Default: by the file's ending."),
    ] = None
    memory: Memory | None = None
    output: Output | None = None


def report(options: ReportOptions) -> None:
    """Write a report on models: what matters, how sure, what to distrust, figures, how it was made, its proof.

    With DATA every claim of a model is derived again from the rows and its assumptions are tested; the page says where
    a claim does not hold, and the exit code is 3. Several models are set side by side first.

    Examples:

      gradline report crops.safetensors example:crops -o crops.html

      gradline report small.safetensors large.safetensors homes.csv --labels labels.toml --author 'A. Muster'
    """
    models, data = _parted(options.names)
    path, kind = _goal(options, models[0])
    from gradline.model.model import load  # noqa: PLC0415 - --help needs no numpy
    from gradline.pages.printing import expect_browser, pdf  # noqa: PLC0415
    from gradline.pages.report import About, made  # noqa: PLC0415

    if kind == "pdf":
        expect_browser()
    told = read(options)
    about = About(options.title, options.author, _day(options.date), options.notes, options.labels)
    with limited(options.memory):
        rows = data and options.within(data)
        found = made(models, rows, about, told and read_as(options, load(models[0])))
    if kind == "pdf":
        pdf(found.page, path)
    elif kind == "html":
        found.page.save(path)
    else:
        found.save_markdown(path)
    say(f"saved: {path}")
    wrong = [outcome for outcome in found.outcomes if not outcome.agrees]
    for outcome in wrong:
        say(f"warning: {outcome.verdict}")
    if wrong:
        raise typer.Exit(DISAGREES)


def _parted(names: Sequence[str]) -> tuple[list[str], str | None]:
    """The models, and the data where what stands last is no model."""
    is_model = [name.endswith(".safetensors") for name in names]
    if len(names) == 1 or all(is_model):
        return list(names), None
    if not all(is_model[1:-1]):
        odd = next(name for name, known in zip(names[1:-1], is_model[1:-1], strict=True) if not known)
        raise UsageError(
            "model-not-named-so",
            f"{odd} is no file of a model, which ends in .safetensors",
            "name the models first, and the data last",
        )
    return list(names[:-1]), names[-1]


def _goal(options: ReportOptions, first: str) -> tuple[Path, str]:
    """Where the report goes, and as what."""
    ending = Path(options.output or "").suffix.lower()
    kind = options.to or {".md": "markdown", ".markdown": "markdown", ".pdf": "pdf"}.get(ending, "html")
    if kind not in _KINDS:
        raise UsageError("report-kind-invalid", f"--to is {kind!r}", f"use {', '.join(_KINDS)}")
    path = Path(options.output or f"{_stem(first)}-report{_KINDS[kind]}")
    if kind == "html":
        expect_page(path)
    elif kind == "pdf":
        expect_replaceable(path, b"%pdf", "PDF")
    else:
        expect_replaceable(path, b"<!-- gradline report -->", "report in Markdown")
    return path, kind


def _day(date: str | None) -> str | None:
    """A date as it was given; that of today where it is asked for so."""
    if date != "today":
        return date
    from datetime import date as day  # noqa: PLC0415 - only where it is asked for

    return day.today().isoformat()


def _stem(data: str) -> str:
    """A file name after the data's; "data" where they have none, as on standard input."""
    stem = Path(data.split(":")[-1]).name.split(".")[0]
    return stem if stem.replace("-", "").replace("_", "").isalnum() else "data"


def expect_page(path: Path) -> None:
    """Refuse, before any work, to write a page over something that is none, or over a folder."""
    expect_replaceable(path, b"<html", "page")
