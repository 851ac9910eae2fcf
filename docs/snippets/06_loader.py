# Fifteen rows, four at a time, in random order.
from importlib.resources import files

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

dataset = TensorDataset(inputs, targets)
first_inputs, first_targets = dataset[0]
print("row 0:", first_inputs.tolist(), "→", first_targets.tolist())

torch.manual_seed(0)
loader = DataLoader(dataset, batch_size=4, shuffle=True)
for xb, yb in loader:
    print(tuple(xb.shape), tuple(yb.shape), "temps", xb[:, 0].int().tolist())
