"""One pool for input and output: how far apart they must stand (``--overlap``).

Output may overwrite input that is not read any more. An output element at ``a`` (from the start of
the output) that is stored before the input element at ``b`` (from the start of the input) is read
for the last time must not lie on it. So the input may begin more than ``max(a - b)`` elements above
the output, or more than ``-min(a - b)`` below it, over all such pairs; or closer, where pixels of
both are of one size and no ``a - b`` is that distance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from convgen.model.geometry import Geometry
from convgen.model.operator import Operator, input_bytes, output_bytes, tensor_bytes, widest
from convgen.plans.order import Blocks, StoreOrder, last_reads
from convgen.plans.plan import Plan

NEVER = 2**40  # no pixel's number
CHUNK = 2048  # pixels: those that collide are mostly found soon


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Inputs and outputs in one buffer of ``bytes``, each at its offset; mostly one of each."""

    bytes: int
    input_offset: int
    output_offset: int
    more_input_offsets: tuple[int, ...] = ()
    more_output_offsets: tuple[int, ...] = ()

    @property
    def input_offsets(self) -> tuple[int, ...]:
        """Where each input is."""
        return (self.input_offset, *self.more_input_offsets)

    @property
    def output_offsets(self) -> tuple[int, ...]:
        """Where each output is."""
        return (self.output_offset, *self.more_output_offsets)


def share(plan: Plan) -> tuple[Plan, Pool]:
    """Return *plan* in the order that needs the least memory in one pool, and that pool."""
    if plan.is_elementwise:
        return plan, over_first_input(plan.operator)
    if plan.above:
        return plan, above_output(plan.operator, plan.above[0])
    geometry, elem_bytes = plan.geometry, plan.operator.outputs[0].elem_bytes
    shared = [
        (ordered(plan, order), pool_for(geometry, order, elem_bytes)) for order in plan.orders
    ]
    return min(shared, key=lambda one: one[0].workspace_bytes + one[1].bytes)


def above_output(operator: Operator, distance: int) -> Pool:
    """Return the pool in which the first input begins *distance* above the output, or a bit more.

    Any others lie behind both.
    """
    align = widest(operator).elem_bytes
    first = -(-distance // align) * align
    end = max(first + operator.inputs[0].bytes, output_bytes(operator))
    more = accumulate((tensor.bytes for tensor in operator.inputs[1:]), initial=end)
    *others, size = more
    return Pool(bytes=size, input_offset=first, output_offset=0, more_input_offsets=tuple(others))


def side_by_side(operator: Operator) -> Pool:
    """Return the pool in which nothing overlaps."""
    return _in_a_row(operator, output_offset=input_bytes(operator), size=tensor_bytes(operator))


def over_first_input(operator: Operator) -> Pool:
    """Return the pool in which the output takes the place of the first input."""
    return _in_a_row(operator, output_offset=0, size=input_bytes(operator))


def _in_a_row(operator: Operator, *, output_offset: int, size: int) -> Pool:
    first, *more = accumulate((tensor.bytes for tensor in operator.inputs[:-1]), initial=0)
    return Pool(
        bytes=size,
        input_offset=first,
        output_offset=output_offset,
        more_input_offsets=tuple(more),
    )


def ordered(plan: Plan, order: StoreOrder) -> Plan:
    """Return *plan* in *order* alone, with what that needs."""
    if order.swap is None:
        return replace(plan, orders=(order,))
    return replace(
        plan, orders=(order,), workspace=(*plan.workspace, order.swap), writes_input=True
    )


def pool_for(g: Geometry, order: StoreOrder, elem_bytes: int) -> Pool:
    """Place input and output as close to each other as *order* allows."""
    above, below = (distance * elem_bytes for distance in distances(g, order))
    inputs, outputs = g.in_elems * elem_bytes, g.out_elems * elem_bytes
    input_above = Pool(bytes=max(above + inputs, outputs), input_offset=above, output_offset=0)
    input_below = Pool(bytes=max(inputs, below + outputs), input_offset=0, output_offset=below)
    return min(input_above, input_below, key=lambda pool: pool.bytes)


def distances(g: Geometry, order: StoreOrder) -> tuple[int, int]:
    """Return by how many elements the input may begin above the output, and by how many below.

    The least of each; another that is not much larger may be unsafe.
    """
    (above, below), unit = _spans(g, order)
    read, stored = _accesses(g, order)
    in_c = 1 if order.by_channel else g.in_c
    if in_c == (1 if order.by_channel else g.out_c) and order.blocks > 1:
        closer = range(min(above, below) // in_c)
        above = next((in_c * d for d in closer if not _collide(read, stored, d)), above)
        below = next((in_c * d for d in closer if not _collide(read, stored, -d)), below)
    return above * unit, below * unit


def spans(g: Geometry, order: StoreOrder) -> tuple[int, int]:
    """Return by how many elements or more the input may begin above the output, and below it."""
    (above, below), unit = _spans(g, order)
    return above * unit, below * unit


def _spans(g: Geometry, order: StoreOrder) -> tuple[tuple[int, int], int]:
    """Return both in units, and how many elements that is."""
    if order.by_channel:  # channels are whole pixels apart, or in each other's way
        in_c, out_c, unit = 1, 1, g.in_c
    else:
        in_c, out_c, unit = g.in_c, g.out_c, 1
    read, stored = _accesses(g, order)
    longer = read.size * in_c - stored.size * out_c
    above = max(0, _enough(read, stored, in_c, out_c))
    below = max(0, _enough(read[::-1], stored[::-1], in_c, out_c) + longer)
    return (above, below), unit


def _accesses(g: Geometry, order: StoreOrder) -> tuple[Blocks, Blocks]:
    """Return when each input pixel is read for the last time, and each output pixel stored."""
    return last_reads(g, order).reshape(-1), order.stored.reshape(-1) + order.gathers


def _enough(read: Blocks, stored: Blocks, in_c: int, out_c: int) -> int:
    """Return how far the input must begin above the output that no greater distance is unsafe.

    *read* is the last block that reads each input pixel, *stored* the first one whose reads come
    after an output pixel is stored. Negative: it may begin below the output.
    """
    lowest = np.full(max(read.max(), stored.max()) + 1, NEVER)
    np.minimum.at(lowest, read[read >= 0], np.flatnonzero(read >= 0))
    lowest = np.minimum.accumulate(lowest[::-1])[::-1]
    ends = (np.arange(stored.size) + 1) * out_c
    return int((ends - lowest[stored] * in_c).max())


def _collide(read: Blocks, stored: Blocks, distance: int) -> bool:
    """Whether outputs overwrite what is read later if the input begins *distance* pixels above.

    Pixels of both are of one size: outputs may lie on dead pixels between others that are read.
    """
    first, last = max(0, distance), min(stored.size, read.size + distance)
    for start in range(first, last, CHUNK):
        end = min(start + CHUNK, last)
        if (read[start - distance : end - distance] >= stored[start:end]).any():
            return True
    return False
