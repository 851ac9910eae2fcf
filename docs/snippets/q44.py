# Training in batches.
from importlib.resources import files

import gradline
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def fit(model, inputs, targets, lr, epochs, batch_size):
    """Train in shuffled batches; return the loss over all rows."""
    loader = DataLoader(
        TensorDataset(inputs, targets), batch_size, shuffle=True
    )
    opt = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for xb, yb in loader:
            predictions = model(xb)  # 1 predict
            loss = F.mse_loss(predictions, yb)  # 2 loss
            loss.backward()  # 3 gradient
            opt.step()  # 4 update
            opt.zero_grad()  # 5 reset
    with torch.no_grad():
        return F.mse_loss(model(inputs), targets).item()


crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs, targets = torch.from_numpy(table[:, :3]), torch.from_numpy(table[:, 3:])

torch.manual_seed(0)
loss = fit(nn.Linear(3, 2), inputs, targets, lr=5e-5, epochs=200, batch_size=5)
best = gradline.fit(inputs, targets).certificate.loss
print(f"loss {loss:.1f}, the optimum {best:.1f}")
