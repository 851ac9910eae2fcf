"""Diagnostics by a second pass over the rows: robust standard errors, leverage, Cook's distance, residuals."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradline.core.errors import DataError, RequestError
from gradline.data import Batch, Kind, open_table
from gradline.data.inputs import as_rows, is_array
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import ArrayRows, RowStream, TableRows
from gradline.model.inference.estimates import Estimates
from gradline.model.inference.inference import NO_LIKELIHOOD, Inference, likelihood
from gradline.model.model import LinearModel
from gradline.moments.basis import Basis, Coefficients
from gradline.moments.state import BLOCK_CELLS

CLUSTERS = "(clusters)"  # what the design column of cluster numbers is called
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
      its correction and Stata does; None without clusters (Liang, Zeger 1986).

    t, p and intervals are Student's, on n − k degrees of freedom, with clusters on G − 1.
    `inference` is that of the model, with the likelihood of precision weights; `clusters` is G.
    """

    HC0: Estimates
    HC1: Estimates
    HC2: Estimates | None
    HC3: Estimates | None
    cluster: Estimates | None
    clusters: int | None
    inference: Inference
    _pass: "_Pass"

    def blocks(self) -> Iterator[RowDiagnostics]:
        """The figures by row, block by block, for tables larger than memory; reads the rows again."""
        for scored in self._pass:
            yield self._of_rows(scored)

    @cached_property
    def rows(self) -> RowDiagnostics:
        """The figures of all rows."""
        parts = list(self.blocks())
        return RowDiagnostics(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _of_rows(self, scored: "_Scored") -> RowDiagnostics:
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
    weights_are: str = "counts",
    missing: str = "error",
) -> Diagnostics:
    """Diagnose a least-squares model by its training rows.

    Parameters:
    - `data`, `targets`, `weights`, `missing`: the rows that the model was trained on, given as to `gradline.fit`; of a
      table the model knows its targets, and its weights where they are a column.
    - `clusters`: a column of the table, of numbers or text, or an array (n,): rows of one cluster may be correlated.
    - `weights_are`: "counts", "precision" or "sampling", as in `Inference`.

    Raises `RequestError` where the coefficients are no least-squares estimates or leave no degree of freedom, and
    `DataError` where the rows are not those of the training.
    """
    inference = model.infer(weights_are)
    if inference.adjusted_r2 is None:
        first = inference.refusals[0]
        raise RequestError(first.code, f"there is nothing to diagnose: {first.cause}", first.remedy)
    rows = _rows(model, data, targets, weights, missing)
    if clusters is not None:
        rows = _with_clusters(rows, data, clusters)
    sweep = _Pass(model, inference, rows, clusters is not None)
    sums = _Sums(inference.basis.q, len(model.targets))
    for scored in sweep:
        sums.add(scored)
    _expect_same_rows(model, sums)
    return _finished(model, inference, sweep, sums)


def _rows(model: LinearModel, data: Any, targets: Any, weights: Any, missing: str) -> RowStream:
    """The rows by the model's own design."""
    if targets is None and weights is None and not is_array(data):
        source = open_table(data)
        model.design.match(source, targets=True)
        return TableRows(source, model.design, missing)
    columns = None if is_array(data) else [term.column for term in model.design.terms]
    named = list(model.targets) if targets is None and columns is not None else targets
    rows = as_rows(data, named, columns, (), weights, missing).rows
    if isinstance(rows, TableRows):
        model.design.match(rows.source, targets=True)
    elif len(rows.design.features) != len(model.features):
        raise DataError(
            "columns-do-not-match",
            f"X has {len(rows.design.features)} columns, the model has {len(model.features)} features",
            "give the columns that it was trained on",
        )
    return replace(rows, design=model.design)  # pyright: ignore[reportArgumentType] - both are dataclasses


