"""What a model says of its training: every recorded loss, where it led, and what more epochs would bring."""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradline.core import torch_draws
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.check import Check, all_near, near, same, within
from gradline.model.verify.descent import envelope, left, lost, rate
from gradline.model.verify.newton_step import Whereabouts
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.spectrum import Spectrum
from gradline.model.verify.tolerance import MARGIN, UNIT

_RELATIVE = 1e-7  # a difference that no claim about a path may show, beside rounding
_SHARES = 1e-6  # of roots of shares, which are squares
_EXCESS, _SHRUNK = (
    0.01,
    1000.0,
)  # until when epochs are counted: the loss 1 % above its least, an error a thousandth
_LONGEST = 2**61
_UNKNOWN = 0.01  # a share that is rounding, beyond which a figure says nothing
_KEPT = 1000  # losses that are recorded, at least, of more epochs
_NEVER = 1e12  # epochs: what takes longer to halve may be rounding of a rate at its limit
_MOST = 12  # directions that a certificate names
_CARRIED, _LEAST = (
    0.97,
    0.02,
)  # of a direction's square: what columns are named for, the least of the largest one
_SIDES = re.compile(r",? and |, | ")  # between the words of a list of columns
_STARTS = ("zeros", "normal", "uniform", "linear", "torch", "torch-cuda")  # that a seed determines
_HELD = 1e290  # losses above may be beyond float64 a step earlier or later


