"""The judge of a finished fit: how far any coefficients are from the optimum, by a route of its own."""

import html
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from gradline.factor import UNIT
from gradline.moments import Moments
from gradline.objectives import Scaling
from gradline.rank import Rank, determined_factor
from gradline.trajectory import Direction, Spectrum, Trajectory

ARRIVED = 1e-12  # a distance below this share of the coefficients counts as none
FEWEST_DIGITS = 3.0  # fewer sure digits than these deserve no certificate
_TIME_LEFT = ("lr_limit", "tenfold_loss", "epochs_to_loss", "epochs_to_weights")
_DIRECTIONS = 12  # kept in a certificate, largest share first


class Training(NamedTuple):
    """How the coefficients were trained, if they were: what the judge needs to speak of time left."""

    lr: float
    momentum: float
    epochs: int
    scaling: Scaling
    started_at: float  # the loss before the first epoch
    diverged_at: int | None = None
    batch_size: int | None = None  # None: the full batch, whose path is known in closed form
    tenfold_loss: float | None = None


@dataclass(frozen=True)
class Certificate:
    """What is known for sure about a model's coefficients. Losses are over all training rows.

    - `status`: certified, stopped, rank_deficient, uncertified or diverged; `epochs` when trained.
    - `loss`, `optimal_loss`, `gap` = loss − optimal_loss, and `gradient_norm` ‖∇L‖ over raw coefficients.
    - `digits`: correct decimal digits, the fewest over the coefficients; a coefficient that is zero to within
      its bound is not counted. Never more than are correct; 0 where the data do not determine them all.
    - `weight_error` (m, p), `bias_error` (m,): bounds on the distance to the nearest optimum;
      `weight_error_stderr`, `bias_error_stderr`: the same in standard errors, None where those have no meaning.
    - `directions`: the gap split by direction, with half-lives in epochs and the columns behind each.
    - `lr_limit`, `tenfold_loss` (after ten times as many epochs; full batch only), `epochs_to_loss` (gap down
      to 1 % of the optimal loss), `epochs_to_weights` (slowest error down to a thousandth), on the columns as
      trained; None where nothing was trained, and but for `lr_limit` None with mini-batches, whose noise no
      formula foretells.
    - `rank` of the columns of X, and `combinations` that vanish, in words; `constant` columns.
    - `condition` of [1 X], `condition_scaled` of the centred columns of unit norm, `hessian_condition`.

    It certifies that these are the least-squares coefficients, not that a line suits the data.
    """

    status: str
    epochs: int | None
    diverged_at: int | None
    loss: float
    optimal_loss: float
    gap: float
    gradient_norm: float
    digits: float
    weight_error: list[list[float]]
    bias_error: list[float]
    weight_error_stderr: list[list[float]] | None
    bias_error_stderr: list[float] | None
    directions: list[Direction]
    lr_limit: float | None
    tenfold_loss: float | None
    epochs_to_loss: float | None
    epochs_to_weights: float | None
    rank: int
    combinations: list[str]
    constant: list[str]
    condition: float
    condition_scaled: float
    hessian_condition: float

    def card(self) -> dict[str, Any]:
        """The certificate as plain JSON."""
        card = asdict(self)
        card["directions"] = [direction._asdict() for direction in self.directions]
        return finite(card)

    def _repr_html_(self) -> str:
        from gradline.summary import sentences  # noqa: PLC0415 - a convenience that calls upwards

        return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences(self))

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "Certificate":
        """The certificate that `card` described."""
        return cls(**{**card, "directions": [Direction(**direction) for direction in card["directions"]]})


