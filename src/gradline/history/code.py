"""The Git commit that a run's code is at, and whether the tree was clean."""

import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

_SECONDS = 20  # a tree that Git needs longer for is recorded without its state

# A repository that came with its .git from elsewhere may name programs. `status` would run the monitor of the file
# system, a hook, and what fetches the objects that a partial clone left out.
_QUIET = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_NO_NETWORK = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}


def code_of(folder: Path, recorded: Collection[Path], store: Path) -> dict[str, Any] | None:
    """`commit`, `branch` (None where detached) and `clean`; None outside a repository, or without Git.

    The store and the `recorded` files need not be in Git for the tree to be clean: the version holds them. Of a
    submodule its commit counts. No program that the repository or a submodule names is run.
    """

    def is_known(path: Path) -> bool:
        return path in recorded or store in path.parents

    root = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    if root is None:
        return None
    status = (
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
    )
    try:
        lines = _git(root, *status, settings=_no_filters(root))
    except (OSError, subprocess.SubprocessError):
        return None
    about = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = (line for line in lines if line and not line.startswith("# "))
    branch, commit = about.get("branch.head"), about["branch.oid"]
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "clean": all(line.startswith("? ") and is_known(root / line[2:]) for line in changed),
    }


def _git(root: Path, *words: str, settings: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """What Git says, parted where it puts a NUL, under these settings."""
    named = {f"GIT_CONFIG_KEY_{i}": name for i, name in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(settings.values())}
    counted = {"GIT_CONFIG_COUNT": str(len(settings))} if settings else {}
    done = subprocess.run(
        ["git", "--no-optional-locks", *_QUIET, "-C", str(root), *words],
        capture_output=True,
        check=True,
        timeout=_SECONDS,
        env={**os.environ, **_NO_NETWORK, **counted, **named, **values},
    )
    return os.fsdecode(done.stdout).split("\0")


def _no_filters(root: Path) -> dict[str, str]:
    """Settings without the programs that files of the repository pass through; the user's own stay, such as LFS."""
    listed = _git(root, "config", "--list", "--show-scope", "--name-only", "-z")
    return {
        name: "false" if name.endswith(".required") else ""
        for scope, name in zip(listed[::2], listed[1::2], strict=False)
        if scope in ("local", "worktree") and name.startswith("filter.")
    }
