"""The table of the commands: each is a function of a record of options, and stands in a panel of the help.

To add one, write its record (`options.py` says how) and its function in the file of its panel, and name it here.
"""

import typer

from gradline.cli import check, compare, example, export, fit, learn, push, share, use, versions
from gradline.cli.terminal import command, paragraphs, program

COMMANDS = {
    "Fit": [fit.fit],
    "Use": [use.predict, use.evaluate, use.show],
    "Check": [check.trajectory, check.selftest, check.doctor, check.verify],
    "Learn": [example.example, learn.lesson, learn.diagnose],
    "Share": [share.play, share.report, export.export],
    "Versions": [
        *(versions.commit, versions.log, versions.checkout, versions.note, versions.tag, versions.archive),
        *(compare.diff, push.push),
    ],
}

app = typer.Typer(
    name="gradline",
    help="Linear regression by gradient descent, with a proof on every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(program)
for panel, bodies in COMMANDS.items():
    for body in bodies:
        app.command(rich_help_panel=panel, help=paragraphs(body))(command(body))
