"""How well a hypothesis explains printed losses: its misfit, with rate, epochs or start fitted where they are free."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import FLOAT32, Dynamics, Family, Loop, Prediction, StatedSetup
from gradline.pytorch.diagnosis.stepping import predict
from gradline.solvers.heavy_ball import progress

FLOAT64 = 2.0**-53  # unit roundoff
SURE = 1e-3  # what chance alone may explain before a fitted rate or fitted epochs count as found
OVERFLOW = 1e36  # float32 ends at 3.4e38, and a sum of squares gets there before its mean
FINE = 1e-3  # how exactly the losses must tell a rate, as a share of it, before any cause is surely named
NUDGE = 1e-6  # relative change of a free number that shows its slope
OFF = (0.9995, 1.0005)  # rates that another start must not explain as well
OTHER_FLOOR = 1e-3  # of the mean square of the targets: what a least loss is off by where they are others
HEADS = (4, 8, 16, 32, 64)  # losses that a free number is fitted to in turn: few tell it roughly, many finely
# A fitted number may be the cause where it fits this well, right steps are so far off in misfit and as a share of what
# the losses move, and so many losses tell.
WELL, APART, BEND, FEWEST = 0.6, 100.0, 0.02, 5
NEAR = 5.0  # the misfit of right steps below which no small mistake is sure
OUT = 4.0  # times the misfit allowed: beyond it in the first losses no more of them are looked at
MOST_STEPS = 12  # of Gauss and Newton on the same losses
SECOND = 1.3  # by what all directions but the first are made steeper, to see whether they tell
VISIBLE = 3.0  # tolerances by which the losses must then differ
MOST_EPOCHS, MOST_CELLS = 20_000, 4e6  # searched for a printed loss; of the states kept on the way


class Match(NamedTuple):
    """A loop against the losses: `misfit` in units of what is allowed, and the epochs (K,) that they were taken for.

    `sure` is false where so many numbers were fitted, or so much is allowed, that it may fit by accident. `tight`
    says that it fits to the digits printed, with no more rounding than float64's.
    """

    misfit: float
    fits: bool
    loop: Loop
    epochs: np.ndarray
    sure: bool = True
    tight: bool = False
    free: bool = False  # whether a number was fitted
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
    """A loop whose batches are known, by the convention that suits it best; given up where the first losses are off."""
    meant, head = conventions(printed, loop), slice(HEADS[0])
    if not meant:
        return no_match(printed, loop)
    if len(printed.losses) > HEADS[0]:
        match, _ = _by_convention(case, printed.part(head), loop, [epochs[head] for epochs in meant])
        if match.misfit > OUT * limit(len(printed.losses)):
            return match._replace(fits=False, epochs=printed.epochs)
    match, prediction = _by_convention(case, printed, loop, meant)
    return _weighed_up(case, printed, match, prediction) if match.fits else match


def _by_convention(
    case: StatedSetup, printed: Printed, loop: Loop, meant: list[np.ndarray]
) -> tuple[Match, Prediction]:
    known = np.unique(meant)
    prediction = predict(case, loop, known)
    at = [_at(prediction, np.searchsorted(known, epochs)) for epochs in meant]
    found = [(*misfit(printed, p), i) for i, p in enumerate(at)]
    size, fits, i = min(found, key=lambda match: match[0])
    return Match(size, fits, loop, meant[i], size <= 1), at[i]


def _at(prediction: Prediction, epochs: np.ndarray) -> Prediction:
    return Prediction(*(part[epochs] for part in prediction))


def _as_if_exact(prediction: Prediction) -> Prediction:
    """The prediction of a loop in float64, whose rounding no printed digit shows."""
    return prediction._replace(rounding=prediction.rounding * (FLOAT64 / FLOAT32))


def _weighed_up(case: StatedSetup, printed: Printed, match: Match, prediction: Prediction) -> Match:
    """How much it means that a loop without a free number fits.

    An unknown cause moves the losses as another rate would, more or less. So one of the losses must tell the rate to
    a thousandth, or many of them to a hundredth; all of them together where the right loop is at stake. A loss at
    the start that is another than the right loop's tells as much.
    """
    tight = misfit(printed, _as_if_exact(prediction))[1]
    if tight:
        prediction = _as_if_exact(prediction)
    loop = match.loop
    if loop.lr_ratio == 0:
        slope = predict(case, replace(loop, lr_ratio=1.0), match.epochs).losses - prediction.losses
    else:
        nudged = replace(loop, lr_ratio=loop.lr_ratio * (1 + NUDGE))
        slope = (
            predict(case, nudged, match.epochs).losses - predict(case, loop, match.epochs).losses
        ) / NUDGE
    fineness = _fineness(printed, prediction, slope)
    right = replace(Loop(), batch=loop.batch, log=loop.log)
    is_right, start = loop == right, match.epochs[:1]
    elsewhere = np.append(
        predict(case, right, start).losses - prediction.losses[:1], np.zeros(len(slope) - 1)
    )
    fineness = np.minimum(fineness, _fineness(printed, prediction, elsewhere))
    chance, finest = np.prod(fineness), fineness.min(initial=1.0)
    sure = chance <= SURE if is_right else finest <= FINE or (finest <= 10 * FINE and chance <= SURE**4)
    if not loop.batch and not is_right:
        sure = sure and not _is_lifted(case, printed, right)
    if loop.batch and not is_right:
        sure = sure and chance <= SURE**3
    return match._replace(sure=bool(match.sure and sure), tight=tight)


def _fineness(printed: Printed, prediction: Prediction, slope: np.ndarray) -> np.ndarray:
    """(K,) how exactly each loss tells a number whose unit changes it by `slope`: 1 where it does not tell it."""
    tolerance = printed.halves + prediction.rounding + np.sqrt((prediction.sway**2).sum(axis=1))
    fineness = np.minimum(1.0, tolerance / np.maximum(np.abs(slope), np.finfo(float).tiny))
    return fineness[np.isfinite(fineness) & np.isfinite(printed.losses)]


def no_match(printed: Printed, loop: Loop) -> Match:
    """A loop that cannot have printed these losses."""
    return Match(math.inf, False, loop, printed.epochs)


class Modes:
    """Full-batch descent by direction: the loss after k epochs is floor + Σ energy·e_k(lr·λ)²."""

    def __init__(self, case: StatedSetup, loop: Loop) -> None:
        dynamics = Dynamics(case, loop)
        whole = dynamics.case.whole
        residual = dynamics.residual(case.start, whole, loop.pairs)
        left, singular, _ = np.linalg.svd(whole.A, full_matrices=False)
        self.steps = case.lr * dynamics.scale(whole, loop.minimised) * 2 * singular**2
        beyond = ((residual - left @ (left.T @ residual)) ** 2).sum() + dynamics.spread(whole)
        self.floor = dynamics.unit(whole) * float(beyond)
        self.momentum = dynamics.keeps[0] if dynamics.keeps else 0.0
        self.size = float(np.sqrt((dynamics.case.sizes[-dynamics.m :] ** 2).mean()))  # of the targets
        self.is_heavy_ball = len(dynamics.keeps) < 2  # and not gradients that add up in a velocity, too

    def left(self, epoch: int, ratio: float) -> np.ndarray:
        """(directions,) the share of each energy that is left, for `ratio` of the true lr to the one said."""
        steps = ratio * self.steps
        if not self.momentum:
            return (1 - steps) ** (2 * epoch)
        return progress(steps, self.momentum, epoch).left ** 2


def fitted(case: StatedSetup, printed: Printed, loop: Loop, family: Family) -> Match:
    """The loop of a family that explains the losses best, its free number found on ever more of them.

    One number fits one loss always, so that the others must agree: the chance that they do is the product of how
    finely each of them tells the number, save the one that tells it best. Right steps must be far off, since whatever
    bends their losses a little can be mended by some number. And a single direction has a single rate, which whatever
    goes wrong can make: only where a second one tells is it known what moved the first.
    """
    best = no_match(printed, loop)
    for epochs in _plausible(case, printed, family.at(loop, family.values[0])):
        for value in _rough(case, printed, loop, family, epochs):
            match = _polished(case, printed, loop, family, value, epochs)
            best = match if match.misfit < best.misfit else best
    sure = best.sure and best.misfit <= WELL and _is_apart(case, printed, loop)
    return best._replace(sure=sure, free=True)


def _is_lifted(case: StatedSetup, printed: Printed, right: Loop) -> bool:
    """Whether right steps come near, but do not fit, until one number is added to all their losses: many causes do."""
    predictions = [predict(case, right, epochs) for epochs in conventions(printed, right)]
    lifts = np.ones(len(printed.losses))
    fits = any(misfit(printed, prediction)[1] for prediction in predictions)
    return not fits and any(_weighed(printed, prediction, lifts)[0] < NEAR for prediction in predictions)


def _is_apart(case: StatedSetup, printed: Printed, loop: Loop) -> bool:
    """Whether right steps are far off, whatever is added to all their losses, by digits and by what the losses move.

    Where they are near, anything that bends the losses a little, or lifts them, is explained by some number.
    """
    lifted, finite = np.ones(len(printed.losses)), np.isfinite(printed.losses)
    moved = np.ptp(printed.losses[finite])
    for epochs in conventions(printed, loop):
        right = predict(case, loop, epochs)
        size, _, lift = _weighed(printed, right, lifted)
        bend = np.abs(printed.losses - right.losses - lift)[finite].max(initial=0.0)
        if size < APART or bend < BEND * moved:
            return False
    return int(finite.sum()) >= FEWEST


def _plausible(case: StatedSetup, printed: Printed, loop: Loop) -> list[np.ndarray]:
    """The conventions of `conventions`; only those that begin at the start where the first loss is the loss there."""
    meant = conventions(printed, loop)
    start = [epochs for epochs in meant if epochs[:1].tolist() == [0]]
    seen = start and misfit(printed.part(slice(1)), predict(case, loop, start[0][:1]))[1]
    return start if seen else meant


def _rough(
    case: StatedSetup, printed: Printed, loop: Loop, family: Family, epochs: np.ndarray
) -> list[float]:
    """Up to four values where the first losses are nearest: they tell the number before the loop has settled."""
    used = np.flatnonzero(np.isfinite(printed.losses) & (printed.losses > 0) & (epochs > 0))[: HEADS[0]]
    if not len(used):
        return []
    found = np.array([predict(case, family.at(loop, value), epochs[used]).losses for value in family.values])
    gaps = np.log(found) - np.log(printed.losses[used])
    far = np.pad(np.nan_to_num((gaps**2).sum(axis=1), nan=np.inf, posinf=np.inf), 1, constant_values=np.inf)
    low = np.flatnonzero((far[1:-1] <= far[:-2]) & (far[1:-1] <= far[2:]) & np.isfinite(far[1:-1]))
    return [float(family.values[i]) for i in low[np.argsort(far[low + 1])][:4]]


def _polished(
    case: StatedSetup, printed: Printed, loop: Loop, family: Family, value: float, epochs: np.ndarray
) -> Match:
    """The match of the best value near one, found on few losses, then on more; given up where few are far off."""
    count = len(printed.losses)
    for head in [*(h for h in HEADS if h < count), count]:
        part, at = printed.part(slice(head)), epochs[:head]
        value = _refined(case, part, loop, family, value, at)
        if head < count and not _seen(case, part, loop, family, value, at)[0] <= OUT * limit(count):
            return no_match(printed, loop)
    size, fits, here, slope = _seen(case, printed, loop, family, value, epochs)
    found = family.at(loop, value)
    sure = fits and _agree(printed, here, slope, epochs) and _second_tells(case, printed, found, epochs, here)
    return Match(size, fits, found, epochs, sure)


def _seen(
    case: StatedSetup, printed: Printed, loop: Loop, family: Family, value: float, epochs: np.ndarray
) -> tuple[float, bool, Prediction, np.ndarray]:
    """The misfit at a value, whether it fits, the prediction, and what a unit of the value's logarithm changes."""
    here = predict(case, family.at(loop, value), epochs)
    there = predict(case, family.at(loop, value * (1 + NUDGE)), epochs)
    return *misfit(printed, here), here, (there.losses - here.losses) / NUDGE


