# The same figures from their definitions.
from importlib.resources import files

import gradline
import numpy as np

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
X, y = table[:, :3], table[:, 3]
A = np.column_stack([np.ones(15), X])
theta = np.linalg.lstsq(A, y)[0]

residual = y - A @ theta
freedom = 15 - 4  # rows less coefficients
variance = (residual**2).sum() / freedom
stderr = np.sqrt(variance * np.diag(np.linalg.inv(A.T @ A)))
print("errors", stderr[1:].round(4), "t", (theta / stderr)[1:].round(1))

total = ((y - y.mean()) ** 2).sum()
r2 = 1 - (residual**2).sum() / total
F = (total - (residual**2).sum()) / 3 / variance
print(f"R² {r2:.4f}, F {F:.0f}")

for j, name in enumerate(["temp", "rainfall", "humidity"]):
    others = gradline.fit(np.delete(X, j, axis=1), X[:, j])
    print(f"{name}: VIF {1 / (1 - others.inference.r2[0]):.2f}")
