"""Compiles the kernels into one library, for every kind of processor of an architecture; run when the package is built.

`python build.py [zig-target]` does it by hand, as after a change of the C.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = ("gram.c", "sgd.c")
# A name for `GRADLINE_KERNELS`, and the instructions that a compiler may use: those of 2003, 2013 and 2017.
TARGETS = {
    "x86_64": {"baseline": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4"},
    "aarch64": {"baseline": ""},
}
# A product and a sum in one instruction, where there is one; `-ffast-math` would take two-sum for zero. Vectors of 64
# bytes are cut in two by clang unless it is told otherwise.
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-ffp-contract=fast", "-fvisibility=hidden", "-Wall", "-Wextra")


def library(system: str = sys.platform) -> Path:
    """Where the library is put."""
    ending = {"win32": ".dll", "darwin": ".dylib"}.get(system, ".so")
    return HERE / f"kernels{ending}"


def compiler() -> list[str] | None:
    """The command of a C compiler: `CC`, that of the machine, or that of the package ziglang; None without any."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if found:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if find_spec("ziglang") else None


def machine() -> str:
    """The architecture by the name that compilers have for it."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def build(command: list[str], architecture: str, goal: Path) -> None:
    """Compile the sources once for every target and link them; raises `CalledProcessError` where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        objects = [_compiled(command, HERE / "targets.c", "", "baseline", Path(folder))]
        for target, instructions in TARGETS.get(architecture, TARGETS["aarch64"]).items():
            objects += [
                _compiled(command, HERE / source, instructions, target, Path(folder)) for source in SOURCES
            ]
        linked = Path(folder) / goal.name
        subprocess.run([*command, "-shared", "-s", *objects, "-lm", "-o", linked], check=True)
        shutil.copyfile(linked, goal.with_suffix(".new"))
        goal.with_suffix(".new").replace(goal)  # so that a process that has the old one keeps it


def _compiled(command: list[str], source: Path, instructions: str, target: str, folder: Path) -> Path:
    goal = folder / f"{source.stem}-{target}.o"
    flags = [*FLAGS, f"-DTARGET={target}", *([f"-march={instructions}"] if instructions else [])]
    if target == "avx512" and "clang" in _version(command):
        flags.append("-mprefer-vector-width=512")
    subprocess.run([*command, *flags, "-c", source, "-o", goal], check=True)
    return goal


def _version(command: list[str]) -> str:
    return subprocess.run([*command, "--version"], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    found = compiler()
    if found is None:
        sys.exit("there is no C compiler: install one, or pip install ziglang")
    build(found, machine(), library())
