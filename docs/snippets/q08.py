# Two rows at once, by matrices and by hand.
import torch

x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])  # two rows, two features
w = torch.tensor([[10.0, 1.0]])  # one target
b = torch.tensor([5.0])

print((x @ w.t() + b).tolist())
print([10 * 1 + 1 * 2 + 5, 10 * 3 + 1 * 4 + 5])
