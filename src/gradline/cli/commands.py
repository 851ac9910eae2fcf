"""The table of the commands: each is a function of a record of options, and stands in a panel of the help.

To add one, write its record (`options.py` says how) and its function in the file of its panel, and name it here.
"""

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer

from gradline.cli.terminal import command, paragraphs, program

# By panel, and by the file in which they stand; of `moments make` the function is called `make`.
COMMANDS = {
    "Fit": {"fit": ["fit"]},
    "State": {
        "moments": ["plan", *(f"moments {name}" for name in ("make", "merge", "subtract", "forget", "show"))],
        "pushdown": ["moments sql"],
    },
    "Use": {"use": ["predict", "evaluate"], "show": ["show"], "side_by_side": ["compare"]},
    "Check": {"check": ["trajectory", "selftest", "doctor", "verify"], "alphas": ["path"]},
    "Learn": {"example": ["example"], "learn": ["lesson", "diagnose"]},
    "Share": {"share": ["play", "report"], "export": ["export"]},
    "Versions": {
        "versions": ["commit", "log", "checkout", "note", "tag", "archive"],
        "compare": ["diff"],
        "push": ["push"],
    },
}
GROUPS = {"moments": "States of rows, and ledgers of them: make, merge, subtract, forget, show, sql."}
_PLACES = {
    name: (panel, file)
    for panel, files in COMMANDS.items()
    for file, names in files.items()
    for name in names
}


def asked_for(words: Sequence[str]) -> typer.Typer:
    """The program with the command that the words begin with alone: to load all takes a tenth of a small fit's time."""
    first = {name for name in _PLACES if words and name.split()[0] == words[0]}
    return _assembled([name for name in _PLACES if name in first] or list(_PLACES))


def bodies() -> dict[str, Callable[[Any], None]]:
    """The function of each command, by its name."""
    return {name: _body(name) for name in _PLACES}


def _body(name: str) -> Callable[[Any], None]:
    return getattr(import_module(f"gradline.cli.{_PLACES[name][1]}"), name.split()[-1])


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
    groups: dict[str, typer.Typer] = {}
    for name in names:
        body, panel = _body(name), _PLACES[name][0]
        group = name.split()[0] if " " in name else None
        if group is not None and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True)
            app.add_typer(groups[group], name=group, rich_help_panel=panel, help=GROUPS[group])
        place, panel = (app, panel) if group is None else (groups[group], None)
        place.command(rich_help_panel=panel, help=paragraphs(body))(command(body))
    return app


app: typer.Typer  # the program with all its commands, made when it is asked for


@functools.cache
def __getattr__(name: str) -> Any:
    """`app`."""
    if name != "app":
        raise AttributeError(name)
    return _assembled(list(_PLACES))
