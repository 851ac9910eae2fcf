"""What a process that is told to stop takes away first: names are entered here before anything stands under them."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from types import FrameType

_undos: list[Callable[[], object]] = []  # of what is under way, the latest last
finished: list[str] = []  # what this process has written for good, in order
_SIGNALS = ("SIGTERM", "SIGHUP")  # of a batch system, and of a terminal that closes; Windows lacks the second


@contextlib.contextmanager
def undoing(undo: Callable[[], object]) -> Generator[None]:
    """Call `undo` where the block fails, and where a signal ends the process within it.

    It may be called at any moment of the block, and twice, so it takes away what is there, and no more.
    """
    _undos.append(undo)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            undo()
        raise
    finally:
        _undos.remove(undo)


@contextlib.contextmanager
def scratch_folder() -> Generator[Path]:
    """A new folder among the temporary ones, which goes with all that is in it when the block ends, however it ends."""
    folder = Path(tempfile.gettempdir(), f"gradline-{os.urandom(8).hex()}")
    gone = partial(shutil.rmtree, folder, ignore_errors=True)
    with undoing(gone):
        folder.mkdir(0o700)
        yield folder
        gone()


def undo_all() -> None:
    """Take away what is under way, the latest first."""
    for undo in reversed(_undos.copy()):
        with contextlib.suppress(OSError):
            undo()


def end_cleanly_by_signals() -> None:
    """From now on SIGTERM and SIGHUP end the process as they would have, after what is under way was taken away.

    The work is done within the handler: an exception could be swallowed on its way by whoever runs just then. A signal
    that is ignored already, as under nohup, stays so. A process forked from this one has nothing to take away.
    """
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    caught = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    ours = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
        if os.getpid() == ours:
            undo_all()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in caught:
        signal.signal(number, end)
