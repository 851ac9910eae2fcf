# Old Faithful: the five steps by hand on another table.
from importlib.resources import files

import gradline
import numpy as np
import torch

geyser = files("gradline") / "examples" / "geyser.csv"
table = np.loadtxt(geyser, delimiter=",", skiprows=1, dtype="float32")
x, y = torch.from_numpy(table[:, :1]), torch.from_numpy(table[:, 1:])

limit = gradline.Trajectory(gradline.Moments.of(x, y), lr=1e-5).lr_limit
print(f"the largest stable lr: {limit:.3f}")

w = torch.zeros(1, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(501):
    loss = ((x @ w.t() + b - y) ** 2).mean()
    if epoch in (0, 10, 100, 500):
        print(f"epoch {epoch:>3}: loss {loss.item():.2f}")
    loss.backward()
    with torch.no_grad():
        w -= 0.05 * w.grad
        b -= 0.05 * b.grad
        w.grad.zero_()
        b.grad.zero_()
print(f"waiting = {b.item():.1f} + {w.item():.1f} · eruptions")
