"""What a model says is ahead of its training: rates, how the gap is split, and what more epochs would bring."""

import math
import re
from collections.abc import Iterator

import numpy as np

from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, near, same, within
from gradline.model.verify.descent import rate
from gradline.model.verify.own_descent import Descent
from gradline.model.verify.spectrum import Spectrum
from gradline.model.verify.tolerance import MARGIN, ON_A_PATH

_SHARES = 1e-6  # of roots of shares, which are squares
_EXCESS, _SHRUNK = (
    0.01,
    1000.0,
)  # until when epochs are counted: the loss 1 % above its least, an error a thousandth
_UNKNOWN = 0.01  # a share of rounding, beyond which a time says nothing
_LONGEST = 2**61
_NEVER = 1e12  # epochs: what takes longer to halve may be rounding of a rate at its limit
_MOST = 12  # directions that a certificate names
_CARRIED, _LEAST = (
    0.97,
    0.02,
)  # of a direction's square: what columns are named for, the least of the largest one
_SIDES = re.compile(r",? and |, | ")  # between the words of a list of columns


def about_ahead(descent: Descent, batches: bool) -> Iterator[Check]:
    """Rates, directions and times: of training, of mini-batches without times, and of an answer at once none."""
    claim, model = descent.model.certificate, descent.model
    trained = "lr" in model.settings or not model.history
    largest = float(descent.curvatures[0]) if len(descent.curvatures) else 0.0
    limit = 2 * (1 + descent.momentum) / largest if largest else math.inf
    if trained:
        yield near("lr_limit", claim.lr_limit, limit, (ON_A_PATH + MARGIN * descent.sure) * limit)
        yield from _directions(descent, batches)
    if trained and not batches:
        yield from _times(descent)
        return
    named = ["tenfold_loss", "epochs_to_loss", "epochs_to_weights"] + ([] if trained else ["lr_limit"])
    said = [name for name in named if getattr(claim, name) is not None]
    said += ["directions"] if claim.directions and not trained else []
    yield same("time left", ", ".join(said) or "none", "none", "what is said of time left")


def _directions(descent: Descent, batches: bool) -> Iterator[Check]:
    """How the gap is split, how fast each part shrinks, and which columns carry it.

    Directions that are equally fast are one: any mixture of them is a direction, too.
    """
    claim, spectrum, at = descent.model.certificate.directions, descent.spectrum, descent.at
    parts = (descent.here**2).sum(axis=1)
    whole = float(parts.sum())
    noise = at.root_gap_rounding * math.sqrt(descent.cells / whole) if whole > 0 else 1.0
    blur = _SHARES + MARGIN * noise + MARGIN * descent.sure * spectrum.condition
    alone = [i for i in range(len(parts)) if _apart(spectrum.sigma, i) > ON_A_PATH]
    order = [i for i in np.argsort(-parts, kind="stable") if i in alone and parts[i] > blur**2 * whole]
    halves = math.log(2) / np.maximum(-rate(descent.steps, descent.momentum), 5e-324)
    names = (*(("the bias",) if descent.model.has_bias else ()), *descent.model.features)
    wrong, mixed = [], is_mixed(descent.model)
    for i in order[: len(claim) or 1]:
        share, half = math.sqrt(parts[i] / whole), math.inf if batches else float(halves[i])
        told = [d for d in claim if abs(math.sqrt(max(d.share, 0.0)) - share) <= blur]
        behind = _behind(spectrum, i, names)
        near = _room(half, blur * spectrum.condition)
        if not any(_same(d.half_life, half, near) and (mixed or _sides(d.columns) in behind) for d in told):
            wrong.append(f"{share**2:.3g} along {_words(behind[0])} with a half-life of {half:.4g}")
    for d in claim if not batches else ():
        rooms = [(float(half), _room(float(half), blur * spectrum.condition)) for half in halves]
        if d.share > blur**2 and not any(_same(d.half_life, half, room) for half, room in rooms):
            wrong.append(f"no direction with a half-life of {d.half_life}")
    sums = sum(d.share for d in claim)
    if claim and not (abs(sums - 1) <= 1e-6 or len(claim) >= _MOST):
        wrong.append(f"shares that add up to 1, not {sums:.6g}")
    if len(claim) > len(parts):
        wrong.append(f"{len(parts)} directions at most, not {len(claim)}")
    found = wrong[0] if wrong else "as claimed"
    yield Check(
        "directions", f"{len(claim)}", found, not wrong, f"The split of the gap by direction has {found}."
    )


def _room(half: float, blur: float) -> float:
    """What rounding may do to a half-life; below one epoch it decides how far below."""
    return (_SHARES + blur) * half + (0.5 if half < 1 else 0.0) if math.isfinite(half) else 0.0


def _apart(sigma: np.ndarray, i: int) -> float:
    """How far the nearest other direction is, relatively."""
    return float(np.abs(np.delete(sigma, i) / sigma[i] - 1).min(initial=1.0))


