"""Diagnostics by a second pass over the rows: robust standard errors, leverage, Cook's distance, residuals."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gradline.core.arguments import is_whole
from gradline.core.coefficients import Coefficients
from gradline.core.derived import cached_property
from gradline.core.errors import DataError, RequestError, UsageError
from gradline.data.inputs import expect_one_index, rows_by
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.data.selection import UNSAID
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import NO_LIKELIHOOD, Inference, likelihood
from gradline.model.model import LinearModel
from gradline.model.score_sums import ClusteredScores, LaggedScores, TimedScores
from gradline.moments.basis import Basis
from gradline.moments.state import BLOCK_CELLS

_ALONE = 1e-10  # a row with 1 − leverage below this fixes a coefficient by itself


class RowDiagnostics(NamedTuple):
    """Figures by row, for complete rows of positive weight in their order; NaN where they mean nothing.

    With weight w (1 without weights), residual r = y − ŷ, leverage h, s the residual standard error and k the
    coefficients that the data determine, on n − k = f degrees of freedom:

    - `residual` (n, m): r. `leverage` (n,): h = w·g·g (g·g for counts, of one of the rows that it stands for).
    - `internal` (n, m): √w·r/(s·√(1 − h)), `rstandard` in R; for counts without √w.
    - `external` (n, m): internal·√((f − 1)/(f − internal²)), `rstudent` in R: s without the row itself.
    - `cooks_distance` (n, m): internal²·h/((1 − h)·k) (Cook 1977).
    """

    residual: np.ndarray
    leverage: np.ndarray
    internal: np.ndarray
    external: np.ndarray
    cooks_distance: np.ndarray


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """Robust estimates, and the way to figures by row.

    With H = XᵀWX and score sᵢ = wᵢ·rᵢ·xᵢ the covariance of the coefficients is H⁻¹·M·H⁻¹ with M = Σ sᵢsᵢᵀ·cᵢ:

    - `HC0`: cᵢ = 1; `HC1`: n/(n − k); `HC2`: 1/(1 − hᵢ); `HC3`: 1/(1 − hᵢ)² (White 1980; MacKinnon, White 1985).
      For counts Σ runs over the rows that a row stands for. HC2 and HC3 are None where a row has leverage one.
    - `cluster`: M = Σ (Σ sᵢ)(Σ sᵢ)ᵀ over the G clusters, times G/(G − 1)·(n − 1)/(n − k), as statsmodels does with
      its correction and Stata does; None without clusters (Liang, Zeger 1986). By several columns see
      `ClusteredScores.middle`; `clusters` is then the fewest of any column. What such a difference leaves below zero
      counts as zero.
    - `HAC`: M = Σ over rows of sᵢsᵢᵀ and, for each lag l up to L, (1 − l/(L + 1))·(sᵢsᵢ₋ₗᵀ + sᵢ₋ₗsᵢᵀ), times n/(n − k):
      for rows in the order of time whose errors follow each other (Newey, West 1987); None without lags.

    t, p and intervals are Student's, on n − k degrees of freedom, with clusters on G − 1.
    `inference` is that of the model, with the likelihood of precision weights; `clusters` is G.
    """

    HC0: Estimates
    HC1: Estimates
    HC2: Estimates | None
    HC3: Estimates | None
    cluster: Estimates | None
    HAC: Estimates | None
    clusters: int | None
    inference: Inference
    notes: tuple[str, ...]
    _pass: "_Pass"

    def blocks(self) -> Iterator[RowDiagnostics]:
        """The figures by row, block by block, for tables larger than memory; reads the rows again."""
        for scored in self._pass:
            yield self.of_rows(scored)

    def scored(self) -> Iterator["Scored"]:
        """The rows in the coordinates of the basis, block by block; reads them again."""
        return iter(self._pass)

    @cached_property
    def rows(self) -> RowDiagnostics:
        """The figures of all rows."""
        parts = list(self.blocks())
        return RowDiagnostics(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def of_rows(self, scored: "Scored") -> RowDiagnostics:
        """The figures of a block."""
        f, q, sigma = self.inference.freedom, self.inference.basis.q, self.inference.residual_stderr
        h, r = scored.leverage, scored.residual
        left = np.where(1.0 - h > _ALONE, 1.0 - h, np.nan)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            internal = r * scored.root[:, None] / np.sqrt(left) / (np.nan if sigma is None else sigma)
            external = internal * np.sqrt((f - 1) / (f - internal**2))
        return RowDiagnostics(r, h, internal, external, internal**2 * h[:, None] / left / q)


def diagnostics(
    model: LinearModel,
    data: Any,
    targets: Any = None,
    clusters: Any = None,
    *,
    weights: Any = None,
    weights_are: str | None = None,
    missing: str = "error",
    lags: int = 0,
    time: Any = None,
) -> Diagnostics:
    """Diagnose a least-squares model by its training rows.

    Parameters:
    - `data`, `targets`, `weights`, `missing`: the rows that the model was trained on, given as to `gradline.fit`; of a
      table the model knows its targets, and its weights where they are a column.
    - `clusters`: a column of the table, of numbers or text, or an array (n,): rows of one cluster may be correlated. A
      missing label (None, NaN) is a missing cell. Several columns, as a list of names or an array (n, d): rows that
      share the value of any of them may be correlated.
    - `weights_are`: "counts", "precision" or "sampling", as in `Inference`; None (default): as was said at the fit.
    - `lags`: of how many rows before a row the errors may be related to its own; 0 (default): of none.
    - `time`: a column of numbers or dates by which rows follow each other, or an array (n,); None (default): as they
      stand.

    Raises `RequestError` where the coefficients are no least-squares estimates or leave no degree of freedom, and
    `DataError` where the rows are not those of the training.
    """
    expect_one_index(
        {"data": data, "targets": targets, "weights": weights, "clusters": clusters, "time": time}
    )
    inference = model.infer(weights_are)
    if inference.adjusted_r2 is None or inference.weights_are == UNSAID:
        first = inference.refusals[0]
        raise RequestError(first.code, f"there is nothing to diagnose: {first.cause}", first.remedy)
    if not is_whole(lags, 0):
        raise UsageError("lags-invalid", f"lags is {lags}", "give a whole number of rows from 0")
    if lags and inference.weights_are == "counts":
        raise RequestError(
            "lags-of-counts",
            "a row that stands for several has no place in an order, and the weights are counts",
            "leave the lags out, or repeat the rows",
        )
    rows = rows_by(model.design, data, missing, read=model.read, targets=targets, weights=weights)
    ways = _ways(clusters, rows)
    for labels in ways:
        rows = rows.labelled(labels)
    if time is not None:
        rows = rows.timed(time)
    sweep = _Pass(model, inference, rows, len(ways), time is not None)
    sums = _ScoreSums(inference.basis.q, len(model.targets), int(lags), len(ways), time is not None)
    for scored in sweep:
        sums.add(scored)
    _expect_same_rows(model, sums)
    return _finished(model, inference, sweep, sums)


def _ways(clusters: Any, rows: RowStream) -> tuple[Any, ...]:
    """The columns of labels: one by one where several are named, or given as the columns of an array."""
    if clusters is None:
        return ()
    columns = set() if rows.table is None else set(rows.table.schema())
    if isinstance(clusters, list | tuple) and any(
        isinstance(one, str) and one in columns for one in clusters
    ):
        return tuple(clusters)
    if isinstance(clusters, np.ndarray) and clusters.ndim == 2:
        return tuple(clusters.T)
    return (clusters,)


class Scored(NamedTuple):
    """A block in the coordinates of the basis: g (n, q), residuals (n, m), and what weights make of them."""

    g: np.ndarray
    fitted: np.ndarray  # ŷ (n, m), less the mean of the targets where there is a bias
    residual: np.ndarray
    leverage: np.ndarray
    score: np.ndarray  # wᵢ: the score is wᵢ·r·g
    share: np.ndarray  # M = Σ share·r²·g·gᵀ
    root: np.ndarray  # what makes residuals alike: √w, for counts 1
    w: np.ndarray
    labels: np.ndarray  # (n, ways)
    times: np.ndarray | None
    dropped: int

    @property
    def scores(self) -> np.ndarray:
        """wᵢ·r·g (n, m, q)."""
        return (self.score[:, None] * self.residual)[:, :, None] * self.g[:, None, :]


@dataclass(frozen=True, eq=False)
class _Pass:
    """The training rows as scored blocks, again and again."""

    model: LinearModel
    inference: Inference
    rows: RowStream
    ways: int
    timed: bool

    def __iter__(self) -> Iterator[Scored]:
        width = len(self.model.features) + len(self.model.targets)
        for block in self.rows.blocks(max(2 * width, BLOCK_CELLS // width)):
            yield self._scored(block)

    def _scored(self, block: RowBlock) -> Scored:
        model, basis = self.model, self.inference.basis
        p = len(model.features)
        X, labels = block.X[:, :p], block.X[:, p : p + self.ways].astype(int)
        g = basis.rows(X)
        w = np.ones(len(X)) if block.w is None else block.w
        counts = self.inference.weights_are in ("counts", None)
        square = (g**2).sum(axis=1)
        fitted, residual = _fitted(model, basis, X, block.Y)
        return Scored(
            g=g,
            fitted=fitted,
            residual=residual,
            leverage=square if counts else w * square,
            score=w,
            share=w if counts else w**2,
            root=np.ones(len(X)) if counts else np.sqrt(w),
            w=w,
            labels=labels,
            times=block.X[:, -1] if self.timed else None,
            dropped=block.dropped,
        )


def _fitted(model: LinearModel, basis: Basis, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ŷ and y − ŷ (n, m), around the means where there is a bias: large means would cost digits."""
    fitted = basis.around(X) @ model.weight.T
    if not model.has_bias:
        return fitted, Y - fitted
    p, statistics = len(model.features), model.moments.statistics
    return fitted, (Y - statistics.mean[p:] - statistics.mean_low[p:]) - fitted


