"""Where coefficients stand from the nearest optimum, by Newton's step from the evidence of the rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradline.core.linalg.double_double import Doubled
from gradline.model.verify.ldl import Eliminated, eliminated
from gradline.model.verify.row_sums import BLOCK_ROWS, Evidence, Frame
from gradline.model.verify.tolerance import MARGIN, UNIT, likely_error, proved_error

_PAIRS = 2.0**-104  # what one operation on pairs may lose
_FAR = 1e8  # times the least loss: what a difference leaves of that has lost as many digits
_BLURRED = 1e-4  # a share of a direction that is rounding, beyond which it is no direction of the rows
_SLICED = 36  # products of slices that are added as pairs: six of a pair with six of another
_FEW = 128  # columns whose inverse is found as pairs: a second of work
_ARRIVED = 1e-12  # the share of the terms below which a step of the predictions counts as none


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """Losses, gradient and distance in raw units, each with what rounding may have done to a claim about it.

    - `loss`, `optimal_loss`, `gap` = Σ w‖r‖²/(m·W), its minimum and the difference; `gradient` (q, m) of the loss.
    - `distance` (q, m): coefficients less the nearest optimum, bias first where there is one; `step_error` (q, m)
      bounds the error of this distance itself, `allowance` (q, m) what float64 may have done to a claimed optimum,
      `travel` (q, m) to a claimed distance.
    - `loss_rounding`, `gradient_rounding`, `root_gap_rounding`: the same for the loss, ‖gradient‖ and √gap.
    - `scaled_gradient`: the largest |Σ w·r·x| / (‖x‖·‖r‖) of a column; `movement` and `arrival`, per target (m,):
      ‖√W·A·distance‖, how far predictions are from the optimal ones, and the most of it that is rounding.
    - `ranks`: the fewest and the most independent columns of X that float64 may count; `pivots`: G eliminated, as far
      as the rank that is taken.
    - `left` (m,): Σ w·r² at the optimum, and `left_rounding` of it; `inverse` (q,): the diagonal of (AᵀWA)⁻¹, zero for
      columns that are no pivot; `optimum` (q, m): one of the optima, the same from wherever it was looked for.
    - `likely`: the error of the columns that any claim from float64 rests on; `proved`: the most that one may claim.
    """

    loss: float
    optimal_loss: float
    gap: float
    gradient: np.ndarray
    distance: np.ndarray
    step_error: np.ndarray
    allowance: np.ndarray
    travel: np.ndarray
    loss_rounding: float
    gradient_rounding: float
    root_gap_rounding: float
    scaled_gradient: float
    movement: np.ndarray
    arrival: np.ndarray
    ranks: tuple[int, int]
    pivots: Eliminated
    left: np.ndarray
    left_rounding: np.ndarray
    inverse: np.ndarray
    optimum: np.ndarray
    likely: float
    proved: float

    @property
    def is_blurred(self) -> bool:
        """Whether rounding decides which directions there are."""
        return self.likely * self.pivots.condition > _BLURRED


def located(evidence: Evidence, theta: np.ndarray, has_bias: bool, rank: int) -> Whereabouts:
    """The whereabouts of the coefficients θ (q, m) that the evidence was gathered for, the bias first.

    `rank` is that of the columns as claimed, taken where the cross-products allow it. What rounding may have done
    follows from the rows and the ways to sum them up.
    """
    first, m, frame = int(not has_bias), len(evidence.terms), evidence.frame
    q = len(evidence.gradient.hi)
    A, g = evidence.products[first:q, first:q], evidence.gradient[first:]
    whole = eliminated(A, has_bias)
    ranks = _ranks(whole)
    pivots = whole.first(min(max(rank, ranks[0]), ranks[1]) + has_bias)
    unit, own = frame.units[q - 1 :], np.concatenate([[0], frame.units[: q - 1]])[first:, None]
    least = _least(evidence, pivots, first)
    d, last = pivots.solve(g)
    gap = d.times(g).sum()
    rest = evidence.squares.minus(gap)
    is_far = float(gap.hi.sum()) > _FAR * float(rest.hi.sum()) + float(evidence.terms.sum()) / _FAR**2
    if is_far:  # a difference from here would leave few digits of what is there
        d = _without_constant(least.theta.minus(_framed(theta, frame, own, unit, has_bias)), pivots)
        rest = least.squares
        gap, last = evidence.squares.minus(rest), least.last
    cells = m * evidence.mass
    terms, residual = np.sqrt(evidence.terms), np.sqrt(np.maximum(rest.hi, 0.0))
    varied = variation(evidence, q, has_bias)
    likely = likely_error(q - 1 + m)
    noise = MARGIN * likely * (np.sqrt(q) * terms + pivots.condition * residual)
    sizes = np.sqrt(np.diag(A.hi))
    distance, blur = _nearest(pivots, d.hi, _step_error(pivots, evidence, d.hi, last, sizes))
    distance, blur = np.ldexp(-distance, unit - own), np.ldexp(blur, unit - own)
    gradient = np.ldexp(-2.0 / cells * g.hi, unit + own)
    movement = np.sqrt(np.maximum(gap.hi, 0.0))
    lengths = np.linalg.norm(least.theta.hi[int(has_bias) :] * pivots.norms[int(has_bias) :, None], axis=0)
    beside = np.where(varied > 0, np.sqrt(varied), 1.0)
    worst = float((lengths / beside).max()), float((residual / beside).min())
    error = proved_error(evidence.rows, q - 1 + m, 1 / pivots.condition, *worst)
    far = np.ldexp(_travel(pivots, likely, movement), unit - own)
    slack = np.ldexp(_allowance(pivots, error, terms, residual), unit - own)
    if has_bias:  # from shifted columns to the columns as they are
        shift = frame.shift[: q - 1]
        distance[0] -= shift @ distance[1:]
        blur[0] += np.abs(shift) @ blur[1:]
        gradient[1:] += np.outer(shift, gradient[0])
        means = np.abs(np.ldexp(evidence.products.hi[0, 1:q] / evidence.mass, frame.units[: q - 1]) + shift)
        level = np.ldexp(terms / np.sqrt(evidence.mass), unit)
        slack[0] = means @ slack[1:] + MARGIN * error * level
        far[0] = means @ far[1:] + MARGIN * likely * (np.abs(distance[0]) + means @ np.abs(distance[1:]))
    largest = np.maximum(np.abs(evidence.low), np.abs(evidence.high))[: q - 1]
    widths = np.concatenate([[1.0], largest])[first:] * np.sqrt(evidence.mass)
    rounding = 2 * np.sqrt(evidence.squares.hi) * noise + noise**2
    optimum = _raw(least.theta.hi, frame, own, unit, has_bias)
    parts = np.ldexp(
        widths @ np.abs(optimum) + np.abs(evidence.high[q - 1 :]) * np.sqrt(evidence.mass), -unit
    )
    blurred = MARGIN * likely * (np.sqrt(q) * (parts if is_far else terms) + pivots.condition * residual)
    return Whereabouts(
        loss=_total(evidence.squares.hi, unit, cells),
        optimal_loss=_total(np.maximum(rest.hi, 0.0), unit, cells),
        gap=_total(gap.hi, unit, cells),
        gradient=gradient,
        distance=distance,
        step_error=blur,
        allowance=slack,
        travel=far,
        loss_rounding=_total(rounding, unit, cells),
        gradient_rounding=float(np.linalg.norm(2.0 / cells * np.outer(widths, np.ldexp(noise, unit)))),
        root_gap_rounding=float(np.sqrt(_total(noise**2, unit, cells))),
        scaled_gradient=_cosine(g.hi, sizes, np.sqrt(evidence.squares.hi)),
        movement=movement,
        arrival=noise + _ARRIVED * np.sqrt(q) * terms,
        ranks=ranks,
        pivots=pivots,
        left=np.ldexp(np.maximum(rest.hi, 0.0), 2 * unit + frame.weight_unit),
        left_rounding=np.ldexp(2 * residual * blurred + blurred**2, 2 * unit + frame.weight_unit),
        inverse=_inverse(pivots, frame, own[:, 0], has_bias),
        optimum=optimum,
        likely=likely,
        proved=error,
    )


def _without_constant(d: Doubled, pivots: Eliminated) -> Doubled:
    """The same step where the bias does what columns do that are constant, whose own coefficients stay."""
    constant = [j for j in np.flatnonzero(pivots.norms == 0) if not (pivots.has_bias and j == 0)]
    if pivots.has_bias and constant:
        d.put(0, d[0].plus(d[constant].times(pivots.L[constant, :1]).sum()))
        d.put(constant, Doubled.of(np.zeros((len(constant), d.hi.shape[1]))))
    return d


class _Least(NamedTuple):
    """The optimum (q, m) in the frame, the size of its last correction, and the squares (m,) there."""

    theta: Doubled
    last: np.ndarray
    squares: Doubled


def _least(evidence: Evidence, pivots: Eliminated, first: int) -> _Least:
    """From the cross-products alone."""
    q, k = len(evidence.gradient.hi), len(evidence.low) + 1
    both, own = evidence.products[first:q, q:], evidence.products[np.arange(q, k), np.arange(q, k)]
    theta, last = pivots.solve(both)
    return _Least(theta, last, own.minus(theta.times(both).sum()))


def _framed(theta: np.ndarray, frame: Frame, own: np.ndarray, unit: np.ndarray, has_bias: bool) -> Doubled:
    """Coefficients of the columns as they are as those of the frame."""
    found = Doubled.of(np.ldexp(theta, own - unit))
    if not has_bias:
        return found
    p = len(theta) - 1
    shifted = found[1:].times(np.ldexp(frame.shift[:p], -own[1:, 0])[:, None]).sum()
    level = found[0].plus(shifted).minus(Doubled.of(np.ldexp(frame.shift[p:], -unit)))
    found.put(0, level)
    return found


def _raw(theta: np.ndarray, frame: Frame, own: np.ndarray, unit: np.ndarray, has_bias: bool) -> np.ndarray:
    """The other way."""
    found = np.ldexp(theta, unit - own)
    if has_bias:
        p = len(theta) - 1
        found[0] += frame.shift[p:] - frame.shift[:p] @ found[1:]
    return found


def _inverse(pivots: Eliminated, frame: Frame, own: np.ndarray, has_bias: bool) -> np.ndarray:
    """The diagonal (q,) of (AᵀWA)⁻¹ in raw units: 1 for a column is a number of units for the frame's."""
    q = len(pivots.L)
    back = np.concatenate([[1.0], -np.ldexp(frame.shift[: q - 1], -own[1:])]) if has_bias else np.zeros(q)
    if q <= _FEW:
        K, _ = pivots.solve(Doubled.of(np.column_stack([np.eye(q), back])))
        diagonal, level = np.diag(K.hi[:, :q]).copy(), float(K[:, q:].times(back[:, None]).sum().hi[0])
    else:
        diagonal = (pivots.spread**2).sum(axis=1)
        level = float(((back @ pivots.spread) ** 2).sum())
    if has_bias:
        diagonal[0] = level
    return np.ldexp(diagonal, -2 * own - frame.weight_unit)


