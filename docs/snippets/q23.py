# What no_grad switches off.
import torch

w = torch.tensor(3.0, requires_grad=True)
inside, outside = None, w * 2
with torch.no_grad():
    inside = w * 2
print("outside:", outside.requires_grad, "inside:", inside.requires_grad)
print("w itself:", w.requires_grad)
