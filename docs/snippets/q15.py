# A derivative for each weight.
import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(3, 2)
F.mse_loss(model(torch.ones(5, 3)), torch.zeros(5, 2)).backward()
print(
    "weight",
    tuple(model.weight.shape),
    "gradient",
    tuple(model.weight.grad.shape),
)
