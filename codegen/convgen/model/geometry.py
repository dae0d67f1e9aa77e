"""The window of a convolution or pooling: which inputs an output reads.

Axes are named as TensorFlow Lite and the generated C name them: ``in_h``, ``out_c``, ``k_w`` ...
Tensors are NHWC with batch 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """Shapes and strides of one layer: everything about it but its numbers."""

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    k_h: int
    k_w: int
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    pad_top: int = 0
    pad_left: int = 0
    pad_bottom: int = 0
    pad_right: int = 0
    groups: int = 1

    @property
    def group_in_c(self) -> int:
        """Input channels that one output channel reads."""
        return self.in_c // self.groups

    @property
    def group_out_c(self) -> int:
        """Output channels that share the same input channels."""
        return self.out_c // self.groups

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return self.k_h * self.k_w

    @property
    def patch_elems(self) -> int:
        """Products summed into one output: the K of the GEMM."""
        return self.taps * self.group_in_c

    @property
    def out_pixels(self) -> int:
        """Output positions."""
        return self.out_h * self.out_w

    @property
    def in_elems(self) -> int:
        """Elements of the input tensor."""
        return self.in_h * self.in_w * self.in_c

    @property
    def out_elems(self) -> int:
        """Elements of the output tensor."""
        return self.out_pixels * self.out_c

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates; taps in the padding count."""
        return self.out_elems * self.patch_elems

    @property
    def is_depthwise(self) -> bool:
        """Whether each output channel reads exactly one input channel of several."""
        return self.groups == self.in_c and self.in_c > 1

    @property
    def is_grouped(self) -> bool:
        """Whether each group reads several input channels of its own."""
        return self.groups > 1 and self.group_in_c > 1

    @property
    def has_padding(self) -> bool:
        """Whether any kernel position can fall outside the image."""
        return any((self.pad_top, self.pad_left, self.pad_bottom, self.pad_right))

    @property
    def is_pointwise(self) -> bool:
        """Whether a patch is simply the pixel itself: 1x1, stride 1, no padding."""
        strides = (self.stride_h, self.stride_w)
        return self.taps == 1 and strides == (1, 1) and not self.has_padding

    def rows_needed(self, first: int, last: int) -> range:
        """Return the rows of the image that output rows *first* to *last* - 1 read.

        Rows outside the image are none of them; where every row is outside, the range is empty.
        """
        reach = (self.k_h - 1) * self.dilation_h + 1
        top = first * self.stride_h - self.pad_top
        bottom = (last - 1) * self.stride_h - self.pad_top + reach
        start = min(max(top, 0), self.in_h)
        return range(start, max(start, min(bottom, self.in_h)))

    def tap_positions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return image rows ``[out_h, k_h]`` and columns ``[out_w, k_w]`` of each output's taps."""
        rows, cols = np.arange(self.out_h)[:, None], np.arange(self.out_w)[:, None]
        return (
            rows * self.stride_h + np.arange(self.k_h) * self.dilation_h - self.pad_top,
            cols * self.stride_w + np.arange(self.k_w) * self.dilation_w - self.pad_left,
        )
