"""Show: what a saved model or a version is, with standard errors, tests and terms."""

from collections.abc import Sequence
from typing import Annotated, Any

from gradline.cli.fit import report
from gradline.cli.options import (
    AsJson,
    Missing,
    Model,
    OtherErrors,
    WeightsAre,
    Written,
    flag,
    frozen,
    read_as,
)
from gradline.cli.terminal import out, out_json, say
from gradline.cli.version_view import account, show_version
from gradline.cli.versions import named
from gradline.core.errors import UsageError

_TESTS = "Tests"


@frozen
class ShowOptions(Written, OtherErrors):
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
    means: Annotated[
        Sequence[str],
        flag(
            "Category whose mean by level is told, and how far levels are apart; may be repeated.",
            panel=_TESTS,
        ),
    ] = ()
    at: Annotated[
        Sequence[str], flag("NAME=VALUE at which another column stands for --means.", panel=_TESTS)
    ] = ()
    data: Annotated[
        str | None, flag("The training rows, for --robust, --cluster and --hac.", panel=_TESTS)
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
    if options.as_json:
        out_json(_plain(model, options))
    else:
        out(_told(model, options))


def _asks_more(options: ShowOptions) -> bool:
    asked = (
        options.tests,
        options.contrasts,
        options.means,
        options.at,
        options.anova,
        options.anova_type,
        options.robust,
        options.cluster,
        options.hac is not None,
    )
    return any(asked) or options.level != 0.95


def _asked(options: ShowOptions, model: Any) -> Any:
    """Which standard errors are asked for in place of the plain ones: now, else at the fit where rows are given."""
    from gradline.model.errors_asked import ErrorsAsked  # noqa: PLC0415 - --help needs no numpy

    asked = ErrorsAsked.of(vars(options) | {"seed": model.config.get("seed")})
    fitted = ErrorsAsked.of(model.config)
    if options.data is not None and (options.anova or options.anova_type is not None):
        raise UsageError(
            "anova-of-plain-errors",
            "an analysis of variance is of errors of equal size, and --data is for others",
            "leave it out, and test the coefficients of a term together: --test 'town=B = 0, town=C = 0'",
        )
    if asked and options.data is None:
        raise UsageError(
            "rows-for-errors",
            f"{asked.flags} needs the rows, and a model holds none",
            "add --data FILE, the training rows",
        )
    if options.data is None:
        if fitted:
            say(f"note: the fit was asked for {fitted.flags}, which needs the rows: add --data FILE")
        return None
    if not asked and not fitted:
        raise UsageError(
            "data-unused",
            "--data is the rows for --robust, --cluster, --hac, and none of them is asked for",
            "add one of them",
        )
    return asked or fitted


def _errors(model: Any, options: ShowOptions) -> Any:
    """The standard errors that are asked for in place of the plain ones; None for these."""
    asked = _asked(options, model)
    if options.data is None:
        return None
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.other_errors import other_errors  # noqa: PLC0415

    source = open_table(options.within(options.data), read_as(options, model))
    return other_errors(model, source, asked, weights_are=options.weights_are, missing=options.missing)


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
    blocks += [found.text(model.targets, options.level) for found in _means(model, known, options)]
    return "\n\n".join(blocks)


def _means(model: Any, known: Any, options: ShowOptions) -> list[Any]:
    """Those by level that are asked for, with the standard errors that are."""
    if options.at and not options.means:
        raise UsageError("at-without-means", "--at says where columns stand for --means", "add --means NAME")
    if not options.means:
        return []
    from gradline.model.means import held, marginal_means  # noqa: PLC0415 - few ask for them

    at = held(model, options.at)
    return [marginal_means(model, name, at=at, estimates=known) for name in options.means]


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
    figures["means"] = [found.to_dict(options.level) for found in _means(model, known, options)]
    return report(model, options.model) | {"inference": finite(figures)}
