"""NIST's eleven linear regressions (Statistical Reference Datasets), whose answers are known to forty digits.

`exact_float64` is the exact solution of the problem that float64 can hold: powers of x are rounded first, as any user's
are. `certified` are NIST's own figures, for the decimal data. They differ on Filip alone, in the eighth digit.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_FOLDER = Path(__file__).parent
NAMES = (
    "Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley",
    "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5",
)  # fmt: skip


@cache
def _references() -> dict[str, Any]:
    return json.loads((_FOLDER / "reference.json").read_text())


def load(name: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """X (n, p) with powers of x where the set is a polynomial, y (n,), and the reference."""
    reference = _references()[name]
    table = np.loadtxt(_FOLDER / f"{name}.csv", delimiter=",", skiprows=1, ndmin=2)
    y, x = table[:, 0], table[:, 1:]
    if reference["degree"]:
        x = np.column_stack([np.power(x[:, 0], k) for k in range(1, reference["degree"] + 1)])
    return x, y, reference
