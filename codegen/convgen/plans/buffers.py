"""Parts of a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from convgen.ctext.literals import ctype


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """A part of the workspace: an array the generated code may overwrite."""

    name: str
    ctype: str
    elem_bytes: int
    shape: tuple[int, ...]

    @property
    def align(self) -> int:
        """Alignment of its elements."""
        return self.elem_bytes

    @property
    def bytes(self) -> int:
        """Its size."""
        return prod(self.shape) * self.elem_bytes

    @property
    def pointer(self) -> str:
        """The C type of a pointer to its elements."""
        return self._spaced("*")

    @property
    def declared(self) -> str:
        """Its element type and name, as C declares them."""
        return self._spaced(self.name)

    def _spaced(self, text: str) -> str:
        return f"{self.ctype}{text}" if self.ctype.endswith("*") else f"{self.ctype} {text}"


def buffer(name: str, dtype: str, *shape: int) -> Buffer:
    """Return a buffer of elements of a numpy *dtype*."""
    return Buffer(name=name, ctype=ctype(dtype), elem_bytes=np.dtype(dtype).itemsize, shape=shape)
