# Penguins: words, gaps, and rows kept out.
import textwrap

import gradline

try:
    gradline.fit("example:penguins", "body_mass_g")
except gradline.GradlineError as error:
    print(*textwrap.wrap(error.cause, 72), sep="\n")

model = gradline.fit(
    "example:penguins",
    "body_mass_g",
    exclude=["year", "island"],
    missing="drop",
    holdout=0.2,
    seed=0,
)
for name, weight in zip(model.features, model.weight[0], strict=True):
    print(f"{name:<18} {weight:7.1f}")
seen, held = model.training, model.holdout
print(f"RMSE {seen.rmse[0]:.0f} g in training, {held.rmse[0]:.0f} g kept out")
