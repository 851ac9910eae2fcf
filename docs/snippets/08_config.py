# A run told in a file, trained, and told again by the model.
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

RUN = """\
data = "example:crops"
targets = ["apples", "oranges"]
lr = 1e-5
epochs = 100
log_every = 50
output = "crops.safetensors"
"""


def terminal(command, folder):
    print("$", command)
    words = [sys.executable, "-m", *command.split()]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True)


with TemporaryDirectory() as folder:
    Path(folder, "run.toml").write_text(RUN)
    # The summary goes to stdout, the progress to stderr.
    print(terminal("gradline fit --config run.toml", folder).stderr)
    print(terminal("gradline show crops.safetensors --config", folder).stdout)
