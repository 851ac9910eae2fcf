"""The certificate of a fit: what is known for sure about its coefficients, and that in sentences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gradline.core.linalg.triangular import rounding
from gradline.core.text import big, counted, epochs, number, one_line, percent, ratio
from gradline.model.status import Status
from gradline.solvers.trajectory import WEIGHTS_SHRINK, Direction

NO_TIME_LEFT: Mapping[str, Any] = {
    **dict.fromkeys(("lr_limit", "tenfold_loss", "epochs_to_loss", "epochs_to_weights")),
    "directions": [],
}  # what is said of training on where nothing is known of it
FEWEST_DIGITS = 3.0  # fewer sure digits than these deserve no certificate
HARD = 30.0  # the scaled condition from which Belsley, Kuh and Welsch (1980) speak of moderate to strong relations
_MOST = 4  # parts of what is left that are told
_PART, _TRACE = 1e-3, 1e-6  # the least share of a part, and of the slowest, which is told though it is small


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
    - `penalty`: what it adds to the loss, where one was asked for: `gap` is then loss + penalty − optimal_loss, the
      least that the sum can be, `gradient_norm` that of the smallest subgradient on the columns as trained, and
      `zero` (m, p) are the weights that are zero in every best answer.
    - `at_bound` (m, p): the weights that are at a bound, other than zero, in every best answer; None where none is.
    - `loss_name`: the loss, where it is not the squared one: `gap` is then at most what is left to lose.
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
    penalty: float | None = None
    zero: list[list[bool]] | None = None
    at_bound: list[list[bool]] | None = None
    loss_name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain JSON."""
        card = asdict(self)
        if self.penalty is None:  # then nothing is known of one
            del card["penalty"], card["zero"]
        if self.at_bound is None:
            del card["at_bound"]
        if self.loss_name is None:
            del card["loss_name"]
        card["directions"] = [direction._asdict() for direction in self.directions]
        return finite(card)

    @property
    def is_bounded(self) -> bool:
        """Whether `gap` is a bound and no more, as it is but for the squared loss alone."""
        return self.penalty is not None or self.loss_name is not None

    def _repr_html_(self) -> str:
        import html  # noqa: PLC0415 - it knows all names of characters, and few certificates are shown in a notebook

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
    """What the certificate says, a sentence or two a line; a line that begins with spaces belongs above."""
    c = certificate
    said = [*_SAID[c.status](c), *c.remarks]
    if c.near_combinations:
        said.append(
            f"Some columns nearly follow from others (near-collinear): {_some(c.near_combinations)}. "
            "Their weights are hard to tell apart."
        )
    return [one_line(line) for line in (*said, _conditions(c))]


def _conditions(c: Certificate) -> str:
    """The two condition numbers, and what they mean for training and for the weights."""
    said = (
        f"Condition number: {ratio(c.condition)} as given, {ratio(c.condition_scaled)} after standardising. "
        "Near 1 trains fast; a large one trains slowly."
    )
    if HARD < c.condition_scaled < math.inf and not c.near_combinations:
        said += f" Above {HARD:.0f} after standardising, some weights are hard to tell apart: see gradline doctor."
    return said


def _some(combinations: Sequence[str]) -> str:
    return f"{'; '.join(combinations[:3])}{' …' if len(combinations) > 3 else ''}"


def _certified(c: Certificate) -> list[str]:
    after = f" after {counted(c.epochs, 'epoch')}" if c.epochs else ""
    sure = f" (checked independently, to {counted(math.floor(c.digits), 'digit')})."
    if c.digits < 1:
        sure = ", but rounding leaves the least certain one without a sure digit."
    said = [f"Certified{after}: no other weights give a smaller {_minimised(c)}{sure}"]
    if c.zero is not None and any(map(any, c.zero)):
        said.append(f"{_of_weights(c.zero)} zero in the best answer, for certain.")
    if c.at_bound is not None:
        said.append(f"{_of_weights(c.at_bound)} at a bound in the best answer, for certain.")
    return [*said, "Whether a line suits your data is another question: see the figures of gradline report."]