@dataclass(frozen=True)
class _Labels:
    """A term that numbers the values of a column as they come."""

    column: str
    kind: Kind
    names = (CLUSTERS,)
    known: dict[Any, int] = field(default_factory=dict)

    def encode(self, batch: Batch, out: np.ndarray, *, unseen: str = "error") -> None:  # noqa: ARG002
        """Fill `out` (n, 1)."""
        cells = batch.frame[self.column]
        for cell in cells.unique(maintain_order=True):
            self.known.setdefault(cell, len(self.known))
        out[:, 0] = cells.replace_strict(self.known).to_numpy()


def _with_clusters(rows: RowStream, data: Any, clusters: Any) -> RowStream:
    """The rows with the number of each row's cluster as the last column of X."""
    if isinstance(rows, ArrayRows) and not isinstance(clusters, str):
        labels = np.asarray(clusters).reshape(-1)
        if len(labels) != len(rows.X):
            raise DataError(
                "rows-do-not-match",
                f"{len(labels):,} clusters for {len(rows.X):,} rows",
                "give one label per row",
            )
        codes = np.unique(labels, return_inverse=True)[1]
        return replace(rows, X=np.column_stack([rows.X, codes]))
    if isinstance(rows, TableRows) and isinstance(clusters, str):
        if clusters not in rows.source.schema():
            raise RequestError(
                "column-unknown", f"there is no column {clusters}", "name a column of the table"
            )
        kind = rows.design.columns.get(clusters, Kind.TEXT)
        terms: Any = (*rows.design.terms, _Labels(clusters, kind))
        return replace(rows, design=replace(rows.design, terms=terms))
    raise RequestError(
        "clusters-need-table",
        f"clusters are {type(clusters).__name__} for {type(data).__name__}",
        "name a column of a table; beside arrays give an array",
    )


class _Scored(NamedTuple):
    """A block in the coordinates of the basis: g (n, q), residuals (n, m), and what weights make of them."""

    g: np.ndarray
    residual: np.ndarray
    leverage: np.ndarray
    score: np.ndarray  # wᵢ: the score is wᵢ·r·g
    share: np.ndarray  # M = Σ share·r²·g·gᵀ
    root: np.ndarray  # what makes residuals alike: √w, for counts 1
    w: np.ndarray
    labels: np.ndarray | None


