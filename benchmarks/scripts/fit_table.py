"""One fit of a random table, made here: prints its seconds, coefficients and peak memory as JSON.

`fit_table.py package rows columns [density of a sparse table]`; all but the fit is left out of account.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent))
from contest import measured
from rivals import installed
from tables import sparse_table, table

warnings.simplefilter("ignore")  # of few rows, which is what is asked for
rows, columns, *density = sys.argv[2:]
X: Any
if density:
    X, y = sparse_table(int(rows), int(columns), float(density[0]))
else:
    X, y = table(int(rows), int(columns))
[rival] = installed([sys.argv[1]])
found = measured(lambda: rival.fit(X, y))
json.dump(found._replace(answer=found.answer.tolist())._asdict(), sys.stdout)
