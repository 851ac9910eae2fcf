# One table, two matrices.
import torch

table = torch.tensor([[73.0, 67, 43, 56, 70], [91, 88, 64, 81, 101]])
inputs, targets = table[:, :3], table[:, 3:]
print("inputs", tuple(inputs.shape), "targets", tuple(targets.shape))
