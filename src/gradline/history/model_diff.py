"""Two models beside each other: coefficients, why they moved, fit, settings, data and losses, as far as they differ."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.coefficients import Coefficients
from gradline.core.errors import GradlineError
from gradline.core.text import listed, number
from gradline.history.decomposition import Movement, movement
from gradline.history.models import coefficients_of, described, model_of
from gradline.history.store import Store
from gradline.history.version import Version
from gradline.model.certificate import finite
from gradline.model.model import LinearModel, load

_EQUAL = 1e-9  # relative: what rounding and the order of rows change is no difference of a figure


class Change(NamedTuple):
    """A figure or a word that differs; None where there is none."""

    what: str
    before: Any
    after: Any


def shown(value: Any) -> str:
    """A value of a change as a cell."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.7g}" if abs(value) >= 1e-3 else number(value)
    return listed(value) if isinstance(value, (list, tuple)) else str(value)


class Coefficient(NamedTuple):
    """A coefficient that moved; the feature is None for the bias, a value None where a model lacks the column.

    `stderr` is the change in standard errors and `parts` the change by cause; None where they are not known.
    """

    target: str
    feature: str | None
    before: float | None
    after: float | None
    stderr: float | None
    parts: dict[str, float] | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model as it is compared: what is known of it, its coefficients, and itself where its moments were kept."""

    path: str
    about: Mapping[str, Any]
    value: Coefficients
    model: LinearModel | None

    @classmethod
    def of_version(cls, store: Store, version: Version, path: str) -> "Fitted":
        """A model of a version."""
        about = version.models[path]
        if not about["moments"]:
            return cls(path, about, coefficients_of(store, version, path), None)
        model = model_of(store, version, path)
        return cls(path, about, _value(model), model)

    @classmethod
    def of_file(cls, path: Path) -> "Fitted":
        """The model that a file holds."""
        model = load(path)
        return cls(path.name, described(model, moments=True), _value(model), model)

    @cached_property
    def coefficients(self) -> dict[tuple[str, str | None], float]:
        """Every coefficient by target and feature, None for the bias."""
        found: dict[tuple[str, str | None], float] = {}
        for j, target in enumerate(self.about["targets"]):
            if self.value.bias is not None:
                found[target, None] = float(self.value.bias[j])
            for i, feature in enumerate(self.about["features"]):
                found[target, feature] = float(self.value.weight[j, i])
        return found

    @property
    def fit(self) -> dict[str, Any]:
        """How well it fits."""
        about, held = self.about, self.about["holdout"] or {}
        figures = {"loss": about["loss"]}
        if "penalty" in about:
            figures |= {"penalty": about["penalty"], "least sum of loss and penalty": about["optimal_loss"]}
        else:
            figures["best possible loss"] = about["optimal_loss"]
        for key, name in (("rmse", "RMSE"), ("r2", "R²")):
            for source, ending in ((about, ""), (held, ", held out")):
                values = zip(about["targets"], source.get(key, ()), strict=False)
                figures |= {f"{name} of {target}{ending}": value for target, value in values}
        return figures | {"status": about["status"]}

    @property
    def settings(self) -> dict[str, Any]:
        """What it was trained with; a rate or scale left to gradline as it was chosen."""
        about = self.about
        chosen = {name: value for name, value in about["config"].items() if name not in ("data", "features")}
        own = {name: about[name] for name in ("solver", "targets", "bias", "scale")}
        return {**chosen, **own, **about["settings"]}

    @property
    def data(self) -> dict[str, Any]:
        """Its rows and the ranges of their columns."""
        about, found = self.about, {"rows": self.about["rows"], "rows left out": self.about["dropped"]}
        found["features"] = sorted(about["features"])
        if self.model is not None:
            moments = self.model.moments
            if moments.weight_sum != moments.rows:
                found["weight of all rows"] = moments.weight_sum
            for i, name in enumerate(moments.features + moments.targets):
                statistics = moments.statistics
                ends = (statistics.minimum[i], statistics.maximum[i], statistics.mean[i])
                low, high, mean = (number(float(end), 6) for end in ends)
                found[name] = f"{low} to {high}, mean {mean}"
        return found | {"fingerprint": about["fingerprint"]}

    @property
    def history(self) -> list[tuple[int, float]]:
        """The losses of training by epoch; none where nothing was trained."""
        records = () if self.model is None else self.model.history
        return [(record.epoch, record.loss) for record in records] if len(records) > 1 else []


def _value(model: LinearModel) -> Coefficients:
    return Coefficients(model.weight, model.bias if model.has_bias else None)


@dataclass(frozen=True, eq=False)
class ModelDifference:
    """What differs between two models.

    - `coefficients` that moved, the largest change in standard errors first; `movement`: why, or `unexplained`: why
      that is not known.
    - `fit`, `settings`, `data`: figures that differ; `same_rows`: whether both saw the same rows, None if unknown.
    - `histories`: the losses of both by epoch; empty where they are the same.
    """

    before: Fitted
    after: Fitted
    coefficients: list[Coefficient]
    movement: Movement | None
    unexplained: str
    fit: list[Change]
    settings: list[Change]
    data: list[Change]
    same_rows: bool | None

    @property
    def name(self) -> str:
        """The file's name, or both where they differ."""
        before, after = self.before.path, self.after.path
        return before if before == after else f"{before} and {after}"

    @property
    def histories(self) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """See the class."""
        before, after = self.before.history, self.after.history
        return ([], []) if before == after else (before, after)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.coefficients or self.fit or self.settings or self.data)

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain JSON."""
        return finite(
            {
                "before": self.before.path,
                "after": self.after.path,
                "coefficients": [row._asdict() for row in self.coefficients],
                "movement": None if self.movement is None else self.movement.to_dict(),
                "unexplained": self.unexplained or None,
                **{name: cards(getattr(self, name)) for name in ("fit", "settings", "data")},
                "same_rows": self.same_rows,
                "histories": self.histories,
            }
        )


def cards(found: list[Change]) -> list[dict[str, Any]]:
    """Changes as plain JSON."""
    return [change._asdict() for change in found]


def changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[Change]:
    """What differs between two records, in the order of their names; numbers that rounding may tell apart do not."""
    names = dict.fromkeys([*before, *after])
    found = (Change(name, before.get(name), after.get(name)) for name in names)
    return [change for change in found if not is_same(change.before, change.after)]


def is_same(before: Any, after: Any) -> bool:
    """Whether two values are the same, numbers to within rounding."""
    if isinstance(before, float) and isinstance(after, float):
        return abs(before - after) <= _EQUAL * max(abs(before), abs(after))
    return before == after


def difference(before: Fitted, after: Fitted, average: bool) -> ModelDifference:
    """What differs between two models; `average` as in `movement`."""
    found, unexplained = None, ""
    if before.model is None or after.model is None:
        unexplained = "a model was committed without its moments"
    else:
        try:
            found = movement(before.model, after.model, average=average)
        except GradlineError as error:
            unexplained = str(error).rstrip(".")
    marks = before.about["fingerprint"], after.about["fingerprint"]
    same_rows = (marks[0] is not None and marks[0] == marks[1]) or None
    if found is not None:
        same_rows = found.are_same_rows
    moved = list(_plainly(before, after) if found is None else _explained(before, after, found))
    return ModelDifference(
        before=before,
        after=after,
        coefficients=sorted(moved, key=_importance, reverse=True),
        movement=found,
        unexplained=unexplained,
        fit=changes(before.fit, after.fit),
        settings=changes(before.settings, after.settings),
        data=_of_data(before, after, same_rows),
        same_rows=same_rows,
    )


def _of_data(before: Fitted, after: Fitted, same_rows: bool | None) -> list[Change]:
    """What differs in the data: columns that came or went are named, not told by their ranges."""
    old, new = before.data, after.data
    if same_rows:  # the fingerprint is of the columns in use too
        del old["fingerprint"], new["fingerprint"]
    features = [set(side.pop("features")) for side in (old, new)]
    shared = [
        {name: value for name, value in side.items() if name in old and name in new} for side in (old, new)
    ]
    lost, gained = (sorted(one - other) for one, other in (features, features[::-1]))
    columns = [Change("columns", listed(lost) or None, listed(gained) or None)] if lost or gained else []
    return [*columns, *changes(shared[0], shared[1])]


def _explained(before: Fitted, after: Fitted, found: Movement) -> Iterator[Coefficient]:
    """The coefficients of the common targets that moved, each with its parts, in one coding of text columns."""
    change, names = found.change_stderr, (None, *found.features)
    parts = {part.name: Coefficients(part.weight, part.bias) for part in found.parts}
    for j, target in enumerate(found.targets):
        for i, feature in enumerate(names):
            old = _at(found.before, j, i) if _has(before, feature, found.only_after) else None
            new = _at(found.after, j, i) if _has(after, feature, found.only_before) else None
            if not is_same(old, new):
                moved = {name: _at(pair, j, i) for name, pair in parts.items()}
                units = _at(change, j, i)
                yield Coefficient(target, feature, old, new, units if math.isfinite(units) else None, moved)


def _has(fitted: Fitted, feature: str | None, lacking: frozenset[str]) -> bool:
    return fitted.about["bias"] if feature is None else feature not in lacking


def _at(pair: Coefficients, j: int, i: int) -> float:
    """The figure of target j for the i-th coefficient, the bias first."""
    values = pair.bias if i == 0 else pair.weight[:, i - 1]
    return math.nan if values is None else float(values[j])


def _plainly(before: Fitted, after: Fitted) -> Iterator[Coefficient]:
    """The coefficients that differ, where nobody knows why."""
    for change in changes(before.coefficients, after.coefficients):
        target, feature = change.what
        yield Coefficient(target, feature, change.before, change.after, None, None)


def _importance(row: Coefficient) -> tuple[float, float]:
    """Standard errors first; without them the change relative to the coefficient."""
    old, new = row.before or 0.0, row.after or 0.0
    relative = abs(new - old) / (max(abs(old), abs(new)) or 1.0)
    return (abs(row.stderr or 0.0), relative)
