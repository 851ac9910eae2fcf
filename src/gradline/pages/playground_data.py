"""The state of a page: all that its arithmetic needs of the data, as one JSON-able dict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.core.text import listed, shell
from gradline.data.design import Number
from gradline.data.inputs import as_rows, keeps_bias, open_table
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import Holdout, RowStream, SeenLevels, Split
from gradline.data.selection import Selection
from gradline.data.table import words_of
from gradline.model.certificate import finite
from gradline.model.fit import run
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.model.request import Request, command
from gradline.moments.rank import determined_factor
from gradline.moments.state import Moments
from gradline.pages.page_terms import terms
from gradline.pages.prediction import fields, interval
from gradline.solvers.problem import Scaling
from gradline.solvers.spectrum import Spectrum

MOST_ROWS = 2000  # more dots than these cover each other
MOST_CELLS = 30_000  # of the sample: half a megabyte of text
MOST_FEATURES = 64  # the directions of three scales are as many matrices: another half
MOST_POINTS = 120  # that can be taken by hand
LAST_EPOCH = 10**9


@dataclass(frozen=True)
class Opening:
    """How a page begins: the arguments of `gradline.play` beside what to fit from, with its meaning."""

    bias: bool = True
    rows: int = MOST_ROWS
    lr: float | None = None
    epochs: int = 0
    holdout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (is_whole(self.rows, 0) and self.rows <= MOST_ROWS):
            raise UsageError(
                "row-count-invalid", f"rows is {self.rows}", f"give a whole number from 0 to {MOST_ROWS:,}"
            )
        if self.lr is not None and not (is_real(self.lr) and self.lr > 0):
            raise UsageError("lr-invalid", f"lr is {self.lr!r}", "give a positive number, such as 0.01")
        if not (is_whole(self.epochs, 0) and self.epochs <= LAST_EPOCH):
            raise UsageError(
                "epochs-invalid", f"epochs is {self.epochs}", f"give a whole number from 0 to {LAST_EPOCH:,}"
            )


def state(selection: Selection, opening: Opening | None = None) -> dict[str, Any]:
    """What a page knows of the data: moments, the directions of descent on three scales, some rows.

    Rows are drawn by a fixed seed evenly over the training data, all where there are fewer than `opening.rows`, fewer
    where they are wide. Every number is finite; what has none is None. Raises `RequestError` for more than 64
    features, and what `gradline.fit` raises.
    """
    opening = opening or Opening()
    opening = replace(opening, bias=keeps_bias(selection, opening.bias))
    bias = opening.bias
    data = selection.data
    if words_of(data):  # standard input is read once
        selection = replace(selection, data=open_table(data, selection.read))
    model = run(selection, Request(bias=bias, holdout=opening.holdout, seed=opening.seed))
    p = model.moments.p
    if p > MOST_FEATURES:
        raise RequestError(
            "too-many-features",
            f"the page would have {p} features and can hold {MOST_FEATURES}",
            "choose some with --feature (features=[…] in Python)",
        )
    holdout = Holdout(opening.holdout, opening.seed) if opening.holdout else None
    rows = as_rows(selection, holdout, bias).rows
    training, held = _sides(rows, holdout)
    sample = _sample(training, model, model.moments.rows, opening.rows)
    return finite(
        {
            **_words(model),
            "fields": fields(model, rows),
            "terms": terms(model),
            "command": _command(replace(selection, data=data), model, opening),
            **_counts(model.moments),
            "moments": _moments(model.moments),
            "views": {
                name: _view(model.moments, scaling, bias)
                for name, scaling in _scalings(model.moments, bias).items()
            },
            "optimum": {
                "weight": model.weight.tolist(),
                "bias": model.bias.tolist(),
                "loss": model.certificate.optimal_loss,
            },
            "interval": interval(model),
            "sample": sample,
            "t95": _quantiles(model, sample),
            "held": None if held is None else _held(held, model, opening.rows),
            "start": _start(model.moments, opening),
        }
    )


def _words(model: LinearModel) -> dict[str, Any]:
    return {
        "title": f"{listed(model.targets)} from {listed(term.label for term in model.design.terms)}",
        "notices": [notice.text for notice in model.notices],
        "features": list(model.features),
        "targets": list(model.targets),
        "weights": model.design.weights,
        "has_bias": model.has_bias,
    }


def _command(selection: Selection, model: LinearModel, opening: Opening) -> str | None:
    """What makes this page anew; None for data that have no name."""
    if not words_of(selection.data):
        return None
    named = replace(selection, targets=model.targets)
    words = command(named, model.has_bias)[2:]  # those of fit, for the same columns
    usual = Opening()
    for name in ("lr", "epochs", "holdout", "seed"):
        if getattr(opening, name) != getattr(usual, name):
            words += [f"--{name}", str(getattr(opening, name))]
    return shell(["gradline", "play", *words, *([] if opening.rows else ["--no-rows"])])


def _sides(rows: RowStream, holdout: Holdout | None) -> tuple[RowStream, RowStream | None]:
    """The rows that are trained on, and those that are held out, as `gradline.fit` splits them."""
    if holdout is None:
        return rows, None
    return Split(rows, *holdout, held_out=False), SeenLevels(Split(rows, *holdout, held_out=True))


def _counts(moments: Moments) -> dict[str, Any]:
    statistics = moments.statistics
    return {
        "rows": statistics.rows,
        "weight_sum": statistics.weight_sum,
        "dropped": statistics.dropped,
        "missing": dict(statistics.missing),
    }


def _moments(moments: Moments) -> dict[str, Any]:
    """The columns of X, then those of Y."""
    statistics = moments.statistics
    vectors = {name: getattr(statistics, name).tolist() for name in ("mean", "minimum", "maximum")}
    return {**vectors, "factor": moments.factor.tolist()}


def _scalings(moments: Moments, bias: bool) -> dict[str, Scaling]:
    """The scales that the loop can run on; without a bias nothing takes up what centring shifts."""
    raw, standard = Scaling.none(moments.p), Scaling.standard(moments, bias)
    centred = {"centred": replace(standard, scale=raw.scale)} if bias else {}
    return {"raw": raw, **centred, "standardised": standard}


def _view(moments: Moments, scaling: Scaling, bias: bool) -> dict[str, Any]:
    """The problem on a scale: loss(θ) = floor + ‖σ·Vᵀθ − rhs‖²/(m·W), a row of `vectors` for each σ."""
    scaled = scaling.moments(moments)
    spectrum = Spectrum.of(scaled, bias)
    return {
        "center": scaling.center.tolist(),
        "scale": scaling.scale.tolist(),
        "singular": spectrum.singular.tolist(),
        "vectors": spectrum.directions.T.tolist(),
        "rhs": (spectrum.left.T @ determined_factor(scaled, bias).B).tolist(),
    }


def _sample(rows: RowStream, model: LinearModel, count: int, most: int) -> dict[str, Any] | None:
    """Some of `count` rows, drawn evenly, raw; None where none are wanted. `all` says whether they are all."""
    width = model.moments.p + model.moments.m
    wanted = evenly(count, min(most, MOST_CELLS // width))
    if not len(wanted):
        return None
    kept = [rows.design.features.index(name) for name in model.features]
    found = list(_picked(rows, wanted))
    w = [block.w for block in found if block.w is not None]
    return {
        "all": len(wanted) == count,
        "x": np.concatenate([block.X[:, kept] for block in found]).tolist(),
        "y": np.concatenate([block.Y for block in found]).tolist(),
        "w": np.concatenate(w).tolist() if w else None,
    }


def _held(rows: RowStream, model: LinearModel, most: int) -> dict[str, Any]:
    """What the loss of any weights over the rows held out needs, and some of those rows."""
    moments = Moments.from_rows(rows).select(model.design)
    return {
        "rows": moments.rows,
        "weight_sum": moments.statistics.weight_sum,
        "moments": _moments(moments),
        "sample": _sample(rows, model, moments.rows, most),
    }


def _quantiles(model: LinearModel, sample: dict[str, Any] | None) -> list[float] | None:
    """Student's t of a 95 % interval by degrees of freedom, from 1, where the points may be moved by hand: one number
    to predict one target from, a bias, and few rows that weigh alike. Elsewhere None."""
    [first, *others] = model.design.terms
    is_plain = isinstance(first, Number) and not (others or model.design.weights) and model.moments.m == 1
    if not (is_plain and model.has_bias and sample and sample["all"] and model.moments.rows <= MOST_POINTS):
        return None
    return [quantile(0.95, freedom) for freedom in range(1, MOST_POINTS)]


def evenly(rows: int, count: int) -> np.ndarray:
    """One row number, drawn by a fixed seed, of each of `count` even stretches of `rows` rows; all where few."""
    if rows <= count:
        return np.arange(rows)
    edges = np.arange(count + 1) * rows // max(count, 1)
    return edges[:-1] + (np.random.default_rng(0).random(count) * np.diff(edges)).astype(int)


def _picked(rows: RowStream, wanted: np.ndarray) -> Iterator[RowBlock]:
    """The rows of these numbers, which ascend."""
    before = 0
    for block in rows.blocks(1 << 14):
        here = (wanted >= before) & (wanted < before + len(block.X))
        yield block.take(wanted[here] - before)
        before += len(block.X)


def _start(moments: Moments, opening: Opening) -> dict[str, Any]:
    """Where the page begins: weights of zero, and a tenth of the largest stable rate, as the lesson takes it."""
    limit = Spectrum.of(moments, opening.bias).lr_limit()
    tenth = float(f"{limit / 10:.0e}") if np.isfinite(limit) else 1.0
    return {
        "view": "raw",
        "lr": opening.lr or tenth,
        "momentum": 0.0,
        "epochs": opening.epochs,
        "weight": np.zeros((moments.m, moments.p)).tolist(),
        "bias": np.zeros(moments.m).tolist(),
    }
