"""Compare: several saved models of the same targets beside each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from gradline.cli.options import AsJson, Missing, Output, Reads, argument, flag, frozen
from gradline.cli.terminal import out, out_json, say
from gradline.core.errors import UsageError


@frozen
class CompareOptions(Reads):
    """Models, rows to try them on, and how the tables are written."""

    models: Annotated[
        Sequence[str], argument("Files that `gradline fit -o` wrote, smaller ones first.", "MODEL MODEL …")
    ]
    data: Annotated[str | None, flag("Rows for the error on parts held out in turn.")] = None
    missing: Missing = "error"
    seed: Annotated[int, flag("What draws the parts. Default: 0.")] = 0
    form: Annotated[
        str, flag("text, markdown, latex, or html, which word processors open too. Default: text.", "--to")
    ] = "text"
    output: Output | None = None
    as_json: AsJson = False


def compare(options: CompareOptions) -> None:
    """Compare models: coefficients with standard errors, AIC and BIC, and F tests where one holds the other.

    Examples:

      gradline compare small.safetensors large.safetensors

      gradline compare small.safetensors large.safetensors --data homes.csv --to html -o models.html
    """
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.certificate import finite  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415
    from gradline.model.side_by_side import compare as compared  # noqa: PLC0415

    names = [Path(path).name.removesuffix(".safetensors") for path in options.models]
    if len(set(names)) < len(names):
        names = list(options.models)
    if len(set(names)) < len(names):
        raise UsageError("model-twice", "a model is named twice", "name each once")
    models = {name: load(path) for name, path in zip(names, options.models, strict=True)}
    data = None if options.data is None else options.within(options.data)
    found = compared(models, data, missing=options.missing, seed=options.seed)
    if options.as_json:
        out_json(finite(found.to_dict()))
        return
    told = found.to(options.form)
    if options.output is None:
        out(told)
        return
    with replacing(options.output) as stream:
        stream.write(f"{told}\n".encode())
    say(f"saved: {options.output}")
