"""Use: predict with a saved model, and evaluate it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import (
    AsJson,
    Data,
    Memory,
    Missing,
    Model,
    Unseen,
    Written,
    argument,
    flag,
    frozen,
    read_as,
    tells_numbers,
)
from gradline.cli.terminal import Stdout, out, out_json, say
from gradline.core.errors import RequestError, UsageError
from gradline.core.memory_limit import check, limited
from gradline.core.text import counted, listed, nearest, number, shell


@frozen
class PredictOptions(Written):
    """A model, rows in a table or one row by hand, and where the predictions go."""

    model: Model
    data: Data | None = None
    values: Annotated[Sequence[str], flag("One row by hand: --set temp=75 --set …", "--set")] = ()
    unseen: Unseen = "error"
    missing: Missing = "error"
    keep: Annotated[
        Sequence[str], flag("Column of DATA to write before the predictions; may be repeated.")
    ] = ()
    interval: Annotated[
        float | None, flag("Add bounds that hold a new row's target with this probability, such as 0.95.")
    ] = None
    of: Annotated[
        str | None,
        flag(
            "What the bounds hold: a new row (new), or what such rows have on average (mean). Default: new."
        ),
    ] = None
    memory: Memory | None = None
    output: Annotated[
        str | None, flag("File to write: CSV, or what .parquet, .arrow or .xlsx says.", "-o", "--output")
    ] = None
    escape_formulas: Annotated[
        bool,
        flag("In CSV, put ' before text that a spreadsheet would run as a formula.", "--escape-formulas"),
    ] = False
    as_json: AsJson = False


def predict(options: PredictOptions) -> None:
    """Predict the targets, one row for each row of DATA; columns are matched by name.

    With --missing drop a row with a missing cell keeps its line, and its predictions are NaN (empty in Parquet, Arrow
    and Excel). With --interval each target is followed by its bounds.

    Examples:

      gradline predict crops.safetensors --set temp=75 --set rainfall=63 --set humidity=44

      gradline predict delay.safetensors tomorrow.csv -o predicted.csv

      gradline predict delay.safetensors tomorrow.csv --keep flight --keep carrier -o predicted.xlsx
    """
    from gradline.data.notation import Text  # noqa: PLC0415 - --help needs it not
    from gradline.model.as_at_training import notes as as_at_training  # noqa: PLC0415
    from gradline.model.certificate import finite  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415

    _choice("missing", options.missing, ("error", "drop"))
    _choice("unseen", options.unseen, ("error", "base", "missing"))
    _choice("of", options.of or "new", ("new", "mean"))
    if options.of is not None and options.interval is None:
        raise UsageError(
            "of-without-interval", "--of says what bounds hold, and none are asked for", "add --interval 0.95"
        )
    if bool(options.values) == (options.data is not None):
        raise UsageError(
            "data-or-set", "give either DATA or --set NAME=VALUE", "for one row --set, for many a file"
        )
    if options.output is not None:
        _expect_table(options.output, options.data, options.model)
    _expect_keepable(options)
    model = load(options.model)
    told = replace(read_as(options, model), where=options.where or None)
    is_new = options.interval is not None and options.of != "mean"
    weights = model.weights_of_intervals if is_new else None
    source, notes = (
        _row(model, options.values, told, weights)
        if options.data is None
        else _table(model, options.within(options.data), [*options.keep, weights], told)
    )
    if options.data is not None and not tells_numbers(options):
        notes += as_at_training(model, source)
    if model.read.where and options.data is not None and not options.where:
        flags = shell(Text(where=model.read.where).words())
        notes.append(f"all rows are predicted; the model was trained on rows chosen by {flags}")
    notes += _about_own_units(model, options.interval is not None)
    if weights is not None and weights not in source.schema():
        notes.append(f"bounds are for rows of weight 1: {source.name} has no column {weights}")
    ranges = _Ranges(model, options.unseen)
    batches = ranges.watched(
        model.predictions(
            source,
            missing=options.missing,
            unseen=options.unseen,
            interval=options.interval,
            of=options.of or "new",
            keep=options.keep,
        )
    )
    names = _names(model, options.interval is not None)
    _expect_kept(source, options.keep, names)
    with limited(options.memory):
        if options.as_json:
            rows, kept = [], {name: [] for name in options.keep}
            for batch in batches:
                rows += _cells(model, batch).tolist()
                for name in options.keep:
                    kept[name] += batch.kept[name].to_list()
            told = {"kept": kept} if kept else {}
            out_json(
                finite({"targets": names, "predictions": rows, **told, "notices": notes + ranges.notes()})
            )
        elif options.values and options.output is None:
            _print_row(model, next(iter(batches)))
        else:
            _write(model, names, batches, options)
    for note in notes + ranges.notes():
        say(f"note: {note}")
    if options.output is not None:
        say(f"saved: {options.output}")


@frozen
class EvaluateOptions(Written):
    """A model, and the rows to try it on."""

    model: Model
    data: Annotated[str, argument("Rows with features and targets, as for fit.")]
    missing: Missing = "error"
    unseen: Unseen = "error"
    memory: Memory | None = None
    as_json: AsJson = False


def evaluate(options: EvaluateOptions) -> None:
    """Tell how well a model predicts other rows."""
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.as_at_training import notes as as_at_training  # noqa: PLC0415
    from gradline.model.model import load  # noqa: PLC0415
    from gradline.model.summary import quality  # noqa: PLC0415

    _choice("missing", options.missing, ("error", "drop"))
    _choice("unseen", options.unseen, ("error", "base", "missing"))
    model = load(options.model)
    with limited(options.memory):
        # Opened once, as standard input comes once.
        source = open_table(options.within(options.data), read_as(options, model))
        about_marks = [] if tells_numbers(options) else as_at_training(model, source)
        result = model.evaluate(source, missing=options.missing, unseen=options.unseen)
        notes = about_marks + _told_of_levels(model, source, options.unseen)
    if options.as_json:
        out_json({"targets": list(model.targets), **result._asdict(), "notices": notes})
        return
    for note in notes:
        say(f"note: {note}")
    dropped = f" ({result.dropped:,} more dropped for missing cells)" if result.dropped else ""
    out(f"{counted(result.rows, 'row')} of {options.data}{dropped}\n")
    out(quality(model, result))


def _told_of_levels(model: Any, source: Any, unseen: str) -> list[str]:
    """How many rows have levels that training did not see, where they are let through: from one more pass."""
    if unseen == "error":
        return []
    ranges = _Ranges(model, unseen)
    for _ in ranges.watched(model.predictions(source, missing="drop", unseen=unseen)):
        pass
    return strangers(ranges.strange, ranges.bases, unseen)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            "choice-invalid", f"{name} is {value!r}", f"use {', '.join(choices[:-1])} or {choices[-1]}"
        )


def _expect_table(output: str, data: str | None, model: Path) -> None:
    """Refuse to write predictions over what they are made from, or under the name of a format that is not written."""
    path = Path(output)
    if output == "-":
        raise UsageError("output-not-named", "-o - names no file", "leave it out: predictions go to stdout")
    for other in (*_files(data or "", path), model):
        if path.exists() and other.exists() and path.samefile(other):
            raise UsageError(
                "output-is-input", f"-o {output} is what the predictions are made from", "choose another name"
            )
    if path.suffix.lower() in (
        ".ndjson",
        ".jsonl",
        ".json",
        ".safetensors",
        ".gz",
        ".xls",
        ".xlsb",
        ".ods",
        ".db",
    ):
        raise UsageError(
            "output-unsupported",
            f"-o {output} ends in {path.suffix}, which is not written",
            "choose a name with .csv, .parquet, .arrow or .xlsx",
        )


def _files(data: str, path: Path) -> list[Path]:
    """The files that a name of data stands for, of a folder the one alone that lies at a path."""
    import glob  # noqa: PLC0415 - only for what is written

    within = Path(data).is_dir() and Path(data).resolve() in path.resolve().parents
    return [Path(data), *map(Path, glob.glob(data, recursive=True)), *([path] if within else [])]


def _expect_keepable(options: PredictOptions) -> None:
    """Refuse options that have nothing to act on."""
    if options.keep and options.data is None:
        raise UsageError(
            "keep-without-data", "--keep names columns of DATA, and there is none", "leave out --keep"
        )
    from gradline.data.written import WRITERS  # noqa: PLC0415 - --help needs no polars

    if options.escape_formulas and (options.as_json or Path(options.output or "").suffix.lower() in WRITERS):
        raise UsageError(
            "escape-without-csv",
            "--escape-formulas is for CSV, and none is written",
            "leave it out, or write .csv",
        )


def _expect_kept(source: Any, keep: Sequence[str], names: Sequence[str]) -> None:
    """Refuse columns to keep that the table lacks, or that would be written twice."""
    known = source.schema() if keep else {}
    for name in keep:
        if name not in known:
            raise RequestError("column-unknown", f"--keep {name} names no column", nearest(name, list(known)))
        if name in names or list(keep).count(name) > 1:
            raise RequestError(
                "output-name-twice",
                f"two columns of the output would be called {name}",
                f"leave out {shell(['--keep', name])}" if name in names else "keep it once",
            )


def _row(model: Any, values: Sequence[str], read: Any, weights: str | None) -> tuple[Any, list[str]]:
    """One row from NAME=VALUE words; the longest name that fits wins, since names may hold a `=`.

    `weights` is a name that may be among them.
    """
    from gradline.data.cells import Spelling  # noqa: PLC0415 - --help needs no numpy
    from gradline.data.columnar import FrameSource  # noqa: PLC0415

    needed = list(model.design.inputs)
    known = needed if weights is None or weights in needed else [*needed, weights]
    row: dict[str, list[str]] = {}
    for word in values:
        if "=" not in word:
            raise UsageError(
                "set-without-value",
                f"--set {word} gives no value",
                f"write {shell(['--set', f'{word}=VALUE'])}",
            )
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
    lacking = [name for name in needed if name not in row]
    if lacking:
        raise UsageError("set-incomplete", f"--set lacks {listed(lacking)}", "give every feature a value")
    frame = FrameSource.of(row)
    return FrameSource(frame and frame.frame, "--set", Spelling.told(read)), []


def _table(model: Any, data: Any, used: Sequence[str | None], read: Any) -> tuple[Any, list[str]]:
    """The rows to predict, and what is told of them; `used` are columns that are of use beside the features."""
    from gradline.data.tables import open_table  # noqa: PLC0415 - --help needs no numpy

    source = open_table(data, read)
    extra = model.design.match(source, targets=False)
    told = [notice.text for notice in source.notices]
    unused = [name for name in extra if name not in used]
    return source, told + ([f"columns that the model does not use: {listed(unused)}"] if unused else [])


class _Ranges:
    """Counts, while predictions pass by, the features outside the range and the levels outside those of training."""

    def __init__(self, model: Any, unseen: str) -> None:
        self._unseen, self.strange = unseen, Counter()
        self.bases = {name: level for term in model.design.terms for name, level in term.bases.items()}
        statistics, p = model.moments.statistics, len(model.features)
        self._names = model.features
        self._low, self._high = statistics.minimum[:p], statistics.maximum[:p]
        self._counts, self._rows = [0] * p, 0

    def watched(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            self._rows += len(batch.values)
            self.strange.update(batch.unseen)
            check(f"by row {self._rows:,}")
            outside = (batch.inputs < self._low) | (batch.inputs > self._high)
            self._counts = [n + int(k) for n, k in zip(self._counts, outside.sum(axis=0), strict=True)]
            yield batch

    def notes(self) -> list[str]:
        return strangers(self.strange, self.bases, self._unseen) + [
            f"{name} lies outside {number(low, 6)} to {number(high, 6)}, the range of training, "
            f"in {counted(n, 'row')}: a line may not hold there"
            for name, low, high, n in zip(self._names, self._low, self._high, self._counts, strict=True)
            if n
        ]


def strangers(counts: Mapping[str, int], bases: Mapping[str, str], unseen: str) -> list[str]:
    """What became of rows with levels that training did not see."""
    return [
        f"{counted(count, 'row')} {'has' if count == 1 else 'have'} a level of {column} that training did not see: "
        + (f"counted as the base {bases[column]}" if unseen == "base" else "no prediction")
        for column, count in counts.items()
    ]


_BOUNDS = ("_lower", "_upper")


def _names(model: Any, bounds: bool) -> list[str]:
    """The columns of predictions: the targets and those in own units, each followed by its bounds if it has any."""
    names = list(model.targets) if not bounds else _bounded(model.targets)
    for column, way in _own(model):
        names += _bounded([f"{column}_{way}"]) if bounds and way == "median" else [f"{column}_{way}"]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise RequestError(
            "name-of-target-and-bound",
            f"{twice} would be the name of two columns of predictions",
            "leave out --interval" if bounds else "rename the target",
        )
    return names


def _bounded(names: Iterable[str]) -> list[str]:
    return [name + end for name in names for end in ("", *_BOUNDS)]


def _own(model: Any) -> dict[tuple[str, str], int]:
    """The column of each transformed target, with a way back to its units, and the target's number."""
    from gradline.model.own_units import WAYS, has_mean  # noqa: PLC0415 - --help needs no numpy

    return {
        (transform.column, way): j
        for j, transform in enumerate(model.design.transforms)
        if transform is not None
        for way in WAYS
        if way == "median" or has_mean(model.design, j, model.smearing)
    }


