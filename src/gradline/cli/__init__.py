"""The command line: `gradline COMMAND`, one file per help panel; each parses, calls and prints."""

import atexit
import gc
import os
from typing import Annotated

import typer

from gradline import __version__
from gradline.cli import check, compare, examine, export, fit, learn, prove, push, share, use, versions
from gradline.cli.terminal import Settings

app = typer.Typer(
    name="gradline",
    help="Linear regression by gradient descent, with a proof on every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (fit, use, check, examine, prove, learn, share, export, versions, compare, push):
    module.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"gradline {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of a refusal, and its code.")] = False,
) -> None:
    """Options before the command."""
    del version
    Settings.debug = debug


def main() -> None:
    """The entry point of the `gradline` command."""
    # Rows are decoded on all cores; BLAS threads beside them would fight for the same ones, and on a busy
    # machine lose seconds. NumPy reads this when it loads, which is later.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    # Row groups of Parquet that are decoded long before their turn take memory, and its pages a tenth of the time;
    # one at a time would leave a core idle.
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
    # Imports make objects that stay. To look for garbage among them, again and again and once more at the
    # end, took half of a small fit's time.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    app()
