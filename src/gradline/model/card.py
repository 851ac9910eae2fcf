"""The card of a model's file: everything but its tensors. What is not finite is null there."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from gradline.core.card import Count, Magnitude, Number, Option, Size, Text
from gradline.model.status import Status
from gradline.moments.card import MomentsCard, Recipe


class DirectionCard(TypedDict):
    """A direction of the gap: its share, after how many epochs it halves, and the columns behind it."""

    share: Number
    half_life: Number
    columns: Text


class CertificateCard(TypedDict):
    """`Certificate`, field by field."""

    status: Status
    epochs: Count | None
    diverged_at: Count | None
    loss: Magnitude
    optimal_loss: Magnitude
    gap: Magnitude
    gradient_norm: Magnitude
    digits: Size
    weight_error: list[list[Number]]
    bias_error: list[Number]
    weight_error_stderr: list[list[Number]] | None
    bias_error_stderr: list[Number] | None
    directions: list[DirectionCard]
    lr_limit: Number
    tenfold_loss: Number
    epochs_to_loss: Number
    epochs_to_weights: Number
    rank: Count
    combinations: list[Text]
    near_combinations: list[Text]
    determined: list[bool]
    constant: list[Text]
    condition: Magnitude
    condition_scaled: Magnitude
    hessian_condition: Magnitude
    remarks: NotRequired[list[Text]]  # of which files of earlier versions have none
    penalty: NotRequired[Magnitude]
    zero: NotRequired[list[list[bool]]]
    at_bound: NotRequired[list[list[bool]]]
    loss_name: NotRequired[Literal["huber", "quantile", "absolute"]]


class HoldoutCard(TypedDict):
    """`Evaluation` on held-out rows."""

    rows: Count
    dropped: Count
    loss: Number
    rmse: list[Number]
    r2: list[Number]


class ExactSettings(TypedDict):
    """Of least squares: the digits asked for."""

    digits: float


Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Rows = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class TrainedSettings(TypedDict):
    """Of all training: `init` is a word, the name of a file, or "given"; `schedule` what becomes of the rate."""

    lr: Annotated[float, Meta(gt=0.0)]
    epochs: Count
    init: Text
    seed: Count
    clip: NotRequired[Size]
    schedule: NotRequired[Literal["step", "exponential", "cosine", "chebyshev"]]
    step_size: NotRequired[Rows]
    gamma: NotRequired[Share]
    eta_min: NotRequired[Size]


class DescentSettings(TrainedSettings):
    """Of gradient descent, besides."""

    momentum: Share
    dampening: NotRequired[Share]
    nesterov: NotRequired[bool]


class SgdSettings(DescentSettings):
    """Of mini-batches, besides."""

    batch_size: Rows
    shuffle: bool
    decay: Literal["none", "linear"]
    dtype: Literal["float64", "float32"]
    average: NotRequired[Count]


class AdamSettings(TrainedSettings):
    """Of Adam, over all rows or in mini-batches, and of AdamW, whose weights shrink."""

    betas: Text
    eps: Annotated[float, Meta(gt=0.0)]
    amsgrad: bool
    weight_decay: NotRequired[Size]
    batch_size: NotRequired[Rows]
    shuffle: NotRequired[bool]


class NoSettings(TypedDict):
    """Of what was trained elsewhere, or has none."""


class BoundsCard(TypedDict):
    """What weights may be at least and at most: a number for all, or numbers by the names of features."""

    lower: NotRequired[float | dict[Text, float]]
    upper: NotRequired[float | dict[Text, float]]


class PenaltyCard(TypedDict):
    """What differs from no penalty."""

    alpha: NotRequired[Size]
    l1_ratio: NotRequired[Annotated[float, Meta(ge=0.0, le=1.0)]]
    positive: NotRequired[bool]
    factors: NotRequired[dict[Text, Size]]
    bounds: NotRequired[BoundsCard]
    together: NotRequired[bool]


class LossCard(TypedDict):
    """What differs from the squared loss."""

    loss: NotRequired[Literal["huber", "quantile", "absolute"]]
    delta: NotRequired[Annotated[float, Meta(gt=0.0)]]
    quantile: NotRequired[Annotated[float, Meta(gt=0.0, lt=1.0)]]


class ChoiceCard(TypedDict):
    """`Choice`, field by field."""

    rule: Literal["min", "1se"]
    held_out: Text
    alphas: list[Size]
    errors: list[list[Magnitude]]
    spread: list[Magnitude] | None


SETTINGS = {
    "exact": ExactSettings,
    "cd": NoSettings,
    "newton": NoSettings,
    "ip": NoSettings,
    "gd": DescentSettings,
    "sgd": SgdSettings,
    "adam": AdamSettings,
    "adamw": AdamSettings,
    "torch": NoSettings,
}  # by solver
Solver = Literal["exact", "cd", "newton", "ip", "gd", "sgd", "adam", "adamw", "torch"]
Scale = Literal["none", "standard"]


class ModelCard(TypedDict):
    """A model; `settings` are those of its solver, `history` a list [epoch, loss, hold-out loss] for each record."""

    has_bias: bool
    recipe: Recipe
    moments: MomentsCard
    certificate: CertificateCard
    solver: Solver
    settings: dict[Text, Any]
    scale: Scale
    history: list[Annotated[list[Number], Meta(min_length=2, max_length=3)]]
    config: dict[Text, Option]
    holdout: HoldoutCard | None
    penalty: NotRequired[PenaltyCard]
    loss: NotRequired[LossCard]
    choice: NotRequired[ChoiceCard]