class _ScoreSums:
    """What the pass adds up: M for HC0, HC2 and HC3 (3, m, q, q), scores by cluster and by lag, and checks."""

    def __init__(self, q: int, m: int, lags: int, ways: int, timed: bool) -> None:
        self.middle = np.zeros((3, m, q, q))
        self.clusters = ClusteredScores(ways) if ways else None
        self.lagged = LaggedScores(lags) if lags and not timed else None
        self.timed = TimedScores(lags) if lags and timed else None
        self.rows, self.dropped, self.alone, self.log_weights = 0, 0, 0, 0.0
        self.squares = np.zeros(m)

    def add(self, scored: Scored) -> None:
        """One block more."""
        left = 1.0 - scored.leverage
        self.alone += int((left <= _ALONE).sum())
        left = np.maximum(left, _ALONE)
        for j, r in enumerate(scored.residual.T):
            for i in range(3):
                scaled = scored.g * (np.sqrt(scored.share) * r / left ** (i / 2))[:, None]
                self.middle[i, j] += scaled.T @ scaled
        self.rows += len(scored.g)
        self.dropped += scored.dropped
        self.squares += scored.w @ scored.residual**2
        self.log_weights += float(np.log(scored.w).sum())
        if self.clusters is not None:
            self.clusters.add(scored.labels, scored.scores)
        if self.lagged is not None:
            self.lagged.add(_in_turn(scored))
        if self.timed is not None and scored.times is not None:
            self.timed.add(scored.times, _in_turn(scored))


