"""How well a hypothesis explains printed losses: its misfit, with rate, epochs or start fitted where they are free."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import FLOAT32, Dynamics, Loop, Prediction, StatedSetup
from gradline.solvers.heavy_ball import progress

SURE = 1e-3  # what chance alone may explain before a fitted rate or fitted epochs count as found
OVERFLOW = 1e36  # float32 ends at 3.4e38, and a sum of squares gets there before its mean
RATIOS = np.geomspace(1e-3, 1e3, 181)  # of the true learning rate to the one said, before zooming in
NUDGE = 1e-6  # relative change of a rate that shows its slope
OFF = (0.97, 1.03)  # rates that another start must not explain as well
MOST_EPOCHS, MOST_CELLS = 20_000, 4e6  # searched for a printed loss; of the states kept on the way


class Match(NamedTuple):
    """A loop against the losses: `misfit` in units of what is allowed, and the epochs (K,) that they were taken for.

    `sure` is false where so many numbers were fitted, or so much is allowed, that it may fit by accident.
    """

    misfit: float
    fits: bool
    loop: Loop
    epochs: np.ndarray
    sure: bool = True
    directions: int = 0  # whose energies were fitted, where the start was
    terms: np.ndarray = np.zeros(0)  # log-likelihood of each loss among simulated runs


def limit(count: int) -> float:
    """The largest misfit of `count` losses that a true hypothesis has in 999 of 1,000 runs from a printed start.

    Tolerances are bounds, not standard deviations: from an exact start no true misfit is above one. The digits
    of a printed start are uniform in their last place, with a variance of a third of the bound squared, so that
    3·K·misfit² is χ² with K degrees of freedom at most (Wilson, Hilferty 1931).
    """
    chi_square = count * (1 - 2 / (9 * count) + 3.09 * math.sqrt(2 / (9 * count))) ** 3
    return max(1.0, math.sqrt(chi_square / (3 * count)))


def conventions(printed: Printed, loop: Loop) -> list[np.ndarray]:
    """The numbers of updates (K,) that the printed epochs may mean, by where the loop counts and prints."""
    shifts = (0, 1) if not printed.labelled or printed.before else (0, 1, -1)
    inside = np.arange(len(printed.epochs)) >= int(printed.before)
    meant = [printed.epochs + shift * inside for shift in shifts]
    if loop.stale:
        return [e for e in meant if len(e) > 1 and e[0] == 0 and e[1:].min() > 0]
    return [
        e
        for e in meant
        if e.min(initial=0) >= 0 and not (loop.log != "all" and e[int(printed.before) :].min() < 1)
    ]


def misfit(printed: Printed, prediction: Prediction) -> tuple[float, bool]:
    """RMS of (printed − predicted)/tolerance, the start anywhere within its printed digits, and whether it fits.

    The tolerance is half a unit of the last printed digit and what float32 may have done. The start is chosen
    for the best fit, at the cost of its own deviations: min ‖r − J·z‖² + ‖z‖², J by the half units of the start.
    """
    return _weighed(printed, prediction, np.zeros(len(printed.losses)))[:2]


def _weighed(printed: Printed, prediction: Prediction, slope: np.ndarray) -> tuple[float, bool, float]:
    """The misfit, whether it fits, and the step in a free number whose unit changes the losses by `slope`."""
    finite = np.isfinite(printed.losses)
    losses = prediction.losses[finite]
    if not np.isfinite(losses).all() or (prediction.losses[~finite] < OVERFLOW).any():
        return math.inf, False, 0.0
    if not finite.any():
        return 0.0, True, 0.0
    tolerance = np.maximum(printed.halves + prediction.rounding, np.finfo(float).tiny)[finite]
    r = (printed.losses[finite] - losses) / tolerance
    J = np.column_stack([prediction.sway[finite], slope[finite]]) / tolerance[:, None]
    J = np.nan_to_num(J, posinf=0.0, neginf=0.0)
    prior = np.eye(J.shape[1] - 1, J.shape[1])
    z = np.linalg.lstsq(np.vstack([J, prior]), np.append(r, np.zeros(len(prior))), rcond=None)[0]
    rest, count = r - J @ z, len(r)
    size = math.sqrt((rest @ rest + z[:-1] @ z[:-1]) / count)
    allowed = limit(count) if prediction.sway.any() else 1.0
    # One loss may be off by twice the limit and no more, however many others agree.
    fits = size <= allowed and np.abs(rest).max() <= 2 * allowed
    return size, bool(fits), float(z[-1])


def exact(case: StatedSetup, printed: Printed, loop: Loop) -> Match:
    """A loop whose batches are known, by the convention that suits it best."""
    meant = conventions(printed, loop)
    if not meant:
        return no_match(printed, loop)
    known = np.unique(meant)
    prediction = Dynamics(case, loop).predict(known)
    at = [Prediction(*(part[np.searchsorted(known, epochs)] for part in prediction)) for epochs in meant]
    found = [(*misfit(printed, p), epochs) for p, epochs in zip(at, meant, strict=True)]
    size, fits, epochs = min(found, key=lambda match: match[0])
    return Match(size, fits, loop, epochs, size <= 1)


def no_match(printed: Printed, loop: Loop) -> Match:
    """A loop that cannot have printed these losses."""
    return Match(math.inf, False, loop, printed.epochs)


class Modes:
    """Full-batch descent by direction: the loss after k epochs is floor + Σ energy·e_k(lr·λ)²."""

    def __init__(self, case: StatedSetup, loop: Loop) -> None:
        dynamics = Dynamics(case, loop)
        whole = dynamics.case.whole
        unit, residual = dynamics.unit(whole), dynamics.residual(case.start, whole)
        left, singular, _ = np.linalg.svd(whole.A, full_matrices=False)
        along = left.T @ residual
        self.steps = case.lr * 2 * unit * singular**2
        self.energy = unit * (along**2).sum(axis=1)
        beyond = ((residual - left @ along) ** 2).sum() + dynamics.spread(whole)
        self.floor = unit * float(beyond)
        self.momentum = dynamics.keeps[0] if dynamics.keeps else 0.0
        self.size = float(np.sqrt((dynamics.case.sizes[-dynamics.m :] ** 2).mean()))  # of the targets
        self.is_heavy_ball = len(dynamics.keeps) < 2  # and not gradients that add up in a velocity, too

    def left(self, epoch: int, ratio: np.ndarray | float = 1.0) -> np.ndarray:
        """The share of each energy that is left, (…, directions) for `ratio` (…) of the true lr to the one said."""
        steps = np.multiply.outer(np.asarray(ratio), self.steps)
        return progress(steps, self.momentum, epoch).left ** 2

    def losses(self, epochs: Iterable[int], ratio: np.ndarray) -> np.ndarray:
        """(K, R) the losses after these epochs for each ratio."""
        return np.array([self.left(int(k), ratio) @ self.energy for k in epochs]) + self.floor


def other_rate(case: StatedSetup, printed: Printed, loop: Loop) -> Match:
    """The learning rate that explains the losses best, found by zooming into the best of a wide grid.

    One number fits one loss always, so that the others must agree: the chance that they do is the product
    of how finely each of them tells the rate, save the one that tells it best.
    """
    modes, best = Modes(case, loop), no_match(printed, loop)
    used = np.flatnonzero(np.isfinite(printed.losses))
    # The first losses tell the rate best, before the loop has settled.
    used = used[np.unique(np.geomspace(1, len(used), 16).astype(int)) - 1] if len(used) else used
    for epochs in conventions(printed, loop):
        for rough in _best_ratios(modes, printed.losses[used], printed.halves[used], epochs[used]):
            match = _polished(case, printed, replace(loop, lr_ratio=rough), epochs)
            best = match if match.misfit < best.misfit else best
    return best


def _polished(case: StatedSetup, printed: Printed, loop: Loop, epochs: np.ndarray) -> Match:
    """The match after Gauss-Newton steps in the logarithm of the rate, with the start's digits free in their slack."""
    match = no_match(printed, loop)
    for _ in range(3):
        here = Dynamics(case, loop).predict(epochs)
        there = Dynamics(case, replace(loop, lr_ratio=loop.lr_ratio * (1 + NUDGE))).predict(epochs)
        slope = (there.losses - here.losses) / NUDGE
        size, fits, step = _weighed(printed, here, slope)
        if not math.isfinite(size) or abs(step) > 0.1:
            return no_match(printed, loop)
        match = Match(size, fits, loop, epochs, _agree(printed, here, slope, epochs))
        loop = replace(loop, lr_ratio=float(loop.lr_ratio * math.exp(step)))
    return match


