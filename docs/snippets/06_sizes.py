# The same 100 epochs in batches of 15, 5 and 1.
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])


def train(batch_size, shuffle):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    opt = torch.optim.SGD(model.parameters(), lr=1e-5)
    loader = DataLoader(
        TensorDataset(inputs, targets), batch_size, shuffle=shuffle
    )
    for _ in range(100):
        for xb, yb in loader:
            loss = F.mse_loss(model(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
    return F.mse_loss(model(inputs), targets).item()


print("batch  updates  loss in order  loss shuffled")
for size in (15, 5, 1):
    updates = 100 * len(inputs) // size
    in_order, shuffled = train(size, False), train(size, True)
    print(f"{size:5}  {updates:7}  {in_order:13.0f}  {shuffled:13.0f}")
