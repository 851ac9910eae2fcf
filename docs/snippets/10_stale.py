# Old predictions, and an optimiser that holds the wrong model.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0], [5.0]])

model = nn.Linear(1, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
predictions = model(x)
loss = F.mse_loss(predictions, y)
loss.backward()
opt.step()
opt.zero_grad()
print(f"before the update:      {loss.item():.2f}")
print(f"old predictions, after: {F.mse_loss(predictions, y).item():.2f}")
print(f"new predictions, after: {F.mse_loss(model(x), y).item():.2f}")

model = nn.Linear(
    1, 1
)  # a new model; opt still holds the parameters of the old one
before = F.mse_loss(model(x), y)
for _ in range(100):
    loss = F.mse_loss(model(x), y)
    loss.backward()
    opt.step()
    opt.zero_grad()
unchanged = F.mse_loss(model(x), y).item() == before.item()
print("100 updates of the wrong parameters, the loss unchanged:", unchanged)
