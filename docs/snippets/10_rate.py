# A learning rate nine times too large.
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
for epoch in range(41):
    loss = ((inputs @ w.t() + b - targets) ** 2).mean()
    if epoch in (0, 1, 2, 40):
        print(f"epoch {epoch:>2}: loss {loss.item():.3g}")
    loss.backward()
    with torch.no_grad():
        w -= 1e-3 * w.grad
        b -= 1e-3 * b.grad
        w.grad.zero_()
        b.grad.zero_()

try:
    descent = gradline.GradientDescent(lr=1e-3, epochs=100)
    gradline.fit(inputs, targets, solver=descent)
except gradline.GradlineError as error:
    print("gradline:", str(error).split(":")[0])