def finite(value: Any) -> Any:
    """The value with every infinity and NaN as None, which JSON can say."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def judge(
    moments: Moments, weight: np.ndarray, bias: np.ndarray, has_bias: bool, training: Training | None = None
) -> Certificate:
    """Judge coefficients in raw units against raw moments.

    The distance to the optimum comes from singular values of the scaled factor, which no solver uses. What
    rounding may have done to the optimum itself is bounded on top of it: κ·ε·(2 + (κ + 1)·ρ) relative to the
    scaled coefficients, κ the scaled condition, ε the error of the factor and ρ = ‖r‖/(σmax·‖Dw‖)
    (Wedin 1973; Higham 2002, section 20.1).
    """
    rank, spectrum = Rank.of(moments, has_bias), Spectrum.of(moments, has_bias)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = _distance(moments, rank, weight, bias, has_bias)
        rounding = _rounding(moments, rank, weight - distance.weight, has_bias)
        weight_error = np.abs(distance.weight) + rounding.weight
        bias_error = np.abs(distance.bias) + rounding.bias
        coefficients = np.column_stack([bias, weight])
        digits = _digits(coefficients, np.column_stack([bias_error, weight_error]), has_bias)
        status = _status(moments, rank, weight, distance, rounding, training, has_bias)
        after = _time_left(moments, weight, bias, has_bias, training)
    errors = _standard_errors(moments, rank, has_bias)
    return Certificate(
        status=status,
        epochs=None if training is None else training.epochs,
        diverged_at=None if training is None else training.diverged_at,
        loss=distance.optimal_loss + distance.gap,
        optimal_loss=distance.optimal_loss,
        gap=distance.gap,
        gradient_norm=distance.gradient_norm,
        digits=0.0 if rank.deficiency else digits,
        weight_error=weight_error.tolist(),
        bias_error=bias_error.tolist(),
        weight_error_stderr=None if errors is None else (weight_error / errors.weight).tolist(),
        bias_error_stderr=None if errors is None or not has_bias else (bias_error / errors.bias).tolist(),
        rank=rank.rank,
        combinations=rank.combinations(),
        constant=rank.constant,
        condition=spectrum.condition,
        condition_scaled=rank.condition_scaled,
        hessian_condition=spectrum.condition**2,
        **after,
    )


class _Distance(NamedTuple):
    """From the coefficients to the nearest optimum, in raw units, and what it costs."""

    weight: np.ndarray
    bias: np.ndarray
    scaled: np.ndarray  # per target, the norm of the weights' distance with columns of unit norm
    optimal_loss: float
    gap: float
    gradient_norm: float


def _distance(
    moments: Moments, rank: Rank, weight: np.ndarray, bias: np.ndarray, has_bias: bool
) -> _Distance:
    p, cells = moments.p, moments.m * moments.weight_sum
    target = moments.factor[:p, p:] if has_bias else moments.raw_factor(bias=False).B
    level = bias + weight @ moments.mean[:p] - moments.mean[p:] if has_bias else np.zeros(moments.m)
    residual = rank.columns @ weight.T - target
    along = rank.left[:, : rank.rank].T @ residual
    delta = rank.nearest(residual).T
    slope = 2.0 / cells * (rank.columns.T @ residual)
    if has_bias:
        slope = slope + 2.0 / moments.m * np.outer(moments.mean[:p], level)
    gradient = np.vstack([slope, 2.0 / moments.m * level])
    return _Distance(
        weight=delta,
        bias=level - delta @ moments.mean[:p] if has_bias else np.zeros(moments.m),
        scaled=np.linalg.norm(delta * rank.norms, axis=1),
        optimal_loss=float((determined_factor(moments, has_bias).C ** 2).sum()) / cells,
        gap=(float((along**2).sum()) + moments.weight_sum * float(level @ level)) / cells,
        gradient_norm=float(np.linalg.norm(gradient)),
    )


class _Rounding(NamedTuple):
    """Bounds on what rounding did to the optimum itself: weight (m, p), bias (m,), and scaled per target."""

    weight: np.ndarray
    bias: np.ndarray
    scaled: np.ndarray


def _rounding(moments: Moments, rank: Rank, weight: np.ndarray, has_bias: bool) -> _Rounding:
    p = moments.p
    condition = rank.condition_scaled
    size = np.linalg.norm(weight * rank.norms, axis=1)  # ‖Dw‖ per target
    largest = rank.singular[0] if p and rank.rank else 1.0
    factor = moments.factor if has_bias else moments.raw_factor(bias=False).C
    residual = np.linalg.norm(factor[-moments.m :, -moments.m :], axis=0)
    error = max(moments.error, 4 * UNIT)
    scaled = error * condition * (2 * size + (condition + 1) * residual / largest)
    inverse = np.divide(1.0, rank.norms, out=np.zeros(p), where=rank.norms > 0)
    by_weight = np.outer(scaled, inverse)
    if not has_bias:
        return _Rounding(by_weight, np.zeros(moments.m), scaled)
    mean = np.abs(moments.mean)
    products = np.abs(weight) @ mean[:p] + mean[p:]
    # A mean is known to the rounding of the deviations that were averaged, however near to zero it is.
    spread = np.linalg.norm(moments.factor, axis=0) / math.sqrt(moments.weight_sum)
    of_means = np.abs(weight) @ spread[:p] + spread[p:]
    level = by_weight @ mean[:p] + 4 * UNIT * math.sqrt(p + 1) * products + error * of_means
    return _Rounding(by_weight, level, scaled)


def _digits(coefficients: np.ndarray, errors: np.ndarray, has_bias: bool) -> float:
    first = 0 if has_bias else 1
    size, error = np.abs(coefficients[:, first:]), errors[:, first:]
    counted = size > error
    if not counted.any() or not np.isfinite(error).all():
        return 0.0
    with np.errstate(divide="ignore"):
        fewest = -np.log10((error[counted] / size[counted]).max())
    return float(np.clip(fewest, 0.0, -np.log10(UNIT)))


class _StandardErrors(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


def _standard_errors(moments: Moments, rank: Rank, has_bias: bool) -> _StandardErrors | None:
    """The classical ones at the optimum; None where coefficients or the variance are not determined."""
    freedom = moments.rows - rank.rank - has_bias
    factor = moments.factor if has_bias else moments.raw_factor(bias=False).C
    squares = (factor[-moments.m :, -moments.m :] ** 2).sum(axis=0)
    if freedom <= 0 or rank.deficiency or not (squares > 0).all():
        return None
    root = rank.right.T / rank.singular / rank.norms[:, None]  # rows j: root·rootᵀ is the inverse of XᵀX
    sigma = np.sqrt(squares / freedom)
    of_mean = root.T @ moments.mean[: moments.p]
    bias = np.sqrt(1.0 / moments.weight_sum + of_mean @ of_mean)
    return _StandardErrors(np.outer(sigma, np.linalg.norm(root, axis=1)), sigma * bias)


def _status(
    moments: Moments,
    rank: Rank,
    weight: np.ndarray,
    distance: _Distance,
    rounding: _Rounding,
    training: Training | None,
    has_bias: bool,
) -> str:
    if training is not None and _diverged(moments, distance, training, has_bias):
        return "diverged"
    optimum = weight - distance.weight
    size = np.linalg.norm(optimum * rank.norms, axis=1) + np.linalg.norm(
        moments.factor[:, moments.p :], axis=0
    )
    arrived = distance.scaled <= np.maximum(10 * rounding.scaled, ARRIVED * size)
    level = np.abs(optimum) @ np.abs(moments.mean[: moments.p]) + np.abs(moments.mean[moments.p :])
    arrived &= np.abs(distance.bias) <= np.maximum(10 * rounding.bias, ARRIVED * level)
    if not arrived.all():
        return "stopped"
    if rank.deficiency:
        return "rank_deficient"
    return "certified" if (rounding.scaled <= 10**-FEWEST_DIGITS * size).all() else "uncertified"


def _diverged(moments: Moments, distance: _Distance, training: Training, has_bias: bool) -> bool:
    """Whether the loss left the numbers, or grew at a rate that cannot be stable (momentum may overshoot)."""
    if training.diverged_at is not None:
        return True
    spectrum = Spectrum.of(training.scaling.moments(moments), has_bias)
    too_fast = training.lr > spectrum.lr_limit(training.momentum)
    return too_fast and distance.optimal_loss + distance.gap > training.started_at


def _time_left(
    moments: Moments, weight: np.ndarray, bias: np.ndarray, has_bias: bool, training: Training | None
) -> dict[str, Any]:
    """What training on would bring: the gap by direction, and the epochs that are left."""
    left: dict[str, Any] = dict.fromkeys(_TIME_LEFT) | {"directions": []}
    if training is None:
        return left
    view, start = training.scaling.moments(moments), training.scaling.to_view(weight, bias)
    path = Trajectory(view, training.lr, training.momentum, start, has_bias)
    left |= {"lr_limit": path.lr_limit, "directions": path.directions()[:_DIRECTIONS]}
    if training.batch_size is None:
        left |= {
            "tenfold_loss": training.tenfold_loss,
            "epochs_to_loss": path.epochs_to_loss(),
            "epochs_to_weights": path.epochs_to_weights(),
        }
    else:
        left["directions"] = [d._replace(half_life=None) for d in left["directions"]]
    return left
