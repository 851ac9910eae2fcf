"""Fit: `gradline fit` trains a model, proves it and saves it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gradline.cli.errors_asked import errors_asked, errors_found, without_columns
from gradline.cli.logged import expect_log, schedule
from gradline.cli.options import (
    STARTS,
    AsJson,
    BatchSize,
    Bias,
    Data,
    Exclude,
    Features,
    Lr,
    Memory,
    Message,
    Missing,
    Momentum,
    OtherErrors,
    Output,
    Scale,
    Targets,
    Typed,
    Weights,
    flag,
    frozen,
    typed,
)
from gradline.cli.start import start
from gradline.cli.terminal import (
    Progress,
    expect_data,
    expect_targets,
    out,
    out_json,
    say,
    tell_notices,
)
from gradline.core.errors import UsageError
from gradline.core.text import shell


@frozen
class FitOptions(Typed, OtherErrors):
    """One field is one option: a flag, a key of `--config`, and an argument of the solver or of `fit` of that name.

    None stands for what was not given; the solver and the request have their own defaults.
    """

    data: Data | None = None
    targets: Targets = ()
    features: Features = ()
    exclude: Exclude = ()
    engine: Annotated[str | None, flag("Who multiplies: threads, or cuda, a GPU. Default: threads.")] = None
    solver: Annotated[
        str,
        flag(
            "exact, cd (coordinate descent), newton, ip (interior point), gd (gradient descent), sgd (with "
            "mini-batches), adam, adamw, or auto: as the other options say. Default: auto."
        ),
    ] = "auto"
    lr: Lr | None = None
    epochs: Annotated[int | None, flag("Passes over the rows. Default: gd 100, sgd 20.")] = None
    batch_size: BatchSize | None = None
    momentum: Momentum | None = None
    nesterov: Annotated[
        bool | None, flag("Look ahead along the momentum, as in torch.optim.SGD.", "--nesterov")
    ] = None
    dampening: Annotated[
        float | None, flag("What momentum leaves out of each gradient, as in torch.optim.SGD. Default: 0.")
    ] = None
    weight_decay: Annotated[
        float | None,
        flag(
            "As in torch.optim, with the bias left out: ridge of this --alpha; of adamw a decay beside the steps, 0.01."
        ),
    ] = None
    clip: Annotated[
        float | None, flag("Largest norm of a gradient, as in clip_grad_norm_. Default: none.")
    ] = None
    average: Annotated[
        int | None,
        flag("Take the mean of the weights after so many epochs (sgd): the noise of batches averages out."),
    ] = None
    schedule: Annotated[
        str | None,
        flag("How the learning rate goes on by epochs: step, exponential, cosine, or chebyshev (gd)."),
    ] = None
    step_size: Annotated[int | None, flag("Epochs at each rate (--schedule step). Default: 30.")] = None
    gamma: Annotated[
        float | None, flag("What a step (0.1) or an epoch (exponential, 0.95) leaves of the rate.")
    ] = None
    eta_min: Annotated[float | None, flag("The rate where a cosine ends. Default: 0.")] = None
    betas: Annotated[
        str | None,
        flag("What running means keep of gradients and of their squares (adam). Default: 0.9,0.999."),
    ] = None
    eps: Annotated[float | None, flag("What their root is kept above (adam). Default: 1e-8.")] = None
    amsgrad: Annotated[
        bool | None, flag("Divide by the largest mean of squares so far (adam).", "--amsgrad")
    ] = None
    shuffle: Annotated[bool | None, flag("Draw the rows in a new order each epoch (sgd). Default: yes.")] = (
        None
    )
    decay: Annotated[
        str | None,
        flag("How the learning rate falls (sgd): none, or linear to zero. Default: linear where lr is auto."),
    ] = None
    dtype: Annotated[
        str | None, flag("Precision of the steps (sgd): float64 or float32. Default: float64.")
    ] = None
    loss: Annotated[
        str | None,
        flag("squared; huber or absolute, for which far rows count less; or quantile. Default: squared."),
    ] = None
    delta: Annotated[
        float | None,
        flag(
            "Error from which on a row counts as far (huber), in units of the target. Default: from the data."
        ),
    ] = None
    quantile: Annotated[
        float | None,
        flag(
            "Share of rows that should lie below the line (quantile), such as 0.9. Default: 0.5, the median."
        ),
    ] = None
    alpha: Annotated[
        float | str | None,
        flag(
            "Strength of a penalty on large weights: ridge, or lasso with --l1-ratio 1; cv finds it by "
            "cross-validation. Default: 0."
        ),
    ] = None
    l1_ratio: Annotated[
        float | None,
        flag("Share of the penalty that is |w|, which sets weights to zero; the rest is w²/2. Default: 0."),
    ] = None
    positive: Annotated[bool | None, flag("Allow no weight below zero.", "--positive")] = None
    together: Annotated[
        bool | None,
        flag("Weights of a feature are zero for all targets or for none (with --l1-ratio).", "--together"),
    ] = None
    factor: Annotated[
        Sequence[str] | None,
        flag("NAME=NUMBER: what multiplies the penalty of this feature; may be repeated. Default: 1."),
    ] = None
    unpenalised: Annotated[
        Sequence[str] | None, flag("Feature without a penalty (--factor NAME=0); may be repeated.")
    ] = None
    at_least: Annotated[
        Sequence[str] | None,
        flag("NAME=NUMBER, or NUMBER for all: the weight may not be below it; may be repeated."),
    ] = None
    at_most: Annotated[
        Sequence[str] | None,
        flag("NAME=NUMBER, or NUMBER for all: the weight may not be above it; may be repeated."),
    ] = None
    folds: Annotated[
        int | str | None,
        flag(
            "Parts of the rows that are held out in turn (alpha cv), or loo: each row, for ridge. Default: 5."
        ),
    ] = None
    rule: Annotated[
        str | None,
        flag(
            "Which alpha (cv): min, of least error, or 1se, the largest within a standard error of it. "
            "Default: min."
        ),
    ] = None
    groups: Annotated[
        str | None, flag("Column whose equal values are held out together (alpha cv); no feature.")
    ] = None
    ordered: Annotated[
        bool | None,
        flag("Rows are in order of time: test on those after the ones trained on (alpha cv).", "--ordered"),
    ] = None
    scale: Scale | None = None
    init: Annotated[
        str | None,
        flag(
            f"Where training starts: {STARTS}, the file of a model to go on from, or weight and bias in "
            "numbers: '[[0.5, -1.2]], [0.3]'."
        ),
    ] = None
    bias: Bias | None = None
    weights: Weights | None = None
    weights_are: Annotated[
        str | None, flag("What weights mean: counts, precision or sampling; standard errors depend on it.")
    ] = None
    holdout: Annotated[
        float | None, flag("Share of rows to keep out of training and to evaluate on, such as 0.2.")
    ] = None
    seed: Annotated[int | None, flag("Seed of shuffling, random starts and the holdout. Default: 0.")] = None
    stop_after: Annotated[
        int | None,
        flag(
            "Stop after so many epochs without a better loss on the rows held out; the model is the best one."
        ),
    ] = None
    stop_tolerance: Annotated[
        float | None,
        flag("By how much a loss on the rows held out must fall to be a better one. Default: 0."),
    ] = None
    checkpoint: Annotated[
        Path | None,
        flag("File that keeps the training as it stands; the same command goes on from it.", in_file=False),
    ] = None
    missing: Missing | None = None
    digits: Annotated[
        float | None,
        flag("Digits that must be sure, by more passes if need be (exact). Default: 10."),
    ] = None
    log_every: Annotated[
        int | str,
        flag("Print the loss every so many epochs, at some (1,2,5), or by a rule: '1-15, every 100'."),
    ] = 0
    log: Annotated[str, flag("What is printed: loss, or weights for weight and bias too. Default: loss.")] = (
        "loss"
    )
    states: Annotated[
        Path | None,
        flag("Folder of a ledger: files that are new or have changed are read, and the fit is of all in it."),
    ] = None
    config: Annotated[
        Path | None, flag("TOML file with these options; flags win over it.", in_file=False)
    ] = None
    memory: Memory | None = None
    force: Annotated[
        bool | None, flag("Train even at a learning rate at which the loss grows.", "--force")
    ] = None
    require_certified: Annotated[
        bool, flag("Exit 3 unless the answer is certified.", "--require-certified")
    ] = False
    output: Output | None = None
    brief: Annotated[
        bool,
        flag("Print coefficients without standard errors, t, p and intervals.", "--brief", in_file=False),
    ] = False
    commit: Annotated[bool, flag("Record a version too; -m says what it is.", "--commit", in_file=False)] = (
        False
    )
    message: Message = ""
    as_json: AsJson = False


def fit(options: FitOptions) -> None:
    """Fit a linear model to a table, and prove the answer.

    Examples:

      gradline fit example:crops -t apples -t oranges

      gradline fit example:crops -t apples -t oranges --lr 1e-5 --epochs 100 --log-every 10

      gradline fit homes.csv 'price ~ log(area) * town + year(sold)'

      gradline fit flights.csv -t arr_delay -f dep_delay -f carrier --missing drop -o delay.safetensors
    """
    from gradline.core.tensor_file import expect_writable  # noqa: PLC0415 - --help needs no numpy
    from gradline.data.selection import Selection  # noqa: PLC0415

    data = options.within(expect_data(options.data, "fit"))
    expect_log(options.log)
    is_logged = schedule(options.log_every)
    selection, request = _asked(options, data)
    if (state := _state(selection, options.states)) is not None:
        selection = replace(selection, data=state) if options.states is None else Selection(state)
    else:
        expect_targets(data, options.targets or options.formula, selection.read)
    if options.output is not None:
        expect_writable(options.output)
    asked = errors_asked(options)
    selection = without_columns(selection, asked)
    record = _recorder(options)
    progress = Progress(is_logged, options.log == "weights")
    model = _run(selection, request, progress, options.checkpoint)
    errors = errors_found(model, selection, asked)
    _finish(asked.noted(model), selection, request, options, record, errors)


def _asked(options: FitOptions, data: Any) -> tuple[Any, Any]:
    """What to fit from, and how: each option goes where a field has its name."""
    from gradline.data.selection import Selection  # noqa: PLC0415 - --help needs no numpy
    from gradline.model.request import Request  # noqa: PLC0415
    from gradline.solvers import SOLVERS, loss_of, named  # noqa: PLC0415

    given = {name: value for name, value in vars(options).items() if value not in (None, (), [])} | {
        "data": data
    }
    of_solvers = {name for solver in SOLVERS.values() for name in solver.__dataclass_fields__}
    settings = {name: value for name, value in given.items() if name in of_solvers}
    if "lr" in settings:
        settings["lr"] = rate(settings["lr"])
    if "betas" in settings:
        settings["betas"] = pair(settings["betas"])
    told = {name: given[name] for name in ("step_size", "gamma", "eta_min") if name in given}
    if options.schedule is not None or told:
        settings["lr"] = scheduled(options.schedule, {**told, **{"lr": settings.get("lr")}})
    if "init" in settings:
        settings["init"] = start(settings["init"])
    asked = {name: value for name, value in given.items() if name in Request.__dataclass_fields__}
    penalty = _penalty(given)
    loss = loss_of({name: value for name, value in given.items() if name in ("loss", "delta", "quantile")})
    solver = named(options.solver, settings, penalty, loss)
    request = Request(**{**asked, "solver": solver, "penalty": penalty, "loss": loss})
    chosen = {name: value for name, value in given.items() if name in Selection.__dataclass_fields__}
    return Selection(**{**chosen, **typed(options)}), request


def _state(selection: Any, folder: Path | None) -> Any:
    """The state to fit from, where the data name one, or the ledger that they are entered in; None where it is rows."""
    path = Path(str(selection.data))
    if folder is None and path.suffix != ".safetensors" and not path.is_dir():
        return None  # most data are files of rows, which need nothing of states
    from gradline.states.opening import as_state, entered  # noqa: PLC0415 - --help needs no numpy

    if folder is None:
        return as_state(selection.data)
    ledger, receipt = entered(folder, selection)
    tell_notices(receipt.notices)
    say(str(receipt))
    return ledger


def scheduled(word: str | None, told: dict[str, Any]) -> Any:
    """The schedule of this word, with what is told of it; None is not told."""
    from gradline.solvers.schedules import SCHEDULES  # noqa: PLC0415 - --help needs no numpy

    told = {name: value for name, value in told.items() if value not in (None, "auto")}
    if word not in SCHEDULES:
        what = "there is no --schedule" if word is None else f"there is no schedule {word}"
        raise UsageError("schedule-invalid", what, f"use --schedule {', '.join(SCHEDULES)}")
    kind = SCHEDULES[word]
    foreign = next((name for name in told if name not in kind.__dataclass_fields__), None)
    if foreign is not None:
        raise UsageError(
            "option-of-other-schedule",
            f"the schedule {word} has no --{foreign.replace('_', '-')}",
            "leave it out: its rates are those that are best for the data"
            if foreign == "lr"
            else "leave it out",
        )
    return kind(**told)


def pair(value: str) -> tuple[float, ...]:
    """Numbers as the user wrote them: 0.9,0.999."""
    try:
        return tuple(map(float, value.split(",")))
    except ValueError as error:
        raise UsageError(
            "betas-invalid", f"betas is {value!r}", "give two numbers, such as 0.9,0.999"
        ) from error


def _penalty(given: dict[str, Any]) -> Any:
    """The penalty of these options, or what chooses its alpha."""
    given = given | _by_name(given)
    alpha = given.get("alpha", 0.0)
    if alpha == "cv":
        from gradline.model.cross_validation import CrossValidated  # noqa: PLC0415 - few fits choose

        settings = _of_fields(CrossValidated, given)
        settings["folds"] = _folds(settings.get("folds", CrossValidated.folds))
        return CrossValidated(**settings)
    from gradline.solvers import ElasticNet  # noqa: PLC0415 - --help needs no numpy

    others = [name for name in ("folds", "rule", "groups", "ordered") if name in given]
    if others:
        raise UsageError(
            "option-of-cross-validation",
            f"--{others[0]} is about cross-validation, and alpha is given",
            "add --alpha cv, or leave it out",
        )
    try:
        size = float(alpha)
    except ValueError as error:
        raise UsageError("alpha-invalid", f"alpha is {alpha!r}", "give a number from 0, or cv") from error
    penalty = ElasticNet(size, **_of_fields(ElasticNet, given))
    if penalty.factors and not penalty.alpha:
        what = "--factor and --unpenalised share out the penalty of --alpha, and there is none"
        raise UsageError("factors-of-nothing", what, "add --alpha 0.1, or leave them out")
    if penalty.l1_ratio and not penalty.alpha:
        what = "--l1-ratio shares out the penalty of --alpha, and there is none"
        raise UsageError("l1-ratio-of-nothing", what, "add --alpha 0.1, or leave it out")
    return penalty


def _by_name(given: dict[str, Any]) -> dict[str, Any]:
    """Factors and bounds of single features, as words have them."""
    from gradline.solvers.each_weight import Bounds, of_words  # noqa: PLC0415 - --help needs no numpy

    found: dict[str, Any] = {}
    words = [*given.get("factor", ()), *(f"{name}=0" for name in given.get("unpenalised", ()))]
    if words:
        found["factors"] = of_words(words, "factor")
    bounds = [of_words(given.get(name, ()), name.replace("_", "-")) for name in ("at_least", "at_most")]
    if bounds != [None, None]:
        found["bounds"] = Bounds(*bounds)
    return found


def _of_fields(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What was given of a penalty's fields, but for its alpha."""
    return {name: given[name] for name in kind.__dataclass_fields__ if name in given and name != "alpha"}


