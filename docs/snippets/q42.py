# What an optimiser holds.
import torch
from torch import nn

model = nn.Linear(3, 2)
opt = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)
group = opt.param_groups[0]
print([tuple(parameter.shape) for parameter in group["params"]])
print("lr", group["lr"], "momentum", group["momentum"])
