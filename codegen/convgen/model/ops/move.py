"""Operators that move elements and compute nothing: any dtype, the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain


class _Mover:
    """What moving is exact in."""

    output: Any

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Nothing is computed."""
        return (np.zeros((len(inputs[0]), *self.output.shape)),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pad(_Mover, Plain):
    """``before`` and ``after`` elements of ``value`` on each axis."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: float

    kind: ClassVar[str] = "pad"
    title: ClassVar[str] = "padding"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the padded tensors. Arrays are ``[N, *shape]``."""
        widths = ((0, 0), *zip(self.before, self.after, strict=True))
        return (np.pad(inputs[0], widths, constant_values=self.value),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Concatenation(_Mover, Plain):
    """Tensors behind each other along ``axis``, with constants among them.

    ``fixed`` are in the order of all parts the constants, None where an input is; nothing: there
    are only inputs.
    """

    axis: int
    fixed: tuple[NDArray[Any] | None, ...] = ()

    kind: ClassVar[str] = "concatenation"
    title: ClassVar[str] = "concatenation"

    @property
    def joins_channels(self) -> bool:
        """Whether the axis is the last."""
        return self.axis == len(self.output.shape) - 1

    @property
    def is_run(self) -> bool:
        """Whether each input is one run of neighbours in the output."""
        return prod(self.output.shape[: self.axis]) == 1

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the joined tensors. Arrays are ``[N, *shape]``."""
        left = iter(inputs)
        parts = [
            next(left) if part is None else np.broadcast_to(part, (len(inputs[0]), *part.shape))
            for part in self.parts
        ]
        return (np.concatenate(parts, axis=self.axis + 1),)

    @property
    def parts(self) -> tuple[NDArray[Any] | None, ...]:
        """All parts: constants, and None for each input."""
        return self.fixed or (None,) * len(self.inputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice(_Mover, Plain):
    """On each axis every ``strides``-th element from ``begin`` on, as many as the output has.

    A stride may be negative.
    """

    begin: tuple[int, ...]
    strides: tuple[int, ...]

    kind: ClassVar[str] = "slice"
    title: ClassVar[str] = "slice"

    @property
    def run_begin(self) -> int | None:
        """With which element of the input the output begins if it is one run of neighbours."""
        whole, begin, elems = True, 0, 1  # of the axes behind
        axes = zip(self.inputs[0].shape, self.output.shape, self.begin, self.strides, strict=True)
        for given, size, first, stride in reversed(list(axes)):
            if size > 1 and (stride != 1 or not whole):
                return None
            whole = whole and size == given
            begin, elems = begin + first * elems, elems * given
        return begin

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the parts. Arrays are ``[N, *shape]``."""
        found = inputs[0]
        for axis, size in enumerate(self.output.shape):
            places = self.begin[axis] + self.strides[axis] * np.arange(size)
            found = found.take(places, axis=axis + 1)
        return (found,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Transpose(_Mover, Plain):
    """Axis i of the output is axis ``axes[i]`` of the input."""

    axes: tuple[int, ...]

    kind: ClassVar[str] = "transpose"
    title: ClassVar[str] = "transposition"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the transposed tensors. Arrays are ``[N, *shape]``."""
        return (np.transpose(inputs[0], (0, *(axis + 1 for axis in self.axes))),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Copy(_Mover, Plain):
    """The same bytes at another place: a state that is kept for the next call."""

    kind: ClassVar[str] = "copy"
    title: ClassVar[str] = "copy"

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the input. Arrays are ``[N, *shape]``."""
        return inputs
