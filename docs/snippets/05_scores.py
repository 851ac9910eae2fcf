# The loss in tons, and against a model that always says the mean.
from importlib.resources import files

import gradline
import numpy as np

crops = files("gradline") / "examples" / "crops.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
apples = table[:, 3]

targets = ["apples", "oranges"]
descent = gradline.GradientDescent(lr=1e-5, epochs=100)
for solver in (descent, None):
    model = gradline.fit("example:crops", targets, solver=solver)
    predicted = model.predict(table[:, :3])[:, 0]
    of_model = ((predicted - apples) ** 2).mean()
    of_mean = ((apples.mean() - apples) ** 2).mean()
    print(f"apples: loss {of_model:.1f}", end=", ")
    print(f"RMSE {of_model**0.5:.2f}", end=", ")
    print(
        f"R² 1 - {of_model:.1f} / {of_mean:.1f} = {1 - of_model / of_mean:.4f}"
    )
