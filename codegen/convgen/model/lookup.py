"""Tables of functions of one byte, each exactly as TensorFlow Lite's reference kernel computes it.

A function takes the input's tensor, the output's and ``alpha``, a number that only some read, and
returns the 256 outputs in the order of the inputs. OverflowError where the kernel would leave
int32, or refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.table import as_bytes, every_value
from convgen.model.quantize import INT32, quantize_multiplier, requantize
from convgen.model.tensor import Tensor

Function = Callable[[Tensor, Tensor, float], NDArray[Any]]


def scale_of(tensor: Tensor) -> np.float32:
    """Return the scale of a tensor of bytes, in float32, as kernels have it."""
    if tensor.scale is None:
        raise AssertionError("a checked tensor of bytes has a scale")
    return np.float32(tensor.scale)


def scaled(values: NDArray[np.int64], factor: float) -> NDArray[np.int64]:
    """Return ``MultiplyByQuantizedMultiplier`` of *values* with the multiplier for *factor*."""
    multiplier, shift = quantize_multiplier(factor, "double")
    if np.abs(values).max(initial=0) << max(shift, 0) > INT32.max:
        raise OverflowError(f"scales whose quotient is about 2**{shift}")
    multipliers, shifts = np.array([[multiplier], [shift]], np.int32)
    return requantize(values, multipliers, shifts, "double")


def quantize(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
    """From ``Requantize``: the quotient of the scales in double."""
    factor = float(scale_of(given)) / float(scale_of(output))
    return as_bytes(scaled(every_value(given), factor), output)


def _transformed(
    given: Tensor, output: Tensor, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[Any]:
    """From ``LUTPopulate``: float32, but for the function itself."""
    real = scale_of(given) * every_value(given).astype(np.float32)
    found = function(real.astype(np.float64)).astype(np.float32)
    steps = (found * (np.float32(1) / scale_of(output))).astype(np.float64)
    rounded = np.trunc(steps + np.copysign(0.5, steps)).clip(-(2**30), 2**30)
    return as_bytes(rounded.astype(np.int64), output)


def logistic(given: Tensor, output: Tensor, _: float) -> NDArray[Any]:
    """``1 / (1 + exp(-x))``, whose output has scale 1/256."""
    if scale_of(output) != np.float32(1 / 256):
        raise OverflowError("an output whose scale is not 1/256")
    return _transformed(given, output, sigmoid)


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(-x))``, without overflow at either end."""
    power = np.exp(-np.abs(values))
    found: NDArray[np.float64] = np.where(values < 0, power, 1.0) / (1 + power)
    return found


FUNCTIONS: Mapping[str, Function] = {"quantize": quantize, "logistic": logistic}
"""By the name that the operator has in messages and comments."""
