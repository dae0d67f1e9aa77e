"""A second reference, for tests alone: plain loops and Python's own numbers.

It shares no code with `convgen.model`: integers are unbounded, floats are summed exactly, and the
requantising steps are TensorFlow Lite's C++ line by line.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d


def convolve(layer: Conv2d, image: NDArray[Any]) -> NDArray[Any]:
    """Return the output of one image: int8, or float64 for float32 layers."""
    g = layer.geometry
    outputs = np.empty((g.out_h, g.out_w, g.out_c), np.int8 if layer.quantization else np.float64)
    for where in np.ndindex(outputs.shape):
        products = _products(layer, image, *where)
        bias = [] if layer.bias is None else [layer.bias[where[2]].item()]
        outputs[where] = _output(layer, where[2], [*products, *bias])
    return outputs


def magnitude(layer: Conv2d, image: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``sum|x*w|`` of each output."""
    g = layer.geometry
    sums = np.empty((g.out_h, g.out_w, g.out_c))
    for where in np.ndindex(sums.shape):
        sums[where] = math.fsum(map(abs, _products(layer, image, *where)))
    return sums


def _products(layer: Conv2d, image: NDArray[Any], row: int, column: int, out_c: int) -> list[Any]:
    g = layer.geometry
    first_channel = out_c // (g.out_c // g.groups) * (g.in_c // g.groups)
    products = []
    for i in range(g.k_h):
        for j in range(g.k_w):
            in_row = row * g.stride_h + i * g.dilation_h - g.pad_top
            in_column = column * g.stride_w + j * g.dilation_w - g.pad_left
            if not (0 <= in_row < g.in_h and 0 <= in_column < g.in_w):
                continue
            for c in range(g.in_c // g.groups):
                value = image[in_row, in_column, first_channel + c].item() - layer.zero_point
                products.append(value * layer.weights[out_c, i, j, c].item())
    return products


def _output(layer: Conv2d, out_c: int, terms: list[Any]) -> Any:
    if layer.quantization is None:
        return min(max(math.fsum(terms), layer.activation_min), layer.activation_max)
    q = layer.quantization
    multiplier, shift = q.multiplier[out_c].item(), q.shift[out_c].item()
    value = multiply(sum(terms), multiplier, shift, q.rounding) + q.out_zero_point
    return min(max(value, layer.activation_min), layer.activation_max)


def multiply(x: int, multiplier: int, shift: int, rounding: str) -> int:
    """MultiplyByQuantizedMultiplier of tensorflow/lite/kernels/internal/common.cc."""
    if rounding == "single":
        total_shift = 31 - shift
        return (x * multiplier + (1 << (total_shift - 1))) >> total_shift
    left_shift, right_shift = (shift, 0) if shift > 0 else (0, -shift)
    high = saturating_rounding_doubling_high_mul(x * (1 << left_shift), multiplier)
    return rounding_divide_by_pot(high, right_shift)


def saturating_rounding_doubling_high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul of gemmlowp/fixedpoint/fixedpoint.h."""
    if a == b == -(2**31):
        return 2**31 - 1
    product = a * b
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    return math.trunc(Fraction(product + nudge, 1 << 31))


def rounding_divide_by_pot(x: int, exponent: int) -> int:
    """RoundingDivideByPOT of gemmlowp/fixedpoint/fixedpoint.h."""
    mask = (1 << exponent) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if remainder > threshold else 0)


def quantize_multiplier(value: float) -> tuple[int, int]:
    """QuantizeMultiplier of tensorflow/lite/kernels/internal/quantization_util.cc, exactly."""
    exact, shift = Fraction(value), 0
    if exact == 0:
        return 0, 0
    while exact >= 1:
        exact, shift = exact / 2, shift + 1
    while exact < Fraction(1, 2):
        exact, shift = exact * 2, shift - 1
    fixed = math.floor(exact * 2**31 + Fraction(1, 2))
    if fixed == 2**31:
        fixed, shift = fixed // 2, shift + 1
    return (0, 0) if shift < -31 else (fixed, shift)
