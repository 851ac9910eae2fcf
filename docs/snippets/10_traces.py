# One loop and nine mistakes in it: the losses that each of them prints.
import torch

torch.manual_seed(0)
x = torch.rand(20, 1)
y = 1 + 2 * x + 0.1 * torch.randn(20, 1)


def losses(x=x, y=y, lr=0.1, sign=-1, reset=True, size=20, moved=("w", "b")):
    w = torch.zeros(1, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    printed = []
    for _ in range(301):
        rows = torch.randperm(20)[:size]
        loss = ((x[rows] @ w.t() + b - y[rows]) ** 2).mean()
        printed.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for name, parameter in (("w", w), ("b", b)):
                if name in moved:
                    parameter += sign * lr * parameter.grad
                if reset:
                    parameter.grad.zero_()
    return printed


TRACES = {
    "as it should be": losses(),
    "wrong sign": losses(sign=+1),
    "rate too large": losses(lr=2.0),
    "reset forgotten": losses(reset=False),
    "batches of 2": losses(size=2),
    "another model": losses(moved=()),  # the optimiser holds w and b of another
    "rate too small": losses(lr=1e-6),
    "bias frozen": losses(moved=("w",)),
    "column and row": losses(y=y.reshape(-1)),
    "far from zero": losses(x=x + 100, lr=5e-5),
}
EPOCHS = (0, 1, 2, 10, 30, 100, 300)
print("epoch          ", *(f"{epoch:>7}" for epoch in EPOCHS))
for name, printed in TRACES.items():
    shown = (printed[epoch] for epoch in EPOCHS)
    words = (f"{loss:.3g}" if loss < 1e4 else f"{loss:.0e}" for loss in shown)
    print(f"{name:15}", *(f"{word:>7}" for word in words))