def _in_turn(scored: Scored) -> np.ndarray:
    """The scores (m, n, q), target by target."""
    return np.swapaxes(scored.scores, 0, 1)


def _expect_same_rows(model: LinearModel, sums: _ScoreSums) -> None:
    """The sum of squared residuals is what the moments of the training rows say, or these are others."""
    moments = model.moments
    expected, noise = moments.squares(model.weight, model.bias), 1e-12 * moments.variation(model.has_bias)
    left_out = f" ({sums.dropped:,} more left out for missing cells)" if sums.dropped else ""
    if sums.rows != moments.rows or (np.abs(sums.squares - expected) > 1e-6 * expected + noise).any():
        raise DataError(
            "not-training-rows",
            f"these {sums.rows:,} rows{left_out} are not the {moments.rows:,} that the model was trained on",
            "give the training rows with their weights; of a fit with a holdout, fit without it",
        )


def _finished(model: LinearModel, inference: Inference, sweep: _Pass, sums: _ScoreSums) -> Diagnostics:
    n, f, basis = inference.observations, inference.freedom, inference.basis
    value = Coefficients(model.weight, model.bias if model.has_bias else None)
    sigma = inference.residual_stderr
    varies = np.where(np.isnan(sigma), np.nan, 1.0) if sigma is not None else np.ones(len(model.targets))

    def estimates(middle: np.ndarray, freedom: float) -> Estimates:
        scatter = middle * varies[:, None, None]
        return Estimates(value, basis.stderr(scatter), freedom, model.features, basis, scatter)

    hc0, hc2, hc3 = sums.middle
    cluster, fewest, notes = None, None, []
    if sums.clusters is not None:
        middle, fewest = sums.clusters.middle(n, f), min(sums.clusters.counts)
        if len(sums.clusters.counts) > 1:
            middle = _positive(middle)
        cluster = estimates(middle, fewest - 1.0)
    lagged = None if sums.lagged is None else sums.lagged.total
    if sums.timed is not None:
        lagged = sums.timed.total()
        lagged = sums.timed.total(map(_in_turn, sweep)) if lagged is None else lagged
        notes += [] if sums.timed.note is None else [sums.timed.note]
    return Diagnostics(
        HC0=estimates(hc0, f),
        HC1=estimates(hc0 * (n / f), f),
        HC2=None if sums.alone else estimates(hc2, f),
        HC3=None if sums.alone else estimates(hc3, f),
        cluster=cluster,
        HAC=None if lagged is None else estimates((hc0 + lagged) * (n / f), f),
        clusters=fewest,
        inference=_with_likelihood(inference, sums),
        notes=tuple(notes),
        _pass=sweep,
    )


def _positive(middle: np.ndarray) -> np.ndarray:
    """The matrices (m, q, q) without what lies below zero: a variance is never negative (as in their section 2.3)."""
    values, vectors = np.linalg.eigh(middle)
    return (vectors * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)


def _with_likelihood(inference: Inference, sums: _ScoreSums) -> Inference:
    """The inference with the likelihood of precision weights: ½·Σ log w on top of that without weights."""
    sigma = inference.residual_stderr
    if inference.weights_are != "precision" or sigma is None:
        return inference
    unweighted = likelihood(sigma, inference.freedom, inference.observations)
    refusals = tuple(refusal for refusal in inference.refusals if refusal != NO_LIKELIHOOD)
    return replace(inference, log_likelihood=unweighted + sums.log_weights / 2, refusals=refusals)
