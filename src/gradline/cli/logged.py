"""What training prints on its way: after which epochs, and whether the loss alone or weight and bias too."""

from collections.abc import Callable
from typing import Any

from gradline.core.errors import UsageError

LOGS = ("loss", "weights")


def schedule(rule: int | str) -> Callable[[int], bool]:
    """Whether an epoch is printed: `100` is every hundredth, `1,2,5` are these, `1-15, every 100` are both.

    0 is none. Raises `UsageError` for other words.
    """
    words = str(rule).strip()
    parts = [part.strip() for part in words.removesuffix(",").split(",")]
    if words.isdecimal():
        parts = [f"every {words}"]
    found: list[range] = []
    steps: list[int] = []
    for part in parts:
        first, _, last = part.partition("-")
        last = last or first
        if part.startswith("every") and part[5:].strip().isdecimal():
            steps.append(int(part[5:]))
        elif first.strip().isdecimal() and last.strip().isdecimal() and int(first) <= int(last):
            found.append(range(int(first), int(last) + 1))
        else:
            raise UsageError(
                "log-every-invalid",
                f"log_every is {rule}",
                "give a number of epochs (0: never), a list (1,2,5), or a rule such as '1-15, every 100'",
            )
    return lambda epoch: (
        any(step and epoch % step == 0 for step in steps) or any(epoch in part for part in found)
    )


def expect_log(log: str) -> None:
    """Refuse what cannot be printed. Raises `UsageError`."""
    if log not in LOGS:
        raise UsageError("log-invalid", f"log is {log!r}", f"use {' or '.join(LOGS)}")


def printed(weight: Any, bias: Any) -> str:
    """`b = 0.8038, w = 0.2507` with the seven digits that a float32 has; in brackets where they are several."""
    if weight.size == 1:
        return f"b = {float(bias[0]):.7g}, w = {float(weight[0, 0]):.7g}"
    return f"b = {_cells(bias)}, w = [{', '.join(_cells(row) for row in weight)}]"


def _cells(row: Any) -> str:
    return f"[{', '.join(f'{float(cell):.7g}' for cell in row)}]"
