"""Prove: whether what a model claims follows from its rows."""

from typing import Annotated

import typer

from gradline.cli import flags
from gradline.cli.terminal import guarded, out, out_json
from gradline.core.memory_limit import limited

PANEL = "Check"
DISAGREES = 3


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    app.command(rich_help_panel=PANEL)(guarded(verify))


def verify(
    model: flags.Model,
    data: Annotated[str, typer.Argument(help="The rows that it was trained on.", show_default=False)],
    memory: flags.Memory = None,
    as_json: flags.AsJson = False,
) -> None:
    """Derive what a model claims again from the rows, by a path of its own; exit 3 where a claim does not hold.

    Example:

      gradline verify crops.safetensors example:crops
    """
    from gradline.model.verify.claims import verify  # noqa: PLC0415 - --help needs no numpy

    with limited(memory):
        outcome = verify(model, data)
    if as_json:
        out_json(outcome.to_dict())
    else:
        out(str(outcome))
    if not outcome.agrees:
        raise typer.Exit(DISAGREES)
