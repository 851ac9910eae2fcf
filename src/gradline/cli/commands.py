"""The table of the commands: each is a function of a record of options, and stands in a panel of the help.

To add one, write its record (`options.py` says how) and its function in the file of its panel, and name it here.
"""

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer

from gradline.cli.terminal import command, paragraphs, program

# By panel, and by the file in which they stand.
COMMANDS = {
    "Fit": {"fit": ["fit"]},
    "Use": {"use": ["predict", "evaluate"], "show": ["show"], "side_by_side": ["compare"]},
    "Check": {"check": ["trajectory", "selftest", "doctor", "verify"]},
    "Learn": {"example": ["example"], "learn": ["lesson", "diagnose"]},
    "Share": {"share": ["play", "report"], "export": ["export"]},
    "Versions": {
        "versions": ["commit", "log", "checkout", "note", "tag", "archive"],
        "compare": ["diff"],
        "push": ["push"],
    },
}
_PLACES = {
    name: (panel, file)
    for panel, files in COMMANDS.items()
    for file, names in files.items()
    for name in names
}


def asked_for(words: Sequence[str]) -> typer.Typer:
    """The program with the command that the words begin with alone: to load all takes a tenth of a small fit's time."""
    return _assembled(words[:1] if words and words[0] in _PLACES else list(_PLACES))


def bodies() -> dict[str, Callable[[Any], None]]:
    """The function of each command, by its name."""
    return {name: _body(name) for name in _PLACES}


def _body(name: str) -> Callable[[Any], None]:
    return getattr(import_module(f"gradline.cli.{_PLACES[name][1]}"), name)


def _assembled(names: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        name="gradline",
        help="Linear regression by gradient descent, with a proof on every answer.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(program)
    for name in names:
        body = _body(name)
        app.command(rich_help_panel=_PLACES[name][0], help=paragraphs(body))(command(body))
    return app


app: typer.Typer  # the program with all its commands, made when it is asked for


@functools.cache
def __getattr__(name: str) -> Any:
    """`app`."""
    if name != "app":
        raise AttributeError(name)
    return _assembled(list(_PLACES))
