"""Addition of two tensors, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Clamped
from convgen.model.quantize import quantize_multiplier, requantize
from convgen.model.tensor import DType, Tensor

LEFT_SHIFTS = {"int8": 20, "int16": 15}
"""Of both inputs, before they are brought to one scale: ``left_shift`` of the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescale:
    """A Q31 multiplier below one: ``multiplier * 2**(shift - 31)``, *shift* at most 0."""

    multiplier: int
    shift: int

    @property
    def right(self) -> int:
        """The shift to the right."""
        return -self.shift

    @property
    def halves(self) -> bool:
        """Whether it is one half: of an even value exact."""
        return (self.multiplier, self.shift) == (1 << 30, 0)

    def of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``MultiplyByQuantizedMultiplierSmallerThanOneExp`` of int32 *values*.

        Works element by element, in any shape.
        """
        multiplier, shift = np.array([[self.multiplier], [self.shift]], np.int32)
        return requantize(values, multiplier, shift, "double")


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Clamped):
    """The sum of two tensors of one shape, clamped.

    ``activation_min`` and ``activation_max`` are in units of the output dtype (-inf and inf where
    a float32 sum is not clamped).
    """

    name: str
    inputs: tuple[Tensor, Tensor]
    output: Tensor
    activation: str
    activation_min: float
    activation_max: float
    synthetic: bool = False

    kind: ClassVar[str] = "add"
    title: ClassVar[str] = "addition"
    macs: ClassVar[int] = 0

    @property
    def dtype(self) -> DType:
        """The dtype of all three tensors."""
        return self.output.dtype

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The sum."""
        return (self.output,)

    @cached_property
    def rescales(self) -> tuple[Rescale, Rescale, Rescale]:
        """How each input and the sum change their scales, of int8 or int16 tensors.

        From ``add.cc``'s ``Prepare``: both inputs go to twice the larger scale, `LEFT_SHIFTS` bits
        up; scales are float32 values, widened to double.
        """
        first, second, output = (t.scale for t in (*self.inputs, self.output))
        if first is None or second is None or output is None:
            raise AssertionError("a checked integer sum has all scales")
        twice_largest = 2 * max(first, second)
        factors = (
            first / twice_largest,
            second / twice_largest,
            twice_largest / ((1 << LEFT_SHIFTS[self.dtype]) * output),
        )
        one, two, both = map(_rescale, factors)
        return one, two, both

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the sums ``[N, *shape]``; integers: ``reference_ops::Add`` byte for byte."""
        if self.dtype == "float32":
            exact = np.sum([values.astype(np.float64) for values in inputs], axis=0)
            return (np.clip(exact, self.activation_min, self.activation_max),)
        *each, both = self.rescales
        scaled = [
            rescale.of((values.astype(np.int64) - tensor.zero_point) << LEFT_SHIFTS[self.dtype])
            for values, tensor, rescale in zip(inputs, self.inputs, each, strict=True)
        ]
        total = both.of(scaled[0] + scaled[1]) + self.output.zero_point
        clamped = total.clip(int(self.activation_min), int(self.activation_max))
        return (clamped.astype(self.dtype),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of a convolution with two products, ``8 * 2**-24 * sum|x| + 1e-6``."""
        magnitude = np.sum([np.abs(values.astype(np.float64)) for values in inputs], axis=0)
        return (magnitude * 0 if self.dtype != "float32" else 8 * 2.0**-24 * magnitude + 1e-6,)


def _rescale(factor: float) -> Rescale:
    multiplier, shift = quantize_multiplier(factor, "double")
    return Rescale(multiplier=multiplier, shift=shift)