def _refined(
    case: StatedSetup, printed: Printed, loop: Loop, family: Family, value: float, epochs: np.ndarray
) -> float:
    """The value after Gauss-Newton steps in its logarithm, with the start's digits free in their slack."""
    for _ in range(MOST_STEPS):
        *_, here, slope = _seen(case, printed, loop, family, value, epochs)
        size, _, step = _weighed(printed, here, slope)
        if not math.isfinite(size):
            break
        value *= math.exp(float(np.clip(step, -0.2, 0.2)))
        if abs(step) < 1e-10:
            break
    return value


def _agree(printed: Printed, prediction: Prediction, slope: np.ndarray, epochs: np.ndarray) -> bool:
    """Whether several losses tell the number, and do not agree on it by chance."""
    fineness = np.sort(_fineness(printed, prediction, slope))[1:]
    tolerance = printed.halves + prediction.rounding
    return (
        len(fineness) > 0
        and bool(fineness.prod() <= SURE)
        and not _is_line(epochs, printed.losses, tolerance)
        and not _is_exponential(epochs, printed.losses, tolerance)
    )


def _second_tells(
    case: StatedSetup, printed: Printed, loop: Loop, epochs: np.ndarray, prediction: Prediction
) -> bool:
    """Whether the losses would be others if all directions but the steepest were steeper.

    Residuals along each direction stay as they are: A = U·S·Vᵀ becomes U·S'·Vᵀ, and θ₀ becomes V·S'⁻¹·S·Vᵀ·θ₀.
    """
    case = case.seen_by(loop)
    left, singular, right = np.linalg.svd(case.A, full_matrices=False)
    steeper = singular * np.where(np.arange(len(singular)) > 0, math.sqrt(SECOND), 1.0)
    start = right.T @ ((singular / np.maximum(steeper, np.finfo(float).tiny))[:, None] * (right @ case.start))
    other = replace(case, A=(left * steeper) @ right, start=start, slack=np.zeros_like(start))
    losses = predict(other, replace(loop, scaling="", split=""), epochs).losses
    gap = np.abs(losses - prediction.losses) / (printed.halves + prediction.rounding)
    return bool(np.nanmax(np.where(np.isfinite(printed.losses), gap, 0.0)) > VISIBLE)


