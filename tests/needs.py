"""What some tests need beyond Python: how each tool is found, and the packages of Debian that bring it."""

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

AXE = Path(__file__).parent / "pages" / "node_modules" / "axe-core" / "axe.min.js"
NPM = "" if shutil.which("npm") else "nodejs npm"  # a Node.js from elsewhere would conflict with Debian's
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
MARIADB = Path("/usr/sbin/mariadbd")


class Tool(NamedTuple):
    """A tool that `@pytest.mark.needs(…)` may name."""

    name: str
    subject: str  # what its tests are of
    found: Callable[[], object]
    packages: str  # of Debian


TOOLS = {
    "chromium": Tool("Chromium", "pages", lambda: shutil.which("chromium"), "chromium"),
    "axe": Tool("axe-core", "pages", AXE.exists, NPM),  # npm, which `make tools` has bring it
    "node": Tool("node", "a page's arithmetic", lambda: shutil.which("node"), NPM),
    "postgres": Tool("PostgreSQL", "exported SELECTs", lambda: POSTGRES, "postgresql"),
    "mariadb": Tool(
        "MariaDB",
        "exported SELECTs",
        lambda: MARIADB.exists() and shutil.which("mariadb") and shutil.which("mariadb-install-db"),
        "mariadb-server-core mariadb-client-core",
    ),
    "tmux": Tool("tmux", "the lesson in a terminal", lambda: shutil.which("tmux"), "tmux"),
    "zig": Tool("ziglang", "kernels of other processors", lambda: find_spec("ziglang"), ""),  # by pip
    "proc": Tool("Linux's /proc", "memory", Path("/proc/self/status").exists, ""),
}


def missing(names: tuple[str, ...]) -> str | None:
    """Why a test that needs these is left out; None where all are here."""
    absent = [TOOLS[name] for name in names if not TOOLS[name].found()]
    return f"{absent[0].subject}: no {' and no '.join(tool.name for tool in absent)}" if absent else None


if __name__ == "__main__":  # what `make tools` has to install
    print(*sorted({word for tool in TOOLS.values() if not tool.found() for word in tool.packages.split()}))
