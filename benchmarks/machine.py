"""Where figures were taken: the machine, its load, the versions of what ran."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from gradline.core.parallel import cores

CPUS = Path("/proc/cpuinfo")
PACKAGES = [
    "gradline",
    "numpy",
    "scipy",
    "scikit-learn",
    "polars",
    "pandas",
    "pyarrow",
    "duckdb",
    "scikit-learn-intelex",
    "statsmodels",
    "glum",
    "torch",
    "polars-ols",
    "vowpalwabbit",
]


def machine() -> dict[str, Any]:
    """Its processor, the cores this process may use, and its memory in bytes."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": cores(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """Python and every package that is there."""
    there = {each.name for each in importlib.metadata.distributions()}
    found = {name: importlib.metadata.version(name) for name in PACKAGES if name in there}
    return {"python": platform.python_version(), **found}
