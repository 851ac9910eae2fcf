"""What numba cannot say: numbers taken several at a time, in registers, and memory asked for ahead of its use.

Written for LLVM, which turns it into the instructions of the processor at hand. A panel holds some columns of a table,
at most `WIDTH` and a multiple of `LANES`, row by row.
"""

# ruff: noqa: ARG001 - numba gives every intrinsic the types of all its arguments

from typing import Any

import numba.extending
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

LANES = 8 if binding.get_host_cpu_features().get("avx512f") else 4  # numbers in one register
# LANES × 3 sums, three registers beside them and one more fit what there are: 32, or 16 of the smaller ones.
WIDTH = 3 * LANES

_AHEAD = 256  # rows between asking for a line of memory and reading it
_FUSED = ("contract",)  # a product and its sum may be rounded once
_SHORT, _WHOLE, _NUMBER = ir.IntType(32), ir.IntType(64), ir.DoubleType()
_LANES = ir.VectorType(_NUMBER, LANES)

intrinsic: Any = numba.extending.intrinsic  # callers leave out the first argument, which numba gives


class _Code:
    """The instructions of one intrinsic as they are written."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def data(self, kind: Any, array: Any) -> Any:
        """The address of an array's first number."""
        return self.context.make_array(kind)(self.context, self.builder, array).data

    def cell(self, data: Any, *offsets: Any) -> Any:
        """The address of the number so far from the first."""
        place = offsets[0]
        for offset in offsets[1:]:
            place = self.builder.add(place, offset)
        return self.builder.gep(data, [place])

    def lanes(self, cell: Any) -> Any:
        """That of a register's worth of numbers."""
        return self.builder.bitcast(cell, _LANES.as_pointer())

    def load(self, cell: Any) -> Any:
        """Those numbers."""
        return self.builder.load(self.lanes(cell), align=8)

    def store(self, value: Any, cell: Any) -> None:
        """Write them."""
        self.builder.store(value, self.lanes(cell), align=8)

    def register(self, value: Any) -> Any:
        """A place for a register's worth of numbers; LLVM keeps it in one."""
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

    def add_to(self, register: Any, x: Any, y: Any) -> None:
        """Add x·y."""
        product = self.builder.fmul(x, y, flags=_FUSED)
        self.builder.store(self.builder.fadd(self.builder.load(register), product, flags=_FUSED), register)

    def keep(self, register: Any, value: Any, comparison: str) -> None:
        """Replace what compares so with the value; NaN never does."""
        old = self.builder.load(register)
        better = self.builder.fcmp_ordered(comparison, value, old)
        self.builder.store(self.builder.select(better, value, old), register)

    def first(self, count: Any) -> Any:
        """Which lanes are among the first `count`."""
        numbers = ir.Constant(ir.VectorType(_WHOLE, LANES), list(range(LANES)))
        return self.builder.icmp_signed("<", numbers, self.spread(count))

    def load_some(self, cell: Any, which: Any, others: Any) -> Any:
        """Some of the numbers from a cell on, and `others` in the other lanes, whose memory is left alone."""
        words = [_LANES.as_pointer(), _SHORT, which.type, _LANES]
        call = self._function(_LANES, words, f"llvm.masked.load.v{LANES}f64.p0")
        return self.builder.call(call, [self.lanes(cell), _SHORT(8), which, others])

    def prefetch(self, cell: Any) -> None:
        """Ask for the cell's line of memory without waiting for it; it may lie beyond the end."""
        call = self._function(ir.VoidType(), [cgutils.voidptr_t, _SHORT, _SHORT, _SHORT], "llvm.prefetch.p0")
        to_read, near, data = _SHORT(0), _SHORT(3), _SHORT(1)
        self.builder.call(call, [self.builder.bitcast(cell, cgutils.voidptr_t), to_read, near, data])

    def _function(self, result: Any, words: list[Any], name: str) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, words), name)


