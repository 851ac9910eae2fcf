"""What a lesson trains on: its way, rows, start and settings, and the program that runs them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradline.moments.state import Moments
from gradline.pytorch.lessons.program import Program
from gradline.pytorch.lessons.ways import ColumnNames, Way


@dataclass(frozen=True, eq=False)
class Setup:
    """A way with its rows, start and settings.

    `X` (n, p), `Y` (n, m) float64; `start` the pair weight (m, p), bias (m,); `moments` what the rows say to
    least squares.
    """

    way: Way
    X: np.ndarray
    Y: np.ndarray
    names: ColumnNames
    moments: Moments
    start: tuple[np.ndarray, np.ndarray]
    lr: float
    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    dtype: str
    device: str

    @property
    def by(self) -> str:
        """The name of the way."""
        return self.way.name

    def program(self) -> Program:
        """The program, prepared up to its loop."""
        program = Program(self.way, self.values())
        program.prepare()
        return program

    def values(self) -> dict[str, Any]:
        """What the program finds under its names."""
        library = np if self.by == "numpy" else torch
        return {
            "X": self.X, "Y": self.Y, "W0": self.start[0], "b0": self.start[1],
            "lr": self.lr, "epochs": self.epochs, "dtype": getattr(library, self.dtype), "device": self.device,
            "batch_size": self.batch_size, "shuffle": self.shuffle, "seed": self.seed,
        }  # fmt: skip
