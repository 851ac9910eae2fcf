"""A panel: some rows of a table column by column, in cache, `tile` rows apart; how cells get there, and products there.

Whatever way rows lie in memory, the same numbers are added in the same order.
"""

# ruff: noqa: ARG001 - numba gives every intrinsic the types of all its arguments

from typing import Any

from numba import types
from numba.core import cgutils

from gradline.core.kernels import SIDE
from gradline.core.kernels.registers import LANES, WHOLE, ZERO, VectorCode, intrinsic

_SIDES = (SIDE, SIDE * LANES // 8)  # of which so many by so many stay in registers at a time
# Rows between asking for a line of memory and reading it: where they lie one after the other, and column by column,
# where every column has a line on its way.
_AHEAD, _AHEAD_IN_COLUMNS = 32, 64
_I = types.int64


@intrinsic
def number(typing, address):
    """The number at an address."""

    def generate(context, builder, signature, arguments):
        return builder.load(VectorCode(context, builder).number_at(arguments[0]))

    return types.float64(_I), generate


def _turn(whole: bool) -> Any:
    """The intrinsic for a whole register of columns, or for some."""

    @intrinsic
    def turn(typing, x, step, count, panel, tile, at):
        """Write LANES rows from address `x` on, `step` bytes apart, to `panel` from cell `at` on: `count` columns.

        As many more as fill up a register come out as zeros.
        """

        def generate(context, builder, signature, arguments):
            code = VectorCode(context, builder)
            x, step, count, panel, tile, at = arguments
            wanted, data, rows = code.first(count), code.data(signature.args[3], panel), []
            for i in range(LANES):
                cell = code.number_at(x, builder.mul(step, WHOLE(i)))
                code.prefetch(code.number_at(x, builder.mul(step, WHOLE(i + _AHEAD))))
                rows.append(code.load(cell) if whole else code.load_some(cell, wanted, ZERO))
            for j, column in enumerate(code.transposed(rows)):
                code.store(column, code.cell(data, at, builder.mul(tile, WHOLE(j))))
            return context.get_dummy_value()

        return types.void(_I, _I, _I, panel, _I, _I), generate

    return turn


turn, turn_some = _turn(True), _turn(False)


def _take(columns: int, weighted: bool) -> Any:
    """The intrinsic for so many columns, with roots of weights or without."""

    @intrinsic
    def take(typing, sources, count, roots, shift, factors, column, sums, k, hashes, panel, tile, row):
        """Put z = (x − shift)·root to the panel, for `count` registers of rows from `row` on, from column `column` on.

        The cells x lie at `sources` (k,) without gaps. The columns of `sums` (3, k, LANES) take least x, greatest x
        and Σ root·z of every lane, `hashes` for each row Σ factor·bits of x.
        """

        def generate(context, builder, signature, arguments):
            code = VectorCode(context, builder)
            sources, count, roots, shift, factors, column, sums, k, hashes, panel, tile, row = (
                code.data(kind, a) if isinstance(kind, types.Array) else a
                for kind, a in zip(signature.args, arguments, strict=True)
            )
            places = [builder.add(column, WHOLE(j)) for j in range(columns)]
            addresses = [builder.load(code.cell(sources, place)) for place in places]
            centers = [code.spread(builder.load(code.cell(shift, place))) for place in places]
            multipliers = [code.spread(builder.load(code.cell(factors, place))) for place in places]
            cells = [
                [
                    code.cell(
                        sums, builder.mul(builder.add(builder.mul(k, WHOLE(which)), place), WHOLE(LANES))
                    )
                    for which in range(3)
                ]
                for place in places
            ]
            kept = [[code.register(code.load(cell)) for cell in column_cells] for column_cells in cells]
            with cgutils.for_range(builder, count, intp=WHOLE) as loop:
                offset = builder.mul(loop.index, WHOLE(LANES))
                bytes_, own = builder.mul(offset, WHOLE(8)), code.cell(hashes, row, offset)
                hashed = code.load(own)
                root = code.load(code.cell(roots, row, offset)) if weighted else None
                for j, place in enumerate(places):
                    code.prefetch(code.number_at(addresses[j], bytes_, WHOLE(8 * _AHEAD_IN_COLUMNS)))
                    x = code.load(code.number_at(addresses[j], bytes_))
                    hashed = builder.add(hashed, builder.mul(code.hashable(x), multipliers[j]))
                    z = builder.fsub(x, centers[j])
                    z = builder.fmul(z, root) if weighted else z
                    least, most, total = kept[j]
                    builder.store(code.better("<", x, builder.load(least)), least)
                    builder.store(code.better(">", x, builder.load(most)), most)
                    builder.store(
                        code.plus_times(builder.load(total), z, root)
                        if weighted
                        else builder.fadd(builder.load(total), z),
                        total,
                    )
                    code.store(z, code.cell(panel, builder.mul(place, tile), row, offset))
                code.store(hashed, own)
            for column_cells, registers in zip(cells, kept, strict=True):
                for cell, register in zip(column_cells, registers, strict=True):
                    code.store(builder.load(register), cell)
            return context.get_dummy_value()

        return types.void(sources, _I, roots, shift, factors, _I, sums, _I, hashes, panel, _I, _I), generate

    return take


take_1, take_4 = _take(1, False), _take(4, False)
take_weighted_1, take_weighted_4 = _take(1, True), _take(4, True)


@intrinsic
def add_products(typing, panel, tile, left, right, count, G, at):
    """Add Σ zᵢ·zⱼ over `count` registers of rows to G[at + SIDE·j + i]: SIDE columns i from `left` on by as many j
    from `right` on."""

    def generate(context, builder, signature, arguments):
        code = VectorCode(context, builder)
        panel, tile, left, right, count, G, at = arguments
        panel, G = code.data(signature.args[0], panel), code.data(signature.args[5], G)
        own, others = (builder.mul(column, tile) for column in (left, right))
        tall, wide = _SIDES
        for start in range(0, SIDE, wide):
            sums = [[code.register(ZERO) for _ in range(wide)] for _ in range(tall)]
            with cgutils.for_range(builder, count, intp=WHOLE) as loop:
                offset = builder.mul(loop.index, WHOLE(LANES))
                x = [
                    code.load(code.cell(panel, own, offset, builder.mul(tile, WHOLE(i)))) for i in range(tall)
                ]
                for j in range(wide):
                    y = code.load(code.cell(panel, others, offset, builder.mul(tile, WHOLE(start + j))))
                    for i in range(tall):
                        total = sums[i][j]
                        builder.store(code.plus_times(builder.load(total), x[i], y), total)
            whole = [builder.load(sums[i][j]) for j in range(wide) for i in range(tall)]
            for first in range(0, len(whole), LANES):
                cell = code.cell(G, at, WHOLE(start * SIDE + first))
                found = code.totals(whole[first : first + LANES])
                code.store(builder.fadd(code.load(cell), found), cell)
        return context.get_dummy_value()

    return types.void(panel, _I, _I, _I, _I, G, _I), generate
