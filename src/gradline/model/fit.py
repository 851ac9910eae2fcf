"""The one orchestration: source → design → moments or batches → solve → judge → model."""

import functools
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Unpack, cast

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.coefficients import Coefficients
from gradline.core.errors import DataError, GradlineWarning, Notice, RequestError, UsageError
from gradline.core.linalg.refined import CELLS, Refined
from gradline.core.memory_limit import limited
from gradline.core.tensor_file import expect_writable
from gradline.core.text import counted, listed, lowered, number
from gradline.data.design import Category, DesignSpec
from gradline.data.inputs import as_rows, keeps_bias
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.row_cache import RowCollector, in_memory, kept_rows
from gradline.data.row_stream import Holdout, RowStream, SeenLevels, Split
from gradline.data.selection import UNSAID, Choice, Selection
from gradline.data.table import options_of, words_of
from gradline.model.certificate import Certificate, sentences, undetermined
from gradline.model.checkpoint import Checkpoint
from gradline.model.cross_validation import CrossValidated, penalised, without_groups
from gradline.model.judge import Judged, least_digits, sure_digits
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.judge_rows import RowsJudge
from gradline.model.model import History, LinearModel, evaluation, load
from gradline.model.own_units import smearing
from gradline.model.shortage import shortage
from gradline.model.status import Status
from gradline.model.suspects import suspects
from gradline.model.training import Training
from gradline.model.witness import Witness, witnessed
from gradline.moments.rank import Rank
from gradline.moments.state import Moments, calm_blas
from gradline.solvers import Exact, Observer, Solution, Solver, decayed, solve, usual_solver
from gradline.solvers.exact import refined_optimum
from gradline.solvers.loop import INITS
from gradline.solvers.losses import SQUARED, Loss
from gradline.solvers.penalties import NONE, Penalty
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.refinement import refined
from gradline.solvers.robust_scale import settled
from gradline.solvers.rules import HeavyBall
from gradline.solvers.trajectory import LOSS_EXCESS, Trajectory

SCALES = ("auto", "none", "standard")
_PERFECT = 1e-6  # of what the targets vary: an R² short by less is no news, whatever the optimal loss


