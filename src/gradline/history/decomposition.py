"""Why the coefficients moved from one model to another: data, columns, training, in parts that sum to the whole."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.errors import UsageError
from gradline.core.text import listed, number
from gradline.history.alignment import Ground, ground
from gradline.history.paths import PARTS, Route
from gradline.model.certificate import finite
from gradline.model.inference.inference import infer
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.moments.rank import Rank
from gradline.moments.state import Moments

MEANING = (
    "Data: the best answer on other rows. Columns: the best answer with other columns, or a bias. Training: how far "
    "each model stopped from its best answer. A size is how far a part moves the predictions, if no columns are "
    "correlated."
)


@dataclass(frozen=True, eq=False)
class Contribution:
    """What one cause did: the change of weight (m, p) and bias (m,), its size and its share (m,) for each target.

    The size is in the target's unit: the root of the sum of squares of (change of weight)·s over the columns, s the
    standard deviation of a column, and of the change of the prediction for the mean row. The shares are those of the
    sizes of all parts, so they sum to one where anything moved.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    size: np.ndarray
    share: np.ndarray


@dataclass(frozen=True, eq=False)
class Movement:
    """The change θ_B − θ_A of the coefficients of two models, split into parts that sum to it.

    - `targets` (m) that both have; `features` (p): the union of their columns, those of A first. A coefficient of a
      column that a model lacks counts as 0 there.
    - `only_before`, `only_after`: the features that B, and that A, lacks.
    - `before`, `after`: weight (m, p) and bias (m,) of A and B, both in one coding of their text columns.
    - `parts`: data, columns, training. Data: the least-squares answer on B's rows minus that on A's, same columns.
      Columns: the answer with B's columns (and bias) minus that with A's, same rows. Training: what is left to the
      answer in B, θ_B − answer_B, minus what was left in A.
    - `stderr`: by which a change can be judged, those of the least-squares answer of B, of A for columns that B lacks;
      NaN where there are none.
    - `spread` (p,): the standard deviation of each column in B, in A where B lacks it: weight·spread is comparable.
    - `are_same_rows`: whether both were trained on the same rows, as far as common columns can tell.
    - `order` in which the parts were taken, in words; `notes`: what a reader should know.
    """

    targets: tuple[str, ...]
    features: tuple[str, ...]
    only_before: frozenset[str]
    only_after: frozenset[str]
    before: Coefficients
    after: Coefficients
    parts: tuple[Contribution, ...]
    stderr: Coefficients
    spread: np.ndarray
    are_same_rows: bool
    order: str
    notes: tuple[str, ...]

    @property
    def change(self) -> Coefficients:
        """θ_B − θ_A."""
        return self.after.each(np.subtract, self.before)

    @property
    def change_stderr(self) -> Coefficients:
        """θ_B − θ_A in standard errors, NaN where there are none."""
        return self.change.each(_in_units, self.stderr)

    def part(self, name: str) -> Contribution:
        """The part of this name: data, columns or training."""
        return self.parts[PARTS.index(name)]

    def in_stderr(self, part: Contribution) -> Coefficients:
        """The change of a part in standard errors, NaN where there are none."""
        return Coefficients(part.weight, part.bias).each(_in_units, self.stderr)

    def to_dict(self) -> dict[str, Any]:
        """The movement as plain JSON."""
        return finite(
            {
                "targets": list(self.targets),
                "features": list(self.features),
                "before": _plain(self.before),
                "after": _plain(self.after),
                "change": _plain(self.change),
                "stderr": _plain(self.stderr),
                "change_stderr": _plain(self.change_stderr),
                "parts": {
                    part.name: {
                        **_plain(Coefficients(part.weight, part.bias)),
                        "size": part.size.tolist(),
                        "share": part.share.tolist(),
                        "stderr": _plain(self.in_stderr(part)),
                    }
                    for part in self.parts
                },
                "are_same_rows": self.are_same_rows,
                "order": self.order,
                "notes": list(self.notes),
            }
        )


