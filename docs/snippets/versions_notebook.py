# A notebook is recorded without what its cells have printed.
import json
from pathlib import Path

import gradline
from gradline.history import Store

cell = {
    "cell_type": "code",
    "source": "print(patients.head())",
    "metadata": {},
    "execution_count": 7,
    "outputs": [
        {"output_type": "stream", "name": "stdout", "text": "Jane Doe"}
    ],
}
whole = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
Path("study.ipynb").write_text(json.dumps(whole))
version = gradline.commit("before the visit", notebook="study.ipynb")
kept = json.loads(Store.find().get(version.files["study.ipynb"]))
print(kept["cells"][0]["source"], kept["cells"][0]["outputs"])