def variation(evidence: Evidence, q: int, has_bias: bool) -> np.ndarray:
    """Σ w·(y − ȳ)² (m,) in the units of Y, or Σ w·y² without a bias."""
    squares = evidence.products[np.arange(q, len(evidence.low) + 1), np.arange(q, len(evidence.low) + 1)]
    if not has_bias:
        return squares.hi
    total, mass = evidence.products[0, q:], evidence.products[0, 0]
    share = total.over(Doubled(*(np.full(total.hi.shape, part) for part in mass)))
    return np.maximum(squares.minus(share.times(total)).hi, 0.0)


def _total(squares: np.ndarray, unit: np.ndarray, cells: float) -> float:
    return float(np.ldexp(squares, 2 * unit).sum() / cells)


def _cosine(g: np.ndarray, sizes: np.ndarray, residual: np.ndarray) -> float:
    whole = np.outer(sizes, residual)
    return float(np.divide(np.abs(g), whole, out=np.zeros_like(g), where=whole > 0).max(initial=0.0))


def _ranks(whole: Eliminated) -> tuple[int, int]:
    """The columns of X whose rest is beyond doubt, and those whose rest may be more than rounding.

    A direction counts in float64 when its singular value exceeds 8·p·u of the largest; pivots tell a singular value to
    a factor of p, and are squares here.
    """
    shares = whole.shares[int(whole.has_bias) :]
    p = len(whole.norms) - whole.has_bias
    tolerance = 8 * p * UNIT
    return int((shares > (tolerance * p) ** 2).sum()), int((shares > (tolerance / p) ** 2).sum())


