"""Logistic function and hyperbolic tangent of int16, interpolated as TensorFlow Lite does it.

From ``reference_integer_ops::Logistic`` and ``Tanh`` for int16, and ``Prepare`` of activations.cc.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.table import every_value
from convgen.model.tensor import Tensor

PLACES = 24  # of the table to one: its 256 go a little beyond 10.6


def _sigmoid(at: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2.0**16 / (1 + np.exp(-at / PLACES))


def _table() -> NDArray[np.uint16]:
    """Return ``sigmoid_table_uint16``, in Q0.16.

    By half of what a line from place to place is off in its middle, entries are off the function.
    """
    at = np.arange(256.0)
    off = _sigmoid(at + 0.5) - (_sigmoid(at) + _sigmoid(at + 1)) / 2
    found = np.rint(_sigmoid(at) + off / 2)
    found[-1] = 2**16 - 1
    return found.astype(np.uint16)


SIGMOID = _table()
KINDS = ("logistic", "tanh")
MOST_SHIFT = 30
_POWER_OF_TWO = 3  # in place of a multiplier: 4096 steps to one are three times as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How an input becomes a place in the table: ``(x * multiplier + half) >> shift``.

    ``bits`` of it are between two places.
    """

    multiplier: int
    shift: int
    bits: int

    @property
    def half(self) -> int:
        """What rounds."""
        return 1 << (self.shift - 1) if self.shift else 0


def places(kind: str, given: Tensor) -> Places:
    """Return those of ``logistic`` or ``tanh``, whose table is half as far apart."""
    scale = float(np.float32(given.scale or 1))
    left = 12 + round(math.log2(scale))
    is_power = math.frexp(scale)[0] == 0.5 and left in ((0,) if kind == "logistic" else (0, 1))
    bits = 9 if kind == "logistic" else 8
    if is_power:
        return Places(multiplier=_POWER_OF_TWO << left, shift=0, bits=bits)
    factor, shift = scale * 4096 * 3, 0
    while factor <= (2**15 - 1) / 2 and shift <= MOST_SHIFT:
        factor, shift = factor * 2, shift + 1
    return Places(multiplier=int(factor), shift=shift, bits=bits)


def interpolated(kind: str, given: Tensor, output: Tensor) -> NDArray[np.int16]:
    """Return ``logistic`` or ``tanh`` of every int16, ``[65536]``, whose scale is 2**-15.

    OverflowError where TensorFlow Lite refuses, or leaves int32.
    """
    if output.scale != 2.0**-15:
        raise OverflowError("an output whose scale is not 2**-15")
    at = places(kind, given)
    if at.multiplier >= 2**16 or at.shift > MOST_SHIFT:
        raise OverflowError(f"a scale of {given.scale:g}")
    values = (every_value(given) * at.multiplier + at.half) >> at.shift
    distance = np.abs(values)
    place, rest = distance >> at.bits, distance & ((1 << at.bits) - 1)
    table = SIGMOID.astype(np.int64)
    first, second = table[np.minimum(place, 254)], table[np.minimum(place + 1, 255)]
    between = (first << at.bits) + rest * (second - first)
    if kind == "logistic":
        found = np.where(place >= 255, (2**15 - 1) << 10, between)
        found = np.where(values >= 0, found + (1 << 9), (1 << 25) - found + (1 << 9) - 1) >> 10
    else:
        found = np.where(place >= 255, (2**16 - 1) << 8, between)
        found = np.where(
            values >= 0, found - (1 << 23) + (1 << 7), (1 << 23) - found + (1 << 7) - 1
        )
        found >>= 8
    return found.astype(np.int16)
