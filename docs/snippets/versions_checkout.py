# A file of an earlier version comes back, byte by byte.
from pathlib import Path

import gradline
from gradline.core.errors import RequestError
from gradline.history import Store, checkout

script = Path("train.py")
recorded = []
for lr in (1e-5, 1e-4):
    script.write_text(f"lr = {lr:g}\n")
    recorded.append(gradline.commit(f"lr {lr:g}", script, notebook=None))

first, store = recorded[0], Store.find()
script.write_text("lr = 0.3  # not recorded yet\n")
try:
    checkout(store, first)
except RequestError as error:
    print(error.cause.replace(first.name, "the first version"))
checkout(store, first, force=True)
print(script.read_text(), end="")
