# A number, its derivatives, and no formula for them.
import torch

x = torch.tensor(2.0)
w = torch.tensor(3.0, requires_grad=True)
b = torch.tensor(4.0, requires_grad=True)

y = w * x + b
y.backward()

print("y     =", y.item())
print("dy/dw =", w.grad.item())
print("dy/db =", b.grad.item())
print("dy/dx =", x.grad)
