# A loop whose bias is never updated, and what its losses tell.
import textwrap

import torch
from gradline.pytorch import diagnose

x = torch.linspace(0, 3, 30).reshape(-1, 1)
y = 1 + 2 * x + 0.2 * torch.sin(7 * x)
w = torch.zeros(1, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)

printed = []
for epoch in range(8):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.05 * w.grad
    w.grad.zero_()
    b.grad.zero_()
    printed.append(f"Epoch {epoch}, Loss: {loss:.4f}")

print(printed[0], printed[-1], sep="\n")
found = str(diagnose("\n".join(printed), x, y, lr=0.05, init="zeros"))
for line in found.splitlines():
    print(textwrap.fill(line, 72, subsequent_indent="  "))
