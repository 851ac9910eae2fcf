"""The environment of a run as a list that any machine can install: no variable, no path, no host."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress

# The folder's name says it all: reading the metadata of 200 distributions would take half a second.
_FOLDER = re.compile(r"([A-Za-z0-9][\w.]*(?:-[A-Za-z][\w.]*)*)-(\d[^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def environment() -> tuple[dict[str, object], str]:
    """Python, platform and builds, and the requirements: `name==version`, a line each, in order of names.

    The local part of a version (2.13.0+cpu) is in `builds` alone, since no index offers it by that name.
    """
    found = dict(sorted(dict(_distributions()).items()))
    facts = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "builds": {name: version for name, version in found.items() if "+" in version},
    }
    lines = [f"{name}=={version.partition('+')[0]}\n" for name, version in found.items()]
    return facts, "".join(lines)


def _distributions() -> Iterator[tuple[str, str]]:
    """Names, as an index writes them, and versions of what is installed; what Python would find first comes last."""
    for folder in reversed(sys.path):
        with suppress(OSError):  # an entry of the path may be a zip, or nothing
            for name in os.listdir(folder or "."):
                if found := _FOLDER.fullmatch(name):
                    yield re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]
