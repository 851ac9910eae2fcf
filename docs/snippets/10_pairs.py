# A column against a row: every prediction meets every target.
import textwrap
import warnings

import torch
import torch.nn.functional as F

predictions = torch.tensor(
    [[1.0], [2.0], [3.0]]
)  # (3, 1), as nn.Linear gives them
targets = torch.tensor([1.0, 2.0, 3.0])  # (3,), as they are read

diff = predictions - targets
print("predictions - targets has shape", tuple(diff.shape))
print(
    f"loss {(diff * diff).mean().item():.2f} although every prediction is right"
)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    F.mse_loss(predictions, targets)
message = str(caught[0].message).split(". ")[0]
print("F.mse_loss warns:", *textwrap.wrap(message, 72), sep="\n  ")

loss = F.mse_loss(predictions, targets.reshape(-1, 1))
print(f"with targets of shape (3, 1): loss {loss.item():.2f}")
