"""The checked and certified `fit` beside the tutorials' own loop, on the same layer and loader: `make bench-loop`."""

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from alternating import compare
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gradline.pytorch import fit

SIZES = [
    (15, 3, 2, 5, 100),
    (20_000, 10, 1, 32, 5),
    (200_000, 50, 1, 256, 3),
]  # rows, features, targets, batch, epochs


def plain(num_epochs: int, model: nn.Module, loss_fn: Any, opt: Any, train_dl: Any) -> None:
    """The loop as the tutorials write it."""
    loss = torch.zeros(())
    for epoch in range(num_epochs):
        for xb, yb in train_dl:
            loss = loss_fn(model(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
        if (epoch + 1) % 10 == 0:
            f"Epoch [{epoch + 1}/{num_epochs}], Loss: {loss.item():.4f}"


def ours(*arguments: Any) -> None:
    """gradline's, its lines thrown away."""
    fit(*arguments, show=lambda _: None)


def seconds(train: Callable, rows: TensorDataset, batch: int, epochs: int) -> float:
    """The time of one training, its layer, optimiser and loader ready."""
    X, Y = rows.tensors
    model = nn.Linear(X.shape[1], Y.shape[1])
    opt, loader = torch.optim.SGD(model.parameters(), lr=1e-4), DataLoader(rows, batch, shuffle=True)
    began = time.perf_counter()
    train(epochs, model, F.mse_loss, opt, loader)
    return time.perf_counter() - began


if __name__ == "__main__":
    for n, p, m, batch, epochs in SIZES:
        X = torch.randn(n, p)
        rows = TensorDataset(X, X @ torch.randn(p, m) + torch.randn(n, m))
        title = f"{n:,} × {p} → {m}, batch {batch}, {epochs} epochs"
        timed = {
            name: functools.partial(seconds, train, rows, batch, epochs)
            for name, train in {"the plain loop": plain, "gradline.pytorch.fit": ours}.items()
        }
        compare(title, timed, rounds=7)
