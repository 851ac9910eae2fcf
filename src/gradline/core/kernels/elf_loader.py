"""Object code made ready to run in two milliseconds, where it takes a twentieth of a second to load LLVM for that.

There is little to it: code of LLVM's large model refers to everything by whole addresses (System V ABI, AMD64, 4.4).
"""

import ctypes
import mmap
import platform
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64"

_HEADER, _SECTION = struct.Struct("<4s36xQ12xH2x"), struct.Struct("<IIQQQQIIQQ")
_SYMBOL, _RELOCATION = struct.Struct("<IBBHQQ"), struct.Struct("<QIIq")
_PROGRAM, _SYMBOLS, _RELOCATIONS = 1, 2, 4  # types of sections
_IN_MEMORY = 2  # a section's flag
_ADDRESS = 1  # R_X86_64_64: the address of a symbol and a number
_ALIGNED = 64


class _Section(NamedTuple):
    """A section of an object file (ELF, 64 bits)."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


class Linked(NamedTuple):
    """The addresses of the functions, which stand as long as the memory is kept."""

    memory: mmap.mmap
    addresses: Mapping[str, int]


def linked(code: bytes) -> Linked | None:
    """The object code in memory; None where it, or this system, is of another kind, and LLVM has to do it."""
    magic, start, count = _HEADER.unpack_from(code)
    if not SUPPORTED or magic != b"\x7fELF":
        return None
    sections = [_Section(*_SECTION.unpack_from(code, start + i * _SECTION.size)) for i in range(count)]
    size, places = 0, {}
    for i, section in enumerate(sections):
        if section.type == _PROGRAM and section.flags & _IN_MEMORY:
            places[i], size = size, size + -(-section.size // _ALIGNED) * _ALIGNED
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for i, place in places.items():
        memory[place : place + sections[i].size] = _content(code, sections[i])
    table = next(section for section in sections if section.type == _SYMBOLS)
    symbols = list(
        _symbols(code, table, sections[table.link], {i: base + place for i, place in places.items()})
    )
    for section in sections:
        if section.type == _RELOCATIONS and section.info in places:
            for where, kind, symbol, addend in _RELOCATION.iter_unpack(_content(code, section)):
                if kind != _ADDRESS:
                    return None
                struct.pack_into("<Q", memory, places[section.info] + where, symbols[symbol][1] + addend)
    may_run = ctypes.CDLL(None).mprotect(
        ctypes.c_void_p(base), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC
    )
    return Linked(memory, dict(symbols)) if may_run == 0 else None


def _content(code: bytes, section: _Section) -> bytes:
    return code[section.offset : section.offset + section.size]


def _symbols(
    code: bytes, table: _Section, names: _Section, starts: Mapping[int, int]
) -> Iterator[tuple[str, int]]:
    """The name and the address of each symbol; those of other libraries are looked for in this process."""
    text, process = _content(code, names), ctypes.CDLL(None)
    for name, _, _, section, value, _ in _SYMBOL.iter_unpack(_content(code, table)):
        word = text[name : text.index(b"\0", name)].decode()
        if section == 0 and word:
            # What only numba has is called where a loop fails, and none does.
            function = getattr(process, word, None)
            yield word, ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0
        else:
            yield word, starts.get(section, 0) + value