def movement(before: LinearModel, after: LinearModel, *, average: bool = False) -> Movement:
    """Why the coefficients moved from `before` (A) to `after` (B), from the moments that both files hold.

    The parts are taken in the order data, columns, training. Columns that B lacks are taken away before the data
    change, since B's moments say nothing about them; the others are added after. `average=True` gives each part its
    mean over all orders that can be computed (Shapley 1953): data and columns change places where both models have the
    same columns, and A's and B's settings of full-batch training are run in closed form on every data and columns on
    the way. Where no closed form follows them training stays last, and a note says so.

    Raises `RequestError` where the models share no target, where a model has no moments or coefficients that are no
    numbers, and where a text column has other base levels and a model no bias; `UsageError` for what is no model.
    """
    for model in (before, after):
        if not isinstance(model, LinearModel):
            raise UsageError(
                "not-a-model",
                f"a movement is from one model to another, not {type(model).__name__}",
                "give two models: gradline.load(FILE)",
            )
    common = ground(before, after)
    route = Route(common)
    split = route.split(average)
    sizes = np.array([common.size(split.parts[name]) for name in PARTS])
    whole = sizes.sum(axis=0)
    shares = np.divide(sizes, whole, out=np.zeros_like(sizes), where=whole > 0)
    return Movement(
        targets=common.a.moments.targets,
        features=common.features,
        only_before=frozenset(common.a.moments.features) - {*common.b.moments.features},
        only_after=frozenset(common.b.moments.features) - {*common.a.moments.features},
        before=_pair(route.found["A"]),
        after=_pair(route.found["B"]),
        parts=tuple(
            Contribution(name, split.parts[name][:, 1:], split.parts[name][:, 0], size, share)
            for name, size, share in zip(PARTS, sizes, shares, strict=True)
        ),
        stderr=_pair(_stderr(common)),
        spread=common.spread,
        are_same_rows=route.are_same_rows,
        order=split.order,
        notes=(*_notes(common, before, after), *split.notes),
    )


def _pair(theta: np.ndarray) -> Coefficients:
    return Coefficients(theta[:, 1:], theta[:, 0])


def _stderr(common: Ground) -> np.ndarray:
    """The standard errors (m, 1 + p) of the least-squares answers: B's, and A's for columns that B lacks."""
    found = np.full((len(common.a.moments.targets), 1 + len(common.features)), np.nan)
    for end in (common.a, common.b):
        moments, model = end.moments, end.model
        bias = end.bias if model.has_bias else None
        estimates = infer(
            moments, Coefficients(end.weight, bias), moments.targets, Status.CERTIFIED, moments.weights_are
        ).estimates
        if estimates is None:
            continue
        places = [1 + common.features.index(name) for name in moments.features]
        found[:, places] = estimates.stderr.weight
        found[:, 0] = np.nan if estimates.stderr.bias is None else estimates.stderr.bias
    return found


def _notes(common: Ground, before: LinearModel, after: LinearModel) -> list[str]:
    """What a reader should know of the ground on which the models are compared."""
    notes = [
        f"The coefficients of {column} are told against the level {base}, which both have."
        for column, base in common.rebased.items()
    ]
    left_out = [name for name in (*before.targets, *after.targets) if name not in common.a.moments.targets]
    if left_out:
        notes.append(f"Only one of the models has the target {listed(left_out)}: left out.")
    for end, name in ((common.a, "first"), (common.b, "second")):
        if not end.model.loss.quadratic:
            notes.append(
                f"What the loss of the {name} draws from the least-squares answer is told as training."
            )
        if not end.model.penalty.is_none:
            notes.append(f"What the penalty of the {name} pulled from the best answer is told as training.")
        if Rank.of(end.moments, end.model.has_bias).deficiency:
            notes.append(
                f"The data of the {name} do not determine every coefficient: where equally good answers differ, "
                "the smallest counts as the answer."
            )
    return notes + _apart(common.a.moments, common.b.moments)


def _apart(a: Moments, b: Moments) -> list[str]:
    """The columns whose ranges in A and B do not meet, as those of another unit do not."""
    notes = []
    for name in (name for name in a.features if name in b.features):
        i, j = a.features.index(name), b.features.index(name)
        low, high = (
            np.array([a.statistics.minimum[i], b.statistics.minimum[j]]),
            np.array([a.statistics.maximum[i], b.statistics.maximum[j]]),
        )
        if low.max() > high.min():
            first, second = (f"{number(low[k], 6)} to {number(high[k], 6)}" for k in (0, 1))
            notes.append(
                f"{name} runs from {first} in the first and from {second} in the second: in another unit, "
                "its coefficient is not comparable."
            )
    return notes


def _in_units(values: np.ndarray, stderr: np.ndarray) -> np.ndarray:
    return np.divide(values, stderr, out=np.full(values.shape, np.nan), where=stderr > 0)


def _plain(pair: Coefficients) -> dict[str, Any]:
    return {"weight": pair.weight.tolist(), "bias": None if pair.bias is None else pair.bias.tolist()}
