"""State: `gradline moments make | merge | subtract | forget | show`, and `gradline plan`, what making would read."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import (
    AsJson,
    Data,
    Exclude,
    Features,
    Missing,
    Output,
    Targets,
    Typed,
    Weights,
    argument,
    flag,
    frozen,
    typed,
)
from gradline.cli.terminal import expect_data, out, out_json, say, tell_notices
from gradline.core.errors import UsageError
from gradline.core.text import counted, listed, number

State = Annotated[Path, argument("File that `gradline moments make -o` wrote, or folder of a ledger.")]
Ledger = Annotated[Path, flag("Folder of a ledger, which need not be there yet.")]
Exact = Annotated[
    bool,
    flag("Keep exact products: the same state to the bit in whatever files the rows stand.", "--exact"),
]


@frozen
class ChosenOptions(Typed):
    """The data, what of them takes part, and the ledger."""

    data: Data | None = None
    targets: Targets = ()
    features: Features = ()
    exclude: Exclude = ()
    weights: Weights | None = None
    weights_are: Annotated[str | None, flag("What weights mean: counts, precision or sampling.")] = None
    missing: Missing | None = None
    states: Ledger | None = None
    exact: Exact = False


@frozen
class PlanOptions(ChosenOptions):
    """What to plan for."""

    rate: Annotated[
        str | int, flag("What is read in a second, such as 100MB, the default, of columns in use.")
    ] = "100MB"
    as_json: AsJson = False


def plan(options: PlanOptions) -> None:
    """Say what would be read, from names, sizes and the ends of files alone.

    Examples:

      gradline plan sales/ -t revenue --states ledger
    """
    from gradline.states.plan import plan as made  # noqa: PLC0415 - --help needs no numpy

    selection = _selection(options, "plan")
    choice = {name: value for name, value in vars(selection).items() if name not in ("data", "targets")}
    found = made(
        selection.data,
        selection.targets,
        states=options.states,
        exact=options.exact,
        rate=options.rate,
        **choice,
    )
    if options.as_json:
        out_json(found.to_dict())
    else:
        out(str(found))


@frozen
class MakeOptions(ChosenOptions):
    """What to make a state of, and where to keep it."""

    engine: Annotated[str, flag("Who reads: threads.", shows_default=True)] = "threads"
    shard: Annotated[
        str | None,
        flag("i/n: read the i-th of n shares of the files, for machines that share the ledger's folder."),
    ] = None
    output: Output | None = None
    as_json: AsJson = False


def make(options: MakeOptions) -> None:
    """Read files once, and keep all that they can say to least squares; read only what is new the next time.

    Examples:

      gradline moments make sales/ -t revenue --states ledger

      gradline moments make january.parquet -t revenue -o january.safetensors
    """
    from gradline.core.cleanup import scratch_folder  # noqa: PLC0415 - --help needs no numpy
    from gradline.core.tensor_file import expect_writable  # noqa: PLC0415

    if options.states is None and options.output is None:
        raise UsageError(
            "state-not-kept", "nothing is told of where to keep the state", "add --states DIR, or -o FILE"
        )
    if options.shard is not None and options.states is None:
        raise UsageError("shard-without-ledger", "--shard is given without a ledger", "add --states DIR")
    if options.output is not None:
        expect_writable(options.output)
    if options.states is not None:
        _made(options, options.states)
    else:
        with scratch_folder() as folder:  # nobody will read the files again by it
            _made(options, folder / "ledger")


def _made(options: MakeOptions, folder: Path) -> None:
    from gradline.states.opening import entered  # noqa: PLC0415 - --help needs no numpy

    states, receipt = entered(
        folder,
        _selection(options, "moments make"),
        engine=options.engine,
        exact=options.exact,
        shard=None if options.shard is None else _shard(options.shard),
    )
    tell_notices(receipt.notices)
    if receipt.gone:
        files = listed(map(_near, receipt.gone), 3)
        say(f"note: {counted(len(receipt.gone), 'file')} of the ledger gone from the data: {files}")
    if options.output is not None:
        states.total().save(options.output)
    if options.as_json:
        out_json(receipt.to_dict())
    else:
        out(str(receipt))
    if options.output is not None:
        say(f"saved: {options.output}")


def _shard(text: str) -> tuple[int, int]:
    i, _, n = text.partition("/")
    if not (i.isdigit() and n.isdigit()):
        raise UsageError("shard-invalid", f"the shard is {text}", "give i/n with 1 ≤ i ≤ n, such as 1/4")
    return int(i), int(n)


@frozen
class MergeOptions:
    """What to merge, and where to keep it."""

    paths: Annotated[Sequence[Path], argument("Files of states, and ledgers.")] = ()
    output: Output | None = None
    as_json: AsJson = False


def merge(options: MergeOptions) -> None:
    """Put states of different rows together; one that holds a file of another is refused.

    Examples:

      gradline moments merge january.safetensors february.safetensors -o winter.safetensors
    """
    from gradline.states.opening import moments_of, opened  # noqa: PLC0415 - --help needs no numpy

    output = _expect_output(options.output)
    if not options.paths:
        raise UsageError("no-states-named", "no states were named", "name files of states, or ledgers")
    found = [moments_of(opened(path)) for path in options.paths]
    marks: dict[Any, Path] = {}
    for path, one in zip(options.paths, found, strict=True):
        if one.statistics.mark is None or one.rows == 0:
            continue
        if (first := marks.setdefault((one.statistics.mark, one.rows), path)) is not path:
            say(f"warning: {path} holds the same rows as {first}, so they count twice")
    whole: Any = sum(found)
    whole.save(output)
    _show(whole, options.as_json)
    say(f"saved: {output}")


@frozen
class SubtractOptions:
    """What to take away from what."""

    whole: State
    part: State
    output: Output | None = None
    as_json: AsJson = False


def subtract(options: SubtractOptions) -> None:
    """Take the rows of one state away from another, and say what is left of rows and digits.

    Examples:

      gradline moments subtract year.safetensors january.safetensors -o rest.safetensors
    """
    from gradline.states.opening import moments_of, opened  # noqa: PLC0415 - --help needs no numpy

    output = _expect_output(options.output)
    whole, part = (moments_of(opened(path)) for path in (options.whole, options.part))
    left = whole - part
    left.save(output)
    receipt = {
        "rows_before": whole.rows,
        "rows": left.rows,
        "fingerprint_before": whole.statistics.mark,
        "fingerprint": left.statistics.mark,
        "digits_before": whole.digits,
        "digits": left.digits,
    }
    if options.as_json:
        out_json(receipt)
    else:
        out(
            f"{counted(part.rows, 'row')} taken away: {counted(left.rows, 'row')} left of {whole.rows:,}.\n"
            f"Digits of the sums: {number(left.digits)} left of {number(whole.digits)}.\n"
            f"Fingerprint of the rows: {left.statistics.mark or 'unknown'} "
            f"({whole.statistics.mark or 'unknown'} before)."
        )
    say(f"saved: {output}")


@frozen
class ForgetOptions:
    """What to take out of a ledger."""

    ledger: Annotated[Path, argument("Folder of a ledger.")]
    paths: Annotated[Sequence[str], argument("Files, folders or patterns that it holds.")] = ()
    as_json: AsJson = False


def forget(options: ForgetOptions) -> None:
    """Take files out of a ledger: what is left is merged anew, and loses no digit.

    Examples:

      gradline moments forget ledger sales/january.parquet
    """
    from gradline.states.ledger import States  # noqa: PLC0415 - --help needs no numpy

    if not options.paths:
        raise UsageError("no-files-named", "nothing is named to forget", "name files, a folder or a pattern")
    receipts = [States(options.ledger).forget(path) for path in options.paths]
    if options.as_json:
        out_json({"receipts": [receipt.to_dict() for receipt in receipts]})
    else:
        out("\n".join(map(str, receipts)))


@frozen
class ShowOptions:
    """What to show."""

    state: State
    log: Annotated[bool, flag("Show what came into a ledger and what left it.", "--log")] = False
    as_json: AsJson = False


def show(options: ShowOptions) -> None:
    """Say what is in a state: rows, columns, digits, fingerprint, and files.

    Examples:

      gradline moments show ledger --log
    """
    from gradline.states.ledger import States  # noqa: PLC0415 - --help needs no numpy
    from gradline.states.opening import moments_of, opened  # noqa: PLC0415

    state = opened(options.state)
    if options.log:
        if not isinstance(state, States):
            raise UsageError("log-of-no-ledger", f"{options.state} is no ledger", "leave out --log")
        _show_log(state, options.as_json)
    else:
        _show(moments_of(state), options.as_json)


def _show_log(states: Any, as_json: bool) -> None:
    receipts = states.receipts
    if as_json:
        out_json({"receipts": [{k: v for k, v in told.items() if k != "entries"} for told in receipts]})
        return
    for told in receipts:
        names = (("added", told["added"]), ("changed", told["changed"]), ("taken away", told["removed"]))
        moved = "; ".join(f"{word} {listed(map(_near, uris), 3)}" for word, uris in names if uris)
        more = told["rows"] - told["rows_before"]
        out(f"{told['number']:>4}  {told['rows']:>12,} rows ({more:+,})  {moved}")


def _show(moments: Any, as_json: bool) -> None:
    units = {key: uri for key, uri in moments.units.items() if key}
    files = sorted(map(_near, {*units.values()}))
    if as_json:
        out_json(
            {
                "rows": moments.rows,
                "dropped": moments.statistics.dropped,
                "targets": list(moments.targets),
                "features": list(moments.features),
                "exact": moments.products is not None,
                "digits": moments.digits,
                "fingerprint": moments.statistics.mark,
                "files": files,
            }
        )
        return
    exact = ", exact products" if moments.products is not None else ""
    lines = [
        f"{counted(moments.rows, 'row')}, {moments.statistics.dropped:,} left out for missing cells.",
        f"Targets: {listed(moments.targets)}. Features: {listed(moments.features)}.",
        f"Digits of the sums: {number(moments.digits)}{exact}.",
        f"Fingerprint of the rows: {moments.statistics.mark or 'unknown'}.",
        *([f"{counted(len(files), 'file')}: {listed(files, 5)}."] if files else []),
    ]
    out("\n".join(lines))


def _near(uri: str) -> str:
    """A path as it is typed here: from the working directory, where it lies below that."""
    return os.path.relpath(uri) if uri.startswith(os.getcwd() + os.sep) else uri


def _selection(options: ChosenOptions, command: str) -> Any:
    """The selection of these options; what a ledger knows already need not be told."""
    from gradline.data.selection import Selection  # noqa: PLC0415 - --help needs no numpy

    told = typed(options)
    return Selection(
        options.within(expect_data(options.data, command)),
        list(options.targets) or None,
        options.features or None,
        options.exclude,
        options.weights,
        options.missing or Selection.missing,
        options.weights_are,
        **told,
    )


def _expect_output(output: str | None) -> str:
    from gradline.core.tensor_file import expect_writable  # noqa: PLC0415 - --help needs no numpy

    if output is None:
        raise UsageError("output-not-named", "no file is named for the state", "add -o FILE")
    expect_writable(output)
    return output
