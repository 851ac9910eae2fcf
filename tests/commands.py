"""Commands as a user types them, each a process of its own: forked from one that has loaded what all of them load."""

import atexit
import functools
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 120  # that a command may take


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def in_a_new_python(
    words: list[str], folder: Path, environment: dict[str, str], stdin: bytes | None
) -> Outcome:
    """`python -m gradline …`."""
    command = [sys.executable, "-m", "gradline", *words]
    done = subprocess.run(
        command, input=stdin, capture_output=True, cwd=folder, env=environment, timeout=SECONDS
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def in_a_fork(words: list[str], folder: Path, environment: dict[str, str]) -> Outcome:
    """The same, half a second sooner."""
    request = json.dumps([words, str(folder.resolve()), environment]).encode()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        socket.send_fds(_server(), [request], [out.fileno(), err.fileno()])
        code = int(_server().recv(100))
        said = [os.pread(stream.fileno(), 1 << 30, 0).decode() for stream in (out, err)]
    return Outcome(code, *said)


def command(*words: object, folder: Path, stdin: bytes | None = None) -> Outcome:
    """Run `gradline …` in a folder; what changes how Python starts, or writes to it, has a Python of its own."""
    typed, environment = [*map(str, words)], {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    if stdin is None and _steering(environment) == _steering(_started_with()):
        return in_a_fork(typed, folder, environment)
    return in_a_new_python(typed, folder, environment, stdin)


def _steering(environment: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith(("PYTHON", "LANG", "LC_"))}


@functools.cache
def _started_with() -> dict[str, str]:
    return dict(os.environ)


@functools.cache
def _server() -> socket.socket:
    """What asks for forks: one process for all tests of this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, __file__, str(theirs.fileno())]
        server = subprocess.Popen(
            words,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=_started_with(),
        )
    atexit.register(server.communicate)
    atexit.register(ours.close)  # runs first
    return ours


def serve(asked: socket.socket) -> None:
    """Fork a process for each request, and tell its exit code; returns in those processes."""
    while True:
        request, streams, _, _ = socket.recv_fds(asked, 1 << 20, 2)
        if not request:  # nobody asks any more
            os._exit(0)
        child = os.fork()
        if not child:
            asked.close()
            words, folder, environment = json.loads(request)
            return become(words, folder, environment, streams)
        for stream in streams:
            os.close(stream)
        asked.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """A process that was started for this command alone."""
    signal.alarm(SECONDS)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv[1:] = words


def leave() -> None:
    """The end of a fork, after all else that is done at the end: to take apart what it shares would copy it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)


if __name__ == "__main__":
    sys.path[0] = ""  # as `python -m` has it
    # Loaded for those that are forked. Polars starts its pool with the first table: a fork can still do so.
    import numpy  # noqa: F401
    import polars  # noqa: F401
    import rich.markdown
    import rich.traceback  # noqa: F401
    import scipy.linalg
    import scipy.special  # noqa: F401

    import gradline.cli.commands
    import gradline.data.tables
    import gradline.model.fit

    gradline.cli.commands.bodies()
    gc.freeze()  # shared with the forks: to look through these objects would copy them
    serve(socket.socket(fileno=int(sys.argv[1])))
    ended = 1  # as by an exception
    atexit.register(leave)
    try:
        runpy.run_module("gradline", run_name="__main__", alter_sys=True)
        ended = 0
    except SystemExit as told:
        ended = told.code if isinstance(told.code, int) else int(told.code is not None)
        raise
