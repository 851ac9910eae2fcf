"""What is typed wrongly: the refusal of an option, a command or a value, in the words and the form of all others."""

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

import typer

from gradline.core.errors import UsageError
from gradline.core.text import joined, lowered

Mistyped: Any = typer.BadParameter.__mro__[1]  # of all that typer refuses, whichever click it brings along

OTHER_NAMES = {  # what an option is called elsewhere, in PyTorch, scikit-learn and R
    "--lr": ("learning-rate", "rate", "eta", "eta0", "step-size"),
    "--epochs": ("epoch", "iterations", "iters", "iter", "max-iter", "n-iter", "num-epochs", "n-epochs"),
    "--batch-size": ("batch", "batches", "bs", "minibatch"),
    "--target": ("targets", "label", "labels", "y", "response", "predict"),
    "--feature": ("features", "columns", "column", "x", "inputs", "predictors"),
    "--exclude": ("drop", "ignore", "without"),
    "--output": ("out", "save", "save-to", "o"),
    "--no-bias": ("no-intercept", "nointercept"),
    "--bias": ("intercept", "fit-intercept"),
    "--scale": ("standardise", "standardize", "normalise", "normalize", "scaling", "scaler"),
    "--holdout": ("validation", "validation-split", "val-split", "test-size", "split", "val"),
    "--solver": ("optimizer", "optimiser", "method", "algorithm"),
    "--seed": ("random-state", "random-seed"),
    "--init": ("start", "initial", "init-weights"),
    "--decay": ("scheduler", "lr-decay"),
    "--missing": ("dropna", "drop-na", "impute"),
    "--weights": ("weight", "sample-weight", "row-weights"),
    "--log-every": ("verbose", "print-every", "log-interval"),
    "--stop-after": ("early-stopping", "patience"),
    "--checkpoint": ("resume",),
    "--set": ("value", "values", "row", "input"),
    "--interval": ("confidence", "level", "prediction-interval"),
    "--at": ("epoch", "epochs"),
    "--to": ("format", "dialect", "uri"),
}


def run(app: Callable[..., Any], tell: Callable[[str, str, str, bool], None]) -> None:
    """Run the program, and end the process with its exit code; what was mistyped is refused by `tell`, with 2."""
    try:
        code = app(standalone_mode=False)
    except Mistyped as error:
        refusal = refused(error)
        if refusal is None:  # no command at all: its help was shown
            raise SystemExit(UsageError.exit_code) from None
        tell(refusal.code, refusal.cause, refusal.remedy, "--json" in sys.argv)
        raise SystemExit(refusal.exit_code) from None
    except typer.Abort:
        raise SystemExit(1) from None
    raise SystemExit(code or 0)


def refused(error: Any) -> UsageError | None:
    """What typer refuses as one of our errors; None where the program or a command only shows its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    context = cast(Any, error.ctx)
    name = "" if not context or not context.parent else f" {context.info_name}"
    usage = f"gradline{name} --help shows how it is used"
    message = error.format_message()
    if type(error).__name__ == "NoSuchOption":
        known = [word for option in context.command.params for word in (*option.opts, *option.secondary_opts)]
        cause = f"{name.strip() or 'gradline'} has no option {error.option_name}"
        return UsageError("option-unknown", cause, _meant(meant(error.option_name, known), usage))
    if message.startswith("No such command"):
        typed = message.split("'")[1] if "'" in message else message
        close = difflib.get_close_matches(typed, context.command.commands, n=3)
        return UsageError(
            "command-unknown", f"there is no command {typed}", _meant(close, "gradline --help lists all")
        )
    said = (
        message.split("\n")[0]
        .rstrip(".")
        .replace("a valid int", "a whole number")
        .replace("a valid float", "a number")
    )
    return UsageError("usage-invalid", lowered(said), usage)


def meant(typed: str, known: Iterable[str]) -> list[str]:
    """The known options that somebody who typed this may have meant, the likeliest first."""
    known = [option for option in known if option.startswith("--")]
    word = typed.lstrip("-").replace("_", "-").lower()
    if f"--{word}" in known:
        return [f"--{word}"]
    served = {option: others for option, others in OTHER_NAMES.items() if option in known}
    named = [option for option, others in served.items() if word in others]
    if named:
        return named
    # A slip in an option, or in what it is called elsewhere: the likelier of both.
    names = {option.lstrip("-"): option for option in reversed(known)}
    names = {other: option for option, others in served.items() for other in others} | names
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.7)
    return list(dict.fromkeys(names[name] for name in close))


def _meant(options: list[str], usage: str) -> str:
    return f"did you mean {joined(options)}? {usage}" if options else usage
