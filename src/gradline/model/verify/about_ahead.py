"""What a model says is ahead of its training: rates, how the gap is split, and what more epochs would bring."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradline.model.certificate import Certificate
from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, near, same, within
from gradline.model.verify.descent import lost, rate
from gradline.model.verify.own_descent import Descent
from gradline.model.verify.spectrum import Spectrum
from gradline.model.verify.tolerance import MARGIN, ON_A_PATH

_SHARES = 1e-6  # of roots of shares, which are squares
# Until when epochs are counted: the loss 1 % above its least, an error a thousandth.
_EXCESS, _SHRUNK = 0.01, 1000.0
_LONGEST = 2**61
_AT_LIMIT = (
    1e-12  # of a rate's limit: so near to it an epoch takes 2e-12 of the steepest error, known to 1e-15
)
_NEVER = 1e12  # epochs: what takes longer to halve may be rounding of a rate at its limit
_MOST = 12  # directions that a certificate names
_HALF = 0.5  # of an error: where a step leaves less, what it leaves is a difference of the curvature
# Of a direction's square: what columns are named for, the least of the largest one.
_CARRIED, _LEAST = 0.97, 0.02
_SIDES = re.compile(r",? and |, | ")  # between the words of a list of columns


def about_ahead(descent: Descent, batches: bool) -> Iterator[Check]:
    """Rates, directions and times: of training, of mini-batches without times, and of an answer at once none."""
    claim, model = descent.model.certificate, descent.model
    trained = "lr" in model.settings or not model.history
    limit, is_constant = descent.limit, not {"nesterov", "dampening"} & set(model.settings)
    if trained and limit is None:
        yield same(
            "lr_limit", "none" if claim.lr_limit is None else "told", "none", "of rates that change, a limit"
        )
        yield from _directions(descent, True)
    elif trained and limit is not None:
        if (
            not batches
            and descent.lr > limit * (1 + ON_A_PATH)
            and model.history
            and not model.config.get("force")
        ):
            yield same("force", "not asked for", "asked for", "a rate above the limit")
        yield near("lr_limit", claim.lr_limit, limit, (ON_A_PATH + MARGIN * descent.sure) * limit)
        if is_constant or "batch_size" in model.settings:
            yield from _directions(descent, batches)
    if trained and not is_constant and "batch_size" not in model.settings:
        return  # which is told to be unchecked
    if trained and not batches:
        yield from _times(descent)
        return
    named = ["tenfold_loss", "epochs_to_loss", "epochs_to_weights"] + ([] if trained else ["lr_limit"])
    said = [name for name in named if getattr(claim, name) is not None]
    said += ["directions"] if claim.directions and not trained else []
    yield same("time left", ", ".join(said) or "none", "none", "what is said of time left")


def claims_times(claim: Certificate) -> bool:
    """Whether a certificate says how long training on would take."""
    times = (claim.tenfold_loss, claim.epochs_to_loss, claim.epochs_to_weights)
    return any(time is not None for time in times) or any(d.half_life is not None for d in claim.directions)


def _directions(descent: Descent, batches: bool) -> Iterator[Check]:
    """How the gap is split, how fast each part shrinks, and which columns carry it, the largest part first."""
    claim, true = descent.model.certificate.directions, _Split.of(descent, batches)
    left, before, wrong = set(range(len(true.roots))), math.inf, ""
    for d in claim:
        fits = [i for i in left if true.fits(d.share, d.half_life, d.columns, i)]
        if not fits or d.share > before + true.blur or not true.knows(d.columns):
            wrong = f"no share of {d.share:.3g} for {d.columns}, halving every {d.half_life} epochs, in that place"
            break
        left.discard(min(fits, key=lambda i: abs(true.roots[i] - math.sqrt(d.share))))
        before = d.share
    # What is less than the last was not told.
    hidden = math.sqrt(max(before, 0.0)) if len(claim) >= _MOST else 0.0
    missing = [i for i in left if true.is_alone(i) and true.roots[i] > hidden + true.blur]
    if not wrong and missing:
        wrong = (
            f"a share of {true.roots[missing[0]] ** 2:.3g}, too, along {_words(true.behind(missing[0])[0])}"
        )
    if (
        not wrong
        and claim
        and len(true.roots) <= _MOST
        and not abs(sum(d.share for d in claim) - 1) <= _SHARES
    ):
        wrong = "shares that do not add up to 1"
    found = wrong or "as claimed"
    yield Check(
        "directions", f"{len(claim)}", found, not wrong, f"The split of the gap by direction has {found}."
    )


@dataclass(frozen=True, eq=False)
class _Split:
    """The roots of the shares (r,) of the directions of a gap, how far rounding `blur`s them, and their half-lives.

    Directions that are equally steep are one: any mixture of them is a direction, too.
    """

    descent: Descent
    roots: np.ndarray
    blur: float
    halves: np.ndarray

    @classmethod
    def of(cls, descent: Descent, batches: bool) -> "_Split":
        """That of coefficients; mini-batches have no half-lives."""
        parts, at = (descent.here**2).sum(axis=1), descent.at
        whole = float(parts.sum())
        noise = at.root_gap_rounding * math.sqrt(descent.cells / whole) if whole > 0 else 1.0
        blur = _SHARES + MARGIN * noise + MARGIN * descent.sure * descent.spectrum.condition
        roots = np.sqrt(parts / whole) if whole > 0 else np.zeros_like(parts)
        return cls(descent, roots, blur, np.full(len(parts), np.inf) if batches else _halves(descent))

    def fits(self, share: float, half_life: float | None, columns: str, i: int) -> bool:
        """Whether a direction that is told may be this one."""
        if not _same(half_life, float(self.halves[i]), self._room(i)):
            return False
        if not self.is_alone(i):
            return True
        root, mixed = math.sqrt(max(share, 0.0)), is_mixed(self.descent.model)
        small = max(self.roots[i], root) <= self.blur  # and rounding decides along which columns
        return abs(self.roots[i] - root) <= self.blur and (
            mixed or small or _sides(columns) in self.behind(i)
        )

    def is_alone(self, i: int) -> bool:
        """Whether no other direction is as steep."""
        sigma = self.descent.spectrum.sigma
        return float(np.abs(np.delete(sigma, i) / sigma[i] - 1).min(initial=1.0)) > ON_A_PATH

    @property
    def _names(self) -> tuple[str, ...]:
        model = self.descent.model
        return (*(("the bias",) if model.has_bias else ()), *model.features)

    def knows(self, text: str) -> bool:
        """Whether all that a direction is called are columns."""
        words = {word for name in self._names for side in _sides(name) for word in side}
        return all(part in words for side in _sides(text) for part in side if part)

    def behind(self, i: int) -> "list[Sides]":
        """What a direction may be called."""
        return _behind(self.descent.spectrum, i, self._names)

    def _room(self, i: int) -> float:
        """What an error of the curvature does to a half-life: anything, where a step leaves no more than the error."""
        half, step = float(self.halves[i]), float(self.descent.steps[i])
        if not math.isfinite(half):
            return 0.0
        error, kept = self.descent.curvature_error, 0.5 ** (1 / max(half, 1e-3))
        if kept > _HALF:
            return half * error * (1 + step * half / kept)
        edges = (
            math.log(2) / -math.log(max(part, 1e-300)) for part in (kept - error * step, kept + error * step)
        )
        return half * error + max(abs(edge - half) for edge in edges)


def _halves(descent: Descent) -> np.ndarray:
    """After how many epochs each direction halves, (r,)."""
    return math.log(2) / np.maximum(-rate(descent.steps, descent.momentum), 5e-324)


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
    blur = descent.curvature_error
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
    return times * (1 - blur), times * (1 + blur)


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
    limit = 2 * (1 + descent.momentum)
    is_at_limit = bool((np.abs(descent.steps - limit) <= _AT_LIMIT * limit).any())
    if (
        is_at_limit and min(said, found) > _NEVER
    ):  # how slowly the steepest direction fades is rounding of the rate
        return within("epochs_to_loss", claim, said, said)
    if said == found or (said > _LONGEST / 2 and found > _LONGEST / 2):
        return within("epochs_to_loss", claim, said, said)
    if not 0 <= said < _LONGEST or math.isinf(found):
        return within("epochs_to_loss", claim, found, found)
    off = math.floor(said * (blur + lost(descent.momentum, int(said))))  # powers of so many steps round, too
    late, early = int(said) + off, int(said) - off - 1
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
