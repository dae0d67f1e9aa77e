"""The sum of two int8 tensors as one line: proved for every pair of inputs.

TensorFlow Lite brings both inputs to one scale, adds, and brings the sum to the output's scale,
rounding at each step. An output is nevertheless ``(first * x + second * y + offset) >> shift``,
clamped, for slopes that are found here: right for all of the 65,536 pairs there are of two bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import Arithmetic, of_dtype
from convgen.model.operator import Computation
from convgen.model.ops.add import LEFT_SHIFTS, Add, Rescale
from convgen.model.tensor import Tensor
from convgen.plans.assembly import Assembly
from convgen.plans.constant import Constant
from convgen.plans.kernels import instruction_set
from convgen.plans.output import Output, Ranged
from convgen.targets.target import Target

INPUTS = np.arange(-128, 128, dtype=np.int64)
MOST_SHIFT = 44
LEAST_SHIFT = 8
MOST_ROUNDS = 24  # of nine lines each: nearly always the first has one
FIRST_STEP = 2.0**-14  # of the larger slope: how far the search looks first
_NONE = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class SumLine(Ranged):
    """The slopes, what is added, and the shift to the right; sums take so many ``bits``.

    Outputs are clamped to ``low`` and ``high``.
    """

    first: int
    second: int
    offset: int
    shift: int
    bits: int
    low: int
    high: int

    form: ClassVar[str] = "line"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        return f"one line in {self.bits} bits, equal for all 65,536 pairs of inputs"

    @property
    def is_wide(self) -> bool:
        """Whether they need 64."""
        return self.bits == 64


TENSORS = ("INPUT_0", "INPUT_1", "OUTPUT")
"""What macros call the tensors of a sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaledSum(Ranged):
    """Both inputs brought to one scale, and their sum to the output's: three steps, each rounded.

    The reference's own arithmetic: ``AddElementwise`` of TensorFlow Lite's integer kernels.
    """

    arithmetic: Arithmetic
    steps: tuple[tuple[str, Tensor, Rescale], ...]
    low: int
    high: int
    left_shift: int

    form: ClassVar[str] = "rescale"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()
    description: ClassVar[str] = "in three steps, each rounded, as TensorFlow Lite does it"


