"""Runs the numeric tests with the kernels of every processor that this one can stand in for: `make test-processors`."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# What OpenBLAS calls a processor, and the instructions that its kernels need, as /proc/cpuinfo names them.
NEEDED = {
    "Prescott": {"pni"},
    "Nehalem": {"ssse3", "sse4_1", "sse4_2"},
    "Haswell": {"avx2", "fma"},
    "Zen": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    "SapphireRapids": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16", "amx_tile"},
}
# The tests of what is computed by matrix products, so that its last bits are the processor's.
NUMERIC = """
    block_factor certificate correction cross_validation doctor early_stopping engines factor
    factors_and_bounds gradient gram heavy_ball held_files hypotheses inference kernels linear_model losses
    model moments movement optimisers other_errors path penalised_training penalties products rank refinement
    relations second_pass slices solvers sparse states student together trajectory tutorials verification
"""
LOADED = "import numpy, threadpoolctl; print(threadpoolctl.threadpool_info()[0].get('architecture'))"


def described() -> tuple[str, set[str]]:
    """The processor's name and instructions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return told.get("model name", "unknown"), set(told.get("flags", "").split())


def as_processor(coretype: str | None, *command: str) -> subprocess.CompletedProcess[str]:
    """A command of this Python with the kernels of a processor."""
    environment = {**os.environ, **({"OPENBLAS_CORETYPE": coretype} if coretype else {})}
    piped = subprocess.PIPE if command[0] == "-c" else None
    return subprocess.run([sys.executable, *command], env=environment, stdout=piped, text=True, check=False)


def main(options: list[str]) -> int:
    """Run them once for each set of kernels but the processor's own, which all tests use; 1 where one failed."""
    name, instructions = described()
    own = as_processor(None, "-c", LOADED).stdout.strip()
    files = [str(HERE / f"test_{part}.py") for part in NUMERIC.split()]
    said, kernels, failed = {}, {own: "`make test` runs it"}, False
    for coretype, needed in NEEDED.items():
        if lacking := needed - instructions:
            said[coretype] = f"not run: no {', '.join(sorted(lacking))} here"
            continue
        taken = as_processor(coretype, "-c", LOADED).stdout.strip()  # several may have the kernels of one
        if taken not in kernels:
            print(f"# OPENBLAS_CORETYPE={coretype}", flush=True)
            wrong = as_processor(coretype, "-m", "pytest", "-q", *options, *files).returncode
            kernels[taken], failed = "FAILED" if wrong else "passed", failed or bool(wrong)
        said[coretype] = f"{kernels[taken]} (kernels: {taken})"
    print(name, *(f"{coretype}: {word}" for coretype, word in said.items()), sep="\n  ")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