def fit(
    data: Any,
    targets: Any = None,
    *,
    solver: Solver | None = None,
    bias: bool = True,
    scale: str = "auto",
    holdout: float = 0.0,
    seed: int = 0,
    force: bool = False,
    memory: int | str | None = None,
    stop_after: int = 0,
    stop_tolerance: float = 0.0,
    checkpoint: str | Path | None = None,
    penalty: Penalty | CrossValidated = NONE,
    loss: Loss = SQUARED,
    **choice: Unpack[Choice],
) -> LinearModel:
    """Fit a linear model by least squares, or with the loss and the penalty that are asked for, and judge the answer.

    With ŷ = x @ weightᵀ + bias it minimises Σ wᵢ·‖ŷᵢ − yᵢ‖²/(m·Σw), PyTorch's `MSELoss(reduction="mean")`, plus the
    penalty on the weights.

    Parameters:
    - `data`, `targets`: a table (path, glob, folder, frame of any library, mapping of columns) and the names of
      its target columns; or an array, tensor, frame or sparse matrix X (n, p) and Y (n,) or (n, m); or alone a torch
      `Dataset` or `DataLoader` of pairs (x, y), or `Moments`.
    - `solver`: `Exact()` (default), `GradientDescent(…)` or `SGD(…)`; where the penalty has kinks,
      `CoordinateDescent()`; for another loss `Newton()` or `InteriorPoint()`.
    - `bias`: whether the model has one.
    - `scale`: "none" trains on the columns as they are, "standard" on columns of mean 0 and variance 1; "auto"
      (default) is "standard" where lr="auto" chose the rate, else "none". Coefficients are always raw.
    - `holdout`, `seed`: the share of rows kept out of training, drawn at random, and evaluated at the end.
    - `force`: train although the learning rate is above the limit.
    - `memory`: what the whole process may take at its peak, in bytes or as "500MB", "2GiB"; the fit stops where it
      takes more, on Linux, where that is known. Only `SGD` keeps rows: up to 1 GiB of them, or what a bound leaves
      beside the 450 MB that streaming may take, a function of the bound and the columns alone. None (default)
      bounds nothing.
    - `stop_after`: stop after so many epochs without a better loss over the rows held out, and keep the weights of the
      best; 0 (default) trains all epochs. Only a loss that is lower by more than `stop_tolerance`, 0, is better.
    - `checkpoint`: a file that keeps the training as it stands, and from which the same call goes on: the model is the
      one that training at one go gives. It may go on with more epochs.
    - `penalty`: `gradline.ElasticNet(alpha, l1_ratio, positive)`: ridge, lasso and what lies between, on the
      weights of the columns as they are trained on; or `gradline.CrossValidated(l1_ratio, …)`, which chooses the alpha
      by cross-validation. None by default.
    - `loss`: `gradline.Huber(delta)`, `gradline.Quantile(quantile)` or `gradline.Absolute()`, where far rows should not
      decide, or a quantile is asked for; the squared loss by default. These need the rows, not moments alone.
    - `features`, `exclude`: which columns of the table take part; by default all but the targets. For an
      array X, `features` names its columns.
    - `weights`: a column name or an array (n,) of non-negative row weights.
    - `weights_are`: what they mean, "counts" (a weight of 2 is the row twice), "precision" (inverse variances) or
      "sampling": coefficients do not depend on it, and standard errors are told only where it is said.
    - `missing`: "error" (default) refuses rows with missing cells and counts them, "drop" leaves them out.
    - `read`: how text files are written, such as `gradline.Text(decimal=",")`; None (default) finds it in the file.
    - `category`, `numeric`: columns to take as categories, or as numbers, whatever their cells look like; a currency,
      a percent sign or a unit beside a number is left away.

    Returns the model; notices that matter are also issued as `GradlineWarning`, and so is the first sentence of the
    certificate where training stopped with a loss more than 1 % above the optimum. Raises `DataError`,
    `RequestError` (`RateError` for an unstable lr), `UsageError` or `FileError`, each with cause and remedy.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> model.weight.round(3)
    array([[-0.422,  0.842,  0.685],
           [-0.247,  0.791,  0.922]])
    >>> X, y = [[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0]
    >>> trained = gradline.fit(X, y, solver=gradline.GradientDescent(lr=0.1, epochs=400))
    >>> round(float(trained.weight[0, 0]), 3), round(float(trained.bias[0]), 3)
    (2.0, 1.0)
    """
    request = Request(
        solver or usual_solver(cast(Penalty, penalty), loss),
        bias,
        scale,
        holdout,
        seed,
        force,
        memory,
        stop_after,
        stop_tolerance,
        penalty,
        loss,
    )
    model = run(Selection(data, targets, **choice), request, checkpoint=checkpoint)
    for notice in cautions(model):
        warnings.warn(GradlineWarning(notice.code, notice.text), stacklevel=2)
    return model


def cautions(model: LinearModel) -> list[Notice]:
    """What a caller who reads no summary should be warned of: the notices that matter, and training that fell short.

    Training fell short where it diverged, or its loss is more than 1 % above the optimal one, the 1 % of
    `epochs_to_loss`; and, as nothing is 1 % of a perfect fit, where R² is more than a millionth short as well.
    """
    found = [notice for notice in model.notices if notice.is_warning]
    status = model.verdict.status
    if status not in (Status.STOPPED, Status.DIVERGED):
        return found
    certificate, moments = model.certificate, model.moments
    sentence = sentences(certificate)[0].removesuffix(".")
    variation = float(moments.variation(model.has_bias).sum()) / (moments.m * moments.weight_sum)
    enough = max(LOSS_EXCESS * certificate.optimal_loss, _PERFECT * variation)
    if status is Status.DIVERGED:
        found.append(Notice("training-diverged", sentence, True))
    elif not certificate.gap <= enough:
        found.append(Notice("training-stopped", sentence, True))
    return found


