"""How time grows with rows, columns, epochs and the size of a batch: the points of the log-log figures."""

import functools

import torch
from contest import Bout, Case, Contestant, call
from loops import torch_loop
from rivals import installed
from tables import table

import gradline
from works.epochs import closed, stable_lr, stepped

COLUMNS = 20
SHOWN = {
    "gradline",
    "numpy",
    "scikit-learn-intelex",
}  # the simplest and the fastest; the others are in `exact`
STEPPED, LOOPED = 100_000, 10_000  # epochs beyond which a loop would take minutes
SMALL_LR = 1e-4  # stable for batches of one row


def cases(quick: bool) -> list[Case]:
    """Every point of the four axes; the quick ones end a factor of ten or so earlier."""
    less = 10 if quick else 1
    rows = [k // less for k in (10_000, 100_000, 1_000_000)]
    columns = [k for k in (3, 30, 300, 3000) if k <= 3000 // less]
    epochs = [10**k for k in range(7)]
    batches = [1, 8, 64, 512, 4096]
    n = 10_000 // less
    return [
        *(point("rows", k, functools.partial(exact, k, COLUMNS)) for k in rows),
        *(point("columns", k, functools.partial(exact, n, k)) for k in columns),
        *(point("epochs", k, functools.partial(training, n, k, less)) for k in epochs),
        *(point("batch size", k, functools.partial(batch, 20_000, k)) for k in batches),
    ]


def point(axis: str, size: int, prepare: functools.partial[Bout]) -> Case:
    """One point of a curve."""
    return Case(f"{axis} {size:,}", prepare, axis, size)


def exact(n: int, p: int) -> Bout:
    """The exact answer in memory."""
    X, y = table(n, p)
    return Bout({one.name: call(one.fit, X, y) for one in installed() if one.name in SHOWN}, lambda: None)


def training(n: int, epochs: int, less: int) -> Bout:
    """Full-batch epochs from the rows: in closed form, stepped, and as a torch loop while that lasts."""
    X, y = table(n, COLUMNS)
    lr = stable_lr(X, y)
    contestants: dict[str, Contestant] = {
        "gradline in closed form": call(lambda: closed(gradline.Moments.of(X, y), lr, epochs))
    }
    if epochs <= STEPPED // less:
        contestants["gradline stepping"] = call(stepped, X, y, lr, epochs)
    if epochs <= LOOPED // less:
        contestants["torch's loop"] = call(torch_loop, X, y, lr, epochs, n, torch.float32)
    return Bout(contestants, lambda: None)


def batch(n: int, size: int) -> Bout:
    """One epoch of shuffled mini-batches."""
    X, y = table(n, COLUMNS)
    solver = gradline.SGD(lr=SMALL_LR, epochs=1, batch_size=size)
    contestants = {
        "gradline": call(lambda: gradline.fit(X, y, solver=solver)),
        "torch's loop": call(torch_loop, X, y, SMALL_LR, 1, size, torch.float32),
    }
    return Bout(contestants, lambda: None)
