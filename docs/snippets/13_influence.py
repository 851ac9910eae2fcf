# One row far from the others, and what it does to the line.
import gradline
import numpy as np
from gradline.model.residuals import diagnostics

x = np.array([1.0, 2, 3, 4, 5, 20])
y = np.array([1.1, 1.9, 3.2, 3.9, 5.0, 8.0])
model = gradline.fit(x[:, None], y)
rows = diagnostics(model, x[:, None], y).rows

print(" x  residual  leverage  Cook's distance")
for i in range(6):
    print(
        f"{x[i]:2.0f}  {rows.residual[i, 0]:8.2f}  {rows.leverage[i]:8.2f}"
        f"  {rows.cooks_distance[i, 0]:15.2f}"
    )
print(f"the leverages sum to {rows.leverage.sum():.0f}, the coefficients")

without = gradline.fit(x[:5, None], y[:5])
print(
    f"weight {model.weight[0, 0]:.2f}, without the last {without.weight[0, 0]:.2f}"
)
