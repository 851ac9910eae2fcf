# What backward leaves behind.
import torch

w = torch.tensor([2.0, -1.0], requires_grad=True)
x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1.0, 1.0])

loss = ((x @ w - y) ** 2).mean()
print("before:", w.grad)
loss.backward()
print("after: ", w.grad.tolist())
