"""The classic mistakes of a training loop, one row each: what is wrong in the code, and why in numbers."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.text import big, counted, listed, number
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.setup import Setup
from gradline.pytorch.lessons.steps import Update
from gradline.pytorch.lessons.ways import STEPS, WAYS, Way
from gradline.solvers.best_rate import best_rate
from gradline.solvers.problem import Problem, Scaling, stacked
from gradline.solvers.spectrum import Spectrum
from gradline.solvers.trajectory import Trajectory

Edit = Mapping[str, str]  # part of a way → the code that stands there instead
_TORCH = ("autograd", "module", "builtin", "batches")
_BUILT = ("module", "builtin", "batches")


class PairedRuns(NamedTuple):
    """A lesson with its mistake, and the mended one beside it: their steps and the losses that they report.

    Losses begin with the one before training; a loop that an error stopped has fewer.
    """

    mistake: "Mistake | None"
    lesson: Setup
    mended: Setup
    wrong: Sequence[Update]
    right: Sequence[Update]
    wrong_losses: Sequence[float]
    right_losses: Sequence[float]

    @property
    def cause(self) -> str:
        """The cause of the mistake, in numbers."""
        return self.mistake.cause(self) if self.mistake else ""

    def lines(self) -> list[str]:
        """The lines that differ: those of the mistake behind −, those that mend it behind +."""
        changed: list[str] = []
        for part in ("data", "model", *STEPS, "report"):
            before, after = getattr(self.lesson.way, part), getattr(self.mended.way, part)
            lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
            changed += [f"− {line[2:]}" for line in lines if line[0] == "-"]
            changed += [f"+ {line[2:]}" for line in lines if line[0] == "+"]
        if self.lesson.lr != self.mended.lr:
            changed += [f"− lr = {self.lesson.lr:g}", f"+ lr = {self.mended.lr:g}"]
        return changed


@dataclass(frozen=True)
class Mistake:
    """A mistake: the edit that makes it in each way that can make it, and its cause in numbers.

    `mend` is the edit that takes it away; None where the way as it stands is right. `rate` and `mended_rate`
    choose the learning rate from the lesson, where the mistake is about the rate. `one_target` says that it
    needs a single target, `least_rows` how many rows, and `climbs` that each update raises the loss.
    """

    name: str
    title: str
    wrong: Mapping[str, Edit]
    cause: Callable[[PairedRuns], str]
    mend: Mapping[str, Edit] = field(default_factory=dict)
    rate: Callable[[Setup], float] | None = None
    mended_rate: Callable[[Setup], float] | None = None
    one_target: bool = False
    least_rows: int = 1
    climbs: bool = False

    def expect(self, by: str, rows: int, targets: int) -> None:
        """Refuse a way or data with which nobody can make this mistake. Raises `RequestError`."""
        if rows < self.least_rows:
            raise RequestError(
                "mistake-needs-rows",
                f"the mistake {self.name} needs {self.least_rows} rows, not {rows}",
                "give more rows",
            )
        if by not in self.wrong:
            raise RequestError(
                "mistake-not-in-this-way",
                f"the mistake {self.name} cannot be made by {by}",
                f"choose by {listed(self.wrong)}",
            )
        if self.one_target and targets != 1:
            raise RequestError(
                "mistake-needs-one-target",
                f"the mistake {self.name} needs one target, and there are {targets}",
                "name one with -t COLUMN",
            )

    def made(self, way: Way) -> Way:
        """The way with the mistake in it."""
        return replace(way, **self.wrong[way.name])

    def mended(self, way: Way) -> Way:
        """The way without it."""
        return replace(way, **self.mend.get(way.name, {}))


def _zero_grad(run: PairedRuns) -> str:
    first, second = run.wrong[0], run.wrong[min(1, len(run.wrong) - 1)]
    held, fresh = numbers(second.bias_gradient)[0], second.gradients()["formula"].bias[0]
    before = numbers(first.bias_gradient)[0]
    said = (
        f"backward() adds to what .grad holds: after update {second.update} bias.grad is "
        f"{before:.4f} + {fresh:.4f} = {held:.4f}, and the update uses the sum."
    )
    lesson = run.lesson
    if lesson.by == "batches":
        return f"{said} Gradients that are never reset are momentum 1.0: every old gradient keeps pushing."
    path = Trajectory(lesson.moments, lesson.lr, 1.0, lesson.start)
    epoch = run.wrong[-1].epoch
    return (
        f"{said} That is momentum 1.0 exactly: at epoch {epoch} gradient descent with momentum 1.0 has "
        f"loss {number(path.at(epoch).loss, 6)}, this loop {number(run.wrong_losses[-1], 6)}."
    )


def _no_grad(run: PairedRuns) -> str:  # noqa: ARG001
    return (
        "weight was a leaf that asks for gradients; `weight - lr * weight.grad` makes a new tensor, the result of an "
        "operation. backward() fills .grad of leaves only, so the next .grad is None."
    )


def _in_place(run: PairedRuns) -> str:  # noqa: ARG001
    return (
        "autograd records what is done to weight, and a leaf that it records must not change in place. "
        "torch.no_grad() keeps the update out of the record."
    )


def _shape(run: PairedRuns) -> str:
    n, Y = len(run.lesson.Y), run.lesson.Y
    best = Trajectory(run.lesson.moments, run.lesson.lr).optimal_loss
    return (
        f"predictions ({n}, 1) minus targets ({n},) broadcast to ({n}, {n}): {n * n:,} pairs instead of {n:,}. The "
        f"best that this loss knows is the mean of y, {number(float(Y.mean()), 5)}, for every row, with loss "
        f"{number(float(Y.var()), 5)}; the right loss can reach {number(best, 5)}."
    )


def _stale(run: PairedRuns) -> str:
    return (
        f"predictions were made before the update, so the loss reported after epoch 1 is the old one, "
        f"{number(run.wrong_losses[1], 6)}; predicted anew it is {number(run.right_losses[1], 6)}."
    )


def _rate(run: PairedRuns) -> str:
    lesson = run.lesson
    spectrum = Spectrum.of(lesson.moments)
    growth = spectrum.growth(lesson.lr)
    losses = run.wrong_losses
    seen = losses[-1] / losses[-2] if len(losses) > 2 and 0 < losses[-1] < np.inf else np.nan
    measured = f", and the last epoch's loss grew {number(seen)}×" if np.isfinite(seen) else ""
    return (
        f"lr {number(lesson.lr)} is above {number(spectrum.lr_limit())}, the largest stable rate of these rows: the "
        f"error grows {growth:,.1f}× per epoch, the loss {number(growth**2)}×{measured}."
    )


def _flat(run: PairedRuns) -> str:
    n, p = run.lesson.X.shape
    return (
        f"the model takes rows, ({n}, {p}); flattened, {n * p} numbers in one dimension are taken for a single row of "
        f"{n * p} features."
    )


def _raw(run: PairedRuns) -> str:
    lesson = run.lesson
    spectrum = Spectrum.of(lesson.moments)
    standard = Spectrum.of(Scaling.standard(lesson.moments, True).moments(lesson.moments))
    slow = Trajectory(lesson.moments, lesson.lr, 0.0, lesson.start).epochs_to_weights()
    return (
        f"the columns lie far from zero and have different spreads: the Hessian's condition is "
        f"{number(spectrum.condition**2)}, and the slowest error needs {big(slow)} epochs to shrink a thousandfold; on "
        f"columns of mean 0 and variance 1 the condition is {number(standard.condition**2)}."
    )


def _dtype(run: PairedRuns) -> str:
    return (
        f"the inputs are float64, weight and bias {run.lesson.dtype}: PyTorch multiplies only like with like."
    )


def _detach(run: PairedRuns) -> str:  # noqa: ARG001
    return (
        "detach() cuts the predictions off from the graph: requires_grad is False, grad_fn is None, and no path leads "
        "from the loss back to weight and bias."
    )


def _twice(run: PairedRuns) -> str:  # noqa: ARG001
    return (
        "backward() frees what the graph had saved, so it runs once per graph. With retain_graph=True it would run, "
        "and double the gradients, as if lr were twice as large."
    )


def _last_batch(run: PairedRuns) -> str:
    sizes = [len(step.rows) for step in run.wrong]
    off = [abs(w - r) / r for w, r in zip(run.wrong_losses[1:], run.right_losses[1:], strict=False) if r]
    return (
        f"the epoch's last batch has {sizes[-1]:,} of {len(run.lesson.X):,} rows: its loss, before its own update, is "
        f"{number(run.wrong_losses[-1], 6)}, that of all rows {number(run.right_losses[-1], 6)}; over the epochs "
        f"they differ by up to {max(off, default=0.0) * 100:.0f} %."
    )


def _sign(run: PairedRuns) -> str:
    before, after = run.wrong_losses[:2]
    return (
        f"the gradient points uphill, and adding it climbs: the first update takes the loss from {number(before, 6)} "
        f"to {number(after, 6)}, where subtracting takes it to {number(run.right_losses[1], 6)}."
    )


def _reset_early(run: PairedRuns) -> str:
    step = run.wrong[0]
    fresh, held = float(step.gradients()["formula"].bias[0]), step.bias_gradient
    told = "None" if held is None else number(float(numbers(held)[0]))
    return (
        f"the reset comes between the gradient and the update, so the update finds nothing: backward() had left "
        f"{number(fresh, 6)} in bias.grad, and the update found {told}. After {_updates(run)} the loss is still "
        f"{number(run.wrong_losses[-1], 6)}."
    )


def _other_model(run: PairedRuns) -> str:
    held = float(np.abs(numbers(run.wrong[-1].bias_gradient)).max())
    return (
        "the model was made anew after the optimiser, which still holds the parameters of the old one: step() moves "
        f"those, and nobody uses them. After {_updates(run)} the new model is where it began, with loss "
        f"{number(run.wrong_losses[-1], 6)}. Its gradients, which zero_grad() no longer reaches, have summed up to "
        f"{number(held)}."
    )


def _updates(run: PairedRuns) -> str:
    return counted(run.wrong[-1].update, "update")


def _leaf(run: PairedRuns) -> str:  # noqa: ARG001
    return (
        "weight is what .to() made of the tensor that asks for gradients: a result, no leaf. backward() fills .grad of "
        "leaves only, so weight.grad is None. On the CPU .to(device) alone returns the same tensor and hides the "
        "mistake; with copy=True it copies, as a move to a GPU does."
    )


def _frozen_bias(run: PairedRuns) -> str:
    lesson = run.lesson
    start = lesson.start[1]
    rest = lesson.Y - start
    found = np.linalg.lstsq(lesson.X, rest, rcond=None)[0]
    least = float(((rest - lesson.X @ found) ** 2).mean())
    best = Trajectory(lesson.moments, lesson.lr).optimal_loss
    where = ", ".join(number(float(value)) for value in start)
    return (
        f"the bias is never updated and stays at {where}: every plane then goes through one point. The least loss that "
        f"the weights alone can reach is {number(least, 5)}; with the bias it is {number(best, 5)}."
    )


def _decay(run: PairedRuns) -> str:
    lesson = run.lesson
    plain = Trajectory(lesson.moments, lesson.lr, init=lesson.start)
    pulled = replace(plain, weight_decay=_DECAY)
    return (
        f"weight decay adds {_DECAY} × the parameter to each gradient, a pull towards 0 on every weight and bias. "
        f"That is another problem (ridge): training ends at loss {number(pulled.end_loss, 5)} instead of "
        f"{number(plain.optimal_loss, 5)}, however long it runs."
    )


def _scaled_targets(run: PairedRuns) -> str:
    y, name = run.lesson.Y[:, 0], run.lesson.names.targets[0]
    return (
        "the model was trained on (y − mean) / standard deviation, so its predictions are in those units. Beside the "
        f"targets as they are the loss is {number(run.wrong_losses[-1], 5)}; scaled back (for {name} × "
        f"{number(float(y.std()), 4)} + {number(float(y.mean()), 4)}) the same predictions have loss "
        f"{number(run.right_losses[-1], 5)}."
    )


def _leak(run: PairedRuns) -> str:
    n = len(run.lesson.X)
    return (
        f"the last {n - n * 4 // 5} of {n} rows are to say how well the model does on rows that it has not seen, and "
        f"it was trained on them, too. Their loss is {number(run.wrong_losses[-1], 5)} then, and "
        f"{number(run.right_losses[-1], 5)} where training leaves them out: only the second speaks of new rows."
    )


def _ten_limits(lesson: Setup) -> float:
    return one_digit(10 * Spectrum.of(lesson.moments).lr_limit())


def _tenth(lesson: Setup) -> float:
    limit = Spectrum.of(lesson.moments).lr_limit()
    return lesson.lr if lesson.lr < limit else one_digit(limit / 10)


def _standard(lesson: Setup) -> float:
    """The rate that `lr="auto"` would take for these epochs from this start."""
    problem = Problem.of(lesson.moments, None, True, Scaling.standard(lesson.moments, True))
    return best_rate(problem, stacked(lesson.start, problem.moments, True), lesson.epochs)


def one_digit(rate: float) -> float:
    """The rate cut to one significant digit, such as 1e-05 for 1.12e-05."""
    power = float(np.floor(np.log10(rate)))
    return float(f"{np.floor(rate / 10.0**power):.0f}e{power:.0f}")


def _same(ways: Iterable[str], **edit: str) -> dict[str, Edit]:
    """One edit for several ways."""
    return dict.fromkeys(ways, edit)


def _swapped(ways: Iterable[str], part: str, old: str, new: str) -> dict[str, Edit]:
    """In each way the part with `new` in the place of `old`."""
    return {by: {part: getattr(WAYS[by], part).replace(old, new)} for by in ways}


_INPUTS = "inputs = torch.tensor(X, dtype=dtype, device=device)"
_TARGETS = "targets = torch.tensor(Y, dtype=dtype, device=device)"
_DECAY = 0.1
_SGD = "torch.optim.SGD(model.parameters(), lr=lr)"
_FORGOTTEN = "# too late: the gradients are gone already"
_SPREAD = """
centre, spread = targets.mean(dim=0), targets.std(dim=0, correction=0)
original, targets = targets, (targets - centre) / spread"""
_VALIDATION = """
training = len(inputs) * 4 // 5  # the other rows are there to validate with
validation = inputs[training:], targets[training:]"""
_ALL_ROWS = "\n# forgotten: inputs, targets = inputs[:training], targets[:training]"
_TRAINING_ROWS = "\ninputs, targets = inputs[:training], targets[:training]"


def _made_anew(by: str) -> str:
    """The lines that make the model of a way, once more."""
    lines = WAYS[by].model.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("model = "))
    return "\n".join(lines[first : first + 2])


def _reporting(said: str, targets: str, inputs: str = "inputs") -> dict[str, Edit]:
    """In each way the report on such inputs and targets; `said` is what is compared, PREDICTED in the place of ŷ."""
    edits: dict[str, Edit] = {}
    for by, way in WAYS.items():
        report = way.report.replace("targets)", f"{targets})")
        for plain in ("inputs @ weight.t() + bias", "inputs @ weight.T + bias", "model(inputs)"):
            report = report.replace(plain, said.replace("PREDICTED", plain.replace("inputs", inputs)))
        edits[by] = {"report": report}
    return edits


def _with_data(edits: Mapping[str, Edit], lines: str) -> dict[str, Edit]:
    """The edits, and these lines after the targets in each way's data."""
    found: dict[str, Edit] = {}
    for by, edit in edits.items():
        data, made = WAYS[by].data, "targets = np.array(Y, dtype=dtype)" if by == "numpy" else _TARGETS
        ours = (
            lines.replace("dim=0, correction=0", "axis=0").replace("dim=0", "axis=0")
            if by == "numpy"
            else lines
        )
        found[by] = {**edit, "data": data.replace(made, made + ours)}
    return found


