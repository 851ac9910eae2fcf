"""Mini-batches that a loop may train on: their sizes, what may be printed of them, and how both are called."""

from collections.abc import Callable
from dataclasses import replace

from gradline.core.text import counted
from gradline.pytorch.diagnosis.loops import Loop
from gradline.pytorch.diagnosis.simulation import StatedSetup

EVERY_SIZE = 40  # with so many rows every batch size is tried, with more the usual ones
MOST_UPDATES = 2_000  # an epoch: smaller batches are not tried
# What batches of another size than said are called, by what is printed of them.
WITH_LOG = {
    "all": "batches",
    "last": "last_batch",
    "mean": "running_mean",
    "by rows": "running_mean",
    "sum": "running_sum",
    "sum over rows": "running_sum",
}


def sizes(case: StatedSetup, said: int | None) -> list[int | None]:
    """The batch sizes to try beside the one said; None is all rows."""
    n = len(case.A)
    usual = [
        *(b * k for k in (1, 10, 100, 1000) for b in (1, 2, 3, 4, 5, 6, 8)),
        *(2**k for k in range(4, 13)),
    ]
    tried = sorted({b for b in (range(1, n) if n <= EVERY_SIZE else usual) if n / MOST_UPDATES <= b < n})
    return [b for b in [*tried, None] if b != said]


def batches(case: StatedSetup, loop: Loop) -> str:
    if loop.batch is None:
        return "each update uses all rows at once, not a mini-batch."
    order = "shuffled anew each epoch" if loop.shuffled else "in the order of the rows"
    updates = counted(-(-len(case.A) // loop.batch), "update")
    return f"the loop trains on mini-batches of {counted(loop.batch, 'row')}, {order}: {updates} an epoch."


# What is printed of an epoch's batches, by the key of `LOGS`.
LOGGED = {
    "last": "the loss of the epoch's last batch",
    "mean": "the mean of the epoch's batch losses",
    "by rows": "the mean of the epoch's batch losses, each counted by its rows",
    "sum": "the sum of the epoch's batch losses, never divided by their number",
    "sum over rows": "the sum of the epoch's batch losses divided by the number of rows, though each is a mean already",
}


def logged(case: StatedSetup, loop: Loop) -> str:
    return f"{batches(case, loop)} What it prints is {LOGGED.get(loop.log, '')}, not the loss of all rows."


def other_log(*logs: str) -> Callable[[StatedSetup, Loop], list[Loop]]:
    def loops(case: StatedSetup, loop: Loop) -> list[Loop]:
        if loop.log != "all":
            return []
        return [replace(loop, batch=b, log=log) for b in sizes(case, loop.batch) if b for log in logs]

    return loops