@dataclass(frozen=True)
class Request:
    """How to fit: the arguments of `fit` beside what to fit from, with its meaning."""

    solver: Solver = field(default_factory=Exact)
    bias: bool = True
    scale: str = "auto"
    holdout: float = 0.0
    seed: int = 0
    force: bool = False
    memory: int | str | None = None
    stop_after: int = 0
    stop_tolerance: float = 0.0
    penalty: Any = NONE  # a Penalty, or what chooses its alpha
    loss: Loss = SQUARED

    def __post_init__(self) -> None:
        if isinstance(self.solver, type) or not hasattr(self.solver, "resolve"):
            raise UsageError(
                "solver-invalid",
                f"solver is {self.solver!r}",
                "give Exact(), GradientDescent(…) or SGD(…) from gradline",
            )
        if self.scale not in SCALES:
            raise UsageError("scale-invalid", f"scale is {self.scale!r}", f"use {', '.join(SCALES)}")
        if self.seed != 0 and not is_whole(self.seed, 0):
            raise UsageError("seed-invalid", f"seed is {self.seed}", "give a whole number from 0")
        if not isinstance(cast(object, self.bias), bool):
            raise UsageError("bias-invalid", f"bias is {self.bias!r}", "give True or False")
        if self.holdout != 0 and not (is_real(self.holdout) and 0 <= self.holdout < 1):
            raise UsageError(
                "holdout-invalid", f"holdout is {self.holdout}", "give a share from 0 to below 1, such as 0.2"
            )
        if not is_whole(self.stop_after, 0):
            raise UsageError(
                "stop-after-invalid",
                f"stop_after is {self.stop_after}",
                "give a whole number of epochs from 1",
            )
        if self.stop_after and not self.holdout:
            raise UsageError(
                "stop-after-without-holdout",
                "stop_after watches the loss over rows held out, and none are",
                "hold some out: --holdout 0.2 (holdout=0.2 in Python)",
            )
        if not (is_real(self.stop_tolerance) and self.stop_tolerance >= 0):
            raise UsageError(
                "stop-tolerance-invalid", f"stop_tolerance is {self.stop_tolerance}", "give a number from 0"
            )
        if self.stop_tolerance and not self.stop_after:
            raise UsageError(
                "stop-tolerance-alone",
                "stop_tolerance says which loss is better, and no number of epochs to wait for one is given",
                "add --stop-after 20 (stop_after=20 in Python)",
            )
        if self.stop_after:
            expect_epochs(self.solver, "stop_after")
        if isinstance(self.penalty, CrossValidated) and not self.loss.quadratic:
            raise UsageError(
                "choice-of-other-loss",
                f"alpha is chosen from moments, which say all of the squared loss and not of the {self.loss.mean}",
                "give --alpha a number, and compare the models on rows held out: --holdout 0.2",
            )
        solver, penalty = decayed(self.solver, cast(Any, self.penalty))
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "penalty", penalty)
        object.__setattr__(self, "seed", int(self.seed))  # which NumPy's numbers are not, and JSON needs
        object.__setattr__(self, "holdout", float(self.holdout))


@functools.cache
def _usual(kind: type[Request]) -> list[tuple[str, Any]]:
    """What can be asked for, and its default; solver, seed, penalty and loss are told by themselves."""
    told = ("solver", "seed", "penalty", "loss")
    return [(one.name, one.default) for one in fields(kind) if one.name not in told]


def expect_epochs(solver: Solver, what: str) -> None:
    """Refuse what only training in epochs can do. Raises `UsageError`."""
    if "lr" not in solver.params():
        raise UsageError(
            "option-of-training",
            f"{what} is about training in epochs, and the {solver.name} solver goes to the answer at once",
            "leave it out, or train: --lr, --epochs or --batch-size",
        )


