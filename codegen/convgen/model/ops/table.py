"""Functions of one value: any operator of 8 or 16 bits that looks at nothing but one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain
from convgen.model.tensor import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Plain):
    """Each output is what ``values`` has for the input, element by element.

    ``values`` has one of the output's dtype for each value of the input's, in their order. ``kind``
    is what was tabulated. ``factors``: by what values less the zero point were multiplied, and
    rounded twice: those that are not negative, and others; None where something else was done.
    """

    kind: str
    values: NDArray[Any]
    factors: tuple[float, float] | None = None

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"table of {self.kind.replace('_', ' ')}"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs, in the input's shape. Arrays are ``[N, *shape]``."""
        (values,) = inputs
        return (self.values[values.astype(np.int64) - least(self.inputs[0])],)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Bytes are exact."""
        return (np.zeros(inputs[0].shape),)


def least(tensor: Tensor) -> int:
    """Return the least value that a tensor of integers can hold."""
    return int(np.iinfo(tensor.dtype).min)


def most(tensor: Tensor) -> int:
    """Return the largest value that a tensor of integers can hold."""
    return int(np.iinfo(tensor.dtype).max)


def every_byte(tensor: Tensor) -> NDArray[Any]:
    """Return all values that a tensor of bytes can hold, in order, as one vector ``[1, 256]``."""
    return (every_value(tensor) + tensor.zero_point).astype(tensor.dtype)[None]


def every_value(tensor: Tensor) -> NDArray[np.int64]:
    """Return what stands at each place of a table for *tensor*, less its zero point.

    ``[256]`` of bytes, in the order of the values.
    """
    return np.arange(least(tensor), most(tensor) + 1) - tensor.zero_point


def as_bytes(values: NDArray[np.int64], tensor: Tensor) -> NDArray[Any]:
    """Return *values*, zero point added and clamped, in the dtype of *tensor*.

    Works element by element, in any shape.
    """
    limits = np.iinfo(tensor.dtype)
    return (values + tensor.zero_point).clip(limits.min, limits.max).astype(tensor.dtype)
