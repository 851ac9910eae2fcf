# The sign of the derivative, on either side of the best w = 2.
import torch

x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])


def loss_at(w):
    return ((w * x - y) ** 2).mean()


for start in (3.0, 1.0):
    w = torch.tensor(start, requires_grad=True)
    loss_at(w).backward()
    print(f"w = {start}: derivative {w.grad.item():+.1f}", end=", ")
    down, up = loss_at(start - 0.1).item(), loss_at(start + 0.1).item()
    print(f"loss {down:.2f} a little below, {up:.2f} a little above")