def run(
    selection: Selection,
    request: Request,
    observers: Sequence[Observer] = (),
    watch: Callable[[RowBlock | ColumnBlock], None] = lambda _: None,
    checkpoint: str | Path | None = None,
) -> LinearModel:
    """`fit` with observers of the epochs and a watcher of the rows read; the command line calls this."""
    began = time.perf_counter()
    bias = keeps_bias(selection, request.bias)
    selection = without_groups(selection, request.penalty)
    request = request if bias is request.bias else replace(request, bias=bias)
    if checkpoint is not None:
        expect_epochs(request.solver, "checkpoint")
        expect_writable(checkpoint)
    with nullcontext() if request.memory is None else limited(request.memory):
        gathered = _gather(selection, request, watch)
        config = _config(selection, gathered.design, request)
        scale = request.solver.scale if request.scale == "auto" else request.scale
        found = penalised(request.penalty, gathered.moments, gathered.rows, bias, scale)
        request, choice = replace(request, penalty=found[0]), found[1]
        with calm_blas(gathered.moments.p + gathered.moments.m):
            model = _trained(gathered, request, config, observers, began, checkpoint)
            return model if choice is None else replace(model, choice=choice)


def _trained(
    gathered: "_Gathered",
    request: Request,
    config: dict[str, Any],
    observers: Sequence[Observer],
    began: float,
    checkpoint: str | Path | None,
) -> LinearModel:
    moments = gathered.moments
    solver = _with_loaded_init(request.solver, gathered.design)
    scale = solver.scale if request.scale == "auto" else request.scale
    # The answer itself has no scale; where rows leave it open, the smallest one in raw units is asked for.
    is_scaled = "lr" in solver.params() or not request.penalty.is_none
    scaling = Scaling.named(scale if is_scaled else "none", moments, request.bias)
    optimum, short = _known(gathered, request)
    problem = Problem.of(
        moments, gathered.rows, request.bias, scaling, optimum, request.penalty, request.loss
    )
    problem.expect(solver.name, solver.needs)
    problem, chosen = settled(problem)
    config |= problem.loss.params()
    solver, notices = solver.resolve(problem, request.force)
    held = gathered.held_out
    holdout = (
        None if held is None or not problem.loss.quadratic else Problem.of(held, None, request.bias, scaling)
    )
    keeper = None
    if checkpoint is not None:
        split = {"scale": scale, "holdout": request.holdout, "split seed": request.seed}
        keeper = Checkpoint.of(checkpoint, solver, problem, holdout, split)
    solution = solve(
        solver, problem, observers, holdout, request.stop_after, keeper, float(request.stop_tolerance)
    )
    weight, bias = scaling.to_raw(solution.weight, solution.bias)
    settings = solver.params()
    if request.stop_after and solution.diverged_at is None:
        settings["epochs"] = solution.epochs  # the model is that of so many
    training = _training(solver, problem, solution)
    found = Coefficients(weight, bias if request.bias else None)
    witness = Witness(None)
    if not problem.loss.quadratic:
        verdict = RowsJudge(moments, found, problem)
    elif request.penalty.is_none:
        passed = gathered.rows if optimum is not None else None
        witness = witnessed(gathered.small or passed, moments, found)
        verdict = Judged(moments, found, training, witness)
    else:
        verdict = PenalisedJudge(moments, found, request.penalty, scaling, training)
        short = [*short, *_fewer_digits(verdict, request.solver)]
    return LinearModel(
        weight=weight,
        bias=bias,
        has_bias=request.bias,
        design=gathered.design,
        moments=moments,
        # A judge, who finds it when it is asked for; but one who needs the rows finds it while they are there.
        certificate=cast(Certificate, verdict) if problem.loss.quadratic else verdict.certificate,
        solver=solver.name,
        settings=settings,
        scale=scale,
        config=config,
        history=History(tuple(solution.history)),
        figures=None if witness.optimum is None else witness.optimum.figures,
        smearing=smearing(gathered.design, gathered.small or gathered.rows, weight, bias),
        penalty=request.penalty,
        loss=problem.loss,
        seconds=time.perf_counter() - began,
        holdout=None if held is None else evaluation(held, weight, bias, request.bias),
        notices=(
            *gathered.notices,
            *notices,
            *chosen,
            *short,
            *_on_the_way(solution, keeper, request.stop_tolerance),
            *_findings(verdict),
        ),
    )


