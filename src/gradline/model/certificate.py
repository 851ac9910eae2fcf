"""The certificate of a fit: what is known for sure about its coefficients, and that in sentences."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gradline.core.linalg.triangular import rounding
from gradline.core.text import big, counted, epochs, number, one_line, percent
from gradline.model.status import Status
from gradline.solvers.trajectory import Direction

NO_TIME_LEFT: Mapping[str, Any] = {
    **dict.fromkeys(("lr_limit", "tenfold_loss", "epochs_to_loss", "epochs_to_weights")),
    "directions": [],
}  # what is said of training on where nothing is known of it
FEWEST_DIGITS = 3.0  # fewer sure digits than these deserve no certificate


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
      formula foretells, and where the parameters of a module have too few digits to go that far.
    - `rank` of the columns of X, and `combinations` that vanish, in words; `near_combinations` that all but
      vanish, where none does; `determined` (p,): the weights that no combination leaves open; `constant` columns.
    - `remarks`: what else must be known to read it, in sentences: of which rows, rule or reading it speaks.
    - `condition` of [1 X], `condition_scaled` of the centred columns of unit norm, `hessian_condition`.

    It certifies that these are the least-squares coefficients, not that a line suits the data.

    >>> import gradline
    >>> solver = gradline.GradientDescent(lr=1e-5, epochs=100)
    >>> certificate = gradline.fit("example:crops", ["apples", "oranges"], solver=solver).certificate
    >>> round(certificate.loss, 3), round(certificate.optimal_loss, 3), round(certificate.gap, 3)
    (152.904, 0.909, 151.994)
    >>> f"{certificate.lr_limit:.3g}", f"{certificate.epochs_to_loss:.2g}"
    ('0.000112', '1.6e+07')
    """

    status: Status
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
    near_combinations: list[str]
    determined: list[bool]
    constant: list[str]
    condition: float
    condition_scaled: float
    hessian_condition: float
    remarks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain JSON."""
        card = asdict(self)
        card["directions"] = [direction._asdict() for direction in self.directions]
        return finite(card)

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences(self))

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> "Certificate":
        """The certificate that `to_dict` described."""
        known = {part.name: card[part.name] for part in fields(cls) if part.name in card}
        known |= {name: math.nan for name in _ALWAYS if card[name] is None}  # which `to_dict` cannot say
        directions = [
            Direction(
                math.nan if part["share"] is None else part["share"], part["half_life"], part["columns"]
            )
            for part in card["directions"]
        ]
        return cls(**{**known, "status": Status(card["status"]), "directions": directions})


_ALWAYS = (
    "loss",
    "optimal_loss",
    "gap",
    "gradient_norm",
    "condition",
    "condition_scaled",
    "hessian_condition",
)


def finite(value: Any) -> Any:
    """The value with every infinity and NaN as None, which JSON can say."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def sentences(certificate: Certificate) -> list[str]:
    """What the certificate says, a sentence a line."""
    c = certificate
    said = _SAID[c.status](c)
    condition = (
        f"Condition {number(c.condition)} as the columns are, "
        f"{number(c.condition_scaled)} centred and scaled to one norm"
    )
    if c.near_combinations:
        said.append(f"Near-collinear: {_some(c.near_combinations)}.")
    return [one_line(line) for line in (*said, *c.remarks, f"{condition}.")]


def _some(combinations: Sequence[str]) -> str:
    return f"{'; '.join(combinations[:3])}{' …' if len(combinations) > 3 else ''}"


def _certified(c: Certificate) -> list[str]:
    after = f" after {counted(c.epochs, 'epoch')}" if c.epochs else ""
    sure = f"sure to {counted(math.floor(c.digits), 'digit')} in every coefficient"
    if c.digits < 1:
        sure = "though rounding leaves its least certain coefficient without a sure digit"
    return [
        f"Certified{after}: this is the least-squares answer, {sure}.",
        "That says nothing about whether a line suits the data.",
    ]


def _uncertified(c: Certificate) -> list[str]:
    digits = counted(math.floor(c.digits), "digit")
    if bears(c.condition_scaled, len(c.weight_error[0]) + len(c.bias_error), FEWEST_DIGITS):
        return [
            f"Not certified: the sums it was computed from keep so few digits that only {digits} can be sure."
        ]
    scaled = number(c.condition_scaled)
    return [f"Not certified: columns of scaled condition {scaled} leave only {digits} that can be sure."]


