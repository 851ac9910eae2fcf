"""Who solves least squares in memory beside gradline: one file a library, behind one interface."""

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np


class Rival(Protocol):
    """A library as its users would call it."""

    @property
    def name(self) -> str:
        """What it is called on the registry of packages."""
        ...

    def fit(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Bias and weights (p + 1,) of the least-squares line through X (n, p) and y (n,)."""
        ...


# The package that must be there, which also names the file here (with_…), and the class in it.
RIVALS = {
    "gradline": "Gradline",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "sklearn": "ScikitLearn",
    "sklearnex": "Intelex",
    "statsmodels": "Statsmodels",
    "glum": "Glum",
    "torch": "Torch",
    "polars_ols": "PolarsOLS",
}


def installed(packages: Iterable[str] = RIVALS) -> Iterator[Rival]:
    """The rivals, of these packages, that are there, gradline first."""
    for package in packages:
        if importlib.util.find_spec(package):
            yield getattr(importlib.import_module(f"rivals.with_{package}"), RIVALS[package])()
