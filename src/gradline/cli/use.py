"""Use: predict, evaluate and show a saved model."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.fit import report
from gradline.cli.options import (
    AsJson,
    Data,
    Memory,
    Missing,
    Model,
    Output,
    Unseen,
    WeightsAre,
    argument,
    flag,
    frozen,
)
from gradline.cli.terminal import Stdout, out, out_json, say
from gradline.cli.version_view import account, show_version
from gradline.cli.versions import named
from gradline.core.errors import RequestError, UsageError
from gradline.core.memory_limit import check, limited
from gradline.core.text import counted, listed, nearest, number


@frozen
class PredictOptions:
    """A model, rows in a table or one row by hand, and where the predictions go."""

    model: Model
    data: Data | None = None
    values: Annotated[Sequence[str], flag("One row by hand: --set temp=75 --set …", "--set")] = ()
    unseen: Unseen = "error"
    missing: Missing = "error"
    interval: Annotated[
        float | None, flag("Bounds that hold a new row with this probability, such as 0.95.")
    ] = None
    memory: Memory | None = None
    output: Output | None = None
    as_json: AsJson = False


def predict(options: PredictOptions) -> None:
    """Predict the targets, one CSV line for each row; columns are matched by name.

    With --missing drop a row with a missing cell keeps its line, and its predictions are NaN. With --interval
    each target is followed by its bounds.

    Examples:

      gradline predict crops.safetensors --set temp=75 --set rainfall=63 --set humidity=44

      gradline predict delay.safetensors tomorrow.csv -o predicted.csv
    """
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.model import load  # noqa: PLC0415

    _choice("missing", options.missing, ("error", "drop"))
    _choice("unseen", options.unseen, ("error", "base"))
    if bool(options.values) == (options.data is not None):
        raise UsageError(
            "data-or-set", "give either DATA or --set NAME=VALUE", "for one row --set, for many a file"
        )
    if options.output is not None:
        _expect_csv(options.output, options.data, options.model)
    model = load(options.model)
    source, notes = _row(model, options.values) if options.data is None else _table(model, options.data)
    notes += _about_own_units(model)
    ranges = _Ranges(model)
    batches = ranges.watched(
        model.predictions(source, missing=options.missing, unseen=options.unseen, interval=options.interval)
    )
    names = [*_names(model.targets, bounds=options.interval is not None), *_own_names(model)]
    with limited(options.memory):
        if options.as_json:
            rows = [row for batch in batches for row in _cells(model, batch).tolist()]
            out_json(finite({"targets": names, "predictions": rows, "notices": notes + ranges.notes()}))
        elif options.values and options.output is None:
            _print_row(model, next(iter(batches)))
        else:
            _write_csv(model, names, batches, options.output)
    for note in notes + ranges.notes():
        say(f"note: {note}")
    if options.output is not None:
        say(f"saved: {options.output}")


@frozen
class EvaluateOptions:
    """A model, and the rows to try it on."""

    model: Model
    data: Annotated[str, argument("Rows with features and targets, as for fit.")]
    missing: Missing = "error"
    unseen: Unseen = "error"
    memory: Memory | None = None
    as_json: AsJson = False


def evaluate(options: EvaluateOptions) -> None:
    """Tell how well a model predicts other rows."""
    from gradline.model.model import load  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.summary import quality  # noqa: PLC0415

    _choice("missing", options.missing, ("error", "drop"))
    _choice("unseen", options.unseen, ("error", "base"))
    model = load(options.model)
    with limited(options.memory):
        result = model.evaluate(options.data, missing=options.missing, unseen=options.unseen)
    if options.as_json:
        out_json({"targets": list(model.targets), **result._asdict()})
        return
    dropped = f" ({result.dropped:,} more dropped for missing cells)" if result.dropped else ""
    out(f"{counted(result.rows, 'row')} of {options.data}{dropped}\n")
    out(quality(model.targets, result, "loss"))


@frozen
class ShowOptions:
    """A model or a version, and what to tell of it."""

    model: Model
    as_toml: Annotated[bool, flag("The options that reproduce it, as TOML.", "--config")] = False
    weights_are: WeightsAre | None = None
    as_json: AsJson = False


def show(options: ShowOptions) -> None:
    """Show a model: coefficients, fit, certificate, standard errors, and how it was made; or a version.

    Examples:

      gradline show crops.safetensors

      gradline show v3
    """
    from gradline.history.models import model_of  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.certificate import finite  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415

    version = named(options.model)
    if version is not None and not options.as_toml:
        show_version(*version, options.weights_are, options.as_json)
        return
    model = load(options.model) if version is None else model_of(*version)
    inference = model.infer(options.weights_are)
    if options.as_toml:
        from gradline.cli.config import to_toml  # noqa: PLC0415 - only here

        out(to_toml(model.config).rstrip())
    elif options.as_json:
        out_json(
            report(model, options.model) | {"inference": finite(inference.to_dict() | inference.tests())}
        )
    else:
        out(account(model, inference))


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError("choice-invalid", f"{name} is {value!r}", f"use {' or '.join(choices)}")


def _expect_csv(output: str, data: str | None, model: Path) -> None:
    """Refuse to write predictions over what they are made from, or under the name of another format."""
    path = Path(output)
    if output == "-":
        raise UsageError("output-not-named", "-o - names no file", "leave it out: predictions go to stdout")
    for other in (Path(data or ""), model):
        if path.exists() and other.exists() and path.samefile(other):
            raise UsageError(
                "output-is-input", f"-o {output} is what the predictions are made from", "choose another name"
            )
    if path.suffix in (".parquet", ".arrow", ".feather", ".ndjson", ".jsonl", ".json", ".safetensors", ".gz"):
        raise UsageError(
            "output-not-csv",
            f"-o {output} does not end in .csv, and predictions are CSV",
            "choose a name with .csv",
        )


def _row(model: Any, values: Sequence[str]) -> tuple[Any, list[str]]:
    """One row from NAME=VALUE words; the longest name that fits wins, since names may hold a `=`."""
    from gradline.data.columnar import FrameSource  # noqa: PLC0415 - --help needs no numpy

    known = list(model.design.inputs)
    row: dict[str, list[str]] = {}
    for word in values:
        if "=" not in word:
            raise UsageError("set-without-value", f"--set {word} gives no value", f"write --set {word}=VALUE")
        name = max((name for name in known if word.startswith(f"{name}=")), key=len, default=None)
        if name is None:
            raise UsageError(
                "set-unknown",
                f"--set {word} names no feature",
                nearest(word.split("=")[0], known, "the features are"),
            )
        if name in row:
            raise UsageError("set-twice", f"--set gives {name} twice", "give it once")
        row[name] = [word[len(name) + 1 :]]
    lacking = [name for name in known if name not in row]
    if lacking:
        raise UsageError("set-incomplete", f"--set lacks {listed(lacking)}", "give every feature a value")
    frame = FrameSource.of(row)
    return FrameSource(frame and frame.frame, "--set"), []


def _table(model: Any, data: str) -> tuple[Any, list[str]]:
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy

    source = open_table(data)
    extra = model.design.match(source, targets=False)
    return source, [f"columns that the model does not use: {listed(extra)}"] if extra else []


class _Ranges:
    """Counts, while predictions pass by, the features outside the range they were trained on."""

    def __init__(self, model: Any) -> None:
        statistics, p = model.moments.statistics, len(model.features)
        self._names = model.features
        self._low, self._high = statistics.minimum[:p], statistics.maximum[:p]
        self._counts, self._rows = [0] * p, 0

    def watched(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            self._rows += len(batch.values)
            check(f"by row {self._rows:,}")
            outside = (batch.inputs < self._low) | (batch.inputs > self._high)
            self._counts = [n + int(k) for n, k in zip(self._counts, outside.sum(axis=0), strict=True)]
            yield batch

    def notes(self) -> list[str]:
        return [
            f"{name} lies outside {number(low, 6)} to {number(high, 6)}, where the model was trained, "
            f"in {counted(n, 'row')}"
            for name, low, high, n in zip(self._names, self._low, self._high, self._counts, strict=True)
            if n
        ]


def _names(targets: tuple[str, ...], bounds: bool) -> list[str]:
    """The columns of predictions: the targets, each followed by its bounds where there are any."""
    names = [name + end for name in targets for end in (("", "_lower", "_upper") if bounds else ("",))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise RequestError(
            "name-of-target-and-bound",
            f"{twice} would be the name of a target and of a bound",
            "leave out --interval",
        )
    return names


def _own(model: Any) -> list[tuple[int, str, str]]:
    """Each transformed target by its number, with its column and a way back to that column's units."""
    from gradline.model.own_units import WAYS, has_mean  # noqa: PLC0415 - --help needs no numpy

    return [
        (j, transform.column, way)
        for j, transform in enumerate(model.design.transforms)
        if transform is not None
        for way in WAYS
        if way == "median" or has_mean(model.design, j, model.smearing)
    ]


