# A random start: three weights and a bias for each of two targets.
import torch

torch.manual_seed(0)
w = torch.randn(2, 3, requires_grad=True)
b = torch.randn(2, requires_grad=True)
print(w.detach().numpy().round(2))
print(b.detach().numpy().round(2))
