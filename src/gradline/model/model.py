"""LinearModel: coefficients with their design and their proof, and the one file that holds them all."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast, get_type_hints, overload

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.core.derived import Derived, cached_property
from gradline.core.errors import (
    DataError,
    ModelFileError,
    Notice,
    UsageError,
)
from gradline.core.linalg.refined import Figures
from gradline.core.provided import Provided
from gradline.core.tensor_file import (
    damaged,
    digest,
    expect_card,
    expect_shapes,
    read_tensors,
    write_tensors,
)
from gradline.core.text import listed
from gradline.data.asked_rows import checked_matrix, offering_base, rows_to_predict
from gradline.data.design import DesignSpec
from gradline.data.inputs import is_array, open_table, rows_by
from gradline.data.notation import Text
from gradline.model import as_at_training
from gradline.model.certificate import Certificate, finite
from gradline.model.choice import Choice, fault_of_choice
from gradline.model.coefficient_table import Errors
from gradline.model.inference.inference import OTHER_LOSS, PENALISED, Inference, infer
from gradline.model.judge import Judged
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.own_units import in_own_units
from gradline.model.summary import summary
from gradline.moments.state import Moments
from gradline.solvers import Record
from gradline.solvers.losses import SQUARED, Loss, loss_of
from gradline.solvers.penalties import NONE, ElasticNet, Penalty


class Evaluation(NamedTuple):
    """How well a model predicts some rows: losses as in training, one RMSE and R² for each target."""

    rows: int
    dropped: int
    loss: float
    rmse: list[float]
    r2: list[float | None]


class Predictions(NamedTuple):
    """Predictions (n, m) for a batch of rows: NaN where a feature was missing. `inputs` is X (n, p).

    `margins` (n, m), where an interval was asked for: it reaches from values − margins to values + margins. `kept` is
    a frame of the columns of the table that were asked for. `unseen`
    counts by column the rows with a level that training did not see, where they are let through.
    """

    values: np.ndarray
    inputs: np.ndarray
    margins: np.ndarray | None = None
    kept: Any = None  # a polars frame of the columns to keep, as text
    unseen: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class History(Sequence[Record]):
    """The losses of training: every epoch up to a thousand, then a thousand at logarithmic distances."""

    records: tuple[Record, ...]

    def __getitem__(self, i: Any) -> Any:
        return self.records[i]

    def __len__(self) -> int:
        return len(self.records)

    def _repr_html_(self) -> str:
        step = max(1, len(self) // 20)
        shown = [*self.records[:-1:step], *self.records[-1:]]
        rows = "".join(f"<tr><td>{r.epoch:,}</td><td>{r.loss:.6g}</td></tr>" for r in shown)
        return f"<table><tr><th>epoch</th><th>loss</th></tr>{rows}</table>"


class _Certificate:
    """The field `certificate` of `LinearModel`: given as one, or as a judge, who finds it when it is asked for."""

    @overload
    def __get__(self, model: None, owner: type) -> "_Certificate": ...
    @overload
    def __get__(self, model: "LinearModel", owner: type) -> Certificate: ...
    def __get__(self, model: "LinearModel | None", owner: type) -> "Certificate | _Certificate":
        if model is None:
            raise AttributeError("certificate")  # so that the field has no default
        return model.verdict if isinstance(model.verdict, Certificate) else model.verdict.certificate

    def __set__(self, model: "LinearModel", value: Certificate | Judged | PenalisedJudge) -> None:
        model.__dict__["_verdict"] = value


_CERTIFICATE = cast(Certificate, _Certificate())  # as which it is read


@dataclass(frozen=True, eq=False)
class LinearModel(Derived):
    """ŷ = x @ weightᵀ + bias, with everything that belongs to it.

    - `weight` (m, p) and `bias` (m,) as in `nn.Linear`, in raw units, float64.
    - `design`: how a table becomes X; columns are matched by name.
    - `certificate`: what is known for sure about the coefficients; `history`: the losses of training.
    - `moments`: the state of the training rows, from which intervals and trajectories follow.
    - `solver` and `params`: what trained it; `config`: what reproduces it; `seconds` that it took,
      not kept in the file, so that the same fit writes the same file.
    - `holdout`: the evaluation on held-out rows, if any were; `notices`: what the user should know.
    - `figures`: what standard errors need, to rounding, where the rows were few enough to be refined.
    - `smearing` (m, 2): means over the training residuals of transformed targets, which turn predictions back into
      means in their own units; None where no target is transformed.
    - `penalty`: what was added to the loss, on the weights of the `scale`; `choice`: how its alpha was chosen, where it
      was by cross-validation; `loss`: what was averaged over the cells.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> model.features, model.targets
    (('temp', 'rainfall', 'humidity'), ('apples', 'oranges'))
    >>> model.predict({"temp": [75], "rainfall": [63], "humidity": [44]}).round(2)
    array([[53.8 , 66.81]])
    >>> model.inference.weight_stderr.round(3)
    array([[0.028, 0.014, 0.036],
           [0.025, 0.012, 0.032]])
    """

    weight: np.ndarray
    bias: np.ndarray
    has_bias: bool
    design: DesignSpec
    moments: Moments
    solver: str
    settings: Mapping[str, Any]
    scale: str
    history: History
    config: Mapping[str, Any]
    certificate: Certificate = _CERTIFICATE
    seconds: float | None = None
    holdout: Evaluation | None = None
    figures: Figures | None = None
    smearing: np.ndarray | None = None
    penalty: Penalty = NONE
    loss: Loss = SQUARED
    choice: Choice | None = None
    notices: tuple[Notice, ...] = field(default=())

    plot = (
        Provided()
    )  # figures: `model.plot.coefficients()`, `model.plot.residuals(data)`; see `gradline.plots`
    to_torch = Provided()  # `to_torch(dtype=torch.float64)`: an `nn.Linear` with these coefficients
    from_torch = (
        Provided()
    )  # `LinearModel.from_torch(module, data, targets)`: the model of a module trained elsewhere

    @property
    def verdict(self) -> Certificate | Judged | PenalisedJudge:
        """The certificate, or who finds it: its `status` is known with less work."""
        return self.__dict__["_verdict"]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of X."""
        return self.design.features

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets."""
        return self.design.targets

    @property
    def coefficients(self) -> Coefficients:
        """Weight and bias as one, the bias None where the model has none."""
        return Coefficients(self.weight, self.bias if self.has_bias else None)

    @property
    def read(self) -> Text:
        """How the text files that it was trained on are written, as far as the fit was told."""
        try:
            return Text.of(self.config)
        except (UsageError, TypeError, AttributeError) as error:
            raise ModelFileError(
                "model-file-damaged",
                f"how the model reads text files cannot be: {error}",
                "fit the model again",
            ) from error

    @property
    def objective(self) -> str:
        """What was minimised, with its numbers."""
        m, rows = len(self.targets), self.moments.rows
        weights = f", weights summing to {self.moments.weight_sum:g}" if self.design.weights else ""
        loss = (
            f"{self.loss.mean} over {rows:,} rows × {m} target{'s' * (m > 1)}{weights}: "
            f"Σ{'w·' if weights else ''}{self.loss.term} / {m * self.moments.weight_sum:,.10g}"
        )
        if self.penalty.is_none:
            return f"{loss}{self.loss.meaning}"
        words = self.penalty.words()
        scale = ", w the weights of standardised columns" if self.scale == "standard" else ""
        return f"{loss}{words if words.startswith(',') else f' + {words}'}{scale}{self.loss.meaning}"

    @property
    def training(self) -> Evaluation:
        """How well it predicts the rows that it was trained on; the loss is that which was minimised."""
        found = evaluation(self.moments, self.weight, self.bias, self.has_bias)
        return found if self.loss.quadratic else found._replace(loss=self.certificate.loss)

    @cached_property
    def inference(self) -> Inference:
        """Standard errors, t, p, intervals, F, likelihood and VIF, with row weights as the fit was told they are."""
        return self.infer()

    def infer(self, weights_are: str | None = None) -> Inference:
        """`inference` with row weights taken as "counts", "precision" or "sampling"; None: as was said at the fit.

        Raises `UsageError` for another word.
        """
        status = self.verdict.status
        meaning = self.moments.weights_are if weights_are is None else weights_are
        refusal = OTHER_LOSS if not self.loss.quadratic else None if self.penalty.is_none else PENALISED
        return infer(self.moments, self.coefficients, self.targets, status, meaning, self.figures, refusal)

    def evaluate(
        self,
        data: Any,
        targets: Any = None,
        *,
        missing: str = "error",
        unseen: str = "error",
        read: Text | None = None,
    ) -> Evaluation:
        """How well it predicts other rows: a table with the same columns, a frame X and Y, or arrays X and Y.

        The loss is the mean squared error, whatever was minimised. R² compares with the mean of those rows (with zero
        in a model without a bias). Rows are weighted where the table has the column of weights. `missing`, `unseen`,
        `read` as in `predict`, but incomplete rows are left out.
        """
        if is_array(data):
            moments = Moments.of(checked_matrix(self.design, data), targets, missing=missing)
        else:
            source = open_table(data, read or self.read)
            design = self.design.without_weights_beyond(source)
            with offering_base():
                moments = Moments.from_rows(rows_by(design, source, missing, unseen, targets=targets))
        if moments.rows == 0:
            raise DataError(
                "no-complete-row", "no complete row is left to evaluate", "fill the missing cells"
            )
        return evaluation(moments, self.weight, self.bias, self.has_bias)

    def predict(
        self,
        data: Any,
        *,
        missing: str = "error",
        unseen: str = "error",
        interval: float | None = None,
        of: str = "new",
        read: Text | None = None,
        own_units: str | None = None,
    ) -> np.ndarray:
        """Predictions (n, m) for a table with the model's features, or for an array X (n, p).

        `missing="drop"` gives NaN for rows with missing cells, so that rows stay aligned; `unseen="base"` takes an
        unknown level for the base level, and `unseen="missing"` for a missing cell. `read` is how text files are
        written, by default as those of the fit, and which rows are read, by default all.
        With `interval`, such as 0.95, (3, n, m): prediction, lower and
        upper bound, between which the y of a new row of weight one lies with that probability, if a line suits
        the data and errors are normal, independent and alike;
        `of="mean"` bounds what such rows have on average. Of a transformed target, `log(price)`, predictions are
        logarithms; `own_units="median"` inverts the function, and `"mean"` also averages over the training residuals
        (smearing, Duan 1983). Raises `DataError` for a missing column,
        `UnseenLevelError`, `MissingValuesError` for missing cells, `RequestError` where no interval is known.
        """
        if interval is not None and own_units == "mean":
            raise UsageError(
                "interval-in-own-units",
                "bounds hold a new row's target, turned back one by one, and no mean of them",
                'ask for the median: own_units="median"',
            )
        batches = list(
            self.predictions(data, missing=missing, unseen=unseen, interval=interval, of=of, read=read)
        )
        empty = np.zeros((0, len(self.targets)))
        values = np.concatenate([batch.values for batch in batches] or [empty])
        if interval is None:
            return values if own_units is None else self.in_own_units(values, own_units)
        margins = np.concatenate([batch.margins for batch in batches if batch.margins is not None] or [empty])
        if own_units is not None:
            return np.stack([self.in_own_units(values, own_units), *self.own_bounds(values, margins)])
        return np.stack([values, values - margins, values + margins])

    def in_own_units(self, values: np.ndarray, way: str) -> np.ndarray:
        """Predictions (n, m) of transformed targets as medians or means in the units of their columns: `predict`."""
        return in_own_units(self.design, values, way, self.smearing)

    def own_bounds(self, values: np.ndarray, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lower and upper bounds (n, m) of predictions, in the units of the targets' columns."""
        low, high = (self.in_own_units(bound, "median") for bound in (values - margins, values + margins))
        swap = low > high  # as where the function decreases
        return np.where(swap, high, low), np.where(swap, low, high)

    def predictions(
        self,
        data: Any,
        *,
        missing: str = "error",
        unseen: str = "error",
        interval: float | None = None,
        of: str = "new",
        keep: Sequence[str] = (),
        read: Text | None = None,
    ) -> Iterator[Predictions]:
        """`predict` batch by batch, for tables larger than memory, with the columns of a table to `keep`."""
        if read is None and not is_array(data):
            source = open_table(data, self.read.of_all_rows)
            if source is not data:  # where they are one, whoever opened it has looked
                as_at_training.notes(self, source)
            data = source
        weights = self.weights_of_intervals if interval is not None and of == "new" else None
        for rows in rows_to_predict(
            self.design, data, missing, unseen, read or self.read.of_all_rows, keep, weights
        ):
            values = rows.X @ self.weight.T + self.bias
            margins = None if interval is None else self.inference.margin(rows.X, interval, rows.w, of)
            yield Predictions(values, rows.X, margins, rows.kept, rows.unseen)

    @property
    def weights_of_intervals(self) -> str | None:
        """The column that says how precise a new row is, of which an interval takes account; None without one."""
        return self.design.weights if self.inference.weights_are == "precision" else None

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: coefficients, moments and a card; no rows, no code.

        The card holds the sha256 of the tensors, which `gradline.verify` compares; `load` takes edited ones.
        `nn.Linear(p, m).load_state_dict(load_file(path), strict=False)` takes its weight and bias.
        """
        moments = {f"moments.{name}": tensor for name, tensor in self.moments.tensors().items()}
        figures = {} if self.figures is None else self.figures._asdict()
        refined = {f"figures.{name}": tensor for name, tensor in figures.items()}
        smeared = {} if self.smearing is None else {"smearing": self.smearing}
        tensors = {"weight": self.weight, "bias": self.bias, **moments, **refined, **smeared}
        write_tensors(path, tensors, self._to_dict())

    def _to_dict(self) -> dict[str, Any]:
        return finite(
            {
                "kind": "model",
                "has_bias": self.has_bias,
                "recipe": self.design.to_dict(),
                "moments": self.moments.to_dict(),
                "certificate": self.certificate.to_dict(),
                "solver": self.solver,
                "settings": dict(self.settings),
                "scale": self.scale,
                "history": [list(record) for record in self.history],
                "config": dict(self.config),
                "holdout": None if self.holdout is None else self.holdout._asdict(),
                **({} if self.penalty.is_none else {"penalty": self.penalty.params()}),
                **({} if self.loss.quadratic else {"loss": self.loss.params()}),
                **({} if self.choice is None else {"choice": self.choice.to_dict()}),
            }
        )

    def _repr_html_(self) -> str:
        import html  # noqa: PLC0415 - see `Certificate`

        return f"<pre>{html.escape(self.summary())}</pre>"

    def summary(self, brief: bool = False, level: float = 0.95, errors: Errors | None = None) -> str:
        """Coefficients with standard errors, t, p and intervals at the `level`, fit and certificate, as text.

        `brief` leaves out all beside the coefficients; models that have no standard errors say why. `errors` are others
        than the plain ones.
        """
        return summary(self, self.inference, brief, level, errors)

    def __repr__(self) -> str:
        return f"LinearModel({listed(self.features)} → {listed(self.targets)}, {self.certificate.status})"


def load(path: str | Path) -> LinearModel:
    """Read a model that `LinearModel.save` wrote.

    Tensors that were edited since are taken as they are: `gradline.verify` tells them from those that were saved.
    Raises `FileError` when there is no such file, `ModelFileError` when it is damaged, newer or foreign.

    >>> import gradline
    >>> model = gradline.fit("example:crops", ["apples", "oranges"])
    >>> model.save("crops.safetensors")
    >>> bool((gradline.load("crops.safetensors").weight == model.weight).all())
    True
    """
    tensors, card = read_tensors(path, "model")
    prefix = "moments."
    inner = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    if not inner:
        raise ModelFileError(
            "model-file-without-moments",
            f"{path} holds weight and bias alone: it was recorded without its moments",
            "fit it again, or load the two with safetensors",
        )
    from gradline.model.card import SETTINGS, ModelCard  # noqa: PLC0415 - msgspec, only where a file is read

    expect_card(path, card, ModelCard)
    expect_card(path, card["settings"], SETTINGS[card["solver"]], "its settings")
    if odd := set(card["settings"]) - set(get_type_hints(SETTINGS[card["solver"]])):
        raise damaged(path, f"{card['solver']} has no setting {min(odd)}")
    moments = Moments.from_tensors(path, inner, card["moments"])
    fault = _fault_between(card, moments)
    if fault is not None:
        raise damaged(path, f"in its card, {fault}")
    m, p = moments.m, moments.p
    shapes = {"weight": (m, p), "bias": (m,)}
    if any(name.startswith("figures.") for name in tensors):
        shapes |= {"figures.squares": (m,), "figures.variances": (p + card["has_bias"],)}
    if "smearing" in tensors:
        shapes["smearing"] = (m, 2)
        if not moments.design.transforms:
            raise damaged(path, "it has a tensor smearing, and no target is transformed")
    expect_shapes(path, tensors, shapes)
    if not card["has_bias"] and tensors["bias"].any():
        raise damaged(path, "it has a bias, and its card says that there is none")
    figures = [tensors[f"figures.{name}"] for name in Figures._fields if f"figures.{name}" in tensors]
    return LinearModel(
        weight=tensors["weight"],
        bias=tensors["bias"],
        has_bias=card["has_bias"],
        design=moments.design,
        moments=moments,
        certificate=Certificate.from_dict(card["certificate"]),
        solver=card["solver"],
        settings=card["settings"],
        scale=card["scale"],
        history=History(tuple(_record(*numbers) for numbers in card["history"])),
        config=card["config"],
        holdout=None if card["holdout"] is None else _evaluation(card["holdout"]),
        figures=Figures(*figures) if figures else None,
        smearing=tensors.get("smearing"),
        penalty=ElasticNet.of(card.get("penalty", {})),
        loss=loss_of(card.get("loss", {})),
        choice=Choice.from_dict(card["choice"]) if "choice" in card else None,
    )


def _fault_between(card: Mapping[str, Any], moments: Moments) -> str | None:
    """What does not go together in a card whose types are right; None where all does."""
    m, p = moments.m, moments.p
    if card["recipe"] != card["moments"]["recipe"]:
        return "recipe: its moments have other columns"
    if not moments.rows:
        return "moments.rows: there is none"
    matrices, vectors = ("weight_error", "weight_error_stderr"), ("bias_error", "bias_error_stderr")
    certificate = card["certificate"]
    for name in matrices:
        if certificate[name] is not None and [len(row) for row in certificate[name]] != [p] * m:
            return f"certificate.{name}: it is not {m} × {p}"
    for name in vectors:
        if certificate[name] is not None and len(certificate[name]) != m:
            return f"certificate.{name}: it has not {m} numbers"
    if len(certificate["determined"]) != p:
        return f"certificate.determined: it has not {p} of them"
    if card["holdout"] is not None and not len(card["holdout"]["rmse"]) == len(card["holdout"]["r2"]) == m:
        return f"holdout: it has not {m} rmse and r2"
    if not card["has_bias"] and certificate["bias_error_stderr"] is not None:
        return "certificate.bias_error_stderr: there is no bias"
    if "choice" in card and (fault := fault_of_choice(card["choice"])):
        return fault
    epochs = [numbers[0] for numbers in card["history"]]
    if not all(isinstance(epoch, int) and epoch >= 0 for epoch in epochs) or epochs != sorted(set(epochs)):
        return "history: its epochs are not whole numbers that rise"
    return None


def _record(epoch: int, loss: float | None, holdout: float | None = None) -> Record:
    return Record(epoch, _number(loss), holdout)


def _evaluation(card: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        card["rows"], card["dropped"], _number(card["loss"]), [*map(_number, card["rmse"])], card["r2"]
    )


def _number(known: float | None) -> float:
    """The number; NaN for null, which is what a card has for it."""
    return math.nan if known is None else known


def digests(path: str | Path) -> tuple[str | None, str]:
    """The sha256 of the tensors as a model's file has it from its saving, None in older files, and as they are."""
    tensors, card = read_tensors(path, "model")
    return card.get("tensors"), digest(tensors)


def evaluation(moments: Moments, weight: np.ndarray, bias: np.ndarray, has_bias: bool) -> Evaluation:
    """How well coefficients predict the rows behind the moments."""
    squares, variation = moments.squares(weight, bias), moments.variation(has_bias)
    return Evaluation(
        moments.rows,
        moments.statistics.dropped,
        float(squares.sum() / (moments.m * moments.weight_sum)),
        np.sqrt(squares / moments.weight_sum).tolist(),
        [float(1 - s / v) if v > 0 else None for s, v in zip(squares, variation, strict=True)],
    )
