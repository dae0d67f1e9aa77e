"""One pool for input and output: how far apart they must stand (``--overlap``).

Output pixels are stored in row-major order, and output may overwrite input that no later pixel
reads. With the input ``D`` elements above the output, a block of pixels ``start`` to ``end`` is
safe when ``end * out_c <= D + in_c * low(start)``, where ``low(q)`` is the smallest input pixel
read by pixel ``q`` or any later one; a block that gathers its input before it stores anything
needs only ``low(end)``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from convgen.layer import Geometry, Layer
from convgen.layout import Pool
from convgen.plan import StoreOrder


def plan_pool(layer: Layer, order: StoreOrder) -> Pool:
    """Place the output at the start of the pool and the input as low as *order* allows."""
    distance = input_distance(layer.geometry, order) * layer.elem_bytes
    return Pool(
        bytes=max(distance + layer.input_bytes, layer.output_bytes),
        input_offset=distance,
        output_offset=0,
    )


def input_distance(geometry: Geometry, order: StoreOrder) -> int:
    """Return the smallest safe distance of the input above the output, in elements."""
    if order.keeps_input:
        return geometry.out_elems
    first_read = lowest_reads(geometry)
    pixels = geometry.out_pixels
    # a block that gathers starts at a multiple of its size, another may start anywhere
    starts = np.arange(0, pixels, order.pixels if order.gathers else 1)
    ends = np.minimum(starts + order.pixels, pixels)
    still_needed = first_read[ends] if order.gathers else first_read[starts]
    return max(0, int((ends * geometry.out_c - still_needed * geometry.in_c).max()))


@lru_cache(maxsize=1)
def lowest_reads(geometry: Geometry) -> NDArray[np.int64]:
    """Return ``low(q)`` for each output pixel and one past the end, ``[out_pixels + 1]``."""
    g = geometry
    rows = _first_inside(g.out_h, g.stride_h, g.pad_top, g.dilation_h)
    cols = _first_inside(g.out_w, g.stride_w, g.pad_left, g.dilation_w)
    end = g.in_h * g.in_w
    outside = (rows >= g.in_h)[:, None] | (cols >= g.in_w)[None, :]
    reads = np.where(outside, end, rows[:, None] * g.in_w + cols[None, :]).reshape(-1)
    return np.minimum.accumulate(np.append(reads, end)[::-1])[::-1]


def _first_inside(outputs: int, stride: int, pad: int, dilation: int) -> NDArray[np.int64]:
    """Return the first non-negative input coordinate of each output coordinate's taps."""
    start = np.arange(outputs, dtype=np.int64) * stride - pad
    return np.where(start >= 0, start, start % dilation)
