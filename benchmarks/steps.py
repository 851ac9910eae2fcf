"""Mini-batch steps, compiled and in NumPy, beside torch's loop and scikit-learn's SGD: `make bench-steps`."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from alternating import alternate
from sklearn.linear_model import SGDRegressor
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gradline import SGD, Moments, compiled
from gradline.objectives import Problem, Scaling
from gradline.reading import read

Arrays = tuple[np.ndarray, np.ndarray]

BATCHES = [
    (5_000, 3, 2, 5),
    (20_000, 10, 1, 32),
    (200_000, 10, 1, 32),
    (20_000, 50, 1, 256),
    (200_000, 50, 1, 256),
]
ROW_BY_ROW = [(20_000, 10), (20_000, 50), (20_000, 200)]
LR, ROUNDS = 1e-4, 15


def arrays(n: int, p: int, m: int) -> Arrays:
    """Standard normal rows and a noisy line."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, p))
    return X, X @ random.standard_normal((p, m)) + random.standard_normal((n, m))


def gradline(table: Arrays, batch: int, epochs: int, is_compiled: bool) -> Callable[[], float]:
    """Epochs of `SGD.step`, as `fit` takes them."""
    rows = read(*table).rows
    problem = Problem.of(Moments.from_rows(rows), rows, True, Scaling.none(table[0].shape[1]))
    solver = SGD(lr=LR, epochs=epochs, batch_size=batch, decay="none")

    def seconds() -> float:
        compiled.kernels = lambda _: compiled.load() if is_compiled else None
        state = solver.start(problem)
        began = time.perf_counter()
        for _ in range(epochs):
            state = solver.step(problem, state)
        return time.perf_counter() - began

    return seconds


def pytorch(table: Arrays, batch: int) -> Callable[[], float]:
    """One epoch of the tutorials' loop: DataLoader, nn.Linear, MSELoss, SGD."""
    X, Y = (torch.from_numpy(part) for part in table)
    model = nn.Linear(X.shape[1], Y.shape[1], dtype=torch.float64)
    opt, loss_fn = torch.optim.SGD(model.parameters(), lr=LR), nn.MSELoss()
    loader = DataLoader(TensorDataset(X, Y), batch, shuffle=True)

    def seconds() -> float:
        began = time.perf_counter()
        for xb, yb in loader:
            loss_fn(model(xb), yb).backward()
            opt.step()
            opt.zero_grad()
        return time.perf_counter() - began

    return seconds


def sklearn(table: Arrays, epochs: int) -> Callable[[], float]:
    """Epochs of SGDRegressor: single rows, a constant rate, no penalty."""
    settings: Any = {
        "penalty": None,
        "learning_rate": "constant",
        "eta0": LR,
        "max_iter": epochs,
        "tol": None,
    }
    model = SGDRegressor(**settings)

    def seconds() -> float:
        began = time.perf_counter()
        model.fit(table[0], table[1][:, 0])
        return time.perf_counter() - began

    return seconds


def show(title: str, contestants: dict[str, tuple[Callable[[], float], int]]) -> None:
    """Medians and spread of the microseconds a step, and how often the first, gradline's, goes into each."""
    found = alternate({name: seconds for name, (seconds, _) in contestants.items()}, ROUNDS)
    print(f"\n{title:40}{'median µs':>11}{'min':>11}{'max':>11}{'ratio':>8}")
    base = None
    for name, times in found.items():
        steps = [1e6 * seconds / contestants[name][1] for seconds in times]
        median = statistics.median(steps)
        base = base or median
        print(f"{name:40}{median:11.3f}{min(steps):11.3f}{max(steps):11.3f}{median / base:8.1f}")


if __name__ == "__main__":
    print(
        f"{ROUNDS} rounds; a ratio is a time as a multiple of compiled gradline's; load {os.getloadavg()[0]:.1f}"
    )
    for n, p, m, batch in BATCHES:
        table, steps, epochs = arrays(n, p, m), -(-n // batch), max(3, 200_000 // n)
        title = f"{n:,} × {p} → {m}, batch {batch}: a step of"
        compiled_epochs = gradline(table, batch, epochs, True), epochs * steps
        twin, loop = gradline(table, batch, 1, False), pytorch(table, batch)
        show(
            title,
            {"gradline, compiled": compiled_epochs, "gradline, NumPy": (twin, steps), "torch": (loop, steps)},
        )
    for n, p in ROW_BY_ROW:
        table, epochs = arrays(n, p, 1), 10
        title = f"{n:,} × {p}, single rows: a step of"
        one, other = gradline(table, 1, epochs, True), sklearn(table, epochs)
        show(title, {"gradline, compiled": (one, n * epochs), "SGDRegressor": (other, n * epochs)})
    print(f"\nload {os.getloadavg()[0]:.1f}")
