"""Whole rows of float32 at a time, for the numba kernels: dot products, their gradients, sums.

Numba vectorises a loop over one or two rows, but not over the seven that a positive word, five negatives and
the hidden vector make: the checks that they do not overlap are too many for it. So these loops are written as
LLVM vectors. Every width is a multiple of `LANES`; matrices are padded to it with zeros, which stay zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic

cgutils: Any = _cgutils  # only partly typed

LANES = 16
"""Floats in a vector: one register of 512 bits, or two of 256 or four of 128 where a processor has those."""

BLOCK = 6
"""Rows that share one pass over the hidden vector: a word and its five negatives, the usual number."""

CACHE_LINE = 64

FLOAT = ir.FloatType()
VECTOR = ir.VectorType(FLOAT, LANES)
FLAGS = ("contract", "reassoc", "nsz")
"""Sums may be reordered and fused; NaN stays NaN, so that a training that diverged is seen."""


def padded(width: int) -> int:
    """The least multiple of `LANES` that holds a row."""
    return -(-width // LANES) * LANES


def _array(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value)


def _row(context: Any, builder: Any, kind: Any, value: Any, row: Any) -> Any:
    """A pointer to the first number of one row of a C-ordered matrix."""
    array = _array(context, builder, kind, value)
    width = builder.extract_value(array.shape, 1)
    return builder.gep(array.data, [builder.mul(row, width)])


def _load(builder: Any, row: Any, at: Any) -> Any:
    place = builder.bitcast(builder.gep(row, [at]), VECTOR.as_pointer())
    return builder.load(place, align=4)


def _store(builder: Any, vector: Any, row: Any, at: Any) -> None:
    place = builder.bitcast(builder.gep(row, [at]), VECTOR.as_pointer())
    builder.store(vector, place, align=4)


def _times_plus(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return builder.fadd(builder.fmul(a, b, flags=FLAGS), c, flags=FLAGS)


def _spread(builder: Any, number: Any) -> Any:
    """One float in every lane."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), lanes)


def _sum(builder: Any, vector: Any) -> Any:
    kind = ir.FunctionType(FLOAT, [FLOAT, VECTOR])
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    add = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(add, [ir.Constant(FLOAT, -0.0), vector], fastmath=FLAGS)


