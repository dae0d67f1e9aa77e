"""Functions of one byte: any int8 or uint8 operator that looks at nothing but one value."""

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

    ``values`` has 256 of the output's dtype, in the order of the input's values. ``kind`` is what
    was tabulated.
    """

    kind: str
    values: NDArray[Any]

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
    """Return the least value that a tensor of bytes can hold."""
    return int(np.iinfo(tensor.dtype).min)


def every_byte(tensor: Tensor) -> NDArray[Any]:
    """Return all values that a tensor of bytes can hold, in order, as one vector ``[1, 256]``."""
    return (np.arange(256) + least(tensor)).astype(tensor.dtype)[None]


def every_value(tensor: Tensor) -> NDArray[np.int64]:
    """Return what stands at each place of a table for *tensor*, less its zero point.

    ``[256]``, in the order of the bytes as they are stored.
    """
    return np.arange(256) + least(tensor) - tensor.zero_point


def as_bytes(values: NDArray[np.int64], tensor: Tensor) -> NDArray[Any]:
    """Return *values*, zero point added and clamped, in the dtype of *tensor*.

    Works element by element, in any shape.
    """
    limits = np.iinfo(tensor.dtype)
    return (values + tensor.zero_point).clip(limits.min, limits.max).astype(tensor.dtype)
