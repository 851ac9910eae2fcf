"""A checkpoint: training as it stands, in a file from which the same training goes on as if nothing had happened."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.tensor_file import damaged, digest, read_tensors, write_tensors
from gradline.core.text import joined
from gradline.solvers import Record, Solver, State
from gradline.solvers.loop import Standing
from gradline.solvers.problem import Problem

_EVERY = 10.0  # seconds between two writings: what a machine that fails takes with it


class Checkpoint:
    """Where a run is kept: written every ten seconds, and when training ends, is interrupted or fails.

    `run` is what must be the same for the run to go on: data, split, start, and settings but for the number of epochs.
    A run whose rate falls with the epochs needs the same number, too.
    """

    def __init__(self, path: str | Path, run: Mapping[str, Any], epochs: int) -> None:
        self.path = Path(path)
        self.resumed_at: int | None = None
        self._run, self._epochs = dict(run), epochs
        self._last = time.monotonic()

    @classmethod
    def of(
        cls,
        path: str | Path,
        solver: Solver,
        problem: Problem,
        holdout: Problem | None,
        split: Mapping[str, Any],
    ) -> "Checkpoint":
        """That of this solver, whose "auto" is resolved, on this problem; `split` says what rows were held out."""
        settings = solver.params()
        falls = settings.get("decay", "none") != "none" or "schedule" in settings
        known = {name: value for name, value in settings.items() if name != "epochs" or falls}
        parts = {"training": problem.moments} | ({} if holdout is None else {"held out": holdout.moments})
        tensors = {
            f"{name}.{key}": tensor for name, part in parts.items() for key, tensor in part.tensors().items()
        }
        run = {
            "solver": solver.name, **known, **split, "bias": problem.bias,
            "columns": [*problem.moments.features, *problem.moments.targets],
            "data": digest(tensors), "start": digest({"theta": solver.start(problem).theta}),
        }  # fmt: skip
        return cls(path, run, solver.epochs)

    def resume(self) -> Standing | None:
        """Training as the file holds it, None where there is none.

        Raises `RequestError` for a file of another run or of more epochs, `ModelFileError` for one that is damaged.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return None
        tensors, card = read_tensors(self.path, "checkpoint")
        self._expect_same(card.get("run"))
        try:
            standing = _standing(tensors, card)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise damaged(self.path, f"it holds no training that could go on ({error})") from error
        epoch = standing.state.epoch
        if epoch > self._epochs:
            raise RequestError(
                "checkpoint-beyond",
                f"{self.path} is at epoch {epoch:,}, and {self._epochs:,} are asked for",
                "ask for as many epochs or more, or name another file",
            )
        self.resumed_at = epoch
        return standing

    def _expect_same(self, found: Any) -> None:
        found = found if isinstance(found, dict) else {}
        others = [name for name, value in self._run.items() if found.get(name) != value]
        if others:
            told = [
                name
                if name in ("data", "start", "columns")
                else f"{name} ({found.get(name)} there, {self._run[name]} here)"
                for name in others
            ]
            raise RequestError(
                "checkpoint-of-other-run",
                f"{self.path} holds another training, with other {joined(told)}",
                "give the settings of that one, name another file, or remove this one to begin anew",
            )

    def keep(self, standing: Standing, now: bool = False) -> None:
        """Write the file, unless that was done a moment ago; `now` in any case."""
        if not (now or time.monotonic() - self._last >= _EVERY) or not standing.records:
            return
        state, best = standing.state, standing.best
        records = [record for record in standing.records if record.epoch <= state.epoch]
        tensors = {
            "theta": state.theta,
            "memory": state.memory,
            "best": best.theta,
            "loss": np.array([record.loss for record in records]),
        }
        if records[0].holdout is not None:
            tensors["holdout"] = np.array([record.holdout for record in records], float)
        card = {"kind": "checkpoint", "run": self._run, "epoch": state.epoch, "best": best.epoch}
        write_tensors(self.path, tensors, card)
        self._last = time.monotonic()


def _standing(tensors: Mapping[str, np.ndarray], card: Mapping[str, Any]) -> Standing:
    losses, epoch, best = tensors["loss"].tolist(), int(card["epoch"]), int(card["best"])
    if digest(tensors) != card["tensors"]:
        raise ValueError("its numbers are not those that were written")
    if not 0 <= best <= epoch == len(losses) - 1:
        raise ValueError(f"it has {len(losses)} losses up to epoch {epoch}")
    held = tensors["holdout"].tolist() if "holdout" in tensors else [None] * len(losses)
    records = [Record(i, *pair) for i, pair in enumerate(zip(losses, held, strict=True))]
    state = State(tensors["theta"], tensors["memory"], epoch)
    return Standing(state, records, State(tensors["best"], np.zeros_like(tensors["best"]), best))
