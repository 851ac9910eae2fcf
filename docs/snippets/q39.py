# The built-in mean squared error.
import torch
import torch.nn.functional as F

predictions, targets = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 6.0])
print(F.mse_loss(predictions, targets).item())
