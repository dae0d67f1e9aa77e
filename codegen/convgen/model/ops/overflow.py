"""Whether the sums of an int8 convolution fit in int32, as TensorFlow Lite takes for granted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import INT32, requantize


def overflow(layer: Conv2d, scaled_by: str = "weights.scale") -> str | None:
    """Say which value of *layer*, reachable with some input, does not fit in int32, if any.

    *scaled_by* is the field that the multipliers and shifts are from.
    """
    quantization = layer.quantization
    if quantization is None:
        return None
    low, high = layer.accumulator_range
    if quantization.rounding != "reduced" and (found := _outside_int32(low, high)):
        field = "weights" if layer.bias is None or _sums_overflow(layer) else "bias"
        return _sentence(field, "sums that fit in int32", found)
    left = np.maximum(quantization.shift.astype(np.int64), 0)
    if quantization.rounding == "double" and (found := _outside_int32(low << left, high << left)):
        expected = f"sums that fit in int32 after their left shift{_shift_hint(scaled_by)}"
        return _sentence(scaled_by, expected, found)
    arguments = (quantization.multiplier, quantization.shift, quantization.rounding)
    ends = [requantize(end, *arguments) + quantization.out_zero_point for end in (low, high)]
    if found := _outside_int32(*ends):
        expected = f"requantised sums that fit in int32{_shift_hint(scaled_by)}"
        return _sentence(scaled_by, expected, found)
    return None


def _shift_hint(scaled_by: str) -> str:
    """Say what a shift means to who gave one: many libraries shift right by positive numbers."""
    if scaled_by != "requantize.shift":
        return ""
    return (
        " (the shift is to the left if positive, to the right if negative, of the upper half of "
        "the product with the Q31 multiplier)"
    )


def _sums_overflow(layer: Conv2d) -> bool:
    """Whether the sums leave int32 even without the bias."""
    bias: NDArray[Any] = np.zeros(1) if layer.bias is None else layer.bias
    low, high = layer.accumulator_range
    return _outside_int32(low - bias.astype(np.int64), high - bias.astype(np.int64)) is not None


def _outside_int32(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the first channel and value that leaves int32."""
    bad = np.flatnonzero((low < INT32.min) | (high > INT32.max))
    if not bad.size:
        return None
    channel = int(bad[0])
    return channel, int(low[channel] if low[channel] < INT32.min else high[channel])


def _sentence(field: str, expected: str, found: tuple[int, int]) -> str:
    channel, value = found
    way = "down to" if value < 0 else "up to"
    return f"{field}: expected {expected}, got {way} {value} in output channel {channel}"
