"""Standard errors by another way than the plain one, as they are asked for by words, from the training rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.text import counted, joined, listed
from gradline.model.coefficient_table import Errors
from gradline.model.errors_asked import ROBUST, ErrorsAsked
from gradline.model.inference.wild import FEW, ClusterSums, WildEstimates
from gradline.model.model import LinearModel
from gradline.model.residuals import Diagnostics, diagnostics


def other_errors(
    model: LinearModel,
    data: Any,
    asked: ErrorsAsked,
    *,
    weights_are: str | None = None,
    missing: str = "error",
) -> Errors:
    """The standard errors that are asked for, of a least-squares model by its training rows; see `diagnostics`.

    Where the rows are in fewer than 50 clusters of one column, p and intervals come from the wild cluster bootstrap.
    """
    found = diagnostics(
        model,
        data,
        clusters=asked.cluster[0] if len(asked.cluster) == 1 else list(asked.cluster) or None,
        weights_are=weights_are,
        missing=missing,
        lags=asked.hac or 0,
        time=asked.time,
    )
    if found.HAC is not None:
        order = "in the order of the rows" if asked.time is None else f"in the order of {asked.time}"
        name = f"those of Newey and West over {counted(asked.hac or 0, 'row')}, {order}"
        return Errors(found.HAC, name, "errors of rows further apart are independent", found.notes)
    if found.cluster is not None:
        return _by_cluster(model, found, asked)
    kind = asked.robust or ROBUST[-1]
    estimates = getattr(found, kind)
    if estimates is None:
        raise RequestError(
            "leverage-one", f"{kind} has no figure where one row fixes a coefficient by itself", "use HC1"
        )
    return Errors(estimates, f"{kind}, from the rows", "the errors are independent, whatever size each has")


def _by_cluster(model: LinearModel, found: Diagnostics, asked: ErrorsAsked) -> Errors:
    assert found.cluster is not None
    assert found.clusters is not None
    count = found.clusters
    if len(asked.cluster) > 1:
        name = f"those of clusters by {joined(asked.cluster)}, {count:,} at least"
        holds = f"rows that share none of {joined(asked.cluster)} are independent"
        few = (
            (
                f"{count:,} clusters are few: p and intervals are on {count - 1:,} degrees, and may still be too sure.",
            )
            if count < FEW
            else ()
        )
        return Errors(found.cluster, name, holds, few)
    by = listed(asked.cluster)
    name = f"those of {count:,} clusters by {by}"
    holds = "rows of different clusters are independent"
    if count >= FEW:
        return Errors(found.cluster, name, holds)
    n, freedom = found.inference.observations, found.inference.freedom
    factor = count / (count - 1) * (n - 1) / freedom
    wild = WildEstimates(found.cluster, _cluster_sums(found, len(model.targets)), factor, asked.seed)
    few = (
        f"With so few clusters p and intervals come from the wild cluster bootstrap ({wild.kind}'s numbers, "
        f"{wild.draws:,} draws, seed {wild.seed}). They may be wrong all the same where one cluster is much larger "
        "than the others."
    )
    return Errors(wild, name, holds, (few,))


def _cluster_sums(found: Diagnostics, m: int) -> ClusterSums:
    """The sums of a few clusters, from one more pass over the rows."""
    q = found.inference.basis.q
    products: dict[int, np.ndarray] = {}
    scores: dict[int, np.ndarray] = {}
    for scored in found.scored():
        codes, all_scores = scored.labels[:, 0], scored.scores
        for code in np.unique(codes).tolist():
            here = codes == code
            g = scored.g[here]
            products[code] = products.get(code, np.zeros((q, q))) + g.T @ (g * scored.score[here, None])
            scores[code] = scores.get(code, np.zeros((m, q))) + all_scores[here].sum(axis=0)
    order: Sequence[int] = sorted(products)
    return ClusterSums(
        np.stack([products[code] for code in order]), np.stack([scores[code] for code in order], axis=1)
    )
