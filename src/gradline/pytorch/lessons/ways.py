"""Five ways to write the training loop: the code that the lesson runs, shows, breaks and writes to a file."""

from dataclasses import dataclass, replace
from typing import NamedTuple

STEPS = ("predict", "loss", "gradient", "update", "reset")


@dataclass(frozen=True)
class Way:
    """A program, cut where its parts are shown. It is run as it stands: nothing beside it computes a number.

    It finds the rows `X`, `Y`, the start `W0`, `b0`, and `lr`, `epochs`, `dtype`, `device`, `batch_size`,
    `shuffle`, `seed` under these names. `data` and `model` come first, then for every update the five
    numbered steps, and `report` at the end of an epoch. `weight` and the other expressions say where the
    program keeps its parameters and their gradients.
    """

    name: str
    summary: str
    imports: str
    data: str
    model: str
    predict: str
    loss: str
    gradient: str
    update: str
    reset: str
    report: str
    weight: str
    bias: str
    weight_gradient: str
    bias_gradient: str
    loop: str = ""  # the header of a loop over mini-batches

    def step(self, number: int) -> str:
        """The code of step 1 to 5."""
        return getattr(self, STEPS[number - 1])


_TENSORS = """\
inputs = torch.tensor(X, dtype=dtype, device=device)
targets = torch.tensor(Y, dtype=dtype, device=device)"""

_START = """\
model.load_state_dict({"weight": torch.tensor(W0, dtype=dtype), "bias": torch.tensor(b0, dtype=dtype)})"""

NUMPY = Way(
    name="numpy",
    summary="NumPy, the gradient by formula",
    imports="import numpy as np",
    data="""\
inputs = np.array(X, dtype=dtype)
targets = np.array(Y, dtype=dtype)""",
    model="""\
weight = np.array(W0, dtype=dtype)
bias = np.array(b0, dtype=dtype)""",
    predict="predictions = inputs @ weight.T + bias",
    loss="""\
error = predictions - targets
loss = (error**2).mean()""",
    gradient="""\
weight_gradient = 2 * error.T @ inputs / error.size
bias_gradient = 2 * error.sum(axis=0) / error.size""",
    update="""\
weight = weight - lr * weight_gradient
bias = bias - lr * bias_gradient""",
    reset="# nothing to reset: step 3 computes the gradient afresh",
    report="epoch_loss = ((inputs @ weight.T + bias - targets) ** 2).mean()",
    weight="weight",
    bias="bias",
    weight_gradient="weight_gradient",
    bias_gradient="bias_gradient",
)

AUTOGRAD = Way(
    name="autograd",
    summary="PyTorch tensors, the gradient by autograd",
    imports="import torch",
    data=_TENSORS,
    model="""\
weight = torch.tensor(W0, dtype=dtype, device=device, requires_grad=True)
bias = torch.tensor(b0, dtype=dtype, device=device, requires_grad=True)

def mse(predictions, targets):
    error = predictions - targets
    return (error * error).sum() / error.numel()""",
    predict="predictions = inputs @ weight.t() + bias",
    loss="loss = mse(predictions, targets)",
    gradient="loss.backward()",
    update="""\
with torch.no_grad():
    weight -= lr * weight.grad
    bias -= lr * bias.grad""",
    reset="""\
weight.grad.zero_()
bias.grad.zero_()""",
    report="""\
with torch.no_grad():
    epoch_loss = mse(inputs @ weight.t() + bias, targets)""",
    weight="weight",
    bias="bias",
    weight_gradient="weight.grad",
    bias_gradient="bias.grad",
)

MODULE = Way(
    name="module",
    summary="an nn.Module with two nn.Parameters, nn.MSELoss and SGD",
    imports="import torch\nfrom torch import nn",
    data=_TENSORS,
    model=f"""\
class LinearRegression(nn.Module):
    def __init__(self, features, targets):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(targets, features))
        self.bias = nn.Parameter(torch.randn(targets))

    def forward(self, x):
        return x @ self.weight.t() + self.bias

model = LinearRegression(len(W0[0]), len(W0)).to(device, dtype)
{_START}
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=lr)""",
    predict="""\
model.train()  # dropout and the like behave as in training; a linear layer is the same either way
predictions = model(inputs)""",
    loss="loss = loss_fn(predictions, targets)",
    gradient="loss.backward()",
    update="optimizer.step()",
    reset="optimizer.zero_grad()",
    report="""\
model.eval()  # dropout and the like behave as in use
with torch.no_grad():
    epoch_loss = loss_fn(model(inputs), targets)""",
    weight="model.weight",
    bias="model.bias",
    weight_gradient="model.weight.grad",
    bias_gradient="model.bias.grad",
)

BUILTIN = replace(
    MODULE,
    name="builtin",
    summary="nn.Linear, F.mse_loss and SGD",
    imports="import torch\nimport torch.nn.functional as F\nfrom torch import nn",
    model=f"""\
model = nn.Linear(len(W0[0]), len(W0)).to(device, dtype)
{_START}
optimizer = torch.optim.SGD(model.parameters(), lr=lr)""",
    predict="predictions = model(inputs)",
    loss="loss = F.mse_loss(predictions, targets)",
    report="""\
with torch.no_grad():
    epoch_loss = F.mse_loss(model(inputs), targets)""",
)

BATCHES = replace(
    BUILTIN,
    name="batches",
    summary="nn.Linear, F.mse_loss and SGD over a DataLoader",
    imports=f"{BUILTIN.imports}\nfrom torch.utils.data import DataLoader, TensorDataset",
    data=f"""\
{_TENSORS}
dataset = TensorDataset(inputs, targets)
order = torch.Generator().manual_seed(seed)
loader = DataLoader(dataset, batch_size, shuffle=shuffle, generator=order)""",
    loop="for xb, yb in loader:",
    predict="predictions = model(xb)",
    loss="loss = F.mse_loss(predictions, yb)",
)

WAYS = {way.name: way for way in (NUMPY, AUTOGRAD, MODULE, BUILTIN, BATCHES)}


class ColumnNames(NamedTuple):
    """What a script's rows are called: the columns of X and of Y."""

    features: tuple[str, ...]
    targets: tuple[str, ...]
