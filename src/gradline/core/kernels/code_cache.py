"""The loops as machine code in a file: written once by numba, which takes seconds, then loaded without it."""

import ctypes
import hashlib
import os
import platform
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradline.core.kernels import SIGNATURES
from gradline.core.kernels.elf_loader import SUPPORTED, linked

_HERE = Path(__file__).parent
LOADING = 0.005 if SUPPORTED else 0.1  # seconds that loading takes
_DIGEST = 32  # bytes before the code, by which a damaged file is known


def written() -> bool:
    """Whether some process has left the code of these very loops."""
    return any(any(folder.glob(f"{_sources()}-*.o")) for folder in _folders())


def account() -> Path:
    """The file whose length says what processes without the code could have saved with it, in tenths of seconds."""
    return _folders()[-1] / f"{_sources()}-wanted"


def loops() -> SimpleNamespace:
    """The functions of `SIGNATURES`: arrays must be of the types there, without gaps, and as large as they say."""
    name = f"{_sources()}-{_short(_processor())}.o"
    code = _read(name)
    if code is None:
        code = _compiled()
        _write(name, code)
    memory, addresses = linked(code) or _linked_by_llvm(code)
    found = {name: _function(addresses[name], *SIGNATURES[name]) for name in SIGNATURES}
    return SimpleNamespace(memory=memory, **found)  # whose code is gone when the memory is


def _processor() -> bytes:
    """What tells processors apart that cannot run each other's code."""
    try:
        first = Path("/proc/cpuinfo").read_bytes().partition(b"\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".encode()
    return b"\n".join(
        line for line in first if line.startswith((b"model name", b"flags", b"CPU part", b"Features"))
    )


def _linked_by_llvm(code: bytes) -> tuple[Any, dict[str, int]]:
    """An engine that holds the code, and the addresses of the functions."""
    binding, machine = _llvm()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, {name: engine.get_function_address(name) for name in SIGNATURES}


def _llvm() -> tuple[Any, Any]:
    """LLVM, and its idea of this machine."""
    from llvmlite import binding  # noqa: PLC0415 - 50 ms, and 45 MB

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    processor, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    return binding, binding.Target.from_default_triple().create_target_machine(
        cpu=processor, features=features, opt=3, jit=True
    )


def _function(address: int, result: str, arguments: str) -> Any:
    """The C function at an address; it runs without the interpreter's lock."""
    kinds = [_argument(kind) for kind in arguments.split()]
    function = ctypes.CFUNCTYPE(None if result == "void" else _number(result))(address)
    function.argtypes = kinds
    return function


def _argument(kind: str) -> Any:
    return _Pointer(kind[:-1]) if kind.endswith("*") else _number(kind)


class _Pointer:
    """An argument that takes an array of one type without gaps; NumPy's own takes three times as long to look."""

    def __init__(self, kind: str) -> None:
        self._type = np.dtype(kind)

    def from_param(self, array: np.ndarray) -> ctypes.c_void_p:
        """The address of its first number."""
        if array.dtype != self._type or not array.flags.c_contiguous:
            raise TypeError(
                f"an array of {array.dtype} {array.flags} where {self._type} row by row is wanted"
            )
        return ctypes.c_void_p(array.__array_interface__["data"][0])


def _number(kind: str) -> Any:
    return np.ctypeslib.as_ctypes_type(np.dtype(kind))


def _compiled() -> bytes:
    """The object code of all loops, by numba; it calls nothing that a process without numba lacks."""
    import numba  # noqa: PLC0415 - a second, and the loops take some more

    from gradline.core.kernels import entries  # noqa: PLC0415 - needs numba

    def kind(name: str) -> Any:
        return numba.types.CPointer(kind(name[:-1])) if name.endswith("*") else getattr(numba.types, name)

    binding, machine = _llvm()
    whole = binding.parse_assembly("")
    for name, (result, arguments) in SIGNATURES.items():
        signature = kind(result)(*map(kind, arguments.split()))
        entry = numba.cfunc(signature, error_model="numpy")(getattr(entries, name))
        module = binding.parse_assembly(entry.inspect_llvm())
        for part in [*module.functions, *module.global_variables]:
            if part.name == entry.native_name:
                part.name = name
            elif not part.is_declaration:
                part.linkage = "internal"
        whole.link_in(module)
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(whole, binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(3)))
    return machine.emit_object(whole)


@cache
def _sources() -> str:
    """A name for the loops as they are written."""
    return _short(b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.py"))))


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@cache
def _folders() -> list[Path]:
    """Where code may lie: beside the byte code, and where that cannot be written, in the user's cache."""
    beside = _HERE / "__pycache__"
    if os.access(_HERE, os.W_OK):
        return [beside]
    return [beside, Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gradline"]


def _read(name: str) -> bytes | None:
    for folder in _folders():
        try:
            content = (folder / name).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
            return content[_DIGEST:]
    return None


def _write(name: str, code: bytes) -> None:
    """Keep the code for later processes, if that can be done: whole or not at all."""
    folder = _folders()[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
            part.write(hashlib.sha256(code).digest() + code)
        Path(part.name).chmod(0o644)  # whoever may run the package may read what it runs
        Path(part.name).replace(folder / name)
        account().unlink(missing_ok=True)
        for other in _HERE.glob("__pycache__/*.o"):
            if not other.name.startswith(_sources()):  # code of loops that are no more
                other.unlink(missing_ok=True)
    except OSError:
        return  # this process has its code; the next one will compile again
