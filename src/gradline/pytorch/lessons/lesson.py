"""The lesson: a training loop run for real, update by update, with its start, its script and its mended twin."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import torch

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import UsageError
from gradline.core.text import listed
from gradline.data.inputs import as_rows
from gradline.data.row_stream import ArrayRows
from gradline.data.selection import Choice, Selection, unweighted
from gradline.moments.state import Moments
from gradline.pytorch.lessons.graph import Graph, graph
from gradline.pytorch.lessons.mistakes import MISTAKES, Mistake, PairedRuns, one_digit
from gradline.pytorch.lessons.program import Program, numbers
from gradline.pytorch.lessons.script import files, script
from gradline.pytorch.lessons.setup import Setup
from gradline.pytorch.lessons.steps import NumberedStep, Update
from gradline.pytorch.lessons.ways import STEPS, WAYS, ColumnNames
from gradline.solvers.loop import INITS, initial
from gradline.solvers.problem import Problem, Scaling, unstacked
from gradline.solvers.spectrum import Spectrum

CROPS = ("example:crops", ["apples", "oranges"])
DTYPES = ("float32", "float64")
GRAPHS = ("predictions", "error", "loss")  # what a step computes on its way, and `Lesson.graph` draws
_SCRIPT_CELLS = 100_000  # more rows than a program text should hold


@dataclass(frozen=True, eq=False)
class Lesson(Setup):
    """A loop that was set up. Iterating runs it from the start, one `Update` at a time.

    `mistake` is None or a row of `MISTAKES`.
    """

    mistake: Mistake | None = None

    def first_loss(self) -> float | None:
        """The loss that the loop reports before training; None where it stops there with an error."""
        program = self.program()
        if program.run(self.way.report).error:  # it speaks of predictions that are not made yet
            program.run(WAYS[self.by].report)
        reported = program.value("epoch_loss")
        return None if reported is None else float(numbers(reported))

    def __iter__(self) -> Iterator[Update]:
        program, update, before = self.program(), 0, self.first_loss()
        for epoch in range(1, self.epochs + 1):
            step = None
            for batch, rows in enumerate(program.batches(), 1):
                if step is not None:
                    yield step
                update += 1
                step = self._step(program, (epoch, batch, update), rows)
                if step.error:
                    yield step
                    return
            if step is not None:
                program.run(self.way.report)
                reported = float(numbers(program.value("epoch_loss")))
                yield replace(step, loss_before=before, epoch_loss=reported)
                before = reported

    def _step(self, program: Program, place: tuple[int, int, int], rows: np.ndarray) -> Update:
        way, value = self.way, program.value
        weight_before, bias_before = value(way.weight), value(way.bias)
        parts: list[NumberedStep] = []
        gradients = (None, None)
        for i, name in enumerate(STEPS, 1):
            if i == 4:  # what the update is about to use
                gradients = value(way.weight_gradient), value(way.bias_gradient)
            parts.append(NumberedStep(i, name, way.step(i), *program.run(way.step(i))))
            if parts[-1].error:
                break
        done = len(parts) - bool(parts[-1].error)
        return Update(
            *place,
            rows,
            inputs=value("xb" if way.loop else "inputs"),
            targets=value("yb" if way.loop else "targets"),
            predictions=value("predictions") if done >= 1 else None,
            loss=value("loss") if done >= 2 else None,
            weight_gradient=gradients[0],
            bias_gradient=gradients[1],
            weight_left=value(way.weight_gradient),
            bias_left=value(way.bias_gradient),
            weight_before=weight_before,
            bias_before=bias_before,
            weight=value(way.weight),
            bias=value(way.bias),
            lr=self.lr,
            parts=tuple(parts),
        )

    def graph(self, step: Update, of: str = "loss") -> Graph:
        """The computation graph of `predictions`, `error` or `loss` of a step, recorded anew from its parameters.

        Raises `UsageError` for the way numpy, which records none, and for another word.
        """
        if self.by == "numpy":
            raise UsageError(
                "graph-by-numpy", "NumPy records no graph", "choose by autograd, module, builtin or batches"
            )
        if of not in GRAPHS:
            raise UsageError("graph-of-invalid", f"of is {of!r}", f"use {listed(GRAPHS)}")
        program = replace(self, start=(numbers(step.weight_before), numbers(step.bias_before))).program()
        way, rows = program.way, ("xb", "yb") if self.way.loop else ("inputs", "targets")
        if way.loop:
            program.assign("xb", step.inputs)
            program.assign("yb", step.targets)
        made = {"predictions": "", "error": f"error = predictions - {rows[1]}", "loss": way.loss}
        for code in (way.predict, made[of]):
            program.run(code)
        leaves = {"weight": way.weight, "bias": way.bias, "inputs": rows[0], "targets": rows[1]}
        return graph(
            program.live(of), {name: program.live(held) for name, held in (leaves | {of: of}).items()}
        )

    def right(self) -> "Lesson":
        """The same lesson with its mistake mended."""
        if self.mistake is None:
            return self
        way = self.mistake.mended(WAYS[self.by])
        lr = self.mistake.mended_rate(self) if self.mistake.mended_rate else self.lr
        return replace(self, way=way, lr=lr, mistake=None)

    def compare(self) -> PairedRuns:
        """Run the lesson with its mistake and without, side by side."""
        mended = self.right()
        wrong, right = list(self), list(mended)
        losses = reported(self, wrong), reported(mended, right)
        return PairedRuns(self.mistake, self, mended, wrong, right, *losses)

    def script(self) -> str:
        """The same loop as a program without gradline, which prints the same numbers.

        Raises `UsageError` where the rows are too many for a program text.
        """
        return script(self.way, self._source(), self.names, self._log_every)

    def files(self) -> dict[str, str]:
        """The same program as three files, by name: configuration, data and training. Errors as for `script`."""
        return files(self.way, self._source(), self.names, self._log_every)

    @property
    def _log_every(self) -> int:
        return max(1, self.epochs // 10)

    def _source(self) -> dict[str, str]:
        """The source text of what the program finds under its names."""
        if self.X.size + self.Y.size > _SCRIPT_CELLS:
            raise UsageError(
                "too-many-rows-for-script",
                f"{len(self.X):,} rows are too many for a program text",
                "write the script from fewer rows",
            )
        library = "np" if self.by == "numpy" else "torch"
        return {name: repr(value) for name, value in self.values().items()} | {
            "X": _lines(self.X), "Y": _lines(self.Y), "W0": _lines(self.start[0]),
            "b0": repr(self.start[1].tolist()), "dtype": f"{library}.{self.dtype}",
        }  # fmt: skip


def reported(lesson: Lesson, steps: Sequence[Update]) -> list[float]:
    """The losses that a loop reports: before training, then at the end of each epoch."""
    losses = [lesson.first_loss(), *(step.epoch_loss for step in steps)]
    return [loss for loss in losses if loss is not None]


def lesson(
    data: Any = None,
    targets: Any = None,
    *,
    by: str = "autograd",
    lr: float | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    shuffle: bool = True,
    init: Any = "zeros",
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    mistake: str | None = None,
    **choice: Unpack[Choice],
) -> Lesson:
    """A training loop, run on PyTorch for real, with one `Update` per step.

    Parameters:
    - `data`, `targets`, `features`, `exclude`, `missing`: as in `gradline.fit`; arrays and tensors X (n, p), Y
      (n,) or (n, m), or a table and the names of its targets; by default the tutorials' fifteen rows of crops.
      Rows are held in memory.
    - `by`: numpy, autograd (default), module, builtin or batches.
    - `lr`: as in `torch.optim.SGD`, on the columns as they are. None (default) takes a tenth of the largest
      stable rate, cut to one digit: 1e-05 for the tutorials' crops.
    - `epochs`: 100, as in the tutorials.
    - `batch_size`, `shuffle`: of `batches`; 5 and True, as in the tutorials.
    - `init`: "zeros" (default), "normal" (as `torch.randn`), "uniform", "linear" (as `nn.Linear` after
      `torch.manual_seed(seed)`), or a pair weight, bias; `seed`: of a random start and of the shuffling.
    - `dtype`: "float32" (default, PyTorch's own) or "float64". `device`: "cpu", "cuda" or "auto".
    - `mistake`: a name from `MISTAKES`: the loop with this mistake in it.

    Raises `UsageError` for an argument outside its range, `RequestError` for a mistake that this way or these
    targets cannot make, and what `gradline.fit` raises for the data.

    >>> from gradline.pytorch import lesson
    >>> for step in lesson(lr=1e-5, epochs=3):
    ...     print(f"Epoch {step.epoch}: {step.loss.item():.1f} before the update, {step.epoch_loss:.1f} after it")
    Epoch 1: 8310.7 before the update, 5754.6 after it
    Epoch 2: 5754.6 before the update, 4031.1 after it
    Epoch 3: 4031.1 before the update, 2868.3 after it
    """
    _check(by, lr, epochs, batch_size, dtype, mistake, init, seed)
    if data is None:
        data, targets = CROPS
    reading = as_rows(unweighted(Selection(data, targets, **choice)))
    design, block = reading.rows.design, next(reading.rows.blocks(sys.maxsize))
    moments = Moments.from_rows(ArrayRows(block.X, block.Y, None, design))
    problem = Problem.of(moments, None, True, Scaling.none(moments.p))
    built = Lesson(
        way=WAYS[by],
        X=block.X,
        Y=block.Y,
        names=ColumnNames(design.features, design.targets),
        moments=moments,
        start=unstacked(initial(init, problem, seed), True),
        lr=float(lr) if lr is not None else _safe_rate(moments),
        epochs=epochs,
        batch_size=batch_size or 5,
        shuffle=shuffle,
        seed=seed,
        dtype=dtype,
        device=_device(device),
    )
    return built if mistake is None else _mistaken(built, MISTAKES[mistake])


def _safe_rate(moments: Moments) -> float:
    limit = Spectrum.of(moments).lr_limit()
    return one_digit(limit / 10 if math.isfinite(limit) else 0.1)


def _mistaken(lesson: Lesson, mistake: Mistake) -> Lesson:
    """The lesson with a mistake in it. Raises `RequestError` where nobody can make it there."""
    mistake.expect(lesson.by, *lesson.Y.shape)
    lr = mistake.rate(lesson) if mistake.rate else lesson.lr
    return replace(lesson, way=mistake.made(lesson.way), lr=lr, mistake=mistake)


def _check(
    by: str, lr: Any, epochs: Any, batch_size: Any, dtype: str, mistake: str | None, init: Any, seed: Any
) -> None:
    if by not in WAYS:
        raise UsageError("way-invalid", f"by is {by!r}", f"use {listed(WAYS)}")
    if lr is not None and not (is_real(lr) and lr > 0):
        raise UsageError("lr-invalid", f"lr is {lr}", "give a positive number")
    if not is_whole(epochs, 1):
        raise UsageError("epochs-invalid", f"epochs is {epochs}", "give a whole number from 1")
    if batch_size is not None and not is_whole(batch_size, 1):
        raise UsageError("batch-size-invalid", f"batch_size is {batch_size}", "give a whole number from 1")
    if batch_size is not None and by != "batches":
        raise UsageError(
            "batch-size-of-full-batch",
            f"batch_size is {batch_size}, and {by} takes all rows at once",
            "use by batches",
        )
    if dtype not in DTYPES:
        raise UsageError("dtype-invalid", f"dtype is {dtype!r}", f"use {listed(DTYPES)}")
    if mistake is not None and mistake not in MISTAKES:
        raise UsageError(
            "mistake-invalid", f"mistake is {mistake!r}", f"use {listed(MISTAKES, len(MISTAKES))}"
        )
    if mistake == "dtype" and dtype == "float64":
        raise UsageError(
            "mistake-needs-float32", "the mistake dtype needs a float32 model", "leave dtype at float32"
        )
    if isinstance(init, str) and init not in INITS:
        raise UsageError(
            "init-invalid", f"init is {init!r}", f"use {listed(INITS)}, or a pair (weight, bias)"
        )
    if not is_whole(seed, 0):
        raise UsageError("seed-invalid", f"seed is {seed}", "give a whole number from 0")


def _lines(matrix: np.ndarray) -> str:
    """The source text of a matrix, a row a line."""
    return "[\n" + "".join(f"    {row},\n" for row in matrix.tolist()) + "]"


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise UsageError("device-invalid", f"device is {device!r}", "use cpu, cuda or auto")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "device-without-cuda", "device is cuda, and PyTorch finds no CUDA device", "use cpu or auto"
        )
    return device
