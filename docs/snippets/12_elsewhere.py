# The model as a SELECT, run by a database.
import re
import sqlite3

import gradline
from gradline.exports import sql

model = gradline.fit("example:crops", "apples", exclude=["oranges"])
select = sql(model, "sqlite", table="regions", keep=["name"])
print(re.sub(r"\d\.\d{5,}", lambda found: f"{float(found[0]):.3f}", select))

base = sqlite3.connect(":memory:")
base.execute("CREATE TABLE regions (name, temp, rainfall, humidity)")
rows = [("new", 75, 63, 44), ("unmeasured", 75, None, 44)]
base.executemany("INSERT INTO regions VALUES (?, ?, ?, ?)", rows)
for name, apples in base.execute(select):
    print(name, apples if apples is None else f"{apples:.2f}")
base.close()

region = {"temp": [75], "rainfall": [63], "humidity": [44]}
print(f"by the model: {model.predict(region)[0, 0]:.2f}")
