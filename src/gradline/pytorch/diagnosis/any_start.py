"""A loop over all rows from whatever start suits the losses best: each direction's energy is fitted, none below 0."""

import math
from dataclasses import replace

import numpy as np

from gradline.pytorch.diagnosis.evidence import Known, closeness, told
from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.matching import Match, conventions, no_match
from gradline.pytorch.diagnosis.modes import Modes
from gradline.pytorch.diagnosis.printed import Printed
from gradline.pytorch.diagnosis.simulation import FLOAT32, StatedSetup

OFF = (0.9995, 1.0005)  # rates that another start must not explain as well
OTHER_FLOOR = 1e-3  # of the mean square of the targets: what a least loss is off by where they are others


def is_modal(loop: Loop) -> bool:
    """Whether the error in each direction shrinks by itself, from any start, or stays: its energy alone is unknown."""
    names = ("printed", "minimised", "pairs", "momentum", "reset", "lr_ratio", "scaling", "moves")
    usual = replace(Loop(), **{name: getattr(loop, name) for name in names})
    is_told = loop.printed in ("", "root")  # of another loss the start can make up for the size
    at_once = loop.moves in ("", "frozen bias", "frozen weights")
    return loop == usual and is_told and at_once and loop.pairs != "gradient" and loop.lr_ratio >= 0


def any_start(case: StatedSetup, printed: Printed, loop: Loop, are_targets_sure: bool) -> Match:
    """The losses are floor + Σ energy·e_k², energies ≥ 0; each energy fitted explains one loss always.

    Nothing speaks for the loop where its rate a little off fits as well; nor, where the targets are to be sure, too,
    where another floor does, which a direction that hardly moves can make up for.
    """
    modes, best = Modes(case, loop), no_match(printed, loop)
    for epochs in conventions(printed, loop) if modes.is_heavy_ball else ():
        match = _from_best_start(printed, modes, epochs, loop)
        best = match if match.misfit < best.misfit and not best.fits else best
    if not (best.fits and best.bits and loop.lr_ratio):
        return best
    others = [
        _from_best_start(printed, modes, best.epochs, replace(loop, lr_ratio=loop.lr_ratio * factor))
        for factor in OFF
    ]
    floor = modes.floor
    for shift in (-OTHER_FLOOR, OTHER_FLOOR) if are_targets_sure else ():
        modes.floor = floor + shift * modes.size**2
        others.append(_from_best_start(printed, modes, best.epochs, loop))
    return best._replace(bits=0.0) if any(other.fits for other in others) else best


def _from_best_start(printed: Printed, modes: Modes, epochs: np.ndarray, loop: Loop) -> Match:
    """The match from the best start (Lawson, Hanson 1974)."""
    from scipy.optimize import nnls  # noqa: PLC0415 - few loops need it

    finite = np.isfinite(printed.losses)
    losses, halves, k = printed.losses[finite], printed.halves[finite], epochs[finite]
    if loop.printed == "root":
        losses, halves = losses**2, 2 * losses * halves
    # As in `Dynamics`, with predictions of the size of targets and losses.
    error = FLOAT32 * (2 * modes.size + np.sqrt(losses)) * (8 + 3 * np.sqrt(k))
    tolerance = halves + 2 * np.sqrt(losses) * error
    columns = np.array([modes.left(int(e), loop.lr_ratio) for e in k]) / tolerance[:, None]
    if not len(k) or not np.isfinite(columns).all():
        return no_match(printed, loop)
    columns /= np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    energies, rest = nnls(columns, (losses - modes.floor) / tolerance)
    size, used = rest / math.sqrt(len(k)), int((energies > 0).sum())
    by_loss = np.sort(told(losses, tolerance, tolerance, Known()))
    bits = float(by_loss[: max(len(k) - used + 1, 0)].sum()) if used >= 2 else 0.0  # the first tells none
    score = closeness(size, tolerance, halves) - used * 10
    return Match(size, size <= 1, loop, epochs, bits, score, used)
