"""The sums of a convolution in NumPy: what every generated layer must reproduce.

Written for exactness and plainness: one matrix product per kernel position, over the output
positions whose tap falls inside the image. Sums are float64. They are exact for int8 layers,
whose values stay far below 2**53.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry

_BLOCK_ELEMS = 2**20  # sums held at once


def row_sums(
    geometry: Geometry, image: NDArray[np.float64], weights: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield blocks of output rows and their sums ``[rows, out_w, out_c]``, padding counted as 0."""
    g = geometry
    grouped = image.reshape(g.in_h, g.in_w, g.groups, g.group_in_c).transpose(2, 0, 1, 3)
    # [k_h, k_w, groups, group_in_c, group_out_c]
    matrices = np.ascontiguousarray(
        weights.reshape(g.groups, g.group_out_c, g.k_h, g.k_w, -1).transpose(2, 3, 0, 4, 1)
    )
    block = max(1, _BLOCK_ELEMS // (g.out_w * g.out_c))
    for first in range(0, g.out_h, block):
        rows = range(first, min(first + block, g.out_h))
        sums = np.zeros((g.groups, len(rows), g.out_w, g.group_out_c))
        for i in range(g.k_h):
            offset_h = i * g.dilation_h - g.pad_top
            out_h, in_h = _inside(rows, offset_h, g.stride_h, g.in_h)
            for j in range(g.k_w):
                offset_w = j * g.dilation_w - g.pad_left
                out_w, in_w = _inside(range(g.out_w), offset_w, g.stride_w, g.in_w)
                patch = grouped[:, in_h, in_w]
                sums[:, out_h, out_w] += patch @ matrices[i, j][:, None]
        joined = sums.transpose(1, 2, 0, 3).reshape(len(rows), g.out_w, g.out_c)
        yield slice(rows.start, rows.stop), joined


def _inside(outputs: range, offset: int, stride: int, size: int) -> tuple[slice, slice]:
    """Return which of *outputs* (relative to its start) read inside the image, and where.

    Output ``o`` reads input ``o * stride + offset``; the image holds 0 .. size - 1.
    """
    first = max(outputs.start, -(offset // stride))
    last = min(outputs.stop - 1, (size - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    start = first * stride + offset
    return (
        slice(first - outputs.start, last + 1 - outputs.start),
        slice(start, start + (last - first) * stride + 1, stride),
    )
