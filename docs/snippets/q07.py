# Random weights of a given shape.
import torch

torch.manual_seed(0)
w = torch.randn(2, 3, requires_grad=True)
b = torch.randn(2, requires_grad=True)
print("w", tuple(w.shape), "b", tuple(b.shape))

many = torch.randn(100_000)
print("mean near 0:", abs(many.mean().item()) < 0.01)
print(f"standard deviation {many.std().item():.1f}")
