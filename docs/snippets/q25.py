# The five steps, twenty times.
import torch

x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])
w = torch.tensor(0.0, requires_grad=True)

for _ in range(20):
    predictions = w * x  # 1 predict
    loss = ((predictions - y) ** 2).mean()  # 2 loss
    loss.backward()  # 3 gradient
    with torch.no_grad():
        w -= 0.1 * w.grad  # 4 update
        w.grad.zero_()  # 5 reset
print(f"w {w.item():.3f}")
