"""Which outputs and which taps of a layer are inside the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Output rows and columns whose every tap is inside the image; may be empty."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        """How many rows."""
        return max(0, self.bottom - self.top)

    @property
    def cols(self) -> int:
        """How many columns."""
        return max(0, self.right - self.left)

    @property
    def pixels(self) -> int:
        """How many output pixels."""
        return self.rows * self.cols

    def mirrored(self, geometry: Geometry) -> Inner:
        """Return where they are counted from the last row and column."""
        return Inner(
            top=geometry.out_h - self.bottom,
            bottom=geometry.out_h - self.top,
            left=geometry.out_w - self.right,
            right=geometry.out_w - self.left,
        )


def find_inner(geometry: Geometry) -> Inner:
    """Return the output positions whose taps all lie inside the image."""
    g = geometry
    top, bottom = _inner_range(g.pad_top, g.stride_h, g.dilation_h * (g.k_h - 1), g.in_h, g.out_h)
    left, right = _inner_range(g.pad_left, g.stride_w, g.dilation_w * (g.k_w - 1), g.in_w, g.out_w)
    return Inner(top=top, bottom=bottom, left=left, right=right)


def _inner_range(pad: int, stride: int, reach: int, size: int, outputs: int) -> tuple[int, int]:
    first = -(-pad // stride)
    last = (size - 1 - reach + pad) // stride
    return min(first, outputs), max(min(last + 1, outputs), 0)


def least_taps_inside(geometry: Geometry) -> int:
    """Return the fewest taps that any output has inside the image."""
    rows, cols = _taps_seen(geometry)
    return int(rows.min() * cols.min())


def taps_inside(geometry: Geometry) -> tuple[int, int]:
    """Count the kernel rows inside the image over all output rows, and likewise the columns."""
    return int(rows_inside(geometry).sum()), int(cols_inside(geometry).sum())


def pixels_reached(geometry: Geometry) -> int:
    """Count the output pixels that see any of the image."""
    rows, cols = _taps_seen(geometry)
    return int((rows > 0).sum() * (cols > 0).sum())


def _taps_seen(geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many kernel rows each output row has inside the image, and likewise columns."""
    g = geometry  # taps and outputs change places
    return (
        _inside(g.k_h, g.dilation_h, g.pad_top, g.out_h, g.stride_h, g.in_h),
        _inside(g.k_w, g.dilation_w, g.pad_left, g.out_w, g.stride_w, g.in_w),
    )


def rows_inside(geometry: Geometry) -> NDArray[np.int64]:
    """Return for each kernel row the number of output rows for which it is inside the image.

    ``[k_h]``.
    """
    g = geometry
    return _inside(g.out_h, g.stride_h, g.pad_top, g.k_h, g.dilation_h, g.in_h)


def cols_inside(geometry: Geometry) -> NDArray[np.int64]:
    """Return for each kernel column the number of output columns for which it is inside.

    ``[k_w]``.
    """
    g = geometry
    return _inside(g.out_w, g.stride_w, g.pad_left, g.k_w, g.dilation_w, g.in_w)


def _inside(
    outputs: int, stride: int, pad: int, kernel: int, dilation: int, size: int
) -> NDArray[np.int64]:
    first_position = np.arange(kernel) * dilation - pad  # of each tap, for the first output
    first = -(first_position // stride)
    last = (size - 1 - first_position) // stride
    count: NDArray[np.int64] = last.clip(max=outputs - 1) - first.clip(min=0) + 1
    return count.clip(min=0)
