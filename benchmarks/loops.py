"""Full-batch and mini-batch gradient descent as people write it, from zeros, for gradline to be compared with."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def torch_loop(
    X: np.ndarray, y: np.ndarray, lr: float, epochs: int, batch_size: int, dtype: torch.dtype
) -> np.ndarray:
    """`nn.Linear`, `F.mse_loss` and `torch.optim.SGD` on shuffled batches; bias and weights (p + 1,)."""
    inputs, targets = torch.from_numpy(X).to(dtype), torch.from_numpy(y)[:, None].to(dtype)
    model = nn.Linear(X.shape[1], 1, dtype=dtype)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    opt = torch.optim.SGD(model.parameters(), lr=lr)
    whole = [(inputs, targets)]
    for _ in range(epochs):
        for xb, yb in whole if batch_size == len(X) else _batches(inputs, targets, batch_size):
            loss = F.mse_loss(model(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
    with torch.no_grad():
        return torch.cat([model.bias, model.weight[0]]).numpy().astype(float)


def _batches(inputs: torch.Tensor, targets: torch.Tensor, size: int):
    """The rows in random order, gathered batch by batch: faster than a DataLoader."""
    for rows in torch.randperm(len(inputs)).split(size):
        yield inputs[rows], targets[rows]


def tutorial_loop(X: np.ndarray, Y: np.ndarray, lr: float, batch_size: int, dtype: str) -> Callable[[], None]:
    """An epoch of the tutorials' loop, on and on from where it stands: DataLoader, `nn.Linear`, MSELoss, SGD."""
    inputs, targets = (torch.from_numpy(part.astype(dtype)) for part in (X, Y))
    model = nn.Linear(X.shape[1], Y.shape[1], dtype=inputs.dtype)
    opt, loss_fn = torch.optim.SGD(model.parameters(), lr=lr), nn.MSELoss()
    loader = DataLoader(TensorDataset(inputs, targets), batch_size, shuffle=True)

    def epoch() -> None:
        for xb, yb in loader:
            loss_fn(model(xb), yb).backward()
            opt.step()
            opt.zero_grad()

    return epoch


def numpy_loop(X: np.ndarray, y: np.ndarray, lr: float, epochs: int) -> np.ndarray:
    """Full batches in NumPy; bias and weights (p + 1,)."""
    weight, bias = np.zeros(X.shape[1]), 0.0
    for _ in range(epochs):
        residual = X @ weight + bias - y
        weight -= lr * 2 * (X.T @ residual) / len(X)
        bias -= lr * 2 * residual.mean()
    return np.array([bias, *weight])
