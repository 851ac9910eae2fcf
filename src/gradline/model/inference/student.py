"""Student's t and F: tails and quantiles, without SciPy, whose loading would cost each fit on a terminal a third."""

import math
from typing import Any

import numpy as np

from gradline.core.errors import UsageError

_MOST = 10_000  # turns of the fraction, of which twenty are the rule
_LARGE = 10.0  # from which Stirling's series of five terms leaves 1e-16


def two_sided(t: Any, freedom: float) -> np.ndarray:
    """P(|T| ≥ |t|) of Student's t, for arrays too; NaN for NaN."""
    with np.errstate(over="ignore"):  # an infinite square leaves nothing beyond it, as is right
        return _tail(np.square(np.asarray(t, float)), freedom, 1.0)


def f_tail(F: Any, degrees: float, freedom: float) -> np.ndarray:
    """P(F' ≥ F) of the F distribution on so many degrees and so many of freedom, for arrays too; NaN for NaN."""
    return _tail(np.asarray(F, float) * degrees, freedom, float(degrees))


def quantile(level: float, freedom: float) -> float:
    """The t with P(|T| ≤ t) = level. Raises `UsageError` unless 0 < level < 1."""
    if not 0 < level < 1:
        raise UsageError(
            "level-invalid",
            f"the level of an interval is {level}",
            "give a share between 0 and 1, such as 0.95",
        )
    if not freedom > 0:
        return math.nan
    constant = math.log(2.0) - _log_beta(freedom / 2, 0.5) - 0.5 * math.log(freedom)
    central = level < 0.5  # the smaller of the two shares has all its digits
    share = level if central else 1.0 - level
    t = 1.0
    for _ in range(100):  # Newton's steps for log share by log t, along which both tails are nearly straight
        inside, outside = (float(part) for part in _shares(np.array(t * t), freedom, 1.0))
        density = math.exp(constant - (freedom + 1) / 2 * math.log1p(t * t / freedom))
        now, slope = (inside, density) if central else (outside, -density)
        step = (math.log(share) - math.log(now)) * now / (slope * t) if now and slope else -0.5
        t *= math.exp(min(max(step, -2.0), 2.0))
        if abs(step) < 2e-15:
            break
    return t


def _tail(square: np.ndarray, freedom: float, degrees: float) -> np.ndarray:
    """P(degrees·F' ≥ square)."""
    return _shares(square, freedom, degrees)[1] if degrees > 0 < freedom else np.full(square.shape, np.nan)


def _shares(square: np.ndarray, freedom: float, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """P(degrees·F' ≤ square) and P(≥): I_y(b, a) and I_x(a, b) with a, b half the degrees, x = f/(f + square).

    Each from the continued fraction on the side where it is short, the other as what is left of one.
    """
    a, b = freedom / 2, degrees / 2
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        odds = square / freedom
        log_x = -np.log1p(odds)
        x, y = 1.0 / (1.0 + odds), np.where(np.isinf(odds), 1.0, odds / (1.0 + odds))
        log_y = np.where(np.isinf(odds), 0.0, np.log(odds) + log_x)
        whole = np.exp(a * log_x + b * log_y - _log_beta(a, b))
        outer = y >= (b + 1) / (a + b + 2)
        tail = whole * _fraction(np.where(outer, x, 0.0), np.where(outer, y, 1.0), a, b)
        head = whole * _fraction(np.where(outer, 0.0, y), np.where(outer, 1.0, x), b, a)
        head, tail = np.where(outer, 1.0 - tail, head), np.where(outer, tail, 1.0 - head)
        return np.where(np.isnan(square), np.nan, head), np.where(np.isnan(square), np.nan, tail)


def _fraction(x: np.ndarray, y: np.ndarray, a: float, b: float) -> np.ndarray:
    """What x^a·y^b/B(a, b) times is I_x(a, b), y = 1 − x: the even part of the continued fraction of DLMF 8.17.22.

    It is written in y too, so that nothing is lost where x is near one (DiDonato, Morris 1992, section 9); for
    x < (a + 1)/(a + b + 2) some tens of turns are enough, or some √min(a, b).
    """
    c = np.where(x < y, a - (a + b) * x, (a + b) * y - b) + 1.0
    before, last = np.zeros_like(x), np.ones_like(x)  # of the numerators; of the denominators:
    under_before, under = np.ones_like(x), c / (1.0 + 1.0 / a)
    found, p, s = last / under, 1.0, a + 1.0
    for n in range(1, _MOST):
        w = n * (b - n) * x
        alpha = p * (p + b / a) * (a / s) ** 2 * w * x
        beta = n + w / s + (n / a + 1.0) / (1.0 + (1 + 2 * n) / a) * (c + n * (1.0 + y))
        p, s = 1.0 + n / a, s + 2.0
        before, last = last, alpha * before + beta * last
        under_before, under = under, alpha * under_before + beta * under
        old, found = found, last / under
        before, last, under_before, under = before / under, found, under_before / under, np.ones_like(x)
        if not (np.abs(found - old) > 1e-15 * found).any():
            break
    return found


def _log_beta(a: float, b: float) -> float:
    """log B(a, b), with the digits that a difference of logarithms of large gamma functions would lose."""
    a, b = max(a, b), min(a, b)
    if a < _LARGE:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    ratio = (
        (a - 0.5) * -math.log1p(b / a) + b - b * math.log(a + b)
    )  # of Γ(a) to Γ(a + b), but for the series
    return math.lgamma(b) + ratio + _stirling(a) - _stirling(a + b)


def _stirling(z: float) -> float:
    """What log Γ(z) is above (z − ½)·log z − z + ½·log 2π (DLMF 5.11.1)."""
    w = 1.0 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - w * 691 / 360360))))) / z