def _on_the_way(solution: Solution, keeper: Checkpoint | None, tolerance: float) -> list[Notice]:
    """Where training went on, and where it was stopped."""
    found: list[Notice] = []
    if keeper is not None and keeper.resumed_at is not None:
        found.append(Notice("training-resumed", f"went on from epoch {keeper.resumed_at:,} in {keeper.path}"))
    if solution.stopped_at is not None:
        by = f" by more than {number(tolerance)}" if tolerance else ""
        waited = counted(solution.stopped_at - solution.epochs, "epoch")
        found.append(
            Notice(
                "training-stopped-early",
                f"stopped after epoch {solution.stopped_at:,}: the loss on rows held out has not fallen{by} for "
                f"{waited}. "
                f"The model is that of epoch {solution.epochs:,}, where it {'last did' if tolerance else 'was least'}",
            )
        )
    return found


class _Gathered(NamedTuple):
    """The training data: moments always, rows unless only moments were given, held-out moments if asked for.

    `small` are the rows of a table that is small enough to be refined.
    """

    moments: Moments
    rows: RowStream | None
    small: RowBlock | None
    held_out: Moments | None
    design: DesignSpec
    notices: list[Notice]


def _gather(
    selection: Selection, request: Request, watch: Callable[[RowBlock | ColumnBlock], None]
) -> _Gathered:
    if isinstance(selection.data, Moments):
        return _of_moments(selection, request)
    holdout = Holdout(request.holdout, request.seed) if request.holdout else None
    rows, notices = as_rows(selection, holdout, request.bias)
    if rows.assume_finite() is not None and rows.in_place is not None and not request.holdout:
        return _in_place(rows, rows.in_place, watch)
    # Rows in memory may pass by twice; others are kept on their way, as far as somebody wants them.
    most = 0 if rows.in_place is not None else _most_rows(rows.design, request.solver)
    collector = RowCollector(watch, most)
    moments = Moments.from_rows(_trained_on(rows, holdout), watch=collector)
    if holdout is None:
        _expect_rows(moments)
    design = _used(rows.design, moments) if moments.rows else rows.design
    told = _left_out(rows.design, design, bool(request.holdout))
    seen, held_out = rows.seen_by(design), None
    if holdout is not None:
        held_out = Moments.from_rows(SeenLevels(Split(seen, *holdout, held_out=True)), watch=watch)
        told += _not_evaluated(moments, held_out, holdout)
    training, used = _trained_on(seen, holdout), moments.select(design)
    told += suspects(seen, used)
    if rows.table is not None:
        from gradline.model.odd_rows import odd_rows  # noqa: PLC0415 - arrays need no reader of tables

        whole = None if request.holdout else collector.kept(rows.design, rows.design)
        told += odd_rows(rows, moments.rows, whole)
    kept = collector.first(moments.rows) if design == rows.design else None
    small = collector.kept(rows.design, design)
    del collector  # whose rows make room for those that are read again
    most = _most_rows(design, request.solver)
    return _Gathered(
        used,
        in_memory(training, moments.rows, most) if kept is None else kept_rows(kept, training),
        small,
        held_out,
        design,
        notices + told,
    )


def _trained_on(rows: RowStream, holdout: Holdout | None) -> RowStream:
    """The rows that are not held out."""
    return rows if holdout is None else Split(rows, *holdout, held_out=False)


def _in_place(rows: RowStream, lying: RowBlock, watch: Callable[[RowBlock | ColumnBlock], None]) -> _Gathered:
    """Arrays of which no row can be left out: nothing need be kept that does not lie there already."""
    moments = _expect_rows(Moments.from_rows(rows, watch=watch))
    small = lying if lying.X.size + lying.Y.size <= CELLS else None
    return _Gathered(moments, rows, small, None, rows.design, suspects(rows, moments))


