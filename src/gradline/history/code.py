"""The Git commit that a run's code is at, and whether the tree was clean."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

_SECONDS = 20  # a tree that Git needs longer for is recorded without its state


def code_of(folder: Path, recorded: Collection[Path], store: Path) -> dict[str, Any] | None:
    """`commit`, `branch` (None where detached) and `clean`; None outside a repository, or without Git.

    The store and the `recorded` files need not be in Git for the tree to be clean: the version holds them.
    """

    def is_known(path: Path) -> bool:
        return path in recorded or store in path.parents

    root = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    if root is None:
        return None
    status = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"]
    command = ["git", "--no-optional-locks", "-C", str(root), *status]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = os.fsdecode(done.stdout).split("\0")
    about = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = (line for line in lines if line and not line.startswith("# "))
    branch, commit = about.get("branch.head"), about["branch.oid"]
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "clean": all(line.startswith("? ") and is_known(root / line[2:]) for line in changed),
    }
