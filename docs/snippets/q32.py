# Batches of two, the last one short.
import torch
from torch.utils.data import DataLoader, TensorDataset

dataset = TensorDataset(torch.arange(5), torch.arange(5) * 10)
for xb, yb in DataLoader(dataset, batch_size=2):
    print(xb.tolist(), yb.tolist())
