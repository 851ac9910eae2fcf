# A line through a piece of a curve, asked inside and outside that piece.
import gradline
import numpy as np

x = np.linspace(0, 1, 30)
y = x**2 + 0.05 * np.random.default_rng(0).normal(size=30)
model = gradline.fit(x[:, None], y)

for place in (0.5, 1.0, 2.0, 4.0):
    value, low, high = model.predict([[place]], interval=0.95)[:, 0, 0]
    print(
        f"x = {place}: from {low:.2f} to {high:.2f}, the curve is {place**2:.2f}"
    )

statistics = model.moments.statistics  # the ranges travel with the model
print(f"trained on x from {statistics.minimum[0]} to {statistics.maximum[0]}")
