"""float32 values rounded to 8 bits over the range they have: inputs of hybrid convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain
from convgen.model.quantize import round_half_away

_STEPS = 255


@dataclass(frozen=True, kw_only=True, eq=False)
class DynamicQuantize(Plain):
    """Each float32 value becomes the nearest of 255 or 256 steps over the range of all of them.

    A convolution with int8 weights and float32 tensors, which TensorFlow Lite calls hybrid, is a
    float32 convolution of what this makes of its input. ``symmetric``: the steps are -127 .. 127
    times the largest magnitude over 127; otherwise -128 .. 127 less a zero point. ``rows``: into
    how many parts of one size the values are taken, each with a range of its own.
    """

    symmetric: bool
    rows: int = 1

    kind: ClassVar[str] = "dynamic_quantize"
    title: ClassVar[str] = "rounding to 8 bits"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the values in float64: scale times step. Arrays are ``[N, *shape]``."""
        parts = inputs[0].astype(np.float32).reshape(len(inputs[0]) * self.rows, -1)
        return (np.stack([self._one(part) for part in parts]).reshape(inputs[0].shape),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """The rounding of one float32 product."""
        return (np.abs(self.compute(*inputs)[0]) * 2.0**-24,)

    def _one(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """From ``SymmetricQuantizeFloats`` and ``AsymmetricQuantizeFloats``."""
        low, high = min(np.float32(0), values.min()), max(np.float32(0), values.max())
        if low == high:
            return np.zeros(values.shape)
        if self.symmetric:
            most = max(-low, high)
            steps = round_half_away(values * (np.float32(127) / most))
            return steps.clip(-127, 127) * float(most / np.float32(127))
        scale = np.float32((float(high) - float(low)) / _STEPS)
        zero_point = _zero_point(float(low), float(high))
        steps = round_half_away(np.float32(zero_point) + values * (np.float32(1) / scale))
        return (steps.clip(-128, 127) - zero_point) * float(scale)


def _zero_point(low: float, high: float) -> int:
    """Return the step that stands for zero, from the end that gives it more exactly."""
    scale = (high - low) / _STEPS
    from_low, from_high = -128 - low / scale, 127 - high / scale
    nearer = from_low if 128 + abs(low / scale) < 127 + abs(high / scale) else from_high
    return int(round_half_away(np.array(nearer)).clip(-128, 127))
