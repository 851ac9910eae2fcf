"""What PyTorch says when a loop goes wrong: one row for each message, with its cause and the lines that mend it."""

import re
from typing import NamedTuple


class Message(NamedTuple):
    """A message of PyTorch that names a mistake: its pattern, the cause, the lines that mend it."""

    pattern: re.Pattern[str]
    stops: bool  # an error that ends the loop, or a warning
    cause: str
    remedy: str


def _error(pattern: str, cause: str, remedy: str) -> Message:
    return Message(re.compile(pattern, re.I), True, cause, remedy)


def _warning(pattern: str, cause: str, remedy: str) -> Message:
    return Message(re.compile(pattern, re.I), False, cause, remedy)


_UPDATE = "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad"
_FLOATS = "inputs, targets = inputs.float(), targets.float()"
_TENSORS = "inputs = torch.tensor(X, dtype=torch.float32), and the targets alike"
_OPTIMIZER = "optimizer = torch.optim.SGD(model.parameters(), lr=lr)"

# A line belongs to the first row that knows it: what is special stands before what is general.
MESSAGES: dict[str, Message] = {
    "no_grad": _error(
        r"unsupported operand type\(s\) for [*/+-]=?: '[\w.]+' and 'NoneType'"
        r"|unsupported operand type\(s\) for [*/+-]=?: 'NoneType' and '[\w.]+'"
        r"|'NoneType' object has no attribute '(zero_|data|item|norm|mul_|clone|detach)'",
        "a gradient is None. Either backward() has not run yet, or `w = w - lr * w.grad` made a new tensor that is "
        "no leaf, so the next backward() leaves its .grad empty",
        _UPDATE,
    ),
    "in_place": _error(
        r"(a leaf Variable|a view of a leaf Variable) that requires grad is being used in an in-place operation",
        "the update itself is recorded for the gradient: a weight is changed in place outside torch.no_grad()",
        _UPDATE,
    ),
    "modified": _error(
        r"needed for gradient computation has been modified by an in-?place operation",
        "a tensor was changed between the predictions and backward(), which still needs its old value: a weight was "
        "updated too early, or an operation ends in _ or +=",
        "loss.backward() first, then the update; and write q = q + 1, not q += 1, in the predictions",
    ),
    "not_a_leaf": _error(
        r"can't optimize a non-leaf Tensor",
        "the optimizer got a tensor that is itself the result of a computation, such as torch.randn(2, 3) * 0.1 or "
        ".to(device) after requires_grad=True: only a leaf collects gradients",
        "w = (torch.randn(2, 3) * 0.1).to(device).requires_grad_()",
    ),
    "integer_weights": _error(
        r"only tensors of floating point (and complex )?dtype can require gradients",
        "the weights are whole numbers (torch.tensor([1, 2]) is int64), and only floating point tensors have gradients",
        "w = torch.tensor([1.0, 2.0], requires_grad=True)",
    ),
    "not_scalar": _error(
        r"grad can be implicitly created only for scalar outputs",
        "backward() was called on one loss per row: the squares were never averaged to a single number",
        "loss = ((preds - targets) ** 2).mean(); loss.backward()",
    ),
    "numpy": _error(
        r"can't call numpy\(\) on tensor that requires grad",
        "a tensor that still collects gradients was handed to NumPy or to a plot",
        "preds.detach().numpy(), or everything that only looks inside with torch.no_grad():",
    ),
    "on_gpu": _error(
        r"can't convert \w+(:\d+)? device type tensor to numpy",
        "the tensor lies on the GPU, and NumPy and plots only see the main memory",
        "preds.detach().cpu().numpy()",
    ),
    "devices": _error(
        r"expected all tensors to be on the same device|is not on the expected device|tensors? .* different devices?",
        "model and data lie on different devices, such as weights on the GPU and a batch still on the CPU",
        "model = model.to(device), and inputs, targets = inputs.to(device), targets.to(device) in the loop",
    ),
    "no_gpu": _error(
        r"torch not compiled with cuda enabled|found no nvidia driver|no cuda gpus are available"
        r"|attempting to deserialize object on a cuda device",
        "the loop asks for a GPU, and PyTorch finds none here",
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
    ),
    "flat": _error(
        r"mat1 and mat2 shapes cannot be multiplied|size mismatch, got input|inconsistent tensor size"
        r"|mat1 dim 1 must match mat2 dim 0",
        "the inputs do not have one row per observation and one column per feature, or the weight is not transposed",
        "inputs = inputs.reshape(-1, 1) for a single feature; preds = inputs @ w.t() + b",
    ),
    "sizes": _error(
        r"the size of tensor a \(\d+\) must match the size of tensor b \(\d+\)",
        "predictions and targets differ in their number of rows or columns",
        "print(preds.shape, targets.shape), and make both (rows, targets)",
    ),
    "reshape": _error(
        r"shape '\[.*\]' is invalid for input of size",
        "reshape or view asks for more or fewer numbers than the tensor has",
        "inputs.reshape(-1, 1): -1 leaves the number of rows to PyTorch",
    ),
    "integers": _error(
        r"but got:? (long|int)\b|got: (long|int)\b|but found (long|int)\b|dtype (long|int)\b|type (long|int)\b"
        r"|expected scalar type long",
        "inputs, targets or weights are whole numbers (int64, which PyTorch calls Long), and the loop needs Float",
        _FLOATS,
    ),
    "dtype": _error(
        r"must have the same dtype|expected m1 and m2 to have the same dtype|expected scalar type|found dtype \w+ but",
        "inputs and weights have different types: NumPy makes float64, PyTorch's weights are float32",
        _FLOATS,
    ),
    "detach": _error(
        r"does not require grad and does not have a grad_fn",
        "the loss does not depend on any weight that wants a gradient: requires_grad is missing, or the predictions "
        "were detached",
        "w = torch.randn(2, 3, requires_grad=True), and no .detach(), .item() or no_grad() before loss.backward()",
    ),
    "loss_is_a_number": _error(
        r"'(float|int|numpy\.\w+|ndarray)' object has no attribute 'backward'",
        "the loss is a plain number, without the way back to the weights: .item() or NumPy was used too early",
        "loss = ((preds - targets) ** 2).mean(); loss.backward(); print(loss.item())",
    ),
    "twice": _error(
        r"backward through the graph a second time",
        "backward() was called twice on one loss: predictions and loss were not computed anew",
        "preds = model(inputs); loss = mse(preds, targets); loss.backward(), all three in every epoch",
    ),
    "no_parameters": _error(
        r"optimizer got an empty parameter list",
        "the optimizer was given no weights: model.parameters() is empty, or was used up by a loop before",
        "make the layers in __init__ as attributes (self.linear = nn.Linear(3, 2)); " + _OPTIMIZER,
    ),
    "parameters": _error(
        r"params argument given to the optimizer should be an iterable|optimizer can only optimize Tensors"
        r"|'method' object is not iterable",
        "the optimizer wants a list of tensors, and got a single tensor, the model, or a method without its brackets",
        _OPTIMIZER + ", or torch.optim.SGD([w, b], lr=lr)",
    ),
    "not_a_parameter": _error(
        r"cannot assign '[\w.]+' as parameter '\w+'",
        "a layer's weight was replaced by a plain tensor",
        "with torch.no_grad(): model.weight.copy_(w)",
    ),
    "not_a_tensor": _error(
        r"must be Tensor, not |'numpy\.ndarray' object has no attribute|'(int|float)' object is not callable",
        "the model or the loss got a NumPy array or a number where PyTorch wants a tensor",
        _TENSORS,
    ),
    "not_numbers": _error(
        r"can't convert np\.ndarray of type numpy\.object_|too many dimensions 'str'|could not convert string to float",
        "a column holds text or missing cells, so that the array is one of objects and not of numbers",
        'X = frame[["temp", "rainfall"]].to_numpy(dtype="float32"), with the columns that are numbers',
    ),
    "data_frame": _error(
        r"expected np\.ndarray \(got (\w+)\)|could not determine the shape of object type '\w+'",
        "PyTorch was given a data frame, a column of one, or a list, where it wants an array",
        'inputs = torch.tensor(frame[["temp", "rainfall"]].to_numpy(), dtype=torch.float32)',
    ),
    "item": _error(
        r"a Tensor with \d+ elements cannot be converted to Scalar"
        r"|only one element tensors can be converted to Python scalars",
        "item() or float() was called on many numbers: the loss was not averaged, or it is the predictions",
        "loss = ((preds - targets) ** 2).mean(); loss.item()",
    ),
    "loss_made_not_called": _error(
        r"Boolean value of Tensor with more than one value is ambiguous",
        "nn.MSELoss(preds, targets) makes a loss and takes the tensors for its settings; or a tensor of many values "
        "stands in an if",
        "loss_fn = nn.MSELoss(); loss = loss_fn(preds, targets)",
    ),
    "rows": _error(
        r"Size mismatch between tensors",
        "inputs and targets have different numbers of rows",
        "print(inputs.shape, targets.shape) before TensorDataset(inputs, targets)",
    ),
    "state_dict": _error(
        r"Error\(s\) in loading state_dict",
        "the saved weights belong to a model of other layers or other shapes",
        "make the model as it was when saved: nn.Linear(features, targets) with the same numbers",
    ),
    "gradient_size": _error(
        r"assigning? a gradient of size|attempting to assign a gradient",
        "a gradient computed by hand has another shape than its weight",
        "w.grad = gradient.reshape(w.shape), or transpose it: (preds - targets).t() @ inputs",
    ),
    "shape": _warning(
        r"Using a target size \(torch\.Size\(\[[\d, ]*\]\)\) that is different to the input size",
        "predictions and targets have different shapes, so that every prediction is compared with every target",
        "targets = targets.reshape(-1, 1)",
    ),
    "not_leaf": _warning(
        r"\.grad attribute of a Tensor that is not a leaf Tensor is being accessed",
        "a weight was replaced by the result of a computation and no longer collects gradients",
        _UPDATE,
    ),
    "scheduler": _warning(
        r"lr_scheduler\.step\(\)` before `optimizer\.step\(\)",
        "the schedule of the learning rate moves before the first update, so that its first rate is never used",
        "optimizer.step() first, then scheduler.step(), once an epoch",
    ),
    "copied": _warning(
        r"To copy construct from a tensor, it is recommended",
        "torch.tensor(…) was given what already is a tensor; the copy has no gradients of its own",
        "w = other.detach().clone().requires_grad_()",
    ),
}


def messages(text: str) -> tuple[str, ...]:
    """The names of the messages in a text, in the order of the table."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = {
        next((name for name, message in MESSAGES.items() if message.pattern.search(line)), "")
        for line in lines
    }
    return tuple(name for name in MESSAGES if name in found)