def _agree(printed: Printed, prediction: Prediction, slope: np.ndarray, epochs: np.ndarray) -> bool:
    """Whether several losses tell the rate, and do not agree on it by chance."""
    tolerance = printed.halves + prediction.rounding + np.sqrt((prediction.sway**2).sum(axis=1))
    fineness = np.minimum(1.0, tolerance / np.maximum(np.abs(slope), np.finfo(float).tiny))
    others = np.sort(fineness[np.isfinite(fineness)])[1:]
    return len(others) > 0 and bool(others.prod() <= SURE) and not _is_line(epochs, printed.losses, tolerance)


def _is_line(epochs: np.ndarray, losses: np.ndarray, tolerance: np.ndarray) -> bool:
    """Whether the losses fall on a line, which has a slope and tells nothing beyond it."""
    finite = np.isfinite(losses / tolerance)
    columns = np.column_stack([np.ones(finite.sum()), epochs[finite]]) / tolerance[finite, None]
    values = losses[finite] / tolerance[finite]
    rest = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return bool((rest**2).mean() <= 1)


def _best_ratios(modes: Modes, losses: np.ndarray, halves: np.ndarray, epochs: np.ndarray) -> list[float]:
    """Up to three local minima of the misfit over the ratio."""
    gaps = np.log(modes.losses(epochs, RATIOS)) - np.log(losses)[:, None]
    rough = np.nan_to_num((gaps**2).sum(axis=0), nan=np.inf, posinf=np.inf)
    inner = np.flatnonzero((rough[1:-1] <= rough[:-2]) & (rough[1:-1] <= rough[2:])) + 1
    found = []
    for i in inner[np.argsort(rough[inner])][:3]:
        low, high = RATIOS[i - 1], RATIOS[i + 1]
        for _ in range(9):
            grid = np.linspace(low, high, 25)
            gaps = (modes.losses(epochs, grid) - losses[:, None]) / (halves + 1e-6 * losses)[:, None]
            centre = int(np.argmin(np.nan_to_num((gaps**2).sum(axis=0), nan=np.inf)))
            low, high = grid[max(centre - 1, 0)], grid[min(centre + 1, 24)]
        found.append((low + high) / 2)
    return found