def _same(claimed: float | None, found: float, slack: float) -> bool:
    said = math.inf if claimed is None else claimed
    return said == found or abs(said - found) <= slack or min(said, found) > _NEVER


Sides = frozenset[tuple[str, ...]]


def _sides(text: str) -> Sides:
    """The columns on either side of "against", which side comes first apart."""
    return frozenset(tuple(sorted(_SIDES.split(side))) for side in text.split(" against "))


def _words(sides: Sides) -> str:
    return " against ".join(", ".join(side) for side in sorted(sides))


def _behind(spectrum: Spectrum, i: int, names: tuple[str, ...]) -> list[Sides]:
    """The columns that carry a direction, those of one sign against those of the other.

    They make up 97 % of its square; more than one answer where rounding decides which.
    """
    vector, squares, found = spectrum.right[i], spectrum.right[i] ** 2, list[Sides]()
    order = np.argsort(-squares, kind="stable")
    for part in (_CARRIED, _CARRIED - _SHARES, _CARRIED + _SHARES):
        for least in (_LEAST, _LEAST * (1 - _SHARES), _LEAST * (1 + _SHARES)):
            needed = int(np.searchsorted(np.cumsum(squares[order]), part)) + 1
            carried = [j for j in order[:needed] if squares[j] >= least * squares[order[0]]][:6]
            sides = [
                " and ".join(names[j] for j in carried if np.sign(vector[j]) == sign) for sign in (1, -1)
            ]
            found.append(_sides(" against ".join(side for side in sides if side)))
    return found


def _times(descent: Descent) -> Iterator[Check]:
    """Epochs until the loss is near its least, until the slowest error has all but gone, and ten times as many."""
    model, at, claim = descent.model, descent.at, descent.model.certificate
    rates = rate(descent.steps, descent.momentum)
    slowest = float(rates.max(initial=-math.inf))
    times = max(1.0, math.log(_SHRUNK) / -slowest) if slowest < 0 else math.inf
    blur = _SHARES + MARGIN * descent.sure * descent.spectrum.condition**2
    yield within("epochs_to_weights", claim.epochs_to_weights, *_around(times, blur))
    yield _to_loss(descent, blur)
    derived = descent.start is not None and bool(model.history)
    if claim.tenfold_loss is None or not model.history:
        run = derived and claim.diverged_at is None and not at.is_blurred
        found, said = "some" if run else "none", "none" if claim.tenfold_loss is None else "some"
        if not (run and math.isinf(descent.loss(10 * model.history[-1].epoch))):
            yield same("tenfold_loss", said, found, "the loss after ten times as many epochs")
    elif derived:
        epochs = 10 * model.history[-1].epoch
        found = descent.loss(epochs)
        yield near("tenfold_loss", claim.tenfold_loss, found, descent.slack(epochs, found))


def _around(times: float, blur: float) -> tuple[float, float]:
    """A range that allows for rounding."""
    if not math.isfinite(times):
        return _LONGEST / 1e3, math.inf
    return (times * (1 - blur), times * (1 + blur)) if blur < _UNKNOWN else (0.0, math.inf)


def _to_loss(descent: Descent, blur: float) -> Check:
    """The excess is 1 % at the epoch that is said, and was more before."""
    claim, at = descent.model.certificate.epochs_to_loss, descent.at
    target = _EXCESS * at.optimal_loss
    low, high = target * (1 - _SHARES) - at.loss_rounding, target * (1 + _SHARES) + at.loss_rounding
    found = _first(descent, high)
    said = math.inf if claim is None else claim
    if target <= 2 * at.loss_rounding and said > _LONGEST / 2:  # nothing is left that could come near to it
        return within("epochs_to_loss", claim, said, said)
    if descent.momentum and min(said, found) > _NEVER:  # so far powers of matrices keep no digit
        return within("epochs_to_loss", claim, said, said)
    if said == found or (said > _LONGEST / 2 and found > _LONGEST / 2):
        return within("epochs_to_loss", claim, said, said)
    if not 0 <= said < _LONGEST or math.isinf(found):
        return within("epochs_to_loss", claim, found, found)
    late, early = math.ceil(said * (1 + blur)) + 1, math.floor(said * (1 - blur)) - 2
    if descent.bound(late) <= high and (early < 0 or descent.bound(early) > low):
        return within("epochs_to_loss", claim, said, said)
    return within("epochs_to_loss", claim, found, found)


def _first(descent: Descent, high: float) -> float:
    """The first epoch, to a power of two, from which the excess is no more than that; infinity where there is none."""
    if descent.bound(0) <= high:
        return 0.0
    epoch = 1
    while epoch < _LONGEST:
        if descent.bound(epoch) <= high:
            return float(epoch)
        epoch *= 2
    return math.inf


def is_mixed(model: LinearModel) -> bool:
    """Whether columns depend on each other, so that any of them may stand for others along a direction."""
    return model.certificate.rank < len(model.features)
