# A forgotten reset is momentum 1.
from importlib.resources import files

import gradline
import numpy as np
import torch

crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

w = torch.zeros(2, 3, requires_grad=True)
b = torch.zeros(2, requires_grad=True)
path = gradline.Trajectory(
    gradline.Moments.of(inputs, targets), 1e-5, momentum=1.0
)

for epoch in range(13):
    loss = ((inputs @ w.t() + b - targets) ** 2).mean()
    if epoch % 3 == 0:
        print(f"epoch {epoch:>2}: loss {loss.item():5.0f}", end=", ")
        print(f"with momentum 1 {path.at(epoch).loss:5.0f}")
    loss.backward()
    with torch.no_grad():
        w -= 1e-5 * w.grad
        b -= 1e-5 * b.grad  # and the reset is forgotten
