# The plant: the rows that decide.
from importlib.resources import files

import gradline
import numpy as np
from gradline.model.residuals import diagnostics

plant = files("gradline") / "examples" / "stackloss.csv"
table = np.loadtxt(plant, delimiter=",", skiprows=1)
X, y = table[:, 1:], table[:, 0]

model = gradline.fit(X, y)
distance = diagnostics(model, X, y).rows.cooks_distance[:, 0]
largest = np.argsort(distance)[::-1][:3]
for row in largest:
    print(f"row {row + 1:>2}: Cook's distance {distance[row]:.2f}")

kept = np.delete(np.arange(len(X)), largest[0])
without = gradline.fit(X[kept], y[kept])
print("weights with all rows:", model.weight[0].round(2))
print("without the first:    ", without.weight[0].round(2))
