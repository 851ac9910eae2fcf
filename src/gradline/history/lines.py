"""Two states of a text: the lines that differ, with a few around them."""

import difflib

AROUND = 3  # lines shown around a change, as every other diff does
_ENDLESS = "\\ no line break at the end"


def unified(before: str, after: str) -> list[str]:
    """A unified diff without its two lines of names.

    Each line begins with " ", "-" or "+", or with "@@" where some are left out. A last line without a line break is
    followed by a line that says so, since it differs from one with a break.
    """
    found = difflib.unified_diff(_broken(before), _broken(after), n=AROUND, lineterm="")
    return [line for part in list(found)[2:] for line in part.split("\n")]


def _broken(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], f"{lines[-1]}\n{_ENDLESS}"]
