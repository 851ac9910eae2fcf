"""Show: what a saved model or a version is, with standard errors, tests and terms."""

from collections.abc import Sequence
from typing import Annotated, Any

from gradline.cli.fit import report
from gradline.cli.options import AsJson, Missing, Model, WeightsAre, Written, flag, frozen, read_as
from gradline.cli.terminal import out, out_json
from gradline.cli.version_view import account, show_version
from gradline.cli.versions import named
from gradline.core.errors import UsageError
from gradline.core.text import counted, listed

_TESTS = "Tests"
_ROBUST = ("HC0", "HC1", "HC2", "HC3")


@frozen
class ShowOptions(Written):
    """A model or a version, and what to tell of it."""

    model: Model
    as_toml: Annotated[bool, flag("The options that reproduce it, as TOML.", "--config")] = False
    weights_are: WeightsAre | None = None
    level: Annotated[float, flag("Of the intervals.", panel=_TESTS)] = 0.95
    tests: Annotated[
        Sequence[str],
        flag("Equations that hold together, such as 'area = 0, rooms = 2*baths'.", "--test", panel=_TESTS),
    ] = ()
    contrasts: Annotated[
        Sequence[str], flag("Sums of coefficients, such as 'rooms - 2*baths'.", "--contrast", panel=_TESTS)
    ] = ()
    anova: Annotated[
        bool, flag("What each term explains: a category by all of its levels.", "--anova", panel=_TESTS)
    ] = False
    anova_type: Annotated[
        str | None,
        flag("Beside which others: I those before it, II all that do not contain it, III all.", panel=_TESTS),
    ] = None
    data: Annotated[
        str | None, flag("The training rows, for --robust, --cluster and --hac.", panel=_TESTS)
    ] = None
    robust: Annotated[
        str | None, flag("Standard errors for errors of unequal size: HC0, HC1, HC2 or HC3.", panel=_TESTS)
    ] = None
    cluster: Annotated[
        str | None, flag("Standard errors for rows that go together by this column.", panel=_TESTS)
    ] = None
    hac: Annotated[
        int | None,
        flag("Standard errors for rows in order whose errors are related to so many before.", panel=_TESTS),
    ] = None
    missing: Missing = "error"
    as_json: AsJson = False


def show(options: ShowOptions) -> None:
    """Show a model: coefficients, fit, certificate, standard errors, and how it was made; or a version.

    Examples:

      gradline show crops.safetensors

      gradline show crops.safetensors --anova --test 'temp = 0, rainfall = humidity'

      gradline show crops.safetensors --data crops.csv --robust HC3

      gradline show v3
    """
    from gradline.history.models import model_of  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.certificate import finite  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415

    version = named(options.model)
    if version is not None and not options.as_toml and not _asks_more(options):
        show_version(*version, options.weights_are, options.as_json)
        return
    model = load(options.model) if version is None else model_of(*version)
    if options.as_toml:
        from gradline.cli.config import to_toml  # noqa: PLC0415 - only here

        if options.as_json:
            out_json({"config": finite(model.config)})
        else:
            out(to_toml(model.config).rstrip())
        return
    _expect_clear(options)
    if options.as_json:
        out_json(_plain(model, options))
    else:
        out(_told(model, options))


def _asks_more(options: ShowOptions) -> bool:
    asked = (
        options.tests,
        options.contrasts,
        options.anova,
        options.anova_type,
        options.robust,
        options.cluster,
        options.hac is not None,
    )
    return any(asked) or options.level != 0.95


def _expect_clear(options: ShowOptions) -> None:
    if options.robust is not None and options.robust.upper() not in _ROBUST:
        raise UsageError("choice-invalid", f"--robust is {options.robust!r}", "use HC0, HC1, HC2 or HC3")
    kinds = {"--robust": options.robust, "--cluster": options.cluster, "--hac": options.hac}
    asked = [name for name, value in kinds.items() if value is not None]
    if len(asked) > 1:
        raise UsageError(
            "errors-twice", f"{listed(asked)} are kinds of standard errors", "leave one of them out"
        )
    if options.hac is not None and options.hac < 1:
        raise UsageError("lags-invalid", f"--hac is {options.hac}", "give a whole number of rows from 1")
    if options.data is not None and (options.anova or options.anova_type is not None):
        raise UsageError(
            "anova-of-plain-errors",
            "an analysis of variance is of errors of equal size, and --data is for others",
            "leave it out, and test the coefficients of a term together: --test 'town=B = 0, town=C = 0'",
        )
    if asked and options.data is None:
        raise UsageError(
            "rows-for-errors",
            f"{asked[0]} needs the rows, and a model holds none",
            "add --data FILE, the training rows",
        )
    if not asked and options.data is not None:
        raise UsageError(
            "data-unused",
            f"--data is the rows for {listed(kinds)}, and none of them is asked for",
            "add one of them",
        )


def _errors(model: Any, options: ShowOptions) -> Any:
    """The standard errors that are asked for in place of the plain ones; None for these."""
    if options.data is None:
        return None
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.coefficient_table import Errors  # noqa: PLC0415
    from gradline.model.residuals import diagnostics  # noqa: PLC0415

    source = open_table(options.within(options.data), read_as(options, model))
    found = diagnostics(
        model,
        source,
        clusters=options.cluster,
        weights_are=options.weights_are,
        missing=options.missing,
        lags=options.hac or 0,
    )
    if found.HAC is not None:
        name = f"those of Newey and West over {counted(options.hac or 0, 'row')}, in the order of the rows"
        return Errors(found.HAC, name, "errors of rows further apart are independent")
    if found.cluster is not None:
        name = f"those of {found.clusters:,} clusters by {options.cluster}"
        return Errors(found.cluster, name, "rows of different clusters are independent")
    kind = str(options.robust).upper()
    estimates = getattr(found, kind)
    if estimates is None:
        raise UsageError(
            "leverage-one", f"{kind} has no figure where one row fixes a coefficient by itself", "use HC1"
        )
    return Errors(estimates, f"{kind}, from the rows", "the errors are independent, whatever size each has")


def _told(model: Any, options: ShowOptions) -> str:
    """Everything in words."""
    from gradline.model import inference_text  # noqa: PLC0415 - --help needs no numpy

    inference, errors = model.infer(options.weights_are), _errors(model, options)
    blocks = [account(model, inference, options.level, errors)]
    known = inference if errors is None else errors.estimates
    if options.anova or options.anova_type is not None:
        blocks.append(inference_text.anova_table(inference.anova(options.anova_type or "II")))
    blocks += [inference_text.wald_lines(known.test(text), model.targets) for text in options.tests]
    blocks += [
        inference_text.contrast_table(known.contrast(text), model.targets, options.level)
        for text in options.contrasts
    ]
    return "\n\n".join(blocks)


def _plain(model: Any, options: ShowOptions) -> dict[str, Any]:
    """Everything as plain data."""
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    inference, errors = model.infer(options.weights_are), _errors(model, options)
    known = inference if errors is None else errors.estimates
    figures = inference.to_dict() | inference.tests(options.level)
    if errors is not None:
        figures |= {"errors": errors.name, **known.to_dict(options.level)}
    if options.anova or options.anova_type is not None:
        figures["anova"] = inference.anova(options.anova_type or "II").to_dict()
    figures["tests"] = [known.test(text).to_dict() for text in options.tests]
    figures["contrasts"] = [known.contrast(text).to_dict(options.level) for text in options.contrasts]
    return report(model, options.model) | {"inference": finite(figures)}
