# Inputs and targets, one row at a time.
import torch
from torch.utils.data import TensorDataset

dataset = TensorDataset(
    torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([5, 6, 7])
)
print(len(dataset), dataset[0:2])
