# A standard error says how far repeated experiments scatter.
import gradline
import numpy as np

random = np.random.default_rng(0)
X = random.uniform(0, 10, size=(20, 1))
Y = 3 + 2 * X + random.normal(size=(20, 4000))  # 4,000 experiments on 20 rows

model = gradline.fit(X, Y)
claimed = model.inference.weight_stderr[:, 0]
print(f"the weights scatter by {model.weight[:, 0].std():.4f}")
print(f"the standard errors say {claimed.mean():.4f}")

interval = model.inference.interval(0.95).weight[:, 0]
holds = (interval[:, 0] <= 2) & (interval[:, 1] >= 2)
print(f"the interval holds the true weight in {holds.mean():.0%}")
