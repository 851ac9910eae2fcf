"""Compiles the kernels when the package is built or installed, by the machine's C compiler or by ziglang from PyPI."""

import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

_SPEC = spec_from_file_location("build", Path(__file__).parent / "src/gradline/core/kernels/build.py")
assert _SPEC is not None
assert _SPEC.loader is not None
kernels = module_from_spec(_SPEC)
_SPEC.loader.exec_module(kernels)


class Kernels(BuildHookInterface):
    """Puts the library beside its sources, where an editable installation finds it, and into the wheel."""

    def dependencies(self) -> list[str]:
        """A compiler for a machine that has none."""
        return [] if kernels.compiler() else ["ziglang>=0.15"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Compile; where that fails the package is installed without, and NumPy computes."""
        if self.target_name != "wheel":
            return
        goal = kernels.library()
        try:
            command = kernels.compiler()
            if command is None:
                raise FileNotFoundError("there is neither a C compiler nor ziglang")
            kernels.build(command, kernels.machine(), goal)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            goal.unlink(missing_ok=True)  # an old one is worse than none
            self.app.display_warning(f"gradline is built without its compiled loops: {error}")
            return
        build_data["artifacts"].append(f"src/gradline/core/kernels/{goal.name}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(iter(platform_tags()))}"