_STANDARD = "inputs = (inputs - inputs.mean(dim=0)) / inputs.std(dim=0, correction=0)"

MISTAKES = {
    mistake.name: mistake
    for mistake in (
        Mistake(
            "zero_grad",
            "the gradients are never reset",
            _same(["autograd"], reset="# forgotten: weight.grad.zero_() and bias.grad.zero_()")
            | _same(_BUILT, reset="# forgotten: optimizer.zero_grad()"),
            _zero_grad,
        ),
        Mistake(
            "no_grad",
            "the update makes new tensors, and autograd records it",
            _same(
                ["autograd"],
                update="weight = weight - lr * weight.grad\nbias = bias - lr * bias.grad",
                reset="# left for later",
            ),
            _no_grad,
        ),
        Mistake(
            "in_place",
            "the update changes a leaf in place, and autograd records it",
            _same(["autograd"], update="weight -= lr * weight.grad\nbias -= lr * bias.grad"),
            _in_place,
        ),
        Mistake(
            "shape",
            "predictions (n, 1) against targets (n,)",
            _swapped(_TORCH, "data", _TARGETS, f"{_TARGETS}[:, 0]"),
            _shape,
            one_target=True,
        ),
        Mistake(
            "stale",
            "the loss reported after the update is that of the predictions before it",
            _same(["numpy"], report="epoch_loss = ((predictions - targets) ** 2).mean()")
            | _same(["autograd"], report="epoch_loss = mse(predictions, targets)")
            | _same(["module"], report="epoch_loss = loss_fn(predictions, targets)")
            | _same(["builtin"], report="epoch_loss = F.mse_loss(predictions, targets)"),
            _stale,
        ),
        Mistake(
            "lr", "the learning rate is too large", _same(WAYS), _rate, rate=_ten_limits, mended_rate=_tenth
        ),
        Mistake(
            "flat",
            "one-dimensional input",
            _swapped(["autograd"], "predict", "inputs @", "inputs.flatten() @")
            | _swapped(["module", "builtin"], "predict", "model(inputs)", "model(inputs.flatten())")
            | _swapped(["batches"], "predict", "model(xb)", "model(xb.flatten())"),
            _flat,
        ),
        Mistake(
            "raw",
            "the columns are neither centred nor scaled",
            _same(WAYS),
            _raw,
            mend=_swapped(_TORCH, "data", _INPUTS, f"{_INPUTS}\n{_STANDARD}")
            | _same(
                ["numpy"],
                data=f"{WAYS['numpy'].data}\ninputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)",
            ),
            mended_rate=_standard,
        ),
        Mistake(
            "dtype",
            "float64 inputs into a float32 model",
            _swapped(_TORCH, "data", _INPUTS, _INPUTS.replace("dtype=dtype", "dtype=torch.float64")),
            _dtype,
        ),
        Mistake(
            "detach",
            "the predictions are detached from the graph",
            _same(["autograd"], predict="predictions = (inputs @ weight.t() + bias).detach()")
            | _swapped(["module", "builtin"], "predict", "model(inputs)", "model(inputs).detach()")
            | _swapped(["batches"], "predict", "model(xb)", "model(xb).detach()"),
            _detach,
        ),
        Mistake(
            "twice",
            "backward is called twice",
            _same(_TORCH, gradient="loss.backward()\nloss.backward()"),
            _twice,
        ),
        Mistake(
            "last_batch",
            "the last batch's loss is reported as the epoch's",
            _same(["batches"], report="epoch_loss = loss.detach()"),
            _last_batch,
        ),
        Mistake(
            "sign",
            "the update adds the gradient",
            _swapped(["autograd"], "update", "-=", "+=")
            | _swapped(["numpy"], "update", " - lr", " + lr")
            | _swapped(_BUILT, "model", _SGD, _SGD.replace("lr=lr", "lr=lr, maximize=True")),
            _sign,
            climbs=True,
        ),
        Mistake(
            "reset_early",
            "the gradients are reset before the update",
            _same(
                ["autograd"],
                gradient="loss.backward()\nweight.grad.zero_()\nbias.grad.zero_()",
                reset=_FORGOTTEN,
            )
            | _same(_BUILT, gradient="loss.backward()\noptimizer.zero_grad()", reset=_FORGOTTEN),
            _reset_early,
        ),
        Mistake(
            "other_model",
            "the optimiser holds the parameters of another model",
            {by: {"model": f"{WAYS[by].model}\n{_made_anew(by)}"} for by in _BUILT},
            _other_model,
        ),
        Mistake(
            "leaf",
            "the leaf is lost by .to(device)",
            {
                "autograd": {
                    "model": WAYS["autograd"].model.replace(
                        "dtype=dtype, device=device, requires_grad=True)",
                        "dtype=dtype, requires_grad=True).to(device, copy=True)",
                    )
                }
            },
            _leaf,
        ),
        Mistake(
            "frozen_bias",
            "the bias is not updated",
            _swapped(["autograd"], "update", "\n    bias -= lr * bias.grad", "")
            | _swapped(["numpy"], "update", "\nbias = bias - lr * bias_gradient", "")
            | _swapped(_BUILT, "model", _SGD, _SGD.replace("model.parameters()", "[model.weight]")),
            _frozen_bias,
        ),
        Mistake(
            "decay",
            "weight decay that nobody wanted",
            _same(
                ["autograd"],
                update=f"""\
with torch.no_grad():
    weight -= lr * (weight.grad + {_DECAY} * weight)
    bias -= lr * (bias.grad + {_DECAY} * bias)""",
            )
            | _swapped(_BUILT, "model", _SGD, _SGD.replace("lr=lr", f"lr=lr, weight_decay={_DECAY}")),
            _decay,
        ),
        Mistake(
            "scaled_targets",
            "predictions of standardised targets are not scaled back",
            _with_data(_reporting("PREDICTED", "original"), _SPREAD),
            _scaled_targets,
            mend=_with_data(_reporting("(PREDICTED) * spread + centre", "original"), _SPREAD),
            least_rows=2,
        ),
        Mistake(
            "leak",
            "the rows to validate with are trained on",
            _with_data(_reporting("PREDICTED", "validation[1]", "validation[0]"), _VALIDATION + _ALL_ROWS),
            _leak,
            mend=_with_data(
                _reporting("PREDICTED", "validation[1]", "validation[0]"), _VALIDATION + _TRAINING_ROWS
            ),
            least_rows=2,
        ),
    )
}
