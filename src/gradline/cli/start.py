"""A start as people write it: a word, the file of a model, or weight and bias as PyTorch prints them."""

import json
import math
from pathlib import Path
from typing import Any

from gradline.core.errors import UsageError


def start(text: str) -> Any:
    """The pair weight, bias of `[[0.5, -1.2]], [0.3]`, where the text begins as numbers do; other words as they are.

    Weight has a row for each target and bias a value; with one feature and one target plain numbers do: `0.5, 0.3`.
    Raises `UsageError` for numbers that are no such pair.
    """
    if not text.lstrip().startswith(("[", "-", *"0123456789")) or Path(text).exists():
        return text
    try:
        weight, bias = (_listed(part) for part in json.loads(f"[{text}]"))
        rows = weight if isinstance(weight[0], list) else [weight]
        return [[_finite(cell) for cell in row] for row in rows], [_finite(cell) for cell in bias]
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise UsageError(
            "start-not-numbers",
            f"init is {text!r}, which is no weight and bias",
            "write the weight, a row for each target, then the bias: '[[0.5, -1.2]], [0.3]'",
        ) from error


def _listed(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [part]


def _finite(cell: Any) -> float:
    if not math.isfinite(float(cell)):
        raise ValueError(f"{cell} is no number to start from")
    return float(cell)