@dataclass(frozen=True, eq=False)
class Descent:
    """A path of gradient descent on these columns: a model's own, as its settings say."""

    model: LinearModel
    at: Whereabouts
    spectrum: Spectrum
    cells: float

    @classmethod
    def of(cls, model: LinearModel, evidence: Evidence, at: Whereabouts) -> "Descent":
        """That of a model with such evidence."""
        spectrum = Spectrum.of(at.pivots, evidence, model.scale == "standard")
        weights = float(np.ldexp(evidence.mass, evidence.frame.weight_unit))
        return cls(model, at, spectrum, len(model.targets) * weights)

    @property
    def curvatures(self) -> np.ndarray:
        """λ (r,) of the loss."""
        return 2 * self.spectrum.sigma**2 / self.cells

    @property
    def momentum(self) -> float:
        """μ of the settings."""
        return float(self.model.settings.get("momentum", 0.0))

    @property
    def lr(self) -> float:
        """The rate of the settings, or the one that finishes first where none was set."""
        curvatures = self.curvatures
        best = 2 / (curvatures[0] + curvatures[-1]) if len(curvatures) else 1.0
        return float(self.model.settings.get("lr", best))

    @property
    def steps(self) -> np.ndarray:
        """a = lr·λ (r,)."""
        return self.lr * self.curvatures

    @cached_property
    def theta(self) -> np.ndarray:
        """The coefficients (q, m) in the units of training, the bias first."""
        model = self.model
        raw = np.vstack([model.bias, model.weight.T]) if model.has_bias else model.weight.T
        return self.spectrum.view(raw)

    @cached_property
    def here(self) -> np.ndarray:
        """The error (r, m) of the coefficients, in what it costs."""
        return self.costs(self.spectrum.view(self.at.distance))

    @cached_property
    def start(self) -> np.ndarray | None:
        """The error (r, m) where training began; None where the file does not say where that was."""
        init, (q, m) = self.model.settings.get("init"), self.theta.shape
        p, random = len(self.model.features), np.random.default_rng(int(self.model.settings.get("seed", 0)))
        if init == "zeros":
            first = np.zeros((q, m))
        elif init == "normal":
            first = random.standard_normal((q, m))
        elif init == "uniform":
            first = random.random((q, m))
        elif init == "linear":
            first = random.uniform(-1 / math.sqrt(max(p, 1)), 1 / math.sqrt(max(p, 1)), (q, m))
        elif init in ("torch", "torch-cuda"):
            seed = int(self.model.settings.get("seed", 0))
            first = torch_draws.start(init, seed, p, m, self.model.has_bias)
        else:
            return None
        return self.costs(first - self.spectrum.view(self.at.optimum))

    def costs(self, distance: np.ndarray) -> np.ndarray:
        """A distance (q, m) in the units of training along the directions, times σ: its squares are what it costs."""
        return self.spectrum.sigma[:, None] * (self.spectrum.right @ distance)

    def loss(self, epoch: int) -> float:
        """The loss after so many epochs from the start."""
        assert self.start is not None
        with np.errstate(over="ignore", invalid="ignore"):
            gap = (
                float(((left(self.steps, self.momentum, epoch)[:, None] * self.start) ** 2).sum())
                / self.cells
            )
        return self.at.optimal_loss + gap if math.isfinite(gap) else math.inf

    @property
    def sure(self) -> float:
        """The relative error of the columns in the units of training: rounding of the means is much to few units."""
        far = float((np.abs(self.spectrum.center) / self.spectrum.scale).max(initial=0.0))
        return self.at.likely + 4 * UNIT * far

    @property
    def steeper(self) -> np.ndarray:
        """How many times as steep as each direction the steepest is, (r,)."""
        return self.spectrum.sigma[:1] / self.spectrum.sigma

    def noise(self, epoch: int) -> float:
        """The part of the loss that roundings near the start may have become by then."""
        assert self.start is not None
        with np.errstate(over="ignore", invalid="ignore"):
            grown = np.maximum(np.abs(left(self.steps, self.momentum, epoch)), 1.0) * self.steeper
            error = MARGIN * self.sure * np.linalg.norm(grown) * np.linalg.norm(self.start)
            size = np.linalg.norm(self.spectrum.view(self.at.optimum))
            error += MARGIN * UNIT * np.linalg.norm(grown / self.steeper * self.spectrum.sigma) * size
        return min(float(error), 1e140) ** 2 / self.cells

    def slack(self, epoch: int, loss: float) -> float:
        """How far a claim of this loss after so many epochs may be off: rounding of path, start and optimum."""
        noise = self.noise(epoch)
        path = (_RELATIVE + 1e3 * lost(self.momentum, epoch)) * loss
        return path + 2 * math.sqrt(loss * noise) + noise + float(self.at.left_rounding.sum()) / self.cells

    def blur(self, epochs: int, end: np.ndarray) -> np.ndarray:
        """What rounding may have done to the error (r, m) at the end: a step's is of the size of predictions.

        Along a flat direction it goes as far as along a steep one, and momentum carries it on.
        """
        assert self.start is not None
        reach = sum(np.linalg.norm(part, axis=0) for part in (self.start, end, self.costs(self.theta)))
        passed = np.minimum(epochs, 1 / np.maximum(self.steps, UNIT)) * self.spectrum.sigma
        grown = np.maximum(np.abs(left(self.steps, self.momentum, epochs)), 1.0)
        size = np.linalg.norm(self.theta, axis=0) + np.linalg.norm(
            self.spectrum.view(self.at.distance), axis=0
        )
        if self.model.has_bias:  # and so is the way to raw units
            size = size + np.abs(self.model.weight) @ np.abs(self.spectrum.center)
        passed += self.spectrum.sigma  # the distance, too, is rounded
        rounded = np.outer(self.sure * self.steeper * grown, reach) + UNIT * len(self.theta) * np.outer(
            passed, size
        )
        flat = np.where(self.sure * self.steeper > _UNKNOWN, np.inf, 1.0)  # a direction that rounding decides
        return MARGIN * rounded * flat[:, None] / (1 - min(self.momentum, 0.999))

    def bound(self, epoch: int) -> float:
        """What is above the least loss after so many more epochs, at most: momentum swings within an envelope."""
        with np.errstate(over="ignore", invalid="ignore"):
            kept = envelope(self.steps, self.momentum, epoch)[:, None] * self.here
            return float((kept**2).sum()) / self.cells


