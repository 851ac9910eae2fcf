# One check for each cause, where all is right and where the mistake is made.
import gradline
import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(20, 1)
y = 1 + 2 * x + 0.1 * torch.randn(20, 1)


def trained(lr, sign=-1, reset=True, frozen=False, updates=2):
    w, b = (torch.zeros(1, requires_grad=True) for _ in "wb")
    losses = []
    for _ in range(updates):
        loss = ((x * w + b - y) ** 2).mean()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            w += sign * lr * w.grad
            b += 0 if frozen else sign * lr * b.grad
            if reset:
                w.grad.zero_()
                b.grad.zero_()
    return losses, w, b


def check(what, right, wrong):
    print(f"{what:29} {right!s:9} {wrong}")


def grows(lr, sign=-1):
    before, after = trained(lr, sign)[0]
    return after > before


check("", "right", "wrong")
check("rate: grows at lr 0.1, at 2.0", grows(0.1), grows(2.0))
check("  and at a thousandth of it", grows(1e-4), grows(2e-3))
check("sign: grows at lr 0.1", grows(0.1), grows(0.1, sign=+1))
check("  and at a thousandth of it", grows(1e-4), grows(1e-4, sign=+1))

gradients = [
    trained(0.1, reset=reset)[1].grad.item() for reset in (True, False)
]
check("reset: w.grad after it", *(round(one, 1) for one in gradients))

model, other = nn.Linear(1, 1), nn.Linear(1, 1)
for_update = [
    torch.optim.SGD(one.parameters(), lr=0.1).param_groups[0]["params"]
    for one in (model, other)
]
check(
    "optimiser: holds the model",
    *(one[0] is model.weight for one in for_update),
)

shapes = [tuple((model(x) - one).shape) for one in (y, y.reshape(-1))]
check("shape of the differences", *shapes)

biases = [trained(0.1, frozen=frozen)[2].item() for frozen in (False, True)]
check("bias: after two updates", *(round(one, 2) for one in biases))

columns = [(one.mean() / one.std()).item() for one in (x, x + 100)]
check("column: mean over spread", *(round(one, 1) for one in columns))

best = gradline.fit(x, y).certificate.loss
print(f"the least loss there is: {best:.3g}")
