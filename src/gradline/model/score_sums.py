"""What robust errors add up over rows: scores by cluster, of one column or several, and products with rows before."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from gradline.core.cleanup import scratch_folder
from gradline.core.errors import RequestError
from gradline.core.text import counted

_GATHERED = 1 << 16  # rows of scores that are put in order at a time


class ClusteredScores:
    """Sums of scores (m, q) by cluster, for each column of labels and for each combination of columns."""

    def __init__(self, ways: int) -> None:
        self.subsets = [one for size in range(1, ways + 1) for one in combinations(range(ways), size)]
        self._sums: list[dict[bytes, np.ndarray]] = [{} for _ in self.subsets]

    def add(self, labels: np.ndarray, scores: np.ndarray) -> None:
        """Rows with labels (n, ways) and scores (n, m, q)."""
        if not len(labels):
            return
        for subset, sums in zip(self.subsets, self._sums, strict=True):
            chosen = np.ascontiguousarray(labels[:, subset])
            found, numbers = np.unique(chosen, axis=0, return_inverse=True)
            order = np.argsort(numbers.reshape(-1), kind="stable")
            starts = np.searchsorted(numbers.reshape(-1)[order], np.arange(len(found)))
            for label, total in zip(found, np.add.reduceat(scores[order], starts), strict=True):
                key = label.tobytes()
                sums[key] = sums[key] + total if key in sums else total

    @property
    def counts(self) -> tuple[int, ...]:
        """How many clusters each column of labels has."""
        return tuple(
            len(sums) for subset, sums in zip(self.subsets, self._sums, strict=True) if len(subset) == 1
        )

    def middle(self, n: float, freedom: float) -> np.ndarray:
        """M (m, q, q): of one column Σ ssᵀ over its G clusters times G/(G − 1)·(n − 1)/(n − k).

        Of several the sum over the columns, less that over pairs of them, and so on, each with the factor of its own
        clusters (Cameron, Gelbach, Miller 2011, equation 2.11). Raises `RequestError` for a column of one cluster.
        """
        whole: np.ndarray | float = 0.0
        for subset, sums in zip(self.subsets, self._sums, strict=True):
            count = len(sums)
            if count < 2:
                raise RequestError(
                    "single-cluster", "all rows are in one cluster", "give clusters that differ"
                )
            totals = np.stack([*sums.values()], axis=1)  # (m, G, q)
            sign = 1.0 if len(subset) % 2 else -1.0
            whole = whole + np.swapaxes(totals, 1, 2) @ totals * (
                sign * count / (count - 1) * (n - 1) / freedom
            )
        return np.asarray(whole)


class LaggedScores:
    """Σ over lags l up to L of (1 − l/(L + 1))·(sᵢsᵢ₋ₗᵀ + sᵢ₋ₗsᵢᵀ), of scores (m, n, q) that come in their order."""

    def __init__(self, lags: int) -> None:
        self.lags, self.total = lags, np.zeros(())
        self._before: np.ndarray | None = None

    def add(self, scores: np.ndarray) -> None:
        """Scores (m, n, q) that follow those before."""
        before = scores[:, :0] if self._before is None else self._before
        whole = np.concatenate([before, scores], axis=1)
        first = before.shape[1]
        for lag in range(1, min(self.lags, whole.shape[1] - 1) + 1):
            late, early = whole[:, max(first, lag) :], whole[:, max(first - lag, 0) : whole.shape[1] - lag]
            products = np.swapaxes(late, 1, 2) @ early
            self.total = self.total + (1 - lag / (self.lags + 1)) * (products + np.swapaxes(products, 1, 2))
        self._before = whole[:, -self.lags :]


class TimedScores:
    """Scores that come in any order, and the products of those that follow each other in time.

    Where they come in order nothing is kept. Else they lie in a scratch file, and only their times in memory; rows of
    one time stay in the order in which they came.
    """

    def __init__(self, lags: int) -> None:
        self.lags = lags
        self.times: list[np.ndarray] = []
        self._in_order, self._lagged, self._last = True, LaggedScores(lags), -np.inf

    def add(self, times: np.ndarray, scores: np.ndarray) -> None:
        """Rows at these times (n,), with scores (m, n, q)."""
        if not len(times):
            return
        self.times.append(times)
        self._in_order &= bool(times[0] >= self._last and (np.diff(times) >= 0).all())
        self._last = times[-1]
        if self._in_order:
            self._lagged.add(scores)

    @property
    def tied(self) -> int:
        """How many rows have the time of another before them."""
        times = np.concatenate(self.times) if self.times else np.zeros(0)
        return len(times) - len(np.unique(times))

    @property
    def note(self) -> str | None:
        """What is to be said of rows of one time; None where there are none."""
        if not self.tied:
            return None
        rows = f"{counted(self.tied, 'row')} {'has' if self.tied == 1 else 'have'} the time of another"
        return f"{rows}, and {'follows' if self.tied == 1 else 'follow'} it as in the table."

    def total(self, again: Iterable[np.ndarray] | None = None) -> np.ndarray | None:
        """The sum, from a second look (`again`: all scores, block by block) where the rows are not in order.

        None asks for that second look.
        """
        if self._in_order:
            return self._lagged.total
        if again is None:
            return None
        order = np.argsort(np.concatenate(self.times), kind="stable")
        lagged, kept, stop = LaggedScores(self.lags), None, 0
        with scratch_folder() as folder:
            for scores in again:
                if kept is None:
                    shape = (len(order), scores.shape[0], scores.shape[2])
                    kept = np.memmap(folder / "scores", float, "w+", shape=shape)
                kept[stop : stop + scores.shape[1]] = np.swapaxes(scores, 0, 1)
                stop += scores.shape[1]
            for start in range(0, len(order), _GATHERED):
                assert kept is not None
                lagged.add(np.swapaxes(kept[order[start : start + _GATHERED]], 0, 1))
            del kept
        return lagged.total
