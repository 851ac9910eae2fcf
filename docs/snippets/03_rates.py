# Ten updates at five learning rates, and the largest that is safe.
from importlib.resources import files

import gradline
import numpy as np
import torch

crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])


def loss_after(updates, lr):
    w = torch.zeros(2, 3, requires_grad=True)
    b = torch.zeros(2, requires_grad=True)
    for _ in range(updates):
        loss = ((inputs @ w.t() + b - targets) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
            w.grad.zero_()
            b.grad.zero_()
    return ((inputs @ w.t() + b - targets) ** 2).mean().item()


print(f"     start: loss {loss_after(0, 0.0):.0f} after  0 updates")
for lr in (1e-6, 1e-5, 1e-4, 1.1e-4, 1e-3):
    print(f"lr {lr:.1e}: loss {loss_after(10, lr):.3g} after 10 updates")

moments = gradline.Moments.of(inputs, targets)
path = gradline.Trajectory(moments, lr=1e-5)
print(f"largest stable lr: {path.lr_limit:.2e}")
print(f"growth per update at 1e-3: {path.spectrum.growth(1e-3):.1f}")
