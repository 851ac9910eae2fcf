# Two hundred fields with three near-copies each: three kinds of standard error.
import gradline
import numpy as np
from gradline.model.residuals import diagnostics

random = np.random.default_rng(0)
field = np.repeat(np.arange(200), 3)
rain = random.uniform(50, 130, size=200)[field] + random.uniform(-1, 1, 600)


# 400 harvests: what a field has of its own is in all of its rows
own = 10 * random.normal(size=(200, 400))[field]
Y = rain[:, None] + own + random.normal(size=(600, 400))

model = gradline.fit(rain[:, None], Y)
found = diagnostics(model, rain[:, None], Y, clusters=field)
print(f"the weights scatter by  {model.weight.std():.3f}")
print(f"classical errors say    {found.inference.weight_stderr.mean():.3f}")
print(f"robust errors, HC3, say {found.HC3.weight_stderr.mean():.3f}")
print(f"cluster errors say      {found.cluster.weight_stderr.mean():.3f}")
