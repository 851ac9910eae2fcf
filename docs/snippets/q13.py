# The mean squared error as a function.
import torch
import torch.nn.functional as F


def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError(
            f"shapes {predictions.shape} and {targets.shape} differ"
        )
    diff = predictions - targets
    return (diff * diff).sum() / diff.numel()


torch.manual_seed(0)
predictions, targets = torch.randn(5, 2), torch.randn(5, 2)
print(
    torch.allclose(mse(predictions, targets), F.mse_loss(predictions, targets))
)