def _folds(value: int | str) -> int | str:
    """A number of folds as the user wrote it, or "loo"."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def rate(value: float | str) -> float | str:
    """A learning rate as the user wrote it: a number, or "auto"."""
    if value == "auto":
        return "auto"
    try:
        return float(value)
    except ValueError as error:
        raise UsageError("lr-invalid", f"lr is {value!r}", "give a positive number, or auto") from error


def _recorder(options: FitOptions) -> Callable[[Any, str], str] | None:
    """What records a model under the name of a file and returns the version's name; None if nobody asked."""
    if not options.commit:
        if options.message:
            raise UsageError(
                "message-without-commit", "-m gives a message, and nothing is to be recorded", "add --commit"
            )
        return None
    from gradline.history.recording import commit as record  # noqa: PLC0415 - --help needs no numpy
    from gradline.history.store import Store  # noqa: PLC0415

    Store.make().expect_writable()
    files = [] if options.config is None else [options.config]
    return lambda model, name: record(options.message, files, {name: model}, notebook=None).name


def _run(selection: Any, request: Any, progress: Progress, checkpoint: Path | None) -> Any:
    from gradline.model.fit import run  # noqa: PLC0415 - --help needs no numpy

    try:
        return run(selection, request, [progress], lambda block: progress.on_rows(block.rows), checkpoint)
    finally:
        progress.clear()


