"""The one orchestration: source → design → moments or batches → solve → judge → model."""

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.errors import GradlineWarning, Notice, RequestError
from gradline.core.linalg.refined import Refined
from gradline.core.memory_limit import limited
from gradline.core.tensor_file import expect_writable
from gradline.core.text import listed
from gradline.data.design import DesignSpec
from gradline.data.inputs import keeps_bias
from gradline.data.row_block import ColumnBlock, RowBlock
from gradline.data.selection import Choice, Selection
from gradline.engines.engine import Engine
from gradline.model.cautions import cautions, fewer_digits, findings, on_the_way
from gradline.model.certificate import Certificate
from gradline.model.checkpoint import Checkpoint
from gradline.model.gathered import Gathered, gather
from gradline.model.judge import Judged, least_digits, sure_digits
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.model import Evaluation, History, LinearModel, evaluation, load
from gradline.model.own_units import smearing
from gradline.model.request import Request, config_of, expect_epochs
from gradline.model.shortage import shortage
from gradline.model.training import Training
from gradline.model.witness import Witness, witnessed
from gradline.moments.rank import Rank
from gradline.moments.state import calm_blas
from gradline.solvers import Observer, Solution, Solver, solve, usual_solver
from gradline.solvers.exact import refined_optimum
from gradline.solvers.loop import INITS
from gradline.solvers.losses import SQUARED, Loss
from gradline.solvers.penalties import NONE, Penalty
from gradline.solvers.problem import Problem, Scaling, stacked
from gradline.solvers.refinement import refined
from gradline.solvers.rules import HeavyBall
from gradline.solvers.trajectory import Trajectory

if TYPE_CHECKING:  # few fits choose an alpha
    from gradline.model.cross_validation import CrossValidated


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
    penalty: "Penalty | CrossValidated" = NONE,
    loss: Loss = SQUARED,
    engine: str | Engine = "threads",
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
    - `penalty`: `gradline.ElasticNet(alpha, l1_ratio, …)`: ridge, lasso and what lies between, on the weights of the
      columns as they are trained on, with factors and bounds for some of them; or
      `gradline.CrossValidated(l1_ratio, …)`, which chooses the alpha by cross-validation. None by default.
    - `loss`: `gradline.Huber(delta)`, `gradline.Quantile(quantile)` or `gradline.Absolute()`, where far rows should not
      decide, or a quantile is asked for; the squared loss by default. These need the rows, not moments alone.
    - `engine`: who multiplies: "threads" of this machine (default), or "cuda", a device of PyTorch, in float64, on
      which tensors are taken as they lie. The answer is the same to its digits, and so is the certificate.
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
        engine,
    )
    model = run(Selection(data, targets, **choice), request, checkpoint=checkpoint)
    for notice in cautions(model):
        warnings.warn(GradlineWarning(notice.code, notice.text), stacklevel=2)
    return model


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
    if request.chooses_alpha:
        selection = request.penalty.without_groups(selection)
    request = request if bias is request.bias else replace(request, bias=bias)
    if checkpoint is not None:
        expect_epochs(request.solver, "checkpoint")
        expect_writable(checkpoint)
    with nullcontext() if request.memory is None else limited(request.memory):
        gathered = gather(selection, request, watch)
        config = config_of(selection, gathered.design, request)
        choice = None
        if request.chooses_alpha:
            scale = request.solver.scale if request.scale == "auto" else request.scale
            choice = request.penalty.choose(gathered.moments, gathered.rows, bias, scale)
            request = replace(request, penalty=request.penalty.at(choice.alpha))
        with calm_blas(gathered.moments.p + gathered.moments.m):
            model = _trained(gathered, request, config, observers, began, checkpoint)
            return model if choice is None else replace(model, choice=choice)


def _trained(
    gathered: Gathered,
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
        moments, gathered.rows, request.bias, scaling, optimum, request.penalty, request.loss, request.device
    )
    problem.expect(solver.name, solver.needs)
    chosen: list[Notice] = []
    if not problem.loss.quadratic:
        from gradline.solvers.robust_scale import settled  # noqa: PLC0415 - few fits have another loss

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
    if not scaling.is_none:  # which may have taken a weight over its bound by a rounding
        weight = request.penalty.on(moments.design.features, np.ones(moments.p)).prox(weight, 0.0)
    settings = solver.params()
    if request.stop_after and solution.diverged_at is None:
        settings["epochs"] = solution.epochs  # the model is that of so many
    training = _training(solver, problem, solution)
    found = Coefficients(weight, bias if request.bias else None)
    witness = Witness(None)
    if not problem.loss.quadratic:
        from gradline.model.judge_rows import RowsJudge  # noqa: PLC0415

        verdict = RowsJudge(moments, found, problem)
    elif request.penalty.is_none:
        passed = gathered.rows if optimum is not None else None
        witness = witnessed(gathered.small or passed, moments, found)
        verdict = Judged(moments, found, training, witness)
    else:
        verdict = PenalisedJudge(moments, found, request.penalty, scaling, training)
        short = [*short, *fewer_digits(verdict, request.solver)]
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
        holdout=_held_out(gathered, found, problem.loss),
        notices=(
            *gathered.notices,
            *notices,
            *chosen,
            *short,
            *on_the_way(solution, keeper, request.stop_tolerance),
            *findings(verdict),
        ),
    )


def _known(gathered: Gathered, request: Request) -> tuple[Refined | None, list[Notice]]:
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


def _held_out(gathered: Gathered, found: Coefficients, loss: Loss) -> Evaluation | None:
    """How well coefficients predict the rows held out; the loss is that which was minimised."""
    held = gathered.held_out
    if held is None:
        return None
    has_bias = found.bias is not None
    bias = np.zeros(held.m) if found.bias is None else found.bias
    told = evaluation(held, found.weight, bias, has_bias)
    if loss.quadratic:
        return told
    there = Problem.of(held, gathered.held_rows, has_bias, Scaling.none(held.p), loss=loss)
    return told._replace(loss=there.value(stacked((found.weight, bias), held, has_bias)))


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
