"""Full-batch gradient descent: a thousand epochs from rows, and an epoch in closed form from moments."""

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from contest import Bout, Case, Contestant, Outcome, call
from loops import numpy_loop, torch_loop
from tables import table

import gradline

COLUMNS = 20


def cases(quick: bool) -> list[Case]:
    """Training, and the closed form."""
    n = 10_000 if quick else 100_000
    return [
        Case(f"1,000 full-batch epochs, {n:,} × {COLUMNS}", functools.partial(training, n, 1000)),
        Case(f"one epoch from known moments, {COLUMNS} columns", functools.partial(path, n)),
    ]


def training(n: int, epochs: int) -> Bout:
    """gradline from the rows to the certificate, beside the loops."""
    X, y = table(n, COLUMNS)
    lr = stable_lr(X, y)
    contestants = {
        "gradline": call(stepped, X, y, lr, epochs),
        "torch, float32": call(torch_loop, X, y, lr, epochs, n, torch.float32),
        "torch, float64": call(torch_loop, X, y, lr, epochs, n, torch.float64),
        "numpy": call(numpy_loop, X, y, lr, epochs),
    }
    return Bout(contestants, lambda: closed(gradline.Moments.of(X, y), lr, epochs))


def path(n: int) -> Bout:
    """A late epoch costs what an early one does; each is asked for often, as once is over before it is warm."""
    X, y = table(n, COLUMNS)
    lr, moments = stable_lr(X, y), gradline.Moments.of(X, y)

    def steps(epochs: int) -> None:
        gradline.fit(moments, solver=gradline.GradientDescent(lr=lr, epochs=epochs))

    contestants = {
        "gradline, epoch 1,000 in closed form": often(closed, moments, lr, 1000),
        "gradline, epoch 1,000,000 in closed form": often(closed, moments, lr, 1_000_000),
        "gradline, 1,000 epochs stepped": call(steps, 1000),
    }
    return Bout(contestants, lambda: None)


def often(function: Callable[..., Any], *arguments: Any) -> Contestant:
    """A call by its mean time in a thousand."""

    def timed() -> Outcome:
        began = time.perf_counter()
        for _ in range(1000):
            function(*arguments)
        return Outcome((time.perf_counter() - began) / 1000, None)

    return timed


def stable_lr(X: np.ndarray, y: np.ndarray) -> float:
    """Half of the largest stable rate: all loops converge, and their errors are damped."""
    return gradline.Trajectory(gradline.Moments.of(X, y), lr=1.0).lr_limit / 2


def stepped(X: np.ndarray, y: np.ndarray, lr: float, epochs: int) -> np.ndarray:
    """Bias and weights (p + 1,) after so many epochs."""
    model = gradline.fit(X, y, solver=gradline.GradientDescent(lr=lr, epochs=epochs))
    return np.concatenate([model.bias, model.weight[0]])


def closed(moments: gradline.Moments, lr: float, epoch: int) -> np.ndarray:
    """The same in closed form."""
    point = gradline.Trajectory(moments, lr).at(epoch)
    return np.concatenate([point.bias, point.weight[0]])