def _width(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return builder.extract_value(_array(context, builder, kind, value).shape, 1)


def _each(builder: Any, width: Any) -> Any:
    """A loop over the places where a vector of the row begins."""
    size = width.type
    return cgutils.for_range_slice(builder, size(0), width, size(LANES), size)


def _listed(context: Any, builder: Any, kind: Any, value: Any, first: Any, count: int) -> Sequence[Any]:
    """`count` numbers of a flat array, from `first` on, and the places where they are."""
    data = _array(context, builder, kind, value).data
    return [builder.gep(data, [builder.add(first, first.type(k))]) for k in range(count)]


def _targets(context: Any, builder: Any, kinds: Any, values: Any, first: Any, count: int) -> Sequence[Any]:
    """Pointers to the output rows that an int32 list names."""
    output, rows = values
    places = _listed(context, builder, kinds[1], rows, first, count)
    numbers = [builder.sext(builder.load(place), first.type) for place in places]
    return [_row(context, builder, kinds[0], output, number) for number in numbers]


def scores_of(count: int) -> Callable[..., None]:
    """Make `scores(hidden, row, output, rows, first, found)`: `count` dot products in one pass.

    In the made function `hidden` is (n, width) float32 and `row` says which of it; `output` is (words, width)
    float32, `rows` (targets,) int32 names rows of it, those from `first` on are taken; the products go to the
    same places of `found`, (targets,) float32.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        hidden, row, output, rows, first, found = given
        kinds = signature.args
        one = _row(context, builder, kinds[0], hidden, row)
        others = _targets(context, builder, (kinds[2], kinds[3]), (output, rows), first, count)
        sums = [cgutils.alloca_once_value(builder, ir.Constant(VECTOR, [0.0] * LANES)) for _ in others]
        for total in sums:
            builder.store(ir.Constant(VECTOR, [0.0] * LANES), total)
        with _each(builder, _width(context, builder, kinds[0], hidden)) as (at, _):
            here = _load(builder, one, at)
            for other, total in zip(others, sums, strict=True):
                product = _times_plus(builder, here, _load(builder, other, at), builder.load(total))
                builder.store(product, total)
        places = _listed(context, builder, kinds[5], found, first, count)
        for total, place in zip(sums, places, strict=True):
            builder.store(_sum(builder, builder.load(total)), place)
        return context.get_dummy_value()

    def scores(typing: Any, hidden: Any, row: Any, output: Any, rows: Any, first: Any, found: Any) -> Any:
        return types.void(hidden, types.intp, output, rows, types.intp, found), generate

    made: Callable[..., None] = intrinsic(scores)
    return made


def steps_of(count: int) -> Callable[..., None]:
    """Make `steps(hidden, row, sink, into, output, rows, first, sizes)`: `count` gradient steps in one pass.

    For each target t: `sink[into] += sizes[t] * output[rows[t]]` and
    `output[rows[t]] += sizes[t] * hidden[row]`, with the vectors as they were before the pass. `sink[into]`
    may be `hidden[row]` itself. A row that is named twice gets both steps.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        hidden, row, sink, into, output, rows, first, sizes = given
        kinds = signature.args
        one = _row(context, builder, kinds[0], hidden, row)
        gathered = _row(context, builder, kinds[2], sink, into)
        others = _targets(context, builder, (kinds[4], kinds[5]), (output, rows), first, count)
        places = _listed(context, builder, kinds[7], sizes, first, count)
        factors = [_spread(builder, builder.load(place)) for place in places]
        with _each(builder, _width(context, builder, kinds[0], hidden)) as (at, _):
            here, total = _load(builder, one, at), _load(builder, gathered, at)
            for other, factor in zip(others, factors, strict=True):
                there = _load(builder, other, at)
                total = _times_plus(builder, factor, there, total)
                _store(builder, _times_plus(builder, factor, here, there), other, at)
            _store(builder, total, gathered, at)
        return context.get_dummy_value()

    def steps(
        typing: Any,
        hidden: Any,
        row: Any,
        sink: Any,
        into: Any,
        output: Any,
        rows: Any,
        first: Any,
        sizes: Any,
    ) -> Any:
        return types.void(hidden, types.intp, sink, types.intp, output, rows, types.intp, sizes), generate

    made: Callable[..., None] = intrinsic(steps)
    return made


def _add_row(typing: Any, sink: Any, into: Any, source: Any, row: Any, factor: Any) -> Any:
    """`sink[into] += factor * source[row]`, both (n, width) float32."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        sink, into, source, row, factor = given
        kinds = signature.args
        gathered = _row(context, builder, kinds[0], sink, into)
        one = _row(context, builder, kinds[2], source, row)
        factors = _spread(builder, factor)
        with _each(builder, _width(context, builder, kinds[0], sink)) as (at, _):
            added = _times_plus(builder, factors, _load(builder, one, at), _load(builder, gathered, at))
            _store(builder, added, gathered, at)
        return context.get_dummy_value()

    return types.void(sink, types.intp, source, types.intp, types.float32), generate


def _fetch_row(typing: Any, matrix: Any, row: Any) -> Any:
    """Ask the memory for one row of a (n, width) float32 matrix, to be written to soon."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        matrix, row = given
        one = _row(context, builder, signature.args[0], matrix, row)
        flag, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        with _each(builder, _width(context, builder, signature.args[0], matrix)) as (at, _):
            place = builder.bitcast(builder.gep(one, [at]), pointer)
            builder.call(fetch, [place, flag(0), flag(2), flag(1)])
        return context.get_dummy_value()

    return types.void(matrix, types.intp), generate


block_scores = scores_of(BLOCK)
one_score = scores_of(1)
block_steps = steps_of(BLOCK)
one_step = steps_of(1)
add_row: Callable[..., None] = intrinsic(_add_row)
fetch_row: Callable[..., None] = intrinsic(_fetch_row)


def aligned(rows: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Zeros, (rows, padded width) float32, each row beginning on a cache line of its own."""
    wide = padded(width)
    spare = CACHE_LINE // 4
    flat = np.zeros(rows * wide + spare, np.float32)
    skip = (-flat.ctypes.data // 4) % spare
    return flat[skip : skip + rows * wide].reshape(rows, wide)
