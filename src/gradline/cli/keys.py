"""The keys of a terminal, one by one as they are pressed."""

import os
import re
import sys
from collections.abc import Iterator

import click

_KEY = re.compile(r"\x1b\[[A-Z]|.", re.DOTALL)  # an arrow, or a character


def keys() -> Iterator[str]:
    """The keys until input ends. The terminal is set once, so that none typed ahead is lost, and then as it was."""
    try:
        import termios  # noqa: PLC0415 - not on Windows
        import tty  # noqa: PLC0415
    except ImportError:
        while True:
            yield click.getchar()
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        while typed := os.read(terminal, 64):
            yield from _KEY.findall(typed.decode(errors="replace"))
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
