"""Where coefficients stand from the nearest optimum, by Newton's step from the evidence of the rows."""

from dataclasses import dataclass

import numpy as np

from gradline.model.verify.ldl import Eliminated, eliminated
from gradline.model.verify.row_sums import BLOCK_ROWS, Evidence

UNIT = 2.0**-53
_PAIRS = 2.0**-104  # what one operation on pairs may lose
_ARRIVED = 1e-12  # the share of the terms below which a step of the predictions counts as none
_MARGIN = 10.0  # on bounds of rounding, whose constants nobody knows


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
    - `ranks`: the fewest and the most independent columns of X that float64 may count.
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


def located(evidence: Evidence, has_bias: bool, rank: int, error: float) -> Whereabouts:
    """The whereabouts of the coefficients that the evidence was gathered for.

    `rank` is that of the columns as claimed, taken where the cross-products allow it; `error` is the relative error
    of the columns that a claim from float64 may rest on.
    """
    first, m, frame = int(not has_bias), len(evidence.terms), evidence.frame
    q = len(evidence.gradient.hi)
    A, g = evidence.products[first:q, first:q], evidence.gradient[first:]
    whole = eliminated(A, has_bias)
    ranks = _ranks(whole)
    pivots = whole.first(min(max(rank, ranks[0]), ranks[1]) + has_bias)
    d, last = pivots.solve(g)
    gap = d.times(g).sum()
    rest = evidence.squares.minus(gap)
    unit, own = frame.units[q - 1 :], np.concatenate([[0], frame.units[: q - 1]])[first:, None]
    cells = m * evidence.mass
    terms, residual = np.sqrt(evidence.terms), np.sqrt(np.maximum(rest.hi, 0.0))
    noise = _MARGIN * error * (np.sqrt(q) * terms + pivots.condition * residual)
    sizes = np.sqrt(np.diag(A.hi))
    distance, blur = _nearest(pivots, d.hi, _step_error(pivots, evidence, d.hi, last, sizes))
    distance, blur = np.ldexp(-distance, unit - own), np.ldexp(blur, unit - own)
    gradient = np.ldexp(-2.0 / cells * g.hi, unit + own)
    movement = np.sqrt(np.maximum(gap.hi, 0.0))
    far = np.ldexp(_travel(pivots, error, movement), unit - own)
    slack = np.ldexp(_allowance(pivots, error, terms, residual), unit - own)
    if has_bias:  # from shifted columns to the columns as they are
        shift = frame.shift[: q - 1]
        distance[0] -= shift @ distance[1:]
        blur[0] += np.abs(shift) @ blur[1:]
        gradient[1:] += np.outer(shift, gradient[0])
        means = np.abs(np.ldexp(evidence.products.hi[0, 1:q] / evidence.mass, frame.units[: q - 1]) + shift)
        level = np.ldexp(terms / np.sqrt(evidence.mass), unit)
        slack[0] = means @ slack[1:] + _MARGIN * error * level
        far[0] = means @ far[1:] + _MARGIN * error * (np.abs(distance[0]) + means @ np.abs(distance[1:]))
    largest = np.maximum(np.abs(evidence.low), np.abs(evidence.high))[: q - 1]
    widths = np.concatenate([[1.0], largest])[first:] * np.sqrt(evidence.mass)
    rounding = 2 * np.sqrt(evidence.squares.hi) * noise + noise**2
    return Whereabouts(
        loss=_total(evidence.squares.hi, unit, cells),
        optimal_loss=_total(rest.hi, unit, cells),
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
    )


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
    operations = _PAIRS * (len(sizes) + 8 + evidence.rows / BLOCK_ROWS)
    through = np.linalg.norm(pivots.spread, axis=1)
    residual = np.outer(through, np.sqrt(evidence.terms))
    sums = np.outer(sizes, np.sqrt(evidence.squares.hi) + sizes @ np.abs(d))
    return 2 * last + operations * (residual + np.abs(pivots.spread @ pivots.spread.T) @ sums)


def _nearest(pivots: Eliminated, d: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step to the optimum nearest in coefficients of columns of unit norm; without free directions the step."""
    free, norms = (
        pivots.combinations,
        pivots.norms[:, None],
    )  # the bias, of norm 0, goes where the weights send it
    if free.shape[1] == 0:
        return d, own
    inverse = np.linalg.pinv(norms * free)
    return (
        d - free @ (inverse @ (norms * d)),
        own + np.abs(free) @ (np.abs(inverse) @ (norms * own)),
    )


def _travel(pivots: Eliminated, error: float, movement: np.ndarray) -> np.ndarray:
    """What float64 may have done to the distance of weights that are far: relative to its norm on unit columns."""
    scaled = _MARGIN * error * pivots.condition * np.sqrt(len(pivots.norms)) * movement
    return np.outer(
        np.divide(1.0, pivots.norms, out=np.zeros_like(pivots.norms), where=pivots.norms > 0), scaled
    )


def _allowance(pivots: Eliminated, error: float, terms: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """What float64 may have done to optimal weights: Wedin's bound (Higham 2002, section 20.1), with a margin."""
    condition, norms = pivots.condition, pivots.norms
    scaled = _MARGIN * error * condition * (2 * np.sqrt(len(norms)) * terms + (condition + 1) * residual)
    return np.outer(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0), scaled)