def _step_error(
    pivots: Eliminated, evidence: Evidence, d: np.ndarray, last: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """A bound on the error of the step: of its solution, of residuals, and of sums as pairs.

    An error of the residuals reaches a coefficient through the norm of its row of the pseudoinverse, one of the sums
    through the inverse of G.
    """
    operations = _PAIRS * (len(sizes) + _SLICED + evidence.rows / BLOCK_ROWS)
    through = np.linalg.norm(pivots.spread, axis=1)
    residual = np.outer(through, np.sqrt(evidence.terms))
    sums = np.outer(sizes, np.sqrt(evidence.squares.hi) + sizes @ np.abs(d))
    return 2 * last + operations * (residual + np.abs(pivots.spread @ pivots.spread.T) @ sums)


def _nearest(pivots: Eliminated, d: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step to the optimum nearest in coefficients of columns of unit norm; without free directions the step."""
    first, norms = int(pivots.has_bias), pivots.norms[int(pivots.has_bias) :, None]
    if not pivots.is_deficient:
        return d, own
    seen, per = pivots.seen, np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    slopes = per * (seen @ (seen.T @ (norms * d[first:])))
    error = own[first:] + per * (np.abs(seen) @ (np.abs(seen).T @ (norms * own[first:])))
    if not first:
        return slopes, error
    means = pivots.L[1:, 0]  # the bias goes where the weights send it
    bias = d[0] - means @ (slopes - d[1:])
    return np.vstack([bias, slopes]), np.vstack([own[0] + np.abs(means) @ (error + own[1:]), error])


def _travel(pivots: Eliminated, error: float, movement: np.ndarray) -> np.ndarray:
    """What float64 may have done to the distance of weights that are far: relative to its norm on unit columns."""
    scaled = MARGIN * error * pivots.condition * np.sqrt(len(pivots.norms)) * movement
    return np.outer(
        np.divide(1.0, pivots.norms, out=np.zeros_like(pivots.norms), where=pivots.norms > 0), scaled
    )


def _allowance(pivots: Eliminated, error: float, terms: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """What float64 may have done to optimal weights: Wedin's bound (Higham 2002, section 20.1), with a margin."""
    condition, norms = pivots.condition, pivots.norms
    scaled = MARGIN * error * condition * (2 * np.sqrt(len(norms)) * terms + (condition + 1) * residual)
    return np.outer(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0), scaled)
