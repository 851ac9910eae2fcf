# Where there is nothing to say, and why.
import textwrap
import warnings

import gradline
import numpy as np


def say(*words):
    print(textwrap.fill(" ".join(words), 72, subsequent_indent="  "))


x = np.arange(6.0)[:, None]
y = np.array([1.0, 3, 2, 5, 4, 6])
descent = gradline.GradientDescent(lr=1e-5, epochs=100)
early = gradline.fit("example:crops", "apples", solver=descent)
say("stopped:", early.inference.reason)

few = gradline.fit(x[:2], y[:2])
say("two rows:", few.inference.reason)

exact = gradline.fit(x, 2 * x[:, 0] + 1)
say("no error:", exact.inference.reason)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    twice = gradline.fit(np.column_stack([x, 2 * x]), y)
say("twice the same:", twice.inference.reason)
