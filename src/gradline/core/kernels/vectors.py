"""Vectors of the machine in compiled loops: neighbouring numbers of a row read, multiplied and added at once.

They are `VECTOR` bytes long, which LLVM cuts into what the machine has. Sums may be reordered in them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types

from gradline.core.kernels import VECTOR

_BITS = 8 * VECTOR
_SUMS = ("reassoc", "contract")
_INDEX = ir.IntType(32)

intrinsic: Any = numba.extending.intrinsic  # callers leave out the first argument, which numba gives


class Lanes(types.Type):
    """So many numbers of one type."""

    def __init__(self, number: Any, count: int) -> None:
        self.number, self.count = number, count
        super().__init__(f"Lanes({number}, {count})")


@numba.extending.register_model(Lanes)
class _LanesModel(numba.extending.models.PrimitiveModel):
    """LLVM's vector."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        number = manager.lookup(kind.number).get_value_type()
        super().__init__(manager, kind, ir.VectorType(number, kind.count))


def _whole(array: Any) -> Lanes:
    return Lanes(array.dtype, _BITS // array.dtype.bitwidth)


def _emitted(emit: Callable[..., Any]) -> Callable[..., Any]:
    """A code generator that needs nothing but the builder and the arguments."""
    return lambda _context, builder, _signature, arguments: emit(builder, *arguments)


def _place(context: Any, builder: Any, kind: Any, target: Any, place: Any) -> Any:
    """The address of a cell (array, row, column), as that of the target type."""
    array, row, column = place
    table = context.make_array(kind)(context, builder, array)
    cell = cgutils.get_item_pointer(context, builder, kind, table, [row, column])
    return builder.bitcast(cell, target.as_pointer())


@intrinsic
def width(_, array):
    """How many numbers of the array's type fill a vector, a constant: 8 of float64, 16 of float32."""
    count = _whole(array).count
    return types.intp(array), lambda context, *_: context.get_constant(types.intp, count)


def _reading(array: Any, kind: Lanes) -> tuple[Any, Callable[..., Any]]:
    """Signature and code that read lanes from (array, row, column)."""

    def generate(context, builder, _signature, arguments):
        place = _place(context, builder, array, context.get_value_type(kind), arguments)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return kind(array, types.intp, types.intp), generate


@intrinsic
def lanes(_, array, _row, _column):
    """As many numbers of a row from a column on as fill a vector."""
    return _reading(array, _whole(array))


@intrinsic
def eight(_, array, _row, _column):
    """Eight numbers of a row from a column on."""
    return _reading(array, Lanes(array.dtype, 8))


@intrinsic
def four(_, array, _row, _column):
    """Four numbers of a row from a column on."""
    return _reading(array, Lanes(array.dtype, 4))


@intrinsic
def two(_, array, _row, _column):
    """Two numbers of a row from a column on."""
    return _reading(array, Lanes(array.dtype, 2))


@intrinsic
def one(_, array, _row, _column):
    """A single number of a row."""
    return _reading(array, Lanes(array.dtype, 1))


@intrinsic
def put(_, array, _row, _column, value):
    """Write lanes to a row from a column on."""

    def generate(context, builder, _signature, arguments):
        *place, numbers = arguments
        place = _place(context, builder, array, numbers.type, place)
        builder.store(numbers, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, value), generate


@intrinsic
def spread(_, array, value):
    """One number, turned into the array's type, in every lane."""
    kind = _whole(array)

    def generate(context, builder, _signature, arguments):
        number = context.cast(builder, arguments[1], value, kind.number)
        nothing = ir.Constant(context.get_value_type(kind), ir.Undefined)
        first = builder.insert_element(nothing, number, _INDEX(0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INDEX, kind.count), None))

    return kind(array, value), generate


@intrinsic
def times(_, a, _b):
    """a·b."""
    return a(a, a), _emitted(lambda builder, x, y: builder.fmul(x, y, flags=_SUMS))


@intrinsic
def plus_times(_, total, _a, _b):
    """The total and a·b, rounded once where the machine can."""

    def emit(builder, s, x, y):
        return builder.fadd(s, builder.fmul(x, y, flags=_SUMS), flags=_SUMS)

    return total(total, total, total), _emitted(emit)


@intrinsic
def scaled(_, a, _center, _inverse):
    """(a − center)·inverse."""
    return a(a, a, a), _emitted(lambda builder, x, c, s: builder.fmul(builder.fsub(x, c), s))


@intrinsic
def fetch(_, array, _row, _column):
    """Ask for the cell's line of memory without waiting for it."""

    def generate(context, builder, _signature, arguments):
        place = _place(context, builder, array, ir.IntType(8), arguments)
        shape = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, _INDEX, _INDEX, _INDEX])
        call = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(call, [place, _INDEX(0), _INDEX(3), _INDEX(1)])  # to read, near, data
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


@intrinsic
def totals(_, a, _b, _c, _d):
    """The sums of all lanes of each of four: folded together, they take half the instructions of four by themselves."""
    kind = types.UniTuple(a.number, 4)

    def emit(context, builder, _signature, vectors):
        count = a.count
        ab = _folded(builder, vectors[0], vectors[1], count, 1)
        cd = _folded(builder, vectors[2], vectors[3], count, 1)
        while count > 4:
            ab, cd, count = _halved(builder, ab, count), _halved(builder, cd, count), count // 2
        sums = _folded(builder, ab, cd, count, 2)
        return context.make_tuple(builder, kind, [builder.extract_element(sums, _INDEX(i)) for i in range(4)])

    return kind(a, a, a, a), emit


def _folded(builder: Any, x: Any, y: Any, count: int, distance: int) -> Any:
    """Sums of two lanes each, `distance` apart: of x, and where the lane's number holds `distance`, of y."""
    lanes = range(count)
    upper = _picked(builder, x, y, [i if not i & distance else count + i - distance for i in lanes])
    lower = _picked(builder, x, y, [i + distance if not i & distance else count + i for i in lanes])
    return builder.fadd(upper, lower, flags=_SUMS)


def _halved(builder: Any, x: Any, count: int) -> Any:
    """The sums of its lower and its upper lanes."""
    lower, upper = range(count // 2), range(count // 2, count)
    return builder.fadd(_picked(builder, x, x, lower), _picked(builder, x, x, upper), flags=_SUMS)


def _picked(builder: Any, x: Any, y: Any, lanes: Iterable[int]) -> Any:
    picks = list(lanes)
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_INDEX, len(picks)), picks))
