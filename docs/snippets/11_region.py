# Tutorials 002 and 004: what their models say about the new region.
from importlib.resources import files

import gradline
import numpy as np

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
inputs, targets = table[:, :3], table[:, 3:]
region = [[75.0, 63.0, 44.0]]

# What tutorials 002 and 004 print as their trained predictions of the 15 rows.
apples_002 = [
    58.4229, 82.1525, 115.8955, 28.6805, 97.5243, 57.3792, 81.9342, 116.2036,
    29.7242, 98.3498, 58.2047, 81.1088, 116.1137, 27.8550, 98.5680,
]  # fmt: skip
oranges_002 = [
    72.0145, 95.1376, 142.6296, 46.0115, 104.3522, 70.9543, 94.1737, 142.6871,
    47.0717, 104.4486, 71.0507, 94.0774, 143.5935, 45.9152, 105.4124,
]  # fmt: skip
apples_004 = [
    57.1366, 80.8518, 121.0077, 21.6026, 99.2819, 55.8638, 80.4706, 121.1748,
    22.8754, 100.1735, 56.7554, 79.5790, 121.3889, 20.7110, 100.5547,
]  # fmt: skip
oranges_004 = [
    70.6263, 99.1730, 135.9289, 38.6149, 115.5967, 69.5167, 99.0006, 136.3849,
    39.7245, 116.5338, 70.4539, 98.0634, 136.1013, 37.6778, 116.7062,
]  # fmt: skip

for name, columns in (
    ("002", [apples_002, oranges_002]),
    ("004", [apples_004, oranges_004]),
):
    predictions = np.array(columns).T
    loss = ((predictions - targets) ** 2).mean()
    # A linear model is what its predictions say: fit them, and have its weights.
    apples, oranges = gradline.fit(inputs, predictions).predict(region)[0]
    print(
        f"{name}: loss {loss:5.2f}, the region {apples:.2f} and {oranges:.2f}"
    )

exact = gradline.fit(inputs, targets)
apples, oranges = exact.predict(region)[0]
loss = exact.certificate.loss
print(f"exact: loss {loss:.2f}, the region {apples:.2f} and {oranges:.2f}")
print("both texts say 54.3 and 68.3; 002 prints a last batch of 33.4517")
