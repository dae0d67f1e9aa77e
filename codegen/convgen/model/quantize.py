"""Integer arithmetic exactly as TensorFlow Lite's reference kernels do it.

Its convolutions round twice, its fully connected layers once: docs/reference.md has all of them.
Convolutions of int16, whose sums may need 64 bits, round once, by multipliers *reduced* to 16 bits.
Scales are float32 (as TensorFlow Lite stores them) and widened to double before they meet.
An accumulator becomes an output as ``clamp(requantize(sum) + out_zero_point)``, where
`requantize` multiplies by ``multiplier * 2**(shift - 31)``.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

INT4 = range(-8, 8)
INT8 = np.iinfo(np.int8)
INT32 = np.iinfo(np.int32)
MIN_SHIFT, MAX_SHIFT = -31, 30  # what TFLite's MultiplyByQuantizedMultiplier takes
Channels = slice | NDArray[np.intp]
Rounding = Literal["double", "single", "reduced"]
MOST_REDUCED, MAX_REDUCED_SHIFT = 2**15 - 1, 7  # in Q15; as its overload for int64 takes


def as_float32(value: float) -> float:
    """Round to the nearest float32; what float32 cannot hold becomes infinite."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def quantize_multiplier(value: float, rounding: Rounding) -> tuple[int, int]:
    """Split *value* (at least 0) into a Q31 multiplier and a shift (positive = left).

    TensorFlow Lite's ``QuantizeMultiplier``, built with ``TFLITE_SINGLE_ROUNDING`` when
    *rounding* is ``single``. Only a ``double`` shift can exceed `MAX_SHIFT`.
    """
    multiplier, shift = _quantized(np.array([value]), rounding)
    return int(multiplier[0]), int(shift[0])


def _quantized(
    values: NDArray[np.float64], rounding: Rounding
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split *values*, at least 0, into Q31 multipliers and shifts."""
    fraction, shift = np.frexp(values)
    multiplier = np.floor(fraction * 2**31 + 0.5).astype(np.int64)  # std::round, of what is >= 0
    carries = multiplier == 2**31
    multiplier[carries] = 2**30
    shift = shift.astype(np.int32) + carries
    multiplier[shift < MIN_SHIFT], shift[shift < MIN_SHIFT] = 0, 0
    if rounding == "single":
        multiplier[shift > MAX_SHIFT] = INT32.max
        shift = shift.clip(max=MAX_SHIFT)
    return multiplier.astype(np.int32), shift.astype(np.int32)


def multipliers(
    in_scale: float, weight_scales: NDArray[np.float64], out_scale: float, rounding: Rounding
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return multiplier and shift of each output channel, ``[out_c]`` each.

    The scales hold float32 values. From ``PopulateConvolutionQuantizationParams``, whose order
    of operations matters for the last bit: input scale times weight scale, over output scale.
    """
    effective = in_scale * weight_scales / out_scale
    return _quantized(effective, rounding)


def requantize(
    sums: NDArray[np.int64],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int32],
    rounding: Rounding,
) -> NDArray[np.int64]:
    """Scale int32 *sums* ``[..., out_c]``; the output's zero point and clamp come after.

    TensorFlow Lite's ``MultiplyByQuantizedMultiplier``: for ``double`` gemmlowp's
    ``SaturatingRoundingDoublingHighMul``, then ``RoundingDivideByPOT``; for ``single`` the
    variant of ``TFLITE_SINGLE_ROUNDING``; for ``reduced`` the overload for int64 *sums*. Nothing
    overflows where `overflow` finds nothing.
    """
    scale, left = multiplier.astype(np.int64), shift.astype(np.int64)
    if rounding == "reduced":
        return _round_half_up(sums * reduced(scale), 15 - left)
    if rounding == "single":
        return _round_half_up(sums * scale, 31 - left)
    high = _round_half_up((sums << np.maximum(left, 0)) * scale, np.int64(31))
    return divide_by_power(high, np.maximum(-left, 0))


def reduced(multiplier: NDArray[Any]) -> NDArray[np.int64]:
    """Round Q31 multipliers to Q15, ``[out_c]``."""
    found: NDArray[np.int64] = (multiplier.astype(np.int64) + (1 << 15)) >> 16
    return np.minimum(found, MOST_REDUCED)


def _round_half_up(
    value: NDArray[np.int64], bits: NDArray[np.int64] | np.int64
) -> NDArray[np.int64]:
    """Divide by ``2**bits``, *bits* at least 1; halves go towards plus infinity.

    This is all that gemmlowp's sign-dependent nudge and C's division towards zero amount to.
    """
    half = np.int64(1) << (bits - 1)
    result: NDArray[np.int64] = (value + half) >> bits
    return result


def divide_by_power(
    value: NDArray[np.int64], bits: NDArray[np.int64] | np.int64 | int
) -> NDArray[np.int64]:
    """Divide by ``2**bits``, halves away from zero: gemmlowp's ``RoundingDivideByPOT``.

    Works element by element, in any shape.
    """
    mask = (np.int64(1) << np.asarray(bits, np.int64)) - 1
    threshold = (mask >> 1) + (value < 0)
    result: NDArray[np.int64] = (value >> bits) + ((value & mask) > threshold)
    return result


def round_half_away(values: NDArray[Any]) -> NDArray[np.float64]:
    """Round real values, halves away from zero, as ``std::round`` does.

    Works element by element, in any shape.
    """
    wide = values.astype(np.float64)
    found: NDArray[np.float64] = np.trunc(wide + np.copysign(0.5, wide))
    return found


def activation_range(
    activation: str, out_scale: float | None, out_zero_point: int, dtype: str = "int8"
) -> tuple[int, int]:
    """Return the clamp of ``none``, ``relu`` or ``relu6`` in quantised units of *dtype*.

    TensorFlow Lite's ``CalculateActivationRangeQuantized``; only ``relu6`` reads *out_scale*.
    Raises OverflowError when six, in units of *out_scale*, leaves int32, as TFLite does.
    """
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if activation == "none":
        return least, most
    if activation == "relu":
        return out_zero_point, most
    if out_scale is None:
        raise ValueError("relu6 needs the output's scale")
    six = as_float32(6.0 / out_scale)
    if six > INT32.max:
        raise OverflowError(f"6 is {six:g} steps of {out_scale:g}")
    return out_zero_point, min(most, out_zero_point + math.floor(six + 0.5))
