# 4,000 experiments on the same twelve rows: how often a bound holds.
import gradline
import numpy as np

random = np.random.default_rng(0)
X = random.uniform(0, 10, size=(12, 2))
new = np.array([[4.0, 9.0]])


def experiment(X):  # every column of the result is one experiment
    noise = random.normal(size=(len(X), 4000))
    return (X @ [2.0, -1.0] + 3)[:, None] + noise


model = gradline.fit(X, experiment(X))  # as many models at once
truth = experiment(new)
for level in (0.5, 0.9, 0.99):
    _, low, high = model.predict(new, interval=level)
    held = ((low <= truth) & (truth <= high)).mean()
    print(f"{level:.0%} promised, {held:.0%} held")
