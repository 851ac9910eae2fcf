# Errors that grow with x: what each kind says on average.
import gradline
import numpy as np
from gradline.model.residuals import diagnostics

random = np.random.default_rng(0)
x = random.uniform(0, 10, size=(60, 1))
Y = x + x**2 / 10 * random.normal(size=(60, 2000))  # 2,000 experiments

model = gradline.fit(x, Y)
found = diagnostics(model, x, Y)
print(f"the weights scatter by {model.weight.std():.3f}")
print(f"classical {found.inference.weight_stderr.mean():.3f}")
for kind in ("HC0", "HC1", "HC2", "HC3"):
    print(f"{kind}       {getattr(found, kind).weight_stderr.mean():.3f}")
