"""Compiles the kernels into one library, for every kind of processor of an architecture; run when the package is built.

`python build.py` does it by hand, as after a change of the C.
"""

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
# The first only once: it asks the processor.
SOURCES = (
    "targets.c",
    "addition.c",
    "descent.c",
    "exact.c",
    "factor.c",
    "gradient.c",
    "gram.c",
    "newton.c",
    "row_descent.c",
    "sgd.c",
)
PAIRED = ("addition.c", "gradient.c", "newton.c")  # what counts on the rounding of each single operation
# A name for `GRADLINE_KERNELS`, and the instructions that a compiler may use beside those that every processor has:
# those of 2013 and of 2017, as `targets.c` looks for them.
TARGETS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {"baseline": (), "avx2": ("avx2", "fma"), "avx512": ("avx512f", "avx512dq", "fma")},
    "aarch64": {"baseline": ()},
}
# `-ffast-math` would take two-sum for zero. Vectors of 64 bytes are cut in two by clang unless it is told otherwise.
FLAGS = ("-std=gnu11", "-O3", "-g0", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-fno-fast-math")


def library(system: str = sys.platform) -> Path:
    """Where the library is put."""
    ending = {"win32": ".dll", "darwin": ".dylib"}.get(system, ".so")
    return HERE / f"kernels{ending}"


def digest() -> int | None:
    """That of the sources, which the library tells too, so that an old one is not taken for new; None without them."""
    sources = sorted([*HERE.glob("*.c"), *HERE.glob("*.h")])
    whole = b"\0".join(path.read_bytes() for path in sources)
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest()) if sources else None


def compiler() -> list[str] | None:
    """The command of a C compiler: `CC`, that of the machine, or that of the package ziglang; None without any."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    return [found] if found else zig()


def zig(*options: str) -> list[str] | None:
    """The compiler of the package ziglang, which compiles for any machine; None where it is not installed."""
    return [sys.executable, "-m", "ziglang", "cc", *options] if find_spec("ziglang") else None


def machine() -> str:
    """The architecture by the name that compilers have for it."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def build(command: list[str], architecture: str, goal: Path) -> None:
    """Compile the sources once for every target and link them; raises `CalledProcessError` where that fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # There, for zig leaves a file behind.
        version = subprocess.run(
            [*command, "--version"], check=True, capture_output=True, text=True, cwd=folder
        ).stdout
        objects: list[Path] = []
        for target, instructions in TARGETS.get(architecture, TARGETS["aarch64"]).items():
            flags = [*FLAGS, f"-DTARGET={target}", f"-DSOURCES={digest()}u"]
            flags += _flags(instructions, command, version)
            if target == "avx512" and "clang" in version:
                flags.append("-mprefer-vector-width=512")
            for source in SOURCES if target == "baseline" else SOURCES[1:]:
                objects.append(folder / f"{source}-{target}.o")
                # A product and a sum in one instruction, where there is one.
                together = f"-ffp-contract={'off' if source in PAIRED else 'fast'}"
                subprocess.run(
                    [*command, *flags, together, "-c", HERE / source, "-o", objects[-1]], check=True
                )
        linked = folder / goal.name
        subprocess.run([*command, "-shared", *objects, "-lm", "-o", linked], check=True)
        beside = goal.with_name(f"{goal.name}.{os.getpid()}")
        shutil.copyfile(linked, beside)
        beside.replace(goal)  # so that a process that has the old one keeps it


def _flags(instructions: Sequence[str], command: list[str], version: str) -> list[str]:
    """How a compiler is told that it may use these; zig would take all that this very processor has."""
    if "ziglang" not in command:
        return [f"-m{name}" for name in instructions]
    # What clang called registers of 64 bytes from version 18 to 21; since then AVX-512 has them without a name.
    wide = ["evex512"] if "avx512f" in instructions and _clang(version) < 22 else []
    return ["-mcpu=" + "+".join(["baseline", *instructions, *wide])]


def _clang(version: str) -> int:
    """The number before the first point in what `--version` says; clang's own where it says none."""
    found = re.search(r"clang version (\d+)", version)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    found = compiler()
    if found is None:
        sys.exit("there is no C compiler: install one, or pip install ziglang")
    build(found, machine(), library())
