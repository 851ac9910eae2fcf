# A prediction with its bounds, by the model and by the formula.
from importlib.resources import files

import gradline
import numpy as np
from scipy.stats import t

model = gradline.fit("example:crops", ["apples", "oranges"])
region = {"temp": [75], "rainfall": [63], "humidity": [44]}

values, low, high = model.predict(region, interval=0.95)
for j, target in enumerate(model.targets):
    print(
        f"{target:<7} {values[0, j]:.2f},"
        f" from {low[0, j]:.2f} to {high[0, j]:.2f}"
    )

# by hand: t · s · √(1 + h), h being the leverage of the new row
crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
A, Y = np.column_stack([np.ones(15), table[:, :3]]), table[:, 3:]
new = np.array([1.0, 75, 63, 44])
h = new @ np.linalg.solve(A.T @ A, new)
theta = np.linalg.solve(A.T @ A, A.T @ Y)
s = np.sqrt(((Y - A @ theta) ** 2).sum(axis=0) / (15 - 4))
half = t.ppf(0.975, 15 - 4) * s * np.sqrt(1 + h)
print("by the model ±", (values - low)[0].round(2))
print("by hand      ±", half.round(2))
