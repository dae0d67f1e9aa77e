"""From float32 to bytes and back, at the ends of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain
from convgen.model.ops.table import as_bytes
from convgen.model.quantize import round_half_away


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantize(Plain):
    """From float32 to the scale and zero point of the output, element by element."""

    kind: ClassVar[str] = "quantize"
    title: ClassVar[str] = "quantization"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs: ``AffineQuantize`` byte for byte.

        It divides float32 values, rounds halves away from zero, and clamps. Arrays are
        ``[N, *shape]``.
        """
        (values,) = inputs
        with np.errstate(over="ignore"):
            steps = values.astype(np.float32) / np.float32(self.output.scale or 1)
        rounded = round_half_away(steps).clip(-(2.0**31), 2.0**31)
        return (as_bytes(rounded.astype(np.int64), self.output),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Bytes are exact."""
        return (np.zeros(inputs[0].shape),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dequantize(Plain):
    """From the scale and zero point of the input to float32, element by element."""

    kind: ClassVar[str] = "dequantize"
    title: ClassVar[str] = "dequantization"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return ``scale * (value - zero point)`` in float64, which is exact.

        Arrays are ``[N, *shape]``.
        """
        (values,) = inputs
        given = self.inputs[0]
        return ((given.scale or 1) * (values.astype(np.float64) - given.zero_point),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """The rounding of one float32 product."""
        return (np.abs(self.compute(*inputs)[0]) * 2.0**-24,)