def about_training(model: LinearModel, evidence: Evidence, at: Whereabouts) -> Iterator[Check]:
    """History, epochs, settings, and what is left to do."""
    descent = Descent.of(model, evidence, at)
    yield from _ends(model, at)
    yield from about_settings(model)
    batches = "batch_size" in model.settings
    yield from _growth(descent, batches)
    if model.history and descent.start is not None and not batches:
        yield from _path(descent)
    elif model.history and descent.start is not None:
        first, noise = descent.loss(0), descent.noise(0)
        tolerance = _RELATIVE * first + 2 * math.sqrt(first * noise) + noise
        yield near("first loss", model.history[0].loss, first, tolerance)
    yield from _ahead(descent, batches)


def unchecked(model: LinearModel, at: Whereabouts) -> Iterator[str]:
    """What cannot be derived of it."""
    if not model.history or "epochs" not in model.settings:
        return
    if _is_blurred(at):
        yield "where training led, along columns so near to dependent"
    if model.certificate.directions and _is_mixed(model):
        yield "which columns carry its directions"
    if model.holdout is not None and len(model.history) > 1:
        yield "the losses of held-out rows before the last"
    if "batch_size" in model.settings:
        yield "the losses between the first epoch and the last, which mini-batches made, and their settings"
    elif model.settings.get("init") not in _STARTS:
        yield "the losses before the last epoch, as the file does not say where training began"