def _minimised(c: Certificate) -> str:
    return "loss" if c.penalty is None else "sum of loss and penalty"


def _of_weights(chosen: Sequence[Sequence[bool]]) -> str:
    count, weights = sum(map(sum, chosen)), sum(map(len, chosen))
    return f"{count:,} of {weights:,} weights {'is' if count == 1 else 'are'}"


def _uncertified(c: Certificate) -> list[str]:
    digits = math.floor(c.digits)
    sure = (
        f"only {counted(digits, 'digit')} of every weight can be sure" if digits else "no digit can be sure"
    )
    if c.is_bounded:
        least = (
            f"the {_minimised(c)} is at most {number(c.gap)} above the least possible, and no more is known"
        )
        return [f"Not certified: {sure}; {least}."]
    if bears(c.condition_scaled, len(c.weight_error[0]) + len(c.bias_error), FEWEST_DIGITS):
        return [f"Not certified: {sure}, because the sums that the weights were computed from keep so few."]
    scaled = ratio(c.condition_scaled)
    why = f"some columns say nearly the same (condition number {scaled} after standardising)"
    return [f"Not certified: {sure}, because {why}."]


def bears(condition: float, columns: int, digits: float) -> bool:
    """Whether columns of this scaled condition leave so many digits to sums that are right to rounding.

    The least-squares answer moves by up to κ·(κ + 3)·ε beside what the targets vary, with ε = 4√k·u (Wedin 1973; Higham
    2002, section 20.1).
    """
    return condition * (condition + 3) * rounding(columns) <= 10**-digits


def _deficient(c: Certificate) -> list[str]:
    why = f": {_some(c.combinations)}" if c.combinations else ""
    if c.loss_name is not None:
        nor = "the data do not" if c.penalty is None else "neither data nor penalty"
        return [
            f"Several sets of weights may have the least {_minimised(c)}, as {nor} decide{why}.",
            "This is one of them.",
        ]
    if c.penalty is not None:
        return [
            f"Several sets of weights may have the least {_minimised(c)}, as neither data nor penalty decide{why}.",
            "This is one of them; with an alpha and an l1_ratio below 1 there is only one.",
        ]
    chosen = "the smallest were taken"
    if c.epochs is not None:
        chosen = "training went to those nearest to its start"
    return [
        f"{undetermined(c.rank, len(c.weight_error[0]), c.combinations)}.",
        f"Many sets of weights predict equally well; {chosen}.",
    ]


def undetermined(rank: int, columns: int, combinations: Sequence[str]) -> str:
    """That the data leave weights open, and which columns follow from others: a sentence without its stop."""
    independent = (
        f"only {rank} of {columns} columns {'is' if rank == 1 else 'are'}" if rank else "no column is"
    )
    return f"The data do not determine every weight, as {independent} independent: {_some(combinations)}"


def _stopped(c: Certificate) -> list[str]:
    at = "" if c.epochs is None else f" at epoch {c.epochs:,}"
    what = f"Stopped{at}: the {_minimised(c)} is {'at most ' * c.is_bounded}{number(c.gap)}"
    lines = [f"{what} above the best possible, {number(c.optimal_loss, 4)}."]
    lines += _where(c)
    if c.epochs_to_weights is None and c.epochs_to_loss is None and c.lr_limit is not None:
        lines.append(
            "Mini-batches add noise, which keeps the loss up. Larger batches, a smaller rate or a falling one "
            "(lr auto) reduce it."
        )
    reached = c.loss + (c.penalty or 0.0)
    if c.tenfold_loss is not None and c.epochs and number(c.tenfold_loss, 4) != number(reached, 4):
        lines.append(
            f"Ten times as many epochs would bring the {_minimised(c)} to {number(c.tenfold_loss, 4)}."
        )
    if c.epochs_to_weights is not None or c.epochs_to_loss is not None:
        ahead = time_left(
            c.epochs_to_loss, c.epochs_to_weights, c.optimal_loss, _last(c), "another ", _minimised(c)
        )
        lines += [" ".join(ahead), largest_stable(c.lr_limit or 0.0)]
    return lines


