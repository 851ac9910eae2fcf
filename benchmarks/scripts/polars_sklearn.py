"""Least squares on a file with polars and scikit-learn; prints bias and weights as JSON."""

import json
import sys

import polars as pl
from sklearn.linear_model import LinearRegression

path = sys.argv[1]
table = pl.read_csv(path) if path.endswith("csv") else pl.read_parquet(path)
model = LinearRegression().fit(table.drop("y").to_numpy(), table["y"].to_numpy())
print(json.dumps([model.intercept_, *model.coef_]))