def _ends(model: LinearModel, at: Whereabouts) -> Iterator[Check]:
    """The number of epochs, in all places that have it, and the last loss."""
    claim, history = model.certificate, model.history
    wanted, last = model.settings.get("epochs"), history[-1].epoch if history else None
    diverged = claim.diverged_at
    if diverged is not None:
        status = "diverged" if claim.status is Status.DIVERGED and wanted is not None else "not trained"
        yield same("ran away", status, "diverged", "a run whose loss left the numbers")
        wanted = diverged - 1
    yield same("epochs", f"{claim.epochs}", f"{wanted}", "the number of epochs")
    kept = len(history)
    if not history:
        yield same("history", "none", "none" if not model.settings else "some", "the recorded losses")
        return
    if wanted is not None:
        least = min(wanted + 1, _KEPT)
        yield within(
            "recorded losses", float(kept), float(least if wanted < _KEPT else least // 2), wanted + 1.0
        )
    if model.holdout is None and any(record.holdout is not None for record in history):
        yield same("losses held out", "some", "none", "what was recorded of rows held out")
    yield same("last epoch", f"{last}", f"{wanted or 0}", "the last epoch of the history")
    right = history[0].epoch == 0 and all(a.epoch < b.epoch for a, b in itertools.pairwise(history))
    yield same("order of epochs", "in order" if right else "out of order", "in order", "the history")
    yield near("last loss", history[-1].loss, at.loss, _RELATIVE * at.loss + at.loss_rounding)


def _is_mixed(model: LinearModel) -> bool:
    """Whether columns depend on each other, so that any of them may stand for others along a direction."""
    return model.certificate.rank < len(model.features)


def _is_blurred(at: Whereabouts) -> bool:
    """Whether rounding decides which directions there are."""
    return at.likely * at.pivots.condition > _UNKNOWN**2


def _growth(descent: Descent, batches: bool) -> Iterator[Check]:
    """A run whose loss ended above where it began has diverged, unless its rate is one that only overshoots."""
    model, claim, at = descent.model, descent.model.certificate, descent.at
    if not model.history or "epochs" not in model.settings or claim.diverged_at is not None:
        return
    began = model.history[0].loss if descent.start is None else descent.loss(0)
    stable = not batches and len(descent.steps) and descent.steps[0] <= 2 * (1 + descent.momentum)
    if abs(at.loss - began) <= _RELATIVE * began or claim.status.settled:
        return
    words = "has not grown", "has grown"
    grown = at.loss > began and not stable
    yield same("growth", words[claim.status is Status.DIVERGED], words[grown], "the loss beside its start")


def about_settings(model: LinearModel) -> Iterator[Check]:
    """What is said to reproduce the fit, beside what was done."""
    settings, config = model.settings, model.config
    if not config:
        if settings:
            yield same("config", "nothing", "as trained", "what reproduces the fit")
        return
    others = (
        ("init", "seed") if model.holdout is not None else ("init",)
    )  # whose seed is that of their choice
    asked = {name: config[name] for name in settings if name in config and name not in others}
    if asked.get("decay") == "auto":
        asked["decay"] = "linear" if asked.get("lr") == "auto" else "none"
    if config.get("stop_after") and settings.get("epochs", 0) <= asked.get("epochs", 0):
        del asked["epochs"]  # which were the most, and the loss of rows held out chose
    wrong = [name for name, value in asked.items() if value not in (settings[name], "auto")]
    design = model.design
    facts = {
        "targets": list(design.targets),
        "bias": model.has_bias,
        "weights": design.weights,
        "solver": model.solver,
    }
    usual = {"bias": True, "weights": design.weights}
    wrong += [name for name, value in facts.items() if config.get(name, usual.get(name)) != value]
    if config.get("scale", "auto") not in ("auto", model.scale):
        wrong.append("scale")
    if bool(config.get("holdout")) != (model.holdout is not None):
        wrong.append("holdout")
    said = f"other {', '.join(wrong)}" if wrong else "as trained"
    yield same("config", said, "as trained", "what reproduces the fit")


def _path(descent: Descent) -> Iterator[Check]:
    """The losses on the way and the coefficients at its end are those of the settings."""
    model, at, history = descent.model, descent.at, descent.model.history
    assert descent.start is not None
    epochs = history[-1].epoch
    found = np.array([min(descent.loss(record.epoch), _HELD) for record in history])
    claimed = np.array([math.inf if record.loss is None else record.loss for record in history])
    tolerance = np.array(
        [descent.slack(record.epoch, loss) for record, loss in zip(history, found, strict=True)]
    )
    yield all_near("history", np.minimum(claimed, _HELD), found, tolerance, "the losses of training are")
    if _is_blurred(at):
        return
    if model.certificate.diverged_at is not None:
        beyond = descent.loss(model.certificate.diverged_at)
        yield within(
            "diverged_at", float(model.certificate.diverged_at), 0 if beyond > _HELD else math.inf, math.inf
        )
        return
    with np.errstate(over="ignore", invalid="ignore"):
        end = left(descent.steps, descent.momentum, epochs)[:, None] * descent.start
    slack = (_RELATIVE + 1e3 * lost(descent.momentum, epochs)) * np.abs(end) + descent.blur(epochs, end)
    yield all_near("path", descent.here, end, slack, "where training led is")


def _ahead(descent: Descent, batches: bool) -> Iterator[Check]:
    """Rates, directions and times: of training, of mini-batches without times, and of an answer at once none."""
    claim, model = descent.model.certificate, descent.model
    trained = "lr" in model.settings or not model.history
    largest = float(descent.curvatures[0]) if len(descent.curvatures) else 0.0
    limit = 2 * (1 + descent.momentum) / largest if largest else math.inf
    if trained:
        yield near("lr_limit", claim.lr_limit, limit, (_RELATIVE + MARGIN * descent.at.likely) * limit)
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
    alone = [i for i in range(len(parts)) if _apart(spectrum.sigma, i) > _RELATIVE]
    order = [i for i in np.argsort(-parts, kind="stable") if i in alone and parts[i] > blur**2 * whole]
    halves = math.log(2) / np.maximum(-rate(descent.steps, descent.momentum), 5e-324)
    names = (*(("the bias",) if descent.model.has_bias else ()), *descent.model.features)
    wrong, mixed = [], _is_mixed(descent.model)
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
        run = derived and claim.diverged_at is None and not _is_blurred(at)
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