def _is_exponential(epochs: np.ndarray, losses: np.ndarray, tolerance: np.ndarray) -> bool:
    """Whether the losses fall on c + E·ρᵏ for some c, E and ρ, as those of a single direction do."""
    finite = np.isfinite(losses / tolerance) & (tolerance > 0)
    if finite.sum() <= 3:
        return True
    k = (epochs[finite] - epochs[finite].min()) / max(1, np.ptp(epochs[finite]))
    values, weights = losses[finite] / tolerance[finite], 1 / tolerance[finite]

    def rest(speed: float) -> float:
        with np.errstate(over="ignore"):
            curve = np.exp(speed * (k - (speed > 0)))
        columns = np.column_stack([np.ones_like(k), curve]) * weights[:, None]
        gap = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
        return float((gap**2).mean())

    speeds = np.concatenate([-np.geomspace(1e-3, 300, 60)[::-1], np.geomspace(1e-3, 300, 60)])
    for _ in range(4):  # ever finer around the best
        found = [rest(speed) for speed in speeds]
        i = int(np.argmin(found))
        if found[i] <= 1:
            return True
        speeds = np.linspace(speeds[max(i - 1, 0)], speeds[min(i + 1, len(speeds) - 1)], 25)
    return False


def _is_line(epochs: np.ndarray, losses: np.ndarray, tolerance: np.ndarray) -> bool:
    """Whether the losses fall on a line, which has a slope and tells nothing beyond it."""
    finite = np.isfinite(losses / tolerance)
    columns = np.column_stack([np.ones(finite.sum()), epochs[finite]]) / tolerance[finite, None]
    values = losses[finite] / tolerance[finite]
    rest = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return bool((rest**2).mean() <= 1)


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
    # Each cell that was run another number of times is a whole number that was fitted, too.
    return Match(size, fits, loop, epochs, bool(np.prod(chances) * len(path.losses) ** changed.sum() <= SURE))


