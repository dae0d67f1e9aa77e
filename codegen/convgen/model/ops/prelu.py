"""Rectification with a slope of its own for each channel, or each element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.lookup import scale_of, scaled
from convgen.model.operator import Plain
from convgen.model.ops.table import as_bytes
from convgen.model.tensor import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Prelu(Plain):
    """What is negative times ``slopes``, which are broadcast from the last axis on.

    ``slope``: the scale and zero point of the slopes.
    """

    slopes: NDArray[Any]
    slope: Tensor

    kind: ClassVar[str] = "prelu"
    title: ClassVar[str] = "rectification with slopes"

    @property
    def factors(self) -> tuple[float, float]:
        """By what values above and below zero are scaled, in float32 as ``PreluPrepare`` has it."""
        given, output = scale_of(self.inputs[0]), scale_of(self.output)
        return float(given / output), float(given * scale_of(self.slope) / output)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs; int8: ``reference_ops::Prelu`` byte for byte.

        Arrays are ``[N, *shape]``.
        """
        (values,) = inputs
        if self.dtype == "float32":
            wide = values.astype(np.float64)
            return (np.where(wide < 0, wide * self.slopes.astype(np.float64), wide),)
        above, below = self.factors
        wide_ = values.astype(np.int64) - self.inputs[0].zero_point
        slopes = self.slopes.astype(np.int64) - self.slope.zero_point
        found = np.where(
            wide_ < 0, scaled(wide_.clip(max=0) * slopes, below), scaled(wide_.clip(0), above)
        )
        return (as_bytes(found, self.output),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of a convolution with one product."""
        (outputs,) = self.compute(*inputs)
        if self.dtype == "int8":
            return (np.zeros(outputs.shape),)
        return (4 * 2.0**-24 * np.abs(outputs) + 1e-6,)
