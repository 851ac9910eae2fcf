# Ten thousand epochs instead of a hundred: what differs, and why.
import contextlib
from tempfile import TemporaryDirectory

import gradline
from gradline.history import Store
from gradline.history.comparison import compare

targets, versions = ["apples", "oranges"], []
with TemporaryDirectory() as folder, contextlib.chdir(folder):
    for epochs in (100, 10_000):
        solver = gradline.GradientDescent(lr=1e-5, epochs=epochs)
        crops = gradline.fit("example:crops", targets, solver=solver)
        version = gradline.commit(f"{epochs}", model=crops, notebook=None)
        versions.append(version)
    print(compare(*versions, Store.find()))