def _untold(model: Any) -> list[Any]:
    """The notices that its summary does not hold: where the data leave weights open, it says why."""
    said = {"rank-deficient"} if model.certificate.status == "rank_deficient" else set[str]()
    return [notice for notice in model.notices if notice.code not in said]


def _finish(
    model: Any,
    selection: Any,
    request: Any,
    options: FitOptions,
    record: Callable[[Any, str], str] | None,
    errors: Any,
) -> None:
    """Save the model and record it unless it failed, print it, and set the exit code."""
    from gradline.model.request import command  # noqa: PLC0415 - --help needs no numpy

    status = model.certificate.status
    failed = status == "diverged" or (options.require_certified and status != "certified")
    is_kept = not failed or request.force
    saved = Path(options.output) if is_kept and options.output is not None else None
    version = None
    if saved:  # before a word of it is printed, which could be the last that somebody reads
        model.save(saved)
    if record is not None and is_kept:
        version = record(model, str(saved or f"{_file_name(options.data)}.safetensors"))
    tell_notices(model.notices if options.as_json else _untold(model))
    if not options.as_json:
        out(model.summary(options.brief, errors=errors))
        if status in ("stopped", "diverged"):
            words = [*command(selection, request.bias), *_of_penalty(request, model)]
            out(f"The best answer at once, without training:\n  {shell(words)}")
    if saved:
        say(f"saved: {saved}")
    elif failed and options.output is not None:
        say(f"not saved: the fit is {status}")
    elif not options.as_json and record is None:
        say(f"not saved: add -o {_file_name(options.data)}.safetensors")
    if version is not None:
        say(f"recorded: {version}")
    elif record is not None:
        say(f"not recorded: the fit is {status}")
    if options.as_json:
        other = {} if errors is None else {"errors": {"name": errors.name, **errors.estimates.to_dict()}}
        out_json(report(model, saved) | other | ({} if version is None else {"version": version}))
    if failed:
        raise typer.Exit(3)