@dataclass(frozen=True, eq=False)
class _Pass:
    """The training rows as scored blocks, again and again."""

    model: LinearModel
    inference: Inference
    rows: RowStream
    labelled: bool

    def __iter__(self) -> Iterator[_Scored]:
        width = len(self.model.features) + len(self.model.targets)
        for block in self.rows.blocks(max(2 * width, BLOCK_CELLS // width)):
            yield self._scored(block)

    def _scored(self, block: RowBlock) -> _Scored:
        model, basis = self.model, self.inference.basis
        X, labels = (block.X[:, :-1], block.X[:, -1].astype(int)) if self.labelled else (block.X, None)
        g = basis.rows(X)
        w = np.ones(len(X)) if block.w is None else block.w
        counts = self.inference.weights_are == "counts"
        square = (g**2).sum(axis=1)
        return _Scored(
            g=g,
            residual=_residual(model, basis, X, block.Y),
            leverage=square if counts else w * square,
            score=w,
            share=w if counts else w**2,
            root=np.ones(len(X)) if counts else np.sqrt(w),
            w=w,
            labels=labels,
        )


def _residual(model: LinearModel, basis: Basis, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """y − ŷ (n, m), around the means where there is a bias: large means would cost digits."""
    if not model.has_bias:
        return Y - X @ model.weight.T
    p, statistics = len(model.features), model.moments.statistics
    return (Y - statistics.mean[p:] - statistics.mean_low[p:]) - basis.around(X) @ model.weight.T


class _Sums:
    """What the pass adds up: M for HC0, HC2 and HC3 (3, m, q, q), scores by cluster, and checks."""

    def __init__(self, q: int, m: int) -> None:
        self.middle = np.zeros((3, m, q, q))
        self.clusters: dict[int, np.ndarray] = {}
        self.rows, self.alone, self.log_weights = 0, 0, 0.0
        self.squares = np.zeros(m)

    def add(self, scored: _Scored) -> None:
        """One block more."""
        left = 1.0 - scored.leverage
        self.alone += int((left <= _ALONE).sum())
        left = np.maximum(left, _ALONE)
        for j, r in enumerate(scored.residual.T):
            for i in range(3):
                scaled = scored.g * (np.sqrt(scored.share) * r / left ** (i / 2))[:, None]
                self.middle[i, j] += scaled.T @ scaled
        self.rows += len(scored.g)
        self.squares += scored.w @ scored.residual**2
        self.log_weights += float(np.log(scored.w).sum())
        if scored.labels is not None:
            self._add_clusters(scored, scored.labels)

    def _add_clusters(self, scored: _Scored, labels: np.ndarray) -> None:
        if not len(labels):
            return
        scores = (scored.score[:, None] * scored.residual)[:, :, None] * scored.g[:, None, :]
        order = np.argsort(labels, kind="stable")
        found, starts = np.unique(labels[order], return_index=True)
        for label, total in zip(found.tolist(), np.add.reduceat(scores[order], starts), strict=True):
            self.clusters[label] = self.clusters.get(label, 0.0) + total


def _expect_same_rows(model: LinearModel, sums: _Sums) -> None:
    """The sum of squared residuals is what the moments of the training rows say, or these are others."""
    moments = model.moments
    expected, noise = moments.squares(model.weight, model.bias), 1e-12 * moments.variation(model.has_bias)
    if sums.rows != moments.rows or (np.abs(sums.squares - expected) > 1e-6 * expected + noise).any():
        raise DataError(
            "not-training-rows",
            f"these {sums.rows:,} rows are not the {moments.rows:,} that the model was trained on",
            "give the training rows with their weights; of a fit with a holdout, fit without it",
        )


def _finished(model: LinearModel, inference: Inference, sweep: _Pass, sums: _Sums) -> Diagnostics:
    n, f, basis = inference.observations, inference.freedom, inference.basis
    value = Coefficients(model.weight, model.bias if model.has_bias else None)
    sigma = inference.residual_stderr
    varies = np.where(np.isnan(sigma), np.nan, 1.0) if sigma is not None else np.ones(len(model.targets))

    def estimates(middle: np.ndarray, freedom: float) -> Estimates:
        return Estimates(value, basis.stderr(middle * varies[:, None, None]), freedom)

    hc0, hc2, hc3 = sums.middle
    cluster = None
    if sums.clusters:
        count = len(sums.clusters)
        if count < 2:
            raise RequestError("single-cluster", "all rows are in one cluster", "give clusters that differ")
        totals = np.stack([*sums.clusters.values()], axis=1)  # (m, G, q)
        middle = np.swapaxes(totals, 1, 2) @ totals * (count / (count - 1) * (n - 1) / f)
        cluster = estimates(middle, count - 1.0)
    return Diagnostics(
        HC0=estimates(hc0, f),
        HC1=estimates(hc0 * (n / f), f),
        HC2=None if sums.alone else estimates(hc2, f),
        HC3=None if sums.alone else estimates(hc3, f),
        cluster=cluster,
        clusters=len(sums.clusters) or None,
        inference=_with_likelihood(inference, sums),
        _pass=sweep,
    )


def _with_likelihood(inference: Inference, sums: _Sums) -> Inference:
    """The inference with the likelihood of precision weights: ½·Σ log w on top of that without weights."""
    sigma = inference.residual_stderr
    if inference.weights_are != "precision" or sigma is None:
        return inference
    unweighted = likelihood(sigma, inference.freedom, inference.observations)
    refusals = tuple(refusal for refusal in inference.refusals if refusal != NO_LIKELIHOOD)
    return replace(inference, log_likelihood=unweighted + sums.log_weights / 2, refusals=refusals)
