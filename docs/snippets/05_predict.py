# A trained layer, called with one new row: a table of one.
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

torch.manual_seed(0)
model = nn.Linear(3, 2)
opt = torch.optim.SGD(model.parameters(), lr=1e-5)
for _ in range(100):
    F.mse_loss(model(inputs), targets).backward()
    opt.step()
    opt.zero_grad()

region = torch.tensor([[75.0, 63.0, 44.0]])  # °F, mm, %: shape (1, 3)
with torch.no_grad():
    predictions = model(region)
print(tuple(predictions.shape), predictions.numpy().round(1))
