"""The mean along neighbouring axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.operator import Plain
from convgen.model.ops.table import as_bytes
from convgen.model.quantize import Rounding, quantize_multiplier, requantize


@dataclass(frozen=True, kw_only=True, eq=False)
class Mean(Plain):
    """The mean along the middle one of three axes, which may stand for several neighbours.

    The input is seen as ``[outer, count, inner]``, the output as ``[outer, inner]``.
    ``rounding`` is that of bytes.
    """

    rounding: Rounding = "double"

    kind: ClassVar[str] = "mean"
    title: ClassVar[str] = "mean"

    @property
    def count(self) -> int:
        """How many values each output is the mean of."""
        return self.inputs[0].shape[1]

    @property
    def geometry(self) -> Geometry:
        """It as a pooling: a row of pixels for each of the outer axis, in one window."""
        outer, count, inner = self.inputs[0].shape
        return Geometry(
            in_h=outer,
            in_w=count,
            in_c=inner,
            out_h=outer,
            out_w=1,
            out_c=inner,
            k_h=1,
            k_w=count,
            groups=inner,
        )

    @cached_property
    def rescale(self) -> tuple[int, int]:
        """The Q31 multiplier and shift of a sum, less the zero points, of bytes.

        From ``PrepareMeanOrSum`` and ``QuantizedMeanOrSum``: the quotient of the scales, whose
        multiplier is then divided by the count, with as many bits as that leaves. Rounded once: of
        all three.
        """
        given, found = self.inputs[0].scale, self.output.scale
        if given is None or found is None:
            raise AssertionError("a checked mean of bytes has both scales")
        if self.rounding == "single":
            return quantize_multiplier(given / found / self.count, "single")
        multiplier, shift = quantize_multiplier(given / found, "double")
        more = min(self.count.bit_length() - 1, 32, 31 + shift)
        return (multiplier << more) // self.count, shift - more

    def of_sums(self, sums: NDArray[np.int64]) -> NDArray[Any]:
        """Turn *sums* of bytes, zero points taken off, into outputs.

        Both are ``[N, *output shape]``.
        """
        multiplier, shift = np.array([self.rescale], np.int32).T
        return as_bytes(requantize(sums, multiplier, shift, self.rounding), self.output)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs; int8: ``QuantizedMeanOrSum`` byte for byte.

        Arrays are ``[N, *shape]``.
        """
        (values,) = inputs
        if self.dtype == "float32":
            return (values.mean(axis=2, dtype=np.float64),)
        sums = values.sum(axis=2, dtype=np.int64) - self.count * self.inputs[0].zero_point
        return (self.of_sums(sums),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: that of a convolution of K ones, over K, as of an average pooling."""
        (values,) = inputs
        sums = np.abs(values.astype(np.float64)).sum(axis=2)
        return (np.zeros(sums.shape) if self.dtype != "float32" else 4 * 2.0**-24 * sums + 1e-6,)
