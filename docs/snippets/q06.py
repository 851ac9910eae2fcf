# The shapes follow from the columns.
import torch
from torch import nn

inputs, targets = torch.zeros(15, 3), torch.zeros(15, 2)

model = nn.Linear(inputs.shape[1], targets.shape[1])
print("weight", tuple(model.weight.shape), "bias", tuple(model.bias.shape))
