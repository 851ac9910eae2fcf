# Three ways to meet an old gradient.
import torch

w = torch.tensor(3.0, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)

for _ in range(3):
    (2 * w).backward()
    print("without a reset:", w.grad.item())

w.grad.zero_()
print("grad.zero_():   ", w.grad.item())
opt.zero_grad()
print("opt.zero_grad():", w.grad)
(2 * w).backward()
print("the next one:   ", w.grad.item())
