"""What a report says of a model, as words, cells and tables; each number has its place in `gradline show --json`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np

from gradline.core.text import big, listed, percent
from gradline.data.design import Category
from gradline.model.inference.inference import Inference
from gradline.model.model import LinearModel
from gradline.model.status import Status
from gradline.model.verify.claims import Verification
from gradline.pages.labels import Labels

MOST_NAMES = 50  # in one list; the others are counted
MOST_TERMS = 10  # of an equation that is written out

_COEFFICIENT = ("coefficient", ".7g", "{part}.{place}")
_UNCERTAINTY = (
    ("std. error", ".4g", "inference.{part}_stderr.{place}"),
    ("t", ".4g", "inference.{part}_t.{place}"),
    ("p", ".3g", "inference.{part}_p_value.{place}"),
    ("95 % from", ".5g", "inference.{part}_interval.{place}.0"),
    ("to", ".5g", "inference.{part}_interval.{place}.1"),
)
_DISTANCE = (("from its best value, at most", ".3g", "certificate.{part}_error.{place}"),)
_FIT = (
    ("RMSE", ".6g", "rmse"),
    ("R²", ".6f", "r2"),
    ("adjusted R²", ".6f", "inference.adjusted_r2"),
    ("residual standard error", ".6g", "inference.residual_stderr"),
    ("F", ".6g", "inference.F"),
    ("p of F", ".3g", "inference.F_p_value"),
    ("log-likelihood", ".6g", "inference.log_likelihood"),
    ("AIC", ".6g", "inference.aic"),
    ("BIC", ".6g", "inference.bic"),
)
_LOSS = (
    ("loss", ".7g", "certificate.loss"),
    ("best possible loss", ".7g", "certificate.optimal_loss"),
    ("how far the loss is above it", ".3g", "certificate.gap"),
)
_SUM = (
    ("loss", ".7g", "certificate.loss"),
    ("penalty", ".7g", "certificate.penalty"),
    ("least possible sum of the two", ".7g", "certificate.optimal_loss"),
    ("how far the sum is above it, at most", ".3g", "certificate.gap"),
)
_CERTIFICATE = (
    ("size of the gradient (its norm), 0 at the best", ".3g", "certificate.gradient_norm"),
    ("sure digits of the least certain coefficient", ".1f", "certificate.digits"),
    ("independent columns (their rank)", "d", "certificate.rank"),
    ("condition number as given", ".4g", "certificate.condition"),
    ("condition number after standardising", ".4g", "certificate.condition_scaled"),
    ("largest stable learning rate", ".4g", "certificate.lr_limit"),
    ("epochs until the loss is within 1 % of the best possible", ".4g", "certificate.epochs_to_loss"),
    ("epochs until the slowest error has shrunk a thousandfold", ".4g", "certificate.epochs_to_weights"),
)

_PACE = ("share", "half_life")


class Cell(NamedTuple):
    """A number as it is shown, its full value, and its place in the JSON of `gradline show`; or mere words."""

    text: str
    value: float | None = None
    key: str | None = None

    @property
    def json(self) -> str:
        """The full value as JSON writes it."""
        return json.dumps(self.value)


class Row(NamedTuple):
    """A line of a table: what it is about, and its cells."""

    name: str
    cells: list[Cell]


class Table(NamedTuple):
    """What a table shows, the heads of its columns, that of the names first, and its rows."""

    caption: str
    head: list[str]
    rows: list[Row]


class Term(NamedTuple):
    """A summand of an equation: its sign, the size of its coefficient, and its feature; the bias has none."""

    sign: str
    cell: Cell
    feature: str | None


class Base(NamedTuple):
    """A text column in treatment coding: the level that the coefficients of the others are compared with."""

    column: str
    base: str
    others: str


def cell(value: float | None, form: str, key: str | None = None) -> Cell:
    """A number in a format; what is no number as a dash."""
    if value is None or math.isnan(value):
        return Cell("–", None, key)
    if math.isinf(value):
        return Cell("∞" if value > 0 else "−∞", None, key)
    return Cell(f"{value:{form}}", value, key)


@dataclass(frozen=True, eq=False)
class Account:
    """A model in the terms of the page, its columns called by their labels."""

    model: LinearModel
    labels: Labels = Labels()  # noqa: RUF009 - it is frozen

    @property
    def inference(self) -> Inference:
        """What is told of the uncertainty, row weights taken as the fit was told."""
        return self.model.inference

    @cached_property
    def to_dict(self) -> dict[str, Any]:
        """The numbers by the names that `gradline show --json` gives them."""
        model, training = self.model, self.model.training
        return {
            "weight": model.weight.tolist(),
            "bias": model.bias.tolist(),
            "rows": model.moments.rows,
            "dropped": model.moments.statistics.dropped,
            "loss": training.loss,
            "rmse": training.rmse,
            "r2": training.r2,
            "certificate": model.certificate.to_dict(),
            "inference": self.inference.to_dict() | self.inference.tests(),
            "holdout": None if model.holdout is None else model.holdout._asdict(),
        }

    def number(self, key: str, form: str) -> Cell:
        """The number at a place such as `inference.weight_t.0.2`; a dash where the model has none."""
        return cell(reduce(_part, key.split("."), self.to_dict), form, key)

    def equation(self, j: int) -> list[Term]:
        """ŷ of target j, term by term, the bias first where there is one; the first `MOST_TERMS` of them."""
        names: list[tuple[str | None, str]] = [(None, f"bias.{j}")] if self.model.has_bias else []
        names += [(name, f"weight.{j}.{i}") for i, name in enumerate(self.model.features)]
        terms = []
        for i, (name, key) in enumerate(names[:MOST_TERMS]):
            shown = self.number(key, ".6g")
            negative = shown.text[0] in "-−"
            sign = "−" if negative else "+" if i else ""
            terms.append(Term(sign, shown._replace(text=shown.text[negative:]), name))
        return terms

    def coefficients(self, j: int, robust: tuple[str, np.ndarray] | None = None) -> Table:
        """Of target j with their uncertainty, or, where inference is refused, their distance from the optimum.

        `robust` are other standard errors (m, bias + p) by their name, which stand beside the plain ones.
        """
        known = self.inference.estimates is not None
        columns = [_COEFFICIENT, *(_UNCERTAINTY if known else _DISTANCE)]
        rows = [self._coefficient("bias", "bias", f"{j}", columns)] if self.model.has_bias else []
        for i, name in enumerate(self.model.features):
            rows.append(
                self._coefficient('"bias"' if name == "bias" else name, "weight", f"{j}.{i}", columns)
            )
        head = ["", *(column[0] for column in columns)]
        if known:
            inflation = [self.number(f"inference.vif.{i}", ".4g") for i in range(len(self.model.features))]
            for row, shown in zip(rows, [*([Cell("")] * self.model.has_bias), *inflation], strict=True):
                row.cells.append(shown)
            head.append("VIF")
        if known and robust is not None:
            name, errors = robust
            for row, error in zip(rows, errors[j].tolist(), strict=True):
                row.cells.append(cell(error, ".4g"))
            head.append(f"{name} error")
        return Table(f"Coefficients of {self.model.targets[j]}, in the units of the columns", head, rows)

    def _coefficient(self, name: str, part: str, place: str, columns: list[tuple[str, str, str]]) -> Row:
        return Row(name, [self.number(key.format(part=part, place=place), form) for _, form, key in columns])

    def fit(self, j: int) -> list[Row]:
        """How well target j is fitted, as far as there are figures."""
        return self._known([(name, form, f"{key}.{j}") for name, form, key in _FIT])

    def held_out(self, j: int) -> list[Row]:
        """How well target j of the rows that were held out is predicted; nothing where none were."""
        figures = (("RMSE, held out", ".6g", "rmse"), ("R², held out", ".6f", "r2"))
        return self._known([(name, form, f"holdout.{key}.{j}") for name, form, key in figures])

    def certificate(self) -> list[Row]:
        """The figures of the certificate, as far as it has them."""
        return self._known((*(_LOSS if self.model.penalty.is_none else _SUM), *_CERTIFICATE))

    def _known(self, figures: Any) -> list[Row]:
        rows = [Row(name, [self.number(key, form)]) for name, form, key in figures]
        return [row for row in rows if row.cells[0].value is not None]

    def directions(self) -> Table | None:
        """What is left of the gap, by direction, where training was stopped."""
        directions = self.model.certificate.directions
        if self.model.certificate.status is not Status.STOPPED or not directions:
            return None
        rows = []
        for i, direction in enumerate(directions):
            share, half_life = (self.number(f"certificate.directions.{i}.{name}", ".3g") for name in _PACE)
            if half_life.value is not None:
                half_life = half_life._replace(text=big(half_life.value))
            rows.append(Row(direction.columns, [share._replace(text=percent(direction.share)), half_life]))
        return Table(
            "What is still to lose, by the weights that must change; what hardly changes predictions is learned last",
            ["weights", "share of it", "epochs in which the error halves"],
            rows,
        )

    @property
    def bases(self) -> list[Base]:
        """The base level of each text column."""
        terms = [term for term in self.model.design.terms if isinstance(term, Category)]
        return [Base(term.column, term.levels[0], listed(term.levels[1:], MOST_NAMES)) for term in terms]

    def columns(self) -> Table:
        """Mean, standard deviation (divisor W), range and missing cells of every column of X and Y."""
        moments = self.model.moments
        statistics, spread = (
            moments.statistics,
            np.linalg.norm(moments.factor, axis=0) / math.sqrt(moments.weight_sum),
        )
        sources = [term.columns for term in self.model.design.terms for _ in term.names]
        rows = []
        for i, (name, source) in enumerate(
            zip(
                (*moments.features, *moments.targets),
                (*sources, *((name,) for name in moments.targets)),
                strict=True,
            )
        ):
            figures = (statistics.mean[i], spread[i], statistics.minimum[i], statistics.maximum[i])
            lacking = sum(statistics.missing.get(column, 0) for column in source)
            missing = Cell(f"{lacking:,}", lacking)
            role = Cell("feature" if i < moments.p else "target")
            rows.append(Row(name, [role, *(cell(float(value), ".6g") for value in figures), missing]))
        head = ["", "role", "mean", "standard deviation", "least", "largest", "missing"]
        return Table("Columns of the model", head, rows)

    def dictionary(self) -> Table | None:
        """What the columns of the table are called and mean; None where nobody told."""
        told = self.labels
        names = [name for name in self.model.design.columns if name in told.entries]
        rows = [
            Row(name, [Cell(told.of(name)), Cell(told.unit(name)), Cell(told.about(name))]) for name in names
        ]
        return Table("What the columns are", ["column", "label", "unit", "meaning"], rows) if rows else None


def _part(value: Any, name: str) -> Any:
    """One step into plain data; None stays None."""
    if value is None:
        return None
    return value[name] if isinstance(value, Mapping) else value[int(name)]


def checks(outcome: Verification) -> Table:
    """Each claim of a model against the rows."""
    rows = [
        Row(c.name, [Cell(c.claimed), Cell(c.found), Cell("agrees" if c.agrees else "DISAGREES")])
        for c in outcome.checks
    ]
    return Table("What the model claims, and what the rows say", ["claim", "claimed", "found", ""], rows)


def fit_command(config: Mapping[str, Any]) -> list[str]:
    """The words of the `gradline fit` that the options of a model describe; DATA where they do not name the data."""
    words = ["gradline", "fit", config.get("data", "DATA")]
    for name, value in config.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "data" or value is None:
            continue
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, (list, tuple)):
            words += [word for part in value for word in (_SINGULAR.get(flag, flag), part)]
        else:
            words += [flag, str(value)]
    return words


_SINGULAR = {"--targets": "-t", "--features": "-f"}
