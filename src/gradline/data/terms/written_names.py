"""How a formula writes the name of a column."""

import re

TRUTH = {"TRUE": True, "True": True, "FALSE": False, "False": False}
_PLAIN = re.compile(r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*")


def quoted(name: str) -> str:
    """A column's name as a formula writes it: as it stands, or between backticks."""
    if _PLAIN.fullmatch(name) and name not in TRUTH:
        return name
    return "`" + name.replace("`", "``") + "`"
