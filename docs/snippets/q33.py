# The batches of one epoch.
import torch
from torch.utils.data import DataLoader, TensorDataset

dataset = TensorDataset(torch.arange(6), torch.arange(6) * 10)
loader = DataLoader(dataset, batch_size=2, shuffle=True)
print(len(loader), "batches")

seen = [x for xb, yb in loader for x in xb.tolist()]
print("every row once:", sorted(seen) == list(range(6)))

xb, yb = next(iter(loader))  # just one batch
print("rows belong together:", torch.equal(yb, 10 * xb))
