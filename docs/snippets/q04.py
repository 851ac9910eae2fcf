# A CSV file as a tensor.
from importlib.resources import files

import numpy as np
import torch

crops = files("gradline") / "examples" / "crops.csv"
table = torch.from_numpy(
    np.loadtxt(crops, delimiter=",", skiprows=1, dtype="float32")
)
print(tuple(table.shape), table.dtype)
