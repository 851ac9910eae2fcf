# One update by hand.
import torch

w = torch.tensor(3.0, requires_grad=True)
loss = (w - 2) ** 2
loss.backward()

with torch.no_grad():
    w -= 0.1 * w.grad
print(f"w {w.item():.1f}, loss {loss.item():.2f} → {((w - 2) ** 2).item():.2f}")
