"""Softmax of int16 over the last axis: two tables of 513 values, with lines between them.

From ``reference_ops::SoftmaxInt16``, and ``LUTPopulate`` for its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain
from convgen.model.quantize import quantize_multiplier, requantize, round_half_away

STEPS = 512
INT16 = np.iinfo(np.int16)
FARTHEST = 10  # differences to the largest value end there: exp(-10) is next to nothing
SCALE = 2.0**-15  # of outputs

Real = NDArray[Any]


def _table(scale: float, zero_point: int, function: Callable[[Real], Real]) -> NDArray[np.int16]:
    """Return what *function* gives in Q0.15 at each 128th int16 of that scale and zero point.

    By half of what a line from place to place is off in its middle, entries are off the function.
    """
    least, most = (scale * (end - zero_point) for end in (int(INT16.min), int(INT16.max)))
    step = (most - least) / STEPS
    at = least + np.arange(STEPS + 1) * step
    ends = function(at) * 2**15
    middles = round_half_away(function(at[:-1] + step / 2) * 2**15)
    lines = round_half_away((ends[1:] + round_half_away(ends[:-1])) / 2)
    off = np.append(round_half_away((lines - middles) / 2), 0)
    found: NDArray[np.int16] = (
        (round_half_away(ends) - off).clip(INT16.min, INT16.max).astype("int16")
    )
    return found


POWERS = _table(FARTHEST / (2**16 - 1), int(INT16.max), np.exp)
RECIPROCALS = _table(1 / (2**16 - 1), int(INT16.min), lambda x: 1 / (1 + x))
"""``exp(x)`` from -10 to 0, and ``1 / (1 + x)`` from 0 to 1, ``[513]`` each, in Q0.15."""


def _between(table: NDArray[np.int16], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``LUTLookup`` of int16 *values*."""
    wide = table.astype(np.int64)
    place, rest = 256 + (values >> 7), values & 127
    found: NDArray[np.int64] = wide[place] + (((wide[place + 1] - wide[place]) * rest + 64) >> 7)
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class WideSoftmax(Plain):
    """``exp(beta * x)`` of int16 over the sum of them along the last axis; outputs are Q0.15."""

    beta: float = 1.0

    kind: ClassVar[str] = "softmax"
    title: ClassVar[str] = "softmax"

    @cached_property
    def rescale(self) -> tuple[int, int]:
        """By what differences become places: Q31 multiplier and shift, positive to the left."""
        scale = float(np.float32(self.inputs[0].scale or 1))
        return quantize_multiplier(scale * self.beta / (FARTHEST / (2**16 - 1)), "double")

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs, bit for bit. Arrays are ``[N, *shape]``."""
        values = inputs[0].astype(np.int64)
        below = values - values.max(axis=-1, keepdims=True)
        multiplier, shift = (np.array([each], np.int32) for each in self.rescale)
        at = requantize(below, multiplier, shift, "double") + INT16.max
        powers = _between(POWERS, at.clip(INT16.min, INT16.max))
        sums = powers.sum(axis=-1, keepdims=True)
        headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
        shifted = ((sums << (headroom - 1)) + (1 << 13)) >> 14
        scale = _between(RECIPROCALS, (shifted - 3 * 2**15).clip(INT16.min, INT16.max))
        right = 31 - headroom
        found = (powers * scale + (1 << (right - 1))) >> right
        return (found.clip(0, INT16.max).astype(np.int16),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Integers are exact."""
        return (np.zeros(inputs[0].shape),)
