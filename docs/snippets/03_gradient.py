# The gradient, from PyTorch and from the formula.
from importlib.resources import files

import numpy as np
import torch

crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
inputs = torch.from_numpy(table[:, :3])
targets = torch.from_numpy(table[:, 3:])

w = torch.tensor(
    [[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]], requires_grad=True
)
b = torch.tensor([2.2341, -1.7922], requires_grad=True)

predictions = inputs @ w.t() + b  # 1 predict
diff = predictions - targets
loss = (diff * diff).mean()  # 2 loss
loss.backward()  # 3 gradient

print(w.grad.numpy().round())
print(b.grad.numpy().round(1))

# The same from the formula: 2 / (number of cells) · diffᵀ · inputs
by_hand = 2 / diff.numel() * diff.t() @ inputs
print("the formula agrees:", torch.allclose(by_hand, w.grad))

mean = diff.t() @ inputs / len(inputs)  # over rows, of error times input
print("with two targets it is the mean:", torch.allclose(mean, w.grad))
