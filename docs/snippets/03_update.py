# The five steps, twice.
from importlib.resources import files

import numpy as np
import torch

crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

w = torch.tensor(
    [[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]], requires_grad=True
)
b = torch.tensor([2.2341, -1.7922], requires_grad=True)
lr = 1e-5

for update, printed in enumerate([14603.5264, 10696.0195, 8052.8438]):
    predictions = inputs @ w.t() + b  # 1 predict
    loss = ((predictions - targets) ** 2).mean()  # 2 loss
    print(f"{update} updates: loss {loss.item():.1f}, printed {printed:.1f}")
    loss.backward()  # 3 gradient
    with torch.no_grad():
        w -= lr * w.grad  # 4 update
        b -= lr * b.grad
        w.grad.zero_()  # 5 reset
        b.grad.zero_()
