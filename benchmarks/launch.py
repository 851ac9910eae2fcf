"""Runs a command and prints its seconds, its peak memory in bytes and its output, as JSON.

It is a process of its own because the system counts the memory of whoever starts a command as the command's.
"""

import json
import os
import sys
import tempfile
import time

with tempfile.TemporaryFile("w+") as printed:
    began = time.perf_counter()
    child = os.posix_spawn(
        sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, printed.fileno(), 1)]
    )
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    printed.seek(0)
    json.dump({"seconds": seconds, "memory": used.ru_maxrss * 1024, "printed": printed.read()}, sys.stdout)
sys.exit(os.waitstatus_to_exitcode(status))