def _about_own_units(model: Any, bounds: bool) -> list[str]:
    names = [f"{column}_{way}" for column, way in _own(model)]
    if not names:
        return []
    told = "medians are the predictions turned back" + ", and so are their bounds" * bounds
    mean = "; a mean also averages over the training residuals (Duan's smearing)"
    return [f"{listed(names)} are in the units of the table: {told}{mean if len(names) > 1 else ''}"]


def _cells(model: Any, batch: Any) -> Any:
    """A batch's predictions (n, c), by the columns that `_names` names."""
    import numpy as np  # noqa: PLC0415 - --help needs no numpy

    reach = [batch.values]
    if batch.margins is not None:
        reach += [batch.values - batch.margins, batch.values + batch.margins]
    cells = [np.stack(reach, axis=2).reshape(len(batch.values), -1)]
    for (_, way), j in _own(model).items():
        own = [model.in_own_units(batch.values, way)]
        if batch.margins is not None and way == "median":
            own += model.own_bounds(batch.values, batch.margins)
        cells += [values[:, j] for values in own]
    return np.column_stack(cells)


def _print_row(model: Any, batch: Any) -> None:
    from gradline.model.summary import aligned  # noqa: PLC0415 - --help needs no numpy

    bounds = batch.margins is not None
    row = dict(zip(_names(model, bounds), _cells(model, batch)[0], strict=True))
    said = [name for name in row if not bounds or not (name.endswith(_BOUNDS) and name[:-6] in row)]
    ends = ("", *_BOUNDS) if bounds else ("",)
    columns = [[f"{row[name + end]:.6g}" if name + end in row else "" for name in said] for end in ends]
    if bounds:
        columns = [[title, *cells] for title, cells in zip(("predicted", "from", "to"), columns, strict=True)]
        said = ["", *said]
    out(aligned([said, *columns]))


def _write(model: Any, names: list[str], batches: Iterable[Any], options: PredictOptions) -> None:
    """Predictions with the columns to keep; to a file whole or not at all, in the format of its ending."""
    from gradline.core.tensor_file import replacing  # noqa: PLC0415 - --help needs no polars
    from gradline.data.written import WRITERS, Results, write_csv  # noqa: PLC0415

    results = Results(options.keep, names, ((batch.kept, _cells(model, batch)) for batch in batches))
    output = options.output
    writer = WRITERS.get(Path(output or "").suffix.lower())
    if output and writer:
        with replacing(output) as stream:
            writer(stream, results)
        return
    with replacing(output) if output else nullcontext(Stdout()) as stream:
        write_csv(stream, results, options.escape_formulas)
