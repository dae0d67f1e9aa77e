"""Tables of functions of one value, each exactly as a reference computes it.

A function takes the input's tensor, the output's and ``alpha``, a number that only some read, and
returns the outputs of all values in their order: 256 of bytes. OverflowError where the kernel would
leave int32, or refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.choices import Reference
from convgen.model import fixed_point
from convgen.model.fixed_point import Raw, multiply
from convgen.model.ops.table import as_bytes, every_value
from convgen.model.quantize import (
    INT32,
    Rounding,
    divide_by_power,
    quantize_multiplier,
    requantize,
    round_half_away,
)
from convgen.model.tensor import Tensor

Function = Callable[[Tensor, Tensor, float], NDArray[Any]]


def scale_of(tensor: Tensor) -> np.float32:
    """Return the scale of a tensor of bytes, in float32, as kernels have it."""
    if tensor.scale is None:
        raise AssertionError("a checked tensor of bytes has a scale")
    return np.float32(tensor.scale)


def scaled(
    values: NDArray[np.int64], factor: float, rounding: Rounding = "double"
) -> NDArray[np.int64]:
    """Return ``MultiplyByQuantizedMultiplier`` of *values* with the multiplier for *factor*.

    Works element by element, in any shape.
    """
    multiplier, shift = quantize_multiplier(factor, rounding)
    if int(np.abs(values).max(initial=0)) << max(shift, 0) > INT32.max:
        raise OverflowError(f"scales whose quotient is about 2**{shift}")
    multipliers, shifts = np.array([[multiplier], [shift]], np.int32)
    return requantize(values, multipliers, shifts, rounding)


def factors(kind: str, given: Tensor, output: Tensor, alpha: float) -> tuple[float, float]:
    """Return by what *kind* multiplies values less the zero point: not negative ones, and others.

    Of quantisation the quotient is one of doubles, of others one of float32.
    """
    if kind == "quantize":
        factor = float(scale_of(given)) / float(scale_of(output))
        return factor, factor
    identity = float(scale_of(given) / scale_of(output))
    if kind == "leaky_relu":
        return identity, float(scale_of(given) * np.float32(alpha) / scale_of(output))
    return identity, identity


def quantize(given: Tensor, output: Tensor, alpha: float) -> NDArray[Any]:
    """From ``Requantize``. Works element by element, in any shape."""
    factor, _ = factors("quantize", given, output, alpha)
    return as_bytes(scaled(every_value(given), factor), output)


def _transformed(
    given: Tensor, output: Tensor, function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[Any]:
    """From ``LUTPopulate``, in float32."""
    found = function(scale_of(given) * every_value(given).astype(np.float32))
    steps = found * (np.float32(1) / scale_of(output))
    rounded = round_half_away(steps).clip(-(2**30), 2**30)
    return as_bytes(rounded.astype(np.int64), output)


def logistic(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
    """``1 / (1 + exp(-x))``, whose output has scale 1/256.

    Works element by element, in any shape.
    """
    if scale_of(output) != np.float32(1 / 256):
        raise OverflowError("an output whose scale is not 1/256")
    return _transformed(given, output, _sigmoid_of_float32)


def _sigmoid_of_float32(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to float32 after each step, as ``1.0f / (1.0f + std::exp(-x))`` does."""
    with np.errstate(over="ignore"):
        powers = np.exp(-values.astype(np.float64)).astype(np.float32)
        return np.float32(1) / (np.float32(1) + powers)


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(-x))``, without overflow at either end.

    Works element by element, in any shape.
    """
    power = np.exp(-np.abs(values))
    found: NDArray[np.float64] = np.where(values < 0, power, 1.0) / (1 + power)
    return found


def _tanh(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tanh(values.astype(np.float64)).astype(np.float32)


def tanh(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
    """The hyperbolic tangent. Works element by element, in any shape."""
    return _transformed(given, output, _tanh)


def _clamped(low: float, high: float) -> Function:
    """Return a clamp in units of the real values, from ``QuantizedReluX``."""

    def function(given: Tensor, output: Tensor, alpha: float) -> NDArray[Any]:
        factor, _ = factors("relu", given, output, alpha)
        found = as_bytes(scaled(every_value(given), factor), output)
        limits = [
            output.zero_point + _rounded(np.float32(end) / scale_of(output))
            for end in (low, high)
            if np.isfinite(end)
        ]
        clamped: NDArray[Any] = np.clip(found.astype(np.int64), limits[0], [*limits, 2**31][1])
        dtypes = np.iinfo(output.dtype)
        return clamped.clip(dtypes.min, dtypes.max).astype(output.dtype)

    return function


def _rounded(value: np.float32) -> int:
    """Return *value* rounded, halves away from zero."""
    if not abs(value) < 2**31:
        raise OverflowError(f"a bound of {value:g} steps")
    return int(round_half_away(np.array(value)))


def leaky_relu(given: Tensor, output: Tensor, alpha: float) -> NDArray[Any]:
    """``alpha`` times what is negative: from ``QuantizeLeakyRelu``, multipliers in float32.

    Works element by element, in any shape.
    """
    values = every_value(given)
    identity, slope = factors("leaky_relu", given, output, alpha)
    if slope < 0:
        raise OverflowError("a negative slope")
    found = np.where(
        values < 0, scaled(values.clip(max=0), slope), scaled(values.clip(0), identity)
    )
    return as_bytes(found, output)


def hard_swish(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
    """``x * relu6(x + 3) / 6`` in 16 bits: ``reference_ops::HardSwish``.

    Works element by element, in any shape.
    """
    finer = np.float32(1 / 128) * scale_of(given)
    to_output, output_shift = _multiplier16(finer / scale_of(output))
    to_relu, relu_shift = _multiplier16(finer / (np.float32(3) / np.float32(32768)))
    if output_shift > 0:
        raise OverflowError("an output with a much smaller scale than the input")
    values = every_value(given) << 7
    relu = _saturated(values << max(relu_shift - 1, 0))
    relu = _saturated(_high_half(relu, to_relu) << int(relu_shift > 0))
    relu = divide_by_power(relu, max(-relu_shift, 0))
    product = ((relu + (1 << 15)) >> 1) * _high_half(values, to_output)
    towards_zero = np.sign(product) * (np.abs(product) >> 15)
    return as_bytes(divide_by_power(towards_zero, -output_shift), output)


def _multiplier16(factor: np.float32) -> tuple[int, int]:
    """Return a Q15 multiplier and a shift: ``DownScaleInt32ToInt16Multiplier``."""
    multiplier, shift = quantize_multiplier(float(factor), "double")
    return min((multiplier + (1 << 15)) >> 16, 2**15 - 1), shift


def _high_half(values: NDArray[np.int64], multiplier: int) -> NDArray[np.int64]:
    """Return ``SaturatingRoundingDoublingHighMul`` of int16 values."""
    found: NDArray[np.int64] = (values * multiplier + (1 << 14)) >> 15
    return found


def _saturated(values: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = values.clip(-(2**15), 2**15 - 1)
    return found


FUNCTIONS: Mapping[str, Function] = {
    "hard_swish": hard_swish,
    "leaky_relu": leaky_relu,
    "logistic": logistic,
    "quantize": quantize,
    "relu": _clamped(0, np.inf),
    "relu6": _clamped(0, 6),
    "relu_n1_to_1": _clamped(-1, 1),
    "tanh": tanh,
}
"""By the name that the operator has in messages and comments."""

EXPONENT_BITS = 4  # integer bits of what TensorFlow Lite Micro takes the functions of


def _in_fixed_point(function: Callable[[Raw, int], Raw], result_bits: int) -> Function:
    """Return a function as TensorFlow Lite Micro computes it, with so many bits of the result."""

    def tabulate(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
        factor = float(scale_of(given)) * (1 << (31 - EXPONENT_BITS))
        multiplier, left = quantize_multiplier(factor, "double")
        if not 0 <= left < 31:
            raise OverflowError(f"a scale of {given.scale:g}")
        radius = (((1 << EXPONENT_BITS) - 1) << (31 - EXPONENT_BITS)) >> left
        values = every_value(given)
        exponents = multiply(values.clip(-radius, radius) << left, multiplier)
        found = divide_by_power(function(exponents, EXPONENT_BITS), 31 - result_bits)
        found = np.where(values <= -radius, -(1 << 30), np.where(values >= radius, 1 << 30, found))
        return as_bytes(found, output)

    return tabulate


FUNCTIONS_OF_TFLM: Mapping[str, Function] = {
    **FUNCTIONS,
    "logistic": _in_fixed_point(fixed_point.logistic, 8),
    "tanh": _in_fixed_point(fixed_point.tanh, 7),
}
"""The same by TensorFlow Lite Micro's kernels: ``reference_integer_ops::Logistic`` and ``Tanh``."""

