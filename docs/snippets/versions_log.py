# The same on the command line: fit and commit at once, and look back.
import re
import shlex
import subprocess
import sys
from tempfile import TemporaryDirectory

FIT = "gradline fit example:crops -t apples -t oranges --commit -m"


def terminal(command, folder):
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    # The time of a commit is another one in every run of this page.
    said = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-01 12:00", done.stdout)
    return f"$ {command}\n{said}"


with TemporaryDirectory() as folder:
    for choice in ("lr 1e-5", "lr 1e-4", "batch-size 5", "solver exact"):
        terminal(f"{FIT} '{choice}' --{choice}", folder)
    print(terminal("gradline log", folder))
    where = '"loss < 2 and epochs < 100"'
    print(terminal(f"gradline log --where {where}", folder), end="")
