# A model is called like a function.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 2)
regions = torch.tensor([[73.0, 67, 43], [91, 88, 64]])

predictions = model(regions)
print(tuple(predictions.shape))
print(torch.allclose(predictions, regions @ model.weight.t() + model.bias))
