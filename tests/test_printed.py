"""What loops print, read back: thirty ways of printing losses, weights, and what PyTorch itself says."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from crops import X5, Y5
from torch import nn
from torch.nn import functional as F

from gradline.pytorch import diagnose
from gradline.pytorch.diagnosis.messages import MESSAGES, messages
from gradline.pytorch.diagnosis.printed import read_printed

FRAME = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [9.5, 8.5, 7.5], "loss": [3.5, 2.25, 1.125]})
LEAF = torch.tensor(3.5, requires_grad=True)

# What a loop prints, as text, and the losses, half units of their last digits, and epochs in it.
PRINTED = [
    (
        "tensor(3390.0071, grad_fn=<DivBackward0>)\ntensor(2558.1218)",
        [3390.0071, 2558.1218],
        [5e-5, 5e-5],
        [0, 1],
    ),
    (
        "Epoch [10/100], Loss: 818.6476\nEpoch [20/100], Loss: 335.33",
        [818.6476, 335.33],
        [5e-5, 5e-3],
        [10, 20],
    ),
    ("loss before: 22260.2\nloss after: 15273.6", [22260.2, 15273.6], [0.05, 0.05], [0, 1]),
    ("loss= 267.3872\nloss after 5 epochs: 3.25", [267.3872, 3.25], [5e-5, 5e-3], [0, 1]),
    (
        "Epoch 3 loss 1.2e4\nEpoch 4 loss nan\nEpoch 5 loss inf",
        [1.2e4, np.nan, np.inf],
        [500, 0, 0],
        [3, 4, 5],
    ),
    ("epoch,loss,seconds\n0,3390.0,1\n1,200,2", [3390, 200], [0.05, 0.5], [0, 1]),
    ("0 tensor(267.3, grad_fn=<X>)\n1 tensor(3.)", [267.3, 3], [0.05, 0], [0, 1]),
    ("epoch=0\ntensor(5.1)\nepoch=1\ntensor(4.2)", [5.1, 4.2], [0.05, 0.05], [0, 1]),
    ("10/10 - loss: 0.25 - val_loss: 0.5\nval_loss: 3", [0.25], [5e-3], [0]),
    ("{'epoch': 3, 'loss': 0.5}", [0.5], [0.05], [3]),
    ("[3.5, 2.25, 1.0]", [3.5, 2.25, 1.0], [0.05, 5e-3, 0.05], [0, 1, 2]),
    ("tensor([[0.5, 1.2]])\nW -= W.grad * 1e-5\n7.5", [7.5], [0.05], [0]),
    ("5.0\nEpoch 1: loss 4.0\nEpoch 2: loss 3.5\n2.0", [5, 4, 3.5], [0.05] * 3, [0, 1, 2]),
    ([3390.0071, 2558.12], [3390.0071, 2558.12], [5e-5, 5e-5], [0, 1]),
    ([(10, 1.5), (20, 1.25)], [1.5, 1.25], [5e-3, 5e-3], [10, 20]),
    ([torch.tensor(1 / 3), torch.tensor(0.1)], [1 / 3, 0.1], [0, 0], [0, 1]),
    (["Loss: 3.5", "Loss: 2.5"], [3.5, 2.5], [0.05, 0.05], [0, 1]),
    # Tensors and NumPy's scalars, bare, named, and in lists.
    (f"{F.mse_loss(LEAF, torch.tensor(0.5))!r}\n{LEAF * LEAF!r}", [9, 12.25], [0, 5e-5], [0, 1]),
    (
        "loss tensor(0.1773, dtype=torch.float64)\nloss tensor([[0.1]], device='cuda:0')",
        [0.1773, 0.1],
        [5e-5, 0.05],
        [0, 1],
    ),
    (f"{[LEAF * 2.5, LEAF]}", [8.75, 3.5], [5e-5, 5e-5], [0, 1]),
    (f"losses = {[np.float64(3.5), np.float32(2.25)]}", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    ("array([3.5 , 2.25,\n       1.  ])", [3.5, 2.25, 1], [0.05, 5e-3, 0], [0, 1, 2]),
    (f"{np.array([3.5, 2.25])}", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    (f"{torch.tensor([3.5, 2.25])}", [3.5, 2.25], [5e-5, 5e-5], [0, 1]),
    ("[(0, 3.5), (1, 2.25)]", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    ("(0, 3.5)\n(1, tensor(2.25))", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    # Tables.
    (FRAME.to_string(), [3.5, 2.25, 1.125], [5e-4] * 3, [1, 2, 3]),
    (FRAME.to_string(index=False), [3.5, 2.25, 1.125], [5e-4] * 3, [1, 2, 3]),
    (FRAME[["loss"]].to_string(), [3.5, 2.25, 1.125], [5e-4] * 3, [0, 1, 2]),
    (str(FRAME["loss"]), [3.5, 2.25, 1.125], [5e-4] * 3, [0, 1, 2]),
    (FRAME.to_csv(), [3.5, 2.25, 1.125], [0.05, 5e-3, 5e-4], [1, 2, 3]),
    (FRAME.to_csv(sep=";", index=False), [3.5, 2.25, 1.125], [0.05, 5e-3, 5e-4], [1, 2, 3]),
    ("| epoch | loss |\n|---|---|\n| 1 | 3.5 |\n| 2 | 2.25 |", [3.5, 2.25], [0.05, 5e-3], [1, 2]),
    ("{'loss': [3.5, 2.25], 'val_loss': [9.5, 8.5]}", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    (
        '[{"epoch": 1, "loss": 3.5}, {"epoch": 2, "loss": 2.25}]',
        [3.5, 2.25],
        [0.05, 5e-3],
        [1, 2],
    ),
    # Marks for thousands and decimal commas.
    ("loss 8,327.10\nloss 951.81", [8327.1, 951.81], [5e-3, 5e-3], [0, 1]),
    ("8,327.10\n5,768.00\n951.81", [8327.1, 5768, 951.81], [5e-3] * 3, [0, 1, 2]),
    ("Epoch 1,000: loss = 1,234,567", [1234567], [0.5], [1000]),
    ("loss: 8_327.10\nloss: 8'327.10", [8327.1, 8327.1], [5e-3, 5e-3], [0, 1]),
    ("Loss: 0,1773\nLoss: 12,5\nLoss: 1.234,56", [0.1773, 12.5, 1234.56], [5e-5, 0.05, 5e-3], [0, 1, 2]),
    ("0,3390.5\n1,2558.1", [3390.5, 2558.1], [0.05, 0.05], [0, 1]),
    # Other names.
    ("Iteration 0: cost 8327.0996\nIteration 1: cost 5767.9951", [8327.0996, 5767.9951], [5e-5] * 2, [0, 1]),
    ("Cost after iteration 10: 0.69", [0.69], [5e-3], [10]),
    ("step 100 | train_mse=0.25 | test_mse=0.5", [0.25], [5e-3], [100]),
    ("MSE: 3.5\nMSE: 2.25", [3.5, 2.25], [0.05, 5e-3], [0, 1]),
    ("Epoch #3 error = 0.5", [0.5], [0.05], [3]),
    ("J(w,b) = 4.5\nJ = 4.25", [4.5, 4.25], [0.05, 5e-3], [0, 1]),
    ("iter 7   RMSE 1.5", [1.5], [0.05], [7]),
    ("Epoch 2: 0.5", [0.5], [0.05], [2]),
    ("loss -> 3.5\nloss is 2.5", [3.5, 2.5], [0.05, 0.05], [0, 1]),
    # Several losses on a line.
    ("Epoch 4 | train loss 0.5 | validation loss 0.75", [0.5], [0.05], [4]),
    ("Epoch 4, Val Loss: 0.75, Train Loss: 0.5", [0.5], [0.05], [4]),
    ("epoch 4 train 0.5 val 0.75", [0.5], [0.05], [4]),
    ("test_loss=0.75 train_loss=0.5 lr=0.01", [0.5], [0.05], [0]),
    # Progress bars, batches, logs.
    (
        "Epoch 1:  50%|█████     | 2/4 [00:00<00:00, 9.1it/s, loss=8.3]\r"
        "Epoch 1: 100%|██████████| 4/4 [00:00<00:00, 9.3it/s, loss=7.25]\n"
        "Epoch 2: 100%|██████████| 4/4 [00:00<00:00, 9.3it/s, loss=6.5]",
        [7.25, 6.5],
        [5e-3, 0.05],
        [1, 2],
    ),
    (" 10%|█         | 10/100 [00:00<00:01, 80.1it/s, loss=8.33e+3]", [8330], [5], [10]),
    (
        "Epoch 1/2\n4/4 [====] - 0s 2ms/step - loss: 3.5 - val_loss: 9\n"
        "Epoch 2/2\n4/4 [====] - 0s 2ms/step - loss: 2.5 - val_loss: 8",
        [3.5, 2.5],
        [0.05, 0.05],
        [1, 2],
    ),
    (
        "Epoch [1/2], Step [1/2], Loss: 3.5\nEpoch [1/2], Step [2/2], Loss: 3.25\nEpoch [2/2], Step [1/2], Loss: 3.0",
        [3.25, 3],
        [5e-3, 0.05],
        [1, 2],
    ),
    ("2026-11-30 03:10:11,123 INFO epoch 3 loss=5.25", [5.25], [5e-3], [3]),
    ("\x1b[32mEpoch 1\x1b[0m loss \x1b[1m5.25\x1b[0m", [5.25], [5e-3], [1]),
    ("3rd update: loss 5.25", [5.25], [5e-3], [3]),
    (
        'Epoch 1, Loss: 3.5\nTraceback (most recent call last):\n  File "loss.py", line 12, in <module>\n'
        "    loss = ((preds - targets) ** 2).sum()\nRuntimeError: error in loss 3",
        [3.5],
        [0.05],
        [1],
    ),
]


@pytest.mark.parametrize(("text", "losses", "halves", "epochs"), PRINTED)
def test_losses_are_read_with_half_a_unit_of_their_last_digit(text, losses, halves, epochs):
    printed = read_printed(text)
    np.testing.assert_allclose(printed.losses, losses, rtol=1e-7)
    np.testing.assert_allclose(printed.halves, halves, rtol=1e-9)
    assert printed.epochs.tolist() == epochs


WEIGHTS = [
    ("1th update: b = 0.8038, w = 0.2507", 1, [0.2507], [0.8038]),
    ("Epoch 3 weight: 2.0 bias: -1.5 loss: 4.5", 3, [2], [-1.5]),
    ("w = tensor([[0.5, 1.25]], requires_grad=True), b = tensor([0.75])", None, [0.5, 1.25], [0.75]),
    ("theta0=0.5 theta1=1.5", None, [1.5], [0.5]),
    ("w1 = 1.5, w2 = 2.5, b = 0.5", None, [1.5, 2.5], [0.5]),
    ("slope=1.5, intercept=0.5", None, [1.5], [0.5]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "epoch", "weight", "bias"), WEIGHTS)
def test_weights_are_read_where_a_line_names_both(text, epoch, weight, bias):
    (found,) = read_printed(text).weights
    assert (found.epoch, found.weight.tolist(), found.bias.tolist()) == (epoch, weight, bias)
    assert len(found.halves) == len(weight) + len(bias)


def test_gradients_are_no_weights():
    assert not read_printed("w.grad = 0.5, b.grad = 0.25\nw = 0.5\nloss 3").weights


def test_losses_in_a_file(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("Epoch 1: loss 4.5\n")
    assert read_printed(path).losses == read_printed(str(path)).losses == [4.5]


W: Any = torch.zeros(2, 1, requires_grad=True)
X, Y = torch.ones(3, 2), torch.ones(3, 1)
LONG = torch.ones(3, 2, dtype=torch.long)


def weight() -> Any:
    return torch.zeros(2, 1, requires_grad=True)


def untyped(value: Any) -> Any:
    """The value, which is not what a caller may expect."""
    return value


def again():
    loss = F.mse_loss(X @ W, Y)
    loss.backward()
    loss.backward()


def modified():
    predictions = (X @ W).exp()
    predictions += 1
    predictions.sum().backward()


def replaced():
    w = weight()
    for _ in range(2):
        F.mse_loss(X @ w, Y).backward()
        w = w - 0.1 * w.grad


def scheduled():
    torch.optim.lr_scheduler.StepLR(torch.optim.SGD([W], lr=0.1), 1).step()


# One row for each way to meet a message: what provokes it in PyTorch.
PROVOKED = [
    ("no_grad", replaced),
    ("no_grad", lambda: weight().grad.zero_()),
    ("no_grad", lambda: weight() - 0.1 * weight().grad),
    ("in_place", lambda: weight().sub_(1)),
    ("in_place", lambda: weight()[0].add_(1)),
    ("modified", modified),
    ("not_a_leaf", lambda: torch.optim.SGD([weight() * 2], lr=0.1)),
    ("integer_weights", lambda: torch.tensor([1, 2], requires_grad=True)),
    ("integer_weights", lambda: torch.tensor([1, 2]).requires_grad_()),
    ("not_scalar", lambda: (X @ W - Y).backward()),
    ("numpy", lambda: (X @ W).numpy()),
    ("devices", lambda: nn.Linear(2, 1, device="meta")(X)),
    ("devices", lambda: torch.ones(2, device="meta") + torch.ones(2)),
    ("flat", lambda: X.flatten()[None] @ W),
    ("flat", lambda: nn.Linear(3, 1)(X)),
    ("flat", lambda: X @ torch.ones(3)),
    ("sizes", lambda: torch.ones(3) - torch.ones(5)),
    ("reshape", lambda: torch.ones(9).reshape(5, 2)),
    ("integers", lambda: nn.Linear(2, 1)(LONG)),
    ("integers", lambda: LONG @ W),
    ("integers", lambda: LONG.mean()),
    ("integers", lambda: torch.ones(2, dtype=torch.long).sub_(0.5)),
    ("dtype", lambda: X.double() @ W),
    ("dtype", lambda: nn.Linear(2, 1)(X.double())),
    ("detach", lambda: F.mse_loss((X @ W).detach(), Y).backward()),
    ("loss_is_a_number", lambda: untyped(F.mse_loss(X @ W, Y).item()).backward()),
    ("loss_is_a_number", lambda: untyped(np.square(np.ones(3)).mean()).backward()),
    ("twice", again),
    ("no_parameters", lambda: torch.optim.SGD([], lr=0.1)),
    ("parameters", lambda: torch.optim.SGD(W, lr=0.1)),
    ("parameters", lambda: torch.optim.SGD(untyped([nn.Linear(2, 1)]), lr=0.1)),
    ("parameters", lambda: torch.optim.SGD(untyped(nn.Linear(2, 1).parameters), lr=0.1)),
    ("not_a_parameter", lambda: setattr(nn.Linear(2, 1), "weight", X)),
    ("not_a_tensor", lambda: nn.Linear(2, 1)(np.ones((3, 2)))),
    ("not_numbers", lambda: torch.tensor(np.array(["a", 1], dtype=object))),
    ("not_numbers", lambda: torch.tensor(untyped(["1", "2"]))),
    ("data_frame", lambda: torch.tensor(FRAME)),
    ("data_frame", lambda: torch.from_numpy(untyped(FRAME))),
    ("item", lambda: (X @ W).item()),
    ("item", lambda: float(X)),
    ("loss_made_not_called", lambda: untyped(nn.MSELoss)(X @ W, Y)),
    ("rows", lambda: torch.utils.data.TensorDataset(X, torch.ones(4))),
    ("state_dict", lambda: nn.Linear(2, 1).load_state_dict(nn.Linear(3, 1).state_dict())),
    ("gradient_size", lambda: setattr(weight(), "grad", torch.ones(3))),
    ("shape", lambda: F.mse_loss(X @ W, Y[:, 0])),
    ("not_leaf", lambda: (2 * W).grad),
    ("scheduler", scheduled),
    ("copied", lambda: torch.tensor(W)),
]  # fmt: skip
# Those that need a GPU, as PyTorch's source has them.
ON_GPU = {
    "on_gpu": "TypeError: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
    "host memory first.",
    "devices": "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 "
    "and cpu!",
    "no_gpu": "AssertionError: Torch not compiled with CUDA enabled",
}


def said_by(provoke) -> tuple[str, bool]:
    """What PyTorch says, as a terminal shows it, and whether it stops there."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        stopped = ""
        try:
            provoke()
        except Exception as error:
            stopped = f'Traceback (most recent call last):\n  File "loop.py", line 7\n{type(error).__name__}: {error}\n'
    return stopped + "".join(f"UserWarning: {warning.message}\n" for warning in warned), bool(stopped)


@pytest.mark.parametrize(("name", "provoke"), PROVOKED)
def test_messages_are_those_of_pytorch(name, provoke):
    text, stops = said_by(provoke)
    assert messages(text)[:1] == (name,), text
    assert MESSAGES[name].stops == stops


@pytest.mark.parametrize("name", ON_GPU)
def test_messages_of_a_gpu(name):
    assert messages(ON_GPU[name]) == (name,)


def test_every_message_has_its_row():
    assert {name for name, _ in PROVOKED} | set(ON_GPU) == set(MESSAGES)
    assert len(MESSAGES) >= 24


def test_a_message_alone_is_the_verdict():
    diagnosis = diagnose(said_by(again)[0], X5, Y5, lr=1e-5, init="zeros")
    assert diagnosis.verdict == "twice"
    assert diagnosis.sentences[1].endswith(MESSAGES["twice"].remedy)
