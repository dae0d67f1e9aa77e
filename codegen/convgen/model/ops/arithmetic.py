"""Arithmetic between two tensors: one may be constant, or smaller, as one value a channel is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.model.lookup import scale_of, scaled
from convgen.model.operator import Clamped
from convgen.model.ops.add import LEFT_SHIFTS, Rescale
from convgen.model.quantize import Rounding, quantize_multiplier
from convgen.model.tensor import DType, Tensor

Kind = Literal["add", "sub", "mul", "minimum", "maximum"]
SIGNS = {"add": 1, "sub": -1}


@dataclass(frozen=True, kw_only=True, eq=False)
class Operand:
    """One side: a tensor that is read, or ``values`` known beforehand."""

    tensor: Tensor
    values: NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Elementwise(Clamped):
    """``kind`` of two operands, element by element, clamped.

    Operands are broadcast to the output's shape as NumPy does: axes are aligned from the last on.
    ``rounding`` is that of an integer product; sums are as good as rounded once.
    """

    name: str
    kind: Kind
    operands: tuple[Operand, Operand]
    output: Tensor
    activation: str
    activation_min: float
    activation_max: float
    rounding: Rounding = "double"

    macs: ClassVar[int] = 0
    synthetic: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """What it is, in words."""
        titles = {"add": "addition", "sub": "subtraction", "mul": "multiplication"}
        return titles.get(self.kind, self.kind)

    @property
    def dtype(self) -> DType:
        """The dtype of all tensors."""
        return self.output.dtype

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The operands that are not constant."""
        return tuple(each.tensor for each in self.operands if each.values is None)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The result."""
        return (self.output,)

    @cached_property
    def rescales(self) -> tuple[Rescale, Rescale, Rescale]:
        """How both operands and the result of an integer sum or difference change their scales.

        From ``PrepareGeneralSubOp``; as of an addition of two tensors of one shape.
        """
        first, second = (float(scale_of(each.tensor)) for each in self.operands)
        twice_largest = 2 * max(first, second)
        last = twice_largest / ((1 << LEFT_SHIFTS[self.dtype]) * float(scale_of(self.output)))
        factors = (first / twice_largest, second / twice_largest, last)
        one, two, both = (quantize_multiplier(factor, "double") for factor in factors)
        return (
            Rescale(multiplier=one[0], shift=one[1]),
            Rescale(multiplier=two[0], shift=two[1]),
            Rescale(multiplier=both[0], shift=both[1]),
        )

    @property
    def factor(self) -> float:
        """The scale of an integer product, in float32 as the kernel has it, over the output's."""
        first, second = (scale_of(each.tensor) for each in self.operands)
        return float(first * second / scale_of(self.output))

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the results ``[N, *shape]``; integers: as the reference kernels, byte for byte."""
        one, two = self._broadcast(inputs)
        if self.dtype == "float32":
            exact = _FLOAT32[self.kind](one.astype(np.float64), two.astype(np.float64))
            return (np.clip(exact, self.activation_min, self.activation_max),)
        wide = one.astype(np.int64), two.astype(np.int64)
        found = self._extreme(*wide) if self.kind in _EXTREMES else self._scaled(*wide)
        clamped = found.clip(int(self.activation_min), int(self.activation_max))
        return (clamped.astype(self.dtype),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of a convolution with as many products; extremes are exact."""
        one, two = (np.abs(values.astype(np.float64)) for values in self._broadcast(inputs))
        if self.dtype != "float32" or self.kind in _EXTREMES:
            return (np.zeros(one.shape),)
        magnitude = one * two if self.kind == "mul" else one + two
        return (8 * 2.0**-24 * magnitude + 1e-6,)

    def _broadcast(self, inputs: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both operands in the output's shape."""
        count, left = len(inputs[0]), list(inputs)
        found = []
        for operand in self.operands:
            values = left.pop(0) if operand.values is None else operand.values[None]
            shape = operand.tensor.shape
            ones = (1,) * (len(self.output.shape) - len(shape))
            spread = values.reshape(len(values), *ones, *shape)
            found.append(np.broadcast_to(spread, (count, *self.output.shape)))
        one, two = found
        return one, two

    def _scaled(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
        first, second = (each.tensor.zero_point for each in self.operands)
        if self.kind == "mul":
            products = (one - first) * (two - second)
            return scaled(products, self.factor, self.rounding) + self.output.zero_point
        to_one, to_two, to_output = self.rescales
        left = LEFT_SHIFTS[self.dtype]
        sums = to_one.of((one - first) << left)
        sums += SIGNS[self.kind] * to_two.of((two - second) << left)
        return to_output.of(sums) + self.output.zero_point

    def _extreme(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
        """Integers are compared as they are."""
        found: NDArray[np.int64] = _EXTREMES[self.kind](one, two)
        return found


_EXTREMES: dict[str, np.ufunc] = {"minimum": np.minimum, "maximum": np.maximum}
_FLOAT32: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    **_EXTREMES,
}
