# PyTorch's parts beside the loop by hand: the same numbers.
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
w = model.weight.detach().clone().requires_grad_()  # the same start, by hand
b = model.bias.detach().clone().requires_grad_()

for _ in range(100):
    predictions = model(inputs)  # 1 predict
    loss = F.mse_loss(predictions, targets)  # 2 loss
    loss.backward()  # 3 gradient
    opt.step()  # 4 update
    opt.zero_grad()  # 5 reset

    loss = ((inputs @ w.t() + b - targets) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 1e-5 * w.grad
        b -= 1e-5 * b.grad
        w.grad.zero_()
        b.grad.zero_()

print(len(inputs), "rows")
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape))
print(f"built in: loss {F.mse_loss(model(inputs), targets).item():.1f}")
print(
    f"by hand:  loss {((inputs @ w.t() + b - targets) ** 2).mean().item():.1f}"
)
print("same weights:", torch.allclose(model.weight, w, rtol=1e-4))