def other_epochs(case: StatedSetup, printed: Printed, loop: Loop) -> Match:
    """The right trajectory at other epochs than printed: each loss looked up on it.

    Cells are run twice here and there; where more than half of the steps differ, another cause is nearer.
    A loss lies on a slow trajectory by chance; the chance is its tolerance over the distance of neighbours.
    """
    most = min(MOST_EPOCHS, 20 * int(printed.epochs.max()) + 200, int(MOST_CELLS / case.start.size**2))
    path = Dynamics(case, loop).predict(np.arange(most + 2))
    sway, steps = np.sqrt((path.sway**2).sum(axis=1)), np.abs(np.gradient(path.losses))
    chances, at = [], []
    for i, (loss, half) in enumerate(zip(printed.losses, printed.halves, strict=True)):
        tolerance = half + path.rounding + sway
        hits = np.flatnonzero(np.abs(path.losses - loss) <= 1.5 * tolerance)
        if not len(hits):
            return no_match(printed, loop)
        after = at[-1] + printed.epochs[i] - printed.epochs[i - 1] if at else printed.epochs[i]
        at.append(int(hits[np.argmin(np.abs(hits - after))]))
        chances.append(min(1.0, 2 * tolerance[at[-1]] / max(steps[at[-1]], np.finfo(float).tiny)))
    epochs = np.array(at)
    changed = np.diff(epochs, prepend=0) != np.diff(printed.epochs, prepend=0)
    if changed.sum() > max(1, (np.array(chances) < 0.5).sum() // 2):
        return no_match(printed, loop)
    size, fits = misfit(printed, Prediction(*(part[epochs] for part in path)))
    return Match(size, fits, loop, epochs, bool(np.prod(chances) <= SURE))


def any_start(case: StatedSetup, printed: Printed, loop: Loop) -> Match:
    """A full-batch loop from whatever start suits it: the losses are floor + Σ energy·e_k², energies ≥ 0.

    It is sure when fewer directions than losses explain them all, and at no rate some per cent off.
    """
    modes, best = Modes(case, loop), no_match(printed, loop)
    for epochs in conventions(printed, loop) if modes.is_heavy_ball else ():
        size, used = _from_best_start(printed, modes, epochs, loop)
        if size < best.misfit and not best.fits:
            count = int(np.isfinite(printed.losses).sum())
            best = Match(size, size <= 1, loop, epochs, used < count, used)
    for factor in OFF if best.fits and best.sure and loop.lr_ratio else ():
        other = replace(loop, lr_ratio=loop.lr_ratio * factor)
        if _from_best_start(printed, modes, best.epochs, other)[0] <= 1:
            return best._replace(sure=False)
    return best


def _from_best_start(printed: Printed, modes: Modes, epochs: np.ndarray, loop: Loop) -> tuple[float, int]:
    """The misfit from the best start, and the number of directions that it needs."""
    finite = np.isfinite(printed.losses)
    losses, halves, k = printed.losses[finite], printed.halves[finite], epochs[finite]
    if loop.root:
        losses, halves = losses**2, 2 * losses * halves
    # As in `Dynamics`, with predictions of the size of targets and losses.
    error = FLOAT32 * (2 * modes.size + np.sqrt(losses)) * (8 + 3 * np.sqrt(k))
    tolerance = halves + 2 * np.sqrt(losses) * error
    columns = np.array([modes.left(int(e), loop.lr_ratio) for e in k]) / tolerance[:, None]
    if not len(k) or not np.isfinite(columns).all():
        return math.inf, 0
    return _nonnegative(columns, (losses - modes.floor) / tolerance, 1.0)


def _nonnegative(columns: np.ndarray, values: np.ndarray, enough: float) -> tuple[float, int]:
    """RMS of values − columns·x over x ≥ 0, and how many x it needs to be small enough (Lawson, Hanson 1974)."""
    x, active = np.zeros(columns.shape[1]), np.zeros(columns.shape[1], bool)
    norms = np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    columns = columns / norms
    for _ in range(3 * len(x)):
        rest = values - columns @ x
        pull = np.where(active, -np.inf, columns.T @ rest)
        if math.sqrt((rest**2).mean()) <= enough or pull.max() <= 0:
            break
        active[int(np.argmax(pull))] = True
        while active.any():
            trial = np.zeros(len(x))
            trial[active] = np.linalg.lstsq(columns[:, active], values, rcond=None)[0]
            wrong = active & (trial < 0)
            if not wrong.any():
                x = trial
                break
            share = (x[wrong] / (x[wrong] - trial[wrong])).min()
            x = x + share * (trial - x)
            active &= (x > 1e-12 * x.max()) & ~(wrong & (x <= 0))
    return math.sqrt(((values - columns @ x) ** 2).mean()), int(active.sum())