def _own_names(model: Any) -> list[str]:
    """The columns beside the targets: `price_median`, `price_mean`."""
    return [f"{column}_{way}" for _, column, way in _own(model)]


def _about_own_units(model: Any) -> list[str]:
    names = _own_names(model)
    if not names:
        return []
    mean = "; a mean also averages over the training residuals (Duan's smearing)"
    inverted = "medians are the predictions turned back"
    return [f"{listed(names)} are in the units of the table: {inverted}{mean if len(names) > 1 else ''}"]


def _cells(model: Any, batch: Any) -> Any:
    """A batch's predictions with the columns that `_names` names, and those in own units."""
    import numpy as np  # noqa: PLC0415 - --help needs no numpy

    own = [model.in_own_units(batch.values, way)[:, j] for j, _, way in _own(model)]
    fitted = _fitted_cells(batch)
    return np.column_stack([fitted, *own]) if own else fitted


def _fitted_cells(batch: Any) -> Any:
    """The predictions of what was fitted, with their bounds where there are any."""
    import numpy as np  # noqa: PLC0415 - --help needs no numpy

    if batch.margins is None:
        return batch.values
    bounds = [batch.values, batch.values - batch.margins, batch.values + batch.margins]
    return np.stack(bounds, axis=2).reshape(len(batch.values), -1)


def _print_row(model: Any, batch: Any) -> None:
    from gradline.model.summary import aligned  # noqa: PLC0415 - --help needs no numpy

    columns = [list(model.targets), [f"{value:.6g}" for value in batch.values[0]]]
    if batch.margins is None:
        own = [model.in_own_units(batch.values, way)[0, j] for j, _, way in _own(model)]
        columns = [[*columns[0], *_own_names(model)], [*columns[1], *(f"{value:.6g}" for value in own)]]
    if batch.margins is not None:
        low, high = batch.values[0] - batch.margins[0], batch.values[0] + batch.margins[0]
        columns += [[f"{value:.6g}" for value in low], [f"{value:.6g}" for value in high]]
        columns = [
            [name, *cells] for name, cells in zip(["", "predicted", "from", "to"], columns, strict=True)
        ]
    out(aligned(columns))


def _write_csv(model: Any, names: list[str], batches: Iterable[Any], output: str | None) -> None:
    """Predictions as CSV, a missing one as NaN; to a file whole or not at all."""
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no polars
    from gradline.data.written import write_csv  # noqa: PLC0415

    with replacing(output) if output else nullcontext(Stdout()) as stream:
        write_csv(stream, names, (_cells(model, batch) for batch in batches))
