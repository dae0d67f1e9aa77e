"""Tensors: what operators read and write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from convgen.model.arithmetic import Arithmetic, DType, of_dtype

__all__ = ["DType", "Tensor", "numbered"]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor without its batch, which is 1: ``shape`` is ``[height, width, channels]``.

    A value of an int8 tensor stands for ``scale * (value - zero_point)``; its scale, a float32
    value, is None where nobody gave it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    scale: float | None = None
    zero_point: int = 0

    @property
    def elems(self) -> int:
        """How many elements."""
        return prod(self.shape)

    @property
    def row_elems(self) -> int:
        """How many elements of each row: of all that is at one place of the first axis."""
        return prod(self.shape[1:])

    @property
    def arithmetic(self) -> Arithmetic:
        """What its numbers are."""
        return of_dtype(self.dtype)

    @cached_property
    def elem_bytes(self) -> int:
        """Size of an element."""
        return np.dtype(self.dtype).itemsize

    @property
    def elem_bits(self) -> int:
        """The same in bits."""
        return 8 * self.elem_bytes

    @property
    def bytes(self) -> int:
        """Size of all elements."""
        return self.elems * self.elem_bytes


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Return what *count* tensors are called: numbers only where there are several.

    >>> numbered("input", 1), numbered("input", 2)
    (('input',), ('input_0', 'input_1'))
    """
    return (name,) if count == 1 else tuple(f"{name}_{i}" for i in range(count))
