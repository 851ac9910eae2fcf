"""What numba cannot say: numbers taken several at a time, in registers, and memory asked for ahead of its use.

Written for LLVM, which turns it into the instructions of the processor at hand.
"""

from typing import Any

import numba.extending
from llvmlite import binding, ir
from numba.core import cgutils, types

LANES = 8 if binding.get_host_cpu_features().get("avx512f") else 4  # numbers in one register

WHOLE = ir.IntType(64)
_FUSED = ("contract",)  # a product and its sum may be rounded once
_SHORT, _NUMBER = ir.IntType(32), ir.DoubleType()
_LANES, _BITS = ir.VectorType(_NUMBER, LANES), ir.VectorType(WHOLE, LANES)
ZERO = ir.Constant(_LANES, None)

intrinsic: Any = numba.extending.intrinsic  # callers leave out the first argument, which numba gives


class VectorCode:
    """The instructions of one intrinsic as they are written."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def data(self, kind: Any, array: Any) -> Any:
        """The address of an array's first number."""
        return self.context.make_array(kind)(self.context, self.builder, array).data

    def number_at(self, address: Any, *offsets: Any) -> Any:
        """The number at an address in bytes and so many bytes further."""
        return self.builder.inttoptr(self._sum(address, *offsets), _NUMBER.as_pointer())

    def cell(self, data: Any, *offsets: Any) -> Any:
        """The address of the number so far from the first."""
        return self.builder.gep(data, [self._sum(*offsets)])

    def _sum(self, place: Any, *offsets: Any) -> Any:
        for offset in offsets:
            place = self.builder.add(place, offset)
        return place

    def load(self, cell: Any) -> Any:
        """A register's worth of numbers, or of bits where the cell is one of bits."""
        kind = _LANES if cell.type.pointee == _NUMBER else _BITS
        return self.builder.load(self.builder.bitcast(cell, kind.as_pointer()), align=8)

    def store(self, value: Any, cell: Any) -> None:
        """Write them."""
        self.builder.store(value, self.builder.bitcast(cell, value.type.as_pointer()), align=8)

    def register(self, value: Any) -> Any:
        """A place for a register's worth of numbers that changes; LLVM keeps it in one."""
        place = cgutils.alloca_once(self.builder, _LANES)
        self.builder.store(value, place)
        return place

    def spread(self, value: Any) -> Any:
        """The value in every lane."""
        kind = ir.VectorType(value.type, LANES)
        nothing, same = (
            ir.Constant(kind, ir.Undefined),
            ir.Constant(ir.VectorType(_SHORT, LANES), [0] * LANES),
        )
        return self.builder.shuffle_vector(
            self.builder.insert_element(nothing, value, _SHORT(0)), nothing, same
        )

    def plus_times(self, total: Any, x: Any, y: Any) -> Any:
        """The total and x·y."""
        return self.builder.fadd(total, self.builder.fmul(x, y, flags=_FUSED), flags=_FUSED)

    def better(self, comparison: str, value: Any, old: Any) -> Any:
        """The value where it compares so with the old one, which NaN never does, else the old one."""
        return self.builder.select(self.builder.fcmp_ordered(comparison, value, old), value, old)

    def transposed(self, vectors: list[Any]) -> list[Any]:
        """LANES registers of as many lanes, turned over."""
        found, distance = list(vectors), LANES // 2
        while distance:
            for i in range(LANES):
                if not i & distance:
                    found[i], found[i + distance] = self._exchanged(found[i], found[i + distance], distance)
            distance //= 2
        return found

    def totals(self, vectors: list[Any]) -> Any:
        """The sum of the lanes of each of LANES registers, in a lane of its own."""
        found, distance = list(vectors), 1
        while distance < LANES:
            pairs = zip(found[::2], found[1::2], strict=True)
            found = [self.builder.fadd(*self._exchanged(a, b, distance)) for a, b in pairs]
            distance *= 2
        return found[0]

    def _exchanged(self, a: Any, b: Any, distance: int) -> tuple[Any, Any]:
        """The squares of lanes of that size, of which [a b] holds two by two, with those off the diagonal exchanged."""
        upper = [lane if not lane & distance else LANES + lane - distance for lane in range(LANES)]
        lower = [lane + distance if not lane & distance else LANES + lane for lane in range(LANES)]
        picks = (ir.Constant(ir.VectorType(_SHORT, LANES), lanes) for lanes in (upper, lower))
        first, second = (self.builder.shuffle_vector(a, b, pick) for pick in picks)
        return first, second

    def first(self, count: Any) -> Any:
        """Which lanes are among the first `count`."""
        numbers = ir.Constant(_BITS, list(range(LANES)))
        return self.builder.icmp_signed("<", numbers, self.spread(count))

    def load_some(self, cell: Any, which: Any, others: Any) -> Any:
        """Some of the numbers from a cell on, and `others` in the other lanes, whose memory is left alone."""
        words = [_LANES.as_pointer(), _SHORT, which.type, _LANES]
        call = self._function(_LANES, words, f"llvm.masked.load.v{LANES}f64.p0")
        return self.builder.call(
            call, [self.builder.bitcast(cell, _LANES.as_pointer()), _SHORT(8), which, others]
        )

    def prefetch(self, cell: Any) -> None:
        """Ask for the cell's line of memory without waiting for it; it may lie beyond the end."""
        call = self._function(ir.VoidType(), [cgutils.voidptr_t, _SHORT, _SHORT, _SHORT], "llvm.prefetch.p0")
        to_read, near, data = _SHORT(0), _SHORT(3), _SHORT(1)
        self.builder.call(call, [self.builder.bitcast(cell, cgutils.voidptr_t), to_read, near, data])

    def hashable(self, x: Any) -> Any:
        """The bits of numbers with their upper half brought into the lower, −0 as 0."""
        bits = self.builder.bitcast(self.builder.fadd(x, ZERO), _BITS)
        half = ir.Constant(_BITS, [32] * LANES)
        return self.builder.xor(bits, self.builder.lshr(bits, half))

    def _function(self, result: Any, words: list[Any], name: str) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, words), name)


def _cast(target: Any) -> Any:
    """The code that turns (pointer, how many of its numbers further, …) into a pointer of another kind."""

    def generate(context, builder, _signature, arguments):
        cell = builder.gep(arguments[0], [arguments[1]])
        return builder.bitcast(cell, context.get_value_type(target))

    return generate


@intrinsic
def numbers(_, room, _first):
    """The room from one of its numbers on, for float64."""
    kind = types.CPointer(types.float64)
    return kind(room, types.int64), _cast(kind)


@intrinsic
def words(_, room, _first):
    """The room from one of its numbers on, for uint64."""
    kind = types.CPointer(types.uint64)
    return kind(room, types.int64), _cast(kind)


@intrinsic
def like(_, room, _first, example):
    """The room from one of its numbers on, for numbers of the kind that another pointer has."""
    return example(room, types.int64, example), _cast(example)


@intrinsic
def beyond(_, pointer, _first):
    """A pointer to one of the numbers that follow."""
    return pointer(pointer, types.int64), _cast(pointer)
