"""A linear layer as a state_dict file, and what the layer says that loads it."""

import io

import numpy as np
import torch
from torch import nn

from gradline.core.coefficients import Coefficients
from gradline.pytorch.convert import to_linear


def saved(weight: np.ndarray, bias: np.ndarray | None) -> bytes:
    """The state_dict file of an `nn.Linear` with this weight (m, p) and bias (m,), or without one; float64."""
    stream = io.BytesIO()
    torch.save(to_linear(Coefficients(weight, bias)).state_dict(), stream)
    return stream.getvalue()


def applied(state: bytes, X: np.ndarray) -> np.ndarray:
    """The outputs (n, m) for X (n, p) of an `nn.Linear` that loads the file, tensors only and no code."""
    tensors = torch.load(io.BytesIO(state), weights_only=True)
    m, p = tensors["weight"].shape
    linear = nn.Linear(p, m, bias="bias" in tensors, dtype=torch.float64)
    linear.load_state_dict(tensors)
    with torch.no_grad():
        return linear(torch.tensor(X)).numpy()


def version() -> str:
    """What ran it, in words."""
    return f"torch {torch.__version__}"
