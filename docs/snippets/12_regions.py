# Each region left out with its copies, and predicted from the other four.
from importlib.resources import files

import gradline
import numpy as np

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
X, Y = table[:, :3], table[:, 3:]
region = np.arange(15) % 5  # each five rows are all five regions

for one in range(5):
    known = region != one
    model = gradline.fit(X[known], Y[known])
    rmse = model.evaluate(X[~known], Y[~known]).rmse
    rain = X[~known, 1].mean()
    print(f"without the region of {rain:.0f} mm:", np.round(rmse, 2))
