# A table of regions as one tensor.
import numpy as np
import torch

# One row per region: temperature (°F), rainfall (mm), humidity (%).
rows = np.array(
    [[73, 67, 43], [91, 88, 64], [87, 134, 58], [102, 43, 37], [69, 96, 70]],
    dtype="float32",
)
inputs = torch.from_numpy(rows)

print("shape:", tuple(inputs.shape), inputs.dtype)
print("the first region:", inputs[0].tolist())
print("the rainfall of all regions:", inputs[:, 1].tolist())