def _used(design: DesignSpec, moments: Moments) -> DesignSpec:
    """The design without the levels that no complete row has; refused where nothing is left of it."""
    used = design.drop_unused_levels(moments.has_level)
    if not used.terms:
        raise RequestError(
            "features-all-constant", "every feature has one value in all complete rows", "use other features"
        )
    return used


def _of_moments(selection: Selection, request: Request) -> _Gathered:
    if request.holdout:
        raise RequestError(
            "rows-needed", "moments hold no rows to keep out", "fit from the data, or without holdout"
        )
    chosen = (selection.targets, selection.features, selection.weights, selection.formula)
    if selection.exclude or any(part is not None for part in chosen):
        raise RequestError(
            "moments-have-columns",
            "moments have their columns and weights already",
            "choose them when the moments are computed",
        )
    moments = _with_meaning(_expect_rows(selection.data), selection.weights_are)
    design = moments.design.drop_unused_levels(moments.has_level)
    return _Gathered(moments.select(design), None, None, None, design, [])


def _with_meaning(moments: Moments, weights_are: str | None) -> Moments:
    """The moments with what their weights mean, where that is said only now."""
    known = moments.weights_are
    if weights_are in (None, known):
        return moments
    if known != UNSAID:
        what = "rows without weights" if known is None else f"weights that are {known}"
        raise RequestError(
            "weights-of-other-meaning",
            f"weights_are is {weights_are}, and the moments are those of {what}",
            "leave it out, or compute the moments again",
        )
    return moments.select(replace(moments.design, weights_are=weights_are))


def _most_rows(design: DesignSpec, solver: Solver) -> int:
    """How many rows the solver would have in memory."""
    columns = len(design.features) + len(design.targets)
    most = getattr(solver, "most_rows", None)
    return 0 if most is None else most(columns)


def _not_evaluated(training: Moments, held_out: Moments, holdout: Holdout) -> list[Notice]:
    """How many rows held out have a level that no training row has. Refused where no row is left on a side."""
    count = held_out.statistics.dropped
    whole = held_out.rows + count
    if training.rows == 0 or whole == 0:
        raise RequestError(
            "holdout-leaves-none",
            f"a holdout of {holdout.share:g} leaves {training.rows:,} rows to train on and {whole:,} to hold out",
            "choose another share, or train on all rows",
        )
    if held_out.rows == 0:
        raise RequestError(
            "holdout-leaves-none",
            "every held-out row has a level that no training row has",
            "choose another share or seed, or train on all rows",
        )
    if not count:
        return []
    have = "has a level" if count == 1 else "have levels"
    text = f"{count:,} of {whole:,} held-out rows {have} that no training row has: not evaluated"
    return [Notice("held-out-level-unseen", text, is_warning=True)]


def _expect_rows(moments: Moments) -> Moments:
    if moments.rows == 0:
        if moments.statistics.dropped == 0:
            raise DataError(
                "weights-all-zero", "every row has weight zero", "give some row a positive weight"
            )
        raise DataError(
            "no-complete-row",
            f"no row is left to fit: all {moments.statistics.dropped:,} have missing cells",
            "use fewer columns, or fill the cells",
        )
    return moments


def _known(gathered: _Gathered, request: Request) -> tuple[Refined | None, list[Notice]]:
    """The optimum to rounding, of a small table or where the digits asked for need it, and what cannot be had.

    For a solver that goes there at once; others find their own way.
    """
    moments, bias = gathered.moments, request.bias
    wanted = getattr(request.solver, "digits", None)
    if wanted is None or not (request.penalty.is_none and request.loss.quadratic):
        return None, []
    optimum = refined_optimum(moments, gathered.small, bias)
    if optimum is not None or Rank.of(moments, bias).deficiency:
        return optimum, []
    if least_digits(moments, bias) >= wanted or (sure := sure_digits(moments, bias)) >= wanted:
        return None, []
    optimum = None if gathered.rows is None else refined(gathered.rows, moments, bias)
    if optimum is not None:
        return optimum, []
    why = "moments alone hold no more" if gathered.rows is None else shortage(moments, bias).text
    text = f"{math.floor(sure)} digits of the coefficients are sure where {wanted:g} were asked for: {why}"
    return None, [Notice("digits-not-reached", text)]


