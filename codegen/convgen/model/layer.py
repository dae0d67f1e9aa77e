"""A convolution layer, complete and checked: what every later step reads.

Axes are named as TensorFlow Lite and the generated C name them: ``in_h``, ``out_c``, ``k_w`` ...
Tensors are NHWC with batch 1, weights OHWI (``[out_c, k_h, k_w, in_c / groups]``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.literals import ctype

DType = Literal["int8", "float32"]
Rounding = Literal["double", "single"]


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
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int
    groups: int

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

    def tap_positions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return image rows ``[out_h, k_h]`` and columns ``[out_w, k_w]`` of each output's taps."""
        rows, cols = np.arange(self.out_h)[:, None], np.arange(self.out_w)[:, None]
        return (
            rows * self.stride_h + np.arange(self.k_h) * self.dilation_h - self.pad_top,
            cols * self.stride_w + np.arange(self.k_w) * self.dilation_w - self.pad_left,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Quantization:
    """int8 arithmetic of one layer, as TensorFlow Lite's reference kernels do it.

    ``multiplier`` (Q31, 0 .. 2**31 - 1) and ``shift`` (positive = left) are int32 ``[out_c]``.
    The scales, float32 values, are kept for readers; they are None where nobody gave them.
    ``weight_scale`` is one or ``[out_c]``.
    """

    in_zero_point: int
    out_zero_point: int
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]
    rounding: Rounding
    in_scale: float | None = None
    out_scale: float | None = None
    weight_scale: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One layer: geometry, numbers, and where they came from.

    ``weights`` are int8 or float32 ``[out_c, k_h, k_w, in_c / groups]``; ``bias`` is int32 or
    float32 ``[out_c]`` or None; ``activation_min`` and ``activation_max`` are in units of the
    output dtype (-inf and inf where a float32 layer is not clamped).
    """

    name: str
    dtype: DType
    geometry: Geometry
    activation: str
    activation_min: float
    activation_max: float
    weights: NDArray[np.int8] | NDArray[np.float32]
    bias: NDArray[np.int32] | NDArray[np.float32] | None
    quantization: Quantization | None
    synthetic: bool

    @property
    def elem_bytes(self) -> int:
        """Size of an input or output element."""
        return np.dtype(self.dtype).itemsize

    @property
    def elem_ctype(self) -> str:
        """The C type of an input or output element."""
        return ctype(self.dtype)

    @property
    def input_bytes(self) -> int:
        """Size of the input tensor."""
        return self.geometry.in_elems * self.elem_bytes

    @property
    def output_bytes(self) -> int:
        """Size of the output tensor."""
        return self.geometry.out_elems * self.elem_bytes

    @property
    def clamps_low(self) -> bool:
        """Whether the activation of a float32 layer has a lower bound."""
        return bool(np.isfinite(self.activation_min))

    @property
    def clamps_high(self) -> bool:
        """Whether the activation of a float32 layer has an upper bound."""
        return bool(np.isfinite(self.activation_max))

    @property
    def zero_point(self) -> int:
        """The input value that stands for zero, and so the value of padding."""
        return self.quantization.in_zero_point if self.quantization else 0

    @cached_property
    def folded_bias(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """Start value of each sum: bias, less the zero point's share, ``[out_c]``.

        With it the sum of raw ``input * weight`` over *every* tap, padding included, is
        TensorFlow Lite's accumulator.
        """
        bias = np.zeros(self.geometry.out_c, np.int64) if self.bias is None else self.bias
        if self.quantization is None:
            return bias.astype(np.float32)
        weight_sums: NDArray[np.int64] = self.weights.sum(axis=(1, 2, 3), dtype=np.int64)
        return bias.astype(np.int64) - self.zero_point * weight_sums

    @cached_property
    def product_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Smallest and largest sum of raw ``input * weight`` over all inputs, ``[out_c]`` each.

        The sum over some of the taps lies between them too, since no product's range excludes zero.
        """
        axes = (1, 2, 3)
        positive = np.maximum(self.weights, 0).sum(axis=axes, dtype=np.int64)
        negative = np.minimum(self.weights, 0).sum(axis=axes, dtype=np.int64)
        return 127 * negative - 128 * positive, 127 * positive - 128 * negative

    @cached_property
    def accumulator_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Smallest and largest value of each int8 layer's sum over all inputs, ``[out_c]`` each.

        Every partial sum that starts from `folded_bias` lies between them too.
        """
        low, high = self.product_range
        start = self.folded_bias.astype(np.int64)
        return start + low, start + high
