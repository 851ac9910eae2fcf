"""Files written whole or not at all, and safetensors files that carry one JSON card and no code."""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Generator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from gradline.core.cleanup import finished, undoing
from gradline.core.errors import FileError, ModelFileError, UsageError

CARD = "gradline"  # the key of the card in the safetensors metadata
FORMAT = 1  # raised when an older gradline could no longer read what we write


@contextlib.contextmanager
def replacing(path: str | Path) -> Generator[IO[bytes]]:
    """A binary file that becomes `path` when the block ends well, and vanishes when it does not.

    The bytes go to a temporary name in the same folder, are flushed to disk and renamed, so a reader
    sees the old file or the new one and never a half. A file that was there keeps its mode. Raises
    `FileError` where the folder is missing or read-only, or the disk is full.
    """
    path = Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, never renamed over
            with path.open("wb") as stream:
                yield stream
            return
        # As much of the name as leaves room for the rest: a name has at most 255 bytes.
        temporary = path.parent / f".{path.name[:50]}.{os.urandom(8).hex()}.part"
        with undoing(partial(temporary.unlink, missing_ok=True)):
            with _created(temporary, path) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finished.append(str(path))
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(
            "file-unwritable",
            f"cannot write {path}: {error.strerror or error}",
            "check that the folder exists, is writable and has room, or write elsewhere with -o",
        ) from error


def _created(temporary: Path, path: Path) -> IO[bytes]:
    """A new file with the mode of `path`, or where there is none with that of any new file."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666 if mode is None else mode)
    if mode is not None:
        os.chmod(temporary, mode)  # which a mask may have narrowed
    return os.fdopen(handle, "wb")


def expect_writable(path: str | Path) -> None:
    """Refuse, before any work, a path that a model cannot be written to, or that holds something else."""
    path = Path(path)
    if str(path) == "-":
        raise UsageError(
            "output-not-named", "-o - names no file", "give the model a file name, such as model.safetensors"
        )
    if path.is_file() and path.stat().st_size and not _is_safetensors(path):
        raise FileError(
            "output-exists", f"{path} exists and is no model", "choose another name, or remove it first"
        )
    if path.is_dir():
        raise FileError("path-is-folder", f"cannot write {path}: it is a folder", "add a file name")
    if not path.exists():
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise FileError(
                "file-unwritable",
                f"cannot write {path}: {error.strerror}",
                "check the folder, or choose another",
            ) from error


def _is_safetensors(path: Path) -> bool:
    """Whether the file begins as safetensors do: eight bytes of length, then a JSON object."""
    with path.open("rb") as stream:
        return stream.read(9)[8:] == b"{"


def digest(tensors: Mapping[str, np.ndarray]) -> str:
    """The sha256 in hex over the tensors by name: [name, dtype, shape] as JSON, then the bytes, of each."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        hashed.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
        hashed.update(tensor.tobytes())
    return hashed.hexdigest()


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray], card: Mapping[str, Any]) -> None:
    """Write tensors and their card, with their `digest` as "tensors", to one safetensors file, whole or not at all."""
    content = packed(tensors, card)
    with replacing(path) as stream:
        stream.write(content)


def packed(tensors: Mapping[str, np.ndarray], card: Mapping[str, Any]) -> bytes:
    """The bytes of such a file."""
    import safetensors.numpy  # noqa: PLC0415 - loaded only when a file is written

    whole = {"format": FORMAT, **card, "tensors": digest(tensors)}
    # A path that is no text has halves of characters, which UTF-8 does not hold.
    metadata = {CARD: json.dumps(whole, ensure_ascii=False).encode(errors="replace").decode()}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return safetensors.numpy.save(contiguous, metadata=metadata)


def unpacked(path: str | Path, content: bytes, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the card that `packed` made bytes of, which `path` is the name of in messages.

    Raises `ModelFileError` where a bit of it is another, or it is of another kind.
    """
    import safetensors.numpy  # noqa: PLC0415 - loaded only when a file is read

    from gradline.core.card import parsed  # noqa: PLC0415 - msgspec, only where a file is read

    try:
        tensors = safetensors.numpy.load(content)
        head = parsed(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = head.get("__metadata__")
    except (safetensors.SafetensorError, ValueError, AttributeError) as error:
        raise damaged(path, f"it is no whole safetensors file ({error})") from error
    card = _card(path, metadata, kind)
    if card.get("tensors") != digest(tensors):
        raise damaged(path, "its tensors are not those that were written")
    return tensors, card


def read_tensors(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the card of a gradline file of this kind ("model" or "moments").

    Raises `FileError` when there is no such file and `ModelFileError` when it is damaged, was written by
    a newer gradline, or is not gradline's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError("file-not-found", f"there is no file {path}", "check the name and the folder")
    tensors, metadata = _read_safetensors(path)
    return tensors, _card(path, metadata, kind)


def _card(path: str | Path, metadata: Mapping[str, str] | None, kind: str) -> dict[str, Any]:
    """The card of a file, checked for its kind and its version."""
    from gradline.core.card import parsed  # noqa: PLC0415 - msgspec, only where a file is read

    if metadata is None or CARD not in metadata:
        raise ModelFileError(
            "model-file-foreign",
            f"{path} holds tensors but no gradline card, so it was not written by gradline",
            "give a file that `gradline fit … -o` wrote",
        )
    try:
        card = parsed(metadata[CARD])
        version, found = int(card["format"]), str(card["kind"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, "its card cannot be read") from error
    if version > FORMAT:
        raise ModelFileError(
            "model-file-newer",
            f"{path} has format {version}, written by a newer gradline than this one (format {FORMAT})",
            "upgrade gradline, or save the model again with this version",
        )
    if found != kind:
        raise ModelFileError(
            "model-file-other-kind",
            f"{path} holds {found!r:.40}, not a {kind}",
            f"give a file that holds a {kind}",
        )
    return card


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str] | None]:
    import safetensors  # noqa: PLC0415 - loaded only when a file is read

    try:
        opened: Any = safetensors.safe_open(path, framework="numpy")  # compiled, without types
        with opened as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise damaged(path, f"it is no whole safetensors file ({error})") from error
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror or error}", "check its permissions"
        ) from error


def damaged(path: str | Path, why: str) -> ModelFileError:
    """The refusal of a file of tensors, and why."""
    return ModelFileError(
        "model-file-damaged", f"{path} is damaged: {why}", "restore it from a copy, or fit the model again"
    )


def expect_card(path: str | Path, card: Any, schema: Any, where: str = "its card") -> None:
    """Refuse a card that is not made as the types of `schema` say."""
    from gradline.core.card import fault_of  # noqa: PLC0415 - msgspec, only where a file is read

    fault = fault_of(card, schema)
    if fault is not None:
        raise damaged(path, f"in {where}, {fault}")


def expect_shapes(
    path: str | Path, tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse a file whose tensors do not have the shapes that its own card promises."""
    for name, shape in shapes.items():
        tensor = tensors.get(name)
        if tensor is None:
            raise damaged(path, f"the tensor {name} is not in it")
        if tensor.shape != shape or tensor.dtype != np.float64:
            raise damaged(
                Path(path),
                f"{name} is {tensor.dtype} of shape {tensor.shape}, its card promises float64 {shape}",
            )
