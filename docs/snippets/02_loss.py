# The mean squared error of these predictions.
from importlib.resources import files

import numpy as np
import torch

# temp, rainfall, humidity, apples, oranges: the tutorials' five regions
crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

w = torch.tensor([[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]])
b = torch.tensor([2.2341, -1.7922])


def mse(predictions, targets):
    diff = predictions - targets
    return (diff * diff).sum() / diff.numel()


loss = mse(inputs @ w.t() + b, targets)
print(f"loss {loss.item():.1f}, its root {loss.sqrt().item():.1f}")
