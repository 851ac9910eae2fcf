"""What a model says of its training: every recorded loss, and where it led."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from gradline.core.text import number
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.about_ahead import about_ahead, claims_times, is_mixed
from gradline.model.verify.check import Check, all_near, near, same, within
from gradline.model.verify.descent import left, lost
from gradline.model.verify.newton_step import Whereabouts
from gradline.model.verify.own_descent import Descent
from gradline.model.verify.tolerance import ON_A_PATH

_BETTER = 0.01  # of a loss that another rate may reach, where the best was asked for
_UNKNOWN = 0.01  # a relative error of curvatures, beyond which a time says nothing
_ASTRAY = 1e-5  # of the coefficients: float32 leaves some 1e-6
_KEPT = 1000  # losses that are recorded, at least, of more epochs
_HELD = 1e290  # losses above may be beyond float64 a step earlier or later


def about_training(descent: Descent) -> Iterator[Check]:
    """History, epochs, settings, and what is left to do."""
    model, at = descent.model, descent.at
    yield from _ends(model, at)
    batches = (
        not descent.is_plain and "epochs" in model.settings
    )  # or another rule that is no closed form here
    yield from _growth(descent)
    if descent.first is not None and model.certificate.rank < len(model.features):
        yield within("open directions", descent.astray, 0.0, _ASTRAY)
    if model.history and descent.start is not None and not batches:
        yield from _path(descent)
        yield from _automatic(descent)
    elif model.history and descent.start is not None:
        first, noise = descent.loss(0), descent.noise(0)
        tolerance = ON_A_PATH * first + 2 * math.sqrt(first * noise) + noise
        yield near("first loss", model.history[0].loss, first, tolerance)
    yield from about_ahead(descent, batches)


def unchecked(descent: Descent) -> Iterator[str]:
    """What cannot be derived of it."""
    model, at = descent.model, descent.at
    if model.certificate.directions and is_mixed(model):
        yield "which columns carry its directions"
    if not model.history or "epochs" not in model.settings:
        return
    if at.is_blurred:
        yield "where training led, along columns so near to dependent"
    if descent.curvature_error > _UNKNOWN:
        yield "how many epochs are left"
    if model.holdout is not None and len(model.history) > 1:
        yield "the losses of held-out rows before the last"
    if "batch_size" in model.settings or not descent.is_plain:
        made = "mini-batches" if "batch_size" in model.settings else "its rule of updates"
        if not descent.is_plain and claims_times(model.certificate):
            yield "how fast it would go on"
        diverged = ", and that it diverged" if model.certificate.status is Status.DIVERGED else ""
        yield f"the losses between the first epoch and the last, which {made} made, and their settings{diverged}"
    elif descent.first is None:
        yield "its run, as the file does not say where it began: epochs, learning rate, losses, what more epochs bring"


def _automatic(descent: Descent) -> Iterator[Check]:
    """A rate found for the epochs asked: none beside it, below the stable limit, does better by a hundredth."""
    model = descent.model
    epochs = int(
        model.config.get("epochs") or model.settings.get("epochs", 0)
    )  # the most, where training may stop
    if model.config.get("lr") != "auto" or not epochs or not len(descent.curvatures):
        return
    limit = 2 * (1 + descent.momentum) / float(descent.curvatures[0])
    others = [lr for lr in descent.lr * np.linspace(0.5, 1.5, 41) if lr < limit]
    reached, best = descent.loss(epochs), min((descent.loss(epochs, lr) for lr in others), default=math.inf)
    slack = descent.slack(epochs, reached) + _BETTER * reached
    found = "auto" if reached <= best + slack and descent.lr < limit else number(descent.lr)
    yield same("rate asked for", "auto", found, "the rate")


def _ends(model: LinearModel, at: Whereabouts) -> Iterator[Check]:
    """The number of epochs, in all places that have it, and the last loss."""
    yield from about_epochs(model)
    if model.history:
        yield near("last loss", model.history[-1].loss, at.loss, ON_A_PATH * at.loss + at.loss_rounding)


def about_epochs(model: LinearModel) -> Iterator[Check]:
    """The number of epochs, in all places that have it."""
    claim, history = model.certificate, model.history
    wanted, last = model.settings.get("epochs"), history[-1].epoch if history else None
    diverged = claim.diverged_at
    if diverged is not None:
        status = "diverged" if claim.status is Status.DIVERGED and wanted is not None else "not trained"
        yield same("ran away", status, "diverged", "a run whose loss left the numbers")
        wanted = diverged - 1
    said, found = ("none" if count is None else f"{count}" for count in (claim.epochs, wanted))
    yield same("epochs", said, found, "the number of epochs")
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


def _growth(descent: Descent) -> Iterator[Check]:
    """A run whose loss ended above where it began has diverged, unless its rate is one that only overshoots."""
    model, claim, at = descent.model, descent.model.certificate, descent.at
    if not model.history or "epochs" not in model.settings or claim.diverged_at is not None:
        return
    began = model.history[0].loss if descent.start is None else descent.loss(0)
    batches, limit = "batch_size" in model.settings, descent.limit
    stable = not batches and len(descent.steps) and limit is not None and descent.lr <= limit
    if abs(at.loss - began) <= ON_A_PATH * began or claim.status.settled:
        return
    words = "has not grown", "has grown"
    grown = at.loss > began and not stable
    yield same("growth", words[claim.status is Status.DIVERGED], words[grown], "the loss beside its start")


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
    if at.is_blurred:
        return
    if model.certificate.diverged_at is not None:
        beyond = descent.loss(model.certificate.diverged_at)
        yield within(
            "diverged_at", float(model.certificate.diverged_at), 0 if beyond > _HELD else math.inf, math.inf
        )
        return
    with np.errstate(over="ignore", invalid="ignore"):
        end = left(descent.steps, descent.momentum, epochs)[:, None] * descent.start
    slack = (ON_A_PATH + 1e3 * lost(descent.momentum, epochs)) * np.abs(end) + descent.blur(epochs, end)
    yield all_near("path", descent.here, end, slack, "where training led is")
