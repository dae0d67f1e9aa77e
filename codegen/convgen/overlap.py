"""One pool for input and output: how far apart they must stand (``--overlap``).

Output may overwrite input that is not read any more. An output element at ``a`` (from the start of
the output) that is stored before the input element at ``b`` (from the start of the input) is read
for the last time must not lie on it. So the input may begin more than ``max(a - b)`` elements above
the output, or more than ``-min(a - b)`` below it, over all such pairs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from convgen.layer import Geometry, Layer
from convgen.layout import Pool
from convgen.order import StoreOrder, last_reads
from convgen.plan import Plan


def share(plan: Plan) -> tuple[Plan, Pool]:
    """Return *plan* in the order that needs the least memory in one pool, and that pool."""
    shared = [(_ordered(plan, order), plan_pool(plan.layer, order)) for order in plan.orders]
    return min(shared, key=lambda one: one[0].workspace_bytes + one[1].bytes)


def _ordered(plan: Plan, order: StoreOrder) -> Plan:
    if order.swap is None:
        return replace(plan, orders=(order,))
    return replace(
        plan, orders=(order,), workspace=(*plan.workspace, order.swap), writes_input=True
    )


def plan_pool(layer: Layer, order: StoreOrder) -> Pool:
    """Place input and output as close to each other as *order* allows."""
    above, below = distances(layer.geometry, order)
    size, inputs, outputs = layer.elem_bytes, layer.input_bytes, layer.output_bytes
    pools = (
        Pool(bytes=max(above * size + inputs, outputs), input_offset=above * size, output_offset=0),
        Pool(bytes=max(inputs, below * size + outputs), input_offset=0, output_offset=below * size),
    )
    return min(pools, key=lambda pool: pool.bytes)


def distances(g: Geometry, order: StoreOrder) -> tuple[int, int]:
    """Return by how many elements the input must begin above the output, at the least; or below."""
    in_c, out_c = (1, 1) if order.by_channel else (g.in_c, g.out_c)
    lowest, highest = _still_read(g, order)
    stored = order.stored.reshape(-1)
    later = stored + 1 if order.gathers else stored
    outputs = np.arange(g.out_pixels)
    needed = lowest[later] <= highest[later]
    outputs, low, high = outputs[needed], lowest[later][needed], highest[later][needed]
    above = (outputs * out_c + out_c - 1 - low * in_c).max(initial=-1) + 1
    below = (high * in_c + in_c - 1 - outputs * out_c).max(initial=-1) + 1
    unit = g.in_c if order.by_channel else 1
    return int(above) * unit, int(below) * unit


def _still_read(g: Geometry, order: StoreOrder) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and last pixel that each block or a later one reads, and one past the end.

    Where there is none, the first is greater than the last.
    """
    last = last_reads(g, order).reshape(-1)
    pixels = np.flatnonzero(last >= 0)
    lowest = np.full(order.blocks + 1, last.size)
    highest = np.full(order.blocks + 1, -1)
    np.minimum.at(lowest, last[pixels], pixels)
    np.maximum.at(highest, last[pixels], pixels)
    lowest = np.minimum.accumulate(lowest[::-1])[::-1]
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    return lowest, highest
