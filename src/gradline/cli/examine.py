"""Check: `gradline doctor` plans a training before any of it, and explains what it found."""

import textwrap
from typing import Annotated, Any

import typer

from gradline.cli import flags
from gradline.cli.terminal import Progress, expect_targets, guarded, out, out_json
from gradline.core.memory_limit import limited

PANEL = "Check"


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(doctor))


def doctor(
    data: flags.Data = None,
    target: flags.Targets = None,
    feature: flags.Features = None,
    exclude: flags.Exclude = None,
    bias: flags.Bias = None,
    weights: flags.Weights = None,
    missing: Annotated[
        str | None,
        typer.Option(help="Rows with missing cells: error or drop. Default: drop.", show_default=False),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="A learning rate to judge. Default: the best.", show_default=False)
    ] = None,
    explain: Annotated[
        str | None, typer.Option(help="Explain the code of a finding.", metavar="CODE", show_default=False)
    ] = None,
    memory: flags.Memory = None,
    as_json: flags.AsJson = False,
) -> None:
    """A plan before any training: what the data bear, what stands in the way, and what to run.

    Examples:

      gradline doctor example:crops -t apples -t oranges --lr 1e-5

      gradline doctor --explain far-from-zero
    """
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs it not

    if explain is not None:
        _explain(explain)
        return
    if data is None:
        raise UsageError(
            "no-data-named",
            "no data were named",
            "give a file, a folder or example:crops: gradline doctor DATA -t …",
        )
    from gradline.model.fit import Request  # noqa: PLC0415 - --help needs no numpy

    expect_targets(data, target or [])
    request = Request(
        features=feature or None,
        exclude=exclude or [],
        bias=bias is not False,
        weights=weights,
        missing=missing or "drop",
    )
    with limited(memory):
        report = _examined(data, target or [], lr, request)
    if as_json:
        out_json(report.to_dict())
    else:
        out(str(report))


def _explain(code: str) -> None:
    from gradline.model.doctor.findings import explain  # noqa: PLC0415 - --help needs it not
    from gradline.model.summary import WIDTH  # noqa: PLC0415

    for paragraph in explain(code).split("\n\n"):
        out(textwrap.fill(paragraph, WIDTH, break_on_hyphens=False) + "\n")


def _examined(data: str, targets: list[str], lr: float | None, request: Any) -> Any:
    from gradline.model.doctor.doctor import examine  # noqa: PLC0415 - --help needs no numpy

    progress = Progress()
    try:
        return examine(data, targets, request, lr, lambda block: progress.on_rows(block.rows))
    finally:
        progress.clear()