Real = Callable[[NDArray[np.float32], np.float32], NDArray[np.float32]]
"""A function of real values, and of ``alpha``."""


def _rounded_once(function: Real) -> Function:
    """Return a function as ONNX Runtime computes it: in float32, then rounded, halves to even."""

    def tabulate(given: Tensor, output: Tensor, alpha: float) -> NDArray[Any]:
        values = scale_of(given) * every_value(given).astype(np.float32)
        steps = np.rint(function(values, np.float32(alpha)) / scale_of(output))
        return as_bytes(steps.clip(-(2**30), 2**30).astype(np.int64), output)

    return tabulate


FUNCTIONS_OF_ONNX: Mapping[str, Function] = {
    "hard_swish": _rounded_once(lambda x, _: x * (x / np.float32(6) + np.float32(0.5)).clip(0, 1)),
    "leaky_relu": _rounded_once(lambda x, alpha: np.where(x < 0, alpha * x, x)),
    "logistic": _rounded_once(lambda x, _: _sigmoid_of_float32(x)),
    "quantize": _rounded_once(lambda x, _: x),
    "relu": _rounded_once(lambda x, _: x.clip(0)),
    "relu6": _rounded_once(lambda x, _: x.clip(0, 6)),
    "relu_n1_to_1": _rounded_once(lambda x, _: x.clip(-1, 1)),
    "tanh": _rounded_once(lambda x, _: _tanh(x)),
}
"""The same between a DequantizeLinear and a QuantizeLinear, of any scales."""


def functions(reference: Reference, rounding: Rounding) -> Mapping[str, Function]:
    """Return the functions of a model with these kernels, whose operators are *rounding* so."""
    if reference == "tflm":
        return FUNCTIONS_OF_TFLM
    return FUNCTIONS_OF_ONNX if rounding == "single" else FUNCTIONS