def bears(condition: float, columns: int, digits: float) -> bool:
    """Whether columns of this scaled condition leave so many digits to sums that are right to rounding.

    The least-squares answer moves by up to κ·(κ + 3)·ε beside what the targets vary, with ε = 4√k·u (Wedin 1973; Higham
    2002, section 20.1).
    """
    return condition * (condition + 3) * rounding(columns) <= 10**-digits


def _deficient(c: Certificate) -> list[str]:
    columns = len(c.weight_error[0])
    chosen = "those of smallest size were taken"
    if c.epochs is not None:
        chosen = "training went to those nearest to its start"
    return [
        f"The data do not determine every coefficient (rank {c.rank} of {columns}): {_some(c.combinations)}.",
        f"Of all coefficients that predict equally well, {chosen}.",
    ]


def _stopped(c: Certificate) -> list[str]:
    at = "" if c.epochs is None else f" at epoch {c.epochs:,}"
    lines = [f"Stopped{at}: the loss is {number(c.gap)} above the optimum, {number(c.optimal_loss, 4)}."]
    shown = [d for i, d in enumerate(c.directions) if d.share >= 1e-3 or i < 2 or d is _slowest(c)][:4]
    if shown:
        lines.append(f"What is left of it: {', '.join(_direction(d, i == 0) for i, d in enumerate(shown))}.")
    if c.epochs_to_weights is None and c.epochs_to_loss is None and c.lr_limit is not None:
        lines.append(
            "Mini-batches leave noise: a smaller or a falling rate (lr auto) or larger batches shrink it."
        )
    if c.tenfold_loss is not None and c.epochs:
        lines.append(f"Ten times as many epochs would bring the loss to {number(c.tenfold_loss, 4)}.")
    if c.epochs_to_weights is not None or c.epochs_to_loss is not None:
        slowest = "" if c.epochs_to_weights is None else f"; {far(c.epochs_to_weights)}"
        lines.append(
            f"From here {near(c.epochs_to_loss)}{slowest}. The largest stable lr is {number(c.lr_limit or 0)}."
        )
    return lines


def _direction(d: Direction, first: bool) -> str:
    said = f"{percent(d.share)} {d.columns}"
    if d.half_life is None or math.isinf(d.half_life):
        return said
    if d.half_life < 1:
        return f"{said} (half-life below one epoch)"
    return f"{said} (half-life {epochs(d.half_life) if first else big(d.half_life)})"


def near(epochs_to_loss: float | None) -> str:
    """When the loss comes within 1 % of the optimum, as a clause."""
    if epochs_to_loss == 0:
        return "the loss is within 1 % of the optimum"
    if epochs_to_loss is None or math.isinf(epochs_to_loss):
        return "the loss never comes within 1 % of the optimum"
    return f"the loss comes within 1 % of the optimum in {epochs(epochs_to_loss)}"


def far(epochs_to_weights: float | None) -> str:
    """When the slowest error has all but gone, as a clause."""
    if epochs_to_weights is None or math.isinf(epochs_to_weights):
        return "the slowest error never shrinks"
    return f"the slowest error shrinks a thousandfold in {epochs(epochs_to_weights)}"


def _slowest(c: Certificate) -> Direction | None:
    finite = [d for d in c.directions if d.half_life is not None]
    return max(finite, key=lambda d: d.half_life or 0.0, default=None)


def _diverged(c: Certificate) -> list[str]:
    when = "the loss grew" if math.isfinite(c.loss) else "the loss is no longer a number"
    if c.diverged_at:
        when = f"at epoch {c.diverged_at:,} the loss was no longer a number"
    limit = "" if c.lr_limit is None else f" The largest stable lr is {number(c.lr_limit)}."
    return [f"Diverged: {when}; the optimum is {number(c.optimal_loss, 4)}.{limit}"]


_SAID = {
    Status.CERTIFIED: _certified,
    Status.STOPPED: _stopped,
    Status.RANK_DEFICIENT: _deficient,
    Status.UNCERTIFIED: _uncertified,
    Status.DIVERGED: _diverged,
}