def _of_penalty(request: Any, model: Any) -> list[str]:
    """The options of the same sum of loss and penalty, on the same scale."""
    from gradline.solvers.each_weight import as_options  # noqa: PLC0415 - --help needs no numpy

    words = []
    for name, told in as_options(request.penalty.params()).items():
        for value in told if isinstance(told, list) else [told]:
            words += [f"--{name.replace('_', '-')}"]
            words += [] if value is True else [value if isinstance(value, str) else f"{value:g}"]
    return [*words, "--scale", "standard"] if words and model.scale == "standard" else words


def _file_name(data: str | None) -> str:
    stem = Path((data or "").split(":")[-1]).stem
    return stem if stem.replace("-", "").replace("_", "").isalnum() else "model"


def report(model: Any, saved: Path | None) -> dict[str, Any]:
    """The model as the JSON that `gradline fit --json` prints."""
    from gradline.model.certificate import finite  # noqa: PLC0415 - --help needs no numpy

    settings, training = model.settings, model.training
    return finite(
        {
            "targets": list(model.targets),
            "features": list(model.features),
            "weight": model.weight.tolist(),
            "bias": model.bias.tolist(),
            "rows": model.moments.rows,
            "dropped": model.moments.statistics.dropped,
            "loss": training.loss,
            "rmse": training.rmse,
            "r2": training.r2,
            "solver": model.solver,
            "lr": settings.get("lr"),
            "epochs": model.certificate.epochs,
            "batch_size": settings.get("batch_size"),
            "momentum": settings.get("momentum"),
            "scale": model.scale,
            "seconds": model.seconds,
            "objective": model.objective,
            "alpha": model.penalty.params().get("alpha"),
            "choice": None if model.choice is None else model.choice.to_dict(),
            "certificate": model.certificate.to_dict(),
            "inference": model.inference.to_dict(),
            "history": [
                {"epoch": r.epoch, "loss": r.loss} | ({} if r.holdout is None else {"holdout": r.holdout})
                for r in model.history
            ],
            "holdout": None if model.holdout is None else model.holdout._asdict(),
            "model": None if saved is None else str(saved),
            "notices": [notice.text for notice in model.notices],
        }
    )
