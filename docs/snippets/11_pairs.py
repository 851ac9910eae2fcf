# Tutorial 001: the loss it trains on, and the loss it means.
from importlib.resources import files

import gradline
import numpy as np
import torch

phones = files("gradline") / "examples" / "iphone.csv"
table = torch.from_numpy(np.loadtxt(phones, delimiter=",", skiprows=1))
inputs, targets = table[:, :3], table[:, 3]  # (5, 3) and (5,)

W = torch.tensor(
    [[0.7765, -0.1135, 0.7029]], dtype=torch.float64, requires_grad=True
)
b = torch.tensor([0.4655], dtype=torch.float64, requires_grad=True)


def losses():
    predictions = inputs @ W.t() + b  # (5, 1)
    pairs = ((predictions - targets) ** 2).mean()  # over 5 × 5 differences
    rows = ((predictions[:, 0] - targets) ** 2).mean()  # over 5
    return pairs, rows


def train(updates, lr):
    for _ in range(updates):
        losses()[0].backward()
        with torch.no_grad():
            W.sub_(lr * W.grad)
            b.sub_(lr * b.grad)
            W.grad.zero_()
            b.grad.zero_()


def report(when, printed=""):
    pairs, rows = (loss.item() for loss in losses())
    print(f"{when:22}{pairs:10.4f}{rows:10.2f}  {printed}".rstrip())


print(f"{'':22}{'25 pairs':>10}{'5 rows':>10}  printed")
report("start", 3390.0071)
pairs, rows = losses()
apart = (pairs / rows - 1).item()
for update, printed in ((1, 2558.1218), (2, 1931.3949)):
    train(1, lr=1e-5)
    report(f"update {update}", printed)
for run in range(1, 6):
    train(2000, lr=1e-7)
    report(f"2,000 updates, run {run}", 16.8275 if run == 5 else "")

print(f"the two losses of the start are {apart:.1%} apart")
print(f"25 pairs, the mean of y for every row: {targets.var(correction=0):.2f}")
best = gradline.fit(inputs, targets).certificate.loss
print(f"5 rows, the optimum: {best:.2f}")
