# Tutorial 003's line: 80 rows to train on, 20 to look at; stop in time.
import copy

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(42)
x = torch.rand(100, 1)
y = 1 + 2 * x + 0.1 * torch.randn(100, 1)
rows = torch.randperm(100)
train, held_out = rows[:80], rows[80:]

model = nn.Linear(1, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
best, waited = float("inf"), 0

for epoch in range(1, 1001):
    model.train()
    F.mse_loss(model(x[train]), y[train]).backward()
    opt.step()
    opt.zero_grad()

    model.eval()
    with torch.no_grad():
        loss = F.mse_loss(model(x[held_out]), y[held_out]).item()
    if epoch in (1, 10, 100):
        print(f"epoch {epoch:>3}: validation loss {loss:.4f}")
    if loss < best:
        best, waited = loss, 0
        # a checkpoint: all that training needs to go on from here
        kept = copy.deepcopy((epoch, model.state_dict(), opt.state_dict()))
    else:
        waited += 1
    if waited == 10:
        break

model.load_state_dict(kept[1])
opt.load_state_dict(kept[2])
print(f"stopped at epoch {epoch}, back to epoch {kept[0]}: {best:.4f}")
