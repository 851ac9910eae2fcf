# How narrow the valley is: along the columns as given, and standardised.
from importlib.resources import files

import numpy as np

crops = files("gradline") / "examples" / "crops5.csv"
table = np.loadtxt(crops, delimiter=",", skiprows=1)
X, ones = table[:, :3], np.ones((5, 1))
standard = (X - X.mean(axis=0)) / X.std(axis=0)

for name, columns in (("as given", X), ("standardised", standard)):
    A = np.hstack([columns, ones])  # the bias has a column of ones
    hessian = A.T @ A / len(A)
    flattest, *_, steepest = np.linalg.eigvalsh(hessian)
    print(
        f"{name}: steepest over flattest {steepest / flattest:,.1f}", end=", "
    )
    print(f"its root {np.linalg.cond(A):,.2f}")
