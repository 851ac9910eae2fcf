# An optimiser, and one use of it.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[3.0], [5.0], [7.0]])

model = nn.Linear(1, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)

before = F.mse_loss(model(x), y)
before.backward()
opt.step()
opt.zero_grad()
print("lower:", F.mse_loss(model(x), y).item() < before.item())