def _add_products(registers: int) -> Any:
    """The intrinsic for so many registers of columns on the right."""

    @intrinsic
    def add_products(typing, panels, a, a_step, b, b_step, rows, G, at, length):
        """Add Σ xᵢ·yⱼ over `rows` rows to G[at + i·length + j]: LANES columns i from cell `a` of the panels on, where
        rows are `a_step` apart, and registers × LANES columns j from `b` on."""

        def generate(context, builder, signature, arguments):
            code = _Code(context, builder)
            panels, a, a_step, b, b_step, rows, G, at, length = arguments
            panels, G = code.data(signature.args[0], panels), code.data(signature.args[6], G)
            zero = ir.Constant(_LANES, None)
            sums = [[code.register(zero) for _ in range(registers)] for _ in range(LANES)]
            starts = [_WHOLE(LANES * place) for place in range(registers)]
            with cgutils.for_range(builder, rows, intp=_WHOLE) as loop:
                left = builder.add(a, builder.mul(loop.index, a_step))
                right = builder.add(b, builder.mul(loop.index, b_step))
                y = [code.load(code.cell(panels, right, start)) for start in starts]
                for i, line in enumerate(sums):
                    x = code.spread(builder.load(code.cell(panels, left, _WHOLE(i))))
                    for register, columns in zip(line, y, strict=True):
                        code.add_to(register, x, columns)
            for i, line in enumerate(sums):
                row = builder.add(at, builder.mul(_WHOLE(i), length))
                for register, start in zip(line, starts, strict=True):
                    cell = code.cell(G, row, start)
                    code.store(builder.fadd(code.load(cell), builder.load(register)), cell)
            return context.get_dummy_value()

        i = types.int64
        return types.void(panels, i, i, i, i, i, G, i, i), generate

    return add_products


add_products_1, add_products_2, add_products_3 = (_add_products(registers) for registers in (1, 2, 3))


@intrinsic
def pack(
    typing, X, start, step, rows, count, roots, root, root_step, shift, column, panels, at, at_step, sums, k
):
    """Put (x − shift)·root for the first `count` of LANES columns into a panel, zeros for others.

    The rows of X begin at cell `start` and are `step` apart, those of the panel at `at` and `at_step`, and their roots
    of weights at `root` and `root_step`. The rows of `sums`, k long, take the columns' least and greatest x and the
    sum of weight·(x − shift), from `column` on as in `shift`.
    """

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder)
        X, start, step, rows, count, roots, root, root_step, shift, column, panels, at, at_step, sums, k = (
            arguments
        )
        kinds = signature.args
        X, roots, shift = (code.data(kinds[i], array) for i, array in ((0, X), (5, roots), (8, shift)))
        panels, sums = code.data(kinds[10], panels), code.data(kinds[13], sums)
        center, wanted = code.load(code.cell(shift, column)), code.first(count)
        cells = [code.cell(sums, column, builder.mul(k, _WHOLE(row))) for row in range(3)]
        least, most, total = (code.register(code.load(cell)) for cell in cells)
        with cgutils.for_range(builder, rows, intp=_WHOLE) as loop:
            row = builder.add(start, builder.mul(loop.index, step))
            code.prefetch(code.cell(X, row, builder.mul(step, _WHOLE(_AHEAD))))
            x = code.load_some(code.cell(X, row), wanted, center)
            code.keep(least, x, "<")
            code.keep(most, x, ">")
            weight = code.spread(builder.load(code.cell(roots, root, builder.mul(loop.index, root_step))))
            z = builder.fmul(builder.fsub(x, center), weight)
            code.add_to(total, z, weight)
            code.store(z, code.cell(panels, at, builder.mul(loop.index, at_step)))
        for register, cell in zip((least, most, total), cells, strict=True):
            code.store(builder.load(register), cell)
        return context.get_dummy_value()

    i = types.int64
    return types.void(X, i, i, i, i, roots, i, i, shift, i, panels, i, i, sums, i), generate
