# One new row, as a batch of one.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 2)  # a trained one, in earnest
with torch.no_grad():
    predictions = model(torch.tensor([[75.0, 63.0, 44.0]]))
print(tuple(predictions.shape), predictions.requires_grad)
