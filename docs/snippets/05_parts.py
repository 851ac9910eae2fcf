# A loss as an object and as a function: the same number, and nothing to learn.
import torch
import torch.nn.functional as F
from torch import nn

predictions, targets = torch.tensor([0.5, 1.0]), torch.tensor([2.0, 1.3])
as_object = nn.MSELoss()
print(f"nn.MSELoss: {as_object(predictions, targets).item():.2f}")
print(f"F.mse_loss: {F.mse_loss(predictions, targets).item():.2f}")
for part in (nn.Linear(3, 2), as_object):
    count = sum(parameter.numel() for parameter in part.parameters())
    print(f"{type(part).__name__}: {count} numbers to learn")
