# From a tensor to a plain number, list or array.
import torch

w = torch.tensor([0.5, 2.0], requires_grad=True)
loss = (w * w).sum()

print("item:  ", loss.item())
print("tolist:", w.tolist())
print("numpy: ", w.detach().cpu().numpy())

try:
    w.numpy()
except RuntimeError as error:
    print("w.numpy():", str(error).split(".")[0])
try:
    w.item()
except RuntimeError as error:
    print("w.item():", error)
