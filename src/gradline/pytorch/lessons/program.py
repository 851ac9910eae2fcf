"""Runs a way of the lesson part by part, and tells what each part left: values, warnings, an error."""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import TensorDataset

from gradline.core.errors import RequestError
from gradline.pytorch.lessons.ways import Way

_BUILD = re.compile(r" \(Triggered internally at .*\)")  # where in PyTorch's own sources a warning arose


class Outcome(NamedTuple):
    """What Python and PyTorch said while a part ran; `error` is None where it ran to its end."""

    warnings: tuple[str, ...]
    error: str | None


class Program:
    """A way with its rows and settings, ready to run. Its code is our own text; only `values` are the user's."""

    def __init__(self, way: Way, values: Mapping[str, Any]) -> None:
        self.way = way
        self._names: dict[str, Any] = dict(values)
        self._compiled: dict[str, Any] = {}
        self.run(way.imports)
        if way.loop:
            self._names["TensorDataset"] = (
                _WatchedDataset  # the same dataset, which knows the rows it gave out
            )

    def prepare(self) -> None:
        """Run what comes before the loop. Raises `RequestError` where PyTorch refuses it."""
        for code in (self.way.data, self.way.model):
            error = self.run(code).error
            if error:
                raise RequestError(
                    "data-refused-by-torch",
                    f"PyTorch refuses the lesson's data or model: {error}",
                    "use other data",
                )

    def batches(self) -> Iterator[np.ndarray]:
        """An epoch: before each update the rows it is about, with `xb` and `yb` in place."""
        if not self.way.loop:
            yield np.arange(len(self._names["inputs"]))
            return
        seen = self._names["dataset"].seen
        seen.clear()
        for xb, yb in self._names["loader"]:
            self._names |= {"xb": xb, "yb": yb}
            yield np.array(seen)
            seen.clear()

    def run(self, code: str) -> Outcome:
        """Run a part; what it raises and warns of is told, not raised."""
        if code not in self._compiled:
            self._compiled[code] = compile(code, "<lesson>", "exec")
        error = None
        with warnings.catch_warnings(record=True) as caught, np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("always")
            try:
                exec(self._compiled[code], self._names)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
        return Outcome(tuple(_BUILD.sub("", str(warning.message)) for warning in caught), error)

    def value(self, expression: str) -> Any:
        """A copy of what an expression holds now, or None; tensors without their graph."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a gradient of what is no longer a leaf is None
            try:
                held = eval(expression, self._names)
            except (NameError, AttributeError):
                return None
        if isinstance(held, torch.Tensor):
            return held.detach().clone()
        return held.copy() if isinstance(held, np.ndarray) else held

    def assign(self, name: str, value: Any) -> None:
        """Put a value where the program finds it."""
        self._names[name] = value

    def live(self, expression: str) -> Any:
        """What an expression holds, with the graph that autograd recorded."""
        return eval(expression, self._names)


class _WatchedDataset(TensorDataset):
    """A TensorDataset that notes which rows were asked for."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        super().__init__(*tensors)
        self.seen: list[int] = []

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        self.seen.append(int(index))
        return super().__getitem__(index)


def numbers(value: Any) -> np.ndarray:
    """A tensor on any device, an array or a number as float64 on the host."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    return np.asarray(value, dtype=np.float64)