def is_modal(loop: Loop) -> bool:
    """Whether each direction's error shrinks by itself from any start, so that its energy alone is unknown."""
    names = ("printed", "minimised", "pairs", "momentum", "reset", "lr_ratio", "scaling")
    usual = replace(Loop(), **{name: getattr(loop, name) for name in names})
    is_told = loop.printed in ("", "root")  # of another loss the start can make up for the size
    return loop == usual and is_told and loop.pairs != "gradient" and loop.lr_ratio >= 0


def any_start(case: StatedSetup, printed: Printed, loop: Loop, are_targets_sure: bool) -> Match:
    """A full-batch loop from whatever start suits it: the losses are floor + Σ energy·e_k², energies ≥ 0.

    It is sure when two directions or more, and fewer than losses, explain them all, and at no rate a little off; where
    the targets are to be sure, too, with no other floor either, which a direction that hardly moves can make up for.
    """
    if not is_modal(loop):
        return no_match(printed, loop)
    modes, best = Modes(case, loop), no_match(printed, loop)
    for epochs in conventions(printed, loop) if modes.is_heavy_ball else ():
        size, used = _from_best_start(printed, modes, epochs, loop)
        if size < best.misfit and not best.fits:
            count = int(np.isfinite(printed.losses).sum())
            best = Match(size, size <= 1, loop, epochs, 2 <= used < count, directions=used)
    if not (best.fits and best.sure and loop.lr_ratio):
        return best
    others = [replace(loop, lr_ratio=loop.lr_ratio * factor) for factor in OFF]
    sizes = [_from_best_start(printed, modes, best.epochs, other)[0] for other in others]
    floor = modes.floor
    for shift in (-OTHER_FLOOR, OTHER_FLOOR) if are_targets_sure else ():
        modes.floor = floor + shift * modes.size**2
        sizes.append(_from_best_start(printed, modes, best.epochs, loop)[0])
    return best._replace(sure=min(sizes) > 1)


def _from_best_start(printed: Printed, modes: Modes, epochs: np.ndarray, loop: Loop) -> tuple[float, int]:
    """The misfit from the best start, and the number of directions that it needs."""
    finite = np.isfinite(printed.losses)
    losses, halves, k = printed.losses[finite], printed.halves[finite], epochs[finite]
    if loop.printed == "root":
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
