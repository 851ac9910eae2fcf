"""How losses rise that no cause explains: in a swing, or with the noise of mini-batches."""

import numpy as np

from gradline.pytorch.diagnosis.printed import Printed

ROUNDING = 1e-5  # of a loss: what float32 may make it rise by
ALIKE = (
    0.6  # correlation of the changes with those a period before; noise has 0.4 by accident, and -0.5 at one
)
LOWER = (
    0.2  # of the range of all losses: by so much the largest fall, where losses fall and do not only swing
)
PERIODS = 3  # that are seen, before losses are said to swing


def swinging(printed: Printed) -> tuple[str, ...]:
    """A word on losses that swing; none where they do not."""
    losses, changes = _settled(printed)
    if len(losses) < 2 * PERIODS or not (_rises(losses, printed).any() and (changes < 0).any()):
        return ()
    period, smooth = _period(changes), _correlation(changes, 1) > ALIKE
    if not (period or smooth):
        return ()
    every = f", with a period of about {period} losses" if period else ""
    if _falls(printed):
        return (
            f"The losses fall and swing on the way{every}. Momentum does that, and Adam; the noise of mini-batches "
            "does not.",
        )
    return (
        f"The losses swing{every}, and do not fall. Gradients that are never reset do that (zero_grad), and so does "
        "momentum near 1: see to the reset first. Such a swing with a second mistake is beyond the table.",
    )


def is_noisy(printed: Printed) -> bool:
    """Whether losses fall on the whole, but rise here and there."""
    rises = _rises(printed.losses, printed)
    return bool(_falls(printed) and _rises(_settled(printed)[0], printed).any() and rises.mean() <= 0.5)


def _settled(printed: Printed) -> tuple[np.ndarray, np.ndarray]:
    """The losses after the first third, and the changes of their logarithms about the mean change."""
    losses = printed.losses[len(printed.losses) // 3 :]
    changes = np.diff(np.log(np.maximum(losses, np.finfo(float).tiny)))
    return losses, changes - changes.mean() if len(changes) else changes


def _rises(losses: np.ndarray, printed: Printed) -> np.ndarray:
    return np.diff(losses) > printed.halves.max() + ROUNDING * losses[1:]


def _falls(printed: Printed) -> bool:
    """Whether the last third lies below the first: its middle does, and its largest loss by more than a swing does."""
    third = len(printed.losses) // 3
    first, last = printed.losses[:third], printed.losses[-third:]
    return bool(
        third
        and np.median(first) > np.median(last)
        and first.max() - last.max() > LOWER * np.ptp(printed.losses)
    )


def _correlation(changes: np.ndarray, lag: int) -> float:
    before, after = changes[:-lag], changes[lag:]
    size = np.linalg.norm(before) * np.linalg.norm(after)
    return float(before @ after / size) if size else 0.0


def _period(changes: np.ndarray) -> int:
    """The first lag from two on at which the changes come again; 0 where none does."""
    lags = np.arange(1, len(changes) // PERIODS + 1)
    found = np.array([_correlation(changes, int(lag)) for lag in lags])
    peaks = (found[1:-1] >= found[:-2]) & (found[1:-1] >= found[2:]) & (found[1:-1] > ALIKE)
    return int(lags[1:-1][peaks][0]) if peaks.any() else 0