def _fewer_digits(verdict: PenalisedJudge, solver: Solver) -> list[Notice]:
    """That a penalised answer has fewer sure digits than were asked for: no further pass over the rows adds any."""
    wanted = getattr(solver, "digits", Exact.digits)
    if wanted == Exact.digits or not verdict.is_finite or verdict.digits >= wanted:
        return []
    sure = math.floor(verdict.digits)
    text = f"{sure} digits of the coefficients are sure where {wanted:g} were asked for: with a penalty none are added"
    return [Notice("digits-not-reached", text)]


def _left_out(before: DesignSpec, after: DesignSpec, has_holdout: bool) -> list[Notice]:
    """The levels that no row has from which the model learns."""
    levels = {term.column: term.levels for term in after.terms if isinstance(term, Category)}
    notices = []
    for term in before.terms:
        if isinstance(term, Category) and levels.get(term.column) != term.levels:
            gone = [level for level in term.levels if level not in levels.get(term.column, ())]
            notices.append(
                Notice(
                    "level-without-rows",
                    f"no {'training' if has_holdout else 'complete'} row has {term.column} = {listed(gone)}: "
                    "no coefficient for it",
                )
            )
    return notices


def _with_loaded_init(solver: Solver, design: DesignSpec) -> Solver:
    """The solver with a saved model as its start turned into weight and bias, matched by name."""
    init = getattr(solver, "init", None)
    if isinstance(init, (str, os.PathLike)) and init not in INITS:
        init = load(Path(init))
    if not isinstance(init, LinearModel):
        return solver
    if set(init.features) != set(design.features) or set(init.targets) != set(design.targets):
        odd = sorted({*init.features, *init.targets} ^ {*design.features, *design.targets})
        raise RequestError(
            "init-of-other-columns",
            f"the model to start from has other columns: {listed(odd)}",
            "start from a model of the same columns",
        )
    rows = [init.targets.index(name) for name in design.targets]
    columns = [init.features.index(name) for name in design.features]
    start = (init.weight[np.ix_(rows, columns)], init.bias[rows])
    return replace(solver, init=start)  # type: ignore[type-var]


def _training(solver: Solver, problem: Problem, solution: Solution) -> Training | None:
    """What the judge should know of the training, or None when nothing was trained."""
    if solver.course is None:
        return None
    known, batch_size, tenfold = solver.course.constant, solver.params().get("batch_size"), None
    lr, rule = (None, HeavyBall()) if known is None else known
    has_path = known is not None and batch_size is None and not problem.has_kinks
    if has_path and solution.diverged_at is None:
        path = Trajectory(
            problem.moments, lr, rule.momentum, solution.start, problem.bias, rule.nesterov,
            dampening=rule.dampening, penalty=problem.penalty,
        )  # fmt: skip
        # A forced rate may run away within ten times the epochs.
        with np.errstate(over="ignore", invalid="ignore"):
            tenfold = path.at(10 * solution.epochs).loss
    return Training(
        lr=lr,
        momentum=rule.momentum,
        epochs=solution.epochs,
        view=problem.moments,
        scaling=problem.scaling,
        started_at=solution.history[0].loss if solution.history else math.inf,
        diverged_at=solution.diverged_at,
        batch_size=batch_size,
        tenfold_loss=tenfold,
        nesterov=rule.nesterov,
        dampening=rule.dampening,
        penalty=problem.penalty,
    )


