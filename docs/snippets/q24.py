# Gradients add up.
import torch

w = torch.tensor(3.0, requires_grad=True)
(w**2).backward()
(w**2).backward()
print("twice without a reset:", w.grad.item())
w.grad.zero_()
(w**2).backward()
print("after a reset:        ", w.grad.item())