def _where(c: Certificate) -> list[str]:
    """Which changes of the weights would lose what is left of the loss, the largest part first."""
    paced = [d for d in c.directions if d.half_life is not None and math.isfinite(d.half_life)]
    slowest = max(paced, key=lambda d: d.half_life or 0.0, default=None)
    shown = [d for d in c.directions if d.share >= (_TRACE if d is slowest else _PART)][:_MOST]
    if not shown or c.epochs_to_loss == 0:
        return []
    slow = ". What hardly changes the predictions is usually learned last" if paced else ""
    lines, halves = [f"This excess comes from weights that are not right yet{slow}:"], ". Its error halves "
    for i, d in enumerate(shown):
        part = f"  {percent(d.share)}: {d.columns}"
        if i == 0 and " against " in d.columns:
            part += " (one weight up, the other down)"
        if d in paced:
            part += f"{halves}{every(d.half_life or 0.0)}"
            halves = ", "
        lines.append(f"{part}.")
    return lines


def every(half_life: float) -> str:
    """How often an error halves: every 108 epochs."""
    text = big(half_life)
    return "within an epoch" if half_life < 1 else "every epoch" if text == "1" else f"every {text} epochs"


def _last(c: Certificate) -> str:
    """The columns of the direction that `epochs_to_weights` speaks of, nothing where it is none of those told."""
    rates = [(d.half_life, d.columns) for d in c.directions if d.half_life is not None]
    half_life, columns = max(rates, default=(0.0, ""))
    needed = half_life * math.log2(WEIGHTS_SHRINK)
    return columns if math.isclose(needed, c.epochs_to_weights or 0.0, rel_tol=1e-6) else ""


def time_left(
    to_loss: float | None,
    to_weights: float | None,
    optimal_loss: float,
    last: str = "",
    another: str = "",
    what: str = "loss",
) -> list[str]:
    """When the loss is near the best possible, and when the slowest error, of the columns `last`, has all but gone."""
    if to_loss == 0:
        said = [f"The {what} is within 1 % of the best possible."]
    elif to_loss is None or math.isinf(to_loss):
        never = f"At this learning rate the {what} never comes within 1 % of the best possible."
        said = [
            never if optimal_loss else f"The best possible {what} is 0, to which training only comes nearer."
        ]
    else:
        needed = epochs(to_loss)
        brings = "brings" if needed.startswith("1 ") and needed.endswith("epoch") else "bring"
        said = [
            f"At this learning rate {another}{needed} {brings} the {what} within 1 % of the best possible."
        ]
    if to_weights is None:
        return said
    if math.isinf(to_weights):
        return [*said, "Some errors never shrink."]
    needed = epochs(to_weights)
    if last:
        return [*said, f"The last to settle, {last}, comes a thousand times nearer to its best in {needed}."]
    return [*said, f"The slowest error shrinks a thousandfold in {needed}."]


def largest_stable(lr_limit: float) -> str:
    """The limit of the rate, and what it is."""
    return f"The largest stable learning rate is {number(lr_limit)}: above it the loss grows."


def _diverged(c: Certificate) -> list[str]:
    when = f"the {_minimised(c)} grew" if math.isfinite(c.loss) else "the loss is no longer a number"
    if c.diverged_at:
        when = f"at epoch {c.diverged_at:,} the loss was no longer a number"
    lines = [f"Diverged: {when}. The best possible {_minimised(c)} is {number(c.optimal_loss, 4)}."]
    return lines if c.lr_limit is None else [*lines, largest_stable(c.lr_limit)]


_SAID = {
    Status.CERTIFIED: _certified,
    Status.STOPPED: _stopped,
    Status.RANK_DEFICIENT: _deficient,
    Status.UNCERTIFIED: _uncertified,
    Status.DIVERGED: _diverged,
}
