# Seven mistakes that PyTorch stops, with what it says.
import textwrap
import warnings

import numpy as np
import torch
from torch import nn


def integers():
    torch.tensor([1, 2], requires_grad=True)


def double():
    nn.Linear(3, 2)(torch.from_numpy(np.ones((5, 3))))


def flat():
    nn.Linear(1, 1)(torch.ones(80))


def in_place():
    b = torch.ones(1, requires_grad=True)
    b.sum().backward()
    b -= 0.1 * b.grad


def reassigned():
    b = torch.ones(1, requires_grad=True)
    for _ in range(2):
        b.sum().backward()
        b = b - 0.1 * b.grad  # b is now a result, and results keep no gradient


def twice():
    loss = torch.ones(1, requires_grad=True).exp().sum()
    loss.backward()
    loss.backward()


def as_numpy():
    torch.ones(1, requires_grad=True).numpy()


def attempt(mistake):
    try:
        mistake()
    except (RuntimeError, TypeError) as error:
        print(mistake.__name__)
        message = textwrap.wrap(str(error).split(". ")[0], 72)
        print(*(f"  {line}" for line in message), sep="\n")


mistakes = (integers, double, flat, in_place, reassigned, twice, as_numpy)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # `reassigned` also warns, before it fails
    for mistake in mistakes:
        attempt(mistake)