def command(selection: Selection, bias: bool) -> list[str]:
    """The words of the command that fits the same columns of a file exactly."""
    words, targets = ["gradline", "fit", *words_of(selection.data)], selection.targets or ()
    if selection.formula is not None:
        from gradline.data.terms.algebra import target_nodes  # noqa: PLC0415 - most fits have no formula

        words.append(selection.formula)
        targets = () if target_nodes(selection.formula) else targets
    chosen = (
        ("-t", targets),
        ("-f", selection.features or ()),
        ("--exclude", selection.exclude),
    )
    for flag, names in chosen:
        words += [word for name in names for word in (flag, name)]
    if isinstance(selection.weights, str):
        words += ["--weights", selection.weights]
        words += [] if selection.weights_are is None else ["--weights-are", selection.weights_are]
    for name in ("category", "numeric", "also"):
        words += [word for column in getattr(selection, name) for word in (f"--{name}", column)]
    words += [word for base in selection.bases for word in ("--base", base)]
    if selection.missing != "error":
        words += ["--missing", selection.missing]
    if selection.read is not None:
        words += selection.read.words()
    if not bias and selection.formula is None:
        words.append("--no-bias")
    return words


def _config(selection: Selection, design: DesignSpec, request: Request) -> dict[str, Any]:
    """What reproduces the fit: the flags of `gradline fit`, as far as they differ from the defaults."""
    config: dict[str, Any] = dict(options_of(selection.data))
    config["targets"] = list(design.targets)
    config |= {"solver": request.solver.name, **request.solver.params(), **request.penalty.params()}
    if config.get("init") == "given":
        del config["init"]  # arrays have no place in a file of options
    if request.holdout:  # whose rows another seed, such as the solver's, would not find again
        config["seed"] = request.seed
    config |= {
        name: value for name, usual in _usual(type(request)) if (value := getattr(request, name)) != usual
    }
    if selection.missing != Selection.missing:
        config["missing"] = selection.missing
    if selection.formula is not None:
        config["formula"] = selection.formula
    if selection.features is not None:
        config["features"] = list(selection.features)
    if selection.exclude:
        config["exclude"] = list(selection.exclude)
    if isinstance(selection.weights, str):
        config["weights"] = selection.weights
    if selection.weights_are is not None:
        config["weights_are"] = selection.weights_are
    for name in ("category", "numeric", "also"):
        if getattr(selection, name):
            config[name] = list(getattr(selection, name))
    if selection.base:
        config["base"] = selection.bases
    return config | ({} if selection.read is None else selection.read.to_dict())


def _findings(verdict: Judged | PenalisedJudge | RowsJudge) -> list[Notice]:
    """What the judge found that the user should know although the fit went on."""
    found: list[Notice] = []
    moments, rank = verdict.moments, verdict.rank
    coefficients = moments.p + 1
    if moments.rows == 1:
        found.append(Notice("single-row", "there is one row: nothing can be said about any slope", True))
    elif moments.rows < coefficients and verdict.is_open:
        found.append(
            Notice(
                "fewer-rows-than-coefficients",
                f"{moments.rows:,} rows for {coefficients:,} coefficients per target",
                True,
            )
        )
    if moments.weights_are == "counts" and moments.weight_sum % 1:
        words = f"the weights are taken as counts and add up to {number(moments.weight_sum)}, which counts no rows"
        found.append(Notice("counts-not-whole", words, True))
    if rank.constant and moments.rows > 1:
        but = " but for rounding" if rank.varies[rank.norms == 0].any() else ""
        words = f"{listed(rank.constant)} has one value in every row{but}: its coefficient says nothing"
        found.append(Notice("column-constant", words, True))
    # Of fewer rows that was said above.
    told = rank.combinations() if verdict.is_open and moments.rows >= coefficients else []
    others = [words for words in told if " is constant" not in words]
    if others:
        found.append(
            Notice(
                "rank-deficient",
                lowered(undetermined(rank.rank, moments.p, others)),
                True,
            )
        )
    if verdict.status is Status.UNCERTIFIED and verdict.certificate.is_bounded:
        above, what = number(verdict.certificate.gap), "loss and penalty are"
        what = "the loss is" if verdict.certificate.penalty is None else what
        text = f"no more is known than that {what} at most {above} above the least possible"
        found.append(Notice("penalised-gap-open", text, True))
    elif verdict.status is Status.UNCERTIFIED:
        why = shortage(moments, verdict.has_bias)
        sure = counted(math.floor(verdict.certificate.digits), "digit")
        found.append(Notice(why.code, f"{why.text}: only {sure} can be sure", True))
    return found
