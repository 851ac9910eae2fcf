# A linear layer from three inputs to two outputs.
import torch
from torch import nn

model = nn.Linear(3, 2)
print(model)
print(tuple(model(torch.zeros(5, 3)).shape))