def rescaled(add: Add) -> RescaledSum:
    """Return how TensorFlow Lite itself adds two tensors of integers."""
    tensors = (*add.inputs, add.output)
    return RescaledSum(
        arithmetic=of_dtype(add.dtype),
        steps=tuple(zip(TENSORS, tensors, add.rescales, strict=True)),
        low=int(add.activation_min),
        high=int(add.activation_max),
        left_shift=LEFT_SHIFTS[add.dtype],
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Corners:
    """Pairs of inputs, and the output that each must give."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    right: NDArray[np.int64]

    def left_over(self, first: int, second: int, shift: int) -> NDArray[np.int64]:
        """Return what the offset must reach for each to give its output or more."""
        return (self.right << shift) - first * self.first - second * self.second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outputs:
    """What decides whether a line gives every output.

    Outputs grow with both inputs, as the line does: of the pairs with one output only the
    ``lowest`` may give less, those of which no input can be less, and only the ``highest`` more.
    At an end of the clamp, ``low`` or ``high``, anything beyond will do.
    """

    lowest: _Corners
    highest: _Corners
    low: int
    high: int

    def offsets(self, first: int, second: int, shift: int) -> tuple[int, int]:
        """Return the least offset that will do with these slopes, and the first too large."""
        least = self.lowest.left_over(first, second, shift).max(initial=-_NONE)
        most = self.highest.left_over(first, second, shift).min(initial=_NONE) + (1 << shift)
        return int(least), int(most)


class Sum(Computation, Protocol):
    """A sum of two int8 tensors that grows with both, clamped."""

    @property
    def output(self) -> Tensor:
        """The sum."""
        ...

    @property
    def activation_min(self) -> float:
        """The least output."""
        ...

    @property
    def activation_max(self) -> float:
        """The largest output."""
        ...


def most_bits(target: Target) -> int:
    """Return in how many bits a line costs less than the three steps: by measurement."""
    return 32 if instruction_set(target).rounding else 64


def find_sum_line(add: Sum, most: int = 64) -> SumLine | None:
    """Return a line that gives every output of an int8 *add*: in 32 bits, else in *most*; or None.

    "Every": those of the reference for all 256 x 256 pairs of inputs.
    """
    outputs = _all_outputs(add)
    widths = (bits for bits in (32, 64) if bits <= most)
    return next((line for bits in widths if (line := _search(add, outputs, bits))), None)


def _search(add: Sum, outputs: _Outputs, bits: int) -> SumLine | None:
    """Look for slopes near the ideal ones, in ever smaller steps."""
    slopes = [float(t.scale or 0) / float(add.output.scale or 1) for t in add.inputs]
    shift = _shift(sum(slopes), bits)
    if shift is None:
        return None
    first, second = (round(slope * 2**shift) for slope in slopes)
    step = max(1, int(max(first, second) * FIRST_STEP))
    best = -_NONE
    for _ in range(MOST_ROUNDS):
        width, one, two = max(
            (_width(outputs.offsets(one, two, shift)), one, two)
            for one, two in _around(first, second, step)
        )
        if width > best:
            best, first, second = width, one, two
        else:
            step = max(1, step // 4)
        if best > 0 and (line := _line(outputs, first, second, shift, bits)):
            return line
    return None


def _width(offsets: tuple[int, int]) -> int:
    least, most = offsets
    return most - least


def _line(outputs: _Outputs, first: int, second: int, shift: int, bits: int) -> SumLine | None:
    """Return the line with the middle of the offsets that will do, if its sums fit."""
    room = 2 ** (bits - 1) - 1 - 128 * (abs(first) + abs(second))
    least, most = outputs.offsets(first, second, shift)
    least, most = max(least, -room), min(most - 1, room)
    if least > most:
        return None
    return SumLine(
        first=first,
        second=second,
        offset=(least + most) // 2,
        shift=shift,
        bits=bits,
        low=outputs.low,
        high=outputs.high,
    )


def _shift(slopes: float, bits: int) -> int | None:
    """Return the most bits that *slopes* may have behind the point; None if too few are left.

    An output needs room too: beyond the clamp none is told from another.
    """
    for shift in range(min(MOST_SHIFT, bits - 2), LEAST_SHIFT - 1, -1):
        if (128 * slopes + 300) * 2**shift < 2 ** (bits - 1):
            return shift
    return None


def _all_outputs(add: Sum) -> _Outputs:
    one, two = np.meshgrid(INPUTS.astype(np.int8), INPUTS.astype(np.int8), indexing="ij")
    (outputs,) = add.compute(one[None], two[None])
    right = outputs[0].astype(np.int64)
    low, high = int(add.activation_min), int(add.activation_max)
    falls = _rises(-right[::-1, ::-1])[::-1, ::-1]
    return _Outputs(
        lowest=_corners(right, _rises(right) & (right > low)),
        highest=_corners(right, falls & (right < high)),
        low=low,
        high=high,
    )


def _rises(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where neither the row nor the column before has as much."""
    rises = np.ones(values.shape, np.bool_)
    rises[1:] &= values[1:] > values[:-1]
    rises[:, 1:] &= values[:, 1:] > values[:, :-1]
    return rises


def _corners(right: NDArray[np.int64], where: NDArray[np.bool_]) -> _Corners:
    first, second = np.nonzero(where)
    return _Corners(first=INPUTS[first], second=INPUTS[second], right=right[where])


def _around(first: int, second: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield nine pairs of slopes, none below zero."""
    for one in (-step, 0, step):
        for two in (-step, 0, step):
            yield max(0, first + one), max(0, second + two)


def instructions_for(output: Output, target: Target) -> Assembly | None:
    """Return what the instructions need that make an output in eight bits of a sum."""
    if isinstance(output, SumLine):
        return None if output.is_wide else instruction_set(target).saturating
    return instruction_set(target).rounding if isinstance(output, RescaledSum) else None
