"""Least squares on a file by cross-products in SQL and NumPy's solver; prints bias and weights as JSON."""

import itertools
import json
import sys

import duckdb
import numpy as np

path = sys.argv[1]
columns = ["1", *(row[0] for row in duckdb.execute(f"describe select * from '{path}'").fetchall())]
pairs = list(itertools.combinations_with_replacement(range(len(columns)), 2))
sums = ", ".join(f"sum({columns[i]} * {columns[j]})" for i, j in pairs)
[row] = duckdb.execute(f"select {sums} from '{path}'").fetchall()
G = np.zeros((len(columns), len(columns)))
for (i, j), value in zip(pairs, row, strict=True):
    G[i, j] = G[j, i] = value
print(json.dumps(list(np.linalg.solve(G[:-1, :-1], G[:-1, -1]))))
